/** The page that reviews a result: what is shown where, and what each control does. */

import { Api } from "../api.js";
import { Channels } from "../channels.js";
import { Images } from "../images.js";
import { Keys } from "../keys.js";
import { Readout } from "../readout.js";
import { showScale } from "../scale.js";
import { Sliders } from "../sliders.js";
import { onTheme, themeButton } from "../theme.js";
import { Tools } from "../tools.js";
import { Viewer } from "../viewer.js";
import { Choice } from "./choice.js";
import { Columns } from "./columns.js";
import { Counts } from "./counts.js";
import { Dock } from "./dock.js";
import { Exporter } from "./exporter.js";
import { keysOf } from "./keys.js";
import { Gallery } from "./gallery.js";
import { Marks } from "./marks.js";
import { EXCLUDED, LEFT_OUT, legend, Places, SELECTED } from "./places.js";
import { Plots } from "./plots_panel.js";
import { Selection } from "./selection.js";
import { Summary } from "./summary.js";
import { DataTable } from "./table.js";
import { TOOLS } from "./tools.js";
import { Tracks } from "./tracks.js";

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement & HTMLSelectElement} */ (document.getElementById(id));
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
const api = new Api(token);
const stage = find("stage");

/** @param {Error} error */
function say(error) {
  find("message").textContent = error.message;
  find("message").hidden = false;
}

