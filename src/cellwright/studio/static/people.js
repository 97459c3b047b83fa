/** Several people at once: who is here, who you are, and what the others draw while you look. */

const EVERY = 1000; // ms between looks at what the others do
const FLASH = 1800; // ms for which a stroke of somebody else is marked
const REMEMBERED = "person";

/**
 * @typedef {{name: string, colour: string}} Person
 * @typedef {{edit: number, who: string, box: import("./api.js").Box}} Stroke
 */

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement} */ (document.getElementById(id));

/** Say who asks from now on: who the address or this browser names, or else whom the server takes one for. @param {import("./api.js").Api} api */
export async function introduce(api) {
  const name = new URLSearchParams(location.hash.slice(1)).get("as") ?? localStorage.getItem(REMEMBERED);
  if (name) await join(api, name).catch(() => localStorage.removeItem(REMEMBERED));
  /** @type {{you: string, shared: boolean, people: Person[]}} */
  const told = await api.get("people");
  return { ...told, known: Boolean(api.headers["X-Cellwright-Person"]) || !told.shared };
}

/** @param {import("./api.js").Api} api @param {string} name */
async function join(api, name) {
  const person = await api.post("people", { name });
  api.as(person.name);
  localStorage.setItem(REMEMBERED, person.name);
}

/** Lead links to other pages of this server, with the token and the name. @param {ParentNode} place @param {import("./api.js").Api} api */
export function links(place, api) {
  const all = /** @type {HTMLAnchorElement[]} */ ([...place.querySelectorAll("a[data-page]")]);
  for (const link of place instanceof HTMLAnchorElement ? [place] : all) {
    const said = new URLSearchParams({ token: api.token });
    const name = api.headers["X-Cellwright-Person"];
    if (name) said.set("as", decodeURIComponent(name));
    link.href = `${link.dataset.page}#${said}${link.dataset.more ? `&${link.dataset.more}` : ""}`;
  }
}

/** A round mark with the initials of a person. @param {Person} person @param {string} [tag] */
export function face({ name, colour }, tag = "span") {
  const element = document.createElement(tag);
  element.className = "face";
  element.textContent = initials(name);
  element.style.setProperty("--own", colour);
  element.style.setProperty("--tint", `${colour}30`);
  element.title = name;
  return element;
}

/** @param {string} name */
function initials(name) {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  return (words.length > 1 ? words[0][0] + words[words.length - 1][0] : name.slice(0, 2)).toLocaleUpperCase();
}

