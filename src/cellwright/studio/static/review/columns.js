/** The columns of a table of the server, fetched when they are first looked at. */

/**
 * @typedef {{name: string, kind: string, texts?: string[]}} Column kind: i, u, f, flag, mark, row or text
 */

/** Columns that are looked at first; further ones follow as they come. */
const FIRST = ["flagged", "excluded", "image", "frame", "plane", "label", "track", "parent", "class", "confidence", "kind", "probability"];
/** What stands for what was said about an object. @type {Record<string, string>} */
export const SIGNS = { flagged: "⚑", excluded: "✕" };
/** Where things are is seen in the image. */
const LAST = /^(bbox|centroid)/;

export class Columns {
  /** @param {import("../api.js").Api} api @param {string} table */
  constructor(api, table) {
    this.api = api;
    this.table = table;
    this.rows = 0;
    /** @type {Column[]} */
    this.list = [];
    /** @type {Map<string, Column>} */
    this.byName = new Map();
    /** @type {Map<string, Float64Array>} */
    this.known = new Map();
    /** @type {Map<string, Promise<Float64Array>>} */
    this.coming = new Map();
    /** @type {(() => void)[]} Called when a column has come. */
    this.arrived = [];
    /** @type {(error: Error) => void} */
    this.onerror = () => {};
  }

  async open() {
    const about = await this.api.get(`tables/${this.table}`);
    this.rows = about.rows;
    const rank = (/** @type {Column} */ { name }) => (FIRST.includes(name) ? FIRST.indexOf(name) : LAST.test(name) ? 200 : 100);
    this.list = about.columns.sort((/** @type {Column} */ a, /** @type {Column} */ b) => rank(a) - rank(b));
    this.byName = new Map(this.list.map((column) => [column.name, column]));
  }

  /** Fetch columns anew when they are looked at next. @param {string[]} names All of them when none is given. */
  forget(...names) {
    for (const name of names.length ? names : [...this.coming.keys()]) {
      this.known.delete(name);
      this.coming.delete(name);
    }
  }

  /** Names of the columns that hold measurements. */
  measurements() {
    return this.list.filter(({ kind }) => !["text", "flag", "mark", "row"].includes(kind)).map(({ name }) => name);
  }

  /** A column, null until it is there. @param {string} name @returns {Float64Array | null} */
  peek(name) {
    const found = this.known.get(name);
    if (!found && !this.coming.has(name)) this.load(name).catch(this.onerror);
    return found ?? null;
  }

  /** @param {string} name @returns {Promise<Float64Array>} */
  load(name) {
    let coming = this.coming.get(name);
    if (!coming) {
      coming = this.api.bytes(`tables/${this.table}/column`, { name }).then((bytes) => {
        const values = new Float64Array(/** @type {ArrayBuffer} */ (bytes));
        this.known.set(name, values);
        for (const tell of this.arrived) tell();
        return values;
      });
      this.coming.set(name, coming);
    }
    return coming;
  }

  /** Put values in place of a column. @param {string} name @param {Float64Array} values */
  put(name, values) {
    this.known.set(name, values);
    this.coming.set(name, Promise.resolve(values));
  }

  /** What stands in a cell. @param {Column} column @param {number} row */
  text(column, row) {
    const value = this.peek(column.name)?.[row];
    if (value === undefined) return "";
    if (column.kind === "text") return column.texts?.[value] ?? "";
    if (column.kind === "mark") return value ? SIGNS[column.name] : "";
    if (column.kind === "flag") return value ? "yes" : "";
    return column.kind === "f" ? written(value) : String(value);
  }
}

/** A number with four digits that matter. @param {number} value */
export function written(value) {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(2);
  if (size >= 1000) return String(Math.round(value));
  return String(Number(value.toPrecision(4)));
}
