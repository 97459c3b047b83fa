/** The family of a cell as a tree, time from left to right; every point of it is a detection. */

import { onTheme } from "../theme.js";

const ROW = 22; // CSS px
const MARGIN = { left: 18, right: 24, top: 30, bottom: 14 };
const NEAR = 10;
const WIDEST = 72; // of a frame

/** @typedef {{parent: number, at: number, rows: number[], frames: number[]}} Branch */

export class Family {
  /**
   * @param {HTMLElement} panel
   * @param {{get: (path: string) => Promise<Branch[]>}} api
   * @param {{pick: (row: number) => void, chosen: (row: number) => boolean, frame: () => number, doubtful: (row: number) => boolean}} actions
   */
  constructor(panel, api, actions) {
    this.api = api;
    this.actions = actions;
    /** @type {Branch[]} */
    this.branches = [];
    this.round = 0;
    this.current = -1;
    /** Keys may come faster than answers. @type {Promise<void>} */
    this.shown = Promise.resolve();
    /** @type {(frame: number) => number} */
    this.x = () => 0;
    /** @type {(at: number) => number} */
    this.y = () => 0;
    panel.innerHTML = `<div class="tree" tabindex="0" role="group" aria-label="Family: arrow keys go through it"><p class="soft"></p><canvas role="img"></canvas></div>`;
    const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (panel.querySelector(selector));
    this.place = find(".tree");
    this.hint = find("p");
    this.canvas = /** @type {HTMLCanvasElement} */ (find("canvas"));
    this.canvas.onclick = (event) => this.#click(event);
    this.place.onkeydown = (event) => this.#key(event);
    new ResizeObserver(() => this.redraw()).observe(this.place);
    onTheme(() => this.redraw());
  }

  /** @param {number} row */
  show(row) {
    this.shown = this.#fetch(row);
    return this.shown;
  }

