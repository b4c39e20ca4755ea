// The drawing pad: a canvas, what the network sees of it, and ten bars. Who answers is for the caller: the kernel
// (widget.js) or the page itself (page.js).

const INK = "#16324f";
const HANDS = ["first", "second", "third"];

/** Build an element: attributes, handlers (onclick: ...) and children, in one go. */
function element(tag, attributes = {}, ...children) {
  const built = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) built.addEventListener(name.slice(2), value);
    else built.setAttribute(name, value);
  }
  built.append(...children);
  return built;
}

/**
 * Put a drawing pad into an element.
 *
 * @param root     the element; it is emptied
 * @param samples  [{digit, strokes: [[[x, y], ...], ...]}, ...] to choose from, in shares of the pad
 * @param read     takes 784 bytes of ink, promises ten probabilities
 * @param keeper   if drawings can be kept: {load(), keep(image, label), takeBack()}, promises of what is kept
 * @return         what ends it
 */
function createPad(root, { samples, read, keeper = null }) {
  const pad = element("section", {
    class: "digit-pad",
    "aria-label": "Drawing pad",
  });

  // --- the drawing: every state is kept, so that undo brings back what was cleared, too

  let states = [[]];
  let position = 0;
  let drawing = drawStrokes([]);
  let pointer = null;
  const strokes = () => states[position];

  function change(newStrokes) {
    states = [...states.slice(0, position + 1), newStrokes];
    goTo(position + 1);
  }

  function goTo(newPosition) {
    finishStroke();
    position = clip(newPosition, 0, states.length - 1);
    drawing = drawStrokes(strokes());
    changed();
  }

  const undo = () => goTo(position - 1);
  const redo = () => goTo(position + 1);
  const clear = () => strokes().length && change([]);
  const pen = () => PENS[pens.querySelector("input:checked").value];

  // --- paper and pen

  const paper = element("canvas", {
    class: "digit-pad-paper",
    tabindex: 0,
    role: "img",
    "aria-label": "Paper: draw one digit with mouse, finger or pen. From the keyboard, choose a sample below.",
    onpointerdown: (event) => {
      if (pointer !== null || event.button !== 0) return;
      pointer = event.pointerId;
      paper.setPointerCapture(pointer);
      paper.focus({ preventScroll: true });
      event.preventDefault();
      states = [...states.slice(0, position + 1), [...strokes(), { points: [], pen: pen() }]];
      position += 1;
      goOn(event);
    },
    onpointermove: (event) => {
      if (event.pointerId !== pointer) return;
      // Browsers hand over one event a frame; the points in between make the line smooth.
      const events = event.getCoalescedEvents?.() ?? [];
      (events.length ? events : [event]).forEach(goOn);
    },
    onpointerup: (event) => event.pointerId === pointer && finishStroke(),
    onpointercancel: (event) => event.pointerId === pointer && finishStroke(),
    onlostpointercapture: (event) => event.pointerId === pointer && finishStroke(),
    oncontextmenu: (event) => event.preventDefault(),
  });
  const context = paper.getContext("2d");

  function goOn(event) {
    const area = paper.getBoundingClientRect();
    const point = [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
    const stroke = strokes().at(-1);
    const before = stroke.points.at(-1) ?? point;
    stroke.points.push(point);
    drawLine(drawing, before, point, stroke.pen);
    changed();
  }

  function finishStroke() {
    pointer = null;
    refresh();
  }

  function paint() {
    const side = paper.width;
    context.clearRect(0, 0, side, side);
    Object.assign(context, { lineCap: "round", lineJoin: "round", strokeStyle: INK });
    for (const { points, pen } of strokes()) {
      context.lineWidth = pen * side;
      context.beginPath();
      points.forEach(([x, y]) => context.lineTo(x * side, y * side));
      const [x, y] = points.at(-1);
      context.lineTo(x * side + 0.01, y * side); // a dot has no length, and would not be painted
      context.stroke();
    }
  }

  const resizing = new ResizeObserver(() => {
    const side = Math.round(paper.clientWidth * (window.devicePixelRatio || 1));
    if (!side || side === paper.width) return;
    paper.width = paper.height = side;
    paint();
  });
  resizing.observe(paper);

  // --- the tools

  const button = (text, title, onclick) => element("button", { type: "button", title, onclick }, text);
  const undoButton = button("Undo", "Take back the last step (Ctrl+Z)", undo);
  const redoButton = button("Redo", "Do it again (Ctrl+Y)", redo);
  const clearButton = button("Clear", "Take a new sheet (Delete)", clear);
  function enable(one, isEnabled) {
    // Who pressed it last from the keyboard would be nowhere.
    if (!isEnabled && one === document.activeElement) paper.focus({ preventScroll: true });
    one.disabled = !isEnabled;
  }

  const group = `pen-${Math.random()}`;
  const pens = element(
    "fieldset",
    { class: "digit-pad-pens" },
    element("legend", {}, "Pen"),
    ...Object.keys(PENS).map((name) =>
      element(
        "label",
        {},
        element("input", { type: "radio", name: group, value: name, ...(name === "medium" && { checked: "" }) }),
        element("span", { class: "digit-pad-nib", style: `--width: ${PENS[name]}`, "aria-hidden": "true" }),
        name,
      ),
    ),
  );
  const sample = element(
    "select",
    {
      onchange: () => {
        if (!sample.value) return;
        change(samples[sample.value].strokes.map((points) => ({ points, pen: pen() })));
      },
    },
    element("option", { value: "" }, "choose …"),
    ...samples.map(({ digit }, index) =>
      element("option", { value: index }, `${digit}, ${HANDS[index % HANDS.length]} hand`),
    ),
  );

  // --- what the network sees, and what it says

  const seen = element("canvas", { class: "digit-pad-seen", width: IMAGE_SIZE, height: IMAGE_SIZE, role: "img" });
  const form = element("input", { type: "checkbox", checked: "", onchange: () => changed() });
  const visible = () => (form.checked ? prepareDrawing : shrinkDrawing)(drawing);
  const verdict = element("output", { class: "digit-pad-verdict" });
  const message = element("p", { class: "digit-pad-message", role: "status" });
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const bar = element("span", { class: "digit-pad-bar" });
    const share = element("span", { class: "digit-pad-share" });
    const track = element("span", { class: "digit-pad-track", "aria-hidden": "true" }, bar);
    return { bar, share, row: element("li", {}, element("span", { class: "digit-pad-digit" }, digit), track, share) };
  });
  const bars = element("ul", { class: "digit-pad-bars", "aria-label": "Probability of each digit" });
  bars.append(...rows.map(({ row }) => row));
  const answer = element("div", { class: "digit-pad-answer" }, verdict, bars);

  function paintSeen(image) {
    paintImage(seen, image.pixels);
    const how = form.checked ? "fitted into 20 by 20 pixels and centred" : "the whole pad, only smaller";
    seen.setAttribute("aria-label", strokes().length ? `What the network sees: ${how}.` : "Nothing is drawn yet.");
  }

  function showProbabilities(probabilities) {
    const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
    rows.forEach(({ row, bar, share }, digit) => {
      row.classList.toggle("digit-pad-best", digit === best);
      bar.style.inlineSize = `${100 * (probabilities?.[digit] ?? 0)}%`;
      share.textContent = probabilities ? percent(probabilities[digit]) : "";
    });
    const [digit, words] = probabilities ? [best, `with ${percent(probabilities[best])}`] : ["?", "Draw a digit."];
    verdict.replaceChildren(element("b", {}, digit), " ", words);
  }

  // --- asking: at most one question is under way, and when it is answered only the newest drawing is asked about

  let version = 0;
  let asked = 0;
  let isAsking = false;
  let frame = null;

  function changed() {
    version += 1;
    refresh();
  }

  function refresh() {
    answer.setAttribute("aria-busy", "true");
    frame ??= requestAnimationFrame(() => {
      frame = null;
      const isEmpty = !strokes().length;
      paper.classList.toggle("digit-pad-empty", isEmpty);
      enable(undoButton, position > 0);
      enable(redoButton, position < states.length - 1);
      for (const one of [clearButton, ...labels]) enable(one, !isEmpty);
      if (isEmpty || pointer !== null) sample.value = "";
      paint();
      paintSeen(visible());
      ask();
    });
  }

  async function ask() {
    if (isAsking) return;
    isAsking = true;
    while (asked !== version) {
      asked = version;
      const late = setTimeout(say, 3000, "No answer yet. Is a cell running? After a restart, run this cell again.");
      try {
        const probabilities = strokes().length ? await read(visible().pixels) : null;
        showProbabilities(strokes().length ? probabilities : null);
        say("");
      } catch (error) {
        say(error.message);
      }
      clearTimeout(late);
    }
    isAsking = false;
    answer.setAttribute("aria-busy", pointer !== null);
  }

  const say = (text) => {
    if (message.textContent !== text) message.textContent = text;
  };

  // --- the student's own test set

  const labels = keeper
    ? Array.from({ length: 10 }, (_, digit) => button(digit, `Keep this drawing as a ${digit}`, () => keep(digit)))
    : [];
  const takeBackButton = button("Take back the last one", "Remove the digit kept last", () => show(keeper.takeBack()));
  const comparison = element("div", { role: "status" });
  const latest = element("div", { class: "digit-pad-latest" });
  const kept = element("div", { class: "digit-pad-kept" }, comparison, latest);

  function keep(label) {
    if (!strokes().length) return;
    const image = prepareDrawing(drawing).pixels;
    clear();
    show(keeper.keep(image, label), " Undo brings the drawing back.");
  }

  async function show(promised, consolation = "") {
    try {
      const digits = await promised;
      enable(takeBackButton, digits.latest.length > 0);
      comparison.replaceChildren(...digits.comparison.map(comparisonRow));
      latest.replaceChildren(...digits.latest.map(thumbnail));
    } catch (error) {
      comparison.replaceChildren(element("p", { class: "digit-pad-message" }, error.message + consolation));
    }
  }

  // --- all of it

  const shortcuts = { Delete: clear, Backspace: clear };
  pad.addEventListener("keydown", (event) => {
    if (event.target === sample || event.altKey) return; // in a list, keys choose an entry
    const key = event.key.toLowerCase();
    const isCommand = event.ctrlKey || event.metaKey;
    let action = shortcuts[event.key];
    if (isCommand) action = key === "y" || (key === "z" && event.shiftKey) ? redo : key === "z" ? undo : null;
    else if (labels[key]) action = () => keep(Number(key));
    if (!action) return;
    event.preventDefault();
    action();
  });

  const sheet = element("div", { class: "digit-pad-sheet" }, paper);
  const tools = element("div", { class: "digit-pad-tools" }, undoButton, redoButton, clearButton);
  const options = element("div", { class: "digit-pad-options" }, pens, element("label", {}, "Sample", sample));
  const see = element(
    "div",
    { class: "digit-pad-see" },
    element("h4", {}, "What the network sees"),
    seen,
    element("label", {}, form, "in MNIST’s form"),
    element("p", {}, "28 × 28 pixels. Without the tick: the pad, only smaller."),
  );
  const tell = element("div", { class: "digit-pad-tell" }, element("h4", {}, "What it reads"), answer, message);
  const parts = element("div", { class: "digit-pad-parts" }, sheet, tools, see, tell, options);
  pad.append(parts);
  if (keeper) {
    const asking = element("fieldset", {}, element("legend", {}, "Keep this digit. It is meant to be a"), ...labels);
    parts.append(element("div", { class: "digit-pad-keep" }, asking, takeBackButton, kept));
    show(keeper.load());
  }
  // JupyterLab would take single keys for its own: 1 makes a heading of the cell, an arrow goes to another cell. It looks
  // for this mark at whatever has the focus, and only then above.
  for (const one of pad.querySelectorAll("canvas, button, input, select")) one.dataset.lmSuppressShortcuts = "true";
  root.replaceChildren(pad);
  showProbabilities(null);
  refresh();
  return () => resizing.disconnect();
}

