/** The picture: which tiles are seen, and a frame whenever something has changed. */

import { Camera } from "./camera.js";
import { Painter } from "./painter.js";
import { Tiles } from "./tiles.js";

/**
 * @typedef {import("./api.js").ImageFacts} ImageFacts
 * @typedef {import("./tiles.js").TileId} TileId
 * @typedef {import("./painter.js").Corners} Corners
 * @typedef {{visible: boolean, colour: number[], black: number, white: number, gamma: number}} Channel
 */

const OUTLINE = 1.6; // CSS px
const FILLING = 0.38;

export class Viewer {
  /**
   * @param {HTMLElement} stage
   * @param {import("./api.js").Api} api
   */
  constructor(stage, api) {
    this.stage = stage;
    this.api = api;
    const [canvas, overlay] = stage.querySelectorAll("canvas");
    this.canvas = canvas;
    this.overlay = overlay;
    this.pen = /** @type {CanvasRenderingContext2D} */ (this.overlay.getContext("2d"));
    this.camera = new Camera();
    this.painter = new Painter(this.canvas);
    this.tiles = new Tiles((id) => this.#load(id), (texture) => this.painter.drop(texture), () => this.redraw());
    /** @type {ImageFacts | null} */
    this.image = null;
    this.number = 0;
    this.place = { t: 0, z: 0 };
    /** @type {Channel[]} */
    this.channels = [];
    this.labels = { shown: true, filled: false, selected: 0, marked: false, classed: false };
    this.proposals = { shown: false, threshold: 0.5 };
    this.preview = false; // of what a training finds
    /** @type {string | null} Whose labels are shown; null for those that one edits. */
    this.of = null;
    this.waiting = false;
    /** @type {((pen: CanvasRenderingContext2D) => void)[]} Drawn over the picture in every frame. */
    this.decorations = [];
    /** @type {(() => void)[]} Called after the view has moved. */
    this.moved = [];
    new ResizeObserver(() => this.#resize()).observe(stage);
    this.#resize();
  }

  /** @param {ImageFacts} image @param {number} number */
  open(image, number) {
    this.tiles.clear();
    this.image = image;
    this.number = number;
    this.place = { t: 0, z: 0 };
    this.labels.selected = 0;
    this.camera.fit(image.levels[0]);
    this.redraw();
  }

  /** Draw a frame soon. */
  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.#draw();
    });
  }

  /** Fetch tiles of a kind anew, where they lie in one of the boxes. @param {string} kind @param {import("./api.js").Box[]} [boxes] */
  refresh(kind, boxes) {
    const tile = this.image?.tile ?? 1;
    const margin = this.image?.apron ?? 0;
    this.tiles.refresh((id) => {
      if (id.kind !== kind) return false;
      if (!boxes) return true;
      const side = tile << id.level;
      const rim = margin << id.level;
      return boxes.some(([place, y, x, height, width]) =>
        this.isAt(place, id) &&
        y < (id.row + 1) * side + rim && y + height > id.row * side - rim &&
        x < (id.column + 1) * side + rim && x + width > id.column * side - rim);
    });
  }

  /** Whether an index of the server is a plane. @param {number[]} place @param {{t: number, z: number}} id */
  isAt(place, id) {
    const image = /** @type {ImageFacts} */ (this.image);
    const own = [...(image.frames > 1 ? [id.t] : []), ...(image.planes > 1 ? [id.z] : [])];
    return own.every((value, i) => value === place[i]);
  }

  #resize() {
    const { width, height } = this.stage.getBoundingClientRect();
    const dense = devicePixelRatio;
    for (const canvas of [this.canvas, this.overlay]) {
      canvas.width = Math.max(1, Math.round(width * dense));
      canvas.height = Math.max(1, Math.round(height * dense));
    }
    this.camera.resize(width, height);
    this.redraw();
  }

  #draw() {
    const dense = devicePixelRatio;
    this.painter.begin(this.canvas.width, this.canvas.height);
    if (this.image) {
      const [height, width] = this.image.levels[0];
      this.painter.ground(this.#box(0, 0, height, width));
      this.tiles.begin();
      const level = this.#level();
      this.channels.forEach((channel, index) => channel.visible && this.#drawChannel(channel, index, level));
      if (this.labels.shown) this.#drawLabels("labels", level);
      if (this.proposals.shown) this.#drawLabels("proposals", level);
      if (this.preview) this.#drawLabels("preview", level);
      this.stage.setAttribute("aria-busy", String(!this.tiles.end()));
    }
    this.pen.setTransform(dense, 0, 0, dense, 0, 0);
    this.pen.clearRect(0, 0, this.camera.width, this.camera.height);
    for (const decorate of this.decorations) decorate(this.pen);
    for (const tell of this.moved) tell();
  }

  /** The coarsest level that still has a pixel for every pixel of the screen. */
  #level() {
    const wanted = Math.floor(Math.log2(1 / (this.camera.scale * devicePixelRatio)) + 1e-9);
    return Math.min(/** @type {ImageFacts} */ (this.image).levels.length - 1, Math.max(0, wanted));
  }

  /** @param {Channel} channel @param {number} index @param {number} level */
  #drawChannel(channel, index, level) {
    const smoothly = this.camera.scale * devicePixelRatio * 2 ** level < 0.999;
    for (const id of this.#seen("pixels", index, level)) {
      const own = this.tiles.want(id);
      const found = own ? { tile: own, up: 0 } : this.#coarser(id);
      if (!found?.tile.texture) continue;
      const [box, texels] = this.#corners(id, found.up, 0);
      this.painter.drawPixels(found.tile.texture, box, texels, channel, smoothly || found.up > 0);
    }
  }

  /** @param {"labels" | "proposals" | "preview"} kind @param {number} level */
  #drawLabels(kind, level) {
    const apron = /** @type {ImageFacts} */ (this.image).apron;
    const { filled, selected, marked, classed } = this.labels;
    for (const id of this.#seen(kind, 0, level)) {
      const own = this.tiles.want(id);
      const found = own ? { tile: own, up: 0 } : this.#coarser(id);
      if (!found?.tile.texture) continue;
      const [box, texels] = this.#corners(id, found.up, apron);
      const step = (texels[2] - texels[0]) / (box[2] - box[0]);
      this.painter.drawLabels(found.tile.texture, box, texels, {
        step,
        width: OUTLINE * devicePixelRatio,
        filling: kind === "labels" && filled ? FILLING : 0,
        selected,
        threshold: kind === "proposals" ? this.proposals.threshold : kind === "preview" ? -2 : -1,
        marked: kind === "labels" && marked,
        classed: kind === "labels" && classed,
      });
    }
  }

  /** Tiles of a level that are visible. @param {TileId["kind"]} kind @param {number} channel @param {number} level @returns {Generator<TileId>} */
  *#seen(kind, channel, level) {
    const { tile, levels } = /** @type {ImageFacts} */ (this.image);
    const [height, width] = levels[level];
    const side = tile * 2 ** level;
    const [y0, x0, y1, x1] = this.camera.visible();
    const rows = Math.min(Math.ceil(height / tile), Math.ceil(y1 / side));
    const columns = Math.min(Math.ceil(width / tile), Math.ceil(x1 / side));
    for (let row = Math.max(0, Math.floor(y0 / side)); row < rows; row++) {
      for (let column = Math.max(0, Math.floor(x0 / side)); column < columns; column++) {
        yield { kind, level, channel, ...this.place, row, column };
      }
    }
  }

  /** The nearest coarser tile that is there already. @param {TileId} id */
  #coarser(id) {
    const levels = /** @type {ImageFacts} */ (this.image).levels.length;
    for (let up = 1; id.level + up < levels; up++) {
      const over = { ...id, level: id.level + up, row: id.row >> up, column: id.column >> up };
      const tile = this.tiles.peek(over);
      if (tile) return { tile, up };
    }
    return null;
  }

  /**
   * Where a tile is on the screen, and in the texture of the tile `up` levels above it.
   * @param {TileId} id @param {number} up @param {number} apron
   * @returns {[Corners, Corners]}
   */
  #corners(id, up, apron) {
    const { tile, levels } = /** @type {ImageFacts} */ (this.image);
    const [height, width] = levels[id.level];
    const rows = [id.row * tile, Math.min(height, (id.row + 1) * tile)];
    const columns = [id.column * tile, Math.min(width, (id.column + 1) * tile)];
    const factor = 2 ** id.level;
    const box = this.#box(rows[0] * factor, columns[0] * factor, rows[1] * factor, columns[1] * factor);
    const top = (id.row >> up) * tile;
    const left = (id.column >> up) * tile;
    const shrink = 2 ** -up;
    return [box, [columns[0] * shrink - left + apron, rows[0] * shrink - top + apron,
      columns[1] * shrink - left + apron, rows[1] * shrink - top + apron]];
  }

  /** @param {number} y0 @param {number} x0 @param {number} y1 @param {number} x1 @returns {Corners} */
  #box(y0, x0, y1, x1) {
    const dense = devicePixelRatio;
    const [left, top] = this.camera.toView(y0, x0);
    const [right, bottom] = this.camera.toView(y1, x1);
    return [left * dense, top * dense, right * dense, bottom * dense];
  }

  /** @param {TileId} id */
  async #load(id) {
    const { tile, apron, levels, dtype } = /** @type {ImageFacts} */ (this.image);
    const [rows, columns] = levels[id.level];
    const height = Math.min(tile, rows - id.row * tile);
    const width = Math.min(tile, columns - id.column * tile);
    const { level, channel, t, z, row, column } = id;
    const path = id.kind === "pixels" || id.kind === "labels" ? id.kind : `${id.kind}/labels`;
    /** @type {Record<string, string | number>} */
    const query = { level, channel, t, z, row, column };
    if (id.kind === "labels" && this.of !== null) query.of = this.of;
    const bytes = await this.api.bytes(`images/${this.number}/${path}`, query);
    if (!bytes) return null;
    if (id.kind !== "pixels") return this.painter.labels(new Int32Array(bytes), width + 2 * apron, height + 2 * apron);
    const values = dtype === "uint8" ? Float32Array.from(new Uint8Array(bytes))
      : dtype === "uint16" ? Float32Array.from(new Uint16Array(bytes))
      : new Float32Array(bytes);
    return this.painter.pixels(values, width, height);
  }
}
