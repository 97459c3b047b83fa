/** The keys that every image has: moving about, and using a tool without the mouse. */

/** @typedef {import("./keys.js").Key} Key */

const STEP = 60; // CSS px

/**
 * @param {import("./viewer.js").Viewer} viewer
 * @param {import("./tools.js").Tools} tools
 * @param {[string, string, string, string]} ways Keys that move up, left, right and down.
 * @returns {{use: Key, view: Key[]}} That of the tool, and those of the view.
 */
export function viewKeys(viewer, tools, ways) {
  const [up, left, right, down] = ways;
  /** @type {Record<string, [number, number]>} */
  const by = { [up]: [0, STEP], [left]: [STEP, 0], [right]: [-STEP, 0], [down]: [0, -STEP] };
  const named = (/** @type {KeyboardEvent} */ { key }) => (key.length === 1 ? key.toUpperCase() : key);
  const seen = (/** @type {(event: KeyboardEvent) => void} */ move) => (/** @type {KeyboardEvent} */ event) => {
    move(event);
    viewer.redraw();
  };
  addEventListener("keyup", (event) => { if (event.key === " ") tools.space = false; });
  addEventListener("blur", () => { tools.space = false; }); // the window that has the keys now hears that it is let go
  return {
    use: { keys: ["Enter", "Ctrl+Enter"], shown: ["Enter"], what: "Use the tool in the middle of the view; also with Ctrl or Alt", act: (event) => tools.useInMiddle(event) },
    view: [
      { keys: ["+", "=", "-"], shown: ["+", "-"], what: "Zoom; also the wheel", act: seen((event) => viewer.camera.zoom(event.key === "-" ? 0.8 : 1.25)) },
      { keys: ["0", "Home"], what: "Whole image", act: seen(() => viewer.camera.fit()) },
      { keys: [" "], what: "Hold to move with any tool; also the right button", act: () => { tools.space = true; } },
      { keys: ways, what: "Move up, left, right, down", act: seen((event) => { viewer.camera.pan(...by[named(event)]); tools.pointer = null; }) },
    ],
  };
}
