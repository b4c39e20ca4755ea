"""Lesson 07: right answers pass, and each typical mistake gets its own diagnosis. The network is a made one."""

import keras
import numpy as np
import pytest

from course_utils.exercises import lesson_07 as exercises
from course_utils.preprocessing import preprocess_images
from tests.exercises.solutions import run_solution

# --- 07.1 ------------------------------------------------------------------------------------------------------------

GENERATOR = np.random.default_rng(3)
LABELS = GENERATOR.integers(0, 10, 400).astype(np.uint8)
MISTAKES = np.array([8, 33, 61, 92, 124, 149, 217, 233, 247, 259, 320, 321, 340, 381])
PREDICTIONS = LABELS.astype(np.int64)
PREDICTIONS[MISTAKES] = (LABELS[MISTAKES] + 1) % 10
RIGHT = np.flatnonzero(PREDICTIONS == LABELS)
GRID = {"predictions": PREDICTIONS, "test_labels": LABELS, "num_mistakes": 10}


class Digits:
    """What the solutions use of a dataset."""

    name = "made digits"
    test_images = np.zeros((400, 28, 28), dtype=np.uint8)
    test_labels = LABELS


def test_positions_of_the_solution_are_right(says):
    shown = []
    answers = run_solution(
        "07",
        "grid-of-mistakes",
        predictions=PREDICTIONS,
        dataset=Digits,
        plot_digits=lambda images, titles, title: shown.append((len(images), len(titles))),
        show_figure=lambda figure, alt: shown.append(alt),
    )
    assert "✓ 07.1" in says(exercises.grid_of_mistakes, answers["first_mistakes"], **GRID)
    assert shown[0] == (10, 10)
    assert f"{PREDICTIONS[8]} ✗ (is {LABELS[8]})" in shown[1]


@pytest.mark.parametrize(
    "positions",
    [
        MISTAKES[:10].tolist(),
        tuple(MISTAKES[:10]),
        MISTAKES[:10].astype(np.uint16),
        np.where(PREDICTIONS != LABELS)[0][:10],
        [index for index, (read, true) in enumerate(zip(PREDICTIONS, LABELS, strict=True)) if read != true][:10],
    ],
    ids=["list", "tuple", "uint16", "where", "loop"],
)
def test_any_way_to_find_them_is_right(positions, says):
    assert "One test image in 29" in says(exercises.grid_of_mistakes, positions, **GRID)


def test_all_mistakes_are_right_where_there_are_fewer_than_ten(says):
    few = {**GRID, "predictions": PREDICTIONS[:100], "test_labels": LABELS[:100]}
    assert "✓" in says(exercises.grid_of_mistakes, MISTAKES[:4], **few)
    assert "only 3, where 4" in says(exercises.grid_of_mistakes, MISTAKES[:3], **few)
    none = {**GRID, "predictions": LABELS}
    assert "no mistake at all" in says(exercises.grid_of_mistakes, [], **none)


@pytest.mark.parametrize(
    ("positions", "diagnosis"),
    [
        (RIGHT[:10], "first images that were read correctly"),
        (RIGHT, "all images that were read correctly"),
        (MISTAKES, "all 14 mistakes; asked are the first 10"),
        (MISTAKES[-10:], "the last 10 mistakes"),
        (MISTAKES[9::-1], "in reverse"),
        (MISTAKES[:10] + 1, "one too large: it was counted from 1"),
        (LABELS[MISTAKES[:10]], "labels of the mistakes"),
        (PREDICTIONS[MISTAKES[:10]], "what the network read in its mistakes"),
        ((PREDICTIONS != LABELS).astype(int), "zeros and ones"),
        (PREDICTIONS != LABELS, "400 truth values that mark the mistakes"),
        (PREDICTIONS == LABELS, "truth values that mark the right ones"),
        (np.arange(10), "simply the first 10 images"),
        ([8], "Only the first 25 images were searched"),
        (MISTAKES[:7], "only 7, where 10 are wanted"),
        (MISTAKES[:12], "but 12, where 10 are wanted"),
        (MISTAKES[[0, 0, 1, 2, 3, 4, 5, 6, 7, 8]], "stand in it twice"),
        (MISTAKES[[3, 1, 0, 2, 4, 5, 6, 7, 8, 9]], "not in the order of the test images"),
        (MISTAKES[[0, 13, 2, 3, 4, 5, 6, 7, 8, 9]], "image 33 comes earlier"),
        (
            np.flatnonzero(np.roll(PREDICTIONS != LABELS, 7))[:10],
            "read 10 of the images at these 10 positions correctly",
        ),
        (-MISTAKES[:10], "whole number from 0 to 399"),
        (MISTAKES[:10] + 400, "whole number from 0 to 399"),
        (MISTAKES[:10] / 2, "whole number from 0 to 399"),
        (MISTAKES[:10].astype(float), "has dtype float64"),
        (np.nonzero(PREDICTIONS != LABELS), "such a tuple"),
        (np.argwhere(PREDICTIONS != LABELS)[:10], "a row of 10 positions"),
        (np.zeros((10, 28, 28), np.uint8), "pictures, not where they are"),
        (np.zeros((10, 784), np.float32), "pictures, not where they are"),
        ([], "no position in it"),
        (8, "a row of 10 positions"),
        ("8, 33", "a text"),
    ],
)
def test_wrong_positions(positions, diagnosis, says):
    said = says(exercises.grid_of_mistakes, positions, **GRID)
    assert said.startswith("✗ 07.1")
    assert diagnosis in said


# --- 07.2 ------------------------------------------------------------------------------------------------------------


