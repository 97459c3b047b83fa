/** The page of the people: who annotates what, how far everybody is, and how far they agree. */

import { Api } from "./api.js";
import { STATES } from "./images.js";
import { face, introduce, links } from "./people.js";
import { themeButton } from "./theme.js";

/**
 * @typedef {{person: string, state: keyof typeof STATES, note: string, who: string}} Job
 * @typedef {{name: string, people: string[], apart: boolean, jobs: Job[]}} Listed
 * @typedef {{name: string, colour: string, objects: number, minutes: number, images: number, done: number}} Worker
 * @typedef {{people: [string, string], both: number, only_first: number, only_second: number, f1: number,
 *   average_precision: number, kappa: number | null, class_kappa: number | null}} Pair
 * @typedef {{image: number, pairs: Pair[], differing: number, open: number, consensus: string}} Compared
 */

const api = new Api(new URLSearchParams(location.hash.slice(1)).get("token") ?? "");
const find = (/** @type {string} */ id) => /** @type {HTMLElement & HTMLInputElement} */ (document.getElementById(id));
const main = /** @type {HTMLElement} */ (document.querySelector("main"));
/** @type {Record<string, string>} */
const TASKS = { judge: "Is it right?", outline: "Draw it" };
/** @type {Record<string, string>} */
const RESULTS = { open: "open", right: "right", wrong: "wrong", drawn: "drawn anew", gone: "no object", outdated: "changed meanwhile" };
/** @type {Map<string, Worker>} */
let people = new Map();
/** @type {{images: Compared[], pairs: Pair[]}} How far they agree, as far as that is known. */
let agreed = { images: [], pairs: [] };

/** @param {unknown} error */
function say(error) {
  find("message").textContent = /** @type {Error} */ (error).message;
  find("message").hidden = false;
}

/** @param {string} tag @param {(string | Node)[]} inside */
function made(tag, ...inside) {
  const element = document.createElement(tag);
  element.append(...inside);
  return element;
}

/** @param {(string | Node)[]} cells */
function row(...cells) {
  return made("tr", ...cells.map((cell) => made("td", cell)));
}

/** @param {string} name */
function named(name) {
  const place = made("span", face(people.get(name) ?? { name, colour: "#808080" }), name);
  place.className = "who";
  return place;
}

/** @param {number | null | undefined} value */
const score = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));

async function show() {
  const work = await api.get("work");
  people = new Map(work.people.map((/** @type {Worker} */ one) => [one.name, one]));
  tell(work); // to compare images takes longer
  agreed = await api.get("agreement");
  tell(work);
  main.setAttribute("aria-busy", "false");
}

/** @param {{people: Worker[], images: Listed[]}} work */
function tell(work) {
  find("workers").replaceChildren(...work.people.map((one) => row(
    named(one.name), one.objects.toLocaleString("en"), one.minutes.toFixed(0),
    one.images ? `${one.done} of ${one.images}` : "–", score(meanScore(agreed.pairs, one.name)))));
  find("agreement").hidden = !agreed.pairs.length;
  find("pairs").replaceChildren(...agreed.pairs.map((pair) => row(
    couple(pair), pair.both.toLocaleString("en"), (pair.only_first + pair.only_second).toLocaleString("en"),
    score(pair.f1), score(pair.average_precision), score(pair.kappa), score(pair.class_kappa))));
  const compared = new Map(agreed.images.map((one) => [one.image, one]));
  find("images").replaceChildren(...work.images.flatMap((one, number) => rows(one, number, compared.get(number))));
}

/** @param {Pair[]} pairs @param {string} name */
function meanScore(pairs, name) {
  const own = pairs.filter((pair) => pair.people.includes(name));
  return own.length ? own.reduce((sum, { f1 }) => sum + f1, 0) / own.length : null;
}

/** @param {Pair} pair */
function couple(pair) {
  return made("span", ...pair.people.map(named));
}

/** The lines of an image: of its label file, and of everybody with labels of their own. @param {Listed} image @param {number} number @param {Compared} [compared] */
function rows(image, number, compared) {
  const jobs = image.jobs.filter((job) => job.person || !image.apart || job.state !== "new");
  return jobs.map((job, i) => {
    const whose = made("span", ...(job.person ? [named(job.person)] : image.apart ? ["consensus"] : image.people.length ? image.people.map(named) : ["everybody"]));
    whose.className = "who";
    const line = row(i ? "" : image.name, whose, stated(job), review(job, number), i || !compared ? "" : differences(compared));
    if (i) line.className = "more";
    return line;
  });
}

