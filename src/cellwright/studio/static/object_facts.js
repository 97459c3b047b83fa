/** What is known about an object, as entries of a list. */

import { short } from "./channels.js";

/**
 * @param {{label: number, area: number, area_um2: number | null, means: (number | null)[]}} found
 * @param {string[]} channels Their names.
 * @param {string} [kind] The name of its class.
 */
export function* factsOf(found, channels, kind) {
  yield* fact("Label", found.label.toLocaleString("en"));
  if (kind) yield* fact("Class", kind);
  yield* fact("Area", `${found.area.toLocaleString("en")} px`);
  if (found.area_um2 !== null) yield* fact("", `${short(found.area_um2)} µm²`);
  for (const [i, mean] of found.means.entries()) yield* fact(`Mean, ${channels[i]}`, mean === null ? "not a number" : String(short(mean)));
}

/** @param {string} name @param {string} value */
function* fact(name, value) {
  for (const [tag, text] of [["dt", name], ["dd", value]]) {
    const element = document.createElement(tag);
    element.textContent = text;
    yield element;
  }
}
