/**
 * The object that is selected, and what is done to it. Whoever is quick presses the next key before the
 * server has answered the last one: gestures have their turn one after the other, each on the plane that
 * it was made on, and with what the ones before it have selected and drawn.
 */

/**
 * @typedef {import("./tools.js").Point} Point
 * @typedef {{number: number, place: {t: number, z: number}}} At Which image, and where in it.
 */

export class Selected {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{settled: () => Promise<any>, show: (found: any) => void, say: (error: Error) => void}} actions
   *   `settled` waits for the changes that were asked for. `show` is told what is known of the object; null
   *   where there is none on this plane.
   */
  constructor(viewer, actions) {
    this.viewer = viewer;
    this.actions = actions;
    /** @type {{point: Point, place: At["place"]} | null} Somewhere on it. */
    this.seen = null;
    this.outdated = false; // what is known of it
    /** @type {Promise<any>} */
    this.turn = Promise.resolve();
  }

  /** Do something after all that was asked for before. @param {(at: At) => any} step Given where the gesture was made. */
  inTurn(step) {
    const { number, place } = this.viewer;
    this.turn = this.turn.then(async () => {
      await this.actions.settled();
      if (this.outdated) await this.#again();
      await step({ number, place });
    }).catch(this.actions.say);
    return this.turn;
  }

  /** Look at it again: another plane is shown, or something was drawn. */
  refresh() {
    this.outdated = true;
    return this.inTurn(() => {});
  }

  /** Select what lies under a position. @param {Point} point @param {At} at */
  async select([y, x], { number, place }) {
    if (number !== this.viewer.number) return;
    const found = await this.viewer.api.get(`images/${number}/object`, { ...place, y, x });
    if (number === this.viewer.number) this.#take(found.label ? found : null, place);
  }

  /** Select an object by its label. @param {number} label */
  pick(label) {
    return this.inTurn(({ number }) => {
      if (number !== this.viewer.number) return;
      this.seen = null;
      this.viewer.labels.selected = label;
      return this.#again();
    });
  }

  /** Select nothing. */
  forget() {
    this.#take(null, this.viewer.place);
  }

  /** Somewhere on it; null where it is not there. @param {At} at @returns {Promise<Point | null>} */
  async pointOn({ number, place }) {
    const { api, labels: { selected } } = this.viewer;
    if (!selected || number !== this.viewer.number) return null;
    if (this.seen?.place === place) return this.seen.point;
    return (await api.get(`images/${number}/where`, { ...place, label: selected })).at;
  }

  /** What was seen may be another object by now; on another plane, it stays selected wherever it is. */
  async #again() {
    this.outdated = false;
    const { number, place } = this.viewer;
    const point = await this.pointOn({ number, place });
    if (number !== this.viewer.number) return;
    if (point) return this.select(point, { number, place });
    this.seen = null;
    this.actions.show(null);
  }

  /** @param {any} found @param {At["place"]} place */
  #take(found, place) {
    this.seen = found && { point: found.at, place };
    this.viewer.labels.selected = found?.label ?? 0;
    this.actions.show(found);
    this.viewer.redraw();
  }
}
