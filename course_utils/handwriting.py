"""From the strokes of a pen to an image in MNIST's format: built in the open in lesson 09.

The drawing pad does the same in JavaScript, so that you see each drawing at once and `make pad` needs no Python; the
browser tests compare the two on all sample digits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy import ndimage

IMAGE_SIZE = 28  # MNIST's images, in pixels
BOX_SIZE = 20  # the box in them that a digit is fitted into
PAD_SIZE = 10 * IMAGE_SIZE  # the drawing, in pixels

#: Widths of the pen, as fractions of the pad. In a digit of MNIST 20 pixels high, lines are 2 to 3 pixels wide (the
#: middle half of 3,000 training images). "Medium" makes them 2 wide in a digit that fills three quarters of the pad.
PENS = {"thin": 0.05, "medium": 0.08, "thick": 0.12}

Strokes = Sequence[Sequence[Sequence[float]]]


class Handwriting(NamedTuple):
    """A digit, 0 to 9, and strokes (see `draw_strokes`) that write it."""

    digit: int
    strokes: Strokes


def sample_handwritings() -> list[Handwriting]:
    """Return thirty digits as they may be drawn on the pad: three versions of each of 0 to 9, in order.

    Returns
    -------
    list of Handwriting
        We typed them, point by point: they are nobody's handwriting, come from no dataset, and no network was trained
        on them. If one classifies all thirty correctly, the 95% interval of its accuracy is 0.89 to 1.
    """
    text = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    return [Handwriting(**sample) for sample in json.loads(text)]


def draw_strokes(strokes: Strokes, pen: float = PENS["medium"]) -> NDArray[np.uint8]:
    """Draw strokes with a round pen.

    Parameters
    ----------
    strokes : sequence of sequence of (x, y)
        The path of the pen, a list of points for each stroke: from (0, 0), the top left corner of the pad, to (1, 1),
        the bottom right one. A stroke of a single point is a dot; anything beyond the pad is cut off.
    pen : float
        Width of the lines, as a fraction of the pad.

    Returns
    -------
    ndarray of uint8, shape (280, 280)
        0 for paper, 255 for ink, and grey levels along the edges: how much of a pixel's width the line covers.
    """
    drawing = np.zeros((PAD_SIZE, PAD_SIZE), np.uint8)
    radius = pen * PAD_SIZE / 2
    for stroke in strokes:
        points = np.asarray(stroke, float).reshape(-1, 2) * PAD_SIZE
        for start, end in zip(points[[0, *range(len(points) - 1)]], points, strict=True):
            _draw_line(drawing, start, end, radius)
    return drawing


def _draw_line(drawing: NDArray[np.uint8], start: NDArray, end: NDArray, radius: float) -> None:
    left, top = np.clip(np.floor(np.minimum(start, end) - radius - 1).astype(int), 0, PAD_SIZE)
    right, bottom = np.clip(np.ceil(np.maximum(start, end) + radius + 1).astype(int), 0, PAD_SIZE)
    x = np.arange(left, right) + 0.5 - start[0]
    y = (np.arange(top, bottom) + 0.5 - start[1])[:, np.newaxis]
    dx, dy = end - start
    along = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
    distance = np.sqrt((x - along * dx) ** 2 + (y - along * dy) ** 2)
    ink = np.floor(255 * np.clip(radius + 0.5 - distance, 0, 1) + 0.5).astype(np.uint8)
    part = drawing[top:bottom, left:right]
    np.maximum(part, ink, out=part)


def _grey_levels(picture: ArrayLike | Image.Image) -> NDArray[np.uint8]:
    """Convert a picture to grey levels; transparency becomes white behind dark ink, and black behind light ink."""
    if isinstance(picture, Image.Image) and picture.mode[0] not in "IF":  # these have more than 256 levels
        picture = picture.convert("RGBA" if picture.has_transparency_data else "L")
    array = np.asarray(picture)
    if array.dtype.kind not in "buif":
        raise ValueError("the picture is not an array of numbers: open the file with PIL.Image.open and pass that.")
    channels = np.atleast_3d(array[0] if array.ndim == 3 and len(array) == 1 else array)
    if array.ndim not in (2, 3) or not 1 <= channels.shape[2] <= 4 or not array.size:
        raise ValueError(
            f"the picture has shape {array.shape}, expected (height, width), or (height, width, channels) with at most "
            "four channels: pass one picture, with its channels last."
        )
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 255):  # NaN is neither
        raise ValueError(f"the picture has values from {low} to {high}, expected 0 to 255, or 0 to 1: scale it first.")
    channels = channels.astype(np.float32) * (255 if high <= 1 else 1)
    weights = [0.299, 0.587, 0.114] if channels.shape[2] > 2 else [1]  # of red, green and blue in what we see as grey
    grey = (channels[..., : len(weights)] * np.array(weights, np.float32)).sum(axis=2)
    if channels.shape[2] in (2, 4):
        opacity = channels[..., -1] / 255
        is_dark = (opacity * grey).sum() < 128 * opacity.sum()
        grey = opacity * grey + (1 - opacity) * (255 if is_dark else 0)
    return grey.round().astype(np.uint8)


def _ink_levels(drawing: ArrayLike | Image.Image) -> NDArray[np.uint8]:
    """Return grey levels with 0 for paper and 255 for ink; the edge of a drawing shows which of them is its paper."""
    grey = _grey_levels(drawing)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if (edge >= 192).mean() >= 0.9:
        grey, edge = 255 - grey, 255 - edge
    paper = edge[edge < 64]
    if len(paper) < 0.3 * len(edge):
        raise ValueError(
            "it is unclear which grey level is the paper: leave a margin around the digit, and use dark ink on light "
            "paper or light ink on dark paper."
        )
    noise = paper.max() if np.quantile(paper, 0.9) > 0 else 0  # of a scanner; a stroke may also end at the edge
    return grey * (grey > noise)


def prepare_drawing(drawing: ArrayLike | Image.Image) -> NDArray[np.uint8]:
    """Convert a drawing to MNIST's format, as MNIST was made.

    The digit is cut out, fitted into a box of 20 x 20 pixels with its proportions kept (each pixel is the mean of what
    it covers, hence the grey levels), and placed in 28 x 28 with its centre of mass at pixel (14, 14). The network has
    never seen a digit of any other size or in any other place, and does not know that a shifted digit is the same.

    Parameters
    ----------
    drawing : array_like or PIL.Image.Image
        A picture of any size, with values from 0 to 255 or 0 to 1: grey or in colour (channels last), transparent or
        not, with light ink on dark paper or dark ink on light paper.

    Returns
    -------
    ndarray of uint8, shape (28, 28)
        0 for paper, 255 for ink. All 0 if nothing is drawn.

    Raises
    ------
    ValueError
        If this is not a picture, or if it is unclear which grey level is the paper.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (1998) 2278-2324, on the data set. MNIST itself shows that
    digits are moved by whole pixels: in each image, the centre of mass is within half a pixel of (14, 14).
    """
    image = np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    drawing = _ink_levels(drawing)
    rows, columns = np.flatnonzero(drawing.any(axis=1)), np.flatnonzero(drawing.any(axis=0))
    if not len(rows):
        return image
    digit = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX_SIZE / max(digit.shape)
    height, width = (max(1, int(length * scale + 0.5)) for length in digit.shape)
    small = np.asarray(Image.fromarray(digit).resize((width, height), Image.Resampling.BILINEAR))
    # A digit with nearly all its ink on one side would be pushed out of the image; no digit of MNIST is.
    top, left = (
        min(max(int(IMAGE_SIZE / 2 - centre + 0.5), 0), IMAGE_SIZE - length)
        for centre, length in zip(ndimage.center_of_mass(small), small.shape, strict=True)
    )
    image[top : top + height, left : left + width] = small
    return image


def shrink_drawing(drawing: ArrayLike | Image.Image) -> NDArray[np.uint8]:
    """Scale the whole pad to 28 x 28, leaving the digit's size and place: what happens without `prepare_drawing`.

    Parameters
    ----------
    drawing : array_like or PIL.Image.Image
        A picture that `prepare_drawing` takes.

    Returns
    -------
    ndarray of uint8, shape (28, 28)
        The drawing, smaller.
    """
    return np.asarray(Image.fromarray(_ink_levels(drawing)).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BILINEAR))
