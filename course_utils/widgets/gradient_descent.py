"""The explorer of lesson 05: gradient descent with two weights, one step at a time.

The widget carries the loss as a grid, and the browser does the rest, so that a page without a kernel can show it, too.
"""

from __future__ import annotations

import numpy as np
from contourpy import contour_generator
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import RectBivariateSpline

from course_utils.widgets.display import display_widget
from course_utils.widgets.widget import StandaloneWidget

TITLE = "Gradient descent with two weights"
START = 0.1, 0.85  # of the picture's width and height
DECADES = 2  # the slider goes from a hundredth of the learning rate to a hundred times as much


def explore_gradient_descent(
    first_weights: ArrayLike, second_weights: ArrayLike, losses: ArrayLike, learning_rate: float = 0.1
) -> None:
    """Show contour lines of a loss, and gradient descent from a point chosen in the picture.

    Parameters
    ----------
    first_weights, second_weights : array_like, shapes (m,) and (n,)
        The values of the two weights for which the loss is known: four or more, rising in even steps.
    losses : array_like, shape (m, n)
        ``losses[i, j]`` is the loss at ``first_weights[i]`` and ``second_weights[j]``.
    learning_rate : float
        Where the slider of the learning rate begins.
    """
    config = describe_losses(np.asarray(first_weights), np.asarray(second_weights), np.asarray(losses), learning_rate)
    lowest, highest = np.min(losses), np.max(losses)
    alt = (
        f"{TITLE}: contour lines of the loss, from {lowest:.3g} to {highest:.3g}, a slider for the learning rate and a "
        "button for a step (interactive in JupyterLab)."
    )
    display_widget(StandaloneWidget("gradient_descent.js", config=config), alt)


def describe_losses(first: NDArray, second: NDArray, losses: NDArray, learning_rate: float) -> dict:
    """Return what the browser must know: ranges, ticks, bands, learning rates, and loss and gradient as bytes.

    Each band is an SVG path around all places above a level, in fractions of the picture's width and height, upward.
    """
    x, y = (np.linspace(0, 1, size) for size in losses.shape)
    fine = np.linspace(0, 1, 201)  # so that lines look smooth
    surface = contour_generator(fine, fine, RectBivariateSpline(x, y, losses)(fine, fine).T)
    rates = np.outer(10.0 ** np.arange(-9, 10), [1, 1.5, 2, 3, 5, 7]).ravel()
    rates = rates[np.abs(np.log10(rates / learning_rate)) <= DECADES]
    gradient = np.gradient(losses, first, second, edge_order=2)
    levels = losses.min() + np.ptp(losses) * np.linspace(0, 1, 13)[1:-1] ** 2  # in a bowl, lines at even distances
    return {
        "title": TITLE,
        "ranges": [[float(weights[0]), float(weights[-1])] for weights in (first, second)],
        "ticks": [_inside(MaxNLocator(5, steps=[1, 2, 5, 10]), weights[0], weights[-1]) for weights in (first, second)],
        "sizes": losses.shape,
        "grid": np.stack([losses, *gradient], axis=-1).astype("<f4").tobytes(),
        "bands": ["".join(map(_path, *surface.filled(level, np.inf))) for level in levels],
        "rates": sorted({*map(float, rates.round(12)), learning_rate}),
        "rate": learning_rate,
        "start": START,
    }


def _inside(locator: MaxNLocator, low: float, high: float) -> list[float]:
    return [float(tick) for tick in np.round(locator.tick_values(low, high), 12) if low <= tick <= high]


def _path(points: NDArray, offsets: NDArray) -> str:
    rings = np.split(points.round(4), offsets[1:-1].astype(int))
    return "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in ring) + "Z" for ring in rings)
