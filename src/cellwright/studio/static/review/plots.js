/** Drawings of numbers on a canvas: the distribution of one measurement, and two over each other. */

import { written } from "./columns.js";

/** @typedef {(rows: number[], add: boolean) => void} Choose */

const BINS = 60;
const MARGIN = { left: 42, right: 8, top: 8, bottom: 22 }; // CSS px
const FEW = 4000; // points that are drawn as dots
const VERY_FEW = 60; // selected points that are drawn as large ones
const SAMPLE = 20_000; // values that tell where most of them lie
const FAR = 3; // interquartile ranges from the quartiles, beyond which a value is far out
const SPOILED = 0.5; // of the whole range: where most values fill less, that is what is shown

/** Lowest and highest of the finite values of some rows; null without any. @param {Float64Array} values @param {Int32Array} order @returns {[number, number] | null} */
export function extent(values, order) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < order.length; i++) {
    const value = values[order[i]];
    if (value < low && value > -Infinity) low = value;
    if (value > high && value < Infinity) high = value;
  }
  if (low > high) return null;
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/** The range that most values lie in; the whole one, unless a few far ones would leave them no room. @param {Float64Array} values @param {Int32Array} order @returns {[number, number] | null} */
export function usual(values, order) {
  const whole = extent(values, order);
  if (!whole) return null;
  const step = Math.ceil(order.length / SAMPLE);
  const some = Float64Array.from({ length: Math.floor(order.length / step) }, (_, i) => values[order[i * step]]).filter(Number.isFinite).sort();
  if (!some.length) return whole;
  const rank = (/** @type {number} */ part) => part * (some.length - 1);
  const [first, third] = [some[Math.floor(rank(0.25))], some[Math.ceil(rank(0.75))]];
  const reach = FAR * (third - first);
  const low = Math.max(whole[0], Math.min(first - reach, some[Math.ceil(rank(0.01))]));
  const high = Math.min(whole[1], Math.max(third + reach, some[Math.floor(rank(0.99))]));
  return low < high && high - low < SPOILED * (whole[1] - whole[0]) ? [low, high] : whole;
}

/** A canvas with room for axes. */
class Plot {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.height = Number(canvas.getAttribute("height"));
    /** @type {Int32Array} */
    this.order = new Int32Array(0);
    this.width = 240;
    this.inner = { x: 0, y: 0, width: 1, height: 1 };
    /** @type {(name: string) => string} */
    this.colour = () => "";
    this.waiting = false;
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.#begin();
      this.draw();
    });
  }

  draw() {}

  #begin() {
    const dense = devicePixelRatio;
    this.width = this.canvas.clientWidth || 240;
    this.canvas.width = Math.round(this.width * dense);
    this.canvas.height = Math.round(this.height * dense);
    this.pen.setTransform(dense, 0, 0, dense, 0, 0);
    const style = getComputedStyle(this.canvas);
    this.colour = (/** @type {string} */ name) => style.getPropertyValue(name);
    this.pen.font = `11.5px ${style.fontFamily}`;
    this.inner = { x: MARGIN.left, y: MARGIN.top, width: this.width - MARGIN.left - MARGIN.right, height: this.height - MARGIN.top - MARGIN.bottom };
  }

  /** @param {[number, number]} across @param {[number, number]} up */
  axes(across, up) {
    const { pen, inner } = this;
    pen.fillStyle = this.colour("--soft");
    pen.strokeStyle = this.colour("--line");
    pen.lineWidth = 1;
    pen.textBaseline = "top";
    for (const value of ticks(across, 3)) {
      const x = inner.x + ((value - across[0]) / (across[1] - across[0])) * inner.width;
      const text = written(value);
      const half = pen.measureText(text).width / 2;
      pen.fillText(text, Math.min(this.width - 2 * half, Math.max(0, x - half)), inner.y + inner.height + 7);
      pen.beginPath();
      pen.moveTo(Math.round(x) + 0.5, inner.y + inner.height);
      pen.lineTo(Math.round(x) + 0.5, inner.y + inner.height + 4);
      pen.stroke();
    }
    pen.textBaseline = "middle";
    for (const value of ticks(up, 2)) {
      const y = inner.y + inner.height * (1 - (value - up[0]) / (up[1] - up[0]));
      const text = written(value);
      pen.fillText(text, Math.max(0, inner.x - 7 - pen.measureText(text).width), Math.max(6, y));
      pen.beginPath();
      pen.moveTo(inner.x - 4, Math.round(y) + 0.5);
      pen.lineTo(inner.x, Math.round(y) + 0.5);
      pen.stroke();
    }
    pen.beginPath();
    pen.moveTo(inner.x - 0.5, inner.y);
    pen.lineTo(inner.x - 0.5, inner.y + inner.height + 0.5);
    pen.lineTo(inner.x + inner.width, inner.y + inner.height + 0.5);
    pen.stroke();
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  at(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }
}

