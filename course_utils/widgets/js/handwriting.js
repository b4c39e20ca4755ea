// From the strokes of a pen to an image in MNIST's format: course_utils/handwriting.py, line by line. A browser test compares
// the two.

import { SIDE, clamp } from "./shared.js";

const BOX_SIZE = 20;
const PAD_SIZE = 10 * SIDE;
export const PENS = { thin: 0.05, medium: 0.08, thick: 0.12 };

/** An image: `pixels` row by row, 0 for paper, 255 for ink. */
const blank = (height, width) => ({ height, width, pixels: new Uint8Array(height * width) });

export function drawLine(drawing, start, end, pen) {
  const radius = (pen * PAD_SIZE) / 2;
  const [[startX, startY], [endX, endY]] = [start, end].map((point) => point.map((share) => share * PAD_SIZE));
  const [dx, dy] = [endX - startX, endY - startY];
  const lengthSquared = Math.max(dx * dx + dy * dy, 1e-12);
  const first = (a, b) => clamp(Math.floor(Math.min(a, b) - radius - 1), 0, PAD_SIZE);
  const last = (a, b) => clamp(Math.ceil(Math.max(a, b) + radius + 1), 0, PAD_SIZE);
  for (let row = first(startY, endY); row < last(startY, endY); row++) {
    for (let column = first(startX, endX); column < last(startX, endX); column++) {
      const [x, y] = [column + 0.5 - startX, row + 0.5 - startY];
      const along = clamp((x * dx + y * dy) / lengthSquared, 0, 1);
      const distance = Math.sqrt((x - along * dx) ** 2 + (y - along * dy) ** 2);
      const ink = Math.floor(255 * clamp(radius + 0.5 - distance, 0, 1) + 0.5);
      const index = row * PAD_SIZE + column;
      drawing.pixels[index] = Math.max(drawing.pixels[index], ink);
    }
  }
}

/** Draw strokes, each with `points` in fractions of the pad and a `pen` of its own width. */
export function drawStrokes(strokes) {
  const drawing = blank(PAD_SIZE, PAD_SIZE);
  for (const { points, pen } of strokes) {
    points.forEach((point, index) => drawLine(drawing, points[Math.max(index - 1, 0)], point, pen));
  }
  return drawing;
}

/** Fit a drawing into 20 by 20 pixels, and put its centre of mass at the centre of 28 by 28. */
export function prepareDrawing(drawing) {
  const image = blank(SIDE, SIDE);
  const digit = cutOut(drawing);
  if (!digit) return image;
  const scale = BOX_SIZE / Math.max(digit.height, digit.width);
  const [height, width] = [digit.height, digit.width].map((length) => Math.max(1, Math.floor(length * scale + 0.5)));
  const small = resize(digit, height, width);
  const offset = (centre, length) => clamp(Math.floor(SIDE / 2 - centre + 0.5), 0, SIDE - length);
  const [centreRow, centreColumn] = centreOfMass(small);
  const [top, left] = [offset(centreRow, height), offset(centreColumn, width)];
  for (let row = 0; row < height; row++) {
    image.pixels.set(small.pixels.subarray(row * width, (row + 1) * width), (top + row) * SIDE + left);
  }
  return image;
}

export const shrinkDrawing = (drawing) => resize(drawing, SIDE, SIDE);

function cutOut({ height, width, pixels }) {
  let [top, left, bottom, right] = [height, width, 0, 0];
  pixels.forEach((ink, index) => {
    if (!ink) return;
    const [row, column] = [Math.floor(index / width), index % width];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row + 1)];
    [left, right] = [Math.min(left, column), Math.max(right, column + 1)];
  });
  if (!bottom) return null;
  const digit = blank(bottom - top, right - left);
  for (let row = top; row < bottom; row++) {
    digit.pixels.set(pixels.subarray(row * width + left, row * width + right), (row - top) * digit.width);
  }
  return digit;
}

function centreOfMass({ width, pixels }) {
  let [mass, rows, columns] = [0, 0, 0];
  pixels.forEach((ink, index) => {
    mass += ink;
    rows += ink * Math.floor(index / width);
    columns += ink * (index % width);
  });
  return [rows / mass, columns / mass];
}

/** Pillow's `resize` with its bilinear filter, which takes one axis after the other and rounds in between. */
const resize = (image, height, width) => resizeRows(resizeRows(image, width), height);

/** Resize each row to `length` pixels, weighted means of the old ones in which nearer pixels count more; transpose. */
function resizeRows({ height, width, pixels }, length) {
  const resized = blank(length, height);
  const scale = width / length;
  const reach = Math.max(scale, 1);
  for (let index = 0; index < length; index++) {
    const centre = (index + 0.5) * scale;
    const first = Math.max(Math.floor(centre - reach + 0.5), 0);
    const last = Math.min(Math.floor(centre + reach + 0.5), width);
    const weights = Array.from({ length: last - first }, (_, i) =>
      Math.max(1 - Math.abs((first + i - centre + 0.5) / reach), 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let row = 0; row < height; row++) {
      const sum = weights.reduce((sum, weight, i) => sum + (weight / total) * pixels[row * width + first + i], 0);
      resized.pixels[index * height + row] = Math.floor(sum + 0.5);
    }
  }
  return resized;
}
