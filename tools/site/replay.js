// Replays a recorded training: its curves, or the weights of a linear classifier, epoch by epoch.

import { SIDE, button, bytes, clamp, make, show, slider } from "./shared.js";
import { drawMetric, legend } from "./training.js";

const MILLISECONDS = 500;

function render({ model, el }) {
  const { title, history, weights, accuracies, num_epochs: numEpochs } = model.get("config");
  const first = weights ? 0 : 1;
  let [epoch, timer] = [numEpochs, null];
  const curves = make("div", { className: "side-by-side curves" });
  const canvases = weights ? weights[0].map(() => make("canvas", { width: SIDE, height: SIDE, role: "img" })) : [];
  const pictures = make("div", { className: "gallery weights" }, ...canvases.map((canvas, digit) =>
    make("figure", {}, canvas, make("figcaption", {}, digit))));
  const news = make("p", { className: "announcement", role: "status" });
  const place = slider("epoch", { min: first, max: numEpochs }, (value) => { pause(); goTo(value); });
  const play = button("Play", () => (timer ? pause() : start()));
  const step = button("Step", () => { pause(); goTo(epoch === numEpochs ? first : epoch + 1); });

  function start() {
    if (epoch === numEpochs) goTo(first);
    play.textContent = "Pause";
    timer = setInterval(() => {
      goTo(epoch + 1);
      if (epoch === numEpochs) pause();
    }, MILLISECONDS);
  }
  function pause() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }
  function goTo(wanted) {
    epoch = clamp(wanted, first, numEpochs);
    place.set(epoch);
    const numbers = weights ? showWeights() : showHistory();
    news.textContent = `After epoch ${epoch} of ${numEpochs}: ${numbers}`;
  }
  function showHistory() {
    const soFar = Object.fromEntries(Object.entries(history).map(([name, values]) => [name, values.slice(0, epoch)]));
    curves.replaceChildren(...["loss", "accuracy"].map((metric) => drawMetric(metric, soFar, numEpochs)));
    return Object.entries(soFar).map(([name, values]) => `${name.replace("val_", "test ")} ${values.at(-1).toFixed(4)}`).join(", ");
  }
  function showWeights() {
    canvases.forEach((canvas, digit) => {
      paintSigned(canvas, bytes(weights[epoch][digit]));
      canvas.setAttribute("aria-label", `weights of the digit ${digit} after epoch ${epoch}`);
    });
    return `${(100 * accuracies[epoch]).toFixed(1)}% of the test images are classified correctly`;
  }

  show(el, title, make("p", { className: "title", "aria-hidden": "true" }, title),
    make("div", { className: "row" }, play, step, place.node), ...(weights ? [pictures] : [legend(), curves]), news);
  goTo(numEpochs);
}

/** Draw weights as bytes round 128: blue speaks for the digit, red against it, white is 0. */
function paintSigned(canvas, values) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  values.forEach((value, index) => {
    const share = (value - 128) / 127;
    const [to, strength] = [share > 0 ? [5, 80, 160] : [180, 30, 20], Math.abs(share)];
    image.data.set([...to.map((colour) => 255 - (255 - colour) * strength), 255], 4 * index);
  });
  context.putImageData(image, 0, 0);
}

export default { render };
