/** The list of images, with thumbnails as they scroll into view. */

/** @type {Record<string, string>} */
export const STATES = { new: "not annotated", started: "started", done: "done", checked: "checked", again: "needs another look" };

/** @typedef {{name: string, state: string, note?: string, people?: string[], others?: boolean}} Listed `others`: it is for others to annotate. */

export class Images {
  /**
   * @param {HTMLElement} list
   * @param {import("./api.js").Api} api
   * @param {(number: number) => void} open
   */
  constructor(list, api, open) {
    this.list = list;
    this.api = api;
    this.open = open;
    /** @type {Listed[]} */
    this.images = [];
    this.current = -1;
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.#thumbnail(/** @type {HTMLElement} */ (entry.target));
    }, { root: list.parentElement, rootMargin: "200px" });
  }

  /** @param {Listed[]} images @param {Promise<any>} [before] What comes before the thumbnails. */
  async show(images, before) {
    this.images = images;
    this.list.replaceChildren(...images.map((image, number) => this.#entry(image, number)));
    await before;
    for (const entry of this.list.children) this.seen.observe(entry);
  }

  /** @param {number} number */
  select(number) {
    this.list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    this.current = number;
    const entry = this.list.children[number]?.querySelector("button");
    entry?.setAttribute("aria-current", "true");
    entry?.scrollIntoView({ block: "nearest" });
  }

  /** Say how many objects of each image are shown; nothing where that is all of them. @param {number[] | null} shown */
  count(shown) {
    for (const [number, entry] of [...this.list.children].entries()) {
      const place = /** @type {HTMLElement} */ (entry.querySelector(".shown"));
      place.textContent = shown ? shown[number].toLocaleString("en") : "";
      entry.classList.toggle("none", shown?.[number] === 0);
    }
  }

  /** @param {number} number @param {string} state */
  setState(number, state) {
    this.images[number].state = state;
    const entry = /** @type {HTMLElement} */ (this.list.children[number]);
    const dot = /** @type {HTMLElement} */ (entry.querySelector(".state"));
    dot.className = `state ${state}`;
    dot.title = STATES[state];
    dot.setAttribute("aria-label", STATES[state]);
  }

  /** @param {Listed} image @param {number} number */
  #entry(image, number) {
    const entry = document.createElement("li");
    entry.innerHTML = `<button><span class="thumb"></span><span class="name"></span><span class="shown soft"></span><i class="state" role="img"></i></button>`;
    const button = /** @type {HTMLButtonElement} */ (entry.firstElementChild);
    button.title = image.people?.length ? `${image.name}, for ${image.people.join(", ")}` : image.name;
    button.classList.toggle("others", image.others ?? false);
    /** @type {HTMLElement} */ (entry.querySelector(".name")).textContent = image.name;
    button.onclick = () => this.open(number);
    entry.dataset.number = String(number);
    if (image.state) queueMicrotask(() => this.setState(number, image.state));
    else entry.querySelector(".state")?.remove();
    return entry;
  }

  /** @param {HTMLElement} entry */
  async #thumbnail(entry) {
    this.seen.unobserve(entry);
    const place = /** @type {HTMLElement} */ (entry.querySelector(".thumb"));
    try {
      const bytes = await this.api.bytes(`images/${entry.dataset.number}/thumbnail`);
      const picture = new Image();
      picture.alt = "";
      picture.src = URL.createObjectURL(new Blob([/** @type {ArrayBuffer} */ (bytes)], { type: "image/png" }));
      picture.onload = () => URL.revokeObjectURL(picture.src);
      place.append(picture);
    } catch (error) {
      place.classList.add("broken");
      place.title = /** @type {Error} */ (error).message;
    }
  }
}