  /** @param {number} row */
  async #fetch(row) {
    const round = ++this.round;
    this.current = row;
    if (row < 0) this.branches = [];
    else if (!this.branches.some(({ rows }) => rows.includes(row))) {
      const found = await this.api.get(`objects/${row}/family`);
      if (round !== this.round) return;
      this.branches = found;
    }
    this.redraw();
  }

  /** What was fetched holds no more. */
  forget() {
    this.branches = [];
  }

  redraw() {
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const { branches, canvas, place } = this;
    const width = place.clientWidth;
    if (!width) return;
    this.hint.textContent = branches.length ? "" : "Select a cell to see what it comes from and what becomes of it.";
    this.hint.hidden = branches.length > 0;
    const rows = branches.length ? Math.max(...branches.map(({ at }) => at)) + 1 : 0;
    const height = Math.max(place.clientHeight - 4, MARGIN.top + rows * ROW + MARGIN.bottom);
    canvas.hidden = !branches.length;
    if (!branches.length) return;
    const dense = devicePixelRatio;
    Object.assign(canvas, { width: Math.round(width * dense), height: Math.round(height * dense) });
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    const divisions = new Set(branches.map(({ parent }) => parent)).size - 1;
    const told = [counted(branches.length, "track"), ...(divisions ? [counted(divisions, "division")] : [])];
    canvas.setAttribute("aria-label", `Family of ${told.join(" with ")}`);
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.scale(dense, dense);
    const style = getComputedStyle(canvas);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name);
    pen.font = `11.5px ${style.fontFamily}`;
    const frames = branches.flatMap((branch) => [branch.frames[0], branch.frames[branch.frames.length - 1]]);
    const [first, last] = [Math.min(...frames), Math.max(...frames)];
    const step = Math.min(WIDEST, (width - MARGIN.left - MARGIN.right) / Math.max(1, last - first));
    this.x = (/** @type {number} */ frame) => MARGIN.left + (frame - first) * step;
    this.y = (/** @type {number} */ at) => MARGIN.top + (at + 0.5) * ROW;
    this.#axis(pen, first, last, step, height, colour);
    pen.lineCap = "round";
    for (const branch of branches) this.#branch(pen, branch, step, colour);
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} first @param {number} last @param {number} step @param {number} height @param {(name: string) => string} colour */
  #axis(pen, first, last, step, height, colour) {
    const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((n) => n * step >= 44) ?? 5000;
    pen.fillStyle = colour("--soft");
    pen.textAlign = "center";
    for (let frame = Math.ceil(first / every) * every; frame <= last; frame += every) pen.fillText(String(frame), this.x(frame), 16);
    const now = this.actions.frame();
    if (now < first || now > last) return;
    pen.strokeStyle = colour("--accent");
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(this.x(now), 22);
    pen.lineTo(this.x(now), height - 6);
    pen.stroke();
  }

  /** @param {CanvasRenderingContext2D} pen @param {Branch} branch @param {number} step @param {(name: string) => string} colour */
  #branch(pen, branch, step, colour) {
    const { rows, frames, parent } = branch;
    const y = this.y(branch.at);
    const mother = this.branches[parent];
    const line = (/** @type {number} */ x0, /** @type {number} */ y0, /** @type {number} */ x1, /** @type {boolean} */ doubtful) => {
      pen.setLineDash(doubtful ? [2, 5] : []);
      pen.strokeStyle = colour(doubtful ? "--marked" : "--text");
      pen.lineWidth = doubtful ? 2.5 : 1.5;
      pen.beginPath();
      pen.moveTo(x0, y0);
      pen.lineTo(x1, y);
      pen.stroke();
      pen.setLineDash([]);
    };
    if (mother) line(this.x(mother.frames[mother.frames.length - 1]), this.y(mother.at), this.x(frames[0]), this.actions.doubtful(rows[0]));
    for (let i = 1; i < rows.length; i++) line(this.x(frames[i - 1]), y, this.x(frames[i]), this.actions.doubtful(rows[i]));
    rows.forEach((row, i) => {
      const chosen = this.actions.chosen(row);
      if (step < 6 && !chosen && i && i < rows.length - 1) return;
      pen.fillStyle = colour(chosen ? "--accent" : "--text");
      pen.beginPath();
      pen.arc(this.x(frames[i]), y, chosen ? 5.5 : 2.2, 0, 7);
      pen.fill();
    });
  }

  /** @param {KeyboardEvent} event */
  async #key(event) {
    if (!event.key.startsWith("Arrow") || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation(); // the image stays where it is
    await this.shown;
    const row = this.#next(event.key);
    if (row === undefined) return;
    this.current = row;
    this.actions.pick(row);
  }

  /** The detection that an arrow key goes to, if there is one. @param {string} key */
  #next(key) {
    const [number, i] = this.#here();
    const branch = this.branches[number];
    if (!branch) return undefined;
    if (key === "ArrowLeft") return branch.rows[i - 1] ?? this.branches[branch.parent]?.rows.at(-1);
    if (key === "ArrowRight") return branch.rows[i + 1] ?? this.branches.find(({ parent }) => parent === number)?.rows[0];
    const far = (/** @type {Branch} */ { at }) => (key === "ArrowUp" ? branch.at - at : at - branch.at);
    const [other] = this.branches.filter((one) => far(one) > 0).sort((a, b) => far(a) - far(b));
    return other?.rows[nearest(other.frames, branch.frames[i])];
  }

  /** The branch and the place in it of what is selected, or else of what is nearest to the frame that is shown. @returns {[number, number]} */
  #here() {
    const number = this.branches.findIndex(({ rows }) => rows.includes(this.current));
    if (number >= 0) return [number, this.branches[number].rows.indexOf(this.current)];
    const now = this.actions.frame();
    const places = this.branches.map(({ frames }) => nearest(frames, now));
    const branch = nearest(this.branches.map(({ frames }, i) => frames[places[i]]), now);
    return [branch, places[branch]];
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - left, event.clientY - top];
    let [best, found] = [NEAR ** 2 + (ROW / 2) ** 2, -1];
    for (const { at, rows, frames } of this.branches) {
      rows.forEach((row, i) => {
        const far = (this.x(frames[i]) - px) ** 2 + (this.y(at) - py) ** 2;
        if (far < best) [best, found] = [far, row];
      });
    }
    if (found >= 0) this.actions.pick(found);
  }
}

/** Which of some frames is nearest to one. @param {number[]} frames @param {number} to */
function nearest(frames, to) {
  return frames.reduce((best, frame, i) => (Math.abs(frame - to) < Math.abs(frames[best] - to) ? i : best), 0);
}

/** @param {number} count @param {string} what */
function counted(count, what) {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}
