"""The student's own test set: digits kept from the drawing pad of lesson 09, in the workspace."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from course_utils.readers import file_error
from course_utils.workspace import atomic_path, workspace_folder, write_remedy

FILE_NAME = "my_digits.npz"
_REMEDY = "Move the file away, or delete it, and begin a new set of digits."


class MyDigits(NamedTuple):
    """Digits that were drawn on the pad, in the order in which they were kept; see `load_my_digits`."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def load_my_digits() -> MyDigits:
    """Load the digits kept so far.

    Returns
    -------
    images : ndarray of uint8, shape (n, 28, 28)
        From the workspace, in MNIST's form: 0 for paper and 255 for ink. There may be none yet.
    labels : ndarray of uint8, shape (n,)
        The digit that each was meant to be, 0 to 9.

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
    images, labels = digits
    is_valid = images.dtype == labels.dtype == np.uint8 and images.shape == (len(labels), 28, 28) and labels.ndim == 1
    if not is_valid or labels.max(initial=0) > 9:
        raise file_error(path, "it does not hold digits that were kept from the pad", _REMEDY)
    return digits


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
        # Two notebooks may keep digits at the same moment, and neither may lose one.
        with FileLock(path.with_suffix(".lock")):
            digits = change(load_my_digits())
            with atomic_path(path) as temporary:
                np.savez_compressed(temporary, images=digits.images, labels=digits.labels)
    except OSError as error:
        problem = f"your digit cannot be kept ({error.strerror or error})"
        raise file_error(path, problem, write_remedy(error)) from error
    return digits
