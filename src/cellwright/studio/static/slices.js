/** Objects that go on in the next slice or frame: copied, found by the model, or drawn in between. */

/** @typedef {"t" | "z"} Axis */

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement & HTMLSelectElement} */ (document.getElementById(id));

export class Slices {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{edit: (edit: object) => Promise<any>, change: (path: string, body: object) => Promise<any>,
   *   inTurn: import("./selected.js").Selected["inTurn"], go: (axis: Axis, to: number) => void, channel: () => number | null}} actions
   */
  constructor(viewer, actions) {
    this.viewer = viewer;
    this.actions = actions;
    find("slices-between").onclick = () => this.between();
    find("slices-copy").onclick = () => this.copy(1);
    find("slices-follow").onclick = () => this.follow(1);
    find("slices-axis").onchange = () => this.update();
  }

  /** Show what can be done with the image that was opened. */
  show() {
    const image = /** @type {import("./api.js").ImageFacts} */ (this.viewer.image);
    const [deep, moving] = [image.planes > 1, image.frames > 1];
    find("slices").hidden = !deep && !moving;
    find("slices-ball-line").hidden = !deep;
    find("slices-axis-line").hidden = !deep || !moving;
    find("slices-axis").value = deep ? "z" : "t";
    this.update();
  }

  /** After something was selected, or not any more. */
  update() {
    const chosen = this.viewer.labels.selected > 0;
    const what = this.axis === "z" ? "slice" : "frame";
    find("slices-copy").textContent = chosen ? `Copy to the next ${what}` : `Copy all to the next ${what}`;
    find("slices-follow").textContent = `Find in the next ${what}`;
    find("slices-between").textContent = `Draw between ${what}s`;
    const goesOn = this.#next(1) !== null;
    find("slices-copy").disabled = !goesOn;
    find("slices-follow").disabled = !chosen || !goesOn;
    find("slices-between").disabled = !chosen;
    find("slices-hint").hidden = chosen;
  }

  /** Along which slices lie. @returns {Axis} */
  get axis() {
    return find("slices-axis").value === "t" ? "t" : "z";
  }

  /** Whether the brush reaches into other slices. */
  get ball() {
    return !find("slices-ball-line").hidden && find("slices-ball").checked;
  }

  /** Copy the selected object, or all of them, and go there. @param {number} by */
  copy(by) {
    return this.#inTurn(() => {
      const label = this.viewer.labels.selected;
      return this.#go(by, (target) => this.actions.edit({ tool: "copy", ...target, ...(label ? { labels: [label] } : {}) }));
    });
  }

  /** Draw the selected object where the model finds it, and go there. @param {number} by */
  follow(by) {
    return this.#inTurn(async () => {
      const { labels, place } = this.viewer;
      if (!labels.selected) return;
      const body = { ...place, label: labels.selected, channel: this.actions.channel() };
      await this.#go(by, (target) => this.actions.change("propagate", { ...body, ...target }));
    });
  }

  /** Draw the selected object in the slices between those that it is on. */
  between() {
    return this.#inTurn(async () => {
      const label = this.viewer.labels.selected;
      if (label) await this.actions.edit({ tool: "interpolate", axis: this.axis, label });
    });
  }

  /** Do something where the steps before have gone to, unless another image is open by then. @param {() => Promise<any>} step */
  #inTurn(step) {
    return this.actions.inTurn(({ number }) => number === this.viewer.number && step());
  }

  /** Which plane is so many farther, null for none. @param {number} by */
  #next(by) {
    const { image, place } = this.viewer;
    const to = place[this.axis] + by;
    return to < 0 || to >= (image?.[this.axis === "z" ? "planes" : "frames"] ?? 1) ? null : to;
  }

  /** Make an edit on the next plane, and show it there. @param {number} by @param {(target: {axis: Axis, to: number}) => Promise<any>} edit */
  async #go(by, edit) {
    const { viewer, axis } = this;
    const { number } = viewer;
    const to = this.#next(by);
    if (to === null) return;
    const changed = await edit({ axis, to });
    if (changed && number === viewer.number) this.actions.go(axis, to);
  }
}
