"""Every case of every lesson: right answers pass, and each mistake gets its own message."""

from collections import Counter
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

from course_utils import model, plotting, preprocessing
from course_utils.course import NOTEBOOKS, lesson_file
from tests.course_utils.exercises import helpers_05
from tests.course_utils.exercises.cases import EXERCISES, all_cases, example
from tests.course_utils.exercises.conftest import DIGITS

CASES = all_cases()
SAID: dict[str, str] = {}  # of each case, since some train a network
GENERAL = ("it should be", "are not right, the first", "the check failed with", "is not right.", "is other than")


@pytest.mark.parametrize("each", CASES, ids=lambda each: f"{each.key} {each.answer[:60]}")
def test_a_check_says_what_is_true(each, says):
    answers, given = each.evaluate()
    said = SAID[repr(each)] = says(EXERCISES[each.key], *answers, **given)
    assert each.said in said
    assert not each.never or each.never not in said
    assert said.startswith("✓") == (each.said == "✓")


def test_few_wrong_answers_get_the_general_message():
    wrong = [said for said in SAID.values() if said.startswith("✗")]
    assert sum(any(words in said for words in GENERAL) for said in wrong) <= len(wrong) / 10


def test_each_exercise_has_forty_cases():
    counts = Counter(each.key for each in CASES)
    assert {key: counts[key] for key in EXERCISES if counts[key] < 40} == {}


@pytest.mark.parametrize("key", [key for key in EXERCISES if key not in ("09.2", "10.2", "10.3", "11.4")])
def test_the_solution_in_the_notebook_gets_a_tick(key, says):
    import keras

    exercise, given = EXERCISES[key], example(key)[1]
    arrays = {name: getattr(DIGITS, name) for name in ("train_images", "train_labels", "test_images", "test_labels")}
    arrays |= {"train_vectors": preprocessing.preprocess_images(DIGITS.train_images), "z": 1.96, "seed": 9}
    arrays |= {"kernel": np.array([[-1.0] * 3, [0.0] * 3, [1.0] * 3])}
    arrays |= {"one_hot_train_labels": preprocessing.one_hot(DIGITS.train_labels)}
    names = {"np": np, "keras": keras, "plt": plt, "dataset": DIGITS, "build_model": model.build_model}
    names |= vars(plotting) | vars(preprocessing) | arrays | given
    if key[:2] == "05":
        names |= vars(helpers_05) | given
    if key == "06.2":
        names["history"] = SimpleNamespace(history=given["history"])
    if key == "07.1":
        confusion = np.zeros((10, 10), dtype=int)
        np.add.at(confusion, (given["test_labels"], given["predictions"]), 1)
        names["mistakes"] = confusion * (1 - np.eye(10, dtype=int))
    if key == "07.2":
        names["predictions"] = given["probabilities"].argmax(axis=1)
    cells = nbformat.read(NOTEBOOKS / lesson_file(key[:2]), as_version=4).cells
    starters = [index for index, cell in enumerate(cells) if "exercise" in cell.metadata.get("tags", [])]
    start = starters[int(key[3:]) - 1]
    exec(cells[start].source, names)
    exec(cells[start + 2].source, names)
    plt.close("all")
    given = {name: value if name == "history" else names.get(name, value) for name, value in given.items()}
    assert says(exercise, *(names[answer.name] for answer in exercise.answers), **given).startswith("✓")