export class Review {
  /**
   * @param {{folder: string, shape: string, remark: string, images: {name: string, objects: number}[], tables: string[], classes: string[]}} result
   * @param {Columns} columns
   * @param {Viewer} viewer
   */
  constructor(result, columns, viewer) {
    this.result = result;
    this.columns = columns;
    this.choice = new Choice(api, columns, { changed: () => this.#chosen(), leave: () => this.table.grid.focus(), say });
    this.opened = -1;
    this.solved = 0; // how often links were solved again, as far as that is shown
    this.browsing = false; // in the gallery, which then shows what it showed
    this.selection = new Selection(columns.rows);
    this.marks = new Marks(api, columns.rows);
    this.viewer = viewer;
    this.viewer.tiles.onerror = columns.onerror = say;
    this.channels = new Channels(find("channels"), this.viewer);
    this.images = new Images(find("images"), api, (number) => this.open(number));
    this.places = new Places(this.viewer, result.shape, (row) => this.#markOf(row));
    this.readout = new Readout(this.viewer, ({ row }) => (row >= 0 ? `   ${this.#named(row)}` : ""));
    this.tools = new Tools(this.viewer, {
      edit: async (edit) => this.#lasso(/** @type {{points: import("../tools.js").Point[]}} */ (edit)),
      area: async () => {},
      click: (point, how) => this.#click(point, how !== "plain"),
      hover: (point) => this.readout.show(point),
    }, TOOLS);
    this.sliders = new Sliders(find("sliders"), (place) => {
      this.viewer.place = place;
      this.places.update();
      this.tracks?.redraw();
    });
    this.plots = new Plots(columns, this.selection, (condition) => this.choice.narrow(condition));
    const look = (/** @type {number} */ row) => this.#look(row);
    const chosen = (/** @type {number} */ row) => Boolean(this.selection.flags[row]);
    const pick = (/** @type {number} */ row, /** @type {import("./table.js").How} */ how) => this.pick(row, how);
    this.table = new DataTable(find("table"), columns, { pick, look, chosen, sort: (name) => this.choice.sort(name) });
    const pickHere = (/** @type {number} */ row, /** @type {import("./table.js").How} */ how) => {
      this.browsing = true;
      this.pick(row, how);
      this.browsing = false;
    };
    this.gallery = new Gallery(find("gallery"), api, { pick: pickHere, look, chosen, caption: (row) => this.#caption(row), colours: () => this.#colours() });
    this.plots.onerror = this.gallery.onerror = say;
    this.summary = new Summary(api, this.selection, this.marks, (row) => this.#named(row));
    this.tracks = result.tables.includes("links") ? new Tracks(this) : null;
    this.counts = new Counts(this);
    this.dock = new Dock((panel) => this.#panel(panel));
    this.exporter = new Exporter(api, { folder: result.folder, shown: () => this.#exported() });
    this.viewer.moved.push(() => showScale(this.viewer));
    this.selection.changed.push(() => this.#selected());
    this.marks.changed.push(() => this.#marked());
    this.#controls();
    new Keys(keysOf(this)).list(find("key-list"));
  }

  async begin() {
    const { result } = this;
    document.title = `${result.folder} · Cellwright`;
    document.body.classList.toggle("single", result.images.length === 1);
    /** @type {(value?: unknown) => void} */
    let opened = () => {};
    this.images.show(result.images.map(({ name }) => ({ name, state: "" })), new Promise((resolve) => { opened = resolve; }));
    const first = this.open(0).finally(opened); // the picture before all else
    if (this.columns.byName.has("class")) {
      const [classes, texts] = [await this.columns.load("class"), this.columns.byName.get("class")?.texts ?? []];
      const names = [...new Set([...result.classes, ...texts])]; // in the order of the report, whose colours they have
      const numbers = texts.map((text) => names.indexOf(text));
      this.places.classOf = (row) => numbers[classes[row]];
      this.viewer.labels.classed = names.length > 1;
      if (names.length > 1 || result.shape !== "outlines") find("classes").replaceChildren(...legend(names));
    }
    const names = this.columns.load(this.tracks ? "track" : "label"); // what the selected object is called
    await Promise.all([first, names, this.marks.open(), this.choice.fetch(), this.#imageOf(0)]);
    this.solved = this.marks.solved;
    await this.tracks?.begin();
    if (result.remark) say(new Error(result.remark));
    this.#selected();
  }

  /** Show an image. @param {number} number */
  async open(number) {
    if (number < 0 || number >= this.result.images.length) return;
    this.opened = number;
    this.images.select(number);
    const { name } = this.result.images[number];
    find("title").textContent = find("title").title = this.result.images.length > 1 ? `${this.result.folder} · ${name}` : this.result.folder;
    find("message").hidden = true;
    this.tools.cancel();
    this.viewer.close();
    this.places.forget();
    try {
      const image = await api.get(`images/${number}`);
      if (this.opened !== number) return;
      this.viewer.open(image, number);
      this.sliders.open(image);
      await Promise.all([this.channels.open(), this.places.open(number)]);
      if (this.opened !== number) return;
      this.places.update();
      if (image.remark) say(new Error(image.remark));
    } catch (error) {
      if (this.opened !== number) return;
      stage.setAttribute("aria-busy", "false");
      say(/** @type {Error} */ (error));
    }
  }

  /** After other rows are shown, or in another order. */
  #chosen() {
    const { order, sorted } = this.choice;
    this.table.show(order, sorted);
    if (this.selection.count) this.selection.set(this.selection.rows(order)); // nothing unseen is excluded
    this.plots.show(order);
    this.counts.ofImages();
    this.places.update();
    this.#panel(this.dock.panel);
    this.counts.show();
  }

  /** Select an object and go to it. @param {number} row @param {import("./table.js").How} [how] */
  async pick(row, how) {
    const { order } = this.#list();
    const from = order.indexOf(this.selection.current);
    if (how?.toggle) this.selection.toggle(row);
    else if (how?.range && from >= 0) {
      const to = order.indexOf(row);
      this.selection.set(order.subarray(Math.min(from, to), Math.max(from, to) + 1), { current: row });
    } else this.selection.only(row);
    await this.go(row);
  }

  /** Bring an object to the middle of the view. @param {number} row */
  async go(row) {
    const number = await this.#imageOf(row);
    if (number !== this.opened) await this.open(number);
    const where = this.places.find(row);
    if (!where || this.selection.current !== row) return;
    if (where.frame >= 0) this.sliders.go("t", where.frame);
    const { z } = this.viewer.place;
    if (where.first_plane >= 0 && (z < where.first_plane || z > where.last_plane)) this.sliders.go("z", Math.round((where.first_plane + where.last_plane) / 2));
    const { camera } = this.viewer;
    const size = Math.max(where.bottom - where.top, where.right - where.left) * camera.scale;
    const view = Math.min(camera.width, camera.height);
    const factor = size < view / 10 ? view / 10 / size : size > view / 1.5 ? view / 1.5 / size : 1;
    camera.centre(where.y, where.x, camera.scale * factor);
    this.viewer.redraw();
  }

  /** What shows the objects in an order. */
  #list() {
    return this.dock.panel === "gallery" ? this.gallery : this.table;
  }

  /** Number of the image that an object is in. @param {number} row */
  async #imageOf(row) {
    const names = this.columns.byName.get("image")?.texts;
    if (!names || this.result.images.length === 1) return 0;
    const name = names[(await this.columns.load("image"))[row]];
    return this.result.images.findIndex((image) => image.name === name);
  }

  /** Select what is next in the table. @param {number} by @param {boolean} [extend] */
  step(by, extend = false) {
    const list = this.#list();
    list.current = this.selection.current;
    const row = list.next(by);
    if (row < 0) return;
    if (extend) {
      this.selection.set([row], { add: true, current: row });
      this.go(row);
    } else {
      this.browsing = true;
      this.pick(row);
      this.browsing = false;
    }
  }

  /** @param {"exclude" | "flag"} what */
  async mark(what) {
    const rows = this.selection.rows();
    if (!rows.length) return;
    const why = find("why").value.trim();
    await this.saving(() => this.marks.toggle(what, rows, why));
    if (why && ![...find("reasons").children].some((one) => /** @type {HTMLOptionElement} */ (one).value === why)) find("reasons").append(new Option(why));
  }

  /** Make a change; says once it is on the disk. @param {() => Promise<void>} change */
  async saving(change) {
    find("saved").textContent = "Saving …";
    try {
      await change();
      find("saved").textContent = "Saved";
    } catch (error) {
      find("saved").textContent = "";
      say(/** @type {Error} */ (error));
    }
  }

  /** @param {import("../tools.js").Point} point @param {boolean} toggle */
  async #click(point, toggle) {
    let row = -1;
    if (this.result.shape === "outlines") {
      const { number, place } = this.viewer;
      row = (await api.get(`images/${number}/values`, { ...place, y: point[0], x: point[1] })).row;
      if (row >= 0 && !this.choice.shown[row]) row = -1;
    } else row = this.places.at(point);
    if (row < 0) return toggle ? undefined : this.selection.clear();
    if (toggle) this.selection.toggle(row);
    else this.selection.only(row);
  }

  /** @param {{points: import("../tools.js").Point[]}} edit */
  #lasso({ points }) {
    this.selection.set(this.places.within(points));
  }

  /** After another selection. */
  #selected() {
    const { selection } = this;
    this.table.reveal(selection.current);
    if (this.dock.panel === "gallery" && !this.browsing) this.#panel("gallery");
    this.gallery.reveal(selection.current);
    this.plots.redraw();
    this.places.update();
    this.tracks?.selected(selection.current);
    this.summary.selected();
    this.counts.show();
  }

  /** After objects were excluded or flagged. */
  #marked() {
    const { columns, marks } = this;
    for (const what of /** @type {const} */ (["excluded", "flagged"])) columns.put(what, Float64Array.from(marks[what]));
    find("undo").disabled = !marks.canUndo;
    find("redo").disabled = !marks.canRedo;
    this.places.update();
    this.table.redraw();
    this.gallery.redraw();
    this.tracks?.redraw();
    this.summary.marked();
    if (this.tracks?.table && this.solved !== this.marks.solved) {
      this.solved = this.marks.solved;
      this.tracks.renew().catch(say);
    } else if (this.choice.followsMarks) this.choice.fetch();
    else this.counts.show();
  }

  /** The column that stands below the objects of the gallery. */
  get captioned() {
    return this.choice.sorted.name || (this.columns.byName.has("confidence") ? "confidence" : "label");
  }

  /** What is open below. @param {string} panel */
  #panel(panel) {
    if (panel === "table") this.table.redraw();
    if (panel === "gallery") this.gallery.show(this.selection.count > 1 ? Int32Array.from(this.selection.rows(this.choice.order)) : this.choice.order);
    this.tracks?.show(panel);
    if (this.dock) this.counts.show();
  }

  /** @param {number} row */
  #markOf(row) {
    const lit = this.selection.flags[row] || this.tracks?.follows(row);
    return (lit ? SELECTED : 0) + (this.marks.excluded[row] ? EXCLUDED : 0) + (this.choice.shown[row] ? 0 : LEFT_OUT);
  }

  /** @param {number} row */
  #look(row) {
    const { selection, marks } = this;
    return [selection.flags[row] && "chosen", selection.current === row && "current", marks.excluded[row] && "excluded", marks.flagged[row] && "flagged"].filter(Boolean).join(" ");
  }

  /** @param {number} row */
  #named(row) {
    const labels = this.columns.peek(this.tracks ? "track" : "label");
    return labels ? `${this.tracks ? "track" : "object"} ${labels[row]}` : "";
  }

  /** @param {number} row */
  #caption(row) {
    const column = this.columns.byName.get(this.captioned);
    return column ? this.columns.text(column, row) : "";
  }

  /** Colours of the channels, as the server takes them. */
  #colours() {
    return this.viewer.channels.map(({ visible, colour }) => (visible ? colour.map((part) => Math.round(255 * part).toString(16).padStart(2, "0")).join("") : "-")).join(",");
  }

