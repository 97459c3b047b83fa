/**
 * The picture as it was drawn last, so that only what is new has to be drawn: when the view moves, what
 * came into sight; when a tile has arrived, its place. Without a graphics card that is most of the work.
 *
 * It is kept in a texture that wraps around at its edges: a pixel of the screen stands where its position
 * in the enlarged image, modulo the size of the view, is. Moving the view so moves nothing that is kept.
 */

/**
 * @typedef {import("./painter.js").Corners} Corners
 * @typedef {{width: number, height: number, left: number, top: number, scale: number, look: string}} View
 *   Its size and its position in the enlarged image, in device px; device px per px of the image; and all
 *   else that the picture depends on.
 */

const CRISP_AFTER = 120; // ms without zooming
const ENLARGED = 2; // times, at most, until then

export class Picture {
  /**
   * @param {import("./painter.js").Painter} painter
   * @param {() => void} redraw Called when it could be drawn better than it was.
   */
  constructor(painter, redraw) {
    this.painter = painter;
    this.redraw = redraw;
    /** @type {View | null} What is kept. */
    this.kept = null;
    this.rough = false; // what is shown was drawn at another scale
    this.stale = false; // something changed since, at that scale
    this.timer = 0;
  }

  /** Draw all of it next time. */
  forget() {
    this.kept = null;
  }

  /**
   * Show a view.
   * @param {View} view
   * @param {Corners[]} changed What looks different than before.
   * @param {(part: Corners) => void} paint Draws a part of the view.
   */
  show(view, changed, paint) {
    const { kept } = this;
    const alike = kept && kept.look === view.look && kept.width === view.width && kept.height === view.height;
    const ratio = kept ? view.scale / kept.scale : 1;
    if (alike && ratio !== 1 && this.painter.slow && Math.max(ratio, 1 / ratio) <= ENLARGED) {
      this.stale ||= changed.length > 0;
      this.#enlarge(kept, view, paint);
      return;
    }
    const whole = !alike || ratio !== 1 || this.stale;
    const parts = whole ? [/** @type {Corners} */ ([0, 0, view.width, view.height])] : [...cameIntoSight(kept, view), ...changed];
    const still = !whole && kept.left === view.left && kept.top === view.top && !this.rough;
    clearTimeout(this.timer);
    this.rough = this.stale = false;
    if (still && !parts.length) return; // the screen shows it already
    if (whole) this.painter.begin(view);
    this.kept = view;
    for (const part of parts) this.painter.keep(view, part, () => paint(part));
    this.painter.showKept(view, [0, 0, view.width, view.height], false);
  }

  /** Show what is kept at another scale, and what it lacks, until there is time to draw. @param {View} kept @param {View} view @param {(part: Corners) => void} paint */
  #enlarge(kept, view, paint) {
    const ratio = view.scale / kept.scale;
    const [left, top] = [kept.left * ratio - view.left, kept.top * ratio - view.top];
    /** @type {Corners} */
    const box = [left, top, left + kept.width * ratio, top + kept.height * ratio];
    for (const part of around(box, view)) this.painter.direct(view, part, () => paint(part));
    this.painter.showKept(kept, box, true);
    this.rough = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.forget();
      this.redraw();
    }, CRISP_AFTER);
  }
}

/** Parts of a view that another one of the same scale did not show. @param {View} before @param {View} view */
function cameIntoSight(before, view) {
  const [left, top] = [before.left - view.left, before.top - view.top];
  return around([left, top, left + view.width, top + view.height], view);
}

/** What of a view is around a box. @param {Corners} box @param {{width: number, height: number}} view @returns {Corners[]} */
function around([x0, y0, x1, y1], { width, height }) {
  const within = (/** @type {number} */ value, /** @type {number} */ most) => Math.min(most, Math.max(0, value));
  const [left, right] = [within(Math.ceil(x0), width), within(Math.floor(x1), width)];
  const [top, bottom] = [within(Math.ceil(y0), height), within(Math.floor(y1), height)];
  if (left >= right || top >= bottom) return [[0, 0, width, height]];
  /** @type {Corners[]} */
  const parts = [[0, 0, width, top], [0, bottom, width, height], [0, top, left, bottom], [right, top, width, bottom]];
  return parts.filter(([a, b, c, d]) => a < c && b < d);
}
