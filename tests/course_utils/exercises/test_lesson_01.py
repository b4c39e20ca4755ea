"""Lesson 01: right answers pass, and each typical mistake gets its own diagnosis."""

import numpy as np
import pytest

from course_utils.exercises import lesson_01 as exercises
from tests.exercises.solutions import run_solution

RNG = np.random.default_rng(1)
# Image 321 is the faintest of the first 1,000; 500 has fewer pixels with ink, and 1,050 less ink.
IMAGES = RNG.integers(0, 256, (1_100, 28, 28), dtype=np.uint8) * (RNG.random((1_100, 28, 28)) < 0.3).astype(np.uint8)
IMAGES[321] = np.where(RNG.random((28, 28)) < 0.2, 10, 0)
IMAGES[500] = 0
IMAGES[500, 10, :20] = 250
IMAGES[1_050] = 0
IMAGES[1_050, 3, 3] = 9
IMAGES[0, 0, 0] = 1
IMAGES[1, 0, 0] = 1
INK = IMAGES.sum(axis=(1, 2), dtype=int)
LABELS = np.arange(1_100, dtype=np.uint8) % 10

TRAIN_LABELS = np.repeat(np.arange(10), [107, 115, 98, 102, 97, 91, 99, 104, 97, 100]).astype(np.uint8)
TEST_LABELS = np.repeat(np.arange(10), [42, 44, 45, 40, 38, 36, 32, 42, 40, 41]).astype(np.uint8)
TRAIN, TEST = np.bincount(TRAIN_LABELS), np.bincount(TEST_LABELS)
TRAIN_SHARES, TEST_SHARES = TRAIN / TRAIN.sum(), TEST / TEST.sum()
MOST = 6  # falls by more than any other rises

GIVEN = {"01.1": {"train_images": IMAGES}, "01.2": {"train_labels": TRAIN_LABELS, "test_labels": TEST_LABELS}}


def faintest(says, answer):
    return says(exercises.find_faintest_image, answer, **GIVEN["01.1"])


def frequencies(says, *answers):
    return says(exercises.compare_shares, *answers, **GIVEN["01.2"])


# --- 01.1 ------------------------------------------------------------------------------------------------------------


def test_the_solution_finds_the_faintest(says):
    import matplotlib.pyplot as plt

    variables = {"np": np, "plt": plt, "show_figure": lambda figure, alt: plt.close(figure)}
    found = run_solution("01", "find-faintest-image", train_images=IMAGES, train_labels=LABELS, **variables)
    assert faintest(says, found["faintest"]).startswith("✓ 01.1")


@pytest.mark.parametrize("answer", [321, 321.0, np.int64(321), np.array(321), np.array([321]), [321]], ids=repr)
def test_the_faintest_is_right_in_any_form(answer, says):
    assert faintest(says, answer).startswith("✓ 01.1")


