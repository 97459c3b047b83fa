/** Another image beside the one that is annotated, at the same place: raw beside restored, or the same without its labels. */

import { Camera } from "./camera.js";
import { Channels } from "./channels.js";
import { counterpart } from "./counterparts.js";
import { cross } from "./pen.js";
import { Tools } from "./tools.js";
import { Viewer } from "./viewer.js";

/**
 * @typedef {import("./api.js").ImageFacts} ImageFacts
 * @typedef {import("./tools.js").Point} Point
 * @typedef {{viewer: Viewer, point: Point}} Pointer
 * @typedef {[string, string]} Couple Names of an image and of the one that was put beside it.
 */

const NOTHING = "";
const ALONE = "alone"; // the same image, without its labels
const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class Beside {
  /**
   * @param {Viewer} viewer Of the image that is annotated.
   * @param {{names: () => string[], pointed: (point: Point | null, viewer: Viewer) => void, say: (error: Error) => void}} actions
   */
  constructor(viewer, actions) {
    this.viewer = viewer;
    this.actions = actions;
    this.place = find("reference");
    this.select = /** @type {HTMLSelectElement} */ (document.getElementById("beside"));
    /** @type {Viewer | null} */
    this.reference = null;
    /** @type {ImageFacts | null} What the reference shows; null for nothing. */
    this.image = null;
    this.choice = NOTHING;
    /** @type {Couple | null} */
    this.couple = null;
    /** @type {[string, Couple | null]} What was chosen before nothing was. */
    this.before = [ALONE, null];
    /** @type {Pointer | null} */
    this.pointer = null;
    this.round = 0;
    this.seen = "";
    this.select.onchange = () => this.choose(this.select.value);
    this.#join(viewer);
  }

  /** Offer the images of the folder. */
  offer() {
    const option = (/** @type {string} */ name, /** @type {string} */ value) => new Option(name, value);
    this.select.replaceChildren(option("nothing", NOTHING), option("this image without labels", ALONE), ...this.actions.names().map((name, number) => option(name, String(number))));
    this.select.value = this.choice;
  }

  /** @param {string} choice `NOTHING`, `ALONE` or the number of an image. */
  choose(choice) {
    const names = this.actions.names();
    const isImage = choice !== NOTHING && choice !== ALONE;
    return this.#put(choice, isImage ? [names[this.viewer.number], names[Number(choice)]] : null);
  }

  /** Switch it on and off. */
  toggle() {
    return this.#isOff() ? this.#put(...this.before) : this.#put(NOTHING, null);
  }

  /** @param {string} choice @param {Couple | null} couple */
  #put(choice, couple) {
    if (!this.#isOff()) this.before = [this.choice, this.couple];
    this.choice = choice;
    this.couple = couple;
    return this.open();
  }

  #isOff() {
    return this.choice === NOTHING && !this.couple;
  }

  /** Another image was opened, or another one is wanted beside it. */
  async open() {
    const round = ++this.round;
    const { number, image } = this.viewer;
    if (!image) return;
    const names = this.actions.names();
    if (this.couple) this.choice = String(counterpart(this.couple, names[number], names) ?? NOTHING);
    this.select.value = this.choice;
    find("beside-why").textContent = this.couple && this.choice === NOTHING ? "No image of the folder belongs to this one." : "";
    if (this.choice === NOTHING) return this.#hide();
    const other = this.choice === ALONE ? number : Number(this.choice);
    try {
      const facts = other === number ? image : await this.viewer.api.get(`images/${other}`);
      if (round !== this.round) return;
      const why = unlike(image, facts);
      find("beside-why").textContent = why;
      if (why) return this.#hide();
      await this.#show(facts, other);
    } catch (error) {
      if (round !== this.round) return;
      this.#hide();
      this.actions.say(/** @type {Error} */ (error));
    }
  }

  /** Show nothing until an image is open again; the room for it stays. */
  close() {
    this.round++;
    this.image = null;
    this.pointer = null;
    this.reference?.close();
  }

  /** The pointer is over one of the two images, or has left it. @param {Viewer} viewer @param {Point | null} point */
  hover(viewer, point) {
    if (point) this.pointer = { viewer, point };
    else if (this.pointer?.viewer === viewer) this.pointer = null;
    this.actions.pointed(this.pointer?.point ?? null, this.pointer?.viewer ?? this.viewer);
    this.#follow(viewer);
  }

  /** @param {ImageFacts} image @param {number} number */
  async #show(image, number) {
    this.place.hidden = false;
    const reference = this.reference ??= this.#make();
    reference.camera = new Camera(); // the one they share stays where it is
    reference.open(image, number);
    reference.camera = this.viewer.camera;
    this.image = image;
    const name = number === this.viewer.number ? "without labels" : this.actions.names()[number];
    find("reference-name").textContent = name;
    find("reference-view").setAttribute("aria-label", `Beside it: ${name}`);
    if (number !== this.viewer.number) await this.channels?.open();
    this.seen = "";
    this.#follow(this.viewer);
  }

  #hide() {
    if (this.reference) {
      this.reference.camera = new Camera(); // what is not seen has no size, and must not tell the other one
      this.reference.close();
    }
    this.image = null;
    this.pointer = null;
    this.place.hidden = true;
  }

  #make() {
    const reference = new Viewer(find("reference-view"), this.viewer.api);
    reference.tiles.onerror = this.actions.say;
    new Tools(reference, {
      edit: async () => {},
      area: async () => {},
      click: () => {},
      hover: (point) => this.hover(reference, point),
    }, {});
    this.channels = new Channels(document.createElement("div"), reference);
    this.#join(reference);
    return reference;
  }

  /** @param {Viewer} viewer */
  #join(viewer) {
    viewer.moved.push(() => this.#follow(viewer));
    viewer.decorations.push((pen) => {
      if (this.image && this.pointer && this.pointer.viewer !== viewer) cross(pen, ...viewer.camera.toView(...this.pointer.point));
    });
  }

  /** Let the other image show the same, once one of them was moved. @param {Viewer} moved */
  #follow(moved) {
    const { viewer, reference, image } = this;
    if (!reference || !image) return;
    const { camera: { x, y, scale }, place, labels, channels } = viewer;
    const now = JSON.stringify([x, y, scale, place, labels, channels, this.pointer?.point]);
    if (now === this.seen) return;
    this.seen = now;
    const alone = reference.number === viewer.number;
    reference.place = { t: image.frames > 1 ? place.t : 0, z: image.planes > 1 ? place.z : 0 };
    reference.labels = { ...labels, shown: labels.shown && !alone, selected: 0, classed: false };
    if (alone) reference.channels = channels;
    else if (channels.length === reference.channels.length) {
      channels.forEach(({ visible, colour, gamma }, i) => Object.assign(reference.channels[i], { visible, colour, gamma }));
    }
    (moved === viewer ? reference : viewer).redraw();
  }
}

/** Why an image cannot stand beside another; nothing where it can. @param {ImageFacts} image @param {ImageFacts} other */
function unlike(image, other) {
  const [[height, width], [rows, columns]] = [image.levels[0], other.levels[0]];
  if (height !== rows || width !== columns) return `It has ${columns} × ${rows} px, this image has ${width} × ${height}.`;
  for (const [axis, name] of /** @type {["frames" | "planes", string][]} */ ([["frames", "frames"], ["planes", "planes"]])) {
    if (other[axis] > 1 && other[axis] !== image[axis]) return `It has ${other[axis]} ${name}, this image has ${image[axis]}.`;
  }
  return "";
}
