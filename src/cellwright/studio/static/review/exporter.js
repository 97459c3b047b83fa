/** The dialog that writes what is shown to a new folder. */

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement & HTMLButtonElement} */ (document.getElementById(id));

export class Exporter {
  /**
   * @param {import("../api.js").Api} api
   * @param {{folder: string, shown: () => {count: number, excluded: number, where: string, sort: string, descending: boolean}}} about
   */
  constructor(api, about) {
    this.api = api;
    this.about = about;
    this.dialog = /** @type {HTMLDialogElement} */ (document.getElementById("export-dialog"));
    find("export-name").value = `${about.folder}-reviewed`;
    find("export-go").onclick = () => this.#export();
    find("export-close").onclick = () => this.dialog.close();
    find("export-name").onkeydown = (event) => { if (event.key === "Enter") this.#export(); };
  }

  open() {
    const { count, excluded } = this.about.shown();
    find("export-what").textContent = `${count.toLocaleString("en")} objects, ${excluded ? excluded.toLocaleString("en") : "none"} of them excluded.`;
    find("export-wrong").hidden = find("export-done").hidden = true;
    find("export-go").disabled = false;
    this.dialog.showModal();
    find("export-name").select();
  }

  async #export() {
    const { where, sort, descending } = this.about.shown();
    find("export-go").disabled = true;
    find("export-wrong").hidden = true;
    try {
      const done = await this.api.post("export", { name: find("export-name").value, where, sort, descending });
      find("export-done").textContent = `Written to ${done.folder}`;
      find("export-done").hidden = false;
    } catch (error) {
      find("export-wrong").textContent = /** @type {Error} */ (error).message;
      find("export-wrong").hidden = false;
      find("export-go").disabled = false;
    }
  }
}
