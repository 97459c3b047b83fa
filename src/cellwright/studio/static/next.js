/** What to annotate next: asks the server, goes there, and takes note when it is done. */

import { frame } from "./pen.js";

const PATIENCE = 300; // ms between looks at how far the search is

/** @typedef {{image: number, t: number, z: number, box: [number, number, number, number]}} Part box: y0, x0, y1, x1 */

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLButtonElement} */ (document.getElementById(id));

export class Next {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{say: (error: Error) => void, open: (number: number) => Promise<void>, channel: () => number | null,
   *   place: (axis: "t" | "z", to: number) => void, markDone: () => Promise<void>,
   *   markArea: (corners: import("./tools.js").Point[]) => Promise<void>}} actions
   */
  constructor(viewer, actions) {
    this.viewer = viewer;
    this.actions = actions;
    /** @type {Part | null} */
    this.part = null;
    this.searching = false;
    find("next").onclick = () => this.go();
    find("next-done").onclick = () => this.done();
    viewer.decorations.push((pen) => this.#draw(pen));
  }

  /** Look for what to annotate next, and show it. */
  async go() {
    if (this.searching) return;
    this.searching = true;
    find("next").disabled = true;
    this.#take(null);
    try {
      let found = await this.viewer.api.post("next", { channel: this.actions.channel() });
      while (found.state === "running") {
        find("next-state").textContent = found.total ? `Looking at part ${found.done + 1} of ${found.total} …` : "Looking for what would teach most …";
        await new Promise((resolve) => setTimeout(resolve, PATIENCE));
        found = await this.viewer.api.get("next");
      }
      find("next-state").textContent = found.message;
      if (found.best) await this.#show(found.best);
    } catch (error) {
      find("next-state").textContent = "";
      this.actions.say(/** @type {Error} */ (error));
    }
    this.searching = find("next").disabled = false;
  }

  /** Take note that everything in the suggested part is annotated. */
  async done() {
    const { part } = this;
    if (!part || !this.#here()) return;
    const { frames, planes } = /** @type {import("./api.js").ImageFacts} */ (this.viewer.image);
    if (this.#whole() && frames * planes === 1) await this.actions.markDone();
    else await this.actions.markArea([[part.box[0], part.box[1]], [part.box[2], part.box[3]]]);
    find("next-state").textContent = "";
    this.#take(null);
  }

  /** @param {Part} part */
  async #show(part) {
    await this.actions.open(part.image);
    if (part.image !== this.viewer.number) return; // it cannot be opened, or another one was meanwhile
    this.actions.place("t", part.t);
    this.actions.place("z", part.z);
    this.#take(part);
    if (!this.#whole()) this.viewer.camera.show(part.box);
    const where = this.#whole() ? "this image" : "the part in the frame";
    find("next-state").textContent = `The model would learn most from ${where}. Draw or correct all objects in it.`;
    this.viewer.redraw();
  }

  /** @param {Part | null} part */
  #take(part) {
    this.part = part;
    find("next-done").hidden = !part;
    this.viewer.redraw();
  }

  #here() {
    const { part, viewer } = this;
    return part?.image === viewer.number && part.t === viewer.place.t && part.z === viewer.place.z;
  }

  #whole() {
    const [height, width] = this.viewer.image?.levels[0] ?? [0, 0];
    const [y0, x0, y1, x1] = this.part?.box ?? [0, 0, 0, 0];
    return y1 - y0 === height && x1 - x0 === width;
  }

  /** @param {CanvasRenderingContext2D} pen */
  #draw(pen) {
    if (!this.part || !this.#here() || this.#whole()) return;
    const [left, top] = this.viewer.camera.toView(this.part.box[0], this.part.box[1]);
    const [right, bottom] = this.viewer.camera.toView(this.part.box[2], this.part.box[3]);
    pen.setLineDash([10, 6]);
    frame(pen, left, top, right - left, bottom - top);
    pen.setLineDash([]);
  }
}
