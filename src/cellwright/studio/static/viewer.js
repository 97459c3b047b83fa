/** The picture: which tiles are seen, and a frame whenever something has changed. */

import { Camera } from "./camera.js";
import { Painter } from "./painter.js";
import { Picture } from "./picture.js";
import { Tiles } from "./tiles.js";

/**
 * @typedef {import("./api.js").ImageFacts} ImageFacts
 * @typedef {import("./tiles.js").TileId} TileId
 * @typedef {import("./painter.js").Corners} Corners
 * @typedef {import("./picture.js").View} View
 * @typedef {{kind: TileId["kind"], channel: number}} Layer
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
    this.picture = new Picture(this.painter, () => this.redraw());
    /** @type {TileId[]} Tiles that have arrived since the last frame. */
    this.arrived = [];
    this.tiles = new Tiles((id) => this.#load(id), (texture) => this.painter.drop(texture), (id) => {
      if (id) this.arrived.push(id);
      this.redraw();
    });
    /** @type {ImageFacts | null} */
    this.image = null;
    this.number = -1; // of the image; -1 while there is none
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
    /** @type {(() => void)[]} Called in every frame. */
    this.moved = [];
    new ResizeObserver(() => this.#resize()).observe(stage);
    this.#resize();
  }

  /** @param {ImageFacts} image @param {number} number */
  open(image, number) {
    this.tiles.clear();
    this.picture.forget();
    this.image = image;
    this.number = number;
    this.place = { t: 0, z: 0 };
    this.labels.selected = 0;
    this.camera.fit(image.levels[0]);
    this.redraw();
  }

  /** Show nothing: another image is on its way, and whatever is done until it is there is about neither. */
  close() {
    this.tiles.clear();
    this.picture.forget();
    this.painter.clear();
    this.image = null;
    this.number = -1;
    this.labels.selected = 0;
    this.stage.setAttribute("aria-busy", "true");
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

  /** Whether an index of the server is a plane of the image. @param {number[]} place @param {{t: number, z: number}} id */
  isAt(place, id) {
    if (!this.image) return false;
    const own = [...(this.image.frames > 1 ? [id.t] : []), ...(this.image.planes > 1 ? [id.z] : [])];
    return own.every((value, i) => value === place[i]);
  }

  #resize() {
    this.picture.forget();
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
    if (this.image) this.#drawPicture(this.image);
    this.pen.setTransform(dense, 0, 0, dense, 0, 0);
    this.pen.clearRect(0, 0, this.camera.width, this.camera.height);
    this.pen.fillStyle = "#00000001"; // Chromium may go on showing what was there where a clear is all that is drawn
    this.pen.fillRect(0, 0, 1, 1);
    for (const decorate of this.decorations) decorate(this.pen);
    for (const tell of this.moved) tell();
  }

  /** @param {ImageFacts} image */
  #drawPicture(image) {
    const view = this.#view();
    const level = this.#level();
    const all = /** @type {Corners} */ ([0, 0, view.width, view.height]);
    this.tiles.begin();
    for (const { kind, channel } of this.#layers()) for (const id of this.#seen(kind, channel, level, view, all)) this.tiles.want(id);
    const changed = this.arrived.splice(0).map((id) => whole(this.#boxOf(id, view), view)).filter(([x0, y0, x1, y1]) => x0 < x1 && y0 < y1);
    this.picture.show(view, changed, (part) => {
      this.painter.ground(onScreen([0, 0, ...image.levels[0]], view));
      for (const layer of this.#layers()) this.#drawLayer(layer, level, view, part);
    });
    this.stage.setAttribute("aria-busy", String(!this.tiles.end() || this.picture.rough));
  }

  /** Where the view is in the enlarged image, at whole px of the screen, and what is shown. @returns {View} */
  #view() {
    const { camera, canvas: { width, height }, number, place, channels, labels, proposals, preview, painter } = this;
    const scale = camera.scale * devicePixelRatio;
    return {
      width,
      height,
      left: Math.round(camera.x * scale - width / 2),
      top: Math.round(camera.y * scale - height / 2),
      scale,
      look: JSON.stringify([number, place, channels, labels, proposals, preview, painter.version]),
    };
  }

  /** What is drawn, the lowest first. @returns {Layer[]} */
  #layers() {
    /** @type {Layer[]} */
    const layers = [];
    this.channels.forEach(({ visible }, channel) => visible && layers.push({ kind: "pixels", channel }));
    if (this.labels.shown) layers.push({ kind: "labels", channel: 0 });
    if (this.proposals.shown) layers.push({ kind: "proposals", channel: 0 });
    if (this.preview) layers.push({ kind: "preview", channel: 0 });
    return layers;
  }

  /** The coarsest level that still has a pixel for every pixel of the screen. */
  #level() {
    const wanted = Math.floor(Math.log2(1 / (this.camera.scale * devicePixelRatio)) + 1e-9);
    return Math.min(/** @type {ImageFacts} */ (this.image).levels.length - 1, Math.max(0, wanted));
  }

  /** @param {Layer} layer @param {number} level @param {View} view @param {Corners} part Of the view, in device px. */
  #drawLayer({ kind, channel }, level, view, part) {
    const apron = kind === "pixels" ? 0 : /** @type {ImageFacts} */ (this.image).apron;
    for (const id of this.#seen(kind, channel, level, view, part)) {
      const own = this.tiles.peek(id);
      const found = own ? { tile: own, up: 0 } : this.#coarser(id);
      if (!found?.tile.texture) continue;
      const box = this.#boxOf(id, view);
      const texels = this.#texels(id, found.up, apron);
      if (kind === "pixels") {
        const smoothly = view.scale * 2 ** level < 0.999 || found.up > 0;
        this.painter.drawPixels(found.tile.texture, box, texels, this.channels[channel], smoothly);
      } else this.painter.drawLabels(found.tile.texture, box, texels, this.#style(kind, box, texels));
    }
  }

  /** @param {TileId["kind"]} kind @param {Corners} box @param {Corners} texels */
  #style(kind, box, texels) {
    const { filled, selected, marked, classed } = this.labels;
    return {
      step: (texels[2] - texels[0]) / (box[2] - box[0]),
      width: OUTLINE * devicePixelRatio,
      filling: kind === "labels" && filled ? FILLING : 0,
      selected,
      threshold: kind === "proposals" ? this.proposals.threshold : kind === "preview" ? -2 : -1,
      marked: kind === "labels" && marked,
      classed: kind === "labels" && classed,
    };
  }

  /** Tiles of a level in a part of a view. @param {TileId["kind"]} kind @param {number} channel @param {number} level @param {View} view @param {Corners} part @returns {Generator<TileId>} */
  *#seen(kind, channel, level, { left, top, scale }, [x0, y0, x1, y1]) {
    const { tile, levels } = /** @type {ImageFacts} */ (this.image);
    const [height, width] = levels[level];
    const side = tile * 2 ** level * scale;
    const rows = Math.min(Math.ceil(height / tile), Math.ceil((top + y1) / side));
    const columns = Math.min(Math.ceil(width / tile), Math.ceil((left + x1) / side));
    for (let row = Math.max(0, Math.floor((top + y0) / side)); row < rows; row++) {
      for (let column = Math.max(0, Math.floor((left + x0) / side)); column < columns; column++) {
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

  /** Where a tile is in its level: y0, x0, y1, x1. @param {TileId} id */
  #extent(id) {
    const { tile, levels } = /** @type {ImageFacts} */ (this.image);
    const [height, width] = levels[id.level];
    return [id.row * tile, id.column * tile, Math.min(height, (id.row + 1) * tile), Math.min(width, (id.column + 1) * tile)];
  }

  /** Where a tile is on the screen. @param {TileId} id @param {View} view */
  #boxOf(id, view) {
    return onScreen(this.#extent(id).map((edge) => edge * 2 ** id.level), view);
  }

  /** Where it is in the texture of the tile `up` levels above it. @param {TileId} id @param {number} up @param {number} apron @returns {Corners} */
  #texels(id, up, apron) {
    const { tile } = /** @type {ImageFacts} */ (this.image);
    const [y0, x0, y1, x1] = this.#extent(id);
    const top = (id.row >> up) * tile - apron;
    const left = (id.column >> up) * tile - apron;
    const shrink = 2 ** -up;
    return [x0 * shrink - left, y0 * shrink - top, x1 * shrink - left, y1 * shrink - top];
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

/** Where a box of the image, y0, x0, y1, x1, is on the screen. @param {number[]} box @param {View} view @returns {Corners} */
function onScreen([y0, x0, y1, x1], { left, top, scale }) {
  return [x0 * scale - left, y0 * scale - top, x1 * scale - left, y1 * scale - top];
}

/** Whole px of a view that a box touches. @param {Corners} box @param {View} view @returns {Corners} */
function whole([x0, y0, x1, y1], { width, height }) {
  return [Math.max(0, Math.floor(x0)), Math.max(0, Math.floor(y0)), Math.min(width, Math.ceil(x1)), Math.min(height, Math.ceil(y1))];
}
