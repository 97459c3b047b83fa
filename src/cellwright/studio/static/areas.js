/** Parts of an image in which everything is annotated: what a model may learn from. */

import { frame } from "./pen.js";

/** @typedef {{id: number, place: number[], box: [number, number, number, number]}} Area box: y0, x0, y1, x1 */

const SMALLEST = 8; // px; a slip of the hand marks nothing
const ROOM_FOR_NAME = 110; // CSS px

export class Areas {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {(error: Error) => void} say
   */
  constructor(viewer, say) {
    this.viewer = viewer;
    this.say = say;
    /** @type {Area[]} */
    this.areas = [];
    /** @type {(() => void)[]} Called when areas were marked or removed. */
    this.changed = [];
    viewer.decorations.push((pen) => this.#draw(pen));
  }

  /** Show those of the image that was opened. */
  async show() {
    this.areas = [];
    const { number } = this.viewer;
    const found = await this.viewer.api.get(`images/${number}/areas`);
    if (number === this.viewer.number) this.#take(found);
  }

  /** Mark what lies between two corners. @param {import("./tools.js").Point[]} corners */
  async add(corners) {
    const [[a, b], [c, d]] = [corners[0], corners[corners.length - 1]];
    const box = [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)].map(Math.round);
    if (box[2] - box[0] < SMALLEST || box[3] - box[1] < SMALLEST) return;
    await this.#post("areas", { ...this.viewer.place, box });
  }

  /** Forget the area under a position. @param {import("./tools.js").Point} point */
  async remove(point) {
    const area = this.#here().findLast(({ box }) => box[0] <= point[0] && point[0] < box[2] && box[1] <= point[1] && point[1] < box[3]);
    if (area) await this.#post("areas/remove", { area: area.id });
  }

  /** @param {string} path @param {object} body */
  async #post(path, body) {
    try {
      await this.viewer.api.post(`images/${this.viewer.number}/${path}`, body);
      await this.show();
      for (const tell of this.changed) tell();
    } catch (error) {
      this.say(/** @type {Error} */ (error));
    }
  }

  /** @param {Area[]} areas */
  #take(areas) {
    this.areas = areas;
    this.viewer.redraw();
  }

  #here() {
    return this.areas.filter(({ place }) => this.viewer.isAt(place, this.viewer.place));
  }

  /** @param {CanvasRenderingContext2D} pen */
  #draw(pen) {
    if (!this.viewer.labels.shown) return;
    for (const { box } of this.#here()) {
      const [left, top] = this.viewer.camera.toView(box[0], box[1]);
      const [right, bottom] = this.viewer.camera.toView(box[2], box[3]);
      frame(pen, left, top, right - left, bottom - top);
      if (right - left < ROOM_FOR_NAME || bottom - top < 40) continue;
      pen.font = "600 12px system-ui, sans-serif";
      pen.fillStyle = "#000a";
      pen.fillRect(left + 1, bottom - 22, 92, 21);
      pen.fillStyle = "#fff";
      pen.fillText("annotated", left + 18, bottom - 7);
    }
  }
}
