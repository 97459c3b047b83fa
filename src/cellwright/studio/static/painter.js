/** Drawing with WebGL 2: tiles of pixels in the colours of their channels, labels as outlines or fills. */

const VERTEX = `#version 300 es
uniform vec4 box;     // x0, y0, x1, y1 in device px, from the top left
uniform vec4 texels;  // the same corners in px of the texture
uniform vec2 view;
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  at = mix(texels.xy, texels.zw, corner);
  vec2 place = mix(box.xy, box.zw, corner) / view * 2.0 - 1.0;
  gl_Position = vec4(place.x, -place.y, 0, 1);
}`;

const PLAIN = `#version 300 es
precision highp float;
uniform vec4 colour;
out vec4 shown;
void main() { shown = colour; }`;

const PIXELS = `#version 300 es
precision highp float;
precision highp sampler2D;
uniform sampler2D tile;
uniform vec3 colour;
uniform vec3 contrast;  // black, white, gamma
uniform bool smoothly;
in vec2 at;
out vec4 shown;
float pick(ivec2 place) { return texelFetch(tile, clamp(place, ivec2(0), textureSize(tile, 0) - 1), 0).r; }
void main() {
  float value;
  if (smoothly) {
    vec2 corner = at - 0.5;
    ivec2 low = ivec2(floor(corner));
    vec2 part = corner - floor(corner);
    value = mix(mix(pick(low), pick(low + ivec2(1, 0)), part.x),
                mix(pick(low + ivec2(0, 1)), pick(low + 1), part.x), part.y);
  } else {
    value = pick(ivec2(floor(at)));
  }
  float scaled = clamp((value - contrast.x) / (contrast.y - contrast.x), 0.0, 1.0);
  if (contrast.z != 1.0) scaled = pow(scaled, contrast.z);
  shown = vec4(colour * scaled, 1);
}`;

const LABELS = `#version 300 es
precision highp float;
precision highp int;
precision highp isampler2D;
precision highp sampler2D;
uniform isampler2D tile;
uniform sampler2D confidences;
uniform float step_;     // px of the texture in one device px
uniform float width;     // of outlines, in device px
uniform float filling;   // opacity of fills
uniform int selected;
uniform float threshold; // below 0: these are labels, not proposals; -2: what a training finds
uniform sampler2D marks; // of labels: 1 selected + 2 excluded + 4 left out
uniform bool marked;
uniform sampler2D colours; // of labels: 1 + red, green and blue as one number; 0 for those of no class
uniform bool classed;
in vec2 at;
out vec4 shown;
int pick(vec2 place) { return texelFetch(tile, clamp(ivec2(floor(place)), ivec2(0), textureSize(tile, 0) - 1), 0).r; }
const float D = 0.70710678;
const vec2 AROUND[8] = vec2[8](vec2(1, 0), vec2(D, D), vec2(0, 1), vec2(-D, D), vec2(-1, 0), vec2(-D, -D), vec2(0, -1), vec2(D, -D));
bool hidden(int label) {
  if (threshold < 0.0) return false;
  return texelFetch(confidences, ivec2(label & 1023, label >> 10), 0).r < threshold;
}
bool hatched() { return mod(gl_FragCoord.x - gl_FragCoord.y, 12.0) < 3.0; }
int mark(int label) { return marked ? int(texelFetch(marks, ivec2(label & 1023, label >> 10), 0).r) : 0; }
vec3 hue(int label) {
  float turn = float((uint(label) * 2654435769u) >> 8) / 16777216.0;
  vec3 wheel = clamp(abs(mod(turn * 6.0 + vec3(0, 4, 2), 6.0) - 3.0) - 1.0, 0.0, 1.0);
  return mix(vec3(1), wheel, 0.72);
}
vec3 of_class(int label) {
  int known = int(texelFetch(colours, ivec2(label & 1023, label >> 10), 0).r) - 1;
  if (known < 0) return vec3(0.86);
  return vec3(known >> 16, (known >> 8) & 255, known & 255) / 255.0;
}
vec4 painted(int label) {
  int own = mark(label);
  if ((own & 4) != 0) return vec4(0);
  bool chosen = (label == selected || (own & 1) != 0) && threshold < 0.0;
  float reach = min((chosen ? width + 1.0 : width) * step_, 2.0);
  bool edge = false;
  for (int i = 0; i < 8 && !edge; i++) edge = pick(at + reach * AROUND[i]) != label;
  vec3 colour = chosen ? vec3(1) : classed ? of_class(label) : hue(label);
  float opacity = edge ? 1.0 : chosen ? max(filling, 0.18) : filling;
  bool dash = mod(gl_FragCoord.x + gl_FragCoord.y, 9.0) < 5.5;
  if ((own & 2) != 0) {
    colour = chosen ? vec3(1) : vec3(0.66);
    opacity = edge ? (dash ? 1.0 : 0.0) : chosen ? 0.12 : 0.0;
  }
  if (threshold >= 0.0) {
    colour = vec3(1.0, 0.82, 0.25);
    opacity = edge ? (dash ? 1.0 : 0.0) : 0.07;
  }
  if (threshold < -1.5) {
    colour = vec3(0.42, 0.85, 1.0);
    opacity = edge ? (dash ? 1.0 : 0.0) : 0.06;
  }
  if (label < 0) { // not known
    colour = vec3(0.82);
    opacity = hatched() ? 0.75 : 0.16;
  }
  return vec4(colour * opacity, opacity);
}
void main() {
  shown = vec4(0);
  int label = pick(at);
  // Most is background: what draws without a graphics card skips it only if it is not discarded.
  if (label != 0 && !hidden(label)) shown = painted(label);
}`;

