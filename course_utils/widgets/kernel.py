"""The explorer of lesson 10: a kernel of nine weights slides over a digit; the browser computes the sums."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.preprocessing import MAX_PIXEL
from course_utils.widgets.display import display_widget
from course_utils.widgets.widget import StandaloneWidget

TITLE = "A kernel slides over a digit"
ROW, COLUMN = 6, 8


def explore_kernel(images: NDArray[np.uint8], kernel: ArrayLike) -> None:
    """Show a kernel on nine pixels of a digit: the products, their sum, and the sums at all positions.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, 28, 28)
        Digits to choose from, as loaded; they are divided by 255, as in the lessons.
    kernel : array_like, shape (3, 3)
        The nine weights to begin with. Others can be chosen or typed.
    """
    weights = np.asarray(kernel, dtype=float)
    total = (images[0, ROW : ROW + 3, COLUMN : COLUMN + 3] / MAX_PIXEL * weights).sum()
    alt = (
        f"{TITLE}. It begins in row {ROW} and column {COLUMN} of image 0, where the nine products add up to "
        f"{total:z.2f} (interactive in JupyterLab)."
    )
    config = {
        "title": TITLE,
        "images": images.tobytes(),
        "num_images": len(images),
        "first": {"image": 0, "row": ROW, "column": COLUMN, "kernel": weights.ravel().tolist()},
    }
    display_widget(StandaloneWidget("kernel.js", config=config), alt)