export class Histogram extends Plot {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Uint8Array} selected By row.
   * @param {(range: [number, number] | null, add: boolean) => void} choose
   */
  constructor(canvas, selected, choose) {
    super(canvas);
    this.selected = selected;
    /** @type {Float64Array | null} */
    this.values = null;
    /** @type {[number, number]} */
    this.range = [0, 1];
    this.outside = 0; // values that lie beyond it
    /** @type {[number, number] | null} What is brushed, in values. */
    this.brushed = null;
    let from = NaN; // before anything is shown, there are no values to begin at
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      from = this.values ? this.#value(event) : NaN;
    };
    canvas.onpointermove = (event) => {
      if (!event.buttons || Number.isNaN(from)) return;
      const to = this.#value(event);
      this.brushed = [Math.min(from, to), Math.max(from, to)];
      this.redraw();
    };
    canvas.onpointerup = (event) => {
      const to = this.#value(event);
      const wide = Math.abs(to - from) > (this.range[1] - this.range[0]) / 200;
      this.brushed = wide ? [Math.min(from, to), Math.max(from, to)] : null;
      choose(this.brushed, event.shiftKey);
      this.redraw();
    };
  }

  /** @param {Float64Array} values @param {Int32Array} order @param {boolean} all Also what lies far off. */
  show(values, order, all) {
    this.values = values;
    this.order = order;
    const [low, high] = this.range = (all ? extent : usual)(values, order) ?? [0, 1];
    this.outside = 0;
    for (let i = 0; i < order.length; i++) {
      const value = values[order[i]];
      if (Number.isFinite(value) && (value < low || value > high)) this.outside++;
    }
    this.redraw();
  }

  draw() {
    const { values, order, range, pen, inner } = this;
    if (!values) return;
    const all = new Float64Array(BINS);
    const chosen = new Float64Array(BINS);
    const scale = BINS / (range[1] - range[0]);
    for (let i = 0; i < order.length; i++) {
      const value = values[order[i]];
      if (!(value >= range[0] && value <= range[1])) continue;
      const bin = Math.min(BINS - 1, Math.floor((value - range[0]) * scale));
      all[bin]++;
      chosen[bin] += this.selected[order[i]];
    }
    const most = Math.max(1, ...all);
    if (this.brushed) {
      const [left, right] = this.brushed.map((value) => inner.x + Math.min(1, Math.max(0, (value - range[0]) / (range[1] - range[0]))) * inner.width);
      pen.fillStyle = this.colour("--accent-soft");
      pen.fillRect(left, inner.y, Math.max(1, right - left), inner.height);
    }
    const bar = inner.width / BINS;
    for (const [counts, colour] of /** @type {[Float64Array, string][]} */ ([[all, "--plot"], [chosen, "--accent"]])) {
      pen.fillStyle = this.colour(colour);
      counts.forEach((count, i) => {
        const height = count ? Math.max(1, (count / most) * inner.height) : 0;
        pen.fillRect(inner.x + i * bar, inner.y + inner.height - height, bar - 0.5, height);
      });
    }
    this.axes(range, [0, most]);
  }

  /** @param {PointerEvent} event */
  #value(event) {
    const part = (this.at(event)[0] - this.inner.x) / this.inner.width;
    return this.range[0] + Math.min(1, Math.max(0, part)) * (this.range[1] - this.range[0]);
  }
}

