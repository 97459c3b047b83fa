/** The keys of the page that annotates, and what they do. */

import { TOOLS } from "./toolbox.js";
import { viewKeys } from "./view_keys.js";

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {import("./main.js").Studio} studio @returns {Record<string, import("./keys.js").Key[]>} */
export function keysOf(studio) {
  const { viewer, tools, assistant } = studio;
  const { use, view } = viewKeys(viewer, tools, ["ArrowUp", "ArrowLeft", "ArrowRight", "ArrowDown"]);
  const click = (/** @type {string} */ id) => () => find(id).click();
  return {
    Tools: Object.entries(TOOLS).map(([name, { key, name: what }]) =>
      ({ keys: [key], what, act: () => tools.choose(/** @type {import("./tools.js").ToolName} */ (name)) })),
    Editing: [
      { keys: ["[", "]"], what: "Smaller, larger brush; also Shift+wheel", act: (event) => tools.setRadius(tools.radius * (event.key === "[" ? 1 / 1.2 : 1.2)) },
      { keys: ["Ctrl+Z"], what: "Undo", act: () => studio.step("undo") },
      { keys: ["Ctrl+Shift+Z", "Ctrl+Y"], what: "Redo", act: () => studio.step("redo") },
      { keys: ["Ctrl+Click"], what: "Delete an object, reject a proposal" },
      { keys: ["Alt+Click"], what: "Merge into the selected object" },
      { keys: ["Delete", "Backspace"], what: "Delete the selected object", act: () => studio.onChosen("delete") },
      { keys: ["F"], what: "Fill its holes", act: () => studio.onChosen("fill") },
      use,
      { keys: ["Escape"], what: "Leave a field; cancel, select nothing", act: () => { tools.cancel(); studio.unselect(); find("message").hidden = true; } },
    ],
    "Slices and frames": [
      { keys: ["PageUp", "PageDown"], what: "Z plane", act: (event) => studio.sliders.step("z", event.key === "PageUp" ? 1 : -1) },
      { keys: [",", "."], what: "Previous, next frame", act: (event) => studio.sliders.step("t", event.key === "." ? 1 : -1) },
      { keys: ["Y", "Shift+Y"], what: "Copy the selected object, or all, to the next, previous one", act: (event) => studio.slices.copy(event.shiftKey ? -1 : 1) },
      { keys: ["H", "Shift+H"], what: "Find the selected object in the next, previous one", act: (event) => studio.slices.follow(event.shiftKey ? -1 : 1) },
      { keys: ["I"], what: "Draw the selected object between those that it is on", act: () => studio.slices.between() },
      { keys: ["Alt+Click"], what: "With the tool for tracks: a daughter of the selected cell" },
      { keys: ["Shift+K"], what: "End the track of the selected cell before this frame", act: () => studio.lineage.cut() },
      { keys: ["Shift+B"], what: "Brush through slices on and off", act: click("slices-ball") },
    ],
    Classes: [
      { keys: DIGITS, shown: ["1", "… 9"], what: "The class of what you draw, and of the selected object", act: (event) => studio.classKey(Number(event.key)) },
      { keys: ["J"], what: "No class", act: () => studio.classes.choose(0) },
    ],
    Proposals: [
      { keys: ["S"], what: "Propose in what is visible", act: () => assistant.propose(false) },
      { keys: ["Shift+S"], what: "Propose in the whole image", act: () => assistant.propose(true) },
      { keys: ["C"], what: "Accept all that are shown", act: () => assistant.acceptAll() },
      { keys: ["Shift+C"], what: "Reject all", act: () => assistant.rejectAll() },
    ],
    Training: [
      { keys: ["N"], what: "Go to what would teach the model most", act: () => studio.next.go() },
      { keys: ["G"], what: "That part is done: all objects are annotated", act: () => studio.next.done() },
      { keys: ["T"], what: "Train on what is annotated", act: () => studio.training.start() },
    ],
    View: [
      { keys: ["X"], what: "Labels on and off", act: click("show-labels") },
      { keys: ["Shift+X"], what: "Side by side with another image, or without labels", act: () => studio.beside.toggle() },
      { keys: ["Z"], what: "Outlines or fills", act: click("show-fill") },
      { keys: DIGITS.map((digit) => `Shift+${digit}`), shown: ["Shift+1", "… 9"], what: "Channels on and off", act: (event) => studio.channels.toggle(Number(event.code[5]) - 1) },
      ...view,
    ],
    Images: [
      { keys: ["A", "D"], what: "Previous, next image", act: (event) => studio.open(studio.images.current + (event.key.toUpperCase() === "A" ? -1 : 1)) },
      { keys: ["Shift+D"], what: "Mark the image as done", act: () => studio.toggleDone() },
      { keys: ["?"], what: "These keys", act: click("help") },
    ],
  };
}
