// The pad on a page of its own: the network is in the page, and reads here.

/** The weights as `make pad` wrote them: for each layer its inputs, outputs, kernel row by row, and biases. */
function readLayers(base64, sizes) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const numbers = new DataView(bytes.buffer);
  let position = 0;
  const take = (length) =>
    Float32Array.from({ length }, () => numbers.getFloat32(4 * position++, true)); // little-endian on every machine
  return sizes.slice(1).map((outputs, index) => ({ kernel: take(sizes[index] * outputs), biases: take(outputs) }));
}

/** The ten probabilities for 784 bytes of ink. Dropout rests outside training, so it has no line here. */
function forward(layers, pixels) {
  let values = Float64Array.from(pixels, (ink) => ink / 255);
  layers.forEach(({ kernel, biases }, index) => {
    const sums = Float64Array.from(biases);
    values.forEach((value, input) => {
      if (value === 0) return; // most pixels are paper, and many neurons silent
      const row = kernel.subarray(input * sums.length, (input + 1) * sums.length);
      for (let output = 0; output < row.length; output++) sums[output] += value * row[output];
    });
    values = index < layers.length - 1 ? sums.map((sum) => Math.max(sum, 0)) : softmax(sums);
  });
  return Array.from(values);
}

function softmax(sums) {
  const largest = Math.max(...sums);
  const powers = sums.map((sum) => Math.exp(sum - largest));
  const total = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / total);
}

const content = (id) => document.getElementById(id).textContent;
const layers = readLayers(content("weights"), JSON.parse(content("sizes")));
const read = (image) => forward(layers, image);
createPad(document.getElementById("pad"), { samples: JSON.parse(content("samples")), read });
globalThis.digitPad = { drawStrokes, prepareDrawing, shrinkDrawing, read }; // to try things out in the browser's console
