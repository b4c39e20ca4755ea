// What the widgets share: elements, controls, pictures, and the protocol of request and response.

export const SIDE = 28;

/** Make an element with properties or, where it has no such property, attributes. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const button = (text, onclick, more = {}) => make("button", { type: "button", onclick, ...more }, text);

/** Write a number with commas, as the lessons do. */
export const grouped = (number) => number.toLocaleString("en");

export const clamp = (value, lowest, highest) => Math.min(Math.max(value, lowest), highest);

export const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** Draw grey levels from 0, paper, to `full`, ink, one for each pixel of a canvas. */
export function paint(canvas, values, full = 255) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  values.forEach((value, index) => {
    const grey = 255 - Math.round((255 * value) / full);
    image.data.set([grey, grey, grey, 255], 4 * index);
  });
  context.putImageData(image, 0, 0);
}

/** A labelled slider; `write(value)` is what stands beside it, `speak(value)` what a screen reader says. */
export function slider(name, { min = 0, max, step = 1 }, onInput, { write = String, speak = write } = {}) {
  const input = make("input", { type: "range", min, max, step });
  const written = make("span", { className: "value", "aria-hidden": "true" });
  input.oninput = () => onInput(input.valueAsNumber);
  return {
    input,
    node: make("label", { className: "slider" }, make("span", {}, name), input, written),
    set(value) {
      input.value = value;
      written.textContent = write(value);
      input.setAttribute("aria-valuetext", speak(value));
    },
  };
}

/** A field for a number; `onNumber(number)` is called while it is typed, and must call `set` with the one that applies. */
export function numberField(properties, onNumber) {
  const input = make("input", { type: "number", ...properties });
  let last;
  const take = () => {
    const number = input.valueAsNumber;
    if (Number.isFinite(number) && number !== last) onNumber(number);
  };
  // While a number is typed it may be empty or too large for a moment; on Enter and on leaving it is put right.
  input.oninput = () => { if (input.validity.valid) take(); };
  input.onchange = () => { take(); input.value = last; };
  input.onkeydown = (event) => { if (event.key === "Enter") input.onchange(); };
  return {
    input,
    set(value) {
      last = value;
      if (input.valueAsNumber !== value) input.value = value;
    },
  };
}

/** A cell of a table with the shade of a pixel, from 0, paper, to 255, ink. */
export const shaded = (ink, text, properties = {}) => make("td", { ...properties,
  style: `background: rgb(${Array(3).fill(255 - Math.round(ink))}); color: ${ink > 137 ? "white" : "black"}` }, text);

/** Call `onPoint(row, column)` with the pixel of a canvas that is pointed at. */
export function followPointer(canvas, onPoint) {
  const place = (offset, length, count) => clamp(Math.floor((count * offset) / length), 0, count - 1);
  canvas.onpointermove = canvas.onpointerdown = (event) => {
    const box = canvas.getBoundingClientRect();
    onPoint(place(event.clientY - box.top, box.height, canvas.height),
      place(event.clientX - box.left, box.width, canvas.width));
  };
}

/** A square picture, enlarged; with a marker, `size` pixels wide, that follows the pointer if there is `onPoint(row, column)`. */
export function picture(onPoint, { side = SIDE, size = 1 } = {}) {
  const canvas = make("canvas", { width: side, height: side, role: "img" });
  const marker = make("span", { className: "marker", hidden: !onPoint, style: `--size: ${(100 * size) / side}%` });
  if (onPoint) followPointer(canvas, onPoint);
  return {
    node: make("div", { className: "picture" }, canvas, marker),
    draw(values, description, full) {
      paint(canvas, values, full);
      canvas.setAttribute("aria-label", description);
    },
    mark(row, column) {
      marker.style.top = `${(100 * row) / side}%`;
      marker.style.left = `${(100 * column) / side}%`;
    },
  };
}

