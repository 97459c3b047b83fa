/** Which objects are selected, and which one of them was looked at last. */

export class Selection {
  /** @param {number} count Number of objects. */
  constructor(count) {
    this.flags = new Uint8Array(count);
    this.count = 0;
    this.current = -1;
    /** @type {(() => void)[]} */
    this.changed = [];
  }

  /** @param {number} row */
  only(row) {
    this.flags.fill(0);
    this.count = 0;
    this.#set(row, 1);
    this.current = row;
    this.#tell();
  }

  /** @param {number} row */
  toggle(row) {
    this.#set(row, this.flags[row] ? 0 : 1);
    this.current = this.flags[row] ? row : -1;
    this.#tell();
  }

  /** @param {Iterable<number>} rows @param {{add?: boolean, current?: number}} [how] */
  set(rows, { add = false, current = -1 } = {}) {
    if (!add) {
      this.flags.fill(0);
      this.count = 0;
    }
    for (const row of rows) this.#set(row, 1);
    this.current = current >= 0 ? current : this.flags[this.current] ? this.current : -1;
    this.#tell();
  }

  clear() {
    this.set([]);
  }

  /** All that are selected, in the order of the table. @param {ArrayLike<number>} [order] @returns {number[]} */
  rows(order) {
    const found = [];
    if (order) {
      for (let i = 0; i < order.length; i++) if (this.flags[order[i]]) found.push(order[i]);
    } else {
      for (let row = 0; row < this.flags.length; row++) if (this.flags[row]) found.push(row);
    }
    return found;
  }

  /** Whether something holds for all that are selected. @param {Uint8Array} flags By row. */
  all(flags) {
    if (!this.count) return false;
    for (let row = 0; row < this.flags.length; row++) if (this.flags[row] && !flags[row]) return false;
    return true;
  }

  /** @param {number} row @param {0 | 1} value */
  #set(row, value) {
    this.count += value - this.flags[row];
    this.flags[row] = value;
  }

  #tell() {
    for (const tell of this.changed) tell();
  }
}