function paintImage(canvas, pixels) {
  const colours = new ImageData(IMAGE_SIZE, IMAGE_SIZE);
  pixels.forEach((ink, index) => colours.data.set([255 - ink, 255 - ink, 255 - ink, 255], 4 * index));
  canvas.getContext("2d").putImageData(colours, 0, 0);
}

/** A full 100 % would be a promise: a probability comes near to 1, never to it. */
const percent = (share) => (share > 0.995 ? "> 99 %" : `${Math.round(100 * share)} %`);

function comparisonRow({ name, text, share, low, high }) {
  const line = element("span", { class: "digit-pad-interval", "aria-hidden": "true" });
  if (share !== null) {
    const style = `--share: ${share}; --low: ${low}; --high: ${high}`;
    line.append(element("span", { style }), element("b", { style }));
  }
  return element("p", {}, element("strong", {}, name), line, element("span", {}, text));
}

function thumbnail({ image, label, prediction }) {
  const canvas = element("canvas", { width: IMAGE_SIZE, height: IMAGE_SIZE, "aria-hidden": "true" });
  paintImage(canvas, image);
  const isRight = label === prediction;
  const caption = isRight ? `${prediction} ✓` : `${prediction} ✗ (is ${label})`;
  return element("figure", { class: isRight ? "digit-pad-right" : "digit-pad-wrong" }, canvas, element("figcaption", {}, caption));
}