/** Two sliders that choose a pixel; `onMove(row, column)` marks it, and returns what a screen reader says of it. */
export function pixelSliders([row, column], onMove) {
  let words = "";
  const speak = (position) => `${position}: ${words}`;
  const rows = slider("row", { max: SIDE - 1 }, (r) => move(r, column), { speak });
  const columns = slider("column", { max: SIDE - 1 }, (c) => move(row, c), { speak });
  function move(toRow = row, toColumn = column) {
    [row, column] = [toRow, toColumn];
    words = onMove(row, column);
    rows.set(row);
    columns.set(column);
  }
  return { nodes: [rows.node, columns.node], move };
}

/** The axes of a diagram, to append bars or curves to; ticks are pairs of value and text. */
export function diagram({ left, right, top, bottom }, { x, y, xTicks, yTicks, xLabel, yLabel, title = "" }) {
  const text = (attributes, content) => svg("text", { "text-anchor": "middle", ...attributes }, content);
  const [centre, middle] = [(left + right) / 2, (top + bottom) / 2];
  return svg("svg", { viewBox: `0 0 ${right + 14} ${bottom + 40}`, role: "img" },
    ...yTicks.flatMap(([value, content]) => [
      svg("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
      text({ x: left - 6, y: y(value) + 4, "text-anchor": "end" }, content)]),
    ...xTicks.map(([value, content]) => text({ x: x(value), y: bottom + 17 }, content)),
    svg("path", { class: "axis", d: `M${left} ${top}V${bottom}H${right}` }),
    text({ x: 14, y: middle, transform: `rotate(-90 14 ${middle})` }, yLabel),
    text({ x: centre, y: bottom + 34 }, xLabel),
    text({ class: "title", x: left, y: 20, "text-anchor": "start" }, title));
}

/** Controls that choose a digit: which part, which number. */
export function chooser(ask, { counts }) {
  let [part, index] = ["training", 0];
  const go = (wanted) => ask({ part, index: clamp(wanted, 0, counts[part] - 1) });
  const options = Object.keys(counts).map((name) =>
    make("option", { value: name }, `${name} images (${grouped(counts[name])})`));
  const select = make("select", {}, ...options);
  select.onchange = () => ask({ part: select.value, index: Math.min(index, counts[select.value] - 1) });
  const number = numberField({ min: 0, step: 1 }, (wanted) => go(Math.round(wanted)));
  const previous = button("◀ Previous", () => go(index - 1));
  const next = button("Next ▶", () => go(index + 1));
  const range = slider("", {}, go, { write: () => "", speak: (value) => `image ${grouped(value)}` });
  range.input.setAttribute("aria-label", "image");
  const last = make("span", { className: "hint" });
  return {
    node: make("div", { className: "row" },
      make("label", {}, "from ", select), make("label", {}, "image ", number.input, " ", last), previous, next, range.node),
    sync(request) {
      ({ part, index } = request);
      const highest = counts[part] - 1;
      select.value = part;
      last.textContent = `(0 to ${grouped(highest)})`;
      number.input.max = range.input.max = highest;
      number.set(index);
      range.set(index);
      enable(previous, index > 0);
      enable(next, index < highest);
    },
  };
}

/** Unlike a disabled button, this one keeps the focus for the person who has just pressed it. */
export const enable = (control, isEnabled) => control.setAttribute("aria-disabled", !isEnabled);

/** Give the browser a file to save. */
export function download(name, blob) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** Save a widget as a picture: a copy in an SVG, drawn on a canvas. Without JupyterLab's colours it is light in any theme. */
async function savePicture(el, name) {
  const [width, height] = [el.offsetWidth, el.offsetHeight - el.querySelector(".save-picture").offsetHeight];
  const copy = el.cloneNode(true);
  const parts = "canvas, input, option";
  const originals = el.querySelectorAll(parts);
  copy.querySelectorAll(parts).forEach((part, index) => {
    // A copy keeps neither what is drawn on a canvas, nor what was chosen or typed.
    const { value, checked, selected, offsetWidth, offsetHeight } = originals[index];
    if (part.localName === "input") part.setAttribute("value", value);
    part.toggleAttribute("checked", checked ?? false);
    part.toggleAttribute("selected", selected ?? false);
    if (part.localName !== "canvas") return;
    part.replaceWith(make("img", { src: originals[index].toDataURL(), className: "copied",
      style: `width: ${offsetWidth}px; height: ${offsetHeight}px` }));
  });
  const rules = [...document.styleSheets].flatMap((sheet) => (sheet.ownerNode?.localName === "style" ? [...sheet.cssRules] : []));
  const look = rules.filter((rule) => rule.selectorText === ".course-widget").map((rule) => rule.cssText);
  copy.querySelector(".save-picture").remove();
  const drawing = svg("svg", { width, height }, svg("style", {}, ...look), svg("foreignObject", { width, height }, copy));
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(drawing))}`;
  await image.decode();
  const canvas = make("canvas", { width: 2 * width, height: 2 * height });
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => download(`${name}.png`, blob));
}

/** Put a widget on the page, as a group with a name and a button that saves a picture of it. */
export function show(el, name, ...nodes) {
  el.classList.add("course-widget");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", name);
  const save = button("Save as picture", () => savePicture(el, name), { className: "save-picture" });
  el.append(...nodes, save);
  // JupyterLab asks the focused element whether it may take the keys: an arrow goes to another cell, an x cuts it.
  for (const control of el.querySelectorAll("button, input, select, [tabindex]")) {
    control.setAttribute("data-lm-suppress-shortcuts", "true");
  }
}

/**
 * Make an explorer of `build(ask, config)`, which returns
 * - `nodes`: what to show,
 * - `sync(request)`: sets the controls to what is requested,
 * - `show(response, request)`: draws what the kernel responded, and returns a sentence for screen readers,
 * - optionally `settled()`: called when nothing is waited for any more.
 * A kernel that was busy sees only the latest request; `ask(changes)` makes one from the previous request.
 */
export function explorer(build) {
  return {
    render({ model, el }) {
      const ask = (changes) => {
        model.set("request", { ...model.get("request"), ...changes });
        model.save_changes();
      };
      const config = model.get("config");
      const built = build(ask, config);
      const news = make("p", { className: "news", role: "status" });
      const problem = make("p", { className: "problem", role: "alert" });
      const title = make("p", { className: "title", "aria-hidden": "true" }, config.title);
      show(el, config.title, title, ...built.nodes, news, problem);

      let timer;
      const later = (delay, act) => { clearTimeout(timer); timer = setTimeout(act, delay); };
      const requested = () => {
        built.sync?.(model.get("request"));
        later(1500, () => {
          news.textContent = "Waiting: the kernel is busy with another cell, or was restarted. "
            + "After a restart, run all cells above, then this one.";
          news.classList.add("waiting");
        });
      };
      const responded = () => {
        const response = model.get("response");
        const sentence = response.problem ? "" : built.show(response, response.request);
        problem.textContent = response.problem ?? "";
        if (JSON.stringify(response.request) !== JSON.stringify(model.get("request"))) return;
        // One sentence when all has come to rest, not one for each step of a slider.
        later(news.classList.contains("waiting") ? 0 : 400, () => {
          news.textContent = sentence;
          news.classList.remove("waiting");
        });
        built.settled?.();
      };
      model.on("change:request", requested);
      model.on("change:response", responded);
      built.sync?.(model.get("request"));
      responded();
      return () => {
        clearTimeout(timer);
        model.off("change:request", requested);
        model.off("change:response", responded);
      };
    },
  };
}

/** A model with no kernel behind it: `respond(request)` takes the kernel's place. */
export function localModel(state, respond) {
  const listeners = {};
  return {
    get: (name) => state[name],
    set(name, value) { state[name] = value; },
    save_changes() {
      listeners["change:request"]();
      state.response = { request: state.request, ...respond(state.request) };
      listeners["change:response"]();
    },
    on(event, listener) { listeners[event] = listener; },
    off() {},
  };
}
