"""From images and labels to what a network can take: built in the open in lessons 02 and 03."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NUM_CLASSES = 10
MAX_PIXEL = 255


def preprocess_images(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Flatten each image into a vector of pixels between 0 and 1.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
        Grey levels from 0 (background) to 255 (ink).

    Returns
    -------
    ndarray of float32, shape (n, height * width)
        Row by row, divided by 255. The input is left as it was.

    Raises
    ------
    ValueError
        If the images are not three-dimensional or not ``uint8``: scaled twice, they would be nearly black.
    """
    if images.ndim != 3 or images.dtype != np.uint8:
        raise ValueError(
            f"images have shape {images.shape} and dtype {images.dtype}, expected (n, height, width) and uint8: "
            "pass the images as loaded, not yet reshaped or scaled."
        )
    vectors = images.reshape(len(images), -1).astype(np.float32)
    vectors /= MAX_PIXEL
    return vectors


def one_hot(labels: NDArray[np.integer], num_classes: int = NUM_CLASSES) -> NDArray[np.float32]:
    """Turn each label into a row with a single one, at the position that the label names.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        Classes from 0 to ``num_classes - 1``.
    num_classes : int
        Length of a row.

    Returns
    -------
    ndarray of float32, shape (n, num_classes)
        The same as ``keras.utils.to_categorical``, without importing Keras.

    Raises
    ------
    ValueError
        If the labels are not one-dimensional, or one of them is not a class.
    """
    if labels.ndim != 1 or labels.min(initial=0) < 0 or labels.max(initial=0) >= num_classes:
        raise ValueError(
            f"labels have shape {labels.shape} and lie between {labels.min(initial=0)} and {labels.max(initial=0)}, "
            f"expected shape (n,) and classes from 0 to {num_classes - 1}: pass the labels as loaded."
        )
    rows = np.zeros((len(labels), num_classes), dtype=np.float32)
    rows[np.arange(len(labels)), labels] = 1
    return rows
