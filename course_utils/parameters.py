"""Values that a person, or a program such as papermill, sets in the parameters cell of a lesson."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from course_utils.course import CourseError
from course_utils.data import Dataset

_COUNT = ("a whole number of at least 1", Integral, 1, math.inf)
#: What each must be: in words, its type, its minimum and its maximum.
_EXPECTED: dict[str, tuple[str, Any, float, float]] = {
    "num_epochs": _COUNT,
    "batch_size": _COUNT,
    "hidden_size": _COUNT,
    "seed": ("a whole number from 0 to 4,294,967,295", Integral, 0, 2**32 - 1),
    "learning_rate": ("a number above 0", Real, 1e-30, 1e30),
    "resume": ("True or False", bool, False, True),
}


def check_parameters(dataset: Dataset | None = None, **values: Any) -> None:  # noqa: ANN401
    """Reject a value that cannot be used for training, before any work is done.

    Parameters
    ----------
    dataset : Dataset, optional
        The digits to learn from: a batch cannot be larger than all its training images.
    **values : object
        By name: ``num_epochs``, ``batch_size`` and ``hidden_size`` are whole numbers of at least 1, ``seed`` is one
        from 0 to 4,294,967,295, ``learning_rate`` is a number above 0, ``resume`` is true or false.

    Raises
    ------
    CourseError
        If one of them is anything else, such as 0, 2.5 or ``"3"``; the message says what is expected.
    """
    for name, value in values.items():
        expected, kind, least, most = _EXPECTED[name]
        if name == "batch_size" and dataset:
            most = len(dataset.train_images)
            expected = f"a whole number from 1 to {most:,}, the number of training images"
        if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool) or not least <= value <= most:
            raise CourseError(f"{name} is {value!r}, expected {expected}. Change it and run all cells below.")