def test_each_of_two_equally_faint_images_is_right(says):
    images = IMAGES.copy()
    images[700] = images[321].T
    for answer in (321, 700):
        assert says(exercises.find_faintest_image, answer, train_images=images).startswith("✓")


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (INK[:1_000].min(), "is how much ink the faintest image has"),
        (INK[:1_000].argmax(), "most ink of all"),
        (322, "the one after the faintest"),
        (IMAGES[:1_000].sum(axis=(1, 2), dtype="uint8").argmin(), "uint8"),
        (INK.argmin(), "of all 1,100 training images"),
        (500, "fewest pixels with any ink"),
        (IMAGES[:1_000].argmin(), "more than one number for each image"),
        (IMAGES[321], "an image itself"),
        (IMAGES[321].tolist(), "an image itself"),
        (INK[:1_000], "a number for each of the 1,000 images"),
        (1_000, "positions 0 to 999"),
        (-679, "positions 0 to 999"),
        (17, "there are images with less"),
        (True, "truth value"),
        (None, "nothing (None)"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_another_image_gets_its_diagnosis(answer, diagnosis, says):
    said = faintest(says, answer)
    assert said.startswith("✗ 01.1")
    assert diagnosis in said
    assert len(said) < 400


def test_python_sums_overflow_as_the_diagnosis_says():
    with np.errstate(all="ignore"):
        sums = [int(sum(sum(image))) for image in IMAGES[:50]]
    assert sums == IMAGES[:50].sum(axis=(1, 2), dtype="uint8").tolist()


# --- 01.2 ------------------------------------------------------------------------------------------------------------


def test_the_solution_compares_the_digits(says):
    found = run_solution("01", "compare-shares", np=np, train_labels=TRAIN_LABELS, test_labels=TEST_LABELS)
    said = frequencies(says, found["train_shares"], found["test_shares"], found["digit"])
    assert said.startswith("✓ 01.2")


@pytest.mark.parametrize(
    "answers",
    [
        (TRAIN_SHARES.tolist(), TEST_SHARES.tolist(), 6),
        ([np.mean(k == TRAIN_LABELS) for k in range(10)], [np.mean(k == TEST_LABELS) for k in range(10)], np.uint8(6)),
        (TRAIN_SHARES.astype("float32"), TEST_SHARES.round(6), np.array([6])),
    ],
    ids=["lists", "means", "float32"],
)
def test_shares_are_right_in_any_form(answers, says):
    assert frequencies(says, *answers).startswith("✓ 01.2")


@pytest.mark.parametrize(
    ("train_shares", "diagnosis"),
    [
        (TRAIN, "holds counts (they add up to 1,010)"),
        (100 * TRAIN_SHARES, "holds percentages"),
        (TRAIN / TEST.sum(), "number of images of the other group"),
        (TEST_SHARES, "shares of the other group"),
        (TRAIN / 10, "divided by 10"),
        (TRAIN / TRAIN.max(), "divided by the largest count"),
        (TRAIN // TRAIN.sum(), "all zeros"),
        (np.full(10, 0.1), "a tenth for each digit"),
        (np.sort(TRAIN_SHARES), "sorted"),
        (np.roll(TRAIN_SHARES, -1), "begins with the share of the ones"),
        (TRAIN_SHARES[:9], "shape (9,)"),
        (TRAIN_SHARES[:, np.newaxis], "shape (10, 1)"),
        (TRAIN_LABELS, "a number for each image"),
        (TRAIN_LABELS.mean(), "is a single number, expected ten"),
        (np.bincount, "a function"),
        (np.full(10, np.inf), "infinite"),
        (TRAIN_SHARES + 0.01, "adds up to 1.1"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_other_shares_get_their_diagnosis(train_shares, diagnosis, says):
    said = frequencies(says, train_shares, TEST_SHARES, MOST)
    assert said.startswith("✗ 01.2")
    assert "`train_shares`" in said
    assert diagnosis in said


def test_the_second_answer_is_looked_at_as_well(says):
    assert "`test_shares` holds counts" in frequencies(says, TRAIN_SHARES, TEST, MOST)
    assert "swapped" in frequencies(says, TEST_SHARES, TRAIN_SHARES, MOST)
    assert "not attempted" in frequencies(says, TRAIN_SHARES, TEST_SHARES, ...)


@pytest.mark.parametrize(
    ("digit", "diagnosis"),
    [
        ((TEST_SHARES - TRAIN_SHARES).argmax(), "in one direction only"),
        (np.abs(TEST_SHARES - TRAIN_SHARES).argmin(), "differ least"),
        (7, "one more than it should be"),
        (0.02, "expected a whole number"),
        (11, "expected one of 0 to 9"),
        (9, "there is a digit where they differ more"),
    ],
)
def test_another_digit_gets_its_diagnosis(digit, diagnosis, says):
    said = frequencies(says, TRAIN_SHARES, TEST_SHARES, digit)
    assert said.startswith("✗ 01.2")
    assert diagnosis in said


def test_a_digit_that_differs_most_in_proportion_gets_its_diagnosis(says):
    train = np.repeat([0, 1, 2], [50, 45, 5])
    test = np.repeat([0, 1, 2], [46, 52, 2])
    shares = [np.bincount(labels, minlength=10) / 100 for labels in (train, test)]
    said = says(exercises.compare_shares, *shares, 2, train_labels=train, test_labels=test)
    assert "in proportion" in said


def test_a_digit_whose_counts_differ_most_gets_its_diagnosis(says):
    train = np.repeat([0, 1, 2, 3], [400, 300, 200, 100])
    test = np.repeat([0, 1, 2, 3], [37, 37, 16, 10])
    shares = [np.bincount(labels, minlength=10) / len(labels) for labels in (train, test)]
    train_and_test = {"train_labels": train, "test_labels": test}
    assert "The counts of 0 differ most" in says(exercises.compare_shares, *shares, 0, **train_and_test)
