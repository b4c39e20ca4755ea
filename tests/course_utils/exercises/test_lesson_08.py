"""Lesson 08: right answers pass, and each typical mistake gets its own diagnosis. Digits and networks are made ones."""

import keras
import numpy as np
import pytest
from scipy.stats import binomtest

from course_utils.exercises import lesson_08 as exercises
from tests.exercises.solutions import run_solution

# --- 08.1 ------------------------------------------------------------------------------------------------------------

BAR = np.zeros((28, 28), dtype=np.float32)
BAR[4:24, 12:16] = 1
LEFT = np.array([[-1, 0, 1]] * 3)
UPPER = LEFT.T


def test_kernel_of_the_solution_is_right(says):
    answers = run_solution("08", "left-borders", kernel=UPPER.astype("float32"))
    assert "strongest at row 4, column 10" in says(exercises.left_borders, answers["my_kernel"], image=BAR)


@pytest.mark.parametrize(
    "kernel",
    [
        LEFT.tolist(),
        5.5 * LEFT,
        [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
        [[-1, 1, 0]] * 3,
        [[0, -1, 1]] * 3,
        [[0, 0, 0], [-1, 0, 1], [0, 0, 0]],
        [[-1, -1, 2]] * 3,
        np.float32([[-0.1, -0.2, 0.3]] * 3),
    ],
    ids=["list", "larger", "Sobel", "left two", "right two", "one row", "two to one", "rounded"],
)
def test_any_kernel_for_left_borders_is_right(kernel, says):
    assert "✓ 08.1" in says(exercises.left_borders, kernel, image=BAR)


@pytest.mark.parametrize(
    ("kernel", "diagnosis"),
    [
        (UPPER, "responds to upper borders and not to left ones"),
        (-UPPER, "responds to lower borders and not to left ones"),
        (-LEFT, "sign is turned round"),
        (np.zeros((3, 3)), "responds to nothing"),
        (np.ones((3, 3)), "add up to 9, so the kernel responds to plain ink"),
        ([[0, 0, 1]] * 3, "add up to 3"),
        (LEFT + UPPER, "a row of your kernel adds up to"),
        ([[-1, 0, 1], [-1, 0, 1], [-1, 0, 2]], "add up to 1"),
        ([[-2, 3, -1]] * 3, "where only the right column is ink it gives -3"),
        ([[1, -3, 2]] * 3, "where only the left column is paper it gives -3"),
        ([[-1, 2, -1]] * 3, "where only the right column is ink it gives -3"),
        ([[1, -2, 1]] * 3, "where only the left column is paper it gives -3"),
        ([[1, 0, -1], [0, 0, 0], [-1, 0, 1]], "At a straight left border it gives 0"),
        ([-1, 0, 1], "has the shape (3,)"),
        (LEFT.reshape(3, 3, 1, 1), "has the shape (3, 3, 1, 1)"),
        (LEFT.ravel(), "has the shape (9,)"),
        (np.zeros((26, 26)), "has the shape (26, 26)"),
        ([[-1, 0], [1, 0, 1]], "do not all have the same length"),
        ("-1 0 1", "a text"),
    ],
)
def test_wrong_kernels(kernel, diagnosis, says):
    said = says(exercises.left_borders, kernel, image=BAR)
    assert said.startswith("✗ 08.1")
    assert diagnosis in said


# --- 08.2 ------------------------------------------------------------------------------------------------------------

PLAN = np.random.default_rng(0).permutation(784)


def made_digits(num_images: int, num_wrong: int) -> tuple[np.ndarray, np.ndarray]:
    """Make noisy bars, one column of the picture for each class, and one-hot labels, the first few of them wrong."""
    generator = np.random.default_rng(num_images)
    labels = generator.integers(0, 10, num_images)
    images = generator.random((num_images, 28, 28), dtype=np.float32) * 0.9
    for image, label in zip(images, labels, strict=True):
        image[10:18, 4 + 2 * label] = 1
    labels[:num_wrong] = (labels[:num_wrong] + 1) % 10
    return images.reshape(num_images, 784), np.eye(10, dtype=np.float32)[labels]


def network_for(places: np.ndarray) -> keras.Model:
    """Make a network that adds up the pixels of each class's column, in vectors whose pixels were moved to `places`."""
    network = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10, use_bias=False)])
    kernel = np.zeros((28, 28, 10), dtype="float32")
    for label in range(10):
        kernel[:, 4 + 2 * label, label] = 1
    network.set_weights([kernel.reshape(784, 10)[places]])
    return network


