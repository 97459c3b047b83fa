const film = JSON.parse(document.getElementById("film").textContent);
const TAIL = Math.max(10, 4 * film.step); // frames of its way behind a track
const screen = document.getElementById("film-screen");
const slider = document.getElementById("film-frame");
const button = document.getElementById("film-play");
const overlay = document.getElementById("film-tracks");
const title = document.getElementById("film-title");
const pointed = document.getElementById("film-pointed");
const pictures = film.pictures.map((source) => Object.assign(new Image(), { src: source }));
let playing = 0;

// What of a track is seen in a frame: its last places, once it has begun and until it ends.
function seen(begin, places, frame) {
  const end = places.length - 3;
  const points = [];
  if (frame < begin || frame > places[end]) return points;
  for (let i = 0; i <= end && places[i] <= frame; i += 3) {
    if (places[i] >= frame - TAIL) points.push({ frame: places[i], x: places[i + 1], y: places[i + 2] });
  }
  return points;
}

function draw() {
  const shown = Number(slider.value);
  const frame = film.frames[shown];
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(screen.clientWidth * ratio);
  if (screen.width !== width) {
    screen.width = width;
    screen.height = Math.round((width * film.height) / film.width);
  }
  const context = screen.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#000";
  context.fillRect(0, 0, screen.width, screen.height);
  const picture = pictures[shown];
  if (picture?.complete) context.drawImage(picture, 0, 0, screen.width, screen.height);
  title.textContent = film.titles[shown];
  slider.setAttribute("aria-valuetext", film.titles[shown]);
  if (!overlay.checked) return;
  const scale = screen.width / film.width / film.fineness;
  context.lineWidth = 1.5 * ratio;
  context.lineJoin = "round";
  for (const [, hue, begin, places] of film.ways) {
    const points = seen(begin, places, frame);
    if (!points.length) continue;
    context.strokeStyle = context.fillStyle = `hsl(${hue} 90% 62%)`;
    context.beginPath();
    for (const { x, y } of points) context.lineTo(x * scale, y * scale);
    context.stroke();
    const last = points[points.length - 1];
    if (last.frame < frame) continue; // it is missing here
    context.beginPath();
    context.arc(last.x * scale, last.y * scale, 2.5 * ratio, 0, 2 * Math.PI);
    context.fill();
  }
}

function show(frame) {
  slider.value = frame;
  draw();
}

function stop() {
  clearInterval(playing);
  playing = 0;
  button.textContent = "Play";
}

function play() {
  const last = film.frames.length - 1;
  if (Number(slider.value) === last) show(0);
  button.textContent = "Pause";
  playing = setInterval(() => {
    show(Number(slider.value) + 1);
    if (Number(slider.value) === last) stop();
  }, 125);
}

// Says which track is nearest to the pointer.
function point(event) {
  const frame = film.frames[Number(slider.value)];
  const box = screen.getBoundingClientRect();
  const scale = (film.width * film.fineness) / box.width;
  const x = (event.clientX - box.left) * scale;
  const y = (event.clientY - box.top) * scale;
  let nearest = 12 * scale;
  let name = "";
  for (const [number, , begin, places] of film.ways) {
    const last = seen(begin, places, frame).pop();
    const distance = last ? Math.hypot(last.x - x, last.y - y) : Infinity;
    if (distance < nearest) [nearest, name] = [distance, `track ${number}`];
  }
  pointed.textContent = name;
}

button.addEventListener("click", () => (playing ? stop() : play()));
slider.addEventListener("input", () => {
  stop();
  draw();
});
overlay.addEventListener("change", draw);
screen.addEventListener("pointermove", point);
screen.addEventListener("pointerleave", () => (pointed.textContent = ""));
window.addEventListener("resize", draw);
for (const picture of pictures) picture.addEventListener("load", draw);
show(film.frames.length - 1);
