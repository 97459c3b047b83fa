/** What was said about objects: excluded or flagged. */

const MANY = 10_000; // rows, beyond which one bit for each row of the table is shorter

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
    const which = rows.length > MANY ? { bits: bitsOf(rows, this.flagged.length) } : { rows };
    this.#take(await this.api.post("marks", { kind, ...which, why: remove ? "" : why }));
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

/** Rows as base64 of one bit each. @param {number[]} rows @param {number} count Of the table. */
function bitsOf(rows, count) {
  const bytes = new Uint8Array(Math.ceil(count / 8));
  for (const row of rows) bytes[row >> 3] |= 1 << (row & 7);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
