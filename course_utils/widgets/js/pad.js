// The drawing pad: paper, what the network sees of it, and ten bars.

import { SIDE, button, bytes, clamp, download, enable, explorer, make, paint, svg } from "./shared.js";
import { PENS, drawLine, drawStrokes, prepareDrawing, shrinkDrawing } from "./handwriting.js";

const LARGEST_FILE = 2e6; // bytes, some 1,900 digits
const DIGITS = Array.from({ length: 10 }, (_, digit) => digit);

/** Never 100%, which would claim certainty. */
const percent = (share) => (share > 0.995 ? "> 99%" : `${Math.round(100 * share)}%`);

export default explorer((ask, { samples, can_keep: canKeep, can_add: canAdd, only_shrinks: onlyShrinks }) => {
  // Every state of the drawing is kept, so that undo brings back what was cleared, too.
  let [states, position] = [[[]], 0];
  let drawing = drawStrokes([]);
  const strokes = () => states[position];

  function goTo(newPosition) {
    pointer = null;
    position = clamp(newPosition, 0, states.length - 1);
    drawing = drawStrokes(strokes());
    changed();
  }
  function change(newStrokes) {
    states = [...states.slice(0, position + 1), newStrokes];
    goTo(position + 1);
  }
  const undo = () => goTo(position - 1);
  const redo = () => goTo(position + 1);
  const clear = () => strokes().length && change([]);

  // --- paper and pen

  const invitation = svg("text", { x: 0.5, y: 0.5, "text-anchor": "middle", "aria-hidden": "true" }, "Draw a digit here");
  const paper = svg("svg", { class: "paper", viewBox: "0 0 1 1", tabindex: 0, role: "img",
    "aria-label": "Paper: draw one digit with mouse, finger or pen. From the keyboard, choose a sample below." });
  let pointer = null;
  paper.onpointerdown = (event) => {
    if (pointer !== null || event.button !== 0) return;
    event.preventDefault();
    paper.setPointerCapture(event.pointerId);
    paper.focus({ preventScroll: true });
    change([...strokes(), { points: [], pen: PENS[pens.querySelector("input:checked").value] }]);
    pointer = event.pointerId;
    extend(event);
  };
  paper.onpointermove = (event) => {
    if (event.pointerId !== pointer) return;
    // Browsers send one event per frame; the points in between make the line smooth.
    const events = event.getCoalescedEvents?.() ?? [];
    (events.length ? events : [event]).forEach(extend);
  };
  paper.onpointerup = paper.onpointercancel = paper.onlostpointercapture = (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    changed();
  };
  paper.oncontextmenu = (event) => event.preventDefault();

  function extend(event) {
    const area = paper.getBoundingClientRect();
    const point = [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
    const { points, pen } = strokes().at(-1);
    drawLine(drawing, points.at(-1) ?? point, point, pen);
    points.push(point);
    changed();
  }

  // --- the tools

  const undoButton = button("Undo", undo, { title: "Undo the last step (Ctrl+Z)" });
  const redoButton = button("Redo", redo, { title: "Redo the last step (Ctrl+Y)" });
  const clearButton = button("Clear", clear, { title: "Clear the pad (Delete)" });
  const group = `pen-${Math.random()}`;
  const pens = make("fieldset", { className: "row" }, make("legend", {}, "Pen"), ...Object.keys(PENS).map((value) => make("label", {},
    make("input", { type: "radio", name: group, value, checked: value === "medium" }),
    make("span", { className: "nib", style: `--pen: ${PENS[value]}`, "aria-hidden": "true" }), value)));
  const sample = make("select", {}, make("option", { value: "" }, "choose …"),
    ...samples.map(({ digit }, index) => make("option", { value: index }, `${digit}, version ${1 + (index % 3)}`)));
  sample.onchange = () => {
    const pen = PENS[pens.querySelector("input:checked").value];
    if (sample.value) change(samples[sample.value].strokes.map((points) => ({ points, pen })));
  };

  // --- what the network sees, and what it predicts

  const seen = make("canvas", { className: "seen", width: SIDE, height: SIDE, role: "img" });
  const form = make("input", { type: "checkbox", checked: !onlyShrinks, onchange: changed });
  const visible = () => (form.checked ? prepareDrawing : shrinkDrawing)(drawing).pixels;
  const verdict = make("p", { className: "verdict" });
  const bars = make("ul", { className: "bars", "aria-label": "Probability of each digit" });
  const answer = make("div", { className: "answer" }, verdict, bars);

  function showProbabilities(probabilities) {
    const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : "?";
    const words = probabilities ? `with ${percent(probabilities[best])}` : "Draw a digit.";
    verdict.replaceChildren(make("b", {}, best), ` ${words}`);
    bars.replaceChildren(...DIGITS.map((digit) => make("li", { className: digit === best ? "best" : "" },
      make("span", { className: "digit" }, digit),
      make("span", { className: "track", style: `--share: ${probabilities?.[digit] ?? 0}`, "aria-hidden": "true" }),
      make("span", { className: "share" }, probabilities ? percent(probabilities[digit]) : ""))));
    return `${best} ${words}`;
  }

  // --- requests: one at a time, so that none is lost; only the latest drawing is asked about

  let [isWaiting, isStale, frame] = [true, true, null];
  const pending = [];
  let latest = {};

  function proceed() {
    if (isWaiting) return;
    if (isStale && strokes().length) pending.push({ action: "classify", image: [...visible()] });
    else if (isStale) showProbabilities(null);
    isStale = false;
    isWaiting = pending.length > 0;
    answer.setAttribute("aria-busy", isWaiting || pointer !== null);
    if (!isWaiting) return;
    latest = { ...pending.shift(), time: Date.now() };
    ask(latest);
  }
  function changed() {
    isStale = true;
    answer.setAttribute("aria-busy", "true");
    frame ??= requestAnimationFrame(() => {
      frame = null;
      const isEmpty = !strokes().length;
      // A dot has no length, and would not be painted: so the last point stands twice.
      paper.replaceChildren(...(isEmpty ? [invitation] : strokes().map(({ points, pen }) =>
        svg("polyline", { points: [...points, points.at(-1)].join(" "), style: `--pen: ${pen}` }))));
      const how = form.checked ? "fitted into 20 by 20 pixels and centred" : "the whole pad, only smaller";
      seen.setAttribute("aria-label", isEmpty ? "Nothing is drawn yet." : `What the network sees: ${how}.`);
      paint(seen, visible());
      if (isEmpty || pointer !== null) sample.value = "";
      enable(undoButton, position > 0);
      enable(redoButton, position < states.length - 1);
      for (const control of [clearButton, ...labels]) enable(control, !isEmpty);
      proceed();
    });
  }

  // --- the student's own test set

  const labels = DIGITS.map((digit) => button(digit, () => keep(digit), { title: `Keep this drawing as the digit ${digit}` }));
  let hasKept = false;
  const removeButton = button("Remove the last one", () => request({ action: "take back" }), { title: "Remove the digit kept last" });
  const saveButton = button("Save my digits", () => hasKept && request({ action: "save" }), { title: "Save the digits kept as a file" });
  const file = make("input", { type: "file", accept: ".json", hidden: true });
  const addButton = button("Add digits from a file", () => file.click(), { title: "Add digits that you saved from another pad, for example on a phone" });
  file.onchange = async () => {
    const text = await file.files[0].slice(0, LARGEST_FILE).text();
    file.value = "";
    request({ action: "add", text });
  };
  const comparison = make("div", { role: "status" });
  const thumbnails = make("div", { className: "row close thumbnails" });

  function request(wanted) {
    pending.push(wanted);
    proceed();
  }
  function keep(label) {
    if (!canKeep || !strokes().length) return;
    pending.push({ action: "keep", image: [...prepareDrawing(drawing).pixels], label });
    clear();
  }

  // --- all of it

  const parts = make("div", { className: "pad" },
    make("div", { style: "grid-area: sheet" }, paper),
    make("div", { className: "row close tools", style: "grid-area: tools" }, undoButton, redoButton, clearButton),
    make("div", { className: "column", style: "grid-area: see" }, make("h4", {}, "What the network sees"), seen,
      ...(onlyShrinks ? [] : [make("label", {}, form, "in MNIST’s format")]),
      make("p", { className: "hint" }, `28 × 28 pixels${onlyShrinks ? ":" : ". Unticked:"} the whole pad, only smaller.`)),
    make("div", { style: "grid-area: predict" }, make("h4", {}, "What it predicts"), answer),
    make("div", { className: "options", style: "grid-area: options" }, pens, make("label", {}, "Sample", sample)));
  if (canKeep) {
    const asking = make("fieldset", { className: "row close" }, make("legend", {}, "Keep this digit as"), ...labels);
    parts.append(make("div", { className: "column keep", style: "grid-area: keep" }, asking,
      make("div", { className: "row close" }, removeButton, saveButton, ...(canAdd ? [addButton, file] : [])), comparison, thumbnails));
  }
  parts.onkeydown = (event) => {
    if (event.target === sample || event.altKey) return; // in a list, keys choose an entry
    const key = event.key.toLowerCase();
    let action = { delete: clear, backspace: clear }[key];
    if (event.ctrlKey || event.metaKey) action = { y: redo, z: event.shiftKey ? redo : undo }[key];
    else if (labels[key]) action = () => keep(Number(key));
    if (!action) return;
    event.preventDefault();
    action();
  };
  showProbabilities(null);
  changed();

  return {
    nodes: [parts],
    show({ probabilities, kept, file: content }, { time }) {
      // A widget that is drawn again shows its last response again, and must not save a second time.
      if (content && time === latest.time) download("my_digits.json", new Blob([content], { type: "application/json" }));
      if (kept) {
        hasKept = kept.latest.length > 0;
        for (const control of [removeButton, saveButton]) enable(control, hasKept);
        comparison.replaceChildren(...kept.comparison.map(comparisonRow));
        thumbnails.replaceChildren(...kept.latest.map(thumbnail));
      }
      return probabilities && time === latest.time && strokes().length ? showProbabilities(probabilities) : "";
    },
    settled() {
      isWaiting = false;
      proceed();
    },
  };
});

function comparisonRow({ name, text, share, low, high }) {
  const [x, label] = [(share) => 36 + 100 * share, (x, words) => svg("text", { x, y: 12, "text-anchor": "middle" }, words)];
  const line = svg("svg", { class: "interval", viewBox: "0 0 180 16", "aria-hidden": "true" },
    label(16, "0%"), svg("path", { class: "grid", d: `M${x(0)} 8H${x(1)}` }), label(160, "100%"));
  if (typeof share === "number") {
    line.append(svg("path", { d: `M${x(low)} 2V14M${x(low)} 8H${x(high)}M${x(high)} 2V14` }),
      svg("circle", { cx: x(share), cy: 8, r: 4 }));
  }
  return make("p", { className: "row" }, make("strong", {}, name), ...(share === undefined ? [] : [line]), make("span", {}, text));
}

function thumbnail({ image, label, prediction }) {
  const canvas = make("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
  paint(canvas, bytes(image));
  const isRight = label === prediction;
  const caption = isRight ? `${prediction} ✓` : `${prediction} ✗ (is ${label})`;
  return make("figure", { className: isRight ? "" : "wrong" }, canvas, make("figcaption", {}, caption));
}