  #exported() {
    const { order, where, sorted } = this.choice;
    return { count: order.length, excluded: this.counts.excluded(), where, sort: sorted.name, descending: sorted.descending };
  }

  #controls() {
    this.choice.suggest(this.plots.first);
    find("undo").onclick = () => this.saving(() => this.marks.step("undo"));
    find("redo").onclick = () => this.saving(() => this.marks.step("redo"));
    find("exclude").onclick = () => this.mark("exclude");
    find("flag").onclick = () => this.mark("flag");
    find("export").onclick = () => this.exporter.open();
    find("help").onclick = () => /** @type {any} */ (find("keys")).showModal();
    themeButton(find("theme"));
    onTheme(() => { this.plots.redraw(); this.tracks?.redraw(); });
    find("show-labels").onchange = () => { this.viewer.labels.shown = find("show-labels").checked; this.viewer.redraw(); };
    find("show-fill").onchange = () => { this.viewer.labels.filled = find("show-fill").checked; this.viewer.redraw(); };
  }
}

try {
  const columns = new Columns(api, "objects");
  const asked = Promise.all([api.get("review"), columns.open()]);
  const viewer = new Viewer(stage, api); // takes as long as the answer
  const [result] = await asked;
  await new Review(result, columns, viewer).begin();
} catch (error) {
  say(/** @type {Error} */ (error));
}
