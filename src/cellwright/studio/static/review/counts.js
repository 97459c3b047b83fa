/** How many objects there are, are shown and are selected, and in which images. */

export class Counts {
  /** @param {import("./main.js").Review} review */
  constructor(review) {
    this.review = review;
  }

  /** Of those that are shown, how many are excluded. */
  excluded() {
    const { choice: { order }, marks } = this.review;
    let count = 0;
    for (let i = 0; i < order.length; i++) count += marks.excluded[order[i]];
    return count;
  }

  /** Say how many there are. */
  show() {
    const { choice: { order }, columns, selection } = this.review;
    const [shown, all, excluded] = [order.length, columns.rows, this.excluded()].map((count) => count.toLocaleString("en"));
    const parts = [order.length === columns.rows ? `${all} objects` : `${shown} of ${all} objects`];
    if (excluded !== "0") parts.push(`${excluded} excluded`);
    if (selection.count) parts.push(`${selection.count.toLocaleString("en")} selected`);
    if (this.review.dock.panel === "gallery") parts.push(`below each its ${this.review.captioned.replaceAll("_", " ")}`);
    /** @type {HTMLElement} */ (document.getElementById("count")).textContent = parts.join(" · ");
  }

  /** Say in which images the objects are that a condition leaves. */
  async ofImages() {
    const { columns, images, choice: { order }, result } = this.review;
    const texts = columns.byName.get("image")?.texts;
    if (!texts || result.images.length < 2) return;
    const whole = order.length === columns.rows;
    const codes = whole ? null : await columns.load("image");
    if (order !== this.review.choice.order) return;
    /** @type {Map<string, number>} */
    const found = new Map();
    if (codes) for (const row of order) found.set(texts[codes[row]], (found.get(texts[codes[row]]) ?? 0) + 1);
    images.count(codes && result.images.map(({ name }) => found.get(name) ?? 0));
  }
}
