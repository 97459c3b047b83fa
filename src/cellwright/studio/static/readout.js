/** What is under the pointer, in the line below the image. */

import { short } from "./channels.js";

const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class Readout {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {(found: any) => string} what Says what object the answer of the server is about.
   */
  constructor(viewer, what) {
    this.viewer = viewer;
    this.what = what;
    /** @type {Record<string, number> | null} The pixel under the pointer. */
    this.pixel = null;
    this.stale = false; // what is known of it
    this.asking = false;
  }

  /** @param {import("./tools.js").Point | null} point @param {import("./viewer.js").Viewer} [viewer] Of the image that it is in. */
  show(point, { number, place } = this.viewer) {
    const pixel = point && { number, ...place, y: Math.floor(point[0]), x: Math.floor(point[1]) };
    if (JSON.stringify(pixel) === JSON.stringify(this.pixel)) return;
    this.pixel = pixel;
    find("where").textContent = pixel ? `y ${pixel.y}  x ${pixel.x}` : "";
    if (pixel) this.update();
    else find("values").textContent = "";
  }

  /** Ask what is there now: the pointer has moved, or something was drawn. */
  async update() {
    this.stale = true;
    if (this.asking) return;
    this.asking = true;
    while (this.stale && this.pixel) {
      this.stale = false;
      const { number, ...place } = this.pixel;
      const found = await this.viewer.api.get(`images/${number}/values`, place).catch(() => null);
      if (this.pixel) find("values").textContent = found ? this.#written(found) : ""; // it may be about to be asked for another one
    }
    this.asking = false;
  }

  /** @param {any} found */
  #written(found) {
    const values = found.values.map((/** @type {number | null} */ value) => (value === null ? "not a number" : short(value)));
    return values.join("  ") + this.what(found);
  }
}
