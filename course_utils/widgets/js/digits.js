import { SIDE, bytes, chooser, explorer, grouped, make, picture, pixelSliders, shaded } from "./shared.js";

const OFFSETS = [-2, -1, 0, 1, 2];  // pixels shown as numbers around the marked one

/** The numbers around a pixel; nothing beyond the edge of the image. */
function neighbours(pixels, row, column) {
  const inside = (position) => position >= 0 && position < SIDE;
  const head = (scope, position) => make("th", { scope }, inside(position) ? position : "");
  const cell = (r, c) => {
    if (!inside(r) || !inside(c)) return make("td", { className: "outside" });
    const value = pixels[r * SIDE + c];
    return shaded(value, value, { className: r === row && c === column ? "marked" : "" });
  };
  return [
    make("caption", {}, "the numbers around it"),
    make("tr", {}, make("td", { className: "outside" }), ...OFFSETS.map((offset) => head("col", column + offset))),
    ...OFFSETS.map((down) => make("tr", {}, head("row", row + down),
      ...OFFSETS.map((right) => cell(row + down, column + right)))),
  ];
}

export default explorer((ask, config) => {
  let pixels = new Uint8Array(SIDE * SIDE);
  const digit = picture((row, column) => sliders.move(row, column));
  const numbers = make("table", { className: "zoom" });
  const label = make("p", { className: "large" });
  const reading = make("p", { className: "reading" });
  const choice = chooser(ask, config);
  const sliders = pixelSliders(config.marked, (row, column) => {
    const value = pixels[row * SIDE + column];
    digit.mark(row, column);
    numbers.replaceChildren(...neighbours(pixels, row, column));
    reading.replaceChildren(`row ${row}, column ${column}: `, make("strong", {}, value));
    return `value ${value}`;
  });

  return {
    nodes: [
      choice.node,
      make("div", { className: "side-by-side" }, digit.node,
        make("div", { className: "column" }, label, reading, ...sliders.nodes, numbers)),
      make("p", { className: "hint" }, "Point at a pixel, or move the sliders. 0 is white paper, 255 full ink."),
    ],
    sync: choice.sync,
    show(response, { part, index }) {
      const sentence = `${part} image ${grouped(index)}, label ${response.label}`;
      pixels = bytes(response.pixels);
      digit.draw(pixels, sentence);
      label.textContent = `label ${response.label}`;
      sliders.move();
      return sentence;
    },
  };
});
