// A kernel slides over a digit: the request is answered here, as Python answers those of the other explorers.

import { SIDE, bytes, clamp, explorer, localModel, make, numberField, picture, shaded, slider } from "./shared.js";

const SIZE = 3;
const PLACES = SIDE - SIZE + 1;
const LIMIT = 99; // of a weight
const KERNELS = {
  "upper edges": [-1, -1, -1, 0, 0, 0, 1, 1, 1],
  "left edges": [-1, 0, 1, -1, 0, 1, -1, 0, 1],
  "rising diagonals": [-1, -1, 2, -1, 2, -1, 2, -1, -1],
  "all edges": [-1, -1, -1, -1, 8, -1, -1, -1, -1],
  blur: Array(9).fill(1 / 9),
  "the image itself": [0, 0, 0, 0, 1, 0, 0, 0, 0],
};
const square = (side) => Array.from({ length: side * side }, (_, index) => [Math.floor(index / side), index % side]);

/** Write two digits after the decimal point, with a true minus sign, and never "−0.00". */
const write = (value) => ((Math.round(100 * value) / 100) || 0).toFixed(2).replace("-", "−");

/** Return what the kernel makes of an image: the nine pixels under it, the products, and the sums at all places. */
function slide(pixels, { row, column, kernel }) {
  const under = (top, left) => square(SIZE).map(([down, right]) => pixels[(top + down) * SIDE + left + right] / 255);
  const multiply = (patch) => patch.map((value, index) => value * kernel[index]);
  const add = (products) => products.reduce((sum, product) => sum + product, 0);
  const patch = under(row, column);
  return { patch, products: multiply(patch), sums: square(PLACES).map((place) => add(multiply(under(...place)))) };
}

const kernelExplorer = explorer((ask, { num_images: numImages }) => {
  let request, sum;
  const moveTo = (row, column) => ask({ row: clamp(row, 0, PLACES - 1), column: clamp(column, 0, PLACES - 1) });
  const digit = picture((row, column) => moveTo(row - 1, column - 1), { size: SIZE });
  const map = picture(moveTo, { side: PLACES });

  const speak = (position) => `${position}: sum ${sum}`;
  const image = slider("image", { max: numImages - 1 }, (value) => ask({ image: value }));
  const row = slider("row", { max: PLACES - 1 }, (value) => ask({ row: value }), { speak });
  const column = slider("column", { max: PLACES - 1 }, (value) => ask({ column: value }), { speak });
  const names = Object.keys(KERNELS);
  const choice = make("select", {}, ...[...names, "your own"].map((name) => make("option", {}, name)));
  choice.onchange = () => ask({ kernel: KERNELS[choice.value] ?? request.kernel });
  const weights = square(SIZE).map(([down, right], place) => numberField(
    { min: -LIMIT, max: LIMIT, step: "any", "aria-label": `weight in row ${down}, column ${right}` },
    (value) => ask({ kernel: request.kernel.map((old, index) => (index === place ? clamp(value, -LIMIT, LIMIT) : old)) })));

  const table = (caption, cells) => make("table", { className: "zoom" }, make("caption", {}, caption),
    ...[0, 1, 2].map((line) => make("tr", {}, ...cells.slice(SIZE * line, SIZE * (line + 1)))));
  const patch = make("div");
  const products = make("div");
  const reading = make("p", { className: "reading" });
  const legend = make("p", { className: "hint" });

  return {
    nodes: [
      make("div", { className: "row" }, make("label", {}, "kernel ", choice), image.node),
      make("div", { className: "side-by-side sliding" },
        make("figure", {}, digit.node, make("figcaption", {}, "image, 28 × 28")),
        make("figure", {}, map.node, make("figcaption", {}, "sums, 26 × 26")),
        make("div", { className: "column" }, row.node, column.node)),
      make("div", { className: "row terms" }, patch, make("span", {}, "×"),
        table("weights", weights.map((weight) => make("td", {}, weight.input))), make("span", {}, "="), products, reading),
      legend,
      make("p", { className: "hint" }, "Drag the square over the digit, or move the sliders. Choose a kernel, or type weights."),
    ],
    sync(newRequest) {
      request = newRequest;
      choice.value = names.find((name) => `${KERNELS[name]}` === `${request.kernel}`) ?? "your own";
      request.kernel.forEach((weight, place) => weights[place].set(Number(weight.toFixed(2))));
      image.set(request.image);
    },
    show({ pixels, patch: values, products: terms, sums }, request) {
      const [highest, lowest] = [Math.max, Math.min].map((choose) =>
        request.kernel.reduce((total, weight) => total + choose(weight, 0), 0));
      const largest = Math.max(highest, -lowest) || 1;
      sum = write(sums[request.row * PLACES + request.column]);
      digit.draw(pixels, `image ${request.image}`);
      map.draw(sums.map((value) => value + largest), "The sums at all positions", 2 * largest);
      for (const each of [digit, map]) each.mark(request.row, request.column);
      row.set(request.row);
      column.set(request.column);
      patch.replaceChildren(table("pixels", values.map((value) => shaded(255 * value, write(value)))));
      products.replaceChildren(table("products", terms.map((term) => make("td", {}, write(term)))));
      reading.replaceChildren("sum ", make("strong", {}, sum));
      legend.textContent = "Sums: dark is above 0, grey is 0, light is below 0. With these weights, sums can range "
        + `from ${write(lowest)} to ${write(highest)}.`;
      return `${choice.value}, row ${request.row}, column ${request.column}: the nine products add up to ${sum}`;
    },
  };
});

function render({ model, el }) {
  const config = model.get("config");
  const digits = bytes(config.images);
  const respond = (request) => {
    const pixels = digits.subarray(request.image * SIDE * SIDE, (request.image + 1) * SIDE * SIDE);
    return { pixels, ...slide(pixels, request) };
  };
  const response = { request: config.first, ...respond(config.first) };
  return kernelExplorer.render({ model: localModel({ config, request: config.first, response }, respond), el });
}

export default { render };
