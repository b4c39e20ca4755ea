"""The explorer of lesson 07: the confusion matrix, and the images behind each of its cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from course_utils.preprocessing import NUM_CLASSES
from course_utils.widgets.display import display_widget
from course_utils.widgets.widget import Explorer

PAGE_SIZE = 20


def explore_confusion(images: NDArray[np.uint8], labels: NDArray[np.integer], probabilities: NDArray) -> None:
    """Show the confusion matrix, and for each of its cells the images behind the number.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, 28, 28)
        The images as loaded.
    labels : ndarray of int, shape (n,)
        The true digits.
    probabilities : ndarray, shape (n, 10)
        The network's output, as `model.predict` returns it.

    Raises
    ------
    ValueError
        If the three do not fit together.
    """
    matrix = ConfusionMatrix(images, labels, probabilities)
    mistakes = matrix.counts * (1 - np.eye(NUM_CLASSES, dtype=int))
    true, read_as = map(int, np.unravel_index(mistakes.argmax(), mistakes.shape))
    title = "The images behind the confusion matrix"
    config = {"title": title, "counts": matrix.counts.tolist(), "page_size": PAGE_SIZE}
    first = {"true": true, "read_as": read_as, "page": 0}
    why = "the most frequent mistake" if mistakes.any() else "since there is no mistake"
    alt = (
        f"{title}. It begins with {true} classified as {read_as}, {why}: {matrix.counts[true, read_as]:,} of "
        f"{len(labels):,} images (interactive in JupyterLab)."
    )
    explorer = Explorer("confusion.js", respond=matrix.images_behind, request=first, config=config)
    display_widget(explorer, alt)


class ConfusionMatrix:
    """A confusion matrix that knows which images it counts: ``counts``, rows are true digits, columns predictions."""

    def __init__(self, images: NDArray, labels: NDArray, probabilities: NDArray) -> None:
        n = len(labels)
        shapes = images.shape, labels.shape, probabilities.shape
        if shapes != ((n, 28, 28), (n,), (n, NUM_CLASSES)) or images.dtype != np.uint8:
            raise ValueError(
                f"images, labels and probabilities have shapes {shapes[0]}, {shapes[1]} and {shapes[2]}, and images "
                f"have dtype {images.dtype}; expected (n, 28, 28), (n,), (n, 10) and uint8: pass images and labels as "
                "loaded, and what model.predict returned."
            )
        self._images, self._labels, self._probabilities = images, labels, probabilities
        self._predictions = np.argmax(probabilities, axis=1)
        self.counts = np.zeros((NUM_CLASSES, NUM_CLASSES), dtype=int)
        np.add.at(self.counts, (labels, self._predictions), 1)

    def images_behind(self, true: int, read_as: int, page: int) -> dict:
        """Return a page of the images of one digit that were classified as another, or as the same.

        Those with the highest loss come first, where the true digit has the lowest probability: confident mistakes, and
        correct predictions that were nearly wrong.
        """
        found = np.flatnonzero((self._labels == true) & (self._predictions == read_as))
        found = found[np.argsort(self._probabilities[found, true], kind="stable")]
        return {
            "images": [
                {
                    "index": int(index),
                    "pixels": self._images[index].tobytes(),
                    "read": float(self._probabilities[index, read_as]),
                    "true": float(self._probabilities[index, true]),
                }
                for index in found[PAGE_SIZE * page : PAGE_SIZE * (page + 1)]
            ]
        }