export class Together {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{notice: import("./notice.js").Notice, imageName: (number: number) => string,
   *   changed: (state: {can_undo: boolean, can_redo: boolean, facts: import("./object_classes.js").Fact[]}) => void}} actions
   */
  constructor(viewer, actions) {
    this.viewer = viewer;
    this.actions = actions;
    /** @type {Map<string, Person>} */
    this.people = new Map();
    this.you = "";
    this.since = 0;
    /** @type {Set<number>} Edits that this page has made and shown. */
    this.mine = new Set();
    /** @type {(Stroke & {until: number})[]} */
    this.flashes = [];
    viewer.decorations.push((pen) => this.#draw(pen));
  }

  /** Find out who one is, asking if need be. */
  async begin() {
    let told = await introduce(this.viewer.api);
    if (!told.known) {
      await askName(this.viewer.api, "");
      told = await introduce(this.viewer.api);
    }
    this.#take(told);
    this.#show([]);
    setInterval(() => document.visibilityState === "visible" && this.#look(), EVERY);
  }

  /** After another image was opened. @param {import("./api.js").ImageFacts} image */
  open(image) {
    this.since = image.edit;
    this.flashes = [];
    this.mine.clear();
  }

  /** A dot in somebody's colour. @param {string} name */
  dot(name) {
    const dot = document.createElement("i");
    dot.className = "dot";
    dot.style.background = this.people.get(name)?.colour ?? "var(--line)";
    return dot;
  }

  /** @param {{you: string, people: Person[]}} told */
  #take({ you, people }) {
    this.you = you;
    this.people = new Map(people.map((person) => [person.name, person]));
  }

  /** Fetch what the others have drawn. */
  async #look() {
    const { viewer, since } = this;
    if (!viewer.image || this.looking) return;
    this.looking = true;
    const number = viewer.number;
    try {
      /** @type {{edit: number, strokes: Stroke[], facts: import("./object_classes.js").Fact[], here: {name: string, image: number}[], unwritten: string, remark: string, can_undo: boolean, can_redo: boolean}} */
      const news = await viewer.api.get(`images/${number}/strokes`, { since });
      if (number !== viewer.number || since !== this.since) return;
      this.since = news.edit;
      const { unwritten, remark, edit } = news;
      this.lost = "";
      this.actions.notice.show(unwritten || remark, unwritten ? `${edit} ${unwritten}` : remark);
      const strokes = news.strokes.filter(({ edit }) => !this.mine.has(edit));
      if (!news.here.every(({ name }) => this.people.has(name))) this.#take(await viewer.api.get("people"));
      this.#show(news.here);
      if (!strokes.length && !news.facts.length) return;
      viewer.refresh("labels", strokes.map(({ box }) => box));
      this.#flash(strokes.filter(({ who }) => who !== this.you));
      this.actions.changed(news);
    } catch (error) {
      this.actions.notice.show(/** @type {Error} */ (error).message, (this.lost ||= `since ${performance.now()}`));
    } finally {
      this.looking = false;
    }
  }

  looking = false;
  lost = ""; // since when the program does not answer
  /** @param {Stroke[]} strokes */
  #flash(strokes) {
    const until = performance.now() + FLASH;
    this.flashes = [...this.flashes, ...strokes.map((stroke) => ({ ...stroke, until }))].slice(-64);
    setTimeout(() => {
      this.flashes = this.flashes.filter((flash) => flash.until > performance.now());
      this.viewer.redraw();
    }, FLASH + 20);
  }

  /** Show who is here, oneself first. @param {{name: string, image: number}[]} here */
  #show(here) {
    const others = here.filter(({ name }) => name !== this.you).sort((a, b) => a.name.localeCompare(b.name));
    const key = JSON.stringify([this.you, others]);
    if (find("people").dataset.key === key) return;
    find("people").dataset.key = key;
    const you = face(this.#person(this.you), "button");
    you.title = `You are ${this.you}. Say another name`;
    you.setAttribute("aria-label", you.title);
    you.onclick = () => this.#change();
    find("people").replaceChildren(you, ...others.map(({ name, image }) => {
      const element = face(this.#person(name));
      element.title = `${name}: ${this.actions.imageName(image)}`;
      element.setAttribute("role", "img");
      element.setAttribute("aria-label", element.title);
      element.classList.toggle("elsewhere", image !== this.viewer.number);
      return element;
    }));
  }

  /** @param {string} name @returns {Person} */
  #person(name) {
    return this.people.get(name) ?? { name, colour: "#808080" };
  }

  async #change() {
    if (await askName(this.viewer.api, this.you)) location.reload();
  }

  /** @param {CanvasRenderingContext2D} pen */
  #draw(pen) {
    const now = performance.now();
    for (const { who, box: [place, y, x, height, width], until } of this.flashes) {
      if (until < now || !this.viewer.isAt(place, this.viewer.place)) continue;
      const [left, top] = this.viewer.camera.toView(y, x);
      const [right, bottom] = this.viewer.camera.toView(y + height, x + width);
      mark(pen, [left - 5, top - 5, right - left + 10, bottom - top + 10], this.#person(who));
    }
  }
}

/** Ask for a name until there is one; whether one was given. @param {import("./api.js").Api} api @param {string} name Until now. @returns {Promise<boolean>} */
export function askName(api, name) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("who"));
  find("who-name").value = name;
  find("who-wrong").hidden = true;
  dialog.showModal();
  find("who-name").select();
  return new Promise((resolve) => {
    dialog.oncancel = (event) => (name ? resolve(false) : event.preventDefault());
    find("who-form").onsubmit = async (event) => {
      event.preventDefault();
      try {
        await join(api, find("who-name").value);
        dropName();
        dialog.close();
        resolve(true);
      } catch (error) {
        find("who-wrong").textContent = /** @type {Error} */ (error).message;
        find("who-wrong").hidden = false;
      }
    };
  });
}

/** Forget the name in the address: another one was said. */
function dropName() {
  const said = new URLSearchParams(location.hash.slice(1));
  said.delete("as");
  history.replaceState(null, "", `#${said}`);
}

/** A frame in somebody's colour, with the name. @param {CanvasRenderingContext2D} pen @param {[number, number, number, number]} box x, y, width, height @param {Person} person */
function mark(pen, [x, y, width, height], { name, colour }) {
  pen.save();
  for (const [stroke, line] of /** @type {[string, number][]} */ ([["#0009", 4], [colour, 2]])) {
    pen.strokeStyle = stroke;
    pen.lineWidth = line;
    pen.beginPath();
    pen.roundRect(x, y, width, height, 6);
    pen.stroke();
  }
  pen.font = "600 12px system-ui, sans-serif";
  const wide = pen.measureText(name).width + 12;
  pen.fillStyle = colour;
  pen.beginPath();
  pen.roundRect(x, y - 23, wide, 19, 5);
  pen.fill();
  pen.fillStyle = "#fff";
  pen.fillText(name, x + 6, y - 9);
  pen.restore();
}
