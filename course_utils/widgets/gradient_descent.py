"""The explorer of lesson 05: gradient descent with two weights, one step at a time.

The loss comes with the widget, as a grid; the browser does the rest, so that a page without a kernel can show it, too.
"""

from __future__ import annotations

import numpy as np
import traitlets
from contourpy import contour_generator
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from course_utils.widgets.display import display_widget
from course_utils.widgets.widget import CourseWidget, sources

TITLE = "Gradient descent with two weights"
START = 0.1, 0.85  # of the picture's width and height
DECADES = 2  # the slider goes from a hundredth of the learning rate to a hundred times as much


class GradientDescent(CourseWidget):
    """A widget that needs no kernel once it is shown: ``config`` is all that its JavaScript knows."""

    config = traitlets.Dict().tag(sync=True)


def explore_gradient_descent(
    first_weights: ArrayLike, second_weights: ArrayLike, losses: ArrayLike, learning_rate: float = 0.1
) -> None:
    """Show contour lines of a loss, and walk down from a point that is chosen in the picture.

    Parameters
    ----------
    first_weights, second_weights : array_like, shapes (m,) and (n,)
        The values of the two weights for which the loss is known, rising in even steps.
    losses : array_like, shape (m, n)
        ``losses[i, j]`` is the loss at ``first_weights[i]`` and ``second_weights[j]``.
    learning_rate : float
        Where the slider of the learning rate begins.

    Raises
    ------
    ValueError
        If the three arrays do not fit together, or the learning rate is not positive.
    """
    config = describe_losses(np.asarray(first_weights), np.asarray(second_weights), np.asarray(losses), learning_rate)
    lowest, highest = np.min(losses), np.max(losses)
    alt = (
        f"{TITLE}: contour lines of the loss, from {lowest:.3g} to {highest:.3g}, a slider for the learning rate and a "
        "button for a step (it moves in JupyterLab)."
    )
    display_widget(GradientDescent(modules=sources("shared.js", "gradient_descent.js"), config=config), alt)


def describe_losses(first: NDArray, second: NDArray, losses: NDArray, learning_rate: float) -> dict:
    """Return what the browser must know: ranges, ticks, contour lines, learning rates, and loss and gradient as bytes.

    Paths are in shares of the picture's width and height, upward. A gradient is that of the grid, by central differences.
    """
    for name, weights in (("first_weights", first), ("second_weights", second)):
        if (
            weights.ndim != 1
            or len(weights) < 3
            or not np.allclose(np.diff(weights, 2), 0, atol=1e-3 * np.ptp(weights))
        ):
            raise ValueError(f"{name} has the shape {weights.shape}, expected three or more values in even steps.")
        if weights[0] >= weights[-1]:
            raise ValueError(f"{name} goes from {weights[0]} to {weights[-1]}, expected rising values.")
    if losses.shape != (len(first), len(second)):
        raise ValueError(
            f"losses has the shape {losses.shape}, expected {(len(first), len(second))}: a row for each of "
            "first_weights, a column for each of second_weights."
        )
    if not np.isfinite(losses).all() or not 0 < learning_rate < np.inf:
        raise ValueError("losses must be finite, and learning_rate a positive number.")
    grid = np.stack([losses, *np.gradient(losses, first, second)], axis=-1)
    levels = MaxNLocator(14).tick_values(losses.min(), losses.max())
    levels = levels[(levels > losses.min()) & (levels < losses.max())]
    lines = contour_generator(np.linspace(0, 1, len(first)), np.linspace(0, 1, len(second)), losses.T)
    factors = np.outer(10.0 ** np.arange(-9, 10), [1, 1.5, 2, 3, 5, 7]).ravel()
    rates = factors[np.abs(np.log10(factors / learning_rate)) <= DECADES]
    return {
        "title": TITLE,
        "ranges": [[float(weights[0]), float(weights[-1])] for weights in (first, second)],
        "ticks": [_ticks(weights) for weights in (first, second)],
        "sizes": losses.shape,
        "grid": grid.astype("<f4").tobytes(),
        "contours": ["".join(map(_path, lines.lines(level))) for level in levels],
        "rates": sorted({*map(float, rates.round(12)), learning_rate}),
        "rate": learning_rate,
        "start": START,
    }


def _ticks(weights: NDArray) -> list[float]:
    ticks = MaxNLocator(5).tick_values(weights[0], weights[-1])
    return [float(tick) for tick in ticks.round(12) if weights[0] <= tick <= weights[-1]]


def _path(line: NDArray) -> str:
    return "M" + "L".join(f"{x:.4f} {y:.4f}" for x, y in line)
