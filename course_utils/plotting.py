"""How the lessons show arrays: figures that can be read in the last row, and without seeing them.

Importing this module sets the course's Matplotlib style. Nothing here loads data.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure
from numpy.typing import NDArray

# Okabe and Ito's palette, safe for colour-blind eyes (https://jfly.uni-koeln.de/color/).
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"

plt.rcParams.update(
    {
        "figure.figsize": (8, 4.5),
        "figure.dpi": 100,
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.h_pad": 0.1,
        "figure.constrained_layout.w_pad": 0.1,
        "font.size": 12,
        "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN]),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "image.cmap": "gray_r",
    }
)


def show_figure(figure: Figure, alt: str) -> None:
    """Show a figure once, with a text alternative, and close it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Shown at its own size, so that a recorded picture has the same number of pixels on every machine.
    alt : str
        What the figure tells, for those who cannot see it: it stands for the picture where only text is shown, and is
        its ``alt`` attribute in the HTML pages.
    """
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    picture = base64.b64encode(buffer.getvalue()).decode("ascii")
    display({"image/png": picture, "text/plain": alt}, metadata={"image/png": {"alt": alt}}, raw=True)


def plot_digits(images: NDArray, titles: Sequence[str], title: str, num_columns: int = 5) -> Figure:
    """Draw digits in a grid, dark ink on white, each with a line of text above it.

    Parameters
    ----------
    images : ndarray, shape (n, height, width)
        Grey levels, 0 for the background; each image is drawn over its own range.
    titles : sequence of str, length n
        One short text for each image.
    title : str
        The title of the whole figure.
    num_columns : int
        Digits in a row.

    Returns
    -------
    matplotlib.figure.Figure
        For `show_figure`.

    Raises
    ------
    ValueError
        If there are not as many titles as images.
    """
    if len(titles) != len(images):
        raise ValueError(f"{len(titles)} titles for {len(images)} images: give one title for each image.")
    num_rows = max(1, -(-len(images) // num_columns))
    figure, axes = plt.subplots(num_rows, num_columns, figsize=(1.5 * num_columns, 1.6 * num_rows + 0.5), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, text in zip(axes.flat, np.asarray(images), titles, strict=False):
        axis.imshow(image)
        axis.set_title(text, fontsize=13)
    figure.suptitle(title)
    return figure


def plot_strips(groups: Mapping[str, Sequence[float]], title: str, xlabel: str, ylabel: str) -> Figure:
    """Draw each group of numbers as a row of dots, one above the other, with a bar at their mean.

    Parameters
    ----------
    groups : mapping of str to sequence of float
        The numbers of each row, by its name; the first one is on top.
    title : str
        The title of the figure.
    xlabel, ylabel : str
        What the numbers are, with their unit, and what distinguishes the rows.

    Returns
    -------
    matplotlib.figure.Figure
        For `show_figure`, after something was added to its only axes (the rows are at 0, 1, 2, ...) and the legend.
    """
    figure, axis = plt.subplots(figsize=(8, 1.8 + 0.7 * len(groups)))
    for row, values in enumerate(groups.values()):
        # Open circles, so that equal numbers do not hide each other.
        label = "one training" if row == 0 else None
        axis.plot(values, [row] * len(values), "o", color=BLUE, fillstyle="none", markersize=10, label=label)
        axis.plot([np.mean(values)] * 2, [row - 0.35, row + 0.35], color="black", label="mean" if row == 0 else None)
    axis.set(title=title, xlabel=xlabel, ylabel=ylabel, yticks=range(len(groups)), yticklabels=groups)
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.3)
    return figure
