/** The page: what is shown where, and what each control does. */

import { Api } from "./api.js";
import { Areas } from "./areas.js";
import { Assistant } from "./assistant.js";
import { Beside } from "./beside.js";
import { Channels, short } from "./channels.js";
import { Images } from "./images.js";
import { Keys } from "./keys.js";
import { Lineage } from "./lineage.js";
import { Marks } from "./marks.js";
import { Next } from "./next.js";
import { ObjectClasses } from "./object_classes.js";
import { factsOf } from "./object_facts.js";
import { Notice } from "./notice.js";
import { Past } from "./past.js";
import { links, Together } from "./people.js";
import { Readout } from "./readout.js";
import { showScale } from "./scale.js";
import { Selected } from "./selected.js";
import { Slices } from "./slices.js";
import { Sliders } from "./sliders.js";
import { keysOf } from "./studio_keys.js";
import { themeButton } from "./theme.js";
import { Tools } from "./tools.js";
import { Training } from "./training.js";
import { Viewer } from "./viewer.js";

const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement} */ (document.getElementById(id));
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
const api = new Api(token);
const stage = find("stage");

/** @param {Error} error */
function say(error) {
  const place = find("message");
  place.textContent = error.message;
  place.hidden = false;
}

export class Studio {
  constructor() {
    this.viewer = new Viewer(stage, api);
    this.viewer.tiles.onerror = say;
    this.channels = new Channels(find("channels"), this.viewer);
    this.images = new Images(find("images"), api, (number) => this.open(number));
    this.readout = new Readout(this.viewer, ({ label }) => (label < 0 ? "   not sure" : label ? `   object ${label}` : ""));
    this.beside = new Beside(this.viewer, {
      names: () => this.images.images.map(({ name }) => name),
      pointed: (point, viewer) => this.readout.show(point, viewer),
      say,
    });
    this.tools = new Tools(this.viewer, {
      edit: (edit) => this.edit(edit),
      area: (corners) => this.areas.add(corners),
      box: (corners) => this.marks.add("box", corners),
      grab: (point) => this.marks.grab(point),
      drag: (point) => this.marks.drag(point),
      drop: (moved) => this.marks.drop(moved),
      click: (point, how) => this.click(point, how),
      hover: (point) => this.beside.hover(this.viewer, point),
      unfit: (why) => say(new Error(why)),
    });
    this.classes = new ObjectClasses(this.viewer, { say, chosen: () => this.#classify() });
    this.lineage = new Lineage(this.viewer, {
      change: (path, body, number) => this.change(path, body, number),
      inTurn: (step) => this.selected.inTurn(step),
      pick: (label, frame) => this.#pick(label, frame),
      say,
    });
    this.marks = new Marks(this.viewer, {
      change: (path, body) => this.change(path, body),
      channel: () => this.assistant.channel(),
      classOf: (id) => this.classes.get(id),
      active: () => this.classes.active,
      chosen: () => this.selected.forget(),
    });
    this.areas = new Areas(this.viewer, say);
    this.assistant = new Assistant(this.viewer, { change: (path, body, number) => this.change(path, { class: this.classes.active, ...body }, number), say });
    this.training = new Training(this.viewer, {
      say,
      open: (number) => this.open(number),
      channel: () => this.assistant.channel(),
      changed: (name) => this.assistant.named(name),
    });
    this.areas.changed.push(() => this.training.show());
    this.next = new Next(this.viewer, {
      say,
      open: (number) => this.open(number),
      channel: () => this.assistant.channel(),
      place: (axis, to) => this.sliders.go(axis, to),
      markDone: () => this.toggleDone(),
      markArea: (corners) => this.areas.add(corners),
    });
    this.selected = new Selected(this.viewer, { settled: () => this.last, show: (found) => this.#showObject(found), say });
    /** @type {Promise<any>} Edits are made one after the other. */
    this.last = Promise.resolve();
    this.pending = 0;
    this.sliders = new Sliders(find("sliders"), (place) => {
      this.viewer.place = place;
      this.selected.refresh();
      this.assistant.moved();
    });
    this.together = new Together(this.viewer, {
      notice: new Notice(find("notice")),
      changed: (state) => this.#changedByOthers(state),
      imageName: (number) => this.images.images[number]?.name ?? "",
    });
    this.slices = new Slices(this.viewer, {
      edit: (edit) => this.edit(edit),
      change: (path, body) => this.change(path, body),
      inTurn: (step) => this.selected.inTurn(step),
      go: (axis, to) => this.sliders.go(axis, to),
      channel: () => this.assistant.channel(),
    });
    this.past = new Past(this.viewer, {
      dot: (who) => this.together.dot(who),
      restore: (edit) => this.change("restore", { edit }),
    });
    this.viewer.moved.push(() => showScale(this.viewer));
    api.restarted.push(() => this.#restarted());
    this.#controls();
    new Keys(keysOf(this)).list(find("key-list"));
  }

  async begin() {
    await this.together.begin();
    links(document, api);
    const [project] = await Promise.all([api.get("project"), this.classes.begin()]);
    document.title = `${project.folder} · Cellwright`;
    this.images.show(project.images);
    this.beside.offer();
    await this.open(0);
    await this.training.show();
  }

  /** @param {number} number */
  async open(number) {
    if (number < 0 || number >= this.images.images.length) return;
    this.images.select(number);
    find("title").textContent = find("title").title = this.images.images[number].name;
    this.#doneButton();
    find("note").textContent = this.images.images[number].note ?? "";
    find("message").hidden = true;
    this.#close();
    try {
      const image = await api.get(`images/${number}`);
      if (this.images.current !== number) return;
      this.viewer.open(image, number);
      this.tools.offer(image.frames > 1 ? [...image.marks, "link"] : image.marks);
      this.together.open(image);
      this.#undoable(image);
      this.#doneButton();
      this.sliders.open(image);
      this.slices.show();
      this.lineage.show();
      find("labels-file").textContent = image.file;
      await Promise.all([this.channels.open(), this.beside.open(), this.areas.show(), this.assistant.show(), this.#saidOf(number)]);
      await this.past.update();
    } catch (error) {
      if (this.images.current !== number) return;
      stage.setAttribute("aria-busy", "false");
      say(/** @type {Error} */ (error));
    }
  }

  /** What the program knew, and had not written down, is gone. */
  #restarted() {
    this.assistant.forget();
    this.training.show();
  }

  /** Forget the image that was open: until the next one is there, nothing can be done to either. */
  #close() {
    this.tools.cancel();
    this.viewer.close();
    this.beside.close();
    this.selected.forget();
    this.assistant.forget();
    this.marks.forget();
    this.classes.forget();
    this.#undoable({ can_undo: false, can_redo: false });
  }

  /** Show what is said about the image that was opened. @param {number} number */
  async #saidOf(number) {
    const facts = await api.get(`images/${number}/facts`);
    if (number !== this.viewer.number) return;
    this.marks.show(facts);
    await this.classes.show(facts);
  }

  /** @param {{tool?: string, [detail: string]: any}} edit @param {number} [number] @returns {Promise<any>} See `change`. */
  async edit(edit, number = this.viewer.number) {
    const ball = this.slices.ball ? { ball: true } : {};
    const changed = await this.change("edits", { ...this.viewer.place, class: this.classes.active, ...ball, ...edit }, number);
    if (changed && !changed.edit && edit.tool === "split" && number === this.viewer.number) say(new Error("Nothing was cut: the line has to run across an object, from one side to the other."));
    return changed;
  }

  /**
   * Make a change; returns what has changed once it is on the disk and shown, and nothing where it failed.
   * @param {string} path @param {object} [body]
   * @param {number} [number] Of the image: who waited for the server since the gesture says which it was.
   * @returns {Promise<any>}
   */
  change(path, body, number = this.viewer.number) {
    if (number < 0) return Promise.resolve();
    this.pending++;
    find("saved").textContent = "Saving …";
    this.last = this.last.then(() => this.#change(number, path, body)).then(
      (changed) => this.#settled("Saved", changed),
      (error) => this.#settled("", say(error)), // nothing has changed, and so nothing is saved
    );
    return this.last;
  }

  /** @template Result @param {string} text @param {Result} result */
  #settled(text, result) {
    if (--this.pending === 0) find("saved").textContent = text;
    return result;
  }

  /** @param {number} number @param {string} path @param {object} [body] */
  async #change(number, path, body) {
    /** @type {import("./api.js").Changed | null} */
    const changed = await api.post(`images/${number}/${path}`, body);
    find("message").hidden = true;
    if (!changed || number !== this.viewer.number) return changed;
    this.together.mine.add(changed.edit);
    this.#undoable(changed);
    this.marks.take(changed.facts);
    await this.classes.take(changed.facts);
    if (!changed.edit) return changed;
    this.viewer.refresh("labels", changed.boxes);
    this.readout.update();
    if (this.images.images[number].state === "new") this.images.setState(number, "started");
    this.selected.refresh();
    await this.past.update();
    return changed;
  }

  /** @param {{can_undo: boolean, can_redo: boolean, facts: import("./object_classes.js").Fact[]}} state */
  async #changedByOthers(state) {
    this.#undoable(state);
    this.marks.take(state.facts);
    await this.classes.take(state.facts);
    this.readout.update();
    if (this.images.images[this.viewer.number].state === "new") this.images.setState(this.viewer.number, "started");
    this.selected.refresh();
    await this.past.update();
  }

  /** @param {import("./tools.js").Point} point @param {import("./tools.js").How} how */
  click(point, how) {
    const { tool } = this.tools;
    const [remove, join] = [how === "remove", how === "join"];
    if ((remove || how === "held") && tool === "area") return this.areas.remove(point);
    if (remove && this.marks.remove(point)) return;
    if (!remove && tool === "point") return this.marks.add("point", [point]);
    if (!remove && !join && tool === "classify") return this.edit({ tool: "classify", point });
    const link = !remove && tool === "link";
    return this.selected.inTurn((at) => (link && this.viewer.labels.selected ? this.lineage.join(point, how !== "plain", at)
      : join ? this.#merge(point, at)
      : this.#clickObject(point, how, at)));
  }

  /** @param {import("./tools.js").Point} point @param {import("./tools.js").How} how @param {import("./selected.js").At} at */
  async #clickObject(point, how, at) {
    const proposal = await this.assistant.at(point, at);
    if (proposal) await this.assistant.settle(how === "plain" ? "accept" : "reject", [proposal], at.number);
    else if (how === "remove") await this.edit({ ...at.place, tool: "delete", point }, at.number);
    else await this.#select(point, at);
  }

  /** Merge what lies under a position into what is selected. @param {import("./tools.js").Point} point @param {import("./selected.js").At} at */
  async #merge(point, at) {
    const chosen = await this.selected.pointOn(at);
    if (chosen) await this.edit({ ...at.place, tool: "merge", point: chosen, other: point }, at.number);
    else await this.#select(point, at);
  }

  /** Select what lies under a position: an object, or else a mark. @param {import("./tools.js").Point} point @param {import("./selected.js").At} at */
  async #select(point, at) {
    await this.selected.select(point, at);
    if (at.number === this.viewer.number && !this.selected.seen) this.marks.select(this.marks.under(point));
  }

