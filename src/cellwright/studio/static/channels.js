/** The panel of channels: colour, contrast, gamma, on and off. */

import { onTheme } from "./theme.js";

/** @typedef {import("./viewer.js").Channel} Channel */
/** @typedef {{visible: boolean, hex: string, gamma: number, limits: [number, number] | null}} Chosen limits: set by hand. */
/** @typedef {{counts: number[], lowest: number, highest: number, black: number, white: number}} Histogram */

const COLOURS = ["#3f8cff", "#3ddc5a", "#ff4fa8", "#ffd23f", "#38e0e0", "#ff6b4a", "#ffffff"];
/** @type {[RegExp, string][]} Usual colours of dyes, by name. */
const DYES = [
  [/dapi|hoechst|nucle|405|bfp/i, "#3f8cff"],
  [/gfp|fitc|488|alexa ?488|egfp/i, "#3ddc5a"],
  [/cy5|647|far ?red/i, "#ff4fa8"],
  [/rfp|mcherry|tritc|cy3|56[18]|594|red/i, "#ff6b4a"],
  [/bright|phase|dic|trans/i, "#ffffff"],
];
const PRIMARIES = ["#ff0000", "#00ff00", "#0000ff"];
const HEIGHT = 44; // CSS px

export class Channels {
  /**
   * @param {HTMLElement} panel
   * @param {import("./viewer.js").Viewer} viewer
   */
  constructor(panel, viewer) {
    this.panel = panel;
    this.viewer = viewer;
    this.round = 0;
    /** @type {Map<string, Chosen[]>} What was chosen for images of the same channels. */
    this.chosen = new Map();
    /** @type {{element: HTMLElement, show: (found: Histogram) => void, draw: () => void}[]} */
    this.rows = [];
    onTheme(() => { for (const row of this.rows) row.draw(); });
  }

  /** Show the channels of the image that was opened. */
  async open() {
    const image = /** @type {import("./api.js").ImageFacts} */ (this.viewer.image);
    const round = ++this.round;
    const chosen = this.#chosenFor(image);
    this.viewer.channels = chosen.map(({ visible, hex, gamma }) => ({ visible, colour: parts(hex), black: 0, white: 1, gamma }));
    this.rows = chosen.map((one, index) => this.#row(image.channels[index], one, index));
    this.panel.replaceChildren(...this.rows.map((row) => row.element));
    await Promise.all(this.rows.map(async (row, index) => {
      const found = await this.viewer.api.get(`images/${this.viewer.number}/histogram`, { channel: index, ...this.viewer.place });
      if (round === this.round) row.show(found);
    }));
  }

  /** What was chosen for the channels of an image, also while another one was open. @param {import("./api.js").ImageFacts} image */
  #chosenFor({ channels, dtype, rgb }) {
    const key = JSON.stringify([channels, dtype, rgb]);
    const chosen = this.chosen.get(key) ?? channels.map((name, index) => ({
      visible: index < COLOURS.length,
      hex: rgb ? PRIMARIES[index] : channels.length === 1 ? "#ffffff" : colourOf(name, index),
      gamma: 1,
      limits: null,
    }));
    this.chosen.set(key, chosen);
    return chosen;
  }

  /** Switch a channel on or off. @param {number} index */
  toggle(index) {
    const box = /** @type {HTMLInputElement | undefined} */ (this.panel.querySelectorAll(".channel-on")[index]);
    box?.click();
  }

