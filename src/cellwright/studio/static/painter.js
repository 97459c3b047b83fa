/** Drawing with WebGL 2: tiles of pixels in the colours of their channels, labels as outlines or fills. */

import { KEPT, LABELS, PIXELS, VERTEX } from "./shaders.js";

const ACROSS = 1024; // labels in a row of a texture
const PERIOD = 36; // device px after which all patterns repeat
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/**
 * @typedef {[number, number, number, number]} Corners x0, y0, x1, y1
 * @typedef {import("./picture.js").View} View
 * @typedef {{program: WebGLProgram, shaders: WebGLShader[], places: Map<string, WebGLUniformLocation | null>}} Program
 */

export class Painter {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { alpha: true, antialias: false, premultipliedAlpha: true });
    if (!gl) throw new Error("This browser has no WebGL 2, which drawing the images needs.");
    this.gl = gl;
    const facts = gl.getExtension("WEBGL_debug_renderer_info");
    this.slow = SOFTWARE.test(gl.getParameter(facts ? facts.UNMASKED_RENDERER_WEBGL : gl.RENDERER)); // there is no graphics card
    this.programs = { kept: this.#program(KEPT), pixels: this.#program(PIXELS), labels: this.#program(LABELS) };
    /** What is kept: its lower left px stands for `origin` of the enlarged image. */
    this.picture = { texture: /** @type {WebGLTexture | null} */ (null), buffer: gl.createFramebuffer(), width: 0, height: 0, origin: [0, 0] };
    this.size = [1, 1]; // of the view
    this.clip = /** @type {Corners} */ ([0, 0, 1, 1]); // x, y, width and height of what is drawn into, in GL's px
    this.shift = [0, 0]; // from the view to there
    this.anchor = [0, 0]; // from there to the enlarged image, where patterns are anchored
    this.version = 0; // of what is known about labels
    gl.bindVertexArray(gl.createVertexArray());
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.confidences = this.#texture(gl.R32F, gl.RED, gl.FLOAT, 1, 1, new Float32Array([1]));
    this.marks = this.#texture(gl.R32F, gl.RED, gl.FLOAT, 1, 1, new Float32Array([0]));
    this.colours = this.#texture(gl.R32F, gl.RED, gl.FLOAT, 1, 1, new Float32Array([0]));
  }

  /** @param {Float32Array} values @param {number} width @param {number} height */
  pixels(values, width, height) {
    return this.#texture(this.gl.R32F, this.gl.RED, this.gl.FLOAT, width, height, values);
  }

  /** @param {Int32Array} values @param {number} width @param {number} height */
  labels(values, width, height) {
    return this.#texture(this.gl.R32I, this.gl.RED_INTEGER, this.gl.INT, width, height, values);
  }

  /** @param {WebGLTexture} texture */
  drop(texture) {
    this.gl.deleteTexture(texture);
  }

  /** Confidences of proposals by their label. @param {Map<number, number>} known */
  setConfidences(known) {
    let largest = 0;
    for (const label of known.keys()) largest = Math.max(largest, label);
    const values = new Float32Array(largest + 1).fill(-1);
    for (const [label, confidence] of known) values[label] = confidence;
    this.drop(this.confidences);
    this.version++;
    this.confidences = this.#byLabel(values, -1);
  }

  /** What labels are marked with, by label: a sum of 1 for selected, 2 for excluded and 4 for left out. @param {Float32Array} values */
  setMarks(values) {
    this.drop(this.marks);
    this.version++;
    this.marks = this.#byLabel(values, 0);
  }

  /** Colours of labels by their class, as 1 + 65536 red + 256 green + blue; 0 for those of none. @param {Float32Array} values */
  setColours(values) {
    this.drop(this.colours);
    this.version++;
    this.colours = this.#byLabel(values, 0);
  }

  /** @param {Float32Array} values @param {number} other Of labels beyond. */
  #byLabel(values, other) {
    const rows = Math.ceil(values.length / ACROSS);
    const whole = new Float32Array(rows * ACROSS).fill(other);
    whole.set(values);
    return this.pixels(whole, ACROSS, rows);
  }

  /** Begin a picture that is kept. @param {View} view */
  begin({ width, height, left, top }) {
    const { picture } = this;
    picture.origin = [left, -top - height];
    if (picture.width !== width || picture.height !== height) this.#room(width, height);
  }

  /** @param {number} width @param {number} height Of the picture that is kept. */
  #room(width, height) {
    const { gl, picture } = this;
    if (picture.texture) this.drop(picture.texture);
    Object.assign(picture, { width, height, texture: this.#texture(gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, width, height, null) });
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.REPEAT);
    gl.bindFramebuffer(gl.FRAMEBUFFER, picture.buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, picture.texture, 0);
  }

  /** Draw a part of a view into the picture that is kept. @param {View} view @param {Corners} part @param {() => void} paint */
  keep(view, [x0, y0, x1, y1], paint) {
    const { gl, picture: { buffer, origin } } = this;
    const { width, height, left, top } = view;
    const [x, y] = [left - origin[0], -top - height - origin[1]]; // of its lower left corner
    gl.bindFramebuffer(gl.FRAMEBUFFER, buffer);
    for (const [column, columns, goal] of wrapped(x + x0, x1 - x0, width)) {
      for (const [row, rows, aim] of wrapped(y + height - y1, y1 - y0, height)) {
        this.#draw(view, [goal, aim, columns, rows], [goal - column + x, aim - row + y], paint);
      }
    }
  }

  /** Draw a part of a view on the screen. @param {View} view @param {Corners} part @param {() => void} paint */
  direct(view, [x0, y0, x1, y1], paint) {
    this.gl.bindFramebuffer(this.gl.FRAMEBUFFER, null);
    this.#draw(view, [x0, view.height - y1, x1 - x0, y1 - y0], [0, 0], paint);
  }

  /** Leave nothing on the screen. */
  clear() {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
  }

  /** @param {View} view @param {Corners} clip @param {[number, number]} shift @param {() => void} paint */
  #draw({ width, height, left, top }, clip, [x, y], paint) {
    const { gl } = this;
    this.size = [width, height];
    this.clip = clip;
    this.shift = [x, y];
    this.anchor = [modulo(left - x, PERIOD), modulo(-top - height - y, PERIOD)];
    gl.viewport(x, y, width, height);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(...clip);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    paint();
  }

  /** Show what is kept. @param {View} kept @param {Corners} box Where. @param {boolean} smoothly */
  showKept({ width, height, left, top }, box, smoothly) {
    const { gl, picture: { texture, origin } } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, width, height);
    gl.disable(gl.SCISSOR_TEST);
    gl.disable(gl.BLEND);
    this.size = [width, height];
    const [x, y] = [modulo(left - origin[0], width) / width, modulo(-top - height - origin[1], height) / height];
    const { at } = this.#use(this.programs.kept, box, [x, y + 1, x + 1, y]);
    this.#bind(0, /** @type {WebGLTexture} */ (texture));
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, smoothly ? gl.LINEAR : gl.NEAREST);
    gl.uniform1i(at("picture"), 0);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /** The ground on which channels add up. @param {Corners} box */
  ground([x0, y0, x1, y1]) {
    const { gl, clip: [x, y, width, height], shift } = this;
    const bottom = this.size[1] - y1;
    const [left, right] = [x0 + shift[0], x1 + shift[0]].map((edge) => Math.min(x + width, Math.max(x, Math.round(edge))));
    const [low, high] = [bottom + shift[1], bottom + y1 - y0 + shift[1]].map((edge) => Math.min(y + height, Math.max(y, Math.round(edge))));
    gl.scissor(left, low, right - left, high - low);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.scissor(x, y, width, height);
  }

  /**
   * @param {WebGLTexture} texture
   * @param {Corners} box
   * @param {Corners} texels
   * @param {{colour: number[], black: number, white: number, gamma: number}} channel
   * @param {boolean} smoothly
   */
  drawPixels(texture, box, texels, channel, smoothly) {
    const { gl } = this;
    const { at } = this.#use(this.programs.pixels, box, texels);
    gl.blendFunc(gl.ONE, gl.ONE);
    this.#bind(0, texture);
    gl.uniform1i(at("tile"), 0);
    gl.uniform3fv(at("colour"), channel.colour);
    gl.uniform3f(at("contrast"), channel.black, channel.white, channel.gamma);
    gl.uniform1i(at("smoothly"), smoothly ? 1 : 0);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /**
   * @param {WebGLTexture} texture
   * @param {Corners} box
   * @param {Corners} texels
   * @param {{step: number, width: number, filling: number, selected: number, threshold: number, marked: boolean, classed: boolean}} style
   */
  drawLabels(texture, box, texels, style) {
    const { gl } = this;
    const { at } = this.#use(this.programs.labels, box, texels);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.#bind(0, texture);
    this.#bind(1, this.confidences);
    this.#bind(2, this.marks);
    this.#bind(3, this.colours);
    gl.uniform2fv(at("anchor"), this.anchor);
    gl.uniform1i(at("tile"), 0);
    gl.uniform1i(at("confidences"), 1);
    gl.uniform1i(at("marks"), 2);
    gl.uniform1i(at("marked"), style.marked ? 1 : 0);
    gl.uniform1i(at("colours"), 3);
    gl.uniform1i(at("classed"), style.classed ? 1 : 0);
    gl.uniform1f(at("step_"), style.step);
    gl.uniform1f(at("width"), style.width);
    gl.uniform1f(at("filling"), style.filling);
    gl.uniform1i(at("selected"), style.selected);
    gl.uniform1f(at("threshold"), style.threshold);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /** @param {Program} part @param {Corners} box @param {Corners} texels */
  #use(part, box, texels) {
    const { gl } = this;
    if (!part.places.size) this.#check(part);
    gl.useProgram(part.program);
    /** @param {string} name */
    const at = (name) => {
      let place = part.places.get(name);
      if (place === undefined) {
        place = gl.getUniformLocation(part.program, name);
        part.places.set(name, place);
      }
      return place;
    };
    gl.uniform4fv(at("box"), box);
    gl.uniform4fv(at("texels"), texels);
    gl.uniform2fv(at("view"), this.size);
    return { at };
  }

  /** @param {number} unit @param {WebGLTexture} texture */
  #bind(unit, texture) {
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(this.gl.TEXTURE_2D, texture);
  }

  /** @param {string} fragment @returns {Program} */
  #program(fragment) {
    const { gl } = this;
    const program = gl.createProgram();
    const shaders = /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]]).map(([kind, source]) => {
      const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
      return shader;
    });
    gl.linkProgram(program);
    return { program, shaders, places: new Map() };
  }

  /** Whether a program can be used is asked when it is: until then it is made while other things go on. @param {Program} part */
  #check({ program, shaders }) {
    const { gl } = this;
    if (gl.getProgramParameter(program, gl.LINK_STATUS)) return;
    throw new Error([gl.getProgramInfoLog(program), ...shaders.map((shader) => gl.getShaderInfoLog(shader))].join(" "));
  }

  /** @param {number} inner @param {number} format @param {number} type @param {number} width @param {number} height @param {ArrayBufferView | null} values */
  #texture(inner, format, type, width, height, values) {
    const { gl } = this;
    const texture = gl.createTexture();
    this.#bind(0, texture);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    gl.texImage2D(gl.TEXTURE_2D, 0, inner, width, height, 0, format, type, values);
    return texture;
  }
}

/** @param {number} value @param {number} period */
function modulo(value, period) {
  return value - Math.floor(value / period) * period;
}

/**
 * Pieces of a stretch of a picture that wraps around, as [start, length, where it is kept].
 * @param {number} start @param {number} length At most the period. @param {number} period
 * @returns {[number, number, number][]}
 */
function wrapped(start, length, period) {
  const goal = modulo(start, period);
  const first = Math.min(length, period - goal);
  return first < length ? [[start, first, goal], [start + first, length - first, 0]] : [[start, length, goal]];
}
