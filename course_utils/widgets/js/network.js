// The trained network in the browser, for pages without a kernel.

/** Return a function from 784 bytes of ink to ten probabilities; the weights are base64 of little-endian float32. */
export function makeNetwork({ sizes, weights }) {
  const numbers = new DataView(Uint8Array.from(atob(weights), (character) => character.charCodeAt(0)).buffer);
  let position = 0;
  const take = (length) => Float32Array.from({ length }, () => numbers.getFloat32(4 * position++, true));
  // For each layer first the kernel, row by row, then the biases.
  const layers = sizes.slice(1).map((outputs, index) => [take(sizes[index] * outputs), take(outputs)]);
  return (pixels) => {
    let values = Float64Array.from(pixels, (ink) => ink / 255);
    layers.forEach(([kernel, biases], index) => {
      const sums = Float64Array.from(biases);
      values.forEach((value, input) => {
        if (value === 0) return; // most pixels are 0, and so is the output of many neurons
        const row = kernel.subarray(input * sums.length, (input + 1) * sums.length);
        for (let output = 0; output < row.length; output++) sums[output] += value * row[output];
      });
      values = index < layers.length - 1 ? sums.map((sum) => Math.max(sum, 0)) : softmax(sums);
    });
    return [...values];
  };
}

function softmax(sums) {
  const largest = Math.max(...sums);
  const powers = sums.map((sum) => Math.exp(sum - largest));
  const total = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / total);
}
