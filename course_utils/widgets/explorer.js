// What the explorers share. The file of one of them follows in the same module.

const SIDE = 28;

/** Make an element with properties or, where it has no such property, attributes. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Write a number with commas, as the lessons do. */
const grouped = (number) => number.toLocaleString("en");

const clamp = (value, lowest, highest) => Math.min(Math.max(value, lowest), highest);

const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** Draw grey levels from 0, paper, to `full`, ink, one for each pixel of a canvas. */
function paint(canvas, values, full = 255) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  values.forEach((value, index) => {
    const grey = 255 - Math.round((255 * value) / full);
    image.data.set([grey, grey, grey, 255], 4 * index);
  });
  context.putImageData(image, 0, 0);
}

/** Keep keys from JupyterLab, which would go to another cell at an arrow and cut the cell at an x. */
function keepKeys(root) {
  // JupyterLab asks the focused element before it looks at what is around it.
  for (const control of root.querySelectorAll("button, input, select, [tabindex]")) {
    control.setAttribute("data-lm-suppress-shortcuts", "true");
  }
}

/** A labelled slider; `tell(value)` is what stands beside it, `speak(value)` what a screen reader says. */
function slider(name, { min = 0, max, step = 1 }, onInput, { tell = String, speak = tell } = {}) {
  const input = make("input", { type: "range", min, max, step });
  const told = make("span", { className: "told", "aria-hidden": "true" });
  input.oninput = () => onInput(input.valueAsNumber);
  return {
    input,
    node: make("label", { className: "slider" }, make("span", {}, name), input, told),
    set(value) {
      input.value = value;
      told.textContent = tell(value);
      input.setAttribute("aria-valuetext", speak(value));
    },
  };
}

/** A digit, enlarged. With a marker, if `onPoint(row, column)` wants to hear where the pointer is. */
function picture(onPoint) {
  const canvas = make("canvas", { width: SIDE, height: SIDE, role: "img" });
  const marker = make("span", { className: "marker", hidden: !onPoint });
  const place = (offset, length) => clamp(Math.floor((SIDE * offset) / length), 0, SIDE - 1);
  canvas.onpointermove = canvas.onpointerdown = onPoint && ((event) => {
    const box = canvas.getBoundingClientRect();
    onPoint(place(event.clientY - box.top, box.height), place(event.clientX - box.left, box.width));
  });
  return {
    node: make("div", { className: "picture" }, canvas, marker),
    draw(values, description) {
      paint(canvas, values);
      canvas.setAttribute("aria-label", description);
    },
    mark(row, column) {
      marker.style.top = `${(100 * row) / SIDE}%`;
      marker.style.left = `${(100 * column) / SIDE}%`;
    },
  };
}

/** Controls that choose a digit: which part, which number. */
function chooser(ask, { counts }) {
  let [part, index] = ["training", 0];
  const go = (wanted) => ask({ part, index: clamp(wanted, 0, counts[part] - 1) });
  const options = Object.keys(counts).map((name) =>
    make("option", { value: name }, `${name} images (${grouped(counts[name])})`));
  const select = make("select", {}, ...options);
  select.onchange = () => ask({ part: select.value, index: Math.min(index, counts[select.value] - 1) });
  const number = make("input", { type: "number", min: 0, step: 1 });
  // While a number is typed it may be empty or too large for a moment; on leaving it is put right.
  number.oninput = () => { if (number.value !== "" && number.validity.valid) go(number.valueAsNumber); };
  number.onchange = () => {
    if (!number.validity.valid && number.value !== "") go(Math.round(number.valueAsNumber));
    number.value = index;
  };
  const previous = make("button", { type: "button", onclick: () => go(index - 1) }, "◀ Previous");
  const next = make("button", { type: "button", onclick: () => go(index + 1) }, "Next ▶");
  const range = slider("", {}, go, { tell: () => "", speak: (value) => `image ${grouped(value)}` });
  range.input.setAttribute("aria-label", "image");
  const last = make("span", { className: "hint" });
  return {
    node: make("div", { className: "chooser" },
      make("label", {}, "from ", select),
      make("label", {}, "image ", number, " ", last),
      previous, next, range.node),
    sync(question) {
      ({ part, index } = question);
      const highest = counts[part] - 1;
      select.value = part;
      last.textContent = `of 0 to ${grouped(highest)}`;
      number.max = range.input.max = highest;
      if (number.valueAsNumber !== index) number.value = index;
      range.set(index);
      // A disabled button would lose the focus of whoever has just pressed it.
      previous.setAttribute("aria-disabled", index === 0);
      next.setAttribute("aria-disabled", index === highest);
    },
  };
}

/**
 * Make an explorer of `build(ask, facts)`, which returns
 * - `nodes`: what to show,
 * - `sync(question)`: sets the controls to what is asked,
 * - `show(answer, question)`: draws what the kernel answered, and returns a sentence for screen readers.
 */
function explorer(build) {
  return {
    render({ model, el }) {
      const ask = (changes) => {
        model.set("question", { ...model.get("question"), ...changes });
        model.save_changes();
      };
      const facts = model.get("facts");
      const { nodes, sync, show } = build(ask, facts);
      const news = make("p", { className: "news", role: "status" });
      const problem = make("p", { className: "problem", role: "alert" });
      el.classList.add("explorer");
      el.setAttribute("role", "group");
      el.setAttribute("aria-label", facts.title);
      el.append(make("p", { className: "title", "aria-hidden": "true" }, facts.title), ...nodes, news, problem);
      keepKeys(el);

      let timer;
      const later = (delay, act) => { clearTimeout(timer); timer = setTimeout(act, delay); };
      const asked = () => {
        sync(model.get("question"));
        later(1500, () => {
          news.textContent = "Waiting: the kernel is busy with another cell, or was restarted. "
            + "After a restart run this cell again.";
          news.classList.add("waiting");
        });
      };
      const answered = () => {
        const answer = model.get("answer");
        const sentence = answer.problem ? "" : show(answer, answer.to);
        problem.textContent = answer.problem ?? "";
        if (JSON.stringify(answer.to) !== JSON.stringify(model.get("question"))) return;
        // One sentence when all has come to rest, not one for each step of a slider.
        later(news.classList.contains("waiting") ? 0 : 400, () => {
          news.textContent = sentence;
          news.classList.remove("waiting");
        });
      };
      model.on("change:question", asked);
      model.on("change:answer", answered);
      sync(model.get("question"));
      answered();
      return () => {
        clearTimeout(timer);
        model.off("change:question", asked);
        model.off("change:answer", answered);
      };
    },
  };
}
