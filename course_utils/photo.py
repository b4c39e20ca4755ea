"""From a photo of paper to digits in MNIST's format: built in the open in lesson 09."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import Image, ImageOps
from scipy import ndimage

from course_utils.course import CourseError
from course_utils.handwriting import IMAGE_SIZE, prepare_drawing

if TYPE_CHECKING:
    from ipywidgets import FileUpload

FORMATS = ("PNG", "JPEG", "WEBP", "HEIF")
MAX_SIDE = 1600  # pixels, enough for a sheet full of digits
MAX_VALUES = 150_000_000  # 50 megapixels in three colours, which take less than 500 MB to read
_ADVICE = "Write large, dark digits on light paper, a little apart, and leave a margin around them."


class PhotoError(CourseError, ValueError):
    """A photo cannot be read, or shows no digits; the message says why and what to do."""


Box = tuple[slice, slice]  # rows, columns


class FoundDigits(NamedTuple):
    """The digits of a photo, in reading order; see `find_digits`."""

    images: NDArray[np.uint8]
    boxes: list[Box]


def read_photo(source: str | Path | bytes | FileUpload) -> NDArray[np.uint8]:
    """Read a photo as grey levels, upright and no larger than needed.

    Parameters
    ----------
    source : path, bytes or ipywidgets.FileUpload
        A PNG, JPEG, WebP or HEIC file, its content, or the button that it was uploaded with.

    Returns
    -------
    ndarray of uint8, shape (height, width)
        0 for black, 255 for white; the longer side has at most 1,600 pixels. What is transparent becomes white.

    Raises
    ------
    PhotoError
        Nothing was uploaded, or the file is missing, damaged, of another format, or larger than 50 megapixels.
    """
    if not isinstance(source, str | Path | bytes):
        if not source.value:
            raise PhotoError("No photo has been uploaded yet. Press Upload, choose a file, then run this cell again.")
        source = bytes(source.value[0]["content"])
    pi_heif.register_heif_opener()
    file, name = (BytesIO(source), "The photo") if isinstance(source, bytes) else (source, Path(source).name)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS) as picture:
            if picture.width * picture.height * max(3, len(picture.getbands())) > MAX_VALUES:
                raise Image.DecompressionBombError
            picture.draft("RGB", (MAX_SIDE, MAX_SIDE))
            picture.thumbnail((MAX_SIDE, MAX_SIDE))
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except FileNotFoundError as error:
        raise PhotoError(f"{name}: there is no such file. Put it into this notebook's folder.") from error
    except Image.DecompressionBombError as error:
        raise PhotoError(f"{name} is too large. Save it with at most 6,000 x 6,000 pixels.") from error
    except Exception as error:  # damaged files make decoders raise nearly anything
        remedy = "Convert it to JPEG (renaming it is not enough), or send it again."
        raise PhotoError(f"{name} is not a PNG, JPEG, WebP or HEIC picture, or is damaged. {remedy}") from error
    white = Image.new("RGBA", upright.size, "white")
    return np.asarray(Image.alpha_composite(white, upright).convert("L"))


def find_digits(photo: NDArray[np.uint8]) -> FoundDigits:
    """Find the digits on a sheet of paper, and convert each to MNIST's format.

    It cannot separate digits that touch, nor tell them from letters and stains of their size.

    Parameters
    ----------
    photo : ndarray of uint8, shape (height, width)
        As `read_photo` gives it.

    Returns
    -------
    images : ndarray of uint8, shape (n, 28, 28)
        0 for paper and 255 for ink; row by row, each from left to right.
    boxes : list of (slice, slice), length n
        The rows and columns of each in the photo.

    Raises
    ------
    PhotoError
        The photo shows no digit, or its digits are lighter than the paper.
    ValueError
        `photo` is not a two-dimensional array of grey levels.
    """
    if photo.ndim != 2 or photo.dtype != np.uint8:
        raise ValueError(f"photo has shape {photo.shape} and dtype {photo.dtype}: pass what read_photo returns.")
    if min(photo.shape) < IMAGE_SIZE:
        raise PhotoError(f"This photo has only {photo.shape[1]} x {photo.shape[0]} pixels. Take a larger one.")
    ink = _remove_background(photo)
    threshold = _otsu_threshold(ink)
    parts, lengths, is_line = _find_parts(ink > threshold)
    for _ in range(2):
        if is_line.any():  # ruled paper, and the pen is darker than its lines
            threshold = _otsu_threshold(ink[ink > threshold])
            parts, lengths, is_line = _find_parts(ink > threshold)
    edges = np.concatenate([parts[[0, -1]].ravel(), parts[:, [0, -1]].ravel()])
    parts[is_line[parts] | np.isin(parts, edges)] = 0  # at an edge: a table, a finger, half a digit
    typical = np.median(lengths[parts[parts > 0]]) if parts.any() else 0  # each pixel counts
    if typical < 10 or threshold < 0.06:
        raise PhotoError(f"No digits were found. {_ADVICE}")
    is_ink = lengths[parts] > typical / 8  # the rest are specks
    regions, _ = ndimage.label(ndimage.distance_transform_edt(~is_ink) <= typical / 12)  # joins parts of a digit
    boxes = ndimage.find_objects(regions * is_ink)
    order = [index for index in _reading_order(boxes) if typical / 3 < _length(boxes[index]) < 3 * typical]
    drawings = [255 * (is_ink[boxes[index]] & (regions[boxes[index]] == index + 1)) for index in order]
    images = [prepare_drawing(np.pad(drawing.astype(np.uint8), 1)) for drawing in drawings]  # with a margin of paper
    return FoundDigits(
        np.array(images, np.uint8).reshape(-1, IMAGE_SIZE, IMAGE_SIZE), [boxes[index] for index in order]
    )


def _remove_background(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how much darker than its paper each pixel is, as a fraction: as much in the sun as in the shade."""
    smooth = ndimage.gaussian_filter(photo.astype(np.float32), max(photo.shape) / MAX_SIDE)
    step = max(photo.shape) // 100 + 1
    few = smooth[::step, ::step]
    difference = few - ndimage.median_filter(few, max(few.shape) // 3 + 1)
    if difference.max() > -2 * difference.min():
        raise PhotoError("This looks like light digits on dark paper. Pass 255 - photo instead.")
    paper = ndimage.grey_closing(smooth, size=max(3, min(photo.shape) // 5))
    return 1 - smooth / np.maximum(paper, 1)


def _otsu_threshold(values: NDArray[np.floating]) -> float:
    """Return the threshold between two groups whose means lie furthest apart, weighted by their sizes (Otsu 1979)."""
    ordered = np.sort(values, axis=None).astype(float)
    num_below, sum_below = np.arange(1, ordered.size), np.cumsum(ordered)[:-1]
    num_above, sum_above = num_below[::-1], ordered.sum() - sum_below
    return float(ordered[np.argmax(num_below * num_above * (sum_above / num_above - sum_below / num_below) ** 2)])


def _find_parts(is_ink: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.bool_]]:
    """Return which connected part each pixel belongs to, each part's length, and whether it is a ruled line."""
    parts, _ = ndimage.label(is_ink, np.ones((3, 3)))
    lengths = np.array([0, *map(_length, ndimage.find_objects(parts))])
    width = 4 * ndimage.distance_transform_edt(is_ink)[is_ink].mean() if is_ink.any() else 0  # of an average line
    return parts, lengths, lengths > 60 * width


def _length(box: Box) -> int:
    return max(side.stop - side.start for side in box)


def _reading_order(boxes: list[Box]) -> list[int]:
    """Return the positions of the boxes, row by row; a digit is in a row if its middle is level with the one before."""
    rows: list[list[int]] = []
    for index in sorted(range(len(boxes)), key=lambda index: boxes[index][1].start):
        middle = (boxes[index][0].start + boxes[index][0].stop) / 2
        for row in rows:
            if boxes[row[-1]][0].start < middle < boxes[row[-1]][0].stop:
                row.append(index)
                break
        else:
            rows.append([index])
    return [index for row in sorted(rows, key=lambda row: boxes[row[0]][0].start) for index in row]