def made_digits(num_images: int) -> tuple[np.ndarray, np.ndarray]:
    """Make blurred bars, one column of the picture for each class, the last ones close to the right border."""
    generator = np.random.default_rng(4)
    labels = generator.integers(0, 10, num_images).astype(np.uint8)
    images = generator.integers(0, 40, (num_images, 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        column = 5 + 2 * label + generator.integers(-1, 2)
        image[4:24, column : column + 2] = 250
    return images, labels


def made_network() -> keras.Model:
    """Make a network that adds up the pixels about each class's column, and depends on whether they were scaled."""
    network = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10)])
    kernel = np.zeros((28, 28, 10), dtype="float32")
    for label in range(10):
        kernel[:, 5 + 2 * label : 7 + 2 * label + 3 * (label >= 8), label] = 1
    network.set_weights([kernel.reshape(784, 10), np.array([0, 0, 0, 25, 0, 0, 0, 0, 0, 0], "float32")])
    return network


IMAGES, IMAGE_LABELS = made_digits(200)
NETWORK = made_network()
SHIFTED = np.roll(IMAGES, 3, axis=2)
BLANK = np.concatenate([np.zeros((200, 28, 3), np.uint8), IMAGES[:, :, :-3]], axis=2)
SHIFT = {"test_images": IMAGES, "test_labels": IMAGE_LABELS, "num_pixels": 3, "model": NETWORK}
GIVEN = {"07.1": GRID, "07.2": SHIFT}


def accuracy_on(vectors) -> float:
    return float((NETWORK.predict(vectors, verbose=0).argmax(axis=1) == IMAGE_LABELS).mean())


BEFORE, AFTER = accuracy_on(preprocess_images(IMAGES)), accuracy_on(preprocess_images(SHIFTED))
UNSCALED = accuracy_on(SHIFTED.reshape(200, -1).astype("float32"))
SCALED_TWICE = accuracy_on(preprocess_images(SHIFTED) / 255)


def test_made_accuracies_can_be_told_apart():
    values = [BEFORE, AFTER, UNSCALED, SCALED_TWICE, 1 - AFTER]
    assert all(abs(a - b) > 0.004 for index, a in enumerate(values) for b in values[:index]), values


def test_shift_of_the_solution_is_right(says):
    class BarDigits:
        test_images, test_labels = IMAGES, IMAGE_LABELS

    answers = run_solution(
        "07", "shift-digits", np=np, dataset=BarDigits, model=NETWORK, preprocess_images=preprocess_images
    )
    assert "✓ 07.2" in says(exercises.shift_digits, answers["shifted_images"], answers["shifted_accuracy"], **SHIFT)


@pytest.mark.parametrize(
    ("images", "accuracy"),
    [
        (np.array([np.roll(image, 3, axis=1) for image in IMAGES]), AFTER),
        (BLANK, accuracy_on(preprocess_images(BLANK))),
        (np.roll(IMAGES, -25, axis=-1), np.float32(AFTER)),
    ],
    ids=["loop", "blank on the left", "the other way round"],
)
def test_any_way_to_shift_is_right(images, accuracy, says):
    said = says(exercises.shift_digits, images, accuracy, **SHIFT)
    assert "right" in said
    assert f"Before the shift it read {BEFORE:.1%}" in said


@pytest.mark.parametrize(
    ("images", "accuracy", "diagnosis"),
    [
        (IMAGES, BEFORE, "Nothing has moved"),
        (np.roll(IMAGES, 3, axis=1), AFTER, "moved down"),
        (np.roll(IMAGES, -3, axis=2), AFTER, "moved to the left"),
        (np.roll(IMAGES, -3, axis=1), AFTER, "moved up"),
        (np.roll(IMAGES, 3, axis=0), AFTER, "changed places"),
        (np.roll(IMAGES, 3), AFTER, "Without an axis"),
        (np.roll(IMAGES, 3, axis=(1, 2)), AFTER, "down as well as to the right"),
        (np.roll(IMAGES, 6, axis=2), AFTER, "by 6 pixels to the right, not by 3"),
        (np.roll(IMAGES, 1, axis=2), AFTER, "by 1 pixel to the right"),
        (SHIFTED[:, ::-1], AFTER, "not the first 200 test images"),
        (SHIFTED / 255, AFTER, "divided by 255 already"),
        (SHIFTED.astype(float), AFTER, "has dtype float64, expected uint8"),
        (SHIFTED.reshape(200, 784), AFTER, "vectors of 784 pixels"),
        (SHIFTED[0], AFTER, "This is one image"),
        (SHIFTED[:25], AFTER, "These are 25 images"),
        (SHIFTED[..., None], AFTER, "The shape is (200, 28, 28, 1)"),
        ("images", AFTER, "a text"),
        (SHIFTED, BEFORE, "before they were shifted"),
        (SHIFTED, 100 * AFTER, "is a percentage"),
        (SHIFTED, 200 * AFTER, "number of right answers"),
        (SHIFTED, 1 - AFTER, "share of wrong answers"),
        (SHIFTED, 200 * (1 - AFTER), "number of wrong answers"),
        (SHIFTED, UNSCALED, "not divided by 255"),
        (SHIFTED, SCALED_TWICE, "divided by 255 twice"),
        (SHIFTED, 0.123456, "is not 0.1235"),
        (SHIFTED, IMAGE_LABELS, "expected a single number"),
        (SHIFTED, True, "truth value"),
    ],
)
def test_wrong_shifts(images, accuracy, diagnosis, says):
    said = says(exercises.shift_digits, images, accuracy, **SHIFT)
    assert said.startswith("✗ 07.2")
    assert diagnosis in said
