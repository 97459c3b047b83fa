/** What the pointer does: moving about, and the gestures of the tools. */

import { frame } from "./areas.js";

/**
 * @typedef {[number, number]} Point y, x in px of the image
 * @typedef {"select" | "brush" | "erase" | "lasso" | "split" | "merge" | "unsure" | "area" | "classify" | "box" | "point" | "link"} ToolName
 */

const ICONS = {
  select: "M5 3.5 15 9.5 10.5 10.8 8.5 15.5z",
  brush: "M16 3.5 9 10.5M8.8 10.3c-2.3-.4-3.6 1.1-3.8 3.2-.1 1.2-.7 2-1.7 2.5 3.3.9 7 .2 7.2-3.2.05-1-.6-2.2-1.7-2.5z",
  erase: "M8.5 15.5 4 11l7.5-7 4.5 4.5-7 7zM7.8 7.4l4.5 4.6M8 15.5h8",
  lasso: "M10 4c4 0 7 1.8 7 4.5S14 13 10 13 3 11.2 3 8.5 6 4 10 4zM6.5 12.5c-1 1.5 0 3 1.5 3.5",
  split: "M4 16 16 4M7.5 5.5a4 4 0 0 0-2 5M12.5 14.5a4 4 0 0 0 2-5",
  merge: "M8 14.5a4.5 4.5 0 1 1 0-9M12 5.5a4.5 4.5 0 1 1 0 9M7.5 10h5",
  unsure: "M4 12 12 4M4 17 17 4M9 17l8-8M14 17l3-3",
  classify: "M3.500 9.800V4.500a1 1 0 0 1 1-1h5.300L17 10.700 10.700 17zM7 7h.1",
  box: "M4 5.500h12v9H4zM2.700 4.200h2.600v2.600H2.700zM14.700 13.200h2.600v2.600h-2.600z",
  point: "M10 3v4.500M10 12.500V17M3 10h4.500M12.500 10H17M10 10h.1",
  link: "M5.500 14.500a2 2 0 1 1 0-.1M14.500 10a2 2 0 1 1 0-.1M14.500 4.500a2 2 0 1 1 0-.1M5.200 12.300 10.700 5.500M6.500 13 10.800 10.800",
  area: "M3.5 7V3.5H7M13 3.5h3.5V7M16.5 13v3.5H13M7 16.5H3.5V13M7 10.2l2.2 2.2 4-4.5",
};

/** @type {Record<ToolName, {key: string, name: string, cursor: string}>} */
export const TOOLS = {
  select: { key: "V", name: "Select and move", cursor: "default" },
  brush: { key: "B", name: "Brush", cursor: "none" },
  erase: { key: "E", name: "Eraser", cursor: "none" },
  lasso: { key: "L", name: "Outline: draw round an object, or click its corners", cursor: "crosshair" },
  split: { key: "K", name: "Split: draw a line across", cursor: "crosshair" },
  merge: { key: "M", name: "Merge: click what joins the selected object", cursor: "cell" },
  unsure: { key: "U", name: "Not sure: paint over what nobody can tell, nothing is learned from it", cursor: "none" },
  classify: { key: "Q", name: "Class: click objects to give them the class that is chosen", cursor: "cell" },
  box: { key: "W", name: "Box: draw one from corner to corner; take hold of its border to move it, of its corners to change it", cursor: "crosshair" },
  point: { key: "P", name: "Point: click where an object is; take hold of it to move it", cursor: "crosshair" },
  link: { key: "O", name: "Track: click what the selected cell is in this frame; Alt+click its daughter", cursor: "cell" },
  area: { key: "R", name: "Annotated area: a rectangle in which you have drawn every object; Ctrl+click removes it", cursor: "crosshair" },
};

/** @type {ToolName[]} Those that click on objects. */
const CLICKS = ["select", "merge", "classify", "point", "link"];
/** @type {ToolName[]} Those that draw from one corner to the other. */
const RECTANGLES = ["area", "box"];
/** @type {ToolName[]} Those that are not for every image. */
const SOME = ["box", "point", "link"];
/** @type {ToolName[]} Those that take hold of boxes and points. */
const HOLDS = ["select", "box", "point"];
/** @type {ToolName[]} Those that paint with a round tip. */
const ROUND = ["brush", "erase", "unsure"];

