// The drawing pad on a page of its own, where the network is in the page, and so are the digits that are kept.

import { localModel } from "./shared.js";
import * as handwriting from "./handwriting.js";
import { makeNetwork } from "./network.js";
import pad from "./pad.js";

const { samples, ...network } = JSON.parse(document.getElementById("network").textContent);
const classify = makeNetwork(network);
const kept = [];

/** The text of the file that `course_utils.my_digits` takes. */
const fileOf = (digits) => JSON.stringify({
  images: digits.map(({ image }) => btoa(String.fromCharCode(...image))), labels: digits.map(({ label }) => label) });

function describeKept() {
  const numRight = kept.filter(({ label, prediction }) => label === prediction).length;
  const text = kept.length ? `${numRight} of ${kept.length} right` : "none kept yet";
  return { kept: { comparison: [{ name: "Your digits", text }], latest: kept.slice(-14).reverse() } };
}

function respond({ action, image, label }) {
  if (action === "save") return { file: fileOf(kept) };
  if (action === "take back") kept.pop();
  else {
    const probabilities = classify(image);
    if (action === "classify") return { probabilities };
    kept.push({ image: Uint8Array.from(image), label, prediction: probabilities.indexOf(Math.max(...probabilities)) });
  }
  return describeKept();
}

const config = { title: "Drawing pad", samples, can_keep: true, can_add: false };
const el = document.getElementById("pad");
el.replaceChildren();
pad.render({ model: localModel({ config, request: {}, response: { request: {}, ...describeKept() } }, respond), el });
globalThis.digitPad = { ...handwriting, classify }; // to try things out in the browser's console
