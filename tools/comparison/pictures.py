"""Measure how far apart two pictures are, and show where they differ."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image, ImageChops

PICTURE_TOLERANCE = 4.0
_TILE = 32


def picture_of_difference(expected: Image.Image, actual: Image.Image) -> Image.Image:
    """Draw where two pictures, which may differ in size, differ most (black) and not at all (white)."""
    size = (max(expected.width, actual.width), max(expected.height, actual.height))
    sheets = [Image.new("RGB", size, "white") for _ in range(2)]
    for sheet, picture in zip(sheets, (expected, actual), strict=True):
        sheet.paste(picture)
    distance = np.asarray(ImageChops.difference(*sheets)).max(axis=2).astype(float)
    shades = 255 - 255 * distance / max(distance.max(), 1)
    return Image.fromarray(shades.astype(np.uint8))


def read_picture(data: str) -> Image.Image:
    """Decode a picture in base64 and put it over white."""
    return _over_white(Image.open(io.BytesIO(base64.b64decode(data))))


def picture_distance(expected: Image.Image, actual: Image.Image) -> float:
    """Return the distance between two pictures of the same size: 0 if they are equal, 255 for black and white.

    It is the root mean square of the channel differences (0..255, over white) in the worst tile of 32 by 32 pixels.
    Over the whole picture, one changed digit counts less than noise that nobody sees. Measured on figures like those of
    the lessons, at 72 dots per inch, with Matplotlib 3.11 (worst tile, and whole picture in brackets):

    - noise: every inked pixel moved at random by up to 8 of 255: 2.4 (1.0); rounding of 1 in every tenth: 0.2 (0.2)
    - faults: one digit of one title 11.8 (0.9), one count in a confusion matrix 12.6 (1.1), one letter of a
      legend 23 (2.1), of a title 38 (6.1), dashes left out 16 (4.8), colours swapped 43 (13), legend swapped 75 (7.3),
      curve shifted by an epoch 52 (15), confusion matrix transposed 34 (15), grid of digits off by one 167 (71)

    Hence a tolerance of 4. If an accuracy rises by 4e-4, a line moves by a pixel, a distance of 37. So curves that move
    from processor to processor cannot be distinguished from faulty ones, and are not compared (see `Tolerance`).
    """
    before, after = (np.asarray(_over_white(picture), dtype=np.float32) for picture in (expected, actual))
    squares = ((before - after) ** 2).mean(axis=2)
    height, width = squares.shape
    tiles = (squares[y : y + _TILE, x : x + _TILE] for y in range(0, height, _TILE) for x in range(0, width, _TILE))
    # A narrow tile at the edge is averaged over the pixels of a full one, so that its pixels do not count for more.
    worst = max(tile.sum() for tile in tiles) / min(_TILE**2, height * width)
    return float(np.sqrt(worst))


def _over_white(picture: Image.Image) -> Image.Image:
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
