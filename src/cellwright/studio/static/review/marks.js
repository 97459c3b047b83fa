/** What was said about objects: excluded or flagged. */

export class Marks {
  /** @param {import("../api.js").Api} api @param {number} count Number of objects. */
  constructor(api, count) {
    this.api = api;
    this.excluded = new Uint8Array(count);
    this.flagged = new Uint8Array(count);
    this.canUndo = this.canRedo = false;
    this.solved = 0; // how often links were solved again
    this.pins = 0;
    /** @type {(() => void)[]} */
    this.changed = [];
  }

  async open() {
    this.#take(await this.api.get("marks"));
  }

  /** Mark objects; where all are marked already, take the mark away. @param {"exclude" | "flag"} what @param {number[]} rows @param {string} why */
  async toggle(what, rows, why) {
    const flags = what === "flag" ? this.flagged : this.excluded;
    const remove = rows.every((row) => flags[row]);
    const kind = remove ? { flag: "unflag", exclude: "include" }[what] : what;
    this.#take(await this.api.post("marks", { kind, rows, why: remove ? "" : why }));
  }

  /** Correct a link between cells. @param {"cut" | "join" | "divide"} kind @param {number[]} rows @param {string} why */
  async pin(kind, rows, why) {
    this.#take(await this.api.post("pins", { kind, rows, why }));
  }

  /** @param {"undo" | "redo"} what */
  async step(what) {
    this.#take(await this.api.post(what));
  }

  /** @param {{excluded: number[], flagged: number[], can_undo: boolean, can_redo: boolean, solved: number, pins: number}} answer */
  #take(answer) {
    for (const what of /** @type {const} */ (["excluded", "flagged"])) {
      this[what].fill(0);
      for (const row of answer[what]) this[what][row] = 1;
    }
    this.canUndo = answer.can_undo;
    this.canRedo = answer.can_redo;
    this.solved = answer.solved;
    this.pins = answer.pins;
    for (const tell of this.changed) tell();
  }
}
