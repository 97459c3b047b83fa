/** What is drawn over pictures, seen on dark and on light; positions are in CSS px of the view. */

/** A frame that is seen on dark and on light. @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} width @param {number} height */
export function frame(pen, x, y, width, height) {
  for (const [colour, line] of /** @type {[string, number][]} */ ([["#0009", 4], ["#7fe0d8", 2]])) {
    pen.strokeStyle = colour;
    pen.lineWidth = line;
    pen.strokeRect(x, y, width, height);
  }
}

/** A line through positions. @param {CanvasRenderingContext2D} pen @param {[number, number][]} points @param {number} width */
export function line(pen, points, width) {
  for (const [colour, extra] of /** @type {[string, number][]} */ ([["#0009", 2], ["#fff", 0]])) {
    pen.strokeStyle = colour;
    pen.lineWidth = width + extra;
    pen.lineJoin = "round";
    pen.beginPath();
    points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.stroke();
  }
}

/** A ring round a position. @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} radius */
export function ring(pen, x, y, radius) {
  for (const [colour, width] of /** @type {[string, number][]} */ ([["#0009", 3], ["#fff", 1.25]])) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.stroke();
  }
}

/** A cross that leaves the position itself free. @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y */
export function cross(pen, x, y) {
  line(pen, [[x - 12, y], [x - 4, y]], 1.5);
  line(pen, [[x + 4, y], [x + 12, y]], 1.5);
  line(pen, [[x, y - 12], [x, y - 4]], 1.5);
  line(pen, [[x, y + 4], [x, y + 12]], 1.5);
}

/** The way of a round tip. @param {CanvasRenderingContext2D} pen @param {[number, number][]} points @param {number} radius @param {string} colour */
export function stroke(pen, points, radius, colour) {
  pen.save();
  pen.globalAlpha = 0.45;
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = colour;
  pen.lineWidth = 2 * radius;
  pen.beginPath();
  pen.moveTo(...points[0]);
  if (points.length === 1) pen.lineTo(points[0][0] + 0.01, points[0][1]); // or a point would not be seen
  for (const [x, y] of points.slice(1)) pen.lineTo(x, y);
  pen.stroke();
  pen.restore();
}