const ACROSS = 1024; // labels in a row of a texture

/** @typedef {[number, number, number, number]} Corners x0, y0, x1, y1 */

export class Painter {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { alpha: true, antialias: false, premultipliedAlpha: true });
    if (!gl) throw new Error("This browser has no WebGL 2, which drawing the images needs.");
    this.gl = gl;
    this.programs = { plain: this.#program(PLAIN), pixels: this.#program(PIXELS), labels: this.#program(LABELS) };
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
    this.confidences = this.#byLabel(values, -1);
  }

  /** What labels are marked with, by label: a sum of 1 for selected, 2 for excluded and 4 for left out. @param {Float32Array} values */
  setMarks(values) {
    this.drop(this.marks);
    this.marks = this.#byLabel(values, 0);
  }

  /** Colours of labels by their class, as 1 + 65536 red + 256 green + blue; 0 for those of none. @param {Float32Array} values */
  setColours(values) {
    this.drop(this.colours);
    this.colours = this.#byLabel(values, 0);
  }

  /** @param {Float32Array} values @param {number} other Of labels beyond. */
  #byLabel(values, other) {
    const rows = Math.ceil(values.length / ACROSS);
    const whole = new Float32Array(rows * ACROSS).fill(other);
    whole.set(values);
    return this.pixels(whole, ACROSS, rows);
  }

  /** Begin a frame of a size in device px. @param {number} width @param {number} height */
  begin(width, height) {
    const { gl } = this;
    this.view = [width, height];
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
  }

  /** The ground on which channels add up. @param {Corners} box */
  ground(box) {
    const { gl } = this;
    const { at } = this.#use(this.programs.plain, box, [0, 0, 1, 1]);
    gl.blendFunc(gl.ONE, gl.ZERO);
    gl.uniform4f(at("colour"), 0, 0, 0, 1);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
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

  /** @param {{program: WebGLProgram, places: Map<string, WebGLUniformLocation | null>}} part @param {Corners} box @param {Corners} texels */
  #use(part, box, texels) {
    const { gl } = this;
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
    gl.uniform2fv(at("view"), /** @type {number[]} */ (this.view));
    return { at };
  }

  /** @param {number} unit @param {WebGLTexture} texture */
  #bind(unit, texture) {
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(this.gl.TEXTURE_2D, texture);
  }

  /** @param {string} fragment */
  #program(fragment) {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, source] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]])) {
      const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? "");
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? "");
    return { program, places: new Map() };
  }

  /** @param {number} inner @param {number} format @param {number} type @param {number} width @param {number} height @param {ArrayBufferView} values */
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
