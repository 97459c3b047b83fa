/** Tracks of a movie of labels: who is who in later frames, who comes from whom, and the tree of a family. */

import { Family } from "./review/family.js";

/** @typedef {{label: number, parent: number, at: number, frames: number[]}} Track */

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement} */ (document.getElementById(id));

export class Lineage {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{change: (path: string, body: object, number?: number) => Promise<any>,
   *   inTurn: import("./selected.js").Selected["inTurn"], pick: (label: number, frame: number) => void, say: (error: Error) => void}} actions
   */
  constructor(viewer, actions) {
    this.viewer = viewer;
    this.actions = actions;
    this.family = new Family(find("lineage-tree"), { get: () => this.#branches() }, {
      pick: (row) => actions.pick(Math.floor(row / this.frames), row % this.frames),
      chosen: (row) => row === this.#row(viewer.labels.selected, viewer.place.t),
      frame: () => viewer.place.t,
      doubtful: () => false,
    });
    find("track-cut").onclick = () => this.cut();
    find("track-orphan").onclick = () => this.#part("orphan");
  }

  get frames() {
    return this.viewer.image?.frames ?? 1;
  }

  /** Show what can be done with the image that was opened. */
  show() {
    find("lineage").hidden = this.frames < 2;
    this.update();
  }

  /** After something was selected or edited, or another frame is shown. */
  update() {
    if (this.frames < 2) return;
    const { selected } = this.viewer.labels;
    if (!selected) this.#offer(undefined);
    this.family.branches = [];
    this.family.show(selected ? this.#row(selected, this.viewer.place.t) : -1);
  }

  /** Say that what lies under a position is the selected cell, or its daughter. @param {import("./tools.js").Point} point @param {boolean} daughter @param {import("./selected.js").At} at */
  async join([y, x], daughter, { number, place }) {
    const { api, labels: { selected } } = this.viewer;
    if (number !== this.viewer.number) return;
    const { label } = await api.get(`images/${number}/values`, { ...place, y, x });
    if (label > 0) await this.actions.change("tracks", { ...place, action: daughter ? "divide" : "link", label: selected, other: label }, number);
  }

  /** End the track of the selected cell before this frame. */
  cut() {
    return this.#part("cut");
  }

  /** @param {"cut" | "orphan"} action */
  #part(action) {
    return this.actions.inTurn(({ number, place }) => {
      const { selected } = this.viewer.labels;
      if (number !== this.viewer.number) return;
      if (!selected) return this.actions.say(new Error("Select a cell first, in an earlier frame."));
      return this.actions.change("tracks", { ...place, action, label: selected }, number);
    });
  }

  /** Offer what can be done with the selected track in this frame. @param {Track | undefined} track */
  #offer(track) {
    const frames = track?.frames ?? [];
    const { t } = this.viewer.place;
    find("track-cut").disabled = !(frames[0] < t && t <= frames[frames.length - 1]);
    find("track-orphan").disabled = !track || track.parent < 0;
  }

  /** What the tree is drawn from; a row stands for a label in a frame. */
  async #branches() {
    const { api, number, labels, labels: { selected } } = this.viewer;
    /** @type {Track[]} */
    const tracks = await api.get(`images/${number}/family`, { label: selected });
    if (number === this.viewer.number && selected === labels.selected) this.#offer(tracks.find(({ label }) => label === selected));
    return tracks.map(({ label, parent, at, frames }) => ({ parent, at, frames, rows: frames.map((frame) => this.#row(label, frame)) }));
  }

  /** @param {number} label @param {number} frame */
  #row(label, frame) {
    return label * this.frames + frame;
  }
}
