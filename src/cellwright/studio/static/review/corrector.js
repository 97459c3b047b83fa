/** Correcting tracks: links between selected cells are cut or joined, and those around solved again. */

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLButtonElement} */ (document.getElementById(id));

/** @typedef {"cut" | "join" | "divide"} Kind */

export class Corrector {
  /** @param {import("./main.js").Review} review @param {(source: number, target: number) => boolean} linked */
  constructor(review, linked) {
    this.review = review;
    this.linked = linked;
    /** @type {Record<Kind, number[]>} The cells that each button is about. */
    this.rows = { cut: [], join: [], divide: [] };
    find("correct").hidden = false;
    for (const kind of /** @type {Kind[]} */ (["cut", "join", "divide"])) find(kind).onclick = () => this.correct(kind);
    find("save-pins").onclick = () => this.#save();
  }

  /** @param {Kind} kind */
  correct(kind) {
    const rows = this.rows[kind];
    if (rows.length) this.review.saving(() => this.review.marks.pin(kind, rows, find("why").value.trim()));
  }

  /** After another selection, or another solution: what can be done with what is selected. */
  async update() {
    const { selection, columns, marks } = this.review;
    const frame = await columns.load("frame");
    const chosen = selection.count <= 3 ? selection.rows() : [];
    const rows = chosen.sort((a, b) => frame[a] - frame[b] || a - b);
    const [first, ...later] = rows;
    const forward = later.length > 0 && later.every((row) => frame[row] > frame[first]);
    const linked = later.filter((row) => this.linked(first, row));
    this.rows = {
      cut: forward && later.length === 1 && linked.length ? rows : [],
      join: forward && later.length === 1 && !linked.length ? rows : [],
      divide: forward && later.length === 2 && linked.length < 2 ? rows : [],
    };
    for (const kind of /** @type {Kind[]} */ (["cut", "join", "divide"])) find(kind).disabled = !this.rows[kind].length;
    find("save-pins").hidden = !marks.pins;
    find("save-pins").textContent = `Save ${marks.pins === 1 ? "the correction" : `${marks.pins} corrections`} as CSV`;
  }

  async #save() {
    const bytes = await this.review.viewer.api.bytes("pins");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([/** @type {ArrayBuffer} */ (bytes)], { type: "text/csv" }));
    link.download = "pins.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  }
}
