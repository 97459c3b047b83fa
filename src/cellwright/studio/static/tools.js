/** What the pointer does: moving about, and the gestures of the tools. */

import { cross, frame, line, ring, stroke } from "./pen.js";
import { CLICKS, HOLDS, ICONS, RECTANGLES, ROUND, SOME, TOOLS } from "./toolbox.js";

/**
 * @typedef {[number, number]} Point y, x in px of the image
 * @typedef {import("./toolbox.js").ToolName} ToolName
 * @typedef {"plain" | "remove" | "join" | "held"} How A click: as it is, with Ctrl, with Alt; or a finger that stays.
 */

const NEAR = 7; // CSS px
const CLICK = 4; // CSS px
const HELD = 500; // ms that a finger stays

export class Tools {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{edit: (edit: object) => Promise<any>, area: (corners: Point[]) => Promise<void>,
   *   box?: (corners: Point[]) => Promise<void>, grab?: (point: Point) => boolean, drag?: (point: Point) => void, drop?: (moved: boolean) => Promise<void>,
   *   click: (point: Point, how: How) => void, hover: (point: Point | null) => void,
   *   unfit?: (why: string) => void}} actions
   * @param {Partial<typeof TOOLS>} [offered]
   */
  constructor(viewer, actions, offered = TOOLS) {
    this.viewer = viewer;
    this.actions = actions;
    this.offered = offered;
    /** @type {ToolName} */
    this.tool = "select";
    this.radius = 8;
    this.onlyBackground = true;
    /** @type {Point[]} The gesture so far. */
    this.path = [];
    /** @type {Point[][]} Strokes that are being saved. */
    this.saving = [];
    /** @type {[number, number] | null} */
    this.pointer = null;
    this.space = false;
    /** @type {Map<number, [number, number]>} */
    this.fingers = new Map();
    /** @type {"none" | "pan" | "stroke" | "click" | "hold"} */
    this.doing = "none";
    this.travelled = 0;
    this.since = 0; // when the finger came down, in ms
    /** @type {Map<ToolName, HTMLButtonElement>} */
    this.buttons = new Map();
    this.#buttons();
    this.#listen();
    viewer.decorations.push((pen) => this.#decorate(pen));
    viewer.moved.push(() => actions.hover(this.pointer && viewer.image ? viewer.camera.toImage(...this.pointer) : null));
    this.choose("select");
  }

  /** @param {ToolName} name */
  choose(name) {
    const { cursor, only } = TOOLS[name];
    if (this.buttons.get(name)?.hidden) return this.actions.unfit?.(only ?? ""); // by its key
    this.tool = name;
    this.cancel();
    for (const [own, button] of this.buttons) button.setAttribute("aria-pressed", String(own === name));
    this.viewer.stage.style.cursor = cursor;
    this.viewer.redraw();
  }

  /** Offer tools that are not for every image where they are of use. @param {string[]} names Of those tools. */
  offer(names) {
    for (const name of SOME) {
      const button = this.buttons.get(name);
      if (button) button.hidden = !names.includes(name);
      if (this.tool === name && !names.includes(name)) this.choose("select");
    }
  }

  /** Forget the gesture, also what is left of it. */
  cancel() {
    if (this.doing === "hold") this.actions.drop?.(false);
    this.doing = "none";
    this.path = [];
    this.viewer.redraw();
  }

  /** @param {number} radius In px of the image. */
  setRadius(radius) {
    this.radius = Math.min(500, Math.max(0.5, radius));
    this.viewer.redraw();
    for (const tell of this.resized) tell(this.radius);
  }

  /** @type {((radius: number) => void)[]} */
  resized = [];

  /** Use the tool in the middle of the view, as the keyboard does; with Ctrl or Alt as a click does with them. @param {KeyboardEvent} event */
  useInMiddle(event) {
    const { camera, image } = this.viewer;
    if (!image) return;
    const point = /** @type {Point} */ ([camera.y, camera.x]);
    if (modified(event) || CLICKS.includes(this.tool)) this.#click(point, event);
    else if (this.tool === "lasso" || this.tool === "split" || RECTANGLES.includes(this.tool)) this.#corner(point);
    else {
      this.path = [point];
      this.#finish();
    }
  }

  #buttons() {
    const bar = document.getElementById("tools"); // pages that show several images have none
    for (const [name, { key, name: title }] of bar ? Object.entries(this.offered) : []) {
      const button = document.createElement("button");
      button.dataset.tool = name;
      button.title = `${title} (${key})`;
      button.setAttribute("aria-label", title);
      button.innerHTML = `<svg viewBox="0 0 20 20"><path d="${ICONS[/** @type {ToolName} */ (name)]}"/></svg>`;
      button.onclick = () => this.choose(/** @type {ToolName} */ (name));
      this.buttons.set(/** @type {ToolName} */ (name), button);
      bar?.append(button);
    }
  }

  #listen() {
    const { stage } = this.viewer;
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    stage.addEventListener("pointermove", (event) => this.#move(event));
    stage.addEventListener("pointerup", (event) => this.#up(event));
    stage.addEventListener("pointercancel", (event) => this.#lost(event));
    stage.addEventListener("pointerleave", () => this.#leave());
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  /** @param {PointerEvent} event */
  #down(event) {
    this.viewer.stage.setPointerCapture(event.pointerId);
    const at = this.#at(event);
    this.fingers.set(event.pointerId, at);
    if (this.fingers.size > 1) {
      this.cancel();
      this.doing = "pan";
      return;
    }
    if (!this.viewer.image) return;
    this.travelled = 0;
    this.since = event.timeStamp;
    const point = this.viewer.camera.toImage(...at);
    const panning = event.button === 1 || event.button === 2 || this.space;
    if (panning) this.doing = "pan";
    else if (!modified(event) && !this.path.length && HOLDS.includes(this.tool) && this.actions.grab?.(point)) this.doing = "hold";
    else if (modified(event) || CLICKS.includes(this.tool)) this.doing = "click";
    else if (this.tool === "lasso" || this.tool === "split" || RECTANGLES.includes(this.tool)) {
      this.doing = "stroke";
      if (!this.#corner(point)) this.doing = "none";
    } else {
      this.doing = "stroke";
      this.path = [point];
    }
    this.viewer.redraw();
  }

  /** @param {Point} point @param {PointerEvent | KeyboardEvent} event */
  #click(point, event) {
    const how = event.ctrlKey || event.metaKey ? "remove" : event.altKey || this.tool === "merge" ? "join" : this.#held(event) ? "held" : "plain";
    this.actions.click(point, how);
  }

  /** Whether a finger stayed where it came down: a tablet has neither Ctrl nor Alt. @param {PointerEvent | KeyboardEvent} event */
  #held(event) {
    return event instanceof PointerEvent && event.pointerType === "touch" && this.travelled <= CLICK && event.timeStamp - this.since > HELD;
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const at = this.#at(event);
    const before = this.fingers.get(event.pointerId);
    if (before) {
      const [dx, dy] = [at[0] - before[0], at[1] - before[1]];
      this.travelled += Math.hypot(dx, dy);
      if (this.fingers.size === 2) this.#pinch(event.pointerId, at);
      else if (this.doing === "pan" || (this.doing === "click" && this.travelled > CLICK && this.tool === "select")) {
        this.viewer.camera.pan(dx, dy);
      } else if (this.doing === "hold") {
        if (this.travelled > CLICK) this.actions.drag?.(this.viewer.camera.toImage(...at));
      } else if (this.doing === "stroke") {
        if (RECTANGLES.includes(this.tool)) this.path.length = 1;
        for (const part of event.getCoalescedEvents?.() ?? [event]) this.path.push(this.viewer.camera.toImage(...this.#at(part)));
      }
      this.fingers.set(event.pointerId, at);
    }
    this.pointer = at;
    this.viewer.redraw();
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (!this.fingers.delete(event.pointerId)) return;
    const point = this.viewer.camera.toImage(...this.#at(event));
    const { doing } = this;
    if (this.fingers.size === 0) this.doing = "none";
    if (doing === "hold") this.actions.drop?.(this.travelled > CLICK);
    else if (doing === "click" && this.travelled <= CLICK) this.#click(point, event);
    else if (this.tool === "area" && this.#held(event)) {
      this.cancel(); // it is no corner
      this.#click(point, event);
    }
    else if (doing === "stroke" && (this.travelled > CLICK || ROUND.includes(this.tool))) {
      this.#finish();
    }
    this.viewer.redraw();
  }

  /** @param {PointerEvent} event */
  #lost(event) {
    this.fingers.delete(event.pointerId);
    this.cancel();
  }

  #leave() {
    this.pointer = null;
    this.viewer.redraw();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const turn = event.deltaY || event.deltaX; // with Shift some systems turn the wheel sideways
    const amount = Math.exp(-turn * (event.deltaMode ? 0.05 : 0.0016));
    if (event.shiftKey) this.setRadius(this.radius * amount);
    else this.viewer.camera.zoom(amount, ...this.#at(event));
    this.viewer.redraw();
  }

  /** @param {number} moved @param {[number, number]} at */
  #pinch(moved, at) {
    const other = /** @type {[number, number]} */ ([...this.fingers].find(([id]) => id !== moved)?.[1]);
    const before = /** @type {[number, number]} */ (this.fingers.get(moved));
    const factor = Math.hypot(at[0] - other[0], at[1] - other[1]) / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1]));
    this.viewer.camera.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    this.viewer.camera.zoom(factor, (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
  }

  /** Add a corner to an outline or a line, or end it where it began or stopped. @param {Point} point @returns {boolean} Whether it goes on. */
  #corner(point) {
    const { scale } = this.viewer.camera;
    const near = (/** @type {Point} */ other) => Math.hypot(point[0] - other[0], point[1] - other[1]) * scale < NEAR;
    if (RECTANGLES.includes(this.tool) && this.path.length) {
      this.path.push(point);
      this.#finish();
      return false;
    }
    const enough = this.path.length >= (this.tool === "lasso" ? 3 : 2);
    if (enough && (near(this.path[this.path.length - 1]) || (this.tool === "lasso" && near(this.path[0])))) {
      this.#finish();
      return false;
    }
    this.path.push(point);
    this.viewer.redraw();
    return true;
  }

  async #finish() {
    const points = this.path;
    this.path = [];
    if (points.length < (this.tool === "lasso" ? 3 : ROUND.includes(this.tool) ? 1 : 2)) return;
    if (this.tool === "area") return this.actions.area(points);
    if (this.tool === "box") return this.actions.box?.(points);
    this.saving.push(points);
    const edit = { tool: this.tool, points: thinned(points, 0.25), radius: this.radius, only_background: this.onlyBackground };
    try {
      await this.actions.edit(edit);
    } finally {
      this.saving.splice(this.saving.indexOf(points), 1);
      this.viewer.redraw();
    }
  }

  /** @param {MouseEvent} event @returns {[number, number]} */
  #at(event) {
    const { left, top } = this.viewer.stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  /** @param {CanvasRenderingContext2D} pen */
  #decorate(pen) {
    const { camera, stage } = this.viewer;
    const radius = this.radius * camera.scale;
    const round = ROUND.includes(this.tool);
    if (RECTANGLES.includes(this.tool)) this.#rectangle(pen);
    else for (const points of [...this.saving, this.path]) if (points.length) this.#trace(pen, points, round ? radius : 0);
    const byKeyboard = stage.matches(":focus-visible") && !this.pointer;
    const at = this.pointer ?? (byKeyboard ? [camera.width / 2, camera.height / 2] : null);
    if (!at) return;
    if (round) ring(pen, at[0], at[1], Math.max(2, radius));
    if (byKeyboard) cross(pen, at[0], at[1]);
    if (!round && !RECTANGLES.includes(this.tool) && this.path.length && this.pointer) {
      const [x, y] = camera.toView(...this.path[this.path.length - 1]);
      pen.setLineDash([4, 4]);
      line(pen, [[x, y], /** @type {[number, number]} */ (at)], 1.5);
      pen.setLineDash([]);
    }
  }

  /** The area or box that is being drawn. @param {CanvasRenderingContext2D} pen */
  #rectangle(pen) {
    if (!this.path.length) return;
    const [x, y] = this.viewer.camera.toView(...this.path[0]);
    const [right, bottom] = this.path.length > 1 ? this.viewer.camera.toView(...this.path[this.path.length - 1]) : this.pointer ?? [x, y];
    frame(pen, x, y, right - x, bottom - y);
  }

  /** @param {CanvasRenderingContext2D} pen @param {Point[]} points @param {number} radius */
  #trace(pen, points, radius) {
    const seen = points.map(([y, x]) => this.viewer.camera.toView(y, x));
    if (!radius) {
      line(pen, seen, 2);
      for (const [x, y] of seen.length < 40 ? seen : []) ring(pen, x, y, 3);
      return;
    }
    stroke(pen, seen, radius, this.tool === "erase" ? "#000" : "#fff");
  }
}

/** Leave out points nearer than `least` px to the one before. @param {Point[]} points @param {number} least @returns {Point[]} */
function thinned(points, least) {
  /** @type {Point[]} */
  const kept = [];
  for (const point of points) {
    const last = kept[kept.length - 1];
    if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) >= least) kept.push(point);
  }
  return kept;
}

/** Whether a key is held that makes something else of a click. @param {PointerEvent | KeyboardEvent} event */
function modified(event) {
  return event.ctrlKey || event.metaKey || event.altKey;
}
