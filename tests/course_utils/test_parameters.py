"""Parameters as people and programs set them: unusable values are rejected before there is work to lose."""

import re

import numpy as np
import pytest

from course_utils.checkpoint import keep_each_epoch
from course_utils.course import CourseError
from course_utils.data import Dataset
from course_utils.parameters import check_parameters
from course_utils.training import steps_per_execution
from course_utils.widgets import show_training_progress

IMAGES, LABELS = np.zeros((40, 28, 28), "uint8"), np.arange(40, dtype="uint8") % 10
DATASET = Dataset("a few digits", IMAGES, LABELS, IMAGES, LABELS)


@pytest.mark.parametrize(
    ("name", "right", "wrong", "expected"),
    [
        ("num_epochs", [1, np.int64(3)], [0, -1, 2.5, "3", None, True, np.nan, [3]], "a whole number of at least 1"),
        ("batch_size", [1, 40], [0, 0.5, "8", 41], "a whole number from 1 to 40, the number of training images"),
        ("hidden_size", [1, 10**6], [0, "many"], "a whole number of at least 1"),
        ("seed", [0, 9, 2**32 - 1], [-1, 2**32, 0.5, "nine", None], "a whole number from 0 to 4,294,967,295"),
        ("learning_rate", [5, 1e-9, np.float32(0.5)], [0, -0.1, "0.5", float("nan"), float("inf")], "a number above 0"),
        ("resume", [True, False], [0, 1, "False", None], "True or False"),
    ],
)
def test_a_value_that_training_cannot_use_is_rejected_in_a_sentence(name, right, wrong, expected):
    for value in right:
        check_parameters(DATASET, **{name: value})
    for value in wrong:
        sentence = f"{name} is {value!r}, expected {expected}. Change it and run all cells below."
        with pytest.raises(CourseError, match=re.escape(sentence)):
            check_parameters(DATASET, **{name: value})


@pytest.mark.parametrize(
    ("use", "name"),
    [
        (lambda: keep_each_epoch(DATASET, seed="nine", batch_size=10), "seed"),
        (lambda: keep_each_epoch(DATASET, seed=9, batch_size=41), "batch_size"),
        (lambda: keep_each_epoch(DATASET, seed=9, batch_size=10, resume="False"), "resume"),
        (lambda: steps_per_execution(40, 0), "batch_size"),
        (lambda: show_training_progress(0), "num_epochs"),
    ],
)
def test_helpers_of_the_lessons_reject_it(use, name):
    with pytest.raises(CourseError, match=f"^{name} is "):
        use()