  /** @param {string} name @param {Chosen} chosen @param {number} index */
  #row(name, chosen, index) {
    const channel = this.viewer.channels[index];
    const element = document.createElement("div");
    element.className = "channel";
    element.innerHTML = `
      <div class="line">
        <label class="switch"><input type="checkbox" class="channel-on"><span class="channel-name"></span></label>
        <button class="auto" title="Contrast from this plane; limits set by hand hold for all images of these channels">Auto</button>
        <input type="color">
      </div>
      <canvas class="histogram" height="${HEIGHT}"></canvas>
      <div class="line limits"><input type="number" class="black"><label class="gamma">γ <input type="range" min="0.2" max="3" step="0.05" value="1"></label><input type="number" class="white"></div>`;
    const find = (/** @type {string} */ selector) => /** @type {HTMLInputElement} */ (element.querySelector(selector));
    const [on, colour, gamma, black, white] = [".channel-on", "[type=color]", "[type=range]", ".black", ".white"].map(find);
    const canvas = /** @type {HTMLCanvasElement} */ (element.querySelector("canvas"));
    element.querySelector(".channel-name")?.append(name);
    for (const [control, what] of /** @type {[HTMLInputElement, string][]} */ ([[colour, "colour"], [gamma, "gamma"], [black, "black"], [white, "white"]])) {
      control.setAttribute("aria-label", `${name}: ${what}`);
      control.title = what[0].toUpperCase() + what.slice(1);
    }
    on.checked = chosen.visible;
    colour.value = chosen.hex;
    /** @type {Histogram | null} */
    let histogram = null;
    const draw = () => { if (histogram) drawHistogram(canvas, histogram, channel); };
    const update = () => {
      gamma.title = `Gamma ${short(channel.gamma)}; double-click for 1`;
      black.value = String(short(channel.black));
      white.value = String(short(channel.white));
      draw();
      this.viewer.redraw();
    };
    const limited = () => {
      chosen.limits = [channel.black, channel.white];
      update();
    };
    gamma.value = String(chosen.gamma);
    on.onchange = () => { channel.visible = chosen.visible = on.checked; update(); };
    colour.oninput = () => { chosen.hex = colour.value; channel.colour = parts(colour.value); update(); };
    gamma.oninput = () => { channel.gamma = chosen.gamma = Number(gamma.value); update(); };
    gamma.ondblclick = () => { gamma.value = "1"; gamma.oninput?.(new Event("input")); };
    black.onchange = () => { channel.black = Math.min(Number(black.value), channel.white - 1e-6); limited(); };
    white.onchange = () => { channel.white = Math.max(Number(white.value), channel.black + 1e-6); limited(); };
    const show = (/** @type {Histogram} */ found) => {
      histogram = found;
      [channel.black, channel.white] = chosen.limits ?? [found.black, found.white];
      const step = (found.highest - found.lowest) / 200;
      for (const control of [black, white]) control.step = step > 2 ? String(Math.round(step)) : "any";
      update();
    };
    /** @type {HTMLButtonElement} */ (element.querySelector(".auto")).onclick = async () => {
      chosen.limits = null;
      show(await this.viewer.api.get(`images/${this.viewer.number}/histogram`, { channel: index, ...this.viewer.place }));
    };
    dragLimits(canvas, () => histogram, channel, limited);
    return { element, show, draw };
  }
}

/** @param {HTMLCanvasElement} canvas @param {() => {lowest: number, highest: number} | null} range @param {Channel} channel @param {() => void} update */
function dragLimits(canvas, range, channel, update) {
  /** @type {"black" | "white"} */
  let held = "black";
  const value = (/** @type {PointerEvent} */ event) => {
    const { left, width } = canvas.getBoundingClientRect();
    const found = /** @type {{lowest: number, highest: number}} */ (range());
    const part = Math.min(1, Math.max(0, (event.clientX - left) / width));
    return found.lowest + part * (found.highest - found.lowest);
  };
  canvas.onpointerdown = (event) => {
    if (!range()) return;
    const at = value(event);
    held = Math.abs(at - channel.black) < Math.abs(at - channel.white) ? "black" : "white";
    canvas.setPointerCapture(event.pointerId);
    canvas.onpointermove?.(event);
  };
  canvas.onpointermove = (event) => {
    if (!event.buttons || !range()) return;
    const at = value(event);
    if (held === "black" ? at < channel.white : at > channel.black) channel[held] = at;
    update();
  };
}

/** @param {HTMLCanvasElement} canvas @param {{counts: number[], lowest: number, highest: number}} histogram @param {Channel} channel */
function drawHistogram(canvas, { counts, lowest, highest }, channel) {
  const dense = devicePixelRatio;
  const width = canvas.clientWidth || 240;
  canvas.width = width * dense;
  canvas.height = HEIGHT * dense;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.scale(dense, dense);
  const style = getComputedStyle(canvas);
  const most = Math.log1p(Math.max(...counts, 1));
  pen.fillStyle = style.getPropertyValue("--soft");
  const bar = width / counts.length;
  counts.forEach((count, i) => {
    const height = (Math.log1p(count) / most) * (HEIGHT - 6);
    pen.fillRect(i * bar, HEIGHT - height, bar + 0.3, height);
  });
  const place = (/** @type {number} */ value) => ((value - lowest) / (highest - lowest)) * width;
  const [left, right] = [place(channel.black), place(channel.white)];
  pen.fillStyle = style.getPropertyValue("--veil");
  pen.fillRect(0, 0, left, HEIGHT);
  pen.fillRect(right, 0, width - right, HEIGHT);
  pen.fillStyle = style.getPropertyValue("--accent");
  pen.fillRect(Math.min(width - 2, Math.max(0, left - 1)), 0, 2, HEIGHT);
  pen.fillRect(Math.min(width - 2, Math.max(0, right - 1)), 0, 2, HEIGHT);
}

/** @param {string} name @param {number} index */
function colourOf(name, index) {
  return DYES.find(([pattern]) => pattern.test(name))?.[1] ?? COLOURS[index % COLOURS.length];
}

/** @param {string} hex @returns {number[]} Red, green, blue from 0 to 1. */
function parts(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
}

/** @param {number} value */
export function short(value) {
  return Math.abs(value) >= 100 || Number.isInteger(value) ? Math.round(value) : Number(value.toPrecision(4));
}
