// From strokes of a pen to an image as the network knows it: course_utils/handwriting.py, line by line.
// A browser test compares the two.

const IMAGE_SIZE = 28;
const BOX_SIZE = 20;
const PAD_SIZE = 10 * IMAGE_SIZE;
const PENS = { thin: 0.05, medium: 0.08, thick: 0.12 };

/** A grey picture: `pixels` row by row, 0 for paper, 255 for ink. */
const picture = (height, width) => ({ height, width, pixels: new Uint8Array(height * width) });
const clip = (value, low, high) => Math.min(Math.max(value, low), high);

function drawLine(drawing, start, end, pen) {
  const radius = (pen * PAD_SIZE) / 2;
  const [[startX, startY], [endX, endY]] = [start, end].map((point) => point.map((share) => share * PAD_SIZE));
  const [dx, dy] = [endX - startX, endY - startY];
  const lengthSquared = Math.max(dx * dx + dy * dy, 1e-12);
  const first = (a, b) => clip(Math.floor(Math.min(a, b) - radius - 1), 0, PAD_SIZE);
  const last = (a, b) => clip(Math.ceil(Math.max(a, b) + radius + 1), 0, PAD_SIZE);
  for (let row = first(startY, endY); row < last(startY, endY); row++) {
    for (let column = first(startX, endX); column < last(startX, endX); column++) {
      const [x, y] = [column + 0.5 - startX, row + 0.5 - startY];
      const along = clip((x * dx + y * dy) / lengthSquared, 0, 1);
      const distance = Math.sqrt((x - along * dx) ** 2 + (y - along * dy) ** 2);
      const ink = Math.floor(255 * clip(radius + 0.5 - distance, 0, 1) + 0.5);
      const index = row * PAD_SIZE + column;
      if (ink > drawing.pixels[index]) drawing.pixels[index] = ink;
    }
  }
}

/** Draw strokes, each with `points` in shares of the pad and a `pen` of its own width. */
function drawStrokes(strokes) {
  const drawing = picture(PAD_SIZE, PAD_SIZE);
  for (const { points, pen } of strokes) {
    points.forEach((point, index) => drawLine(drawing, points[Math.max(index - 1, 0)], point, pen));
  }
  return drawing;
}

function prepareDrawing(drawing) {
  const image = picture(IMAGE_SIZE, IMAGE_SIZE);
  const digit = cutOut(drawing);
  if (!digit) return image;
  const scale = BOX_SIZE / Math.max(digit.height, digit.width);
  const [height, width] = [digit.height, digit.width].map((length) => Math.max(1, Math.floor(length * scale + 0.5)));
  const small = resize(digit, height, width);
  const offset = (centre, length) => clip(Math.floor(IMAGE_SIZE / 2 - centre + 0.5), 0, IMAGE_SIZE - length);
  const [centreRow, centreColumn] = centreOfMass(small);
  const [top, left] = [offset(centreRow, height), offset(centreColumn, width)];
  for (let row = 0; row < height; row++) {
    const line = small.pixels.subarray(row * width, (row + 1) * width);
    image.pixels.set(line, (top + row) * IMAGE_SIZE + left);
  }
  return image;
}

const shrinkDrawing = (drawing) => resize(drawing, IMAGE_SIZE, IMAGE_SIZE);

function cutOut({ height, width, pixels }) {
  let [top, left, bottom, right] = [height, width, 0, 0];
  pixels.forEach((ink, index) => {
    if (!ink) return;
    const [row, column] = [Math.floor(index / width), index % width];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row + 1)];
    [left, right] = [Math.min(left, column), Math.max(right, column + 1)];
  });
  if (!bottom) return null;
  const digit = picture(bottom - top, right - left);
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

/** Pillow's `resize` with its bilinear filter: a new pixel is the mean of the old ones, the near ones counting more. */
function resize(source, height, width) {
  const wide = picture(source.height, width);
  average(source.width, width).forEach(({ first, weights }, column) => {
    for (let row = 0; row < source.height; row++) {
      const sum = weights.reduce((sum, weight, i) => sum + weight * source.pixels[row * source.width + first + i], 0);
      wide.pixels[row * width + column] = Math.floor(sum + 0.5);
    }
  });
  const resized = picture(height, width);
  average(source.height, height).forEach(({ first, weights }, row) => {
    for (let column = 0; column < width; column++) {
      const sum = weights.reduce((sum, weight, i) => sum + weight * wide.pixels[(first + i) * width + column], 0);
      resized.pixels[row * width + column] = Math.floor(sum + 0.5);
    }
  });
  return resized;
}

/** For each new pixel along one axis: the first old one that counts, and how much it and those after it count. */
function average(oldLength, newLength) {
  const scale = oldLength / newLength;
  const reach = Math.max(scale, 1);
  return Array.from({ length: newLength }, (_, index) => {
    const centre = (index + 0.5) * scale;
    const first = Math.max(Math.floor(centre - reach + 0.5), 0);
    const last = Math.min(Math.floor(centre + reach + 0.5), oldLength);
    const weights = Array.from({ length: last - first }, (_, i) =>
      Math.max(1 - Math.abs((first + i - centre + 0.5) / reach), 0),
    );
    const sum = weights.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}
