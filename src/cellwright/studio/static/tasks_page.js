/** Small tasks: one object at a time, yes or no, or its outline. */

import { Api } from "./api.js";
import { Channels } from "./channels.js";
import { Keys } from "./keys.js";
import { askName, face, introduce } from "./people.js";
import { themeButton } from "./theme.js";
import { Tools } from "./tools.js";
import { Viewer } from "./viewer.js";

/**
 * @typedef {{id: number, image: number, place: {t: number, z: number}, kind: "judge" | "outline",
 *   box: [number, number, number, number], outlines: import("./tools.js").Point[][]}} Task
 * @typedef {{left: number, done: number, task: Task | null}} Next
 * @typedef {"yes" | "no" | "unsure"} Said
 */

const AROUND = 1.4; // of an object, on each side
const SMALLEST = 24; // px that are shown on each side of its middle
const LINE = 2; // CSS px
const MARGIN = 2; // px between an object and its frame
const QUESTIONS = { judge: "Is this outline right?", outline: "Draw the outline of the object in the frame" };
const HINTS = { judge: "", outline: "Draw round it with the pointer or a finger, or click its corners and end at the first one. Esc begins anew." };
/** @type {Record<Task["kind"], [Said, string, string][]>} */
const ANSWERS = {
  judge: [["no", "No", "N"], ["unsure", "Cannot tell", "U"], ["yes", "Yes", "Y"]],
  outline: [["no", "There is no object", "N"], ["unsure", "Cannot tell", "U"]],
};
const POINTER = {
  select: { key: "V", name: "Move", cursor: "default" },
  lasso: { key: "L", name: "Draw the outline", cursor: "crosshair" },
};

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLButtonElement} */ (document.getElementById(id));

/** @param {unknown} error */
function say(error) {
  find("message").textContent = /** @type {Error} */ (error).message;
  find("message").hidden = false;
}

class Volunteer {
  /** @param {Api} api */
  constructor(api) {
    this.api = api;
    this.viewer = new Viewer(find("stage"), api);
    this.viewer.labels.shown = false;
    this.viewer.tiles.onerror = say;
    this.viewer.decorations.push((pen) => this.#draw(pen));
    this.tools = new Tools(this.viewer, {
      edit: (edit) => this.answer("yes", /** @type {any} */ (edit).points),
      area: async () => {},
      click: () => {},
      hover: () => {},
    }, POINTER);
    /** @type {Task | null} */
    this.task = null;
    /** @type {Task | null} What was answered last. */
    this.last = null;
    this.busy = false;
    find("back").onclick = () => this.back();
    const press = (/** @type {string} */ key) => () => /** @type {HTMLElement | null} */ (document.querySelector(`#answers [data-key=${key}]`))?.click();
    const zoom = (/** @type {number} */ by) => { this.viewer.camera.zoom(by); this.viewer.redraw(); };
    new Keys({ all: [
      { keys: ["Y"], what: "Yes", act: press("Y") },
      { keys: ["N"], what: "No", act: press("N") },
      { keys: ["U"], what: "Cannot tell", act: press("U") },
      { keys: ["B"], what: "Back", act: () => this.back() },
      { keys: ["+", "="], what: "Zoom in", act: () => zoom(1.25) },
      { keys: ["-"], what: "Zoom out", act: () => zoom(0.8) },
      { keys: ["Escape"], what: "Begin the outline anew", act: () => this.tools.cancel() },
    ] });
  }

  async begin() {
    await this.#take(await this.api.get("tasks/next"));
  }

  /** @param {Said} answer @param {import("./tools.js").Point[]} [points] */
  async answer(answer, points) {
    const { task } = this;
    if (!task || this.busy) return;
    this.busy = true;
    try {
      find("message").hidden = true;
      const next = await this.api.post("tasks/answer", { task: task.id, answer, ...(points ? { points } : {}) });
      this.last = task;
      await this.#take(next);
    } catch (error) {
      say(error);
      await this.begin().catch(say); // others may have settled it
    }
    this.busy = false;
  }

  /** Show the last one again. */
  async back() {
    if (!this.last || this.busy) return;
    this.busy = find("back").disabled = true;
    await this.#ask(this.last).catch(say);
    this.last = null;
    this.busy = false;
  }

  /** @param {Next} next */
  async #take({ left, done, task }) {
    const progress = /** @type {HTMLProgressElement} */ (document.getElementById("bar"));
    progress.max = Math.max(1, left + done);
    progress.value = done;
    find("count").textContent = left ? `${done.toLocaleString("en")} done, ${left.toLocaleString("en")} to go` : `${done.toLocaleString("en")} done`;
    find("back").disabled = !this.last;
    if (task) return this.#ask(task);
    this.task = null;
    find("question").textContent = done ? "That was all. Thank you!" : "There is nothing to do at the moment.";
    find("how").textContent = "";
    find("answers").replaceChildren();
    find("stage").setAttribute("aria-busy", "false");
    this.viewer.redraw();
  }

