/** Sliders through time and depth. Frames and planes count from 0, as in tables and in file names. */

/** @typedef {{t: number, z: number}} Place */

export class Sliders {
  /**
   * @param {HTMLElement} panel
   * @param {(place: Place) => void} changed
   */
  constructor(panel, changed) {
    this.panel = panel;
    this.changed = changed;
    this.place = { t: 0, z: 0 };
  }

  /** @param {import("./api.js").ImageFacts} image */
  open(image) {
    this.place = { t: 0, z: 0 };
    const axes = /** @type {["t" | "z", string, number][]} */ ([["t", "Frame", image.frames], ["z", "Z", image.planes]]);
    this.panel.replaceChildren(...axes.filter(([, , count]) => count > 1).map(([axis, name, count]) => {
      const line = document.createElement("label");
      line.title = "Counted from 0, as in all tables";
      line.innerHTML = `<span>${name}</span><input type="range" name="${axis}" min="0" max="${count - 1}" value="0"><output>${said(0, count)}</output>`;
      const slider = /** @type {HTMLInputElement} */ (line.querySelector("input"));
      slider.oninput = () => {
        this.place = { ...this.place, [axis]: slider.valueAsNumber };
        /** @type {HTMLElement} */ (line.querySelector("output")).textContent = said(slider.valueAsNumber, count);
        this.changed(this.place);
      };
      return line;
    }));
  }

  /** @param {"t" | "z"} axis @param {number} by */
  step(axis, by) {
    this.go(axis, this.place[axis] + by);
  }

  /** @param {"t" | "z"} axis @param {number} to */
  go(axis, to) {
    const slider = /** @type {HTMLInputElement | null} */ (this.panel.querySelector(`input[name=${axis}]`));
    if (!slider) return;
    slider.valueAsNumber = to;
    slider.dispatchEvent(new Event("input"));
  }
}

/** @param {number} value @param {number} count */
function said(value, count) {
  return `${value} of 0–${count - 1}`;
}
