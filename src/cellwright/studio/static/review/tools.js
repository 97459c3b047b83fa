/** What the pointer can do in the image. */

export const TOOLS = {
  select: { key: "V", name: "Select and move", cursor: "default" },
  lasso: { key: "L", name: "Lasso: draw round objects, or click its corners", cursor: "crosshair" },
};
