"""The student's own digits are kept whole, and nothing of them is lost."""

import base64
import subprocess
import sys

import numpy as np
import pytest

from course_utils.data import DatasetError
from course_utils.my_digits import FILE_NAME, keep_digit, keep_digits_of, load_my_digits, take_back_last_digit, to_text

SEVEN = np.full((28, 28), 7, np.uint8)
ONE = np.full((28, 28), 1, np.uint8)
pytestmark = pytest.mark.usefixtures("workspace")


def test_digits_stay_in_order_and_the_last_one_can_be_removed():
    assert load_my_digits().images.shape == (0, 28, 28)
    keep_digit(SEVEN, 7)
    assert keep_digit(ONE, 1).labels.tolist() == [7, 1]
    images, labels = load_my_digits()
    assert labels.tolist() == [7, 1]
    assert (images == [SEVEN, ONE]).all()
    take_back_last_digit()
    assert load_my_digits().labels.tolist() == [7]
    take_back_last_digit()
    assert take_back_last_digit().labels.tolist() == []


def test_a_damaged_file_is_left_as_it_is(workspace):
    for _ in range(3):
        keep_digit(SEVEN, 7)
    damaged = (workspace / FILE_NAME).read_bytes()[:-40]
    (workspace / FILE_NAME).write_bytes(damaged)
    for action in (load_my_digits, take_back_last_digit, lambda: keep_digit(ONE, 1)):
        with pytest.raises(DatasetError, match=r"my_digits.npz.*Move or delete the file"):
            action()
    assert (workspace / FILE_NAME).read_bytes() == damaged


@pytest.mark.parametrize(
    "arrays",
    [
        {"images": np.zeros((2, 28, 28), np.uint8)},
        {"images": np.zeros((2, 28, 28)), "labels": np.zeros(2, np.uint8)},
        {"images": np.zeros((2, 28, 28), np.uint8), "labels": np.zeros(3, np.uint8)},
        {"images": np.array([{}], object), "labels": np.zeros(1, np.uint8)},
    ],
    ids=["no labels", "floats", "lengths", "objects"],
)
def test_a_file_of_something_else_is_rejected(workspace, arrays):
    np.savez(workspace / FILE_NAME, **arrays)
    with pytest.raises(DatasetError, match=r"my_digits.npz"):
        load_my_digits()


def test_digits_of_a_file_are_added_once(workspace):
    keep_digit(SEVEN, 7)
    keep_digit(ONE, 1)
    text = to_text(load_my_digits())
    (workspace / FILE_NAME).unlink()
    keep_digit(ONE, 1)
    for _ in range(2):
        images, labels = keep_digits_of(text)
        assert labels.tolist() == [1, 7]
        assert (images == [ONE, SEVEN]).all()


LABELS = ("[7.5]", "[10]", "[-1]", "[1e400]", "[[7]]", '"7"', "7", "[]")
TEXTS = ["PNG", "[]", "[" * 100_000, '{"labels": [7]}', '{"images": ["AAAA"], "labels": [7]}']
TEXTS += [f'{{"images": ["IMAGE"], "labels": {labels}}}' for labels in LABELS]


@pytest.mark.parametrize("text", TEXTS)
def test_a_file_that_no_pad_saved_is_rejected(text, workspace):
    with pytest.raises(DatasetError, match=r"does not contain digits from a drawing pad.*Save my digits"):
        keep_digits_of(text.replace("IMAGE", base64.b64encode(bytes(784)).decode()))
    assert not (workspace / FILE_NAME).exists()


def test_notebooks_keep_digits_at_the_same_time():
    code = (
        "import numpy as np; from course_utils.my_digits import keep_digit\n"
        "for label in range(10): keep_digit(np.zeros((28, 28), np.uint8), label)"
    )
    notebooks = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [notebook.wait() for notebook in notebooks] == [0, 0, 0]
    assert sorted(load_my_digits().labels.tolist()) == sorted([*range(10)] * 3)
