import { SIDE, button, bytes, clamp, enable, explorer, grouped, make, paint } from "./shared.js";

export default explorer((ask, config) => {
  const { counts, page_size: pageSize } = config;
  const digits = counts.map((_, digit) => digit);
  const mistakes = counts.flatMap((row, digit) => row.filter((_, column) => column !== digit));
  const mostMistakes = Math.max(1, ...mistakes);
  let request;

  // One tab stop for the table; arrow keys move within it, as in any grid.
  const cells = counts.map((row, trueDigit) => row.map((count, readAs) => make("td", {
    tabIndex: -1, className: trueDigit === readAs ? "right" : "",
    style: trueDigit === readAs ? "" : `--count: ${Math.round((60 * count) / mostMistakes)}%`,
    "aria-label": `${trueDigit} classified as ${readAs}: ${grouped(count)}`,
    onclick: () => open(trueDigit, readAs),
  }, count)));
  const open = (trueDigit, readAs) => {
    cells[trueDigit][readAs].focus({ preventScroll: true });
    ask({ true: trueDigit, read_as: readAs, page: 0 });
  };
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
    Home: [0, -9], End: [0, 9] };
  const walk = (event) => {
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    open(clamp(request.true + step[0], 0, 9), clamp(request.read_as + step[1], 0, 9));
  };
  const head = (scope, digit) => make("th", { scope }, digit);
  const table = make("table", { className: "confusion", role: "grid", onkeydown: walk,
    "aria-label": "rows: true digit, columns: predicted digit" },
    make("caption", {}, "predicted digit"),
    make("tr", {}, make("td", { role: "none" }), ...digits.map((digit) => head("col", digit))),
    ...cells.map((row, digit) => make("tr", {}, head("row", digit), ...row)));

  const heading = make("p", { className: "large" });
  const range = make("span");
  const turn = (by) => () => {
    const last = Math.max(0, Math.ceil(counts[request.true][request.read_as] / pageSize) - 1);
    ask({ page: clamp(request.page + by, 0, last) });
  };
  const previous = button("◀ Previous", turn(-1));
  const next = button("Next ▶", turn(1));
  const pager = make("div", { className: "row close" }, previous, range, next);
  const gallery = make("div", { className: "gallery" });

  const percent = (probability) => {
    if (probability < 0.0005) return "<0.1%";
    if (probability > 0.9995 && probability < 1) return ">99.9%";
    return `${(100 * probability).toFixed(1)}%`;
  };

  function figure({ index, pixels, read, true: left }, { true: trueDigit, read_as: readAs }) {
    const canvas = make("canvas", { width: SIDE, height: SIDE, role: "img", "aria-label": `digit ${trueDigit}` });
    paint(canvas, bytes(pixels));
    const lines = [make("strong", {}, `${readAs}: ${percent(read)}`)];
    if (trueDigit !== readAs) lines.push(make("span", {}, `${trueDigit}: ${percent(left)}`));
    return make("figure", {}, canvas, make("figcaption", {}, ...lines, make("span", {}, `image ${grouped(index)}`)));
  }

  return {
    nodes: [
      make("div", { className: "side-by-side" },
        make("div", { className: "matrix" }, make("span", { className: "axis-label" }, "true digit"), table,
          make("p", { className: "hint" }, "Choose a cell with a click or the arrow keys. Below each image are "
            + "the predicted digit and its probability, then the probability of the true digit. "
            + "The images with the highest loss come first.")),
        make("div", { className: "column" }, heading, pager, gallery)),
    ],
    sync(newRequest) {
      request = newRequest;
      const chosen = cells[request.true][request.read_as];
      for (const cell of cells.flat()) {
        cell.tabIndex = cell === chosen ? 0 : -1;
        cell.setAttribute("aria-selected", cell === chosen);
      }
    },
    show({ images }, shownRequest) {
      const { true: trueDigit, read_as: readAs, page } = shownRequest;
      const count = counts[trueDigit][readAs];
      const what = trueDigit === readAs ? `${trueDigit} classified correctly` : `${trueDigit} classified as ${readAs}`;
      const first = page * pageSize;
      const shown = `${grouped(first + 1)} to ${grouped(first + images.length)} of ${grouped(count)}`;
      heading.textContent = what;
      range.textContent = count ? shown : "no image: this never happened";
      previous.hidden = next.hidden = count <= pageSize;
      enable(previous, first > 0);
      enable(next, first + images.length < count);
      gallery.replaceChildren(...images.map((image) => figure(image, shownRequest)));
      return `${what}: ${count ? `images ${shown}` : "no image"}`;
    },
  };
});
