import { bytes, chooser, explorer, grouped, make, picture, button } from "./shared.js";

export default explorer((ask, config) => {
  const places = Array.from({ length: config.num_classes }, (_, place) => place);
  // The button of the label that is shown moves on to the next digit that has it.
  const buttons = places.map((place) =>
    button(place, () => ask({ wanted: place, index: place === label ? shown + 1 : shown })));
  const choice = chooser((changes) => ask({ ...changes, wanted: null }), config);
  const digit = picture();
  const heads = places.map((place) => make("th", { scope: "col" }, place));
  const cells = places.map(() => make("td"));
  const argmax = make("p", { className: "reading" });
  const heading = make("p", { className: "large" });
  let [shown, label] = [0, 0];

  return {
    nodes: [
      make("div", { className: "row close", role: "group", "aria-label": "label" }, make("span", {}, "label"), ...buttons),
      choice.node,
      make("div", { className: "side-by-side one-hot-picture" }, digit.node,
        make("div", { className: "column" }, heading,
          make("table", { className: "one-hot" },
            make("tr", {}, make("th", { scope: "row" }, "place"), ...heads),
            make("tr", {}, make("th", { scope: "row" }, "row"), ...cells)),
          argmax)),
      make("p", { className: "hint" }, "Choose a label, or a digit. Choose the same label again to see another digit."),
    ],
    sync: choice.sync,
    show(response, { part, wanted }) {
      ({ label } = response);
      buttons.forEach((each, place) => each.setAttribute("aria-pressed", place === label));
      digit.node.hidden = response.index === undefined;
      let where = `no ${part} image has this label`;
      if (response.index !== undefined) {
        shown = response.index;
        where = `${part} image ${grouped(shown)}`;
        if (wanted != null) choice.sync({ part, index: shown });
        digit.draw(bytes(response.pixels), `${where}, a ${label}`);
      }
      heading.textContent = `label ${label}`;
      cells.forEach((cell, place) => {
        cell.textContent = response.row[place];
        cell.className = heads[place].className = response.row[place] ? "hot" : "";
      });
      argmax.replaceChildren("argmax: the largest entry is at index ", make("strong", {}, response.row.indexOf(1)));
      return `${where}. Label ${label}: one-hot row ${response.row.join(" ")}`;
    },
  };
});