VECTORS, ONE_HOT = made_digits(160, num_wrong=5)
TEST_VECTORS, ONE_HOT_TEST = made_digits(320, num_wrong=40)
SHUFFLED_NETWORK = network_for(PLAN)
TRAINING = {
    "model": SHUFFLED_NETWORK,
    "plan": PLAN,
    "train_vectors": VECTORS,
    "one_hot_train_labels": ONE_HOT,
    "test_vectors": TEST_VECTORS,
    "one_hot_test_labels": ONE_HOT_TEST,
}


def accuracy_on(vectors, one_hot) -> float:
    answers = SHUFFLED_NETWORK.predict(vectors, verbose=0).argmax(axis=1)
    return float((answers == one_hot.argmax(axis=1)).mean())


SHUFFLED = accuracy_on(TEST_VECTORS[:, PLAN], ONE_HOT_TEST)
IN_PLACE = accuracy_on(TEST_VECTORS, ONE_HOT_TEST)
LEARNED = accuracy_on(VECTORS[:, PLAN], ONE_HOT)


def test_made_accuracies_can_be_told_apart():
    values = [SHUFFLED, IN_PLACE, LEARNED, 1 - SHUFFLED]
    assert all(abs(a - b) > 0.01 for index, a in enumerate(values) for b in values[:index]), values
    assert SHUFFLED > 0.5 > 0.3 > IN_PLACE


def test_training_of_the_solution_is_right(says):
    keras.utils.set_random_seed(1)

    def build_small() -> keras.Model:
        return keras.Sequential([keras.Input((784,)), keras.layers.Dense(10, activation="softmax")])

    def compile_fast(model: keras.Model) -> None:
        model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.01), metrics=["accuracy"])

    # Less noise, so that ten epochs of a few images are enough to learn from.
    given = TRAINING | {name: TRAINING[name] ** 8 for name in ("train_vectors", "test_vectors")}
    helpers = {"np": np, "batch_size": 8, "build_cnn": build_small, "compile_model": compile_fast}
    answers = run_solution("08", "shuffled-pixels", **given, **helpers)
    given["model"] = answers["few_cnn"]
    assert "✓ 08.2" in says(exercises.shuffled_pixels, answers["shuffled_accuracy"], **given)


@pytest.mark.parametrize("accuracy", [SHUFFLED, np.float32(SHUFFLED), np.array([SHUFFLED]), round(SHUFFLED, 4)])
def test_accuracy_on_shuffled_pixels_is_right(accuracy, says):
    assert f"{SHUFFLED:.1%}: shuffling" in says(exercises.shuffled_pixels, accuracy, **TRAINING)


@pytest.mark.parametrize(
    ("accuracy", "diagnosis"),
    [
        (IN_PLACE, "accuracy on test images with their pixels in their places"),
        (LEARNED, "images that it learned from"),
        (1 - SHUFFLED, "share of wrong answers"),
        (100 * SHUFFLED, "is a percentage"),
        ([0.61, SHUFFLED], "two numbers, loss and accuracy"),
        (SHUFFLED + 0.02, "Measured again"),
        (TEST_VECTORS, "expected a single number"),
        (True, "truth value"),
        (keras.callbacks.History(), "what fit returns"),
    ],
)
def test_wrong_accuracies(accuracy, diagnosis, says):
    if isinstance(accuracy, keras.callbacks.History):
        accuracy.history = {"accuracy": [SHUFFLED]}
    said = says(exercises.shuffled_pixels, accuracy, **TRAINING)
    assert said.startswith("✗ 08.2")
    assert diagnosis in said


