const PLOT = { left: 44, right: 250, top: 8, bottom: 84 };

function svg(tag, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

/** Bars on a logarithmic scale, for counts from 1 to 1,000; 0 has no bar. */
function histogram({ counts, largest, dtype }) {
  const width = (PLOT.right - PLOT.left) / counts.length;
  const y = (count) => PLOT.bottom - ((PLOT.bottom - PLOT.top) * (Math.log10(count) + 0.3)) / 3.3;
  const node = svg("svg", { viewBox: "0 0 264 122", role: "img" });
  for (const count of [1, 10, 100, 1000]) {
    node.append(svg("line", { class: "grid", x1: PLOT.left, x2: PLOT.right, y1: y(count), y2: y(count) }),
      svg("text", { x: PLOT.left - 5, y: y(count) + 4, "text-anchor": "end" }, grouped(count)));
  }
  counts.forEach((count, index) => {
    if (!count) return;
    node.append(svg("rect", { class: "bar", x: PLOT.left + index * width + 0.5, width: width - 1,
      y: y(count), height: PLOT.bottom - y(count) }));
  });
  node.append(svg("line", { class: "axis", x1: PLOT.left, x2: PLOT.right, y1: PLOT.bottom, y2: PLOT.bottom }));
  node.append(svg("text", { x: PLOT.left, y: PLOT.bottom + 15, "text-anchor": "middle" }, 0),
    svg("text", { x: PLOT.right, y: PLOT.bottom + 15, "text-anchor": "middle" }, largest));
  const middle = (PLOT.left + PLOT.right) / 2;
  node.append(svg("text", { x: middle, y: PLOT.bottom + 32, "text-anchor": "middle" }, `value (${dtype})`),
    svg("text", { x: 10, y: 46, transform: "rotate(-90 10 46)", "text-anchor": "middle" }, "pixels"));
  const between = counts.slice(1, -1).reduce((sum, count) => sum + count, 0);
  node.setAttribute("aria-label", `Histogram, logarithmic: ${counts[0]} values lie in the lowest of ${counts.length} `
    + `bins from 0 to ${largest}, ${counts.at(-1)} in the highest, ${between} between them.`);
  return node;
}

function read({ values, dtype }) {
  if (dtype === "uint8") return bytes(values);
  const count = values.byteLength / 4;
  // A buffer from the kernel need not begin where a Float32Array may.
  return Float32Array.from({ length: count }, (_, index) => values.getFloat32(4 * index, true));
}

/** Write a number as NumPy does: float32 has a point, and no more digits than tell it from its neighbours. */
function written(value, dtype) {
  if (dtype === "uint8") return String(value);
  if (Number.isInteger(value)) return value.toFixed(1);
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9].find((count) => Math.fround(value.toPrecision(count)) === value);
  return value.toPrecision(digits);
}

/** One row of the explorer: what the step is, the values as a picture, their histogram, and the marked one. */
function stepRow(onPoint) {
  const words = make("div", { className: "words" });
  const table = picture(onPoint);
  const strip = make("canvas", { width: SIDE * SIDE, height: 1, role: "img" });
  strip.onpointermove = strip.onpointerdown = (event) => {
    const box = strip.getBoundingClientRect();
    const position = clamp(Math.floor((SIDE * SIDE * (event.clientX - box.left)) / box.width), 0, SIDE * SIDE - 1);
    onPoint(Math.floor(position / SIDE), position % SIDE);
  };
  const pin = make("span", { className: "pin" });
  const line = make("div", { className: "strip" }, strip, pin);
  const look = make("div", { className: "look" });
  const bars = make("div", { className: "bars" });
  const marked = make("p", { className: "marked-value" });
  let step, values;
  return {
    node: make("section", { className: "step" }, words, look, bars, marked),
    show(number, newStep) {
      step = newStep;
      values = read(step);
      const told = `shape ${step.shape}, ${step.dtype}, from ${step.min} to ${step.max}`;
      words.replaceChildren(make("strong", {}, `${number}. ${step.name}`), make("code", {}, step.code),
        make("span", {}, `shape ${step.shape}`), make("span", {}, step.dtype),
        make("span", {}, `from ${step.min} to ${step.max}`));
      bars.replaceChildren(histogram(step));
      const isTable = step.shape.includes(", 28");
      look.replaceChildren(isTable ? table.node : line);
      if (isTable) {
        table.draw(values, `The digit as a table: ${told}`);
      } else {
        paint(strip, values, step.largest);
        strip.setAttribute("aria-label", `The digit as a row of grey stripes: ${told}`);
      }
    },
    mark(row, column) {
      const position = row * SIDE + column;
      table.mark(row, column);
      pin.style.left = `${(100 * (position + 0.5)) / (SIDE * SIDE)}%`;
      const place = look.contains(pin) ? `[${position}]` : `[${row}, ${column}]`;
      marked.replaceChildren(make("span", {}, place), make("strong", {}, written(values[position], step.dtype)));
      return written(values[position], step.dtype);
    },
  };
}

export default explorer((ask, facts) => {
  let [row, column] = facts.marked;
  const steps = Array.from({ length: 4 }, () => stepRow(move));
  const label = make("strong");
  const choice = chooser(ask, facts);
  let told = "";
  const rows = slider("row", { max: SIDE - 1 }, (r) => move(r, column), { speak: (r) => `${r}: ${told}` });
  const columns = slider("column", { max: SIDE - 1 }, (c) => move(row, c), { speak: (c) => `${c}: ${told}` });

  function move(toRow, toColumn) {
    [row, column] = [toRow, toColumn];
    told = steps.map((step) => step.mark(row, column)).join(" → ");
    rows.set(row);
    columns.set(column);
  }

  return {
    nodes: [choice.node, label, ...steps.map((step) => step.node),
      make("div", { className: "panel" }, rows.node, columns.node),
      make("p", { className: "hint" },
        "Point at a pixel, or move the sliders: the same pixel is marked at every step.")],
    sync: choice.sync,
    show(answer, { part, index }) {
      label.textContent = `label ${answer.label}`;
      answer.steps.forEach((step, number) => steps[number].show(number, step));
      move(row, column);
      return `${part} image ${grouped(index)}, label ${answer.label}`;
    },
  };
});
