/** What came of the rounds of training, beside what each one started from, and which of them proposes. */

/**
 * @typedef {import("./training.js").Told} Told
 * @typedef {import("./training.js").Round} Round
 */

const SAME = 0.005; // a change of average precision that its two digits do not show

const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class Rounds {
  /** @param {{open: (number: number) => Promise<void>, post: (path: string, body: object) => Promise<void>}} actions */
  constructor(actions) {
    this.actions = actions;
    this.shown = "";
  }

  /** Show all that are not going on. @param {Told} told */
  show({ rounds, current, in_use, given }) {
    const done = rounds.filter((round) => round.number !== current);
    const told = { rounds: done, current, in_use, given };
    const key = JSON.stringify(told);
    if (key === this.shown) return; // who is about to press a button keeps it
    this.shown = key;
    this.#list(told);
    this.#verdict(current === null ? done[done.length - 1] : undefined, told);
  }

  /** @param {Pick<Told, "rounds" | "current" | "in_use" | "given">} told */
  #list({ rounds, current, in_use, given }) {
    find("train-rounds").hidden = !rounds.length && current === null;
    const first = element("li");
    first.append(line(named(given), [element("span", "at the start")], in_use === null ? "in use" : this.#use(0, given)));
    const entries = [...rounds].reverse().map((round) => {
      const entry = element("li");
      const use = in_use === round.number ? "in use" : this.#use(round.number, round.number);
      entry.append(line(named(round.number, true), figures(round), round.verdict ? use : this.#goOn(round, current !== null)));
      entry.title = described(round);
      return entry;
    });
    find("train-list").replaceChildren(...entries, first);
  }

  /** What came of the last round. @param {Round | undefined} round @param {Pick<Told, "in_use" | "given">} told */
  #verdict(round, { in_use, given }) {
    const place = find("train-verdict");
    const { verdict, model = null, state, failure, start } = round ?? {};
    /** @type {Node[]} */
    const lines = (verdict?.sentences ?? []).map((text) => element("p", text));
    if (round && verdict && in_use === round.number && (typeof start === "number" || start === given)) {
      const button = this.#use(start === given ? 0 : Number(start), start);
      button.className = "wide";
      button.textContent = `Back to ${named(start)}`;
      lines.push(button);
    } else if (verdict && in_use !== round?.number) lines.push(element("p", `The model “${named(in_use ?? given)}” proposes.`));
    for (const { image, number } of verdict?.worst.slice(0, 1) ?? []) {
      const button = element("button", `See where it errs most: ${image}`);
      button.title = image;
      button.className = "wide";
      button.onclick = () => this.actions.open(number);
      lines.push(button);
    }
    if (model) lines.push(written("Its model, to segment other images with:", model));
    if (state === "failed") lines.push(element("p", failure ?? ""));
    place.replaceChildren(...lines);
    place.hidden = !lines.length;
  }

  /** A button that lets a model propose. @param {number} round 0 for the one that the program was given. @param {number | string} model */
  #use(round, model) {
    return this.#button("Use", named(model), `Let ${named(model)} propose`, "use", round);
  }

  /** @param {Round} round @param {boolean} isBusy With another one. */
  #goOn({ number }, isBusy) {
    const button = this.#button("Go on", `with ${named(number)}`, `Go on with ${named(number)}`, "resume", number);
    button.disabled = isBusy;
    return button;
  }

  /** @param {string} text @param {string} what @param {string} title @param {string} path @param {number} round */
  #button(text, what, title, path, round) {
    const button = element("button", text);
    button.className = "small";
    button.title = title;
    button.setAttribute("aria-label", `${text} ${what}`);
    button.onclick = () => this.actions.post(path, { round });
    return button;
  }
}

/** How good a round is, beside what it started from, both on what it set aside. @param {Round} round */
function figures({ verdict, start, state }) {
  if (!verdict) return [element("span", state)];
  const { before, after } = verdict;
  const change = after.precision - before.precision;
  const shown = [element("span", start === "" ? `AP ${digits(after)}` : `AP ${digits(before)} → ${digits(after)}`)];
  if (start !== "" && Math.abs(change) >= SAME) {
    const word = element("span", change > 0 ? "better" : "worse");
    word.className = word.textContent ?? "";
    shown.push(word);
  }
  return shown;
}

/** @param {Round} round */
function described(round) {
  const { verdict, start } = round;
  const learned = `${counted(round.objects, "object")} of ${counted(round.images, "image")}, ${time(round.seconds / 60)}`;
  if (!verdict) return learned;
  const before = start === "" ? "" : `, where ${named(start)}, from which it started, has ${digits(verdict.before)}`;
  return `Average precision ${digits(verdict.after)} on all that was set aside${before}. Counts ${signed(verdict.count_error)}; learned from ${learned}`;
}

/** What a model is called: that of a round, or one with a name or a path. @param {number | string | undefined} model @param {boolean} [isFirst] In a sentence. */
export function named(model, isFirst = false) {
  return typeof model === "number" ? `${isFirst ? "R" : "r"}ound ${model}` : model?.split(/[\\/]/).pop() ?? "";
}

/** @param {number} count @param {string} noun */
export const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** @param {number} minutes */
export const time = (minutes) => (minutes < 1 ? `${Math.round(60 * minutes)} s` : `${Number(minutes.toFixed(1))} min`);

/** @param {import("./training.js").Judged} judged */
const digits = ({ precision }) => precision.toFixed(2);

/** @param {number} share */
const signed = (share) => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(0)} %`;

/** @template {keyof HTMLElementTagNameMap} Tag @param {Tag} tag @param {string} [text] @returns {HTMLElementTagNameMap[Tag]} */
export function element(tag, text = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

/** Where something is on the disk. @param {string} what @param {string} path */
function written(what, path) {
  const told = element("p", `${what} `);
  const place = element("span", path);
  told.className = "soft";
  place.className = "path";
  told.append(place);
  return told;
}

/** @param {string} name @param {Node[]} figures @param {string | HTMLElement} action */
function line(name, figures, action) {
  const [made, shown] = [element("div"), element("div")];
  made.className = "round";
  shown.append(...figures);
  const last = typeof action === "string" ? element("b", action) : action;
  made.append(element("span", name), shown, last);
  return made;
}
