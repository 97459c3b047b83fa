/** What the model proposes, and what becomes of it. */

import { Knobs } from "./knobs.js";

const PATIENCE = 250; // ms between looks at whether it is done

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement & HTMLSelectElement} */ (document.getElementById(id));

export class Assistant {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{change: (path: string, body: object, number: number) => Promise<any>, say: (error: Error) => void}} actions
   */
  constructor(viewer, actions) {
    this.viewer = viewer;
    this.actions = actions;
    /** @type {Map<number, number>} Confidence by label. */
    this.open = new Map();
    /** @type {number[]} The plane they are on. */
    this.place = [];
    /** @type {import("./knobs.js").Knob[]} What can be turned about them. */
    this.offered = [];
    this.round = 0;
    /** @type {string | undefined} Of the model. */
    this.name = undefined;
    this.knobs = new Knobs(find("knobs"), (numbers) => this.#turn(numbers));
    /** @type {Record<string, number> | null} What the knobs say that the server does not know yet. */
    this.asked = null;
    /** @type {Promise<void> | null} */
    this.turning = null;
    this.version = 0; // of what is proposed
    find("propose").onclick = () => this.propose(false);
    find("propose-all").onclick = () => this.propose(true);
    find("accept").onclick = () => this.acceptAll();
    find("reject").onclick = () => this.rejectAll();
    find("threshold").oninput = () => this.#threshold();
  }

  /** Show what is known about the image that was opened. */
  async show() {
    const image = /** @type {import("./api.js").ImageFacts} */ (this.viewer.image);
    const several = image.channels.length > 1 && !image.rgb;
    find("input-line").hidden = !several;
    find("input").replaceChildren(...image.channels.map((name, index) => new Option(name, String(index))));
    this.forget();
    if (image.proposals.state !== "none") await this.#follow();
  }

  /** Say which model proposes; what another one proposed is gone. @param {string} name */
  named(name) {
    const changed = this.name !== undefined && this.name !== name;
    this.name = name;
    find("model").textContent = `By the model “${name}”.`;
    if (changed && this.viewer.image) this.show();
  }

  /** @param {boolean} all In the whole image, or only in what is visible. */
  async propose(all) {
    const { viewer } = this;
    if (!viewer.image || find("propose").disabled) return;
    const body = {
      ...viewer.place,
      box: all ? null : viewer.camera.visible(),
      channel: this.channel(),
    };
    this.forget();
    this.#busy(true);
    find("assistant").scrollIntoView({ block: "nearest" }); // which says what comes of it
    try {
      await viewer.api.post(`images/${viewer.number}/proposals`, body);
      await this.#follow();
    } catch (error) {
      this.#busy(false);
      this.actions.say(/** @type {Error} */ (error));
    }
  }

  /** What the model sees, where the image has several channels. */
  channel() {
    return find("input-line").hidden ? null : Number(find("input").value);
  }

  /** After going to another plane. */
  moved() {
    this.#update();
  }

  /** Those on this plane that are as confident as the slider says. */
  shown() {
    if (!this.#here()) return [];
    const least = this.viewer.proposals.threshold;
    return [...this.open].filter(([, confidence]) => confidence >= least).map(([label]) => label);
  }

  /** The proposal under a position, 0 where there is none. @param {import("./tools.js").Point} point @param {import("./selected.js").At} at */
  async at([y, x], { number, place }) {
    await this.turning;
    const { api, image, proposals } = this.viewer;
    if (!image || number !== this.viewer.number || !this.#isOn(place)) return 0;
    const { tile, apron, levels } = image;
    const [row, column] = [Math.floor(y / tile), Math.floor(x / tile)];
    const bytes = await api.bytes(`images/${number}/proposals/labels`, { level: 0, ...place, row, column }).catch(() => null);
    if (!bytes) return 0;
    const width = Math.min(tile, levels[0][1] - column * tile) + 2 * apron;
    const label = new Int32Array(bytes)[(Math.floor(y) - row * tile + apron) * width + Math.floor(x) - column * tile + apron];
    return (this.open.get(label) ?? -1) >= proposals.threshold ? label : 0;
  }

  acceptAll() {
    return this.#settleAll("accept", () => this.shown());
  }

  rejectAll() {
    return this.#settleAll("reject", () => (this.#here() ? [...this.open.keys()] : []));
  }

  /** @param {"accept" | "reject"} how @param {() => number[]} which */
  async #settleAll(how, which) {
    const { image, number } = this.viewer;
    await this.turning;
    if (image === this.viewer.image) await this.settle(how, which(), number);
  }

  /** @param {"accept" | "reject"} how @param {number[]} labels @param {number} number Of the image. */
  async settle(how, labels, number) {
    if (!labels.length) return;
    const done = await this.actions.change(`proposals/${how}`, { labels, version: this.version }, number);
    if (number !== this.viewer.number) return;
    if (done === undefined) return this.#follow(); // it failed; perhaps others are proposed by now
    for (const label of labels) this.open.delete(label);
    this.#update();
    this.viewer.refresh("proposals");
  }

  async #follow() {
    const round = ++this.round;
    const { viewer } = this;
    for (;;) {
      const found = await viewer.api.get(`images/${viewer.number}/proposals`);
      if (round !== this.round) return;
      this.#busy(found.state === "running");
      if (found.state === "failed") this.actions.say(new Error(found.message));
      if (found.state !== "running") {
        this.#take(found);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, PATIENCE));
      if (round !== this.round) return;
    }
  }

  /** Have the model's maps read as the knobs are; where they move on meanwhile, once more. @param {Record<string, number>} numbers */
  #turn(numbers) {
    this.asked = numbers;
    this.turning ??= this.#turnOn().finally(() => { this.turning = null; });
  }

  async #turnOn() {
    const { viewer, round } = this;
    try {
      while (this.asked) {
        const knobs = this.asked;
        this.asked = null;
        const found = await viewer.api.post(`images/${viewer.number}/proposals/turn`, { knobs });
        if (round !== this.round) return;
        this.#take(found);
      }
    } catch (error) {
      this.actions.say(/** @type {Error} */ (error));
    }
  }

  /** @param {{state: string, version: number, place: number[], labels: number[], confidences: number[], knobs: import("./knobs.js").Knob[]}} found */
  #take(found) {
    this.open = new Map(found.labels.map((label, i) => [label, found.confidences[i]]));
    this.place = found.place;
    this.version = found.version;
    this.offered = found.knobs;
    this.viewer.refresh("proposals");
    this.#update(found.state === "ready");
  }

  #here() {
    return this.#isOn(this.viewer.place);
  }

  /** Whether there are proposals on a plane. @param {import("./selected.js").At["place"]} place */
  #isOn(place) {
    return this.open.size > 0 && this.viewer.isAt(this.place, place);
  }

  /** The plane that they are on, in words. */
  #where() {
    const { frames = 1, planes = 1 } = this.viewer.image ?? {};
    const names = [...(frames > 1 ? ["frame"] : []), ...(planes > 1 ? ["plane"] : [])];
    return names.map((name, i) => `${name} ${this.place[i]}`).join(", ");
  }

  #threshold() {
    this.viewer.proposals.threshold = Number(find("threshold").value);
    this.#count();
  }

  /** @param {boolean} [fresh] */
  #update(fresh) {
    this.viewer.painter.setConfidences(this.open);
    this.#count(fresh);
  }

  /** Show those above the threshold, and say how many they are. @param {boolean} [fresh] */
  #count(fresh) {
    const shown = this.shown().length;
    this.viewer.proposals.shown = this.#here();
    this.viewer.redraw();
    find("proposed").hidden = !this.#here();
    if (!this.asked) this.knobs.show(this.viewer.image && this.viewer.isAt(this.place, this.viewer.place) ? this.offered : []);
    find("threshold-value").textContent = `${Math.round(100 * this.viewer.proposals.threshold)} %`;
    find("accept").textContent = `Accept ${shown}`;
    find("accept").disabled = shown === 0;
    const unsure = shown === 0 && this.open.size > 0 ? ": none is as sure as that. Lower the confidence." : "";
    find("progress").textContent = this.#here() ? `${shown} of ${this.open.size} shown${unsure}`
      : this.open.size ? `There are proposals on ${this.#where()}.`
      : fresh ? "Nothing new was found here." : "";
  }

  /** Show that nothing is proposed. */
  forget() {
    this.round++;
    this.open = new Map();
    this.offered = [];
    this.viewer.refresh("proposals");
    this.#busy(false);
    this.#update();
  }

  /** @param {boolean} busy */
  #busy(busy) {
    find("propose").disabled = find("propose-all").disabled = busy;
    if (busy) find("progress").textContent = "Looking for objects …";
  }
}