  /** @param {Task} task */
  async #ask(task) {
    if (!this.viewer.image || this.viewer.number !== task.image) {
      this.viewer.open(await this.api.get(`images/${task.image}`), task.image);
      await new Channels(document.createElement("div"), this.viewer).open();
    }
    this.task = task;
    this.viewer.place = task.place;
    this.viewer.camera.show(around(task.box));
    this.tools.choose(task.kind === "outline" ? "lasso" : "select");
    find("question").textContent = QUESTIONS[task.kind];
    find("how").textContent = HINTS[task.kind];
    find("answers").replaceChildren(...ANSWERS[task.kind].map(([answer, text, key]) => this.#button(answer, text, key)));
    this.viewer.redraw();
  }

  /** @param {Said} answer @param {string} text @param {string} key */
  #button(answer, text, key) {
    const button = document.createElement("button");
    button.className = answer === "yes" ? "wide primary" : "wide";
    button.dataset.key = key;
    const hint = document.createElement("kbd");
    hint.textContent = key;
    button.append(text, hint);
    button.onclick = () => this.answer(answer);
    return button;
  }

  /** @param {CanvasRenderingContext2D} pen */
  #draw(pen) {
    const { task, viewer } = this;
    if (!task) return;
    pen.beginPath();
    if (task.kind === "judge") {
      for (const line of task.outlines) line.forEach(([y, x], i) => pen[i ? "lineTo" : "moveTo"](...viewer.camera.toView(y, x)));
    } else {
      pen.setLineDash([7, 5]);
      pen.rect(...viewer.camera.frame(task.box, MARGIN));
    }
    for (const [colour, more] of /** @type {[string, number][]} */ ([["#000a", 2], ["#ffd640", 0]])) {
      pen.strokeStyle = colour;
      pen.lineWidth = LINE + more;
      pen.stroke();
    }
    pen.setLineDash([]);
  }
}

/** What is shown of an object. @param {Task["box"]} box @returns {Task["box"]} */
function around([y0, x0, y1, x1]) {
  const half = Math.max(SMALLEST, (0.5 + AROUND / 2) * Math.max(y1 - y0, x1 - x0));
  const [y, x] = [(y0 + y1) / 2, (x0 + x1) / 2];
  return [y - half, x - half, y + half, x + half];
}

try {
  const api = new Api(new URLSearchParams(location.hash.slice(1)).get("token") ?? "");
  themeButton(find("theme"));
  let told = await introduce(api);
  if (!told.known) {
    await askName(api, "");
    told = await introduce(api);
  }
  const you = told.people.find(({ name }) => name === told.you);
  if (you) {
    const button = face(you, "button");
    button.title = `You are ${you.name}. Say another name`;
    button.setAttribute("aria-label", button.title);
    button.onclick = async () => { if (await askName(api, you.name)) location.reload(); };
    find("you").replaceChildren(button);
  }
  await new Volunteer(api).begin();
} catch (error) {
  say(error);
}
