export default explorer((ask, facts) => {
  const places = Array.from({ length: facts.num_classes }, (_, place) => place);
  // The button of the label that is shown goes on to the next digit that has it.
  const buttons = places.map((place) => make("button", { type: "button",
    onclick: () => ask({ wanted: place, index: place === label ? shown + 1 : shown }) }, place));
  const choice = chooser((changes) => ask({ ...changes, wanted: null }), facts);
  const digit = picture();
  const heads = places.map((place) => make("th", { scope: "col" }, place));
  const cells = places.map(() => make("td"));
  const told = make("p", { className: "reading" });
  const heading = make("p", { className: "large" });
  let [shown, label] = [0, 0];

  return {
    nodes: [
      make("div", { className: "labels", role: "group", "aria-label": "label" }, make("span", {}, "label"), ...buttons),
      choice.node,
      make("div", { className: "side-by-side one-hot-picture" }, digit.node,
        make("div", { className: "panel" }, heading,
          make("table", { className: "one-hot" },
            make("tr", {}, make("th", { scope: "row" }, "place"), ...heads),
            make("tr", {}, make("th", { scope: "row" }, "row"), ...cells)),
          told)),
      make("p", { className: "hint" }, "Choose a label, or a digit that has one. The same label again: another digit."),
    ],
    sync: choice.sync,
    show(answer, { part, wanted }) {
      ({ label } = answer);
      buttons.forEach((button, place) => button.setAttribute("aria-pressed", place === label));
      digit.node.hidden = answer.index === undefined;
      let where = `no ${part} image has this label`;
      if (answer.index !== undefined) {
        shown = answer.index;
        where = `${part} image ${grouped(shown)}`;
        if (wanted !== null) choice.sync({ part, index: shown });
        digit.draw(bytes(answer.pixels), `${where}, a ${label}`);
      }
      heading.textContent = `label ${label}`;
      cells.forEach((cell, place) => {
        cell.textContent = answer.row[place];
        cell.className = heads[place].className = answer.row[place] ? "hot" : "";
      });
      told.replaceChildren("argmax: the largest entry stands in place ", make("strong", {}, answer.row.indexOf(1)));
      return `${where}. Label ${label}: one-hot row ${answer.row.join(" ")}`;
    },
  };
});
