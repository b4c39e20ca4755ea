"""The explorer of lesson 01: any digit of the dataset, and the value of each of its pixels."""

from __future__ import annotations

from course_utils.data import Dataset
from course_utils.widgets.display import display_widget
from course_utils.widgets.widget import DatasetExplorer, choose

ROW, COLUMN = 14, 13


def explore_digits(dataset: Dataset) -> None:
    """Show any digit enlarged, with the value of the pixel you point at.

    Parameters
    ----------
    dataset : Dataset
        The digits, as `load_dataset` returns them.
    """
    title = f"Any digit of {dataset.name}, pixel by pixel"
    explorer = DatasetExplorer("digits.js", describe_digit, dataset, title=title, marked=[ROW, COLUMN])
    image, label = choose(dataset, "training", 0)
    alt = (
        f"{title}. It begins with training image 0, a {dataset.class_names[label]}, whose pixel in row {ROW} and "
        f"column {COLUMN} is {image[ROW, COLUMN]} (interactive in JupyterLab)."
    )
    display_widget(explorer, alt)


def describe_digit(dataset: Dataset, part: str, index: int) -> dict:
    """Return the pixels of an image, row by row a byte each, and its label."""
    image, label = choose(dataset, part, index)
    return {"pixels": image.tobytes(), "label": dataset.class_names[label]}
