"""Lesson 02: right answers pass, and each typical mistake gets its own diagnosis."""

import numpy as np
import pytest

from course_utils.exercises import lesson_02 as exercises
from tests.exercises.solutions import run_solution

RNG = np.random.default_rng(2)
INKED = np.zeros(784, dtype=bool)
INKED[100:700] = True


def make_images(count, inked):
    images = RNG.integers(1, 256, (count, 784)) * (RNG.random((count, 784)) < 0.3) * inked
    return images.astype(np.uint8).reshape(count, 28, 28)


TRAIN_IMAGES = make_images(60, INKED)
TRAIN_IMAGES[7] = 0  # an image without any ink
TRAIN_IMAGES[:, 10, 10] = 255  # a pixel that is never white
TRAIN_LABELS = (np.arange(60) % 10).astype(np.uint8)
TRAIN_IMAGES[TRAIN_LABELS == 1] //= 2
TRAIN_VECTORS = TRAIN_IMAGES.reshape(60, 784).astype("float32") / 255
TEST_IMAGES = make_images(50, INKED & (np.arange(784) < 650))
TEST_VECTORS = TEST_IMAGES.reshape(50, 784).astype("float32") / 255
IS_WHITE = TRAIN_VECTORS.max(axis=0) == 0
NUM_WHITE = int(IS_WHITE.sum())
INK = [float(TRAIN_VECTORS[digit == TRAIN_LABELS].mean()) for digit in (0, 1)]
DIGIT = np.minimum(TEST_IMAGES[5], 250)
PREPARED = DIGIT.reshape(1, 784).astype("float32") / 255

GIVEN = {
    "02.1": {"train_vectors": TRAIN_VECTORS, "test_vectors": TEST_VECTORS},
    "02.2": {"train_vectors": TRAIN_VECTORS, "train_labels": TRAIN_LABELS},
    "02.3": {"test_image": DIGIT},
}


class Digits:
    """Stands for the dataset of the lesson."""

    train_images, train_labels, test_images = TRAIN_IMAGES, TRAIN_LABELS, np.stack([DIGIT] * 6)


def white(says, answer):
    return says(exercises.count_white_pixels, answer, **GIVEN["02.1"])


def ink(says, *answers):
    return says(exercises.measure_ink, *answers, **GIVEN["02.2"])


def prepared(says, answer):
    return says(exercises.prepare_one_digit, answer, **GIVEN["02.3"])


# --- 02.1 ------------------------------------------------------------------------------------------------------------


def test_the_solution_counts_the_white_pixels(says):
    found = run_solution("02", "count-white-pixels", train_vectors=TRAIN_VECTORS)
    assert white(says, found["num_white_pixels"]).startswith("✓ 02.1")


