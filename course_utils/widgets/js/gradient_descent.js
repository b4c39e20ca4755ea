// Gradient descent on a loss that is known on a grid: everything happens here, no kernel is asked.

import { bytes, button, clamp, diagram, enable, make, show, slider, svg } from "./shared.js";

const AREA = { left: 62, right: 422, top: 14, bottom: 374 };
const PLAIN = { Step: 1, "Ten steps": 10 };

/** Write three digits, with a true minus sign. */
const write = (value) => (value === 0 ? "0" : Math.abs(value) >= 1e5 || Math.abs(value) < 1e-4 ? value.toExponential(1)
  : value.toLocaleString("en", { maximumSignificantDigits: 3 })).replaceAll("-", "−");
const pair = (values) => `(${values.map(write).join(", ")})`;

/** Return a function from two weights to loss and gradient there, bilinear between the points of the grid. */
export function makeSurface({ ranges, sizes, grid }) {
  const { buffer, byteOffset, byteLength } = bytes(grid);
  const numbers = new DataView(buffer, byteOffset, byteLength);
  const at = (row, column, which) => numbers.getFloat32(4 * (3 * (row * sizes[1] + column) + which), true);
  return (weights) => {
    const [[row, down], [column, right]] = weights.map((weight, axis) => {
      const [low, high] = ranges[axis];
      const place = clamp((weight - low) / (high - low), 0, 1) * (sizes[axis] - 1);
      const cell = Math.min(Math.floor(place), sizes[axis] - 2);
      return [cell, place - cell];
    });
    const between = (which) => (1 - down) * ((1 - right) * at(row, column, which) + right * at(row, column + 1, which))
      + down * ((1 - right) * at(row + 1, column, which) + right * at(row + 1, column + 1, which));
    return { loss: between(0), gradient: [between(1), between(2)] };
  };
}

export default { render({ model, el }) { el.textContent = model.get("config").title; } };
