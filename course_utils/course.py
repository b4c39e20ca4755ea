"""The course as a whole: its folders, its lessons in order, and the error that every command understands."""

from __future__ import annotations

from pathlib import Path

_PARENT = Path(__file__).resolve().parent.parent
#: Whether the package was installed from its wheel, without the folder of the course.
IS_ALONE = not (_PARENT / "pyproject.toml").exists()
#: The folder of the course; where the package is alone, the folder of the notebook that imports it.
ROOT = Path.cwd() if IS_ALONE else _PARENT
NOTEBOOKS = ROOT if IS_ALONE else ROOT / "notebooks"
BUILD = ROOT / "build"
REFERENCE = Path(__file__).resolve().parent / "reference"

#: Number and name of each lesson, in the order of the course.
LESSONS = {
    "00": "start here",
    "01": "load and pickle",
    "02": "preprocess",
    "03": "one-hot encode",
    "04": "build the model",
    "05": "see how it learns",
    "06": "train",
    "07": "evaluate",
    "08": "what chance does",
    "09": "predict",
    "10": "try a cnn",
    "11": "your turn",
}


def counted(number: float, what: str) -> str:
    """Return ``"1 epoch"`` or ``"3 epochs"``."""
    return f"{number:,.6g} {what}{'s' * (number != 1)}"


class CourseError(Exception):
    """Something the reader can act on; commands print the message, and the original exception is its cause."""


def lesson_file(number: str) -> str:
    """Return the file name of a lesson: ``"06_train.ipynb"`` for ``"06"``."""
    if number not in LESSONS:
        raise CourseError(f"There is no lesson {number!r}. The lessons are {', '.join(LESSONS)}.")
    return f"{number}_{LESSONS[number].replace(' ', '_').replace('-', '_')}.ipynb"
