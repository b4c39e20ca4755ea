import { SIDE, bytes, chooser, diagram, explorer, followPointer, grouped, make, paint, picture, pixelSliders, svg } from "./shared.js";

const AREA = { left: 46, right: 250, top: 8, bottom: 84 };

/** Bars on a logarithmic scale, for counts from 1 to 1,000; 0 has no bar. */
function histogram({ counts, largest, dtype }) {
  const width = (AREA.right - AREA.left) / counts.length;
  const x = (value) => AREA.left + ((AREA.right - AREA.left) * value) / largest;
  const y = (count) => AREA.bottom - ((AREA.bottom - AREA.top) * (Math.log10(count) + 0.3)) / 3.3;
  const node = diagram(AREA, { x, y, xLabel: `value (${dtype})`, yLabel: "pixels",
    xTicks: [[0, 0], [largest, largest]], yTicks: [1, 10, 100, 1000].map((count) => [count, grouped(count)]) });
  counts.forEach((count, index) => {
    if (count) node.append(svg("rect", { class: "bar", x: AREA.left + index * width + 0.5, width: width - 1,
      y: y(count), height: AREA.bottom - y(count) }));
  });
  const between = counts.slice(1, -1).reduce((sum, count) => sum + count, 0);
  node.setAttribute("aria-label", `Histogram, logarithmic: ${counts[0]} values lie in the lowest of ${counts.length} `
    + `bins from 0 to ${largest}, ${counts.at(-1)} in the highest, ${between} between them.`);
  return node;
}

function numbers({ values, dtype }) {
  if (dtype === "uint8") return bytes(values);
  // A buffer from the kernel need not begin where a Float32Array may.
  return Float32Array.from({ length: values.byteLength / 4 }, (_, index) => values.getFloat32(4 * index, true));
}

/** Write a number as NumPy does: float32 has a point, and no more digits than distinguish it from its neighbours. */
export function written(value, dtype) {
  if (dtype === "uint8") return String(value);
  if (Number.isInteger(value)) return value.toFixed(1);
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9].find((count) => Math.fround(value.toPrecision(count)) === value);
  return value.toPrecision(digits);
}

/** One row of the explorer: what the step is, the values as a picture, their histogram, and the marked one. */
function stepRow(onPoint) {
  const words = make("div", { className: "column words" });
  const table = picture(onPoint);
  const strip = make("canvas", { width: SIDE * SIDE, height: 1, role: "img" });
  followPointer(strip, (_, position) => onPoint(Math.floor(position / SIDE), position % SIDE));
  const pin = make("span", { className: "pin" });
  const line = make("div", { className: "strip" }, strip, pin);
  const look = make("div", { className: "look" });
  const bars = make("div", { className: "histogram" });
  const marked = make("p", { className: "column marked-value" });
  let step, values;
  return {
    node: make("section", { className: "row step" }, words, look, bars, marked),
    show(number, newStep) {
      step = newStep;
      values = numbers(step);
      const facts = [`shape ${step.shape}`, step.dtype, `from ${step.min} to ${step.max}`];
      words.replaceChildren(make("strong", {}, `${number}. ${step.name}`), make("code", {}, step.code),
        ...facts.map((fact) => make("span", {}, fact)));
      bars.replaceChildren(histogram(step));
      const isTable = step.shape.includes(", 28");
      look.replaceChildren(isTable ? table.node : line);
      if (isTable) {
        table.draw(values, `The digit as a table: ${facts.join(", ")}`);
      } else {
        paint(strip, values, step.largest);
        strip.setAttribute("aria-label", `The digit as a row of grey stripes: ${facts.join(", ")}`);
      }
    },
    mark(row, column) {
      const position = row * SIDE + column;
      table.mark(row, column);
      pin.style.left = `${(100 * (position + 0.5)) / (SIDE * SIDE)}%`;
      const place = look.contains(pin) ? `[${position}]` : `[${row}, ${column}]`;
      const value = written(values[position], step.dtype);
      marked.replaceChildren(make("span", {}, place), make("strong", {}, value));
      return value;
    },
  };
}

export default explorer((ask, config) => {
  const steps = Array.from({ length: 4 }, () => stepRow((row, column) => sliders.move(row, column)));
  const sliders = pixelSliders(config.marked, (row, column) => steps.map((step) => step.mark(row, column)).join(" → "));
  const label = make("strong");
  const choice = chooser(ask, config);

  return {
    nodes: [choice.node, label, ...steps.map((step) => step.node),
      make("div", { className: "column" }, ...sliders.nodes),
      make("p", { className: "hint" },
        "Point at a pixel, or move the sliders: the same pixel is marked at every step.")],
    sync: choice.sync,
    show(response, { part, index }) {
      label.textContent = `label ${response.label}`;
      response.steps.forEach((step, number) => steps[number].show(number, step));
      sliders.move();
      return `${part} image ${grouped(index)}, label ${response.label}`;
    },
  };
});
