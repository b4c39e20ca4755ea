"""The explorer of lesson 02: one digit before and after each step of preprocessing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from course_utils.data import Dataset
from course_utils.preprocessing import MAX_PIXEL
from course_utils.widgets.display import display_widget
from course_utils.widgets.widget import DatasetExplorer, choose

NUM_BINS = 20
ROW, COLUMN = 14, 13


def explore_preprocessing(dataset: Dataset) -> None:
    """Show a digit before and after each step of preprocessing, with the histogram of its values.

    Parameters
    ----------
    dataset : Dataset
        The digits, as `load_dataset` returns them.
    """
    title = f"A digit of {dataset.name} on its way to the network"
    explorer = DatasetExplorer("preprocessing.js", describe_steps, dataset, title=title, marked=[ROW, COLUMN])
    steps = [
        f"shape {step['shape']}, {step['dtype']}, {step['min']} to {step['max']}" for step in explorer.response["steps"]
    ]
    alt = f"{title}, with a histogram at each step: {' → '.join(steps)} (interactive in JupyterLab)."
    display_widget(explorer, alt)


def describe_steps(dataset: Dataset, part: str, index: int) -> dict:
    """Return the label of an image, and its values before and after each step of `preprocess_images`."""
    image, label = choose(dataset, part, index)
    vector = image.reshape(-1)
    floats = vector.astype(np.float32)
    scaled = floats / MAX_PIXEL
    steps = [
        _describe("as loaded", "image", image, MAX_PIXEL),
        _describe("flattened", "image.reshape(28 * 28)", vector, MAX_PIXEL),
        _describe("floating-point numbers", '….astype("float32")', floats, MAX_PIXEL),
        _describe("scaled", "… / 255", scaled, 1),
    ]
    return {"label": dataset.class_names[label], "steps": steps}


def _describe(name: str, code: str, values: NDArray, largest: int) -> dict:
    counts, _ = np.histogram(values, bins=NUM_BINS, range=(0, largest))
    return {
        "name": name,
        "code": code,
        "shape": str(values.shape),
        "dtype": str(values.dtype),
        "min": str(values.min()),
        "max": str(values.max()),
        "largest": largest,
        "counts": counts.tolist(),
        "values": values.astype(values.dtype.newbyteorder("<")).tobytes(),
    }
