// Widgets on a page without a kernel: compute, from data in the page, what Python responds in a notebook.

import { SIDE, button, localModel, make } from "./shared.js";
import confusion from "./confusion.js";
import digits from "./digits.js";
import gradientDescent from "./gradient_descent.js";
import kernel from "./kernel.js";
import { makeNetwork } from "./network.js";
import oneHot from "./one_hot.js";
import pad from "./pad.js";
import parameters from "./parameters.js";
import preprocessing, { written } from "./preprocessing.js";
import replay from "./replay.js";

const view = (array) => new DataView(array.buffer, array.byteOffset, array.byteLength);

/** Bytes are written as base64 of {"base64": ...}. */
const revive = (_, value) => (typeof value?.base64 !== "string" ? value
  : view(Uint8Array.from(atob(value.base64), (character) => character.charCodeAt(0))));

const choose = ({ images, labels }, index) => ({
  label: labels[index],
  pixels: new Uint8Array(images.buffer, SIDE * SIDE * index, SIDE * SIDE),
});

/** For each widget: its module, and a function of its data that makes the function which responds to requests. */
const WIDGETS = {
  explore_digits: [digits, ({ sample, class_names: names }) => ({ part, index }) => {
    const { label, pixels } = choose(sample[part], index);
    return { label: names[label], pixels: view(pixels) };
  }],
  explore_preprocessing: [preprocessing, ({ sample, class_names: names, steps }) => ({ part, index }) => {
    const { label, pixels } = choose(sample[part], index);
    return { label: names[label], steps: steps.map((step) => describeStep(step, pixels)) };
  }],
  explore_one_hot: [oneHot, ({ sample }) => ({ part, index, wanted }) => {
    const { labels } = sample[part];
    if (wanted != null) {
      const places = labels.flatMap((label, place) => (label === wanted ? [place] : []));
      if (!places.length) return { label: wanted, row: row(wanted) };
      index = places.find((place) => place >= index) ?? places[0];
    }
    const { label, pixels } = choose(sample[part], index);
    return { label, row: row(label), index, pixels: view(pixels) };
  }],
  explore_parameters: [parameters, () => countParameters],
  explore_gradient_descent: [gradientDescent],
  explore_kernel: [kernel],
  explore_confusion: [confusion, ({ pages }) => ({ true: trueDigit, read_as: readAs, page }) => {
    const images = pages[`${trueDigit} ${readAs}`] ?? [];
    return page && images.length ? { problem: "This page has only the first of them. Open the lesson to see the others." }
      : { images };
  }],
  drawing_pad: [pad, ({ network }) => {
    const classify = makeNetwork(network);
    return ({ image }) => (image ? { probabilities: classify(image) } : {});
  }],
  replay_training: [replay],
  replay_weights: [replay],
};

const row = (label) => Array.from({ length: 10 }, (_, place) => Number(place === label));

function describeStep(step, pixels) {
  const isBytes = step.dtype === "uint8";
  const values = isBytes ? pixels : Float32Array.from(pixels, (ink) => (step.largest === 1 ? ink / 255 : ink));
  const counts = step.counts.map(() => 0);
  for (const value of values) {
    counts[Math.min(Math.floor((value / step.largest) * counts.length), counts.length - 1)] += 1;
  }
  return { ...step, counts, values: view(values),
    min: written(Math.min(...values), step.dtype), max: written(Math.max(...values), step.dtype) };
}

function countParameters({ hidden_sizes: hidden, dropout_rates: rates }) {
  const sizes = [SIDE * SIDE, ...hidden, 10];
  const layers = sizes.slice(1).flatMap((outputs, index) => {
    const inputs = sizes[index];
    const dense = { name: `hidden_${index + 1}`, inputs, outputs, parameters: inputs * outputs + outputs };
    if (index === hidden.length) return [{ ...dense, name: "probabilities" }];
    const dropped = { name: `dropout_${index + 1}`, rate: rates[index], inputs: outputs, outputs, parameters: 0 };
    return [dense, dropped];
  });
  return { layers, total: layers.reduce((sum, { parameters: count }) => sum + count, 0) };
}

/** Load a script beside the page; scripts may be loaded where a page was opened as a file, other data may not. */
const loadScript = (src) => new Promise((resolve, reject) => {
  document.head.append(make("script", { src, onload: resolve, onerror: reject }));
});

async function start(el, { widget: name, folder, settings = "{}" }) {
  await loadScript(`${folder}/${name}.js`);
  const { data, ...state } = JSON.parse(globalThis.courseWidgets[name], revive);
  Object.assign(state.config, JSON.parse(settings));
  const [module, makeRespond = () => () => ({})] = WIDGETS[name];
  const respond = makeRespond(data);
  const model = localModel({ ...state, response: { request: state.request, ...respond(state.request ?? {}) } }, respond);
  el.replaceChildren();
  el.model = model; // for the browser's console
  module.render({ model, el });
}

for (const el of document.querySelectorAll("[data-widget]")) {
  const { megabytes } = el.dataset;
  if (megabytes) el.append(button(`Start it here (loads ${megabytes} MB)`, () => start(el, el.dataset)));
  else start(el, el.dataset);
}
