"""The figures of the lessons: legible from the last row, and with text alternatives.

Importing this module sets the course's Matplotlib style. Nothing here loads data.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.patches import BoxStyle, FancyBboxPatch
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import IdentityTransform
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
        "axes.facecolor": "none",
        "legend.facecolor": "white",
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
        What the figure shows, for those who cannot see it: it replaces the picture where only text is shown, and is
        its ``alt`` attribute on HTML pages.
    """
    for axis in figure.axes:
        if axis.get_xlabel() == "epoch" and isinstance(locator := axis.xaxis.get_major_locator(), MaxNLocator):
            locator.set_params(integer=True)  # there is no epoch 1.25
    buffer = BytesIO()
    # White on a white page; on a dark one, a slightly transparent card with rounded corners.
    width, height = figure.get_size_inches() * figure.dpi
    corners = BoxStyle("Round", pad=0, rounding_size=12)
    card = FancyBboxPatch((0, 0), width, height, corners, transform=IdentityTransform(), facecolor=(1, 1, 1, 0.9), lw=0)
    figure.add_artist(card).set_zorder(-1)
    figure.savefig(buffer, format="png", facecolor="none")
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
        For `show_figure`, once its only axes have a legend and anything else you add (the rows are at 0, 1, 2, ...).
    """
    figure, axis = plt.subplots(figsize=(8, 1.8 + 0.7 * len(groups)))
    for row, values in enumerate(groups.values()):
        # Open circles, so that equal numbers do not hide each other.
        label = "one training run" if row == 0 else None
        (circles,) = axis.plot(values, [row] * len(values), "o", color=BLUE, label=label)
        circles.set(fillstyle="none", markersize=10, markeredgewidth=2)
        axis.plot([np.mean(values)] * 2, [row - 0.35, row + 0.35], color="black", label="mean" if row == 0 else None)
    axis.set(title=title, xlabel=xlabel, ylabel=ylabel, yticks=range(len(groups)), yticklabels=groups)
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.3)
    return figure


def plot_chain(
    places: Mapping[str, tuple[float, float]], arrows: Sequence[tuple[str, str, float, float]], title: str
) -> Figure:
    """Draw a computation as boxes and arrows, with the values that flow forward and the gradients that flow back.

    Parameters
    ----------
    places : mapping of str to (float, float)
        The place of each box, by its text, in steps to the right and upward.
    arrows : sequence of (str, str, float, float)
        From which box, to which box, the value passed forward, and the gradient passed back.
    title : str
        The title of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        For `show_figure`.
    """
    figure, axis = plt.subplots(figsize=(12, 4.5))
    for text, place in places.items():
        box = {"boxstyle": "round,pad=0.5", "facecolor": "white"}
        axis.text(*place, text, ha="center", va="center", fontsize=14, bbox=box)
    for tail, head, value, gradient in arrows:
        shrink = {"shrinkA": 12 + 3.4 * len(tail), "shrinkB": 12 + 3.4 * len(head)}  # to the border of the box
        axis.annotate("", places[head], places[tail], arrowprops={"arrowstyle": "->", "lw": 1.5, **shrink}, zorder=0)
        (x, y), (right, up) = np.mean([places[tail], places[head]], axis=0), np.subtract(places[head], places[tail])
        away = 0.08 + 0.15 * abs(up / right)  # a number clears a slanted arrow
        axis.text(x, y + away, f"→ {value:.2f}", ha="center", va="bottom", color=BLUE, fontsize=14)
        axis.text(x, y - away, f"← {gradient:.2f}", ha="center", va="top", color=ORANGE, fontsize=14, weight="bold")
    xs, ys = zip(*places.values(), strict=True)
    axis.set(title=title, xlim=(min(xs) - 0.4, max(xs) + 0.4), ylim=(min(ys) - 0.6, max(ys) + 0.6))
    axis.axis("off")
    return figure


def plot_network(sizes: Sequence[int], title: str) -> Figure:
    """Draw a network of dense layers: squares for inputs, dots for neurons, a line for each weight between them.

    Parameters
    ----------
    sizes : sequence of int
        The number of inputs, then of neurons in each layer; the last one has at most ten. Of a larger layer, ten
        neurons are drawn, with a gap for the others.
    title : str
        The title of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        For `show_figure`.
    """
    figure, axis = plt.subplots(figsize=(9, 5))
    heights = [np.arange(size) - (size - 1) / 2 if size <= 10 else np.delete(np.arange(-5, 6), 5) for size in sizes]
    for x, (left, right) in enumerate(pairwise(heights)):
        pairs = np.stack(np.meshgrid(left, right)).reshape(2, -1)
        axis.plot([x, x + 1], pairs, color="black", linewidth=0.5, alpha=0.35, zorder=1)
    for x, (size, column) in enumerate(zip(sizes, heights, strict=True)):
        face = "white" if x == 0 else BLUE
        axis.scatter([x] * len(column), column, s=180, marker="os"[x == 0], facecolor=face, edgecolor=BLUE, linewidth=2)
        if len(column) < size:
            axis.text(x, 0, "⋮", fontsize=26, ha="center", va="center")
        role = "inputs" if x == 0 else "neurons\n" + ("output" if x == len(sizes) - 1 else f"hidden layer {x}")
        axis.text(x, -5.7, f"{size} {role}", fontsize=14, ha="center", va="top")
    for number, y in enumerate(reversed(heights[-1])):
        axis.text(len(sizes) - 0.85, y, str(number), fontsize=14, va="center")
    axis.set(title=title, xlim=(-0.4, len(sizes) - 0.6), ylim=(-7.4, 5.5))
    axis.axis("off")
    return figure
