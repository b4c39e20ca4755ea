// Gradient descent on a loss that is known on a grid: all of it happens here, without a kernel.

import { bytes, button, clamp, diagram, enable, make, show, slider, svg } from "./shared.js";

const AREA = { left: 62, right: 422, top: 12, bottom: 372 };
const [WIDTH, HEIGHT] = [AREA.right - AREA.left, AREA.bottom - AREA.top];
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };
const TOO_SHORT = 0.001; // of the picture

/** Write three digits, with a true minus sign. */
const write = (value) => (value === 0 || (Math.abs(value) >= 1e-4 && Math.abs(value) < 1e5)
  ? value.toLocaleString("en", { maximumSignificantDigits: 3 }) : value.toExponential(1)).replaceAll("-", "−");
const pair = (values) => `(${values.map(write).join(", ")})`;

/** Return a function from two weights to loss and gradient, bilinear between the points of the grid. */
export function makeSurface({ ranges, sizes, grid }) {
  const view = bytes(grid);
  const numbers = new DataView(view.buffer, view.byteOffset, view.byteLength);
  const at = (row, column, which) => numbers.getFloat32(4 * (3 * (row * sizes[1] + column) + which), true);
  return (weights) => {
    const [[row, down], [column, right]] = weights.map((weight, axis) => {
      const [low, high] = ranges[axis];
      const place = ((weight - low) / (high - low)) * (sizes[axis] - 1);
      const before = clamp(Math.floor(place), 0, sizes[axis] - 2);
      return [before, place - before];
    });
    const along = (line, which) => (1 - right) * at(line, column, which) + right * at(line, column + 1, which);
    const between = (which) => (1 - down) * along(row, which) + down * along(row + 1, which);
    return { loss: between(0), gradient: [between(1), between(2)] };
  };
}

