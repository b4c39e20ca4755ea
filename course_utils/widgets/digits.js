const REACH = 2;  // pixels shown as numbers to each side of the marked one

function zoom() {
  const offsets = Array.from({ length: 2 * REACH + 1 }, (_, index) => index - REACH);
  const cells = offsets.map(() => offsets.map(() => make("td")));
  cells[REACH][REACH].className = "marked";
  const rowHeads = offsets.map(() => make("th", { scope: "row" }));
  const columnHeads = offsets.map(() => make("th", { scope: "col" }));
  return {
    node: make("table", { className: "zoom" }, make("caption", {}, "the numbers around it"),
      make("tr", {}, make("td", { className: "outside" }), ...columnHeads),
      ...cells.map((row, index) => make("tr", {}, rowHeads[index], ...row))),
    show(pixels, row, column) {
      offsets.forEach((offset, index) => {
        rowHeads[index].textContent = inside(row + offset) ? row + offset : "";
        columnHeads[index].textContent = inside(column + offset) ? column + offset : "";
      });
      cells.flat().forEach((cell, index) => {
        const [r, c] = [row + offsets[Math.floor(index / offsets.length)], column + offsets[index % offsets.length]];
        const value = inside(r) && inside(c) ? pixels[r * SIDE + c] : null;
        cell.textContent = value ?? "";
        cell.classList.toggle("outside", value === null);
        cell.style.background = value === null ? "" : `rgb(${255 - value} ${255 - value} ${255 - value})`;
        cell.style.color = value > 115 ? "white" : "black";
      });
    },
  };
}

const inside = (position) => position >= 0 && position < SIDE;

export default explorer((ask, facts) => {
  let [row, column] = facts.marked;
  let pixels = new Uint8Array(SIDE * SIDE);
  const digit = picture(move);
  const numbers = zoom();
  const label = make("p", { className: "large" });
  const reading = make("p", { className: "reading" });
  const value = (r, c) => pixels[r * SIDE + c];
  const rows = slider("row", { max: SIDE - 1 }, (r) => move(r, column),
    { speak: (r) => `${r}, value ${value(r, column)}` });
  const columns = slider("column", { max: SIDE - 1 }, (c) => move(row, c),
    { speak: (c) => `${c}, value ${value(row, c)}` });
  const choice = chooser(ask, facts);

  function move(toRow, toColumn) {
    [row, column] = [toRow, toColumn];
    digit.mark(row, column);
    numbers.show(pixels, row, column);
    rows.set(row);
    columns.set(column);
    reading.replaceChildren(`row ${row}, column ${column}: `, make("strong", {}, value(row, column)));
  }

  return {
    nodes: [
      choice.node,
      make("div", { className: "side-by-side" }, digit.node,
        make("div", { className: "panel" }, label, reading, rows.node, columns.node, numbers.node)),
      make("p", { className: "hint" }, "Point at a pixel, or move the sliders. 0 is white paper, 255 full ink."),
    ],
    sync: choice.sync,
    show(answer, { part, index }) {
      const sentence = `${part} image ${grouped(index)}, label ${answer.label}`;
      pixels = bytes(answer.pixels);
      digit.draw(pixels, sentence);
      label.textContent = `label ${answer.label}`;
      move(row, column);
      return sentence;
    },
  };
});
