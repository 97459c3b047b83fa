/** Sliders that have what the model saw read in another way, without it looking again. */

/** @typedef {{name: string, words: string, about: string, low: number, high: number, step: number, value: number, usual: number}} Knob */

export class Knobs {
  /** @param {HTMLElement} panel @param {(numbers: Record<string, number>) => void} turned */
  constructor(panel, turned) {
    this.panel = panel;
    this.turned = turned;
    /** @type {Knob[]} */
    this.knobs = [];
    this.lines = /** @type {HTMLElement} */ (panel.querySelector("div"));
    this.reset = /** @type {HTMLButtonElement} */ (panel.querySelector("button"));
    this.reset.onclick = () => {
      this.#list(this.knobs.map((knob) => ({ ...knob, value: knob.usual })));
      this.#tell();
    };
  }

  /** Offer what can be turned; sliders that say the same already stay as they are. @param {Knob[]} knobs */
  show(knobs) {
    this.panel.hidden = !knobs.length;
    if (knobs.length && JSON.stringify(knobs) !== JSON.stringify(this.knobs)) this.#list(knobs);
  }

  /** @param {Knob[]} knobs */
  #list(knobs) {
    this.knobs = knobs.map((knob) => ({ ...knob }));
    this.lines.replaceChildren(...this.knobs.flatMap((knob) => {
      const line = document.createElement("label");
      line.className = "line";
      line.title = knob.about;
      const output = document.createElement("output");
      line.append(knob.words, output);
      const slider = document.createElement("input");
      Object.assign(slider, { type: "range", min: String(knob.low), max: String(knob.high), step: String(knob.step), title: knob.about });
      slider.id = `knob-${knob.name.replaceAll(" ", "-")}`;
      line.htmlFor = slider.id;
      slider.value = String(knob.value);
      const say = () => { output.textContent = String(Number(knob.value.toFixed(2))); };
      slider.oninput = () => {
        knob.value = slider.valueAsNumber;
        say();
        this.#tell();
      };
      say();
      return [line, slider];
    }));
    this.#resettable();
  }

  #resettable() {
    this.reset.disabled = this.knobs.every(({ value, usual }) => value === usual);
  }

  #tell() {
    this.#resettable();
    const moved = this.knobs.filter(({ value, usual }) => value !== usual);
    this.turned(Object.fromEntries(moved.map(({ name, value }) => [name, value])));
  }
}
