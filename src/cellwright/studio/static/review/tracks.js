/** Tracks: tails in the image, links with the doubtful ones first, and the family of a cell. */

import { Columns } from "./columns.js";
import { Corrector } from "./corrector.js";
import { Family } from "./family.js";
import { EXCLUDED, LEFT_OUT } from "./places.js";
import { DataTable } from "./table.js";

const TAIL = 12; // frames
const DOUBTFUL = 0.7;
const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement} */ (document.getElementById(id));

export class Tracks {
  /** @param {import("./main.js").Review} review */
  constructor(review) {
    this.review = review;
    this.columns = new Columns(review.viewer.api, "links");
    /** @type {DataTable | null} */
    this.table = null;
    this.sorted = { name: "", descending: false };
    /** @type {Map<number, import("./places.js").Places["all"]>} Detections of each track, in the order of time. */
    this.paths = new Map();
    /** @type {Float64Array | null} Number of the track of each detection. */
    this.numbers = null;
    this.shown = true;
    this.family = new Family(find("family"), review.viewer.api, {
      pick: (row) => review.pick(row),
      chosen: (row) => Boolean(review.selection.flags[row]),
      frame: () => review.viewer.place.t,
      doubtful: (row) => this.doubtful.has(row),
    });
    /** @type {Set<number>} Detections that a doubtful link leads to. */
    this.doubtful = new Set();
    /** @type {Float64Array | null} How probable each link is. */
    this.sure = null;
    /** @type {Map<number, number[]>} Where the links of each detection lead. */
    this.targets = new Map();
    this.corrector = new Corrector(review, (source, target) => Boolean(this.targets.get(source)?.includes(target)));
    this.at = -1;
    review.viewer.decorations.unshift((pen) => this.shown && this.#tails(pen));
    find("tab-links").hidden = find("tab-family").hidden = find("tails-line").hidden = false;
    find("show-tails").onchange = () => { this.shown = find("show-tails").checked; review.viewer.redraw(); };
  }

  async begin() {
    await this.columns.open();
    await this.#load();
    this.table = new DataTable(find("links"), this.columns, {
      pick: (link) => this.#pick(link),
      look: (link) => [this.#isDoubtful(link) && "doubtful", link === this.at && "chosen current"].filter(Boolean).join(" "),
      chosen: (link) => link === this.at,
      sort: (name) => this.#sort(name),
    });
    await this.#sort("");
    await this.corrector.update();
  }

  /** After links were solved again. */
  async renew() {
    const { review } = this;
    this.columns.forget();
    review.columns.forget("track", "parent");
    this.family.forget();
    this.at = -1;
    review.viewer.refresh("labels");
    await Promise.all([this.columns.open(), review.places.open(review.viewer.number)]);
    await this.#load();
    this.table?.renew();
    await Promise.all([this.#sort(""), review.choice.fetch()]);
    this.selected(review.selection.current);
  }

  async #load() {
    const { columns, review } = this;
    this.numbers = await review.columns.load("track");
    const [sources, targets] = await Promise.all(["source", "target"].map((name) => columns.load(name)));
    this.ends = { sources, targets };
    this.sure = columns.byName.has("probability") ? await columns.load("probability") : null;
    this.doubtful = new Set([...targets].filter((_, link) => this.#isDoubtful(link)));
    this.targets = new Map();
    sources.forEach((source, link) => this.targets.set(source, [...(this.targets.get(source) ?? []), targets[link]]));
    this.paths = new Map();
    for (const where of review.places.all) {
      const path = this.paths.get(where.label);
      if (path) path.push(where);
      else this.paths.set(where.label, [where]);
    }
  }

  /** @param {number} link */
  #isDoubtful(link) {
    return this.sure !== null && this.sure[link] < DOUBTFUL;
  }

  /** Whether a detection is of the track that was looked at last, which is lit in all frames. @param {number} row */
  follows(row) {
    const { current } = this.review.selection;
    return this.numbers !== null && current >= 0 && this.numbers[row] === this.numbers[current];
  }

  /** @param {string} panel */
  show(panel) {
    this.panel = panel;
    if (panel === "links") this.table?.redraw();
    if (panel === "family") this.selected(this.review.selection.current);
  }

  /** @param {number} row */
  selected(row) {
    if (this.panel === "family") this.family.show(row);
    this.corrector.update();
  }

  redraw() {
    this.table?.redraw();
    this.family.redraw();
  }

  /** @returns {import("../keys.js").Key[]} */
  keys() {
    return [
      { keys: ["D"], what: "Links, doubtful ones first", act: () => this.review.dock.open("links") },
      { keys: ["Y"], what: "Family of the selected cell", act: () => this.review.dock.open("family") },
      { keys: ["N", "P"], what: "Next, previous link", act: (event) => this.#step(event.key.toUpperCase() === "N" ? 1 : -1) },
      { keys: ["C"], what: "Cut the link between two selected cells", act: () => this.corrector.correct("cut") },
      { keys: ["B"], what: "Join two selected cells of different frames", act: () => this.corrector.correct("join") },
      { keys: ["W"], what: "Mark a division: a mother and two daughters are selected", act: () => this.corrector.correct("divide") },
      { keys: ["S"], what: "Tails on and off", act: () => find("show-tails").click() },
    ];
  }

  /** @param {number} by */
  #step(by) {
    if (!this.table) return;
    this.table.current = this.at;
    const link = this.table.next(by);
    if (link >= 0) this.#pick(link);
  }

  /** Select both ends of a link, and go to the later one. @param {number} link */
  async #pick(link) {
    const { ends, review } = this;
    if (!ends) return;
    this.at = link;
    review.selection.set([ends.sources[link], ends.targets[link]], { current: ends.targets[link] });
    this.table?.reveal(link);
    await review.go(ends.targets[link]);
  }

  /** @param {string} name */
  async #sort(name) {
    const { sorted } = this;
    if (name) this.sorted = sorted.name !== name ? { name, descending: false } : sorted.descending ? { name: "", descending: false } : { name, descending: true };
    const bytes = await this.review.viewer.api.bytes("tables/links/rows", { sort: this.sorted.name, descending: this.sorted.descending ? 1 : 0 });
    this.table?.show(new Int32Array(/** @type {ArrayBuffer} */ (bytes)), this.sorted);
  }

  /** The last frames of the tracks that are in this one. @param {CanvasRenderingContext2D} pen */
  #tails(pen) {
    const { viewer, places } = this.review;
    const { camera } = viewer;
    const now = viewer.place.t;
    const [y0, x0, y1, x1] = camera.visible();
    pen.lineCap = pen.lineJoin = "round";
    for (const here of places.here()) {
      const mark = places.markOf(here.row);
      if (mark & (LEFT_OUT | EXCLUDED)) continue;
      const path = (this.paths.get(here.label) ?? []).filter(({ frame }) => frame <= now && frame >= now - TAIL);
      if (path.every(({ y, x }) => y < y0 || y > y1 || x < x0 || x > x1)) continue;
      for (let i = 1; i < path.length; i++) {
        pen.globalAlpha = Math.max(0.15, 1 - (now - path[i].frame) / TAIL);
        pen.strokeStyle = hue(here.label);
        pen.lineWidth = mark ? 3.5 : 2;
        pen.beginPath();
        pen.moveTo(...camera.toView(path[i - 1].y, path[i - 1].x));
        pen.lineTo(...camera.toView(path[i].y, path[i].x));
        pen.stroke();
      }
    }
    pen.globalAlpha = 1;
  }
}

/** The colour that outlines of a label have, see the painter. @param {number} label */
export function hue(label) {
  const turn = (Math.imul(label, 2654435769) >>> 8) / 2 ** 24;
  const parts = [0, 4, 2].map((shift) => Math.min(1, Math.max(0, Math.abs(((turn * 6 + shift) % 6) - 3) - 1)));
  return `rgb(${parts.map((part) => Math.round(255 * (0.28 + 0.72 * part))).join(" ")})`;
}
