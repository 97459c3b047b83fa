/** Small pictures of objects, cut out by the server as they scroll into view. */

const SIDE = 96; // CSS px
const CELL = 104; // with its margin
const CAPTION = 20;
const AT_ONCE = 48; // crops in one request
const MOST_KEPT = 4000; // crops

export class Gallery {
  /**
   * @param {HTMLElement} panel
   * @param {import("../api.js").Api} api
   * @param {{pick: (row: number, how: import("./table.js").How) => void, look: (row: number) => string,
   *   caption: (row: number) => string, colours: () => string, chosen: (row: number) => boolean}} actions
   */
  constructor(panel, api, actions) {
    this.panel = panel;
    this.api = api;
    this.actions = actions;
    /** @type {Int32Array} */
    this.order = new Int32Array(0);
    this.current = -1;
    /** @type {Map<number, ImageBitmap | null>} By row; null while it is on its way. */
    this.crops = new Map();
    this.colours = "";
    /** @type {HTMLElement[]} */
    this.cells = [];
    this.waiting = false;
    /** @type {(error: Error) => void} */
    this.onerror = () => {};
    panel.innerHTML = `<div class="crops" tabindex="0" role="listbox" aria-multiselectable="true" aria-label="Gallery"><div class="tall" role="presentation"></div></div>`;
    this.list = /** @type {HTMLElement} */ (panel.querySelector(".crops"));
    this.tall = /** @type {HTMLElement} */ (panel.querySelector(".tall"));
    this.list.addEventListener("scroll", () => this.redraw());
    this.list.addEventListener("click", (event) => this.#click(event));
    new ResizeObserver(() => this.redraw()).observe(this.list);
  }

  /** @param {Int32Array} order Rows of the table. */
  show(order) {
    this.order = order;
    this.list.scrollTop = 0;
    this.redraw();
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.#draw();
    });
  }

  /** Bring an object into view. @param {number} row */
  reveal(row) {
    this.current = row;
    const at = this.order.indexOf(row);
    const { list } = this;
    if (at >= 0 && list.clientHeight) {
      const high = CELL + CAPTION;
      const top = Math.floor(at / this.across()) * high;
      list.scrollTop = Math.min(top, Math.max(list.scrollTop, top + high + 8 - list.clientHeight));
    }
    this.redraw();
  }

  /** The row some places further on, -1 where there is none. @param {number} by */
  next(by) {
    const at = this.order.indexOf(this.current);
    const to = at < 0 ? 0 : Math.min(this.order.length - 1, Math.max(0, at + by));
    return this.order[to] ?? -1;
  }

  /** How many are in a row of the gallery. */
  across() {
    return Math.max(1, Math.floor((this.list.clientWidth - 8) / CELL));
  }

  #draw() {
    const view = this.list.clientHeight;
    if (!view) return;
    if (this.colours !== this.actions.colours()) {
      this.colours = this.actions.colours();
      this.crops.clear();
    }
    const across = this.across();
    const high = CELL + CAPTION;
    this.tall.style.height = `${Math.ceil(this.order.length / across) * high + 8}px`;
    const first = Math.floor(this.list.scrollTop / high) * across;
    const last = Math.min(this.order.length, (Math.ceil((this.list.scrollTop + view) / high) + 1) * across);
    this.#pool(Math.max(0, last - first));
    const wanted = [];
    for (let at = first; at < last; at++) {
      const row = this.order[at];
      this.#fill(this.cells[at - first], row, 8 + (at % across) * CELL, 8 + Math.floor(at / across) * high);
      if (!this.crops.has(row)) wanted.push(row);
    }
    for (let at = 0; at < wanted.length; at += AT_ONCE) this.#fetch(wanted.slice(at, at + AT_ONCE));
  }

  /** @param {number} count */
  #pool(count) {
    while (this.cells.length < count) {
      const cell = document.createElement("div");
      cell.setAttribute("role", "option");
      cell.innerHTML = `<canvas aria-hidden="true"></canvas><span></span>`;
      this.cells.push(cell);
      this.list.append(cell);
    }
    this.cells.forEach((cell, i) => { cell.hidden = i >= count; });
  }

  /** @param {HTMLElement} cell @param {number} row @param {number} left @param {number} top */
  #fill(cell, row, left, top) {
    cell.style.transform = `translate(${left}px, ${top}px)`;
    cell.className = `crop ${this.actions.look(row)}`;
    cell.setAttribute("aria-selected", String(this.actions.chosen(row)));
    const caption = /** @type {HTMLElement} */ (cell.lastElementChild);
    caption.textContent = this.actions.caption(row);
    const crop = this.crops.get(row) ?? null;
    const canvas = /** @type {HTMLCanvasElement} */ (cell.firstElementChild);
    if (cell.dataset.row === String(row) && cell.dataset.drawn === String(Boolean(crop))) return;
    cell.dataset.row = String(row);
    cell.dataset.drawn = String(Boolean(crop));
    canvas.width = canvas.height = crop?.width ?? 1;
    if (crop) canvas.getContext("2d")?.drawImage(crop, 0, 0);
  }

  /** @param {number[]} rows */
  async #fetch(rows) {
    for (const row of rows) this.crops.set(row, null);
    const { colours } = this;
    const size = Math.min(256, Math.round(SIDE * devicePixelRatio));
    try {
      const bytes = await this.api.bytes("crops", { rows: rows.join(","), size, colours });
      const strip = await createImageBitmap(new Blob([/** @type {ArrayBuffer} */ (bytes)]));
      if (colours !== this.colours) return;
      await Promise.all(rows.map(async (row, i) => this.crops.set(row, await createImageBitmap(strip, i * size, 0, size, size))));
      for (const row of this.crops.keys()) {
        if (this.crops.size <= MOST_KEPT) break;
        this.crops.delete(row);
      }
    } catch (error) {
      this.onerror(/** @type {Error} */ (error));
    }
    this.redraw();
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const cell = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".crop"));
    if (cell) this.actions.pick(Number(cell.dataset.row), { range: event.shiftKey, toggle: event.ctrlKey || event.metaKey });
  }
}
