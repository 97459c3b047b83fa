/** The keys of the page that reviews, and what they do. */

import { viewKeys } from "../view_keys.js";
import { TOOLS } from "./tools.js";

const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {import("./main.js").Review} review @returns {Record<string, import("../keys.js").Key[]>} */
export function keysOf(review) {
  const { viewer, tools, dock, gallery, table } = review;
  const click = (/** @type {string} */ id) => () => find(id).click();
  const { use, view } = viewKeys(viewer, tools, ["I", "J", "K", "M"]);
  const across = () => (dock.panel === "gallery" ? gallery.across() : 1);
  const shift = (/** @type {KeyboardEvent} */ event) => event.shiftKey;
  return {
    Objects: [
      { keys: ["ArrowUp", "ArrowDown", "Shift+ArrowUp", "Shift+ArrowDown"], shown: ["ArrowUp", "ArrowDown"], what: "Previous, next object; with Shift in addition", act: (event) => review.step(event.key === "ArrowUp" ? -across() : across(), shift(event)) },
      { keys: ["ArrowLeft", "ArrowRight"], what: "The same in the gallery", act: (event) => review.step(event.key === "ArrowLeft" ? -1 : 1) },
      { keys: ["PageUp", "PageDown"], what: "A page up, down", act: (event) => review.step((event.key === "PageUp" ? -1 : 1) * table.page()) },
      { keys: ["E"], what: "Exclude what is selected, or include it again", act: click("exclude") },
      { keys: ["F"], what: "Flag what is selected, or remove the flag", act: click("flag") },
      { keys: ["Ctrl+A"], what: "Select all that is shown", act: () => review.selection.set(review.choice.order) },
      { keys: ["Ctrl+Click"], what: "Select in addition, or no more" },
      { keys: ["Escape"], what: "Select nothing", act: () => { tools.cancel(); review.selection.clear(); find("message").hidden = true; } },
      { keys: ["Ctrl+Z"], what: "Undo", act: click("undo") },
      { keys: ["Ctrl+Shift+Z", "Ctrl+Y"], what: "Redo", act: click("redo") },
      { keys: ["Ctrl+E"], what: "Export what is shown", act: click("export") },
    ],
    Views: [
      { keys: ["/"], what: "Say what is shown", act: () => find("condition").focus() },
      { keys: ["T"], what: "Table", act: () => dock.open("table") },
      { keys: ["G"], what: "Gallery", act: () => dock.open("gallery") },
      ...(review.tracks?.keys() ?? []),
    ],
    Image: [
      ...Object.entries(TOOLS).map(([name, { key, name: what }]) =>
        ({ keys: [key], what, act: () => tools.choose(/** @type {import("../tools.js").ToolName} */ (name)) })),
      use,
      ...view,
      { keys: ["X"], what: "Objects on and off", act: click("show-labels") },
      { keys: ["Z"], what: "Outlines or fills", act: click("show-fill") },
      { keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"], shown: ["1", "… 9"], what: "Channels on and off", act: (event) => review.channels.toggle(Number(event.key) - 1) },
      { keys: ["[", "]"], what: "Previous, next image", act: (event) => review.open(review.opened + (event.key === "[" ? -1 : 1)) },
      { keys: [",", "."], what: "Previous, next frame", act: (event) => review.sliders.step("t", event.key === "." ? 1 : -1) },
      { keys: ["<", ">"], what: "Plane below, above", act: (event) => review.sliders.step("z", event.key === ">" ? 1 : -1) },
      { keys: ["?"], what: "These keys", act: click("help") },
    ],
  };
}