@pytest.mark.parametrize(
    "answer",
    [
        784 - np.count_nonzero(TRAIN_VECTORS.any(axis=0)),
        np.sum(TRAIN_VECTORS.sum(axis=0) == 0),
        float(NUM_WHITE),
        np.array(NUM_WHITE),
        len([place for place in range(784) if not any(TRAIN_VECTORS[:, place])]),
    ],
    ids=["any", "sum", "float", "array", "loop"],
)
def test_the_count_is_right_in_any_form(answer, says):
    assert white(says, answer).startswith("✓ 02.1")


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (784 - NUM_WHITE, "the opposite of what was asked"),
        ((TRAIN_VECTORS.max(axis=1) == 0).sum(), "`axis=1` you looked along each image"),
        ((TRAIN_VECTORS.min(axis=0) == 0).sum(), "white in at least one image"),
        ((TEST_VECTORS.max(axis=0) == 0).sum(), "right for the test images"),
        ((TRAIN_VECTORS[0] == 0).sum(), "first image alone"),
        ((TRAIN_VECTORS == 0).sum(), "in all images together"),
        ((TRAIN_VECTORS.max(axis=0) == 1).sum(), "entirely black in some image"),
        ((TRAIN_VECTORS.max(axis=0) < 1).sum(), "never entirely black"),
        (IS_WHITE.mean(), "share of such pixels"),
        (IS_WHITE, "a bool array of shape (784,)"),
        (np.flatnonzero(IS_WHITE), "expected a single number"),
        (NUM_WHITE - 1, "just one fewer"),
        (NUM_WHITE + 5, "5 more than there are"),
        (-3, "cannot be right"),
        (12.5, "expected a whole number"),
        (IS_WHITE.sum, "parentheses"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_another_count_gets_its_diagnosis(answer, diagnosis, says):
    said = white(says, answer)
    assert said.startswith("✗ 02.1")
    assert diagnosis in said


# --- 02.2 ------------------------------------------------------------------------------------------------------------


def test_the_solution_measures_the_ink(says):
    found = run_solution("02", "measure-ink", dataset=Digits, train_vectors=TRAIN_VECTORS)
    assert ink(says, found["ink_of_zeros"], found["ink_of_ones"]).startswith("✓ 02.2")


@pytest.mark.parametrize(
    "answers",
    [
        INK,
        [
            np.mean([vector.mean() for vector, label in zip(TRAIN_VECTORS, TRAIN_LABELS, strict=True) if label == k])
            for k in (0, 1)
        ],
        [TRAIN_IMAGES[k == TRAIN_LABELS].mean() / 255 for k in (0, 1)],
        [np.array([value]) for value in INK],
    ],
    ids=["floats", "loop", "images", "arrays"],
)
def test_the_ink_is_right_in_any_form(answers, says):
    assert ink(says, *answers).startswith("✓ 02.2")


ZEROS = TRAIN_VECTORS[TRAIN_LABELS == 0]


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (TRAIN_IMAGES[TRAIN_LABELS == 0].mean(), "in grey levels from 0 to 255"),
        ((ZEROS / 255).mean(), "divided by 255 twice"),
        (ZEROS.sum(axis=1).mean(), "784 pixels added up"),
        (ZEROS.sum(), "the sum of all pixels of all those images"),
        (TRAIN_VECTORS[0].mean(), "image at position 0"),
        (ZEROS[ZEROS > 0].mean(), "the white paper left out"),
        ((TRAIN_LABELS == 0).mean(), "share of images that show a 0"),
        (TRAIN_VECTORS.mean(), "mean of all the images"),
        (TRAIN_VECTORS[TRAIN_LABELS != 0].mean(), "do not show a 0"),
        ((ZEROS > 0).mean(), "any ink"),
        (ZEROS.sum() / TRAIN_VECTORS.size, "divided by all 60 images"),
        (1 - INK[0], "share of white paper"),
        (ZEROS.std(), "standard deviation"),
        (ZEROS.mean(axis=0), "the mean of each pixel"),
        (ZEROS, "the vectors of 6 images"),
        (17.3, "lies between 0 and 1"),
        (0.5, "more than the mean pixel"),
        (np.nan, "NaN"),
        ("13 %", "a text (str)"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_other_ink_gets_its_diagnosis(answer, diagnosis, says):
    said = ink(says, answer, INK[1])
    assert said.startswith("✗ 02.2")
    assert "`ink_of_zeros`" in said
    assert diagnosis in said


@pytest.mark.parametrize("answer", [np.median(TRAIN_VECTORS[TRAIN_LABELS == 1]), TRAIN_VECTORS[:, 1].mean()])
def test_no_ink_at_all_gets_its_diagnosis(answer, says):
    said = ink(says, INK[0], answer)
    assert "the median" in said
    assert "`train_vectors[:, 1]`" in said


def test_the_second_answer_is_looked_at_as_well(says):
    assert "swapped" in ink(says, INK[1], INK[0])
    assert "`ink_of_ones` is the ink of the image at position 1" in ink(says, INK[0], TRAIN_VECTORS[1].mean())


# --- 02.3 ------------------------------------------------------------------------------------------------------------


def test_the_solution_prepares_the_digit(says):
    before = DIGIT.copy()
    found = run_solution("02", "prepare-one-digit", dataset=Digits)
    assert prepared(says, found["prepared"]).startswith("✓ 02.3")
    assert np.array_equal(DIGIT, before)


@pytest.mark.parametrize(
    "answer",
    [
        DIGIT.astype(np.float32).flatten()[np.newaxis] / 255,
        np.expand_dims((DIGIT / np.float32(255)).ravel(), 0),
        (DIGIT.reshape(1, -1) / 255).astype("float32"),
        DIGIT.reshape(1, 784).astype("float32") * np.float32(1 / 255),
    ],
    ids=["flatten", "expand", "cast-last", "times"],
)
def test_a_digit_is_prepared_in_any_way(answer, says):
    assert prepared(says, answer).startswith("✓ 02.3")


ROW = DIGIT.reshape(1, 784)


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (ROW / 255, "The values are right, but their dtype is float64"),
        ((PREPARED).tolist(), "The values are right, but their dtype is float64"),
        (PREPARED / 255, "Divided by 255 twice: the largest value is 0.0038"),
        (ROW.astype("float32"), "still lie between 0 and 250"),
        (ROW, "still lie between 0 and 250"),
        ((ROW // 255).astype("float32"), "All values are 0"),
        (PREPARED.astype("uint8"), "All values are 0"),
        (PREPARED.round(), "the values were rounded"),
        (1 - PREPARED, "inverted"),
        (DIGIT.T.reshape(1, 784).astype("float32") / 255, "column by column"),
        (DIGIT[::-1].reshape(1, 784).astype("float32") / 255, "stands on its head"),
        (ROW.astype("float32") / 256, "Divided by 256"),
        (ROW / ROW.max(), "its own largest pixel (250)"),
        (ROW / 784, "Divided by 784"),
        (ROW / 127.5, "Divided by 127.5"),
        (ROW / 127.5 - 1, "between -1 and 1"),
        (ROW.astype("int8").astype("float32") / 255, "int8"),
        ((ROW - ROW.mean()) / ROW.std(), "their mean is 0"),
        (PREPARED[0], "a vector of shape (784,), expected (1, 784)"),
        (PREPARED.T, "Rows and columns are swapped"),
        (DIGIT / 255, "still a table of 28 by 28"),
        (TRAIN_VECTORS[:1], "they are not those of `test_image`"),
        (TEST_VECTORS, "shape (50, 784), expected an array of shape (1, 784)"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_digit_prepared_otherwise_gets_its_diagnosis(answer, diagnosis, says):
    said = prepared(says, answer)
    assert said.startswith("✗ 02.3")
    assert diagnosis in said


def test_a_division_of_whole_numbers_gets_its_diagnosis(says):
    image = DIGIT.copy()
    image[3, 3] = 255
    said = says(exercises.prepare_one_digit, image.reshape(1, 784) // 255, test_image=image)
    assert "nothing but 0 and 1" in said