export class Scatter extends Plot {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Uint8Array} selected By row.
   * @param {Choose} choose
   */
  constructor(canvas, selected, choose) {
    super(canvas);
    this.selected = selected;
    /** @type {[Float64Array, Float64Array] | null} */
    this.values = null;
    /** @type {[[number, number], [number, number]]} */
    this.ranges = [[0, 1], [0, 1]];
    this.outside = 0; // points that lie beyond them
    /** @type {[number, number][]} The lasso, in CSS px. */
    this.lasso = [];
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.lasso = [this.at(event)];
    };
    canvas.onpointermove = (event) => {
      if (!event.buttons || !this.lasso.length) return;
      this.lasso.push(this.at(event));
      this.redraw();
    };
    canvas.onpointerup = (event) => {
      if (this.values && this.lasso.length > 2) choose(this.#within(), event.shiftKey);
      else if (this.values) choose(this.#nearest(this.at(event)), event.shiftKey);
      this.lasso = [];
      this.redraw();
    };
  }

  /** @param {Float64Array} x @param {Float64Array} y @param {Int32Array} order @param {boolean} all Also what lies far off. */
  show(x, y, order, all) {
    const range = all ? extent : usual;
    this.values = [x, y];
    this.order = order;
    this.ranges = [range(x, order) ?? [0, 1], range(y, order) ?? [0, 1]];
    const [[left, right], [low, high]] = this.ranges;
    this.outside = 0;
    for (let i = 0; i < order.length; i++) {
      const [u, v] = [x[order[i]], y[order[i]]];
      if (Number.isFinite(u) && Number.isFinite(v) && (u < left || u > right || v < low || v > high)) this.outside++;
    }
    this.redraw();
  }

  draw() {
    const { pen, inner } = this;
    if (!this.values) return;
    this.axes(...this.ranges);
    this.#points();
    if (this.lasso.length < 2) return;
    pen.beginPath();
    for (const [x, y] of this.lasso) pen.lineTo(x, y);
    pen.closePath();
    pen.fillStyle = this.colour("--accent-soft");
    pen.fill();
    pen.strokeStyle = this.colour("--accent");
    pen.lineWidth = 1.5;
    pen.stroke();
  }

  /**
   * Places of all points, in px of something so wide and high; NaN where a value is missing.
   * @param {number} width @param {number} height @returns {[Float32Array, Float32Array]}
   */
  #places(width, height) {
    const { order } = this;
    const [values, found] = [/** @type {[Float64Array, Float64Array]} */ (this.values), [0, 1].map(() => new Float32Array(order.length))];
    for (const axis of [0, 1]) {
      const [[low, high], own, into] = [this.ranges[axis], values[axis], found[axis]];
      const scale = (axis ? -height : width) / (high - low);
      const origin = axis ? height : 0;
      for (let i = 0; i < order.length; i++) into[i] = origin + (own[order[i]] - low) * scale;
    }
    return [found[0], found[1]];
  }

  /** Draw all points, those that are selected above the others; many of them as how dense they lie. */
  #points() {
    const { order, selected } = this;
    const dense = devicePixelRatio;
    const width = Math.max(1, Math.round(this.inner.width * dense));
    const height = Math.max(1, Math.round(this.inner.height * dense));
    const [xs, ys] = this.#places(width - 1, height - 1);
    let chosen = 0;
    for (let i = 0; i < order.length; i++) chosen += selected[order[i]];
    const dot = order.length < FEW ? Math.round(dense) : 0;
    const reaches = [dot, chosen < VERY_FEW ? Math.round(2 * dense) : dot];
    const counts = [new Uint16Array(width * height), new Uint16Array(width * height)];
    for (let i = 0; i < order.length; i++) {
      if (Number.isNaN(xs[i]) || Number.isNaN(ys[i])) continue;
      const [x, y, which] = [Math.round(xs[i]), Math.round(ys[i]), selected[order[i]]];
      const [into, reach] = [counts[which], reaches[which]];
      if (x < 0 || x >= width || y < 0 || y >= height) continue;
      for (let v = Math.max(0, y - reach); v <= Math.min(height - 1, y + reach); v++) {
        for (let u = Math.max(0, x - reach); u <= Math.min(width - 1, x + reach); u++) into[v * width + u]++;
      }
    }
    const picture = new ImageData(width, height);
    paint(picture, counts[0], rgb(this.colour("--plot-dot")), dot ? 150 : 70);
    paint(picture, counts[1], rgb(this.colour("--accent")), 255);
    const layer = new OffscreenCanvas(width, height);
    /** @type {OffscreenCanvasRenderingContext2D} */ (layer.getContext("2d")).putImageData(picture, 0, 0);
    this.pen.drawImage(layer, this.inner.x, this.inner.y, this.inner.width, this.inner.height);
  }

  /** Rows inside of the lasso. It is drawn once, and every point looks which pixel it lies on. */
  #within() {
    const width = Math.ceil(this.inner.width);
    const height = Math.ceil(this.inner.height);
    const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(width + 1, height + 1).getContext("2d", { willReadFrequently: true }));
    pen.beginPath();
    for (const [x, y] of this.lasso) pen.lineTo(x - this.inner.x, y - this.inner.y);
    pen.fill();
    const { data } = pen.getImageData(0, 0, width + 1, height + 1);
    const [xs, ys] = this.#places(this.inner.width, this.inner.height);
    const found = [];
    for (let i = 0; i < xs.length; i++) {
      if (!(xs[i] >= 0 && xs[i] <= width && ys[i] >= 0 && ys[i] <= height)) continue;
      if (data[4 * (Math.round(ys[i]) * (width + 1) + Math.round(xs[i])) + 3] > 127) found.push(this.order[i]);
    }
    return found;
  }

  /** The row nearest to a position, if it is near. @param {[number, number]} at */
  #nearest([px, py]) {
    const [xs, ys] = this.#places(this.inner.width, this.inner.height);
    let best = 8 ** 2;
    let found = -1;
    for (let i = 0; i < xs.length; i++) {
      if (xs[i] < 0 || xs[i] > this.inner.width || ys[i] < 0 || ys[i] > this.inner.height) continue;
      const far = (xs[i] + this.inner.x - px) ** 2 + (ys[i] + this.inner.y - py) ** 2;
      if (far < best) [best, found] = [far, this.order[i]];
    }
    return found < 0 ? [] : [found];
  }
}