function render({ model, el }) {
  const config = model.get("config");
  const { ranges, rates } = config;
  const lengths = ranges.map(([low, high]) => high - low);
  const surface = makeSurface(config);
  const x = (weight) => AREA.left + (WIDTH * (weight - ranges[0][0])) / lengths[0];
  const y = (weight) => AREA.bottom - (HEIGHT * (weight - ranges[1][0])) / lengths[1];
  const place = ([first, second]) => [x(first), y(second)];
  const isInside = (weights) => weights.every((weight, axis) => weight >= ranges[axis][0] && weight <= ranges[axis][1]);
  const fit = (weights) => weights.map((weight, axis) => clamp(weight, ...ranges[axis]));

  let { rate } = config;
  let start = config.start.map((share, axis) => ranges[axis][0] + share * lengths[axis]);
  let path = [start];
  const next = () => {
    const { gradient } = surface(path.at(-1));
    return path.at(-1).map((weight, axis) => weight - rate * gradient[axis]);
  };

  // --- what happened, in words

  function describe(before) {
    const [last, number] = [path.at(-1), path.length - 1];
    if (number === 0) return `The start: loss ${write(surface(last).loss)}. Press Step.`;
    const steps = number - before === 1 ? `Step ${number}` : `Steps ${before + 1} to ${number}`;
    const loss = path.filter(isInside).map((weights) => surface(weights).loss);
    if (!isInside(last)) {
      const isRising = loss.length > 1 && loss.at(-1) > loss.at(-2);
      return `Step ${number} leaves the picture. ${isRising ? "The loss was rising: the steps are too long."
        : "It was too long."} Choose a smaller learning rate, then start again.`;
    }
    const moved = last.map((weight, axis) => Math.abs(weight - path.at(-2)[axis]) / lengths[axis]);
    const [from, to] = [loss[before], loss.at(-1)];
    if (Math.max(...moved) < TOO_SHORT) {
      return `${steps}: loss ${write(to)}. The last step was too short to see: the gradient is close to 0 here, or the `
        + "learning rate is too small.";
    }
    if (write(to) === write(from)) return `${steps}: the loss stayed at ${write(to)}.`;
    if (to > from) return `${steps}: the loss rose from ${write(from)} to ${write(to)}. The learning rate is too large.`;
    return `${steps}: the loss fell from ${write(from)} to ${write(to)}.`;
  }

  // --- the picture

  const trail = svg("g", {});
  const shape = `matrix(${WIDTH} 0 0 ${-HEIGHT} ${AREA.left} ${AREA.bottom})`;
  const id = `frame-${Math.random()}`;
  const frame = svg("clipPath", { id }, svg("rect", { x: AREA.left, y: AREA.top, width: WIDTH, height: HEIGHT }));
  const inside = svg("g", { "clip-path": `url(#${id})` },
    svg("g", { class: "bands", transform: shape }, ...config.bands.map((d) => svg("path", { d }))), trail);
  const [xTicks, yTicks] = config.ticks.map((ticks) => ticks.map((tick) => [tick, write(tick)]));
  const picture = diagram(AREA, { x, y, xTicks, yTicks, xLabel: "first weight", yLabel: "second weight" });
  picture.append(frame, inside);
  picture.setAttribute("class", "landscape");
  picture.setAttribute("tabindex", 0);
  picture.setAttribute("role", "application");
  picture.setAttribute("aria-label", "Contour lines of the loss. The arrow keys move the starting point.");
  picture.onclick = (event) => {
    const { x: across, y: down } = new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(picture.getScreenCTM().inverse());
    restart([ranges[0][0] + (lengths[0] * (across - AREA.left)) / WIDTH,
      ranges[1][0] + (lengths[1] * (AREA.bottom - down)) / HEIGHT]);
  };
  picture.onkeydown = (event) => {
    const direction = KEYS[event.key];
    if (!direction) return;
    event.preventDefault();
    restart(start.map((weight, axis) => weight + (direction[axis] * lengths[axis]) / 40));
  };

  function drawTrail() {
    const [first, last] = [path[0], path.at(-1)].map(place);
    const dots = path.slice(1).map(place).map(([cx, cy]) => svg("circle", { class: "train", cx, cy, r: 3.5 }));
    const [toX, toY] = place(next());
    trail.replaceChildren(
      svg("polyline", { class: "train", points: path.map(place).join(" ") }), ...dots,
      svg("rect", { class: "train", x: first[0] - 5, y: first[1] - 5, width: 10, height: 10 }),
      ...(isInside(path.at(-1)) ? [svg("polyline", { class: "test", points: [last, [toX, toY]].join(" ") }),
        svg("circle", { class: "next", cx: toX, cy: toY, r: 6 })] : []));
  }

  // --- controls and numbers

  const step = button("Step", () => walk(1));
  const tenSteps = button("Ten steps", () => walk(10));
  const again = button("Start again", () => restart(start));
  const choice = slider("learning rate", { max: rates.length - 1 }, (index) => {
    rate = rates[index];
    draw(path.length - 1);
  }, { write: (index) => write(rates[index]) });
  const cells = {};
  const rows = ["steps taken", "weights", "loss", "gradient", "next step"].map((name) => {
    cells[name] = make("td");
    return make("tr", {}, make("th", { scope: "row" }, name), cells[name]);
  });
  const verdict = make("p", { className: "announcement", role: "status" });

  function walk(count) {
    const before = path.length - 1;
    for (let taken = 0; taken < count && isInside(path.at(-1)); taken++) path = [...path, next()];
    if (path.length - 1 > before) draw(before);
  }
  function restart(from) {
    start = fit(from);
    path = [start];
    draw(0);
  }
  function draw(before) {
    const last = path.at(-1);
    const isKnown = isInside(last);
    const { loss, gradient } = surface(last);
    choice.set(rates.indexOf(rate));
    cells["steps taken"].textContent = path.length - 1;
    cells.weights.textContent = pair(last);
    cells.loss.textContent = isKnown ? write(loss) : "not computed there";
    cells.gradient.textContent = isKnown ? pair(gradient) : "–";
    cells["next step"].textContent = isKnown
      ? `−${write(rate)} × ${pair(gradient)} = ${pair(gradient.map((slope) => -rate * slope))}` : "–";
    for (const control of [step, tenSteps]) enable(control, isKnown);
    enable(again, path.length > 1);
    if (before < path.length - 1 || path.length === 1) verdict.textContent = describe(before);
    drawTrail();
  }

  const title = make("p", { className: "title", "aria-hidden": "true" }, config.title);
  show(el, config.title, title, make("div", { className: "side-by-side descent" }, picture,
    make("div", { className: "column" }, choice.node, make("div", { className: "row close" }, step, tenSteps, again), verdict,
      make("table", { className: "readout" }, ...rows),
      make("p", { className: "hint" }, "The stronger the shade, the higher the loss. The square is the starting point. To "
        + "move it, click in the picture or press the arrow keys there. The dashed line with a ring is the next step."))));
  draw(0);
}

export default { render };
