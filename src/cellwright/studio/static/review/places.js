/** Where the objects of the image are: what is under the pointer, boxes and points, how labels look. */

export const PLAIN = 0, SELECTED = 1, EXCLUDED = 2, LEFT_OUT = 4;
const NEAR = 9; // CSS px
const POINT = 5; // CSS px
const CLASSES = ["#00cdff", "#ff9600", "#ffeb3b", "#e16eff", "#5ae678", "#ff5f55", "#788cff"];

/** Where an object is, see the server's `GEOMETRY`: a view of its numbers, of which there are many. */
export class Where {
  /** @param {Float64Array} values @param {number} at Where its own begin. */
  constructor(values, at) {
    this.values = values;
    this.at = at;
  }
  get row() { return this.values[this.at]; }
  get label() { return this.values[this.at + 1]; }
  get frame() { return this.values[this.at + 2]; }
  get first_plane() { return this.values[this.at + 3]; }
  get last_plane() { return this.values[this.at + 4]; }
  get y() { return this.values[this.at + 5]; }
  get x() { return this.values[this.at + 6]; }
  get top() { return this.values[this.at + 7]; }
  get left() { return this.values[this.at + 8]; }
  get bottom() { return this.values[this.at + 9]; }
  get right() { return this.values[this.at + 10]; }
}
const COLUMNS = 11;

export class Places {
  /**
   * @param {import("../viewer.js").Viewer} viewer
   * @param {string} shape outlines, boxes or points
   * @param {(row: number) => number} markOf How an object looks: a sum of the above.
   */
  constructor(viewer, shape, markOf) {
    this.viewer = viewer;
    this.shape = shape;
    this.markOf = markOf;
    this.number = -1;
    this.waiting = false;
    /** @type {Where[]} */
    this.all = [];
    /** @type {(row: number) => number} Number of the class of a row. */
    this.classOf = () => 0;
    viewer.decorations.push((pen) => this.shape !== "outlines" && viewer.labels.shown && this.#draw(pen));
  }

  /** Until those of the next image are there. */
  forget() {
    this.number = -1;
    this.all = [];
    this.viewer.labels.marked = false;
  }

  /** @param {number} number */
  async open(number) {
    this.number = number;
    const bytes = await this.viewer.api.bytes(`images/${number}/objects`);
    if (this.number !== number) return;
    const values = new Float64Array(bytes ?? new ArrayBuffer(0));
    this.all = [];
    for (let at = 0; at < values.length; at += COLUMNS) this.all.push(new Where(values, at));
  }

  /** Where the object of a row is, if it is in this image. @param {number} row */
  find(row) {
    let [low, high] = [0, this.all.length - 1]; // they are in the order of their rows
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.all[middle].row < row) low = middle + 1;
      else high = middle;
    }
    const found = this.all[low];
    return found?.row === row ? found : null;
  }

  /** Those on the plane that is shown. */
  here() {
    const { t, z } = this.viewer.place;
    return this.all.filter(({ frame, first_plane: first, last_plane: last }) =>
      (frame < 0 || frame === t) && (first < 0 || (first <= z && z <= last)));
  }

  /** Show what is selected, excluded and left out, from the next frame on. */
  update() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.#mark();
      this.viewer.redraw();
    });
  }

  #mark() {
    if (this.shape !== "outlines" || this.number < 0) return;
    let largest = 0;
    for (const { label } of this.all) largest = Math.max(largest, label);
    const marks = new Float32Array(largest + 1);
    const colours = new Float32Array(largest + 1);
    for (const { row, label } of this.here()) {
      marks[label] = this.markOf(row);
      colours[label] = 1 + parseInt(colourOf(this.classOf(row)).slice(1), 16);
    }
    this.viewer.painter.setMarks(marks);
    if (this.viewer.labels.classed) this.viewer.painter.setColours(colours);
    this.viewer.labels.marked = true;
  }

  /** The row of the box or point under a position, -1 for none. @param {import("../tools.js").Point} point */
  at([y, x]) {
    const reach = NEAR / this.viewer.camera.scale;
    let [best, found] = [Infinity, -1];
    for (const where of this.here()) {
      if (this.markOf(where.row) & LEFT_OUT) continue;
      const size = this.shape === "points" ? Math.hypot(y - where.y, x - where.x) : (where.bottom - where.top) * (where.right - where.left);
      const inside = this.shape === "points" ? size < reach : where.top <= y && y < where.bottom && where.left <= x && x < where.right;
      if (inside && size < best) [best, found] = [size, where.row];
    }
    return found;
  }

  /** Rows of the objects with their centre in an outline. @param {import("../tools.js").Point[]} corners */
  within(corners) {
    const path = new Path2D();
    for (const [y, x] of corners) path.lineTo(x, y);
    const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(1, 1).getContext("2d"));
    return this.here().filter(({ row, y, x }) => !(this.markOf(row) & LEFT_OUT) && pen.isPointInPath(path, x, y)).map(({ row }) => row);
  }

  /** @param {CanvasRenderingContext2D} pen */
  #draw(pen) {
    const { camera } = this.viewer;
    const [y0, x0, y1, x1] = camera.visible();
    /** @type {Map<string, Path2D>} */
    const paths = new Map();
    for (const where of this.here()) {
      const mark = this.markOf(where.row);
      if (mark & LEFT_OUT || where.bottom < y0 || where.top > y1 || where.right < x0 || where.left > x1) continue;
      const look = `${mark} ${colourOf(this.classOf(where.row))}`;
      const path = paths.get(look) ?? new Path2D();
      paths.set(look, path);
      const [left, top] = camera.toView(where.top, where.left);
      if (this.shape === "boxes") path.rect(left, top, (where.right - where.left) * camera.scale, (where.bottom - where.top) * camera.scale);
      else ring(path, ...camera.toView(where.y, where.x));
    }
    for (const [look, path] of [...paths].sort()) stroke(pen, path, look, this.viewer.labels.filled);
  }
}

/** Of a class. @param {number} number */
function colourOf(number) {
  return CLASSES[number % CLASSES.length];
}

/** Which colour is which class. @param {string[]} names */
export function legend(names) {
  return names.map((name, number) => {
    const line = document.createElement("li");
    const colour = document.createElement("i");
    colour.style.background = colourOf(number);
    line.append(colour, name);
    return line;
  });
}

/** @param {Path2D} path @param {number} x @param {number} y */
function ring(path, x, y) {
  path.moveTo(x + POINT, y);
  path.arc(x, y, POINT, 0, 7);
}

/** @param {CanvasRenderingContext2D} pen @param {Path2D} path @param {string} look @param {boolean} filled */
function stroke(pen, path, look, filled) {
  const [mark, colour] = [Number(look.slice(0, look.indexOf(" "))), look.slice(look.indexOf(" ") + 1)];
  const chosen = Boolean(mark & SELECTED);
  pen.setLineDash(mark & EXCLUDED ? [4, 4] : []);
  pen.strokeStyle = chosen ? "#0009" : "#0006";
  pen.lineWidth = chosen ? 4.5 : 3;
  pen.stroke(path);
  pen.strokeStyle = chosen ? "#fff" : mark & EXCLUDED ? "#aaa" : colour;
  pen.lineWidth = chosen ? 2.5 : 1.6;
  pen.stroke(path);
  pen.setLineDash([]);
  if (!filled && !chosen) return;
  pen.fillStyle = chosen ? "#fff" : colour;
  pen.globalAlpha = 0.2;
  pen.fill(path);
  pen.globalAlpha = 1;
}