/** Colour the pixels that points lie on, the more the more opaque. @param {ImageData} picture @param {Uint16Array} counts @param {number[]} colour @param {number} least Opacity, of 255. */
function paint({ data }, counts, [red, green, blue], least) {
  let most = 1;
  for (let i = 0; i < counts.length; i++) if (counts[i] > most) most = counts[i];
  const scale = (255 - least) / Math.log1p(most);
  for (let i = 0; i < counts.length; i++) {
    if (!counts[i]) continue;
    data[4 * i] = red;
    data[4 * i + 1] = green;
    data[4 * i + 2] = blue;
    data[4 * i + 3] = least + scale * Math.log1p(counts[i]);
  }
}

/** Round numbers within a range. @param {[number, number]} range @param {number} about How many. */
export function ticks([low, high], about) {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const steps = [0.5, 1, 2, 5, 10].map((one) => one * power);
  const coarse = steps.findIndex((step) => step >= rough);
  const found = multiples(steps[coarse], low, high);
  return found.length > 1 ? found : multiples(steps[coarse - 1], low, high); // one alone says nothing of the scale
}

/** @param {number} step @param {number} low @param {number} high */
function multiples(step, low, high) {
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9 * step; value += step) found.push(Math.abs(value) < step / 1e6 ? 0 : value);
  return found;
}

/** @param {string} colour As #rrggbb. */
function rgb(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.trim().slice(at, at + 2), 16));
}
