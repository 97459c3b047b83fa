/** The classes of objects: which there are, what every object is, and the panel that shows it. */

/**
 * @typedef {{id: number, name: string, colour: string, key: number}} ObjectClass
 * @typedef {[string, number, any]} Fact about, number, value; null where nothing is said any more
 */

const COUNT_AFTER = 300; // ms after an edit
const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement} */ (document.getElementById(id));

export class ObjectClasses {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{say: (error: Error) => void, chosen: () => void}} actions `chosen` is called when a class was chosen for what comes next.
   */
  constructor(viewer, actions) {
    this.viewer = viewer;
    this.actions = actions;
    /** @type {ObjectClass[]} */
    this.classes = [];
    /** @type {Map<number, number>} Class by label. */
    this.known = new Map();
    /** @type {Record<string, number>} */
    this.counts = {};
    this.active = 0;
    this.opened = 0; // the class whose details are shown
    this.counting = 0;
    const form = /** @type {HTMLFormElement} */ (document.getElementById("class-new"));
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#add(/** @type {HTMLInputElement} */ (form.elements.namedItem("name")));
    };
    find("show-classes").onchange = () => this.#paint();
  }

  async begin() {
    this.#list(await this.viewer.api.get("classes"));
  }

  /** Show what is said of the image that was opened. @param {Record<string, Record<string, any>>} facts */
  async show(facts) {
    this.known = new Map(Object.entries(facts.class).map(([label, kind]) => [Number(label), kind]));
    this.#paint();
    await this.#count();
  }

  /** Until the next image is there. */
  forget() {
    this.known = new Map();
    this.counts = {};
  }

  /** After an edit. @param {Fact[]} facts */
  async take(facts) {
    const own = facts.filter(([about]) => about === "class");
    for (const [, label, kind] of own) {
      if (kind === null) this.known.delete(label);
      else this.known.set(label, kind);
    }
    const kinds = facts.map(([about, , value]) => (about === "class" ? value : value?.class));
    if (kinds.some((kind) => kind && !this.get(kind))) this.#list(await this.viewer.api.get("classes"));
    if (own.length) this.#paint();
    if (this.classes.length) this.#countSoon();
  }

  /** The class of an object, if it has one. @param {number} label */
  of(label) {
    return this.get(this.known.get(label) ?? 0);
  }

  /** @param {number} id */
  get(id) {
    return this.classes.find((one) => one.id === id);
  }

  /** The class of a key. @param {number} key */
  byKey(key) {
    return this.classes.find((one) => one.key === key);
  }

  /** What is drawn from now on is of this class; the same again: of none. @param {number} id */
  choose(id) {
    this.active = id;
    this.#draw();
    this.actions.chosen();
  }

  /** @param {HTMLInputElement} field */
  async #add(field) {
    if (!field.value.trim()) return;
    if (!(await this.#post("classes", { name: field.value }))) return;
    field.value = "";
    this.choose(this.classes[this.classes.length - 1].id);
  }

  /** Change the classes; says whether that was possible. @param {string} path @param {object} body */
  async #post(path, body) {
    try {
      this.#list(await this.viewer.api.post(path, body));
      return true;
    } catch (error) {
      this.actions.say(/** @type {Error} */ (error));
      this.#draw();
      return false;
    }
  }

  /** @param {ObjectClass[]} classes */
  #list(classes) {
    this.classes = classes;
    if (!this.get(this.active)) this.active = 0;
    this.#paint();
    this.#draw();
    this.#countSoon();
  }

  #countSoon() {
    clearTimeout(this.counting);
    this.counting = setTimeout(() => this.#count(), COUNT_AFTER);
  }

  async #count() {
    if (!this.classes.length || !this.viewer.image) return;
    const { number } = this.viewer;
    const found = await this.viewer.api.get(`images/${number}/classes`).catch(() => null);
    if (!found || number !== this.viewer.number) return;
    this.counts = found.counts;
    this.#numbers();
  }

  /** Give objects the colours of their classes. */
  #paint() {
    const { viewer } = this;
    // Where nothing has a class yet, objects keep the colours that tell them apart.
    viewer.labels.classed = this.known.size > 0 && find("show-classes").checked;
    if (viewer.labels.classed) {
      const colours = new Map(this.classes.map(({ id, colour }) => [id, 1 + parseInt(colour.slice(1), 16)]));
      let largest = 0;
      for (const label of this.known.keys()) largest = Math.max(largest, label);
      const values = new Float32Array(largest + 1);
      for (const [label, kind] of this.known) values[label] = colours.get(kind) ?? 0;
      viewer.painter.setColours(values);
    }
    viewer.redraw();
  }

  #draw() {
    find("classes").replaceChildren(...this.classes.map((one) => this.#row(one)));
    find("classes-none").hidden = this.classes.length > 0;
    find("classes-shown").hidden = this.classes.length === 0;
    this.#numbers();
  }

  #numbers() {
    for (const place of /** @type {NodeListOf<HTMLElement>} */ (find("classes").querySelectorAll("output"))) {
      place.textContent = (this.counts[place.dataset.id ?? ""] ?? 0).toLocaleString("en");
    }
    find("classes-unknown").textContent = `${(this.counts[0] ?? 0).toLocaleString("en")} of no class`;
  }

  /** @param {ObjectClass} one */
  #row(one) {
    const row = document.createElement("li");
    row.innerHTML = `<div class="class-line"><input type="color"><button class="class-pick"><span></span><output data-id="${one.id}"></output>${one.key ? `<kbd>${one.key}</kbd>` : ""}</button>
      <button class="class-more" title="Name, key, remove"><svg viewBox="0 0 20 20"><path d="M4.500 10h.1M10 10h.1M15.500 10h.1"/></svg></button></div>`;
    const [pick, more] = /** @type {HTMLButtonElement[]} */ ([...row.querySelectorAll("button")]);
    const colour = /** @type {HTMLInputElement} */ (row.querySelector("input"));
    /** @type {HTMLElement} */ (pick.firstElementChild).textContent = one.name;
    pick.title = `What you draw from now on is “${one.name}”${one.key ? ` (${one.key})` : ""}`;
    pick.setAttribute("aria-pressed", String(one.id === this.active));
    pick.onclick = () => this.choose(one.id === this.active ? 0 : one.id);
    colour.value = one.colour;
    colour.setAttribute("aria-label", `Colour of ${one.name}`);
    colour.onchange = () => this.#post("classes/change", { class: one.id, colour: colour.value });
    more.setAttribute("aria-label", `Name and key of ${one.name}`);
    more.setAttribute("aria-expanded", String(one.id === this.opened));
    more.onclick = () => {
      this.opened = one.id === this.opened ? 0 : one.id;
      this.#draw();
    };
    if (one.id === this.opened) row.append(this.#details(one));
    return row;
  }

  /** @param {ObjectClass} one */
  #details(one) {
    const place = document.createElement("div");
    place.className = "class-details";
    place.innerHTML = `<input type="text" maxlength="60" aria-label="Name"><select aria-label="Key"><option value="0">no key</option></select><button class="wide">Remove</button>`;
    const name = /** @type {HTMLInputElement} */ (place.querySelector("input"));
    const key = /** @type {HTMLSelectElement} */ (place.querySelector("select"));
    for (let digit = 1; digit <= 9; digit++) key.append(new Option(String(digit), String(digit)));
    name.value = one.name;
    key.value = String(one.key);
    name.onchange = () => this.#post("classes/change", { class: one.id, name: name.value });
    key.onchange = () => this.#post("classes/change", { class: one.id, key: Number(key.value) });
    /** @type {HTMLButtonElement} */ (place.querySelector("button")).onclick = () => this.#post("classes/remove", { class: one.id });
    return place;
  }
}
