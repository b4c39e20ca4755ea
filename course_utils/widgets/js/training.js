// The training view: draws what training.py reports, and asks for the kernel's interrupt to stop it.

import { button, diagram, enable, make, show, svg } from "./shared.js";

const ENDS = ["restarting", "autorestarting", "terminating", "dead"];
const AREA = { left: 76, right: 436, top: 34, bottom: 232 };
const STYLES = { train: "training images", test: "test images" };

/** Round numbers, about five, from below the lowest value to above the highest. */
function roundNumbers(low, high, smallestStep = 1e-4) {
  const wanted = Math.max((high - low) / 4, smallestStep);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= wanted * 0.999);
  const first = Math.floor(low / step), last = Math.max(Math.ceil(high / step), first + 1);
  const digits = Math.max(0, -Math.floor(Math.log10(step * 1.001)));
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toFixed(digits)))
    .map((value) => [value, value.toFixed(digits)]);
}

const marker = (style, x, y) => (style === "train" ? svg("circle", { class: style, cx: x, cy: y, r: 2.5 })
  : svg("rect", { class: style, x: x - 3, y: y - 3, width: 6, height: 6 }));

export function drawMetric(metric, history, numEpochs) {
  const curves = { train: history[metric], test: history[`val_${metric}`] ?? [] };
  const known = Object.values(curves).flat().filter((value) => value !== null);
  const yTicks = roundNumbers(...(known.length ? [Math.min(...known), Math.max(...known)] : [0, 1]));
  const [lowest, highest] = [yTicks[0][0], yTicks.at(-1)[0]];
  const x = (epoch) => AREA.left + ((AREA.right - AREA.left) * (epoch - 0.5)) / numEpochs;
  const y = (value) => AREA.bottom - ((AREA.bottom - AREA.top) * (value - lowest)) / (highest - lowest);
  const xTicks = [[1, 1], ...roundNumbers(0, numEpochs, 1).filter(([epoch]) => epoch > 1 && epoch <= numEpochs)];
  const yLabel = metric === "accuracy" ? "accuracy (share right)" : metric;
  const node = diagram(AREA, { x, y, xTicks, yTicks, xLabel: "epoch", yLabel, title: `Model ${metric}` });
  const ranges = Object.entries(curves).filter(([, values]) => values.length).map(([style, values]) => {
    const points = values.flatMap((value, index) => (value === null ? [] : [[x(index + 1), y(value)]]));
    node.append(svg("polyline", { class: style, points: points.join(" ") }),
      ...points.map((point) => marker(style, ...point)));
    return `${STYLES[style]} from ${values[0]?.toFixed(3)} to ${values.at(-1)?.toFixed(3)}`;
  });
  node.setAttribute("aria-label", `Model ${metric} after ${curves.train.length} epoch${curves.train.length === 1 ? "" : "s"}: ${ranges.join(", ")}.`);
  return node;
}

export const legend = () => make("div", { className: "row close legend" }, ...Object.entries(STYLES).flatMap(([style, words]) => [
  svg("svg", { width: 36, height: 12, "aria-hidden": "true" },
    svg("polyline", { class: style, points: "1,6 35,6" }), marker(style, 18, 6)),
  make("span", {}, words)]));

/** The button that stops. JupyterLab and Notebook let a widget interrupt the kernel; some editors do not. */
function stopper(model) {
  const kernel = model.widget_manager?.kernel;
  if (!kernel) return make("span", {}, "To stop after an epoch, interrupt the kernel.");
  const title = "What was learned is kept. The square in the toolbar does the same.";
  const stop = button("Stop after this epoch", () => {
    if (stop.getAttribute("aria-disabled") === "true") return;
    enable(stop, false);  // a second interrupt would not wait for the end of the epoch
    kernel.interrupt();
  }, { title });
  const sync = () => enable(stop, model.get("can_stop"));
  model.on("change:can_stop", sync);
  sync();
  return stop;
}

function render({ model, el }) {
  const bar = make("progress", { "aria-label": "training" });
  const status = make("span", { className: "status" });
  const curves = make("div", { className: "side-by-side curves" });
  const announcement = make("p", { className: "announcement", role: "status" });
  show(el, "Training", make("div", { className: "row" }, bar, status, stopper(model)), legend(), curves, announcement);

  const showProgress = () => {
    bar.max = model.get("num_epochs");
    bar.value = model.get("num_done");
    status.textContent = model.get("status");
  };
  const showHistory = () => {
    const history = model.get("history");
    const metrics = Object.keys(history).filter((name) => !name.startsWith("val_"));
    curves.replaceChildren(...metrics.map((metric) => drawMetric(metric, history, model.get("num_epochs"))));
    announcement.textContent = model.get("announcement");
  };
  // Nothing else would say that the training has ended with its kernel.
  model.widget_manager?.kernel?.statusChanged.connect((_, status) => {
    if (!model.get("can_stop") || !ENDS.includes(status)) return;
    model.set("can_stop", false);
    model.set("status", "the kernel was restarted: run all cells above, then this one, which continues the training");
  });
  model.on("change:num_done change:status", showProgress);
  model.on("change:history change:announcement change:num_epochs", showHistory);
  showProgress();
  showHistory();
}

export default { render };
