/** The page that compares: the same image as several people drew it, side by side, difference by difference. */

import { Api } from "./api.js";
import { Channels } from "./channels.js";
import { Images } from "./images.js";
import { Keys } from "./keys.js";
import { frame } from "./pen.js";
import { face, introduce, links } from "./people.js";
import { Sliders } from "./sliders.js";
import { themeButton } from "./theme.js";
import { Tools } from "./tools.js";
import { Viewer } from "./viewer.js";

/**
 * @typedef {{key: string, members: Record<string, number>, box: [number, number, number, number], iou: number,
 *   choice: "open" | "agree" | "take" | "none" | "draw", person: string, who: string}} Case
 * @typedef {{people: string[], pairs: import("./people_page.js").Pair[], objects: number, cases: Case[], consensus: "none" | "old" | "written"}} Found
 * @typedef {{viewer: Viewer, tools: Tools, place: HTMLElement}} Pane
 */

const AROUND = 1.2; // of an object, on each side
const MARGIN = 3; // px round it
const SMALLEST = 40; // px that are shown of an image
const POINTER = {
  select: { key: "V", name: "Move", cursor: "default" },
  lasso: { key: "D", name: "Draw the outline", cursor: "crosshair" },
};
const CONSENSUS = {
  none: "What is agreed or decided becomes the labels of the image, on which models are trained.",
  old: "The labels are older than what was drawn or decided since.",
  written: "Written: these are the labels of the image.",
};

const query = new URLSearchParams(location.hash.slice(1));
const api = new Api(query.get("token") ?? "");
const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLButtonElement} */ (document.getElementById(id));

/** @param {unknown} error */
function say(error) {
  find("message").textContent = /** @type {Error} */ (error).message;
  find("message").hidden = false;
}

