/** Which objects are shown, and in which order: the condition that they meet, and the column that they are sorted by. */

import { quoted } from "./plots_panel.js";

const PAUSE = 250; // ms after the last key before a condition is tried

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement} */ (document.getElementById(id));

export class Choice {
  /**
   * @param {import("../api.js").Api} api
   * @param {import("./columns.js").Columns} columns
   * @param {{changed: () => void, leave: () => void, say: (error: Error) => void}} actions `leave` is for who is done with the condition.
   */
  constructor(api, columns, actions) {
    this.api = api;
    this.actions = actions;
    /** @type {Int32Array} Rows of the table, as they are shown. */
    this.order = new Int32Array(0);
    this.shown = new Uint8Array(columns.rows);
    this.sorted = { name: "", descending: false };
    this.where = ""; // the condition that the rows meet
    this.round = 0;
    let timer = 0;
    find("condition").oninput = () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.fetch(), PAUSE);
    };
    find("condition").onkeydown = (event) => { if (event.key === "Enter" || event.key === "Escape") actions.leave(); };
    find("condition-names").replaceChildren(...columns.list.map(({ name }) => new Option(quoted(name))));
  }

  /** Show what a condition on a column could be. @param {string} name */
  suggest(name) {
    find("condition").placeholder = `${quoted(name)} ${name === "confidence" ? "< 0.8" : "> 100"}`;
  }

  /** Find out which rows are shown, and in which order. */
  async fetch() {
    const where = find("condition").value.trim();
    const round = ++this.round;
    try {
      const { name, descending } = this.sorted;
      const { wrong } = await this.api.get("tables/objects/condition", { where });
      if (round !== this.round) return;
      this.#wrong(wrong);
      if (wrong) return;
      const bytes = await this.api.bytes("tables/objects/rows", { where, sort: name, descending: descending ? 1 : 0 });
      if (round !== this.round) return;
      this.order = new Int32Array(/** @type {ArrayBuffer} */ (bytes));
      this.where = where;
    } catch (error) {
      this.actions.say(/** @type {Error} */ (error));
      return;
    }
    this.shown.fill(0);
    for (let i = 0; i < this.order.length; i++) this.shown[this.order[i]] = 1;
    this.actions.changed();
  }

  /** Sort by a column: upward, then downward, then not. @param {string} name */
  sort(name) {
    const { sorted } = this;
    this.sorted = sorted.name !== name ? { name, descending: false } : sorted.descending ? { name: "", descending: false } : { name, descending: true };
    this.fetch();
  }

  /** Show only what meets another condition, too. @param {string} condition */
  narrow(condition) {
    const field = find("condition");
    const before = field.value.trim();
    field.value = !before ? condition : / or /i.test(before) ? `(${before}) and ${condition}` : `${before} and ${condition}`;
    this.fetch();
  }

  /** Whether it depends on what is excluded or flagged. */
  get followsMarks() {
    return /\b(excluded|flagged)\b/.test(`${find("condition").value} ${this.sorted.name}`);
  }

  /** @param {string} message */
  #wrong(message) {
    find("wrong").textContent = message;
    find("wrong").hidden = !message;
    find("condition").classList.toggle("bad", Boolean(message));
    find("condition").setAttribute("aria-invalid", String(Boolean(message)));
  }
}