@pytest.mark.parametrize(
    ("places", "diagnosis"),
    [
        (np.arange(784), "trained on pixels in their places"),
        (np.argsort(PLAN), "the plan read backwards"),
        (np.random.default_rng(5).permutation(784), "not much more than by guessing"),
    ],
    ids=["in place", "backwards", "another plan"],
)
def test_a_network_that_learned_something_else(places, diagnosis, says):
    said = says(exercises.shuffled_pixels, SHUFFLED, **{**TRAINING, "model": network_for(places)})
    assert said.startswith("✗ 08.2")
    assert diagnosis in said


# --- 08.3 ------------------------------------------------------------------------------------------------------------

GENERATOR = np.random.default_rng(3)
LABELS = GENERATOR.integers(0, 10, 400)
OWN, RECORDED = LABELS.copy(), LABELS.copy()
OWN[:20] = (LABELS[:20] + 1) % 10  # 12 of these read by the recorded one, 8 by neither
RECORDED[12:25] = (LABELS[12:25] + 2) % 10  # 5 of these read by the own one
COMPARED = {"own_predictions": OWN, "recorded_predictions": RECORDED, "test_labels": LABELS}
P_VALUE = binomtest(5, 17, 0.5).pvalue
GIVEN = {"08.1": {"image": BAR}, "08.2": TRAINING, "08.3": COMPARED}


def mcnemar(one: int, other: int) -> float:
    return binomtest(one, max(1, one + other), 0.5).pvalue


def test_comparison_of_the_solution_is_right(says):
    answers = run_solution(
        "08",
        "own-against-recorded",
        own_predictions=OWN,
        test_labels=LABELS,
        is_right={"CNN": RECORDED == LABELS},
        mcnemar=mcnemar,
    )
    found = (answers[name] for name in ("num_only_own", "num_only_recorded", "own_p_value"))
    assert "a fair coin would often be as uneven as 5 against 12" in says(
        exercises.own_against_recorded, *found, **COMPARED
    )


def test_networks_that_never_differ_cannot_be_told_apart(says):
    given = {**COMPARED, "own_predictions": RECORDED}
    assert "p = 1:" in says(exercises.own_against_recorded, 0, 0, 1, **given)


def test_a_large_difference_is_no_chance(says):
    given = {**COMPARED, "own_predictions": LABELS}
    assert "a coin is rarely" in says(exercises.own_against_recorded, 13, 0, mcnemar(13, 0), **given)


@pytest.mark.parametrize(
    ("only_own", "only_recorded", "p_value", "diagnosis"),
    [
        (12, 5, P_VALUE, "exchanged"),
        (380, 387, P_VALUE, "also those that both read"),
        (20, 13, P_VALUE, "also those that both make"),
        (17, 17, P_VALUE, "both counts together"),
        (13, 12, P_VALUE, "`num_only_own` is 13, too many"),
        (5, 11, P_VALUE, "`num_only_recorded` is 11, too few"),
        (5, 12, mcnemar(20, 13), "McNemar's p-value is not"),
        (5, 12, 100 * P_VALUE, "a percentage"),
        (5, 12, 1 - P_VALUE, "1 minus the p-value"),
        (5, 12, binomtest(5, 17, 0.5, alternative="less").pvalue, "one-sided"),
        (5, 12, binomtest(5, 400, 0.5).pvalue, "for every test image"),
        (5, 12, -0.1, "A p-value is a share"),
        (5, 12, binomtest(5, 17, 0.5), "whole result of the test"),
        (OWN == LABELS, 12, P_VALUE, "expected a single number"),
        (5.5, 12, P_VALUE, "expected a whole number"),
    ],
)
def test_wrong_comparisons(only_own, only_recorded, p_value, diagnosis, says):
    said = says(exercises.own_against_recorded, only_own, only_recorded, p_value, **COMPARED)
    assert said.startswith("✗ 08.3")
    assert diagnosis in said
