/** What is selected, in words: how many, what is known of one, and what was said about it. */

import { written } from "./columns.js";

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLButtonElement} */ (document.getElementById(id));
const about = /** @type {HTMLDetailsElement} */ (document.getElementById("about"));
const past = /** @type {HTMLDetailsElement} */ (document.getElementById("past"));
const LONGEST = 200; // lines of history

export class Summary {
  /**
   * @param {import("../api.js").Api} api
   * @param {import("./selection.js").Selection} selection
   * @param {import("./marks.js").Marks} marks
   * @param {(row: number) => string} named
   */
  constructor(api, selection, marks, named) {
    this.api = api;
    this.selection = selection;
    this.marks = marks;
    this.named = named;
    about.ontoggle = () => this.#facts();
    past.ontoggle = () => this.#history();
  }

  /** After another selection. */
  selected() {
    const { count, current } = this.selection;
    const one = count === 1 ? (current >= 0 ? current : this.selection.rows()[0]) : -1;
    find("selected-count").textContent = count === 1 ? this.named(one) : count ? `${count.toLocaleString("en")} objects` : "Nothing: click an object or a row, or draw round points.";
    for (const id of ["exclude", "flag"]) find(id).disabled = !count;
    about.hidden = count !== 1;
    this.#buttons();
    this.#facts();
  }

  /** After objects were excluded or flagged. */
  marked() {
    this.#buttons();
    this.#facts();
    this.#history();
  }

  #buttons() {
    find("exclude").textContent = this.selection.all(this.marks.excluded) ? "Include again" : "Exclude";
    find("flag").textContent = this.selection.all(this.marks.flagged) ? "Remove flag" : "Flag";
  }

  async #facts() {
    if (!about.open || this.selection.count !== 1) return;
    const { values } = await this.api.get(`objects/${this.selection.rows()[0]}`);
    find("facts").replaceChildren(...Object.entries(values).flatMap(([name, value]) => {
      if (value === "" || value === false || name === "image") return [];
      const [term, fact] = ["dt", "dd"].map((tag) => document.createElement(tag));
      term.textContent = name.replaceAll("_", " ");
      fact.textContent = said(value);
      return [term, fact];
    }));
  }

  async #history() {
    if (!past.open) return;
    /** @type {{made: string, who: string, kind: string, why: string, objects: number}[]} */
    const marks = await this.api.get("history");
    find("history").replaceChildren(...marks.reverse().slice(0, LONGEST).map(({ made, who, kind, why, objects }) => {
      const line = document.createElement("li");
      const time = new Date(made).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
      line.textContent = [`${time}  ${kind}${objects ? ` ${objects}` : ""}`, why, `by ${who}`].filter(Boolean).join(" · ");
      return line;
    }));
  }
}

/** @param {unknown} value */
function said(value) {
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : written(value);
  return value === null ? "–" : value === true ? "yes" : String(value);
}