const NEAR = 7; // CSS px
const CLICK = 4; // CSS px

export class Tools {
  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {{edit: (edit: object) => Promise<any>, area: (corners: Point[]) => Promise<void>,
   *   box?: (corners: Point[]) => Promise<void>, grab?: (point: Point) => boolean, drag?: (point: Point) => void, drop?: (moved: boolean) => Promise<void>,
   *   click: (point: Point, how: {remove: boolean, join: boolean}) => void, hover: (point: Point | null) => void}} actions
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
    /** @type {((name: ToolName) => void)[]} */
    this.chosen = [];
    this.#buttons();
    this.#listen();
    viewer.decorations.push((pen) => this.#decorate(pen));
    this.choose("select");
  }

  /** @param {ToolName} name */
  choose(name) {
    const own = /** @type {HTMLElement | null} */ (this.viewer.stage.querySelector(`#tools [data-tool=${name}]`));
    if (own?.hidden) return; // its key, on an image that it is not for
    this.tool = name;
    this.cancel();
    for (const button of this.viewer.stage.querySelectorAll("#tools button")) {
      button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.tool === name));
    }
    this.viewer.stage.style.cursor = TOOLS[name].cursor;
    this.viewer.redraw();
  }

  /** Offer tools that are not for every image where they are of use. @param {string[]} names Of those tools. */
  offer(names) {
    for (const name of SOME) {
      const button = /** @type {HTMLElement | null} */ (this.viewer.stage.querySelector(`#tools [data-tool=${name}]`));
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
    const bar = /** @type {HTMLElement} */ (this.viewer.stage.querySelector("#tools, .toolbar"));
    for (const [name, { key, name: title }] of Object.entries(this.offered)) {
      const button = document.createElement("button");
      button.dataset.tool = name;
      button.title = `${title} (${key})`;
      button.setAttribute("aria-label", title);
      button.innerHTML = `<svg viewBox="0 0 20 20"><path d="${ICONS[/** @type {ToolName} */ (name)]}"/></svg>`;
      button.onclick = () => this.choose(/** @type {ToolName} */ (name));
      bar.append(button);
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
    if (/** @type {Element} */ (event.target).closest("#tools, #sliders")) return;
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
    const remove = event.ctrlKey || event.metaKey;
    this.actions.click(point, { remove, join: !remove && (event.altKey || this.tool === "merge") });
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
    this.actions.hover(this.viewer.camera.toImage(...at));
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
    this.actions.hover(null);
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
    pen.save();
    pen.globalAlpha = 0.45;
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = pen.fillStyle = this.tool === "erase" ? "#000" : "#fff";
    pen.lineWidth = 2 * radius;
    pen.beginPath();
    pen.moveTo(...seen[0]);
    if (seen.length === 1) pen.lineTo(seen[0][0] + 0.01, seen[0][1]);
    for (const [x, y] of seen.slice(1)) pen.lineTo(x, y);
    pen.stroke();
    pen.restore();
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

/** @param {CanvasRenderingContext2D} pen @param {[number, number][]} points @param {number} width */
function line(pen, points, width) {
  for (const [colour, extra] of /** @type {[string, number][]} */ ([["#0009", 2], ["#fff", 0]])) {
    pen.strokeStyle = colour;
    pen.lineWidth = width + extra;
    pen.lineJoin = "round";
    pen.beginPath();
    points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.stroke();
  }
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} radius */
function ring(pen, x, y, radius) {
  for (const [colour, width] of /** @type {[string, number][]} */ ([["#0009", 3], ["#fff", 1.25]])) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.stroke();
  }
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y */
function cross(pen, x, y) {
  line(pen, [[x - 12, y], [x - 4, y]], 1.5);
  line(pen, [[x + 4, y], [x + 12, y]], 1.5);
  line(pen, [[x, y - 12], [x, y - 4]], 1.5);
  line(pen, [[x, y + 4], [x, y + 12]], 1.5);
}

/** Whether a key is held that makes something else of a click. @param {PointerEvent | KeyboardEvent} event */
function modified(event) {
  return event.ctrlKey || event.metaKey || event.altKey;
}
