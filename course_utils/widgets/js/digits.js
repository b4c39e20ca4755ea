import { SIDE, bytes, chooser, explorer, grouped, make, picture, slider } from "./shared.js";

const OFFSETS = [-2, -1, 0, 1, 2];  // pixels shown as numbers around the marked one

/** The numbers around a pixel; beyond the edge of the image nothing. */
function neighbours(pixels, row, column) {
  const inside = (position) => position >= 0 && position < SIDE;
  const head = (scope, position) => make("th", { scope }, inside(position) ? position : "");
  const cell = (r, c) => {
    if (!inside(r) || !inside(c)) return make("td", { className: "outside" });
    const value = pixels[r * SIDE + c];
    return make("td", { className: r === row && c === column ? "marked" : "",
      style: `background: rgb(${Array(3).fill(255 - value)}); color: ${value > 115 ? "white" : "black"}` }, value);
  };
  return [
    make("caption", {}, "the numbers around it"),
    make("tr", {}, make("td", { className: "outside" }), ...OFFSETS.map((offset) => head("col", column + offset))),
    ...OFFSETS.map((down) => make("tr", {}, head("row", row + down),
      ...OFFSETS.map((right) => cell(row + down, column + right)))),
  ];
}

export default explorer((ask, config) => {
  let [row, column] = config.marked;
  let pixels = new Uint8Array(SIDE * SIDE);
  const digit = picture(move);
  const numbers = make("table", { className: "zoom" });
  const label = make("p", { className: "large" });
  const reading = make("p", { className: "reading" });
  const value = (r, c) => pixels[r * SIDE + c];
  const rows = slider("row", { max: SIDE - 1 }, (r) => move(r, column),
    { speak: (r) => `${r}, value ${value(r, column)}` });
  const columns = slider("column", { max: SIDE - 1 }, (c) => move(row, c),
    { speak: (c) => `${c}, value ${value(row, c)}` });
  const choice = chooser(ask, config);

  function move(toRow, toColumn) {
    [row, column] = [toRow, toColumn];
    digit.mark(row, column);
    numbers.replaceChildren(...neighbours(pixels, row, column));
    rows.set(row);
    columns.set(column);
    reading.replaceChildren(`row ${row}, column ${column}: `, make("strong", {}, value(row, column)));
  }

  return {
    nodes: [
      choice.node,
      make("div", { className: "side-by-side" }, digit.node,
        make("div", { className: "panel" }, label, reading, rows.node, columns.node, numbers)),
      make("p", { className: "hint" }, "Point at a pixel, or move the sliders. 0 is white paper, 255 full ink."),
    ],
    sync: choice.sync,
    show(response, { part, index }) {
      const sentence = `${part} image ${grouped(index)}, label ${response.label}`;
      pixels = bytes(response.pixels);
      digit.draw(pixels, sentence);
      label.textContent = `label ${response.label}`;
      move(row, column);
      return sentence;
    },
  };
});
