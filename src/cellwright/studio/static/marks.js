/** Boxes and points: drawn over the image, taken hold of with the pointer, counted in their panel. */

/**
 * @typedef {import("./tools.js").Point} Point
 * @typedef {"box" | "point"} About
 * @typedef {{at: number[], class: number}} Mark of a box [y0, x0, y1, x1]; of a point [y, x], in volumes [z, y, x]
 * @typedef {{about: About, number: number}} Id
 */

const NEAR = 6; // CSS px
const SIDE = 7; // of a handle, CSS px
const SMALLEST = 3; // CSS px; a slip of the hand draws no box
const NO_CLASS = "#ffd23f";
const SEVERAL = { box: "boxes", point: "points" };
/** Where the handles of a box are, as parts of its height and width. @type {[number, number][]} */
const HANDLES = [[0, 0], [0, 0.5], [0, 1], [0.5, 1], [1, 1], [1, 0.5], [1, 0], [0.5, 0]];

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement} */ (document.getElementById(id));

export class Marks {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{change: (path: string, body: object) => Promise<any>, channel: () => number | null,
   *   classOf: (id: number) => import("./object_classes.js").ObjectClass | undefined, active: () => number, chosen: () => void}} actions
   *   `chosen` is called when a mark is selected, and nothing else is any more.
   */
  constructor(viewer, actions) {
    this.viewer = viewer;
    this.actions = actions;
    /** @type {Record<About, Map<number, Mark>>} */
    this.known = { box: new Map(), point: new Map() };
    /** @type {Id | null} */
    this.chosen = null;
    /** @type {{id: Id, handle: [number, number] | null, from: Point, before: number[], at: number[]} | null} */
    this.held = null;
    viewer.decorations.push((pen) => this.#draw(pen));
    find("find-boxes").onclick = () => this.find("box");
    find("find-points").onclick = () => this.find("point");
    find("mark-delete").onclick = () => this.remove();
  }

  /** Show those of the image that was opened. @param {Record<string, Record<string, Mark>>} facts */
  show(facts) {
    const offered = this.viewer.image?.marks ?? [];
    for (const about of /** @type {About[]} */ (["box", "point"])) {
      this.known[about] = new Map(Object.entries(facts[about] ?? {}).map(([number, mark]) => [Number(number), mark]));
    }
    this.held = null;
    find("marks").hidden = offered.length === 0;
    find("find-boxes").hidden = !offered.includes("box");
    this.select(null);
    this.#count();
  }

  /** Until the next image is there. */
  forget() {
    this.known = { box: new Map(), point: new Map() };
    this.held = null;
    this.select(null);
  }

  /** After an edit. @param {import("./object_classes.js").Fact[]} facts */
  take(facts) {
    for (const [about, number, mark] of facts) {
      if (about !== "box" && about !== "point") continue;
      if (mark === null) this.known[about].delete(number);
      else this.known[about].set(number, mark);
    }
    if (this.chosen && !this.#of(this.chosen)) this.select(null);
    else this.#describe();
    this.#count();
    this.viewer.redraw();
  }

  /** @param {Id | null} id */
  select(id) {
    this.chosen = id;
    if (id) this.actions.chosen();
    this.#describe();
    this.viewer.redraw();
  }

  /** Mark what lies at a position, or between two. @param {About} about @param {Point[]} points */
  async add(about, points) {
    const far = points.length < 2 || points[0].every((value, i) => Math.abs(value - points[1][i]) * this.viewer.camera.scale >= SMALLEST);
    if (!far) return;
    const { image } = this.viewer;
    const changed = await this.#post({ about, number: 0, points, class: this.actions.active() });
    if (image !== this.viewer.image) return;
    const made = changed?.facts.find((/** @type {import("./object_classes.js").Fact} */ [one]) => one === about);
    if (made) this.select({ about, number: made[1] });
  }

  /** Remove the selected mark, or one under a position; says whether there was one. @param {Point} [point] */
  remove(point) {
    const id = point ? this.under(point) : this.chosen;
    if (id) this.#post({ ...id, remove: true });
    return id !== null;
  }

  /** Give the selected mark the class that is chosen; says whether there is one. */
  classify() {
    if (this.chosen) this.#post({ ...this.chosen, class: this.actions.active() });
    return this.chosen !== null;
  }

  /** Mark what the model finds. @param {About} about */
  async find(about) {
    const { image } = this.viewer;
    const before = this.known[about].size;
    find("marks-state").textContent = `Looking for ${SEVERAL[about]} …`;
    const changed = await this.#post({ about, channel: this.actions.channel() }, "marks/find");
    if (image !== this.viewer.image) return;
    this.#count();
    if (changed && this.known[about].size === before) find("marks-state").textContent = "Nothing new was found.";
  }

  /** The mark whose point or border is near a position, or, of those it lies in, the smallest box. @param {Point} point @returns {Id | null} */
  under(point) {
    return this.#near(point) ?? this.#around(point);
  }

  /** Take hold of what is near a position. @param {Point} point @returns {boolean} Whether there is something. */
  grab(point) {
    if (!this.viewer.labels.shown) return false;
    const handle = this.#handle(point);
    const id = handle ? this.chosen : this.#near(point);
    const mark = id && this.#of(id);
    if (!mark) return false;
    this.held = { id, handle, from: point, before: mark.at, at: mark.at };
    this.select(id);
    return true;
  }

  /** @param {Point} point */
  drag(point) {
    if (!this.held) return;
    const { handle, from, before, id } = this.held;
    const [dy, dx] = [point[0] - from[0], point[1] - from[1]];
    if (id.about === "point") this.held.at = [...before.slice(0, -2), before[before.length - 2] + dy, before[before.length - 1] + dx];
    else if (!handle) this.held.at = before.map((value, i) => value + (i % 2 ? dx : dy));
    else this.held.at = [0, 1, 2, 3].map((i) => before[i] + (handle[i % 2] === (i < 2 ? 0 : 1) ? (i % 2 ? dx : dy) : 0));
    this.viewer.redraw();
  }

  /** Let go; without a move nothing changes. @param {boolean} moved */
  async drop(moved) {
    const { held } = this;
    if (!held) return;
    const { at, id } = held;
    const points = id.about === "box" ? [at.slice(0, 2), at.slice(2)] : [at.slice(-2)];
    if (moved) await this.#post({ ...id, points });
    if (this.held === held) this.held = null;
    this.viewer.redraw();
  }

  /** @param {object} body */
  #post(body, path = "marks") {
    return this.actions.change(path, { ...this.viewer.place, ...body });
  }

  /** @param {Id} id */
  #of(id) {
    return this.known[id.about].get(id.number);
  }

  /** Where a mark is, also while it is held. @param {Id} id @param {Mark} mark */
  #at(id, mark) {
    return this.held?.id.number === id.number && this.held.id.about === id.about ? this.held.at : mark.at;
  }

  /** Those on this plane, points after boxes. @returns {Generator<[Id, number[], Mark]>} */
  *#here() {
    for (const about of /** @type {About[]} */ (["box", "point"])) {
      for (const [number, mark] of this.known[about]) {
        const id = { about, number };
        if (mark.at.length !== 3 || mark.at[0] === this.viewer.place.z) yield [id, mark.at.length === 3 ? this.#at(id, mark).slice(1) : this.#at(id, mark), mark];
      }
    }
  }

  /** @param {Point} point @returns {Id | null} */
  #near([y, x]) {
    const reach = NEAR / this.viewer.camera.scale;
    let [best, found] = [reach, /** @type {Id | null} */ (null)];
    for (const [id, at] of this.#here()) {
      const far = id.about === "point" ? Math.hypot(at[0] - y, at[1] - x) - reach / 2 : fromBorder(at, y, x);
      if (far <= best) [best, found] = [far, id];
    }
    return found;
  }

  /** @param {Point} point @returns {Id | null} */
  #around([y, x]) {
    let [best, found] = [Infinity, /** @type {Id | null} */ (null)];
    for (const [id, at] of this.#here()) {
      if (id.about !== "box" || y < at[0] || x < at[1] || y > at[2] || x > at[3]) continue;
      const area = (at[2] - at[0]) * (at[3] - at[1]);
      if (area < best) [best, found] = [area, id];
    }
    return found;
  }

  /** The handle of the selected box that is near a position. @param {Point} point */
  #handle([y, x]) {
    const mark = this.chosen?.about === "box" ? this.#of(this.chosen) : null;
    if (!mark) return null;
    const reach = (SIDE + 2) / this.viewer.camera.scale;
    const [y0, x0, y1, x1] = mark.at;
    return HANDLES.find(([down, right]) => Math.hypot(y0 + down * (y1 - y0) - y, x0 + right * (x1 - x0) - x) <= reach) ?? null;
  }

  #describe() {
    const mark = this.chosen && this.#of(this.chosen);
    find("mark").hidden = !mark;
    if (!mark || !this.chosen) return;
    const { about, number } = this.chosen;
    const at = mark.at.map((value) => Number(value.toFixed(1)));
    find("h-mark").textContent = `${about === "box" ? "Box" : "Point"} ${number}`;
    const kind = this.actions.classOf(mark.class)?.name ?? "none";
    const rows = about === "box" ? [["Class", kind], ["Size", `${(at[2] - at[0]).toFixed(1)} × ${(at[3] - at[1]).toFixed(1)} px`], ["From", `y ${at[0]}  x ${at[1]}`]]
      : [["Class", kind], ["At", `y ${at[at.length - 2]}  x ${at[at.length - 1]}`]];
    find("mark-facts").replaceChildren(...rows.flatMap(([name, value]) => ["dt", "dd"].map((tag, i) => {
      const element = document.createElement(tag);
      element.textContent = i ? value : name;
      return element;
    })));
  }

  #count() {
    const told = /** @type {About[]} */ (["box", "point"]).filter((about) => this.known[about].size)
      .map((about) => `${this.known[about].size.toLocaleString("en")} ${this.known[about].size === 1 ? about : SEVERAL[about]}`);
    find("marks-state").textContent = told.join(", ");
  }

  /** @param {CanvasRenderingContext2D} pen */
  #draw(pen) {
    if (!this.viewer.labels.shown) return;
    const [top, left, bottom, right] = this.viewer.camera.visible();
    for (const [id, at, mark] of this.#here()) {
      const [y0, x0, y1, x1] = id.about === "box" ? at : [at[0], at[1], at[0], at[1]];
      const chosen = this.chosen?.number === id.number && this.chosen.about === id.about;
      if (y1 < top - 20 || y0 > bottom + 20 || x1 < left - 20 || x0 > right + 20) continue;
      const colour = chosen ? "#fff" : this.actions.classOf(mark.class)?.colour ?? NO_CLASS;
      if (id.about === "box") this.#box(pen, [y0, x0, y1, x1], colour, chosen);
      else this.#point(pen, [y0, x0], colour, chosen);
    }
  }

  /** @param {CanvasRenderingContext2D} pen @param {number[]} at @param {string} colour @param {boolean} chosen */
  #box(pen, [y0, x0, y1, x1], colour, chosen) {
    const [x, y] = this.viewer.camera.toView(y0, x0);
    const [right, bottom] = this.viewer.camera.toView(y1, x1);
    for (const [ink, width] of /** @type {[string, number][]} */ ([["#0009", 3.5], [colour, 1.75]])) {
      pen.strokeStyle = ink;
      pen.lineWidth = width;
      pen.strokeRect(x, y, right - x, bottom - y);
    }
    if (!chosen) return;
    pen.fillStyle = "#fff";
    pen.strokeStyle = "#000b";
    pen.lineWidth = 1;
    for (const [down, across] of HANDLES) {
      const [hx, hy] = [x + across * (right - x) - SIDE / 2, y + down * (bottom - y) - SIDE / 2];
      pen.fillRect(hx, hy, SIDE, SIDE);
      pen.strokeRect(hx, hy, SIDE, SIDE);
    }
  }

  /** @param {CanvasRenderingContext2D} pen @param {Point} at @param {string} colour @param {boolean} chosen */
  #point(pen, at, colour, chosen) {
    const [x, y] = this.viewer.camera.toView(...at);
    pen.beginPath();
    pen.arc(x, y, chosen ? 6.5 : 4.5, 0, 7);
    pen.fillStyle = colour;
    pen.fill();
    pen.strokeStyle = "#000b";
    pen.lineWidth = 1.5;
    pen.stroke();
  }
}

/** How far a position is from the border of a box, in px. @param {number[]} box @param {number} y @param {number} x */
function fromBorder([y0, x0, y1, x1], y, x) {
  const [dy, dx] = [Math.max(y0 - y, y - y1), Math.max(x0 - x, x - x1)];
  return dy > 0 || dx > 0 ? Math.hypot(Math.max(dy, 0), Math.max(dx, 0)) : -Math.max(dy, dx);
}