/** @param {Job} job */
function stated(job) {
  const place = made("span", STATES[job.state]);
  const dot = made("i");
  dot.className = `state ${job.state}`;
  place.prepend(dot);
  if (!job.note) return place;
  const note = made("p", `“${job.note}” ${job.who}`);
  note.className = "soft";
  return made("div", place, note);
}

/** What a reviewer says of labels. @param {Job} job @param {number} number */
function review(job, number) {
  const choice = /** @type {HTMLSelectElement} */ (document.createElement("select"));
  choice.setAttribute("aria-label", "Review");
  choice.append(new Option("review …", ""), new Option("checked", "checked"), new Option("needs another look", "again"), new Option("done", "done"), new Option("in progress", "started"));
  choice.onchange = async () => {
    if (!choice.value) return;
    try {
      const note = choice.value === "again" ? await askWhy() : "";
      await api.post(`images/${number}/state`, { state: choice.value, of: job.person, note });
      await show();
    } catch (error) {
      say(error);
    }
  };
  return choice;
}

/** Ask what needs another look; one need not say. @returns {Promise<string>} */
function askWhy() {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("why"));
  find("note").value = "";
  dialog.showModal();
  return new Promise((resolve) => { dialog.onclose = () => resolve(find("note").value); });
}

/** @param {Compared} compared */
function differences({ image, differing, open, consensus }) {
  const link = /** @type {HTMLAnchorElement} */ (document.createElement("a"));
  link.dataset.page = "/static/agreement.html";
  link.dataset.more = `image=${image}`;
  link.textContent = open ? `${open} to decide` : differing ? `${differing} decided` : "none";
  links(link, api);
  const written = { none: "", old: ", consensus is older", written: ", consensus written" }[consensus] ?? "";
  return made("span", link, written);
}

/** How far the small tasks are, and who did how many. @param {{progress: Record<string, Record<string, number>>, people: Record<string, number>, token: string}} told */
function showTasks({ progress, people: answered, token }) {
  const lines = Object.entries(progress).flatMap(([kind, results]) => {
    const said = Object.entries(results).map(([result, count]) => `${count.toLocaleString("en")} ${RESULTS[result] ?? result}`);
    return said.length ? [made("dt", TASKS[kind]), made("dd", said.join(", "))] : [];
  });
  const names = Object.entries(answered).map(([name, count]) => `${name} ${count.toLocaleString("en")}`);
  if (names.length) lines.push(made("dt", "Answers"), made("dd", names.join(", ")));
  find("task-progress").replaceChildren(...lines);
  find("volunteers").hidden = !lines.length;
  const link = /** @type {HTMLAnchorElement} */ (document.getElementById("volunteer-link"));
  link.href = `/static/tasks.html#token=${token}`;
}

find("ask").onsubmit = async (event) => {
  event.preventDefault();
  find("message").hidden = true;
  const [about, kind] = find("ask-what").value.split(" ");
  try {
    showTasks(await api.post("tasks", { about, kind, votes: find("votes").valueAsNumber }));
  } catch (error) {
    say(error);
  }
};

find("assign").onsubmit = async (event) => {
  event.preventDefault();
  find("message").hidden = true;
  try {
    const work = await api.get("work");
    const chosen = /** @type {NodeListOf<HTMLInputElement>} */ (find("among").querySelectorAll("input:checked"));
    const images = work.images.flatMap((/** @type {Listed} */ { jobs }, /** @type {number} */ number) =>
      (find("which").value === "all" || jobs.every(({ state }) => state === "new") ? [number] : []));
    await api.post("work", {
      people: [...chosen].map(({ value }) => value), each: find("each").valueAsNumber, apart: find("apart").checked, images,
    });
    await show();
  } catch (error) {
    say(error);
  }
};

try {
  await introduce(api);
  links(document, api);
  themeButton(find("theme"));
  await show();
  showTasks(await api.get("tasks"));
  find("among").replaceChildren(...[...people.values()].map(({ name }) => {
    const line = made("label");
    line.className = "switch";
    const box = /** @type {HTMLInputElement} */ (document.createElement("input"));
    box.type = "checkbox";
    box.value = name;
    box.checked = true;
    line.append(box, named(name));
    return line;
  }));
} catch (error) {
  say(error);
}
