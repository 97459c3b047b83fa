/** Where in the image the middle of the view is, and how large a pixel appears. */

/** @typedef {[number, number, number, number]} Part y0, x0, y1, x1 in px */

const LARGEST = 64; // CSS px per image px
const SMALLEST_PART = 0.5; // of the scale at which the image fills the view
const RIM = 12; // CSS px beyond the border of the image

export class Camera {
  constructor() {
    this.x = 0;
    this.y = 0;
    this.scale = 1; // CSS px per image px
    this.width = 1;
    this.height = 1;
    this.image = [1, 1];
    /** Show what was asked for last, in a view of another size. */
    this.again = () => {};
  }

  /** @param {number} width @param {number} height Size of the view in CSS px. */
  resize(width, height) {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.again();
  }

  /** Show the whole image. @param {[number, number]} [size] Height and width in px. */
  fit(size) {
    if (size) this.image = size;
    const [height, width] = this.image;
    this.x = width / 2;
    this.y = height / 2;
    this.scale = this.#filling();
    this.again = () => this.fit();
  }

  /** Show a part of the image, and a little around it. @param {Part} part */
  show(part) {
    const [y0, x0, y1, x1] = part;
    const scale = Math.min(LARGEST / 4, (0.9 * this.width) / (x1 - x0), (0.9 * this.height) / (y1 - y0));
    this.centre((y0 + y1) / 2, (x0 + x1) / 2, scale);
    this.again = () => this.show(part);
  }

  /** Bring a position to the middle, or near to it: the view stays filled as far as it can be. @param {number} y @param {number} x @param {number} [scale] */
  centre(y, x, scale = this.scale) {
    const [height, width] = this.image;
    this.scale = this.#possible(scale);
    this.y = filled(y, height, this.height / this.scale, RIM / this.scale);
    this.x = filled(x, width, this.width / this.scale, RIM / this.scale);
    this.again = () => this.centre(y, x, scale);
  }

  /** @param {number} px @param {number} py @returns {[number, number]} Position [y, x] in the image. */
  toImage(px, py) {
    return [this.y + (py - this.height / 2) / this.scale, this.x + (px - this.width / 2) / this.scale];
  }

  /** @param {number} y @param {number} x @returns {[number, number]} Position [px, py] in the view. */
  toView(y, x) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  /** Where a frame round a part of the image is in the view, as x, y, width and height: never beyond the image. @param {Part} part @param {number} margin In px of the image. @returns {[number, number, number, number]} */
  frame([y0, x0, y1, x1], margin) {
    const [height, width] = this.image;
    const [left, top] = this.toView(Math.max(0, y0 - margin), Math.max(0, x0 - margin));
    const [right, bottom] = this.toView(Math.min(height, y1 + margin), Math.min(width, x1 + margin));
    return [left, top, right - left, bottom - top];
  }

  /** @param {number} dx @param {number} dy In CSS px. */
  pan(dx, dy) {
    const [height, width] = this.image;
    this.x = Math.min(width, Math.max(0, this.x - dx / this.scale));
    this.y = Math.min(height, Math.max(0, this.y - dy / this.scale));
    this.again = () => this.centre(this.y, this.x);
  }

  /** Zoom so that what is at a position stays there. @param {number} factor @param {number} px @param {number} py */
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const [y, x] = this.toImage(px, py);
    this.scale = this.#possible(this.scale * factor);
    this.x = x - (px - this.width / 2) / this.scale;
    this.y = y - (py - this.height / 2) / this.scale;
    this.pan(0, 0);
  }

  /** @returns {Part} What is visible. */
  visible() {
    const [y0, x0] = this.toImage(0, 0);
    const [y1, x1] = this.toImage(this.width, this.height);
    return [y0, x0, y1, x1];
  }

  /** @param {number} scale */
  #possible(scale) {
    return Math.min(LARGEST, Math.max(Math.min(1, SMALLEST_PART * this.#filling()), scale));
  }

  /** The scale at which the image fills the view. */
  #filling() {
    const [height, width] = this.image;
    return Math.min(LARGEST / 4, (0.94 * this.width) / width, (0.94 * this.height) / height);
  }
}

/**
 * The middle of a view along an axis that shows as little as possible beyond the image.
 * @param {number} wanted @param {number} size Of the image. @param {number} seen Of it, by the view. @param {number} rim That may be seen beyond its border.
 */
function filled(wanted, size, seen, rim) {
  const [least, most] = [seen / 2 - rim, size - seen / 2 + rim];
  return least < most ? Math.min(most, Math.max(least, wanted)) : size / 2;
}