  /** Select nothing. */
  unselect() {
    this.marks.select(null);
    return this.selected.inTurn(() => this.selected.forget());
  }

  /** @param {any} found What is known of the selected object; null where there is none on this plane. */
  #showObject(found) {
    find("object").hidden = !found;
    if (found) {
      this.marks.select(null);
      find("facts").replaceChildren(...factsOf(found, this.viewer.image?.channels ?? [], this.classes.of(found.label)?.name));
    }
    this.slices.update();
    this.lineage.update();
  }

  /** Select an object by its label, and go to a frame. @param {number} label @param {number} frame */
  #pick(label, frame) {
    this.selected.pick(label);
    if (frame !== this.viewer.place.t) this.sliders.go("t", frame);
  }

  /** @param {{can_undo: boolean, can_redo: boolean}} state */
  #undoable(state) {
    find("undo").disabled = !state.can_undo;
    find("redo").disabled = !state.can_redo;
  }

  #doneButton() {
    const done = ["done", "checked"].includes(this.images.images[this.images.current].state);
    find("done").setAttribute("aria-pressed", String(done));
    find("done").textContent = done ? "Done" : "Mark as done";
  }

  async toggleDone() {
    const number = this.images.current; // whose name is shown, also while its picture is on its way
    const done = !["done", "checked"].includes(this.images.images[number].state);
    try {
      await api.post(`images/${number}/done`, { done });
      this.images.setState(number, (await api.get("project")).images[number].state);
    } catch (error) {
      say(/** @type {Error} */ (error));
    }
    this.#doneButton();
    this.training.show();
  }

  #controls() {
    find("undo").onclick = () => this.step("undo");
    find("redo").onclick = () => this.step("redo");
    find("done").onclick = () => this.toggleDone();
    find("help").onclick = () => /** @type {any} */ (find("keys")).showModal();
    themeButton(find("theme"));
    find("fill").onclick = () => this.onChosen("fill");
    find("delete").onclick = () => this.onChosen("delete");
    find("show-labels").onchange = () => { this.viewer.labels.shown = find("show-labels").checked; this.viewer.redraw(); };
    find("show-fill").onchange = () => { this.viewer.labels.filled = find("show-fill").checked; this.viewer.redraw(); };
    find("background").onchange = () => { this.tools.onlyBackground = find("background").checked; };
    find("size").oninput = () => this.tools.setRadius(0.5 * 1000 ** (find("size").valueAsNumber / 100));
    this.tools.resized.push((radius) => {
      find("size").value = String((100 * Math.log(radius / 0.5)) / Math.log(1000));
      find("size-value").textContent = `${short(Math.max(1, Math.round(2 * radius)))} px`;
    });
    this.tools.setRadius(8);
  }

  /** The class of a key: what is drawn from now on, and what is selected. @param {number} key */
  classKey(key) {
    const one = this.classes.byKey(key);
    if (one) this.classes.choose(one.id);
  }

  /** Give what is selected the class that was chosen. */
  #classify() {
    if (!this.marks.classify()) this.#editSelected("classify");
  }

  /** Take the last edit back, also one that is being saved, or do it again. @param {"undo" | "redo"} way */
  step(way) {
    return this.selected.inTurn(({ number }) => !find(way).disabled && this.change(way, {}, number));
  }

  /** @param {"fill" | "delete"} tool */
  onChosen(tool) {
    if (tool !== "delete" || !this.marks.remove()) this.#editSelected(tool);
  }

  /** @param {string} tool */
  #editSelected(tool) {
    return this.selected.inTurn(async (at) => {
      const point = await this.selected.pointOn(at);
      if (point) await this.edit({ ...at.place, tool, point }, at.number);
    });
  }
}

try {
  await new Studio().begin();
} catch (error) {
  say(/** @type {Error} */ (error));
}
