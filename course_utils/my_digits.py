"""The student's own test set, in the workspace: digits kept from the drawing pad of lesson 09."""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from course_utils.data import OWN_DIGITS as FILE_NAME
from course_utils.readers import DatasetError, file_error
from course_utils.workspace import atomic_path, workspace_folder, write_remedy

_REMEDY = "Move or delete the file, then start a new set of digits."


class MyDigits(NamedTuple):
    """Digits that were drawn on the pad, in the order in which they were kept; see `load_my_digits`."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def load_my_digits() -> MyDigits:
    """Load the digits kept so far.

    Returns
    -------
    images : ndarray of uint8, shape (n, 28, 28)
        From the workspace, in MNIST's format: 0 for paper and 255 for ink. Empty if no digit was kept yet.
    labels : ndarray of uint8, shape (n,)
        The digit that each image shows, 0 to 9.

    Raises
    ------
    DatasetError
        The file is damaged, or holds something else. It is left as it is.
    """
    path = workspace_folder() / FILE_NAME
    try:
        with np.load(path, allow_pickle=False) as file:
            digits = MyDigits(file["images"], file["labels"])
    except FileNotFoundError:
        return MyDigits(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise file_error(path, f"your own digits cannot be read ({error})", _REMEDY) from error
    if not _is_valid(digits):
        raise file_error(path, "it does not contain digits kept from the pad", _REMEDY)
    return digits


def _is_valid(digits: MyDigits) -> bool:
    images, labels = digits
    if images.dtype != np.uint8 or labels.dtype != np.uint8 or labels.ndim != 1:
        return False
    return images.shape == (len(labels), 28, 28) and labels.max(initial=0) <= 9


def to_text(digits: MyDigits) -> str:
    """Return the text of the file in which a pad saves its digits: JSON, and each image as base64 of its 784 bytes."""
    images = [base64.b64encode(image.tobytes()).decode("ascii") for image in digits.images]
    return json.dumps({"images": images, "labels": digits.labels.tolist()})


def keep_digits_of(text: str) -> MyDigits:
    """Add the digits of a file that a pad saved, without those already kept, and return all; errors as `keep_digit`."""
    try:
        content = json.loads(text)
        pixels = b"".join(base64.b64decode(image, validate=True) for image in content["images"])
        images = np.frombuffer(pixels, np.uint8).reshape(-1, 28, 28)
        added = MyDigits(images, np.frombuffer(bytes([*content["labels"]]), np.uint8))
        if not _is_valid(added):
            raise ValueError("images and labels do not fit together")
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise DatasetError(
            f"This file does not contain digits from a drawing pad ({error}). Choose the file my_digits.json that "
            "you saved with the button “Save my digits”."
        ) from error

    def add(kept: MyDigits) -> MyDigits:
        known = {(image.tobytes(), label) for image, label in zip(*kept, strict=True)}
        new = [(image.tobytes(), label) not in known for image, label in zip(*added, strict=True)]
        return MyDigits(np.concatenate([kept.images, added.images[new]]), np.append(kept.labels, added.labels[new]))

    return _change(add)


def keep_digit(image: NDArray[np.uint8], label: int) -> MyDigits:
    """Add an image of shape (28, 28) and its label, 0 to 9, and return all digits, this one last.

    DatasetError if the file is damaged or cannot be written; what was there stays.
    """
    images, labels = image[np.newaxis], np.array([label], np.uint8)
    return _change(lambda kept: MyDigits(np.concatenate([kept.images, images]), np.concatenate([kept.labels, labels])))


def take_back_last_digit() -> MyDigits:
    """Remove the digit that was kept last, if there is one, and return the digits left; errors as `keep_digit`."""
    return _change(lambda kept: MyDigits(kept.images[:-1], kept.labels[:-1]))


def _change(change: Callable[[MyDigits], MyDigits]) -> MyDigits:
    path = workspace_folder() / FILE_NAME
    try:
        # Two notebooks may save digits at the same moment, and neither may lose one.
        with FileLock(path.with_suffix(".lock")):
            digits = change(load_my_digits())
            with atomic_path(path) as temporary:
                np.savez_compressed(temporary, images=digits.images, labels=digits.labels)
    except OSError as error:
        problem = f"your digits cannot be saved ({error.strerror or error})"
        raise file_error(path, problem, write_remedy(error)) from error
    return digits
