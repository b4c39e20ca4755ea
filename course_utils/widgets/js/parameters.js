import { button, explorer, grouped, make, slider } from "./shared.js";

export default explorer((ask, config) => {
  let request;
  // One entry of a list changes, and the request gets a new list.
  const change = (name, index) => (value) =>
    ask({ [name]: request[name].map((old, place) => (place === index ? value : old)) });
  const percent = (rate) => `${Math.round(100 * rate)}%`;
  const sizes = [0, 1].map((index) => slider(`neurons in hidden layer ${index + 1}`,
    { min: 1, max: config.most_neurons }, change("hidden_sizes", index), { write: grouped }));
  const rates = [0, 1].map((index) => slider(`dropped after hidden layer ${index + 1}`,
    { max: 0.99, step: 0.01 }, change("dropout_rates", index), { write: percent }));
  const start = button("Back to the start", () => ask(config.start));
  const body = make("tbody");
  const total = make("td", { className: "number" });
  const columns = { layer: "", gives: "", "weights + biases": "formula", parameters: "number", share: "shares" };
  const heads = Object.entries(columns).map(([name, className]) => make("th", { scope: "col", className }, name));
  const foot = [make("th", { scope: "row", colSpan: 3 }, "total"), total, make("td", { className: "shares" })];
  const table = make("table", { className: "layers" },
    make("thead", {}, make("tr", {}, ...heads)), body, make("tfoot", {}, make("tr", {}, ...foot)));

  function layerRow({ name, inputs, outputs, rate, parameters }, sum) {
    const isDropout = rate !== undefined;
    const bar = make("span", { className: "share-bar" });
    bar.style.width = `${(5 * parameters) / sum}em`;
    return make("tr", { className: isDropout ? "dropout" : "" },
      make("th", { scope: "row" }, name),
      make("td", {}, isDropout ? `the same ${grouped(outputs)}; ${percent(rate)} dropped while training`
        : `${grouped(outputs)} numbers`),
      make("td", { className: "formula" }, isDropout ? "nothing to learn"
        : `${grouped(inputs)} × ${grouped(outputs)} + ${grouped(outputs)}`),
      make("td", { className: "number" }, grouped(parameters)),
      make("td", { className: "shares" },
        make("span", {}, isDropout ? "" : `${((100 * parameters) / sum).toFixed(1)}%`), bar));
  }

  return {
    nodes: [
      make("div", { className: "column settings" }, ...[...sizes, ...rates].map((each) => each.node), start),
      make("div", { className: "wide-table", tabIndex: 0, role: "region", "aria-label": "parameters by layer" }, table),
    ],
    sync(newRequest) {
      request = newRequest;
      sizes.forEach((each, index) => each.set(request.hidden_sizes[index]));
      rates.forEach((each, index) => each.set(request.dropout_rates[index]));
    },
    show({ layers, total: sum }) {
      body.replaceChildren(...layers.map((layer) => layerRow(layer, sum)));
      total.textContent = grouped(sum);
      const parts = layers.map(({ name, parameters }) => `${name} ${grouped(parameters)}`);
      return `${grouped(sum)} parameters: ${parts.join(", ")}`;
    },
  };
});
