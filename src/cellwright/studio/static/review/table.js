/** A table of any length, of which only the cells that are seen exist. */

import { SIGNS } from "./columns.js";

/** @typedef {import("./columns.js").Column} Column */
/** @typedef {{range: boolean, toggle: boolean}} How */

const ROW = 26; // CSS px
const HEAD = 30;
const TALLEST = 16_000_000; // CSS px; browsers draw no taller elements

export class DataTable {
  /**
   * @param {HTMLElement} panel
   * @param {import("./columns.js").Columns} columns
   * @param {{pick: (row: number, how: How) => void, sort: (name: string) => void, look: (row: number) => string,
   *   chosen: (row: number) => boolean}} actions look returns the class of a row.
   */
  constructor(panel, columns, actions) {
    this.panel = panel;
    this.columns = columns;
    this.actions = actions;
    /** @type {Int32Array} */
    this.order = new Int32Array(0);
    this.place = new Int32Array(0);
    this.sorted = { name: "", descending: false };
    this.current = -1;
    /** @type {{column: Column, left: number, width: number}[]} */
    this.across = [];
    /** @type {HTMLElement[]} */
    this.rows = [];
    this.waiting = false;
    panel.innerHTML = `<div class="grid" role="grid" tabindex="0" aria-multiselectable="true"><div class="head" role="row"></div><div class="body" role="rowgroup"><div class="tall"></div></div></div>`;
    const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (panel.querySelector(selector));
    this.grid = find(".grid");
    this.head = find(".head");
    this.body = find(".body");
    this.tall = find(".tall");
    this.grid.setAttribute("aria-label", `Table of ${columns.table}`);
    this.grid.addEventListener("scroll", () => this.redraw());
    this.body.addEventListener("click", (event) => this.#click(event));
    this.body.addEventListener("mousedown", (event) => { if (event.shiftKey) event.preventDefault(); });
    columns.arrived.push(() => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(this.grid);
    this.#heads();
  }

  /** @param {Int32Array} order Rows in the order in which they are shown. @param {{name: string, descending: boolean}} sorted */
  show(order, sorted) {
    this.order = order;
    this.place = new Int32Array(this.columns.rows).fill(-1);
    for (let i = 0; i < order.length; i++) this.place[order[i]] = i;
    this.sorted = sorted;
    this.tall.style.height = `${Math.min(TALLEST, order.length * ROW)}px`;
    this.grid.setAttribute("aria-rowcount", String(order.length + 1));
    for (const cell of this.head.children) {
      const own = /** @type {HTMLElement} */ (cell).dataset.name === sorted.name;
      cell.setAttribute("aria-sort", own ? (sorted.descending ? "descending" : "ascending") : "none");
    }
    this.redraw();
  }

  /** After the columns were opened again. */
  renew() {
    this.current = -1;
    this.#heads();
    this.redraw();
  }

  /** Draw soon. */
  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.#draw();
    });
  }

  /** Bring a row into view. @param {number} row */
  reveal(row) {
    this.current = row;
    const at = this.place[row] ?? -1;
    if (at >= 0 && this.grid.clientHeight) {
      const view = this.grid.clientHeight - HEAD;
      const top = this.#top(at);
      if (top < this.grid.scrollTop) this.grid.scrollTop = top;
      else if (top + ROW > this.grid.scrollTop + view) this.grid.scrollTop = top + ROW - view;
    }
    this.redraw();
  }

  /** The row some places further on, -1 where there is none. @param {number} by */
  next(by) {
    const at = this.place[this.current] ?? -1;
    const to = at < 0 ? 0 : Math.min(this.order.length - 1, Math.max(0, at + by));
    return this.order[to] ?? -1;
  }

  /** How many rows a page has. */
  page() {
    return Math.max(1, Math.floor((this.grid.clientHeight - HEAD) / ROW) - 1);
  }

  #heads() {
    let left = 0;
    const widest = Math.min(240, Math.max(96, this.grid.clientWidth / 4)); // texts leave room for numbers
    this.across = this.columns.list.filter(isShown).map((column) => {
      const width = widthOf(column, widest);
      left += width;
      return { column, left: left - width, width };
    });
    this.head.style.width = this.body.style.width = `${left}px`;
    this.head.replaceChildren(...this.across.map(({ column, width }) => {
      const cell = document.createElement("div");
      cell.setAttribute("role", "columnheader");
      cell.dataset.name = column.name;
      cell.style.width = `${width}px`;
      cell.innerHTML = `<button tabindex="-1"><span></span></button>`;
      const button = /** @type {HTMLButtonElement} */ (cell.firstElementChild);
      /** @type {HTMLElement} */ (button.firstElementChild).textContent = named(column);
      button.title = `${column.name}: sort`;
      button.className = column.kind;
      button.onclick = () => this.actions.sort(column.name);
      return cell;
    }));
    this.head.onkeydown = (event) => this.#along(event);
    const first = this.head.querySelector("button");
    if (first) first.tabIndex = 0;
  }

  /** Go along the names of the columns with the keys; one of them can be reached by Tab. @param {KeyboardEvent} event */
  #along(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const buttons = [...this.head.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (event.target));
    const next = by && buttons[at + by];
    if (by) event.stopPropagation();
    if (!next) return;
    buttons[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  /** Where a place in the order lies in the scrolled element. @param {number} at */
  #top(at) {
    const whole = this.order.length * ROW;
    if (whole <= TALLEST) return at * ROW;
    const view = this.grid.clientHeight - HEAD;
    return (at / Math.max(1, this.order.length - view / ROW)) * (TALLEST - view);
  }

  #draw() {
    const view = this.grid.clientHeight - HEAD;
    if (view <= 0) return;
    const whole = this.order.length * ROW;
    const stretched = whole > TALLEST;
    const scrolled = this.grid.scrollTop;
    const first = stretched ? Math.floor((scrolled / (TALLEST - view)) * (this.order.length - view / ROW)) : Math.floor(scrolled / ROW);
    const count = Math.min(this.order.length - first, Math.ceil(view / ROW) + 1);
    const origin = stretched ? scrolled : first * ROW;
    const [low, high] = [this.grid.scrollLeft, this.grid.scrollLeft + this.grid.clientWidth];
    const seen = this.across.filter(({ left, width }) => left + width > low && left < high);
    this.#pool(Math.max(0, count));
    for (let i = 0; i < count; i++) this.#fill(this.rows[i], first + i, origin + i * ROW, seen);
    const current = this.rows.find((element) => Number(element.dataset.row) === this.current && !element.hidden);
    if (current) this.grid.setAttribute("aria-activedescendant", current.id);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  /** @param {number} count */
  #pool(count) {
    while (this.rows.length < count) {
      const element = document.createElement("div");
      element.className = "row";
      element.setAttribute("role", "row");
      element.id = `${this.panel.id}-row-${this.rows.length}`;
      this.rows.push(element);
      this.body.append(element);
    }
    this.rows.forEach((element, i) => { element.hidden = i >= count; });
  }

  /** @param {HTMLElement} element @param {number} at @param {number} top @param {{column: Column, left: number, width: number}[]} seen */
  #fill(element, at, top, seen) {
    const row = this.order[at];
    element.style.transform = `translateY(${top}px)`;
    element.dataset.row = String(row);
    element.className = `row ${this.actions.look(row)}${row === this.current ? " current" : ""}`;
    element.setAttribute("aria-rowindex", String(at + 2));
    element.setAttribute("aria-selected", String(this.actions.chosen(row)));
    while (element.children.length > seen.length) element.lastElementChild?.remove();
    while (element.children.length < seen.length) {
      const cell = document.createElement("div");
      cell.setAttribute("role", "gridcell");
      element.append(cell);
    }
    seen.forEach(({ column, left, width }, i) => {
      const cell = /** @type {HTMLElement} */ (element.children[i]);
      cell.className = column.kind;
      cell.style.left = `${left}px`;
      cell.style.width = `${width}px`;
      const text = this.columns.text(column, row);
      if (cell.textContent !== text) cell.textContent = text;
    });
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const element = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".row"));
    if (!element) return;
    this.grid.focus({ preventScroll: true });
    this.actions.pick(Number(element.dataset.row), { range: event.shiftKey, toggle: event.ctrlKey || event.metaKey });
  }
}

/** Whether a column tells a person anything. @param {Column} column */
function isShown({ name, kind, texts }) {
  return kind !== "row" && !(name === "image" && texts?.length === 1);
}

/** @param {Column} column */
function named(column) {
  if (column.kind === "mark") return SIGNS[column.name];
  return column.name.replaceAll("_", " ");
}

/** @param {Column} column @param {number} widest Of texts. */
function widthOf(column, widest) {
  if (column.kind === "mark") return 40;
  const name = 34 + 7 * named(column).length;
  if (column.kind !== "text") return Math.max(72, name);
  const longest = Math.max(...(column.texts ?? [""]).slice(0, 1000).map((text) => text.length));
  return Math.max(name, Math.min(widest, 24 + 8.5 * longest));
}

