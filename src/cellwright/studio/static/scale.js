/** The scale bar, and how large a pixel appears. */

import { short } from "./channels.js";

const WANTED = 130; // CSS px, about

/** @param {import("./viewer.js").Viewer} viewer */
export function showScale({ camera, image }) {
  const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  find("zoom").textContent = image ? `${short(Number((100 * camera.scale).toPrecision(3)))} %` : "";
  const unit = image?.pixel_size?.[1];
  find("scale").hidden = !image;
  if (!image) return;
  const wanted = WANTED / (camera.scale / (unit ?? 1));
  const power = 10 ** Math.floor(Math.log10(wanted));
  const length = power * (wanted / power >= 5 ? 5 : wanted / power >= 2 ? 2 : 1);
  const bar = /** @type {HTMLElement} */ (find("scale").firstElementChild);
  bar.style.width = `${(length / (unit ?? 1)) * camera.scale}px`;
  const [shown, name] = !unit ? [length, "px"] : length >= 1000 ? [length / 1000, "mm"] : length < 1 ? [length * 1000, "nm"] : [length, "µm"];
  /** @type {HTMLElement} */ (find("scale").lastElementChild).textContent = `${Number(shown.toPrecision(3))} ${name}`;
}
