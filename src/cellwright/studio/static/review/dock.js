/** The lower part of the page: which view of the objects is open, and how high it is. */

const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const [LEAST, MOST] = [15, 80]; // % of the height

export class Dock {
  /** @param {(panel: string) => void} opened */
  constructor(opened) {
    this.opened = opened;
    this.panel = "table";
    for (const tab of this.#tabs()) {
      tab.onclick = () => this.open(tab.dataset.panel ?? "");
      tab.onkeydown = (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!by) return;
        event.stopPropagation();
        const tabs = this.#tabs().filter((one) => !one.hidden);
        const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length];
        next.focus();
        this.open(next.dataset.panel ?? "");
      };
    }
    this.#divider();
    this.open("table");
  }

  /** @param {string} panel */
  open(panel) {
    this.panel = panel;
    for (const tab of this.#tabs()) {
      const own = tab.dataset.panel === panel;
      tab.setAttribute("aria-selected", String(own));
      tab.tabIndex = own ? 0 : -1;
      find(tab.dataset.panel ?? "").hidden = !own;
    }
    this.opened(panel);
  }

  /** @returns {HTMLElement[]} */
  #tabs() {
    return [...find("tabs").querySelectorAll("button")];
  }

  #divider() {
    const divider = find("divider");
    const dock = find("dock");
    const set = (/** @type {number} */ share) => {
      const rounded = Math.min(MOST, Math.max(LEAST, share));
      dock.style.height = `${rounded}%`;
      divider.setAttribute("aria-valuenow", String(Math.round(rounded)));
    };
    divider.onpointerdown = (event) => divider.setPointerCapture(event.pointerId);
    divider.onpointermove = (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const { top, height } = /** @type {HTMLElement} */ (dock.parentElement).getBoundingClientRect();
      set((100 * (top + height - event.clientY)) / height);
    };
    divider.onkeydown = (event) => {
      const by = { ArrowUp: 5, ArrowDown: -5 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      set(Number(divider.getAttribute("aria-valuenow")) + by);
    };
  }
}
