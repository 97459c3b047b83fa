/** The two plots beside the image: which measurements they show, and what is chosen in them. */

import { extent, Histogram, Scatter } from "./plots.js";

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement & HTMLSelectElement & HTMLCanvasElement} */ (document.getElementById(id));

/** What is interesting at first, as far as it is known. */
const FIRST = ["confidence", "area", "volume", "speed", "intensity_mean", "eccentricity", "solidity", "width", "height", "y", "x"];

/** Numbers that name something: the last that are worth a plot. */
const NAMES = ["label", "track", "parent", "frame", "plane"];

export class Plots {
  /**
   * @param {import("./columns.js").Columns} columns
   * @param {import("./selection.js").Selection} selection
   * @param {(condition: string) => void} narrow Show only what meets a further condition.
   */
  constructor(columns, selection, narrow) {
    this.columns = columns;
    this.selection = selection;
    /** @type {Int32Array} */
    this.order = new Int32Array(0);
    this.round = 0;
    /** @type {(error: Error) => void} */
    this.onerror = () => {};
    this.histogram = new Histogram(find("histogram"), selection.flags, (range, add) => this.#brush(range, add));
    this.scatter = new Scatter(find("scatter"), selection.flags, (rows, add) => this.selection.set(rows, { add, current: rows.length === 1 ? rows[0] : -1 }));
    const names = columns.measurements();
    const measured = names.filter((name) => !NAMES.includes(name));
    const liked = [...new Set([...FIRST.filter((name) => names.includes(name)), ...measured, ...names])];
    this.first = liked[0] ?? "label";
    const [across, up] = liked.filter((name) => name !== "confidence");
    const [histogram, x, y] = [find("histogram-of"), find("scatter-x"), find("scatter-y")];
    for (const [select, chosen] of /** @type {[HTMLSelectElement, string][]} */ ([[histogram, liked[0]], [x, across], [y, up ?? across]])) {
      select.replaceChildren(...names.map((name) => new Option(name.replaceAll("_", " "), name, false, name === chosen)));
      select.onchange = () => this.show(this.order);
    }
    for (const id of ["histogram-all", "scatter-all"]) find(id).onchange = () => this.show(this.order);
    for (const id of ["from", "to"]) find(id).onchange = () => this.#typed();
    find("only").onclick = () => {
      const range = this.histogram.brushed;
      const name = quoted(find("histogram-of").value);
      if (range) narrow(`${name} >= ${exact(range[0])} and ${name} <= ${exact(range[1])}`);
    };
    this.#range();
  }

  /** @param {Int32Array} order Rows that are shown. */
  async show(order) {
    this.order = order;
    const round = ++this.round;
    const names = ["histogram-of", "scatter-x", "scatter-y"].map((id) => find(id).value);
    if (!names[0]) return;
    try {
      const [values, x, y] = await Promise.all(names.map((name) => this.columns.load(name)));
      if (round !== this.round) return;
      this.histogram.brushed = null;
      this.#range();
      this.histogram.show(values, order, find("histogram-all").checked);
      this.scatter.show(x, y, order, find("scatter-all").checked);
      tellOutside("histogram", this.histogram.outside);
      tellOutside("scatter", this.scatter.outside);
    } catch (error) {
      this.onerror(/** @type {Error} */ (error));
    }
  }

  redraw() {
    this.histogram.redraw();
    this.scatter.redraw();
  }

  /** @param {[number, number] | null} range @param {boolean} add */
  #brush(range, add) {
    const { values } = this.histogram;
    this.#range();
    if (!range || !values) return this.selection.clear();
    const [low, high] = range;
    this.selection.set(this.order.filter((row) => values[row] >= low && values[row] <= high), { add });
  }

  /** Take the range from the two fields. */
  #typed() {
    const [low, high] = [find("from"), find("to")].map((field) => field.valueAsNumber);
    if (Number.isNaN(low) && Number.isNaN(high)) return;
    const { values, order } = this.histogram;
    const [least, most] = (values && extent(values, order)) ?? [0, 1];
    this.histogram.brushed = [Number.isNaN(low) ? least : low, Number.isNaN(high) ? most : high];
    this.#brush(this.histogram.brushed, false);
    this.histogram.redraw();
  }

  #range() {
    const range = this.histogram.brushed;
    find("only").disabled = !range;
    find("from").value = range ? String(exact(range[0])) : "";
    find("to").value = range ? String(exact(range[1])) : "";
  }
}

/** Say how many lie beyond the axes of a plot, where all can be shown instead. @param {"histogram" | "scatter"} plot @param {number} outside */
function tellOutside(plot, outside) {
  find(`${plot}-outside`).textContent = outside === 1 ? "1 lies far off" : outside ? `${outside.toLocaleString("en")} lie far off` : "";
  find(`${plot}-all-line`).hidden = !outside && !find(`${plot}-all`).checked;
}

/** @param {number} value */
function exact(value) {
  return Number(value.toPrecision(5));
}

/** A name as conditions have it. @param {string} name */
export function quoted(name) {
  return /^[A-Za-z_][\w.\-µ]*$/.test(name) && !/^(and|or|not)$/i.test(name) ? name : `\`${name}\``;
}
