// The training view: draws what training.py reports, and asks for the kernel's interrupt to stop it.

const WIDTH = 440, HEIGHT = 280;
const PLOT = { left: 66, right: WIDTH - 14, top: 34, bottom: HEIGHT - 48 };

function svg(parent, name, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  parent.append(element);
  return element;
}

// Round numbers, about five, from below the lowest value to above the highest.
function roundNumbers(low, high, smallestStep = 1e-4) {
  const wanted = Math.max((high - low) / 4, smallestStep);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= wanted * 0.999);
  const first = Math.floor(low / step), last = Math.max(Math.ceil(high / step), first + 1);
  const digits = Math.max(0, -Math.floor(Math.log10(step * 1.001)));
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toFixed(digits)))
    .map((value) => ({ value, text: value.toFixed(digits) }));
}

function drawAxes(picture, metric, xs, ys, x, y) {
  for (const { value, text } of ys) {
    svg(picture, "line", { class: "grid", x1: PLOT.left, x2: PLOT.right, y1: y(value), y2: y(value) });
    svg(picture, "text", { x: PLOT.left - 8, y: y(value) + 4, "text-anchor": "end" }, text);
  }
  for (const value of xs) {
    svg(picture, "text", { x: x(value), y: PLOT.bottom + 18, "text-anchor": "middle" }, value);
  }
  svg(picture, "path", { class: "axis", d: `M${PLOT.left} ${PLOT.top}V${PLOT.bottom}H${PLOT.right}` });
  const middle = (PLOT.top + PLOT.bottom) / 2;
  const label = metric === "accuracy" ? "accuracy (share of right answers)" : metric;
  svg(picture, "text", { x: 16, y: middle, transform: `rotate(-90 16 ${middle})`, "text-anchor": "middle" }, label);
  svg(picture, "text", { x: (PLOT.left + PLOT.right) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, "epoch");
  svg(picture, "text", { class: "title", x: PLOT.left, y: 20 }, `Model ${metric}`);
}

function drawCurve(picture, values, style, x, y) {
  const points = values.map((value, index) => [value, x(index + 1), y(value)]).filter(([value]) => value !== null);
  svg(picture, "polyline", { class: style, points: points.map(([, ...at]) => at.join(",")).join(" ") });
  for (const [, left, top] of points) drawMarker(picture, style, left, top);
}

function drawMarker(picture, style, left, top) {
  if (style === "train") svg(picture, "circle", { class: style, cx: left, cy: top, r: 2.5 });
  else svg(picture, "rect", { class: style, x: left - 3, y: top - 3, width: 6, height: 6 });
}

function drawMetric(parent, metric, history, numEpochs) {
  const curves = { train: history[metric], test: history[`val_${metric}`] ?? [] };
  const known = Object.values(curves).flat().filter((value) => value !== null);
  const picture = svg(parent, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  const ys = known.length ? roundNumbers(Math.min(...known), Math.max(...known)) : roundNumbers(0, 1);
  const [lowest, highest] = [ys[0].value, ys.at(-1).value];
  const x = (epoch) => PLOT.left + (PLOT.right - PLOT.left) * (epoch - 0.5) / numEpochs;
  const y = (value) => PLOT.bottom - (PLOT.bottom - PLOT.top) * (value - lowest) / (highest - lowest);
  const xs = roundNumbers(0, numEpochs, 1).map(({ value }) => value).filter((epoch) => epoch > 0 && epoch <= numEpochs);
  drawAxes(picture, metric, numEpochs > 1 ? [1, ...xs.filter((epoch) => epoch > 1)] : [1], ys, x, y);
  const told = Object.entries(curves).filter(([, values]) => values.length).map(([style, values]) => {
    drawCurve(picture, values, style, x, y);
    return `${style === "train" ? "training" : "test"} images from ${values[0]?.toFixed(3)} to ${values.at(-1)?.toFixed(3)}`;
  });
  picture.setAttribute("aria-label", `Model ${metric} after ${curves.train.length} epochs: ${told.join(", ")}.`);
}

function drawLegend() {
  const legend = make("div", { className: "legend" });
  for (const [style, words] of [["train", "training images"], ["test", "test images"]]) {
    const picture = svg(legend, "svg", { width: 36, height: 12, "aria-hidden": "true" });
    svg(picture, "polyline", { class: style, points: "1,6 35,6" });
    drawMarker(picture, style, 18, 6);
    legend.append(make("span", {}, words));
  }
  return legend;
}

// Whoever shows the widget knows the kernel: JupyterLab and Notebook do, some editors do not.
function stopper(model) {
  const kernel = model.widget_manager?.kernel;
  if (!kernel) return { node: make("span", {}, "To stop after an epoch, interrupt the kernel."), sync() {} };
  const title = "What was learned is kept. The square in the toolbar does the same.";
  const button = make("button", { type: "button", title }, "Stop after this epoch");
  let couldStop = false, pressed = false;
  function sync() {
    const canStop = model.get("can_stop");
    if (canStop !== couldStop) pressed = false;
    couldStop = canStop;
    // A disabled button would lose the focus of whoever has just pressed it.
    button.setAttribute("aria-disabled", pressed || !canStop);
  }
  button.onclick = () => {
    if (pressed || !model.get("can_stop")) return;
    pressed = true;  // a second interrupt would not wait for the end of the epoch
    sync();
    kernel.interrupt();
  };
  return { node: button, sync };
}

function render({ model, el }) {
  const bar = make("progress", { "aria-label": "Training" });
  const status = make("span", { className: "status" });
  const stop = stopper(model);
  const curves = make("div", { className: "side-by-side" });
  const announcement = make("p", { className: "announcement", role: "status" });
  el.classList.add("explorer", "training");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", "Training");
  el.append(make("div", { className: "top" }, bar, status, stop.node), drawLegend(), curves, announcement);
  keepKeys(el);

  const told = () => {
    bar.max = model.get("num_epochs");
    bar.value = model.get("num_done");
    status.textContent = model.get("status");
    stop.sync();
  };
  const learned = () => {
    const history = model.get("history");
    const metrics = Object.keys(history).filter((name) => !name.startsWith("val_"));
    curves.replaceChildren();
    for (const metric of metrics) drawMetric(curves, metric, history, model.get("num_epochs"));
    announcement.textContent = model.get("announcement");
  };
  model.on("change:num_done change:status change:can_stop", told);
  model.on("change:history change:announcement change:num_epochs", learned);
  told();
  learned();
}

export default { render };
