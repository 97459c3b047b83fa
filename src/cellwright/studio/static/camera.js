/** Where in the image the middle of the view is, and how large a pixel appears. */

const LARGEST = 64; // CSS px per image px
const SMALLEST_PART = 0.5; // of the scale at which the image fills the view

export class Camera {
  constructor() {
    this.x = 0;
    this.y = 0;
    this.scale = 1; // CSS px per image px
    this.width = 1;
    this.height = 1;
    this.image = [1, 1];
  }

  /** @param {number} width @param {number} height Size of the view in CSS px. */
  resize(width, height) {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
  }

  /** Show the whole image. @param {[number, number]} [size] Height and width in px. */
  fit(size) {
    if (size) this.image = size;
    const [height, width] = this.image;
    this.x = width / 2;
    this.y = height / 2;
    this.scale = this.#whole();
  }

  /** Show a part of the image, and a little around it. @param {[number, number, number, number]} box y0, x0, y1, x1 in px. */
  show([y0, x0, y1, x1]) {
    this.x = (x0 + x1) / 2;
    this.y = (y0 + y1) / 2;
    this.scale = Math.min(LARGEST / 4, (0.9 * this.width) / (x1 - x0), (0.9 * this.height) / (y1 - y0));
  }

  /** @param {number} px @param {number} py @returns {[number, number]} Position [y, x] in the image. */
  toImage(px, py) {
    return [this.y + (py - this.height / 2) / this.scale, this.x + (px - this.width / 2) / this.scale];
  }

  /** @param {number} y @param {number} x @returns {[number, number]} Position [px, py] in the view. */
  toView(y, x) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  /** @param {number} dx @param {number} dy In CSS px. */
  pan(dx, dy) {
    const [height, width] = this.image;
    this.x = Math.min(width, Math.max(0, this.x - dx / this.scale));
    this.y = Math.min(height, Math.max(0, this.y - dy / this.scale));
  }

  /** Zoom so that what is at a position stays there. @param {number} factor @param {number} px @param {number} py */
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const [y, x] = this.toImage(px, py);
    const least = Math.min(1, SMALLEST_PART * this.#whole());
    this.scale = Math.min(LARGEST, Math.max(least, this.scale * factor));
    this.x = x - (px - this.width / 2) / this.scale;
    this.y = y - (py - this.height / 2) / this.scale;
    this.pan(0, 0);
  }

  /** @returns {[number, number, number, number]} What is visible: y0, x0, y1, x1 in px. */
  visible() {
    const [y0, x0] = this.toImage(0, 0);
    const [y1, x1] = this.toImage(this.width, this.height);
    return [y0, x0, y1, x1];
  }

  #whole() {
    const [height, width] = this.image;
    return Math.min(LARGEST / 4, (0.94 * this.width) / width, (0.94 * this.height) / height);
  }
}
