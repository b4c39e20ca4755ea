// The drawing pad on a page of its own, where the network is in the page.

import { localModel } from "./shared.js";
import * as handwriting from "./handwriting.js";
import { makeNetwork } from "./network.js";
import pad from "./pad.js";

const { samples, ...network } = JSON.parse(document.getElementById("network").textContent);
const classify = makeNetwork(network);
const respond = ({ image }) => ({ probabilities: classify(image) });
const config = { title: "Drawing pad", samples, can_keep: false };
const el = document.getElementById("pad");
el.replaceChildren();
pad.render({ model: localModel({ config, request: {}, response: { request: {} } }, respond), el });
globalThis.digitPad = { ...handwriting, classify }; // to try things out in the browser's console
