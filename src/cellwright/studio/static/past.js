/** What was done to the image: a list that one can go back in. */

const SHOWN = 200;

export class Past {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{dot: (who: string) => Node, restore: (edit: number) => void}} actions
   */
  constructor(viewer, actions) {
    this.viewer = viewer;
    this.actions = actions;
    this.panel = /** @type {HTMLDetailsElement} */ (document.getElementById("past"));
    this.panel.ontoggle = () => this.update();
  }

  /** Show what was done by now, where the list is open. */
  async update() {
    if (!this.panel.open || !this.viewer.image) return;
    const { api, number } = this.viewer;
    /** @type {{id: number, made: string, who: string, kind: string, target: number | null}[]} */
    const edits = await api.get(`images/${number}/history`);
    if (number !== this.viewer.number) return;
    const from = edits.findLastIndex((edit) => edit.kind === "loaded") + 1;
    const list = /** @type {HTMLElement} */ (document.getElementById("history"));
    list.replaceChildren(...edits.slice(from).reverse().slice(0, SHOWN).map((edit, i) => this.#line(edit, i === 0)));
  }

  /** @param {{id: number, made: string, who: string, kind: string}} edit @param {boolean} last */
  #line({ id, made, who, kind }, last) {
    const line = document.createElement("li");
    const time = new Date(made).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    const button = document.createElement("button");
    button.append(this.actions.dot(who), `${time}  ${kind}`);
    button.title = `By ${who}: go back to after this edit`;
    button.disabled = last;
    button.onclick = () => this.actions.restore(id);
    line.append(button);
    return line;
  }
}
