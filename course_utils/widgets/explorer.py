"""What the explorers share: the browser asks, the kernel answers, and neither waits for the other.

An explorer is a function that makes an answer of a question, and a JavaScript file that draws the answer and asks the
next question. What needs no kernel, such as the pixel under the pointer, is done in the browser. While the kernel is
busy, ipywidgets keeps the last question only, so nothing lags behind.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anywidget
import traitlets

from course_utils.data import Dataset

FOLDER = Path(__file__).parent
PARTS = ("training", "test")


class Explorer(anywidget.AnyWidget):
    """A widget that answers questions from the browser.

    Parameters
    ----------
    script : str
        Name of the explorer's JavaScript file beside this one. It follows ``explorer.js`` in the same module and
        exports what ``explorer`` returns.
    reply : callable
        Takes the question's entries by keyword, and returns the answer. Where it raises, the browser shows the message.
    question : dict
        The first question.
    facts : dict
        What the browser must know and never changes; ``title`` is the explorer's heading.

    Attributes
    ----------
    answer : dict
        What `reply` returned, or ``problem``, a sentence; and the question that it belongs to, as ``to``.
    """

    _css = (FOLDER / "explorer.css").read_text(encoding="utf-8")

    facts = traitlets.Dict().tag(sync=True)
    question = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)

    def __init__(self, script: str, reply: Callable[..., dict], question: dict, facts: dict) -> None:
        self._esm = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in ("explorer.js", script))
        self._reply = reply
        super().__init__(facts=facts, question=question, answer={"to": question, **reply(**question)})
        self.observe(self._answer, "question")

    def _answer(self, change: dict) -> None:
        question = change["new"]
        try:
            answer = self._reply(**question)
        except Exception as error:  # ipywidgets would write it where no student looks
            answer = {"problem": f"{type(error).__name__}: {error} Run the cell again to start afresh."}
        self.answer = {"to": question, **answer}


def check_dataset(dataset: object) -> None:
    """Raise `TypeError`, with what to do, unless this is a dataset of the course."""
    if not isinstance(dataset, Dataset):
        raise TypeError(f"expected the dataset that load_dataset() returns, got a {type(dataset).__name__}.")


def digit_facts(dataset: Dataset) -> dict:
    """Return what the browser must know to choose a digit: the number of images in each part."""
    return {"counts": {part: len(digits(dataset, part)[1]) for part in PARTS}}


def digits(dataset: Dataset, part: str) -> tuple:
    """Return images and labels of the ``"training"`` or the ``"test"`` part of a dataset."""
    if part not in PARTS:
        raise ValueError(f"there is no part {part!r}, only {' and '.join(PARTS)}.")
    if part == "training":
        return dataset.train_images, dataset.train_labels
    return dataset.test_images, dataset.test_labels


def choose(dataset: Dataset, part: str, index: int) -> tuple:
    """Return image and label of a digit.

    Raises
    ------
    IndexError
        If there is no such image; negative numbers are none.
    """
    images, labels = digits(dataset, part)
    if not 0 <= index < len(images):
        raise IndexError(f"there is no {part} image {index}: they are numbered 0 to {len(images) - 1}.")
    return images[index], int(labels[index])