class Compare {
  /** @param {Map<string, import("./people.js").Person>} people */
  constructor(people) {
    this.people = people;
    /** @type {Pane[]} */
    this.panes = [];
    /** @type {Found | null} */
    this.found = null;
    this.current = 0;
    this.images = new Images(find("images"), api, (number) => this.open(number));
    this.sliders = new Sliders(find("sliders"), (place) => this.#go(place));
    find("consensus").onclick = () => this.write();
    new Keys({ all: this.#keys() });
  }

  async begin() {
    const { images } = await api.get("project");
    const { images: compared } = await api.get("agreement");
    this.numbers = compared.map((/** @type {{image: number}} */ one) => one.image);
    this.images.show(images);
    [...find("images").children].forEach((entry, number) => { /** @type {HTMLElement} */ (entry).hidden = !this.numbers.includes(number); });
    const wanted = Number(query.get("image") ?? this.numbers[0]);
    if (this.numbers.includes(wanted)) await this.open(wanted);
    else this.#nothing();
  }

  /** @type {number[]} */
  numbers = [];

  /** @param {number} number */
  async open(number) {
    this.images.select(number);
    find("title").textContent = this.images.images[number].name;
    find("message").hidden = true;
    this.found = null; // until the image is there, nothing can be decided about either
    for (const { tools, viewer } of this.panes) {
      tools.cancel();
      viewer.close();
    }
    try {
      const image = await api.get(`images/${number}`);
      if (number !== this.images.current) return;
      this.sliders.open(image);
      const found = await api.get(`images/${number}/agreement`, this.sliders.place);
      if (number !== this.images.current) return;
      this.#panes(found.people);
      for (const { viewer } of this.panes) {
        viewer.open(image, number);
        viewer.place = this.sliders.place;
        viewer.camera = this.panes[0].viewer.camera;
      }
      const channels = document.createElement("div");
      for (const { viewer } of this.panes) await new Channels(channels, viewer).open();
      if (!this.#shows(number, this.sliders.place)) return;
      this.#take(found);
      this.choose(0);
    } catch (error) {
      say(error);
    }
  }

  /** Show a difference, and what can be done about it. @param {number} current */
  choose(current) {
    const cases = this.found?.cases ?? [];
    this.current = Math.max(0, Math.min(cases.length - 1, current));
    const one = cases[this.current];
    for (const { tools } of this.panes) tools.choose("select");
    if (one) this.panes[0].viewer.camera.show(around(one.box));
    this.#redraw();
    this.#describe();
  }

  /** @param {Case["choice"]} choice @param {object} [more] */
  async decide(choice, more) {
    const one = this.found?.cases[this.current];
    if (!one) return;
    find("saved").textContent = "Saving …";
    try {
      const { number, place } = this.panes[0].viewer;
      const found = await api.post(`images/${number}/agreement`, { ...place, key: one.key, choice, ...more });
      find("saved").textContent = "Saved";
      if (!this.#shows(number, place)) return;
      this.#take(found);
      find("message").hidden = true;
      const next = this.found?.cases.findIndex((other) => other.choice === "open") ?? -1;
      const same = this.found?.cases.findIndex((other) => other.key === one.key) ?? 0;
      this.choose(choice !== "open" && next >= 0 ? next : same);
    } catch (error) {
      find("saved").textContent = "";
      say(error);
    }
  }

  /** Make what is agreed the labels of the image. */
  async write() {
    if (!this.found || find("consensus").disabled) return;
    try {
      const { number, place } = this.panes[0].viewer;
      const { open } = await api.post(`images/${number}/consensus`);
      find("saved").textContent = open ? `${open} left out: not decided` : "Labels written";
      const found = await api.get(`images/${number}/agreement`, place);
      if (!this.#shows(number, place)) return;
      this.#take(found);
      this.#describe();
    } catch (error) {
      say(error);
    }
  }

  /** Whether a plane of an image is still what is looked at. @param {number} number @param {import("./sliders.js").Place} place */
  #shows(number, place) {
    const viewer = this.panes[0]?.viewer;
    return viewer?.number === number && viewer.place === place;
  }

  #nothing() {
    document.body.classList.add("nothing");
    find("panes").innerHTML = `<div id="none"><h2>Nothing to compare yet</h2>
      <p>Two people have to draw the same image, each alone. Share images out to them: two people for each image, and “Each draws alone” ticked. What they draw is then compared here.</p>
      <a class="wide" data-page="/static/people.html">Share images out</a></div>`;
    links(find("panes"), api);
    find("panes").setAttribute("aria-busy", "false");
    find("consensus").disabled = true;
  }

  /** One pane for each person. @param {string[]} people */
  #panes(people) {
    if (people.join() === this.panes.map(({ viewer }) => viewer.of).join()) return;
    find("panes").replaceChildren();
    this.panes = people.map((name) => {
      const place = document.createElement("div");
      place.className = "pane";
      place.innerHTML = `<h2></h2><div class="view" tabindex="0" role="application"><canvas></canvas><canvas></canvas></div>`;
      const [title, view] = /** @type {HTMLElement[]} */ ([...place.children]);
      title.append(face(this.#person(name)), name);
      view.setAttribute("aria-label", `As ${name} drew it`);
      find("panes").append(place);
      const viewer = new Viewer(view, api);
      viewer.of = name;
      viewer.tiles.onerror = say;
      viewer.decorations.push((pen) => this.#frame(pen, viewer));
      const tools = new Tools(viewer, {
        edit: (edit) => this.decide("draw", { points: /** @type {any} */ (edit).points }),
        area: async () => {},
        click: () => {},
        hover: () => {},
      }, POINTER);
      viewer.moved.push(() => this.#follow());
      return { viewer, tools, place };
    });
  }

  seen = "";

  /** Let all panes show the same part. */
  #follow() {
    const { x, y, scale } = this.panes[0]?.viewer.camera ?? {};
    const now = `${x} ${y} ${scale}`;
    if (now === this.seen) return;
    this.seen = now;
    this.#redraw();
  }

  #redraw() {
    for (const { viewer } of this.panes) viewer.redraw();
  }

  /** @param {import("./sliders.js").Place} place */
  async #go(place) {
    const number = this.panes[0]?.viewer.number ?? -1;
    if (number < 0) return;
    this.found = null; // what is decided about is on the plane before
    for (const { viewer } of this.panes) viewer.place = place;
    this.#redraw();
    try {
      const found = await api.get(`images/${number}/agreement`, place);
      if (!this.#shows(number, place)) return;
      this.#take(found);
      this.choose(0);
    } catch (error) {
      say(error);
    }
  }

  /** @param {Found} found */
  #take(found) {
    this.found = found;
    find("panes").setAttribute("aria-busy", "false");
    find("scores").replaceChildren(...found.pairs.flatMap((pair) => [...scores(pair, found.pairs.length > 1)]));
    find("consensus-state").textContent = CONSENSUS[found.consensus];
    find("consensus").disabled = found.consensus === "written" || found.people.length < 2;
  }

  #describe() {
    const cases = this.found?.cases ?? [];
    const one = cases[this.current];
    const open = cases.filter(({ choice }) => choice === "open").length;
    find("h-case").textContent = cases.length ? `Difference ${this.current + 1} of ${cases.length}` : "Difference";
    const nothing = this.found?.objects ? "They agree on everything here." : "Nobody has drawn an object here yet.";
    find("case").textContent = one ? this.#told(one) : nothing;
    find("hint").textContent = !one ? "" : open ? `${open} still to decide. ↑ and ↓ go through them.` : "All are decided. ↑ and ↓ go through them.";
    find("choices").replaceChildren(...(one ? this.#choices(one) : []));
    for (const { viewer, place } of this.panes) place.classList.toggle("chosen", one?.choice === "take" && one.person === viewer.of);
    find("cases").replaceChildren(...cases.map((other, i) => this.#row(other, i)));
    bringIntoSight(find("cases"), find("cases").querySelectorAll("li")[this.current]);
  }

  /** @param {Case} one */
  #told({ members, iou }) {
    const names = Object.keys(members);
    const alike = `${Math.round(100 * iou)} % alike`;
    return names.length === 1 ? `Only ${names[0]} drew this.` : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]} drew this, ${alike}.`;
  }

  /** @param {Case} one */
  #choices(one) {
    const names = Object.keys(one.members);
    const buttons = names.map((name) => this.#choice(`Take ${name}’s outline`, String(this.#number(name)), one.choice === "take" && one.person === name, () => this.decide("take", { of: name }), face(this.#person(name))));
    if (names.length > 1) buttons.push(this.#choice("Take the middle of them", "M", one.choice === "agree", () => this.decide("agree")));
    buttons.push(this.#choice("There is no object", "N", one.choice === "none", () => this.decide("none")));
    buttons.push(this.#choice("Draw the outline anew", "D", one.choice === "draw", () => this.draw()));
    if (one.who) buttons.push(this.#choice("Leave it open", "O", false, () => this.decide("open")));
    return buttons;
  }

  /** @param {string} text @param {string} key @param {boolean} pressed @param {() => void} act @param {HTMLElement} [icon] */
  #choice(text, key, pressed, act, icon) {
    const button = document.createElement("button");
    button.className = "wide";
    button.setAttribute("aria-pressed", String(pressed));
    const hint = document.createElement("kbd");
    hint.textContent = key;
    button.append(...(icon ? [icon] : []), text, hint);
    button.onclick = act;
    return button;
  }

  /** Draw the outline in any of the panes. */
  draw() {
    for (const { tools } of this.panes) tools.choose("lasso");
    find("hint").textContent = "Draw round the object in any of the pictures, or click its corners. Esc stops.";
  }

  /** @param {Case} one @param {number} i */
  #row(one, i) {
    const line = document.createElement("li");
    const button = document.createElement("button");
    if (i === this.current) button.setAttribute("aria-current", "true");
    const what = { open: "open", agree: "the middle", take: `as ${one.person}`, none: "no object", draw: "drawn anew" }[one.choice];
    const told = document.createElement("output");
    told.textContent = what;
    button.append(...Object.keys(one.members).map((name) => face(this.#person(name))), told);
    button.onclick = () => this.choose(i);
    line.append(button);
    return line;
  }

  /** @param {string} name */
  #person(name) {
    return this.people.get(name) ?? { name, colour: "#808080" };
  }

  /** Which key stands for a person. @param {string} name */
  #number(name) {
    return (this.found?.people.indexOf(name) ?? 0) + 1;
  }

  /** @param {CanvasRenderingContext2D} pen @param {Viewer} viewer */
  #frame(pen, viewer) {
    const one = this.found?.cases[this.current];
    if (!one) return;
    const has = viewer.of !== null && viewer.of in one.members;
    if (!has) pen.setLineDash([7, 5]);
    frame(pen, ...viewer.camera.frame(one.box, MARGIN));
    pen.setLineDash([]);
  }

  /** @returns {import("./keys.js").Key[]} */
  #keys() {
    const digits = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    const camera = () => this.panes[0]?.viewer.camera;
    const zoom = (/** @type {number} */ by) => { camera()?.zoom(by); this.#redraw(); };
    return [
      { keys: digits, what: "Take an outline", act: (event) => this.#takeOf(Number(event.key)) },
      { keys: ["M"], what: "The middle", act: () => this.decide("agree") },
      { keys: ["N"], what: "No object", act: () => this.decide("none") },
      { keys: ["D"], what: "Draw", act: () => this.draw() },
      { keys: ["O"], what: "Leave open", act: () => this.decide("open") },
      { keys: ["W"], what: "Write the labels", act: () => this.write() },
      { keys: ["ArrowDown"], what: "Next", act: () => this.choose(this.current + 1) },
      { keys: ["ArrowUp"], what: "Previous", act: () => this.choose(this.current - 1) },
      { keys: ["+", "="], what: "Zoom in", act: () => zoom(1.25) },
      { keys: ["-"], what: "Zoom out", act: () => zoom(0.8) },
      { keys: ["Escape"], what: "Stop drawing", act: () => this.choose(this.current) },
    ];
  }

  /** @param {number} number */
  #takeOf(number) {
    const name = this.found?.people[number - 1];
    const one = this.found?.cases[this.current];
    if (name && one && name in one.members) this.decide("take", { of: name });
  }
}

/** @param {import("./people_page.js").Pair} pair @param {boolean} several */
function* scores(pair, several) {
  const lines = [["Same objects", `${pair.both}`], [`Only ${pair.people[0]}`, `${pair.only_first}`], [`Only ${pair.people[1]}`, `${pair.only_second}`],
    ["F1 at IoU 0.5", pair.f1.toFixed(2)], ["κ of pixels", pair.kappa?.toFixed(2) ?? "–"], ...(pair.class_kappa === null ? [] : [["κ of classes", pair.class_kappa.toFixed(2)]])];
  for (const [name, value] of several ? [[pair.people.join(" and "), ""], ...lines] : lines) {
    const [term, said] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    said.textContent = value;
    if (!value) term.className = "couple";
    yield term;
    if (value) yield said;
  }
}

/** Scroll a list, and nothing else, to one of its rows. @param {HTMLElement} list @param {HTMLElement | undefined} row */
function bringIntoSight(list, row) {
  if (!row) return;
  const end = row.offsetTop + row.offsetHeight - list.clientHeight;
  list.scrollTop = Math.min(row.offsetTop, Math.max(end, list.scrollTop));
}

/** What is shown of a difference: enough to see where it is. @param {Case["box"]} box @returns {Case["box"]} */
function around([y0, x0, y1, x1]) {
  const half = Math.max(SMALLEST, (0.5 + AROUND) * Math.max(y1 - y0, x1 - x0));
  const [y, x] = [(y0 + y1) / 2, (x0 + x1) / 2];
  return [y - half, x - half, y + half, x + half];
}

try {
  const told = await introduce(api);
  links(document, api);
  themeButton(find("theme"));
  await new Compare(new Map(told.people.map((person) => [person.name, person]))).begin();
} catch (error) {
  say(error);
}
