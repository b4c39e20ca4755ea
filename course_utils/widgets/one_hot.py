"""The explorer of lesson 03: a label and its one-hot row."""

from __future__ import annotations

import numpy as np

from course_utils.data import Dataset
from course_utils.preprocessing import NUM_CLASSES, one_hot
from course_utils.widgets.display import display_widget
from course_utils.widgets.widget import DatasetExplorer, choose, part_of


def explore_one_hot(dataset: Dataset) -> None:
    """Show the one-hot row of a label, and a digit that has this label.

    Parameters
    ----------
    dataset : Dataset
        The digits, as `load_dataset` returns them.
    """
    title = "A label and its one-hot row"
    explorer = DatasetExplorer("one_hot.js", describe_label, dataset, title=title, num_classes=NUM_CLASSES)
    label, row = explorer.response["label"], explorer.response["row"]
    alt = f"{title}. It begins with the first training image: label {label}, row {row} (interactive in JupyterLab)."
    display_widget(explorer, alt)


def describe_label(dataset: Dataset, part: str, index: int, wanted: int | None = None) -> dict:
    """Return label and one-hot row of a digit, and the digit: number `index`, or the next one whose label is `wanted`.

    After the last such digit, the search starts again at the first. Without one, only label and row are returned.
    """
    if wanted is not None:
        places = np.flatnonzero(part_of(dataset, part)[1] == wanted)
        if not len(places):
            return {"label": wanted, "row": _row(wanted)}
        index = int(places[np.searchsorted(places, index) % len(places)])
    image, label = choose(dataset, part, index)
    return {"label": label, "row": _row(label), "index": index, "pixels": image.tobytes()}


def _row(label: int) -> list[int]:
    return one_hot(np.array([label]))[0].astype(int).tolist()
