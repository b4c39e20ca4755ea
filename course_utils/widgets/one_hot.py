"""The explorer of lesson 03: a label and its one-hot row."""

from __future__ import annotations

from functools import partial

import numpy as np

from course_utils.data import Dataset
from course_utils.preprocessing import NUM_CLASSES, one_hot
from course_utils.widgets.display import display_widget
from course_utils.widgets.explorer import Explorer, check_dataset, choose, digit_facts, digits


def explore_one_hot(dataset: Dataset) -> None:
    """Show the one-hot row of a label, and a digit that has this label.

    Parameters
    ----------
    dataset : Dataset
        The digits, as `load_dataset` returns them.

    Raises
    ------
    TypeError
        If this is no dataset.
    """
    check_dataset(dataset)
    title = "A label and its one-hot row"
    facts = {"title": title, "num_classes": NUM_CLASSES, **digit_facts(dataset)}
    first = {"part": "training", "index": 0, "wanted": None}
    explorer = Explorer("one_hot.js", partial(describe_label, dataset), first, facts)
    label, row = explorer.answer["label"], explorer.answer["row"]
    alt = f"{title}. It begins with the first training image: label {label}, row {row} (it moves in JupyterLab)."
    display_widget(explorer, alt)


def describe_label(dataset: Dataset, part: str, index: int, wanted: int | None) -> dict:
    """Answer with a digit, its label, and the label's one-hot row.

    Parameters
    ----------
    dataset : Dataset
        The digits.
    part, index
        Which one to show, if `wanted` is None.
    wanted : int, optional
        A label. Then the digit is the next one from `index` on that has it, beginning anew after the last; where none
        has it, only the row is shown.

    Returns
    -------
    dict
        ``label``; ``row``, ten whole numbers; and if there is such a digit ``index`` and ``pixels``, a byte each.
    """
    found: dict = {}
    label = wanted
    if wanted is not None:
        labels = digits(dataset, part)[1]
        places = np.flatnonzero(labels == wanted)
        index = int(places[np.searchsorted(places, index) % len(places)]) if len(places) else None
    if index is not None:
        image, label = choose(dataset, part, index)
        found = {"index": index, "pixels": image.tobytes()}
    row = one_hot(np.array([label]))[0]
    return {"label": label, "row": row.astype(int).tolist(), **found}
