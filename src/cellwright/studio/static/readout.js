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
    /** @type {import("./tools.js").Point | null} */
    this.asked = null;
    this.asking = false;
  }

  /** @param {import("./tools.js").Point | null} point */
  async show(point) {
    this.asked = point;
    if (!point) {
      find("where").textContent = find("values").textContent = "";
      return;
    }
    find("where").textContent = `y ${Math.floor(point[0])}  x ${Math.floor(point[1])}`;
    if (this.asking || !this.viewer.image) return;
    this.asking = true;
    while (this.asked && this.viewer.image) {
      const [y, x] = this.asked;
      this.asked = null;
      const { api, number, place } = this.viewer;
      const found = await api.get(`images/${number}/values`, { ...place, y, x }).catch(() => null);
      const values = (found?.values ?? []).map((/** @type {number | null} */ value) => (value === null ? "not a number" : short(value)));
      find("values").textContent = values.join("  ") + (found ? this.what(found) : "");
    }
    this.asking = false;
  }
}
