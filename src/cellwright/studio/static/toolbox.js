/** The tools: how they are called and look, and what gestures they take. */

/** @typedef {"select" | "brush" | "erase" | "lasso" | "split" | "merge" | "unsure" | "area" | "classify" | "box" | "point" | "link"} ToolName */

export const ICONS = {
  select: "M5 3.5 15 9.5 10.5 10.8 8.5 15.5z",
  brush: "M16 3.5 9 10.5M8.8 10.3c-2.3-.4-3.6 1.1-3.8 3.2-.1 1.2-.7 2-1.7 2.5 3.3.9 7 .2 7.2-3.2.05-1-.6-2.2-1.7-2.5z",
  erase: "M8.5 15.5 4 11l7.5-7 4.5 4.5-7 7zM7.8 7.4l4.5 4.6M8 15.5h8",
  lasso: "M10 4c4 0 7 1.8 7 4.5S14 13 10 13 3 11.2 3 8.5 6 4 10 4zM6.5 12.5c-1 1.5 0 3 1.5 3.5",
  split: "M4 16 16 4M7.5 5.5a4 4 0 0 0-2 5M12.5 14.5a4 4 0 0 0 2-5",
  merge: "M8 14.5a4.5 4.5 0 1 1 0-9M12 5.5a4.5 4.5 0 1 1 0 9M7.5 10h5",
  unsure: "M4 12 12 4M4 17 17 4M9 17l8-8M14 17l3-3",
  classify: "M3.500 9.800V4.500a1 1 0 0 1 1-1h5.300L17 10.700 10.700 17zM7 7h.1",
  box: "M4 5.500h12v9H4zM2.700 4.200h2.600v2.600H2.700zM14.700 13.200h2.600v2.600h-2.600z",
  point: "M10 3v4.500M10 12.500V17M3 10h4.500M12.500 10H17M10 10h.1",
  link: "M5.500 14.500a2 2 0 1 1 0-.1M14.500 10a2 2 0 1 1 0-.1M14.500 4.500a2 2 0 1 1 0-.1M5.200 12.300 10.700 5.500M6.500 13 10.800 10.800",
  area: "M3.5 7V3.5H7M13 3.5h3.5V7M16.5 13v3.5H13M7 16.5H3.5V13M7 10.2l2.2 2.2 4-4.5",
};

/** @type {Record<ToolName, {key: string, name: string, cursor: string, only?: string}>} `only`: why it is not for every image. */
export const TOOLS = {
  select: { key: "V", name: "Select and move", cursor: "default" },
  brush: { key: "B", name: "Brush", cursor: "none" },
  erase: { key: "E", name: "Eraser", cursor: "none" },
  lasso: { key: "L", name: "Outline: draw round an object, or click its corners", cursor: "crosshair" },
  split: { key: "K", name: "Split: draw a line across", cursor: "crosshair" },
  merge: { key: "M", name: "Merge: click what joins the selected object", cursor: "cell" },
  unsure: { key: "U", name: "Not sure: paint over what nobody can tell, nothing is learned from it", cursor: "none" },
  classify: { key: "Q", name: "Class: click objects to give them the class that is chosen", cursor: "cell" },
  box: { key: "W", name: "Box: draw one from corner to corner; take hold of its border to move it, of its corners to change it", cursor: "crosshair", only: "This image takes no boxes: they are for planes, each in a file of its own in the folder itself. In a volume, mark objects with points (P)." },
  point: { key: "P", name: "Point: click where an object is; take hold of it to move it", cursor: "crosshair", only: "This image takes no points: they are for planes and volumes, each in a file of its own in the folder itself." },
  link: { key: "O", name: "Track: click what the selected cell is in this frame; Alt+click its daughter, or leave a finger on it", cursor: "cell", only: "Tracks are for movies." },
  area: { key: "R", name: "Annotated area: a rectangle in which you have drawn every object; Ctrl+click, or a finger that stays, removes it", cursor: "crosshair" },
};

/** @type {ToolName[]} Those that click on objects. */
export const CLICKS = ["select", "merge", "classify", "point", "link"];
/** @type {ToolName[]} Those that draw from one corner to the other. */
export const RECTANGLES = ["area", "box"];
/** @type {ToolName[]} Those that are not for every image. */
export const SOME = ["box", "point", "link"];
/** @type {ToolName[]} Those that take hold of boxes and points. */
export const HOLDS = ["select", "box", "point"];
/** @type {ToolName[]} Those that paint with a round tip. */
export const ROUND = ["brush", "erase", "unsure"];
