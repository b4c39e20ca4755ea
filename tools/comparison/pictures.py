"""How far two recorded pictures are apart, and where."""

from __future__ import annotations

import base64
import functools
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops

DEFAULT_PICTURE_TOLERANCE = 4.0
_TILE = 32
_REACH = 2


@dataclass(frozen=True)
class Pictures:
    """Recorded picture, new picture, and where they differ (black: most, white: not at all)."""

    expected: Image.Image
    actual: Image.Image
    difference: Image.Image

    @classmethod
    def of(cls, expected: Image.Image, actual: Image.Image) -> Pictures:
        """Put two pictures, of one size or not, beside their difference."""
        size = (max(expected.width, actual.width), max(expected.height, actual.height))
        sheets = []
        for picture in (expected, actual):
            sheet = Image.new("RGB", size, "white")
            sheet.paste(picture)
            sheets.append(sheet)
        distance = np.asarray(ImageChops.difference(*sheets)).max(axis=2).astype(float)
        shades = 255 - 255 * distance / max(distance.max(), 1)
        return cls(expected, actual, Image.fromarray(shades.astype(np.uint8)))


def read_picture(data: str) -> Image.Image:
    """Read a picture as a notebook holds it (base64), over white.

    Raises
    ------
    ValueError, OSError
        It is no base64, or no picture.
    """
    return _over_white(Image.open(io.BytesIO(base64.b64decode(data))))


def picture_distance(expected: Image.Image, actual: Image.Image, *, lines_may_move: bool = False) -> float:
    """Measure how far two pictures of one size are apart where they differ most.

    The distance is the root mean square of the channel differences (0..255, over white) in the worst of the tiles of
    32 by 32 pixels. Over the whole picture, one changed digit counts less than noise that nobody sees. Measured on
    figures such as the lessons draw, at 72 dots per inch, Matplotlib 3.11 (worst tile, and whole picture in brackets):

    - noise: every inked pixel moved at random by up to 8 of 255: 2.4 (1.0); rounding of 1 in every tenth: 0.2 (0.2)
    - faults: one digit of one title 11.8 (0.9), one count in a confusion matrix 12.6 (1.1), one letter of a
      legend 23 (2.1), of a title 38 (6.1), dashes left out 16 (4.8), colours swapped 43 (13), legend swapped 75 (7.3),
      curve shifted by an epoch 52 (15), confusion matrix transposed 34 (15), grid of digits off by one 167 (71)

    hence 4 as the default limit. Curves that move a little from machine to machine would drown such faults: an accuracy
    4e-4 higher moves a line by a pixel, a distance of 37. A cell that declares a picture tolerance therefore compares
    each pixel with the nearest in colour of those up to two pixels away. Then that noise counts 11, and colours
    swapped 36, legend swapped 58, shift by an epoch 36, transposed matrix 21.

    Parameters
    ----------
    expected, actual
        Pictures of the same size, any mode.
    lines_may_move
        Whether a pixel may find its match up to two pixels away.

    Returns
    -------
    float
        0 for equal pictures, 255 for black against white.
    """
    before, after = (np.asarray(_over_white(picture), dtype=np.float32) for picture in (expected, actual))
    reach = _REACH if lines_may_move else 0
    squares = np.maximum(_nearest_squares(before, after, reach), _nearest_squares(after, before, reach))
    height, width = squares.shape
    tiles = (squares[y : y + _TILE, x : x + _TILE] for y in range(0, height, _TILE) for x in range(0, width, _TILE))
    # A narrow tile at the edge is averaged over a full one's pixels: a few pixels there are no louder than elsewhere.
    worst = max(tile.sum() for tile in tiles) / min(_TILE**2, height * width)
    return float(np.sqrt(worst))


def _over_white(picture: Image.Image) -> Image.Image:
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _nearest_squares(these: np.ndarray, those: np.ndarray, reach: int) -> np.ndarray:
    """Return, for each pixel of the first picture, the mean square of its channels' distance to the nearest match."""
    height, width, _ = these.shape
    around = np.pad(those, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    steps = [(y, x) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1) if y**2 + x**2 <= reach**2]
    shifted = (around[reach + y : reach + y + height, reach + x : reach + x + width] for y, x in steps)
    return functools.reduce(np.minimum, (((these - other) ** 2).mean(axis=2) for other in shifted))
