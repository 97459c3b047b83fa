/** What is to be known while one works: said until it is no longer true, or somebody has read it and closes it. */

export class Notice {
  /** @param {HTMLElement} place Holds a paragraph and a button. */
  constructor(place) {
    this.place = place;
    this.text = /** @type {HTMLElement} */ (place.querySelector("p"));
    this.about = "";
    /** @type {Set<string>} What was read. */
    this.closed = new Set();
    /** @type {HTMLButtonElement} */ (place.querySelector("button")).onclick = () => this.#close();
  }

  /** @param {string} text Nothing, where there is nothing to be known. @param {string} [about] Said again where that is another. */
  show(text, about = text) {
    if (about === this.about) return;
    this.about = about;
    this.text.textContent = text;
    this.place.hidden = !text || this.closed.has(about);
  }

  #close() {
    this.closed.add(this.about);
    this.place.hidden = true;
  }
}
