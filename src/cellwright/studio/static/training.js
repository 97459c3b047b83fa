/** Training on what is annotated: starting a round, watching it, and what came of all rounds. */

import { counted, element, named, Rounds, time } from "./rounds.js";

const PATIENCE = 1000; // ms between looks at how far it is

/**
 * @typedef {{precision: number, found: number, true: number}} Judged
 * @typedef {{before: Judged, after: Judged, sentences: string[], count_error: number, better: boolean,
 *   worst: {image: string, number: number, place: number[]}[]}} Verdict
 * @typedef {{number: number, state: string, minutes: number, seconds: number, start: number | string, images: number,
 *   objects: number, made: string, who: string, failure: string | null, model: string | null, history: Record<string, number>[],
 *   verdict: Verdict | null}} Round
 * @typedef {{current: number | null, in_use: number | null, given: string, annotated: {images: number, areas: number},
 *   rounds: Round[], seen: {image: number, place: number[], step: number, objects: number} | null}} Told
 */

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement} */ (document.getElementById(id));
const starts = /** @type {HTMLSelectElement} */ (document.getElementById("train-start"));
const bar = /** @type {HTMLProgressElement} */ (document.getElementById("train-progress"));

export class Training {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{say: (error: Error) => void, open: (number: number) => Promise<void>, channel: () => number | null,
   *   changed: (name: string) => void}} actions `changed` is told the name of the model that proposes.
   */
  constructor(viewer, actions) {
    this.viewer = viewer;
    this.actions = actions;
    /** @type {Told | null} */
    this.told = null;
    this.watched = "";
    this.step = -1;
    this.following = false;
    this.rounds = new Rounds({ open: actions.open, post: (path, body) => this.#post(path, body) });
    find("train").onclick = () => this.start();
    find("train-stop").onclick = () => this.#post("stop");
    find("train-watch").onchange = () => this.#watch();
  }

  /** Show how things stand; where a round is going on, until it ends. */
  async show() {
    if (this.following) return;
    this.following = true;
    do {
      try {
        this.#tell(await this.viewer.api.get("training"));
        await this.#watch();
      } catch (error) {
        this.actions.say(/** @type {Error} */ (error)); // a round goes on, whatever the network does
      }
    } while (this.told?.current && (await pause(PATIENCE)));
    this.following = false;
  }

  start() {
    if (this.told?.current || find("train").disabled) return;
    const start = starts.value;
    find("train").disabled = true;
    find("train").textContent = "Preparing …";
    return this.#post("", {
      minutes: find("train-minutes").valueAsNumber || 0,
      start: /^\d+$/.test(start) ? Number(start) : start,
      channel: this.actions.channel(),
    });
  }

  /** @param {string} what @param {object} [body] */
  async #post(what, body) {
    try {
      this.#tell(await this.viewer.api.post(`training${what && `/${what}`}`, body));
    } catch (error) {
      this.actions.say(/** @type {Error} */ (error));
    }
    find("train").textContent = "Train";
    find("train").disabled = !this.told || !this.#annotated();
    await this.show();
  }

  #annotated() {
    const { images, areas } = /** @type {Told} */ (this.told).annotated;
    return images + areas;
  }

  /** @param {Told} told */
  #tell(told) {
    const before = this.told;
    this.told = told;
    if (!before && told.rounds.length) find("train-minutes").value = String(told.rounds[told.rounds.length - 1].minutes);
    const current = told.rounds.find((round) => round.number === told.current);
    const latest = current ?? told.rounds[told.rounds.length - 1];
    const { images, areas } = told.annotated;
    find("train-known").textContent = images + areas === 0
      ? "Mark images as done, or parts of them as annotated areas (R), to train a model on them."
      : `${[images && counted(images, "image"), areas && counted(areas, "area")].filter(Boolean).join(" and ")} annotated.`;
    find("train-new").hidden = Boolean(current) || images + areas === 0;
    find("train-now").hidden = !current;
    if (!before || before.in_use !== told.in_use || before.current !== told.current || before.rounds.length !== told.rounds.length) this.#starts(told);
    if (current) this.#now(current);
    find("train-curves").hidden = !latest?.history.length;
    if (latest) curves(find("train-curves"), latest.history);
    this.rounds.show(told);
    if (!before || before.in_use !== told.in_use) this.actions.changed(told.in_use ? `round ${told.in_use}` : told.given);
    if (told.seen && told.seen.step !== this.step) {
      this.step = told.seen.step;
      this.viewer.refresh("preview");
    }
    this.viewer.preview = Boolean(current && find("train-watch").checked && told.seen?.image === this.viewer.number);
    this.viewer.redraw();
  }

  /** @param {Told} told */
  #starts(told) {
    const done = told.rounds.filter((round) => round.verdict).reverse();
    const options = [...done.map((round) => new Option(named(round.number), String(round.number))),
      new Option(named(told.given), told.given), new Option("nothing", "")];
    starts.replaceChildren(...options);
    starts.value = told.in_use ? String(told.in_use) : told.given;
  }

  /** @param {Round} round */
  #now(round) {
    const spent = Math.min(round.minutes, round.seconds / 60);
    bar.max = round.minutes;
    bar.value = spent;
    find("train-stop").disabled = round.state === "stopping";
    find("train-state").textContent = round.state === "stopping" ? `Round ${round.number} is stopping …`
      : spent >= round.minutes ? `Round ${round.number}: choosing thresholds …`
      : `Round ${round.number}: ${time(spent)} of ${time(round.minutes)}`;
  }

  /** Tell the training what is looked at, where that has changed. */
  async #watch() {
    const { viewer, told } = this;
    const wanted = Boolean(told?.current && find("train-watch").checked && viewer.image);
    if (!wanted) {
      viewer.preview = false;
      viewer.redraw();
      return;
    }
    const body = { image: viewer.number, ...viewer.place, box: viewer.camera.visible() };
    if (JSON.stringify(body) === this.watched) return;
    this.watched = JSON.stringify(body);
    await viewer.api.post("training/watch", body);
  }
}

