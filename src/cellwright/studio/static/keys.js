/** The keys, and the page that shows them. */

/** @typedef {{keys: string[], shown?: string[], what: string, act?: (event: KeyboardEvent) => void}} Key */

/** Keys in words, from how the browser calls them. @type {Record<string, string>} */
const WORDS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Delete: "Del", " ": "Space", PageUp: "Page ↑", PageDown: "Page ↓", Escape: "Esc" };
const TYPING = "input:not([type=range]):not([type=checkbox]):not([type=color]), textarea, select";
const OWN = { range: /^(Arrow|Page|Home|End)/, button: /^( |Enter)$/ };

export class Keys {
  /** @param {Record<string, Key[]>} groups */
  constructor(groups) {
    /** @type {Map<string, (event: KeyboardEvent) => void>} */
    this.acts = new Map();
    for (const { keys, act } of Object.values(groups).flat()) if (act) for (const key of keys) this.acts.set(key, act);
    this.groups = groups;
    addEventListener("keydown", (event) => this.#press(event));
  }

  /** @param {HTMLElement} place */
  list(place) {
    place.replaceChildren(...Object.entries(this.groups).map(([name, keys]) => {
      const group = document.createElement("section");
      group.innerHTML = `<h3>${name}</h3><dl>${keys.map(({ keys: all, shown, what }) => `<div><dt>${(shown ?? all).map(written).join("")}</dt><dd>${what}</dd></div>`).join("")}</dl>`;
      return group;
    }));
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const on = /** @type {HTMLElement} */ (event.target);
    if (document.querySelector("dialog[open]")) return;
    if (on.matches?.(TYPING)) {
      if (event.key === "Escape" && on === document.activeElement) document.getElementById("stage")?.focus();
      return;
    }
    if (on.matches?.("[type=range]") && OWN.range.test(event.key)) return;
    if (on.matches?.("button, summary, [type=checkbox], [type=color]") && OWN.button.test(event.key)) return;
    const main = event.ctrlKey || event.metaKey;
    const digit = event.shiftKey && /^Digit\d$/.test(event.code) ? event.code[5] : ""; // which sign is there differs
    const letter = digit || (event.key.length === 1 ? event.key.toUpperCase() : event.key);
    const shifted = event.shiftKey && (digit || event.key.length > 1 || /[a-z]/i.test(event.key));
    const act = this.acts.get(`${main ? "Ctrl+" : ""}${shifted ? "Shift+" : ""}${letter}`);
    if (!act) return;
    event.preventDefault();
    act(event);
  }
}

/** @param {string} key */
function written(key) {
  const parts = key === "+" ? ["+"] : key.split("+");
  return `<span>${parts.map((part) => `<kbd>${WORDS[part] ?? part}</kbd>`).join("")}</span>`;
}
