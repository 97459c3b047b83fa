/** What the graphics card does for each px of the screen. */

export const VERTEX = `#version 300 es
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

export const KEPT = `#version 300 es
precision highp float;
uniform sampler2D picture;
in vec2 at;
out vec4 shown;
void main() { shown = texture(picture, at); }`;

export const PIXELS = `#version 300 es
precision highp float;
precision highp sampler2D;
uniform sampler2D tile;
uniform vec3 colour;
uniform vec3 contrast;  // black, white, gamma
uniform bool smoothly;
in vec2 at;
out vec4 shown;
float pick(int x, int y) { return texelFetch(tile, ivec2(x, y), 0).r; }
void main() {
  float value;
  if (smoothly) {
    vec2 corner = max(at - 0.5, 0.0);
    ivec2 low = ivec2(corner);
    ivec2 high = min(low + 1, textureSize(tile, 0) - 1);
    vec2 part = corner - vec2(low);
    value = mix(mix(pick(low.x, low.y), pick(high.x, low.y), part.x),
                mix(pick(low.x, high.y), pick(high.x, high.y), part.x), part.y);
  } else {
    value = pick(int(at.x), int(at.y));
  }
  float scaled = clamp((value - contrast.x) / (contrast.y - contrast.x), 0.0, 1.0);
  if (contrast.z != 1.0) scaled = pow(scaled, contrast.z);
  shown = vec4(colour * scaled, 1);
}`;

export const LABELS = `#version 300 es
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
uniform vec2 anchor; // what is added to a position to have it in the enlarged image
in vec2 at;
out vec4 shown;
// Tiles have an apron of as many px as outlines reach, at most.
int pick(float x, float y) { return texelFetch(tile, ivec2(at + vec2(x, y)), 0).r; }
bool differs(int label, float reach) {
  float d = reach * 0.70710678;
  return pick(reach, 0.0) != label || pick(-reach, 0.0) != label || pick(0.0, reach) != label || pick(0.0, -reach) != label
    || pick(d, d) != label || pick(-d, -d) != label || pick(d, -d) != label || pick(-d, d) != label;
}
bool hidden(int label) {
  if (threshold < 0.0) return false;
  return texelFetch(confidences, ivec2(label & 1023, label >> 10), 0).r < threshold;
}
bool hatched() { vec2 place = gl_FragCoord.xy + anchor; return mod(place.x - place.y, 12.0) < 3.0; }
bool dashed() { vec2 place = gl_FragCoord.xy + anchor; return mod(place.x + place.y, 9.0) < 5.5; }
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
  bool edge = differs(label, reach);
  vec3 colour = chosen ? vec3(1) : classed ? of_class(label) : hue(label);
  float opacity = edge ? 1.0 : chosen ? max(filling, 0.18) : filling;
  if ((own & 2) != 0) {
    colour = chosen ? vec3(1) : vec3(0.66);
    opacity = edge ? (dashed() ? 1.0 : 0.0) : chosen ? 0.12 : 0.0;
  }
  if (threshold >= 0.0) {
    colour = vec3(1.0, 0.82, 0.25);
    opacity = edge ? (dashed() ? 1.0 : 0.0) : 0.07;
  }
  if (threshold < -1.5) {
    colour = vec3(0.42, 0.85, 1.0);
    opacity = edge ? (dashed() ? 1.0 : 0.0) : 0.06;
  }
  if (label < 0) { // not known
    colour = vec3(0.82);
    opacity = hatched() ? 0.75 : 0.16;
  }
  return vec4(colour * opacity, opacity);
}
void main() {
  shown = vec4(0);
  int label = pick(0.0, 0.0);
  // Most is background: what draws without a graphics card skips it only if it is not discarded.
  if (label != 0 && !hidden(label)) shown = painted(label);
}`;