/** @param {number} milliseconds @returns {Promise<boolean>} */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(() => resolve(true), milliseconds));

/** Draw losses and average precision over the validations. @param {HTMLElement} place @param {Record<string, number>[]} history */
function curves(place, history) {
  const column = (/** @type {string} */ name) => history.map((row) => row[name]).filter(Number.isFinite);
  const [learned, aside, precision] = ["train_loss", "validation_loss", "validation_average_precision"].map(column);
  const highest = Math.max(...learned, ...aside, 1e-9);
  const last = (/** @type {number[]} */ values) => (values.length ? values[values.length - 1].toFixed(2) : "–");
  place.replaceChildren(
    chart("Loss", [["learned", learned, `learned ${last(learned)}`], ["aside", aside, `set aside ${last(aside)}`]], highest),
    chart("Average precision of patches", [["precision", precision, last(precision)]], 1),
    element("p", "On patches of what is set aside, before thresholds are chosen. What came of it is judged on all that is set aside, after that, and may differ."),
  );
}

/** @param {string} title @param {[string, number[], string][]} series Name, values, what they are now. @param {number} highest */
function chart(title, series, highest) {
  const figure = element("figure");
  const caption = element("figcaption", title);
  for (const [name, , now] of series) {
    const shown = element("span", now);
    shown.className = name;
    caption.append(shown);
  }
  const [width, height, rim] = [100, 40, 2];
  const lines = series.map(([name, values]) => {
    const at = (/** @type {number} */ i) => (values.length > 1 ? (i / (values.length - 1)) * (width - 2 * rim) + rim : width / 2);
    const points = values.map((value, i) => `${at(i).toFixed(1)},${(height - rim - (Math.min(value, highest) / highest) * (height - 2 * rim)).toFixed(1)}`);
    const only = values.length === 1 ? [`${rim},${points[0].split(",")[1]}`, `${width - rim},${points[0].split(",")[1]}`] : points;
    return `<polyline class="${name}" points="${only.join(" ")}"/>`;
  });
  figure.innerHTML = `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img">${lines.join("")}</svg>`;
  figure.firstElementChild?.setAttribute("aria-label", `${title}: ${series.map(([, , now]) => now).join(", ")}`);
  figure.prepend(caption);
  return figure;
}
