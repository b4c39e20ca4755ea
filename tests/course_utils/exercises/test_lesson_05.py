"""Lesson 05: right answers pass, and each typical mistake gets its own diagnosis. Trainings take a moment: 5 pixels."""

import keras
import numpy as np
import pytest

from course_utils.exercises import lesson_05 as exercises
from tests.exercises.solutions import run_solution

NUM_SMALL, NUM_PIXELS, BATCH_SIZE = 800, 5, 128
LESSON_HISTORY = {
    "accuracy": [0.90, 0.93, 0.95, 0.96, 0.98, 0.97],
    "loss": [0.33, 0.20, 0.15, 0.12, 0.07, 0.08],
    "val_accuracy": [0.91, 0.94, 0.93, 0.95, 0.96, 0.955],
    "val_loss": [0.21, 0.13, 0.0917, 0.11, 0.10, 0.1203],
}


def made_digits(num_images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make vectors that tell a little about their labels, so that the loss falls at first and then rises."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, num_images)
    vectors = generator.normal(size=(num_images, NUM_PIXELS)).astype("float32")
    vectors[np.arange(num_images), labels] += 0.5
    return vectors, np.eye(3, dtype="float32")[labels]


VECTORS, ROWS = made_digits(NUM_SMALL, 1)
TEST_VECTORS, TEST_ROWS = made_digits(600, 2)


def small_network() -> keras.Model:
    keras.utils.set_random_seed(9)
    network = keras.Sequential(
        [keras.Input((NUM_PIXELS,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(3, "softmax")]
    )
    network.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.3), metrics=["accuracy"])
    return network


LESSON_NETWORK = small_network()
GIVEN = {
    "05.1": {
        "small_vectors": VECTORS,
        "small_one_hot": ROWS,
        "test_vectors": TEST_VECTORS,
        "one_hot_test_labels": TEST_ROWS,
        "batch_size": BATCH_SIZE,
        "model": LESSON_NETWORK,
    },
    "05.2": {"history": LESSON_HISTORY},
}


# --- 05.1 ------------------------------------------------------------------------------------------------------------


SHORT = {"epochs": 2, "callbacks": []}  # for what is said before anyone asks when it stopped


def stopper(**options):
    return keras.callbacks.EarlyStopping(**{"patience": 3, "restore_best_weights": True, **options})


def fit(network=None, vectors=VECTORS, rows=ROWS, **options):
    """Train as the task asks, but for what the options say."""
    options = {
        "validation_split": 500 / NUM_SMALL,
        "batch_size": BATCH_SIZE,
        "validation_batch_size": 500,
        "epochs": 100,
        "callbacks": [stopper()],
        "verbose": 0,
        **options,
    }
    return (network or small_network()).fit(vectors, rows, **options)


def held_out(vectors, rows, /, **options):
    return fit(validation_split=0.0, validation_data=(vectors, rows), **options)


def test_history_of_the_solution_is_right(says):
    answers = run_solution(
        "05",
        "hold-out-and-stop",
        keras=keras,
        build_model=small_network,
        train_vectors=VECTORS,
        one_hot_train_labels=ROWS,
        batch_size=BATCH_SIZE,
    )
    assert says(exercises.hold_out_and_stop, answers["small_history"], **GIVEN["05.1"]).startswith("✓ 05.1")


@pytest.mark.parametrize(
    "train",
    [
        lambda: held_out(VECTORS[-500:], ROWS[-500:], vectors=VECTORS[:-500], rows=ROWS[:-500]),
        lambda: held_out(VECTORS[300:], ROWS[300:], vectors=VECTORS[:300], rows=ROWS[:300], shuffle=False, epochs=200),
        lambda: fit(callbacks=[stopper(monitor="val_loss", mode="min"), keras.callbacks.TerminateOnNaN()]),
    ],
    ids=["slices", "not shuffled", "more callbacks"],
)
def test_any_way_to_hold_out_is_right(train, says):
    assert "right" in says(exercises.hold_out_and_stop, train(), **GIVEN["05.1"])


def trained_twice():
    network = small_network()
    history = fit(network, **SHORT)
    fit(network, **SHORT)
    return history


WRONG_HISTORIES = [
    (
        lambda: held_out(TEST_VECTORS, TEST_ROWS, vectors=VECTORS[:-500], rows=ROWS[:-500], **SHORT),
        "measured on test images",
    ),
    (lambda: held_out(TEST_VECTORS[:500], TEST_ROWS[:500], **SHORT), "measured on test images"),
    (
        lambda: held_out(VECTORS[:500], ROWS[:500], vectors=VECTORS[500:], rows=ROWS[500:], **SHORT),
        "The first 500 images",
    ),
    (lambda: held_out(VECTORS, ROWS, **SHORT), "images that the network learned from"),
    (lambda: held_out(VECTORS[:-500], ROWS[:-500], **SHORT), "images that the network learned from"),
    (lambda: held_out(VECTORS[-500:], ROWS[-500:], **SHORT), "7 steps: the network learned from all 800 images"),
    (lambda: fit(validation_split=0.2, **SHORT), "not measured on the last 500"),
    (trained_twice, "trained again since"),
    (lambda: fit(batch_size=None, **SHORT), "10 steps; 300 images in batches of 128 make 3"),
    (lambda: fit(batch_size=None, **SHORT), "32 is Keras' own choice"),
    (lambda: fit(validation_split=0.0, **SHORT), "columns accuracy, loss"),
    (lambda: fit(**SHORT), "All 2 epochs were run"),
    (lambda: fit(callbacks=[stopper(patience=10)]), "10 epochs after the lowest val_loss, not 3"),
    (lambda: fit(callbacks=[keras.callbacks.EarlyStopping(restore_best_weights=True)]), "1 epoch after the lowest"),
    (lambda: fit(callbacks=[stopper(monitor="loss")]), "as if loss had been watched"),
    (lambda: fit(callbacks=[stopper(monitor="val_accuracy", mode="max")]), "as if val_accuracy had been watched"),
    (lambda: fit(callbacks=[stopper(restore_best_weights=False)]), "kept the weights of its last epoch"),
    (lambda: fit(LESSON_NETWORK, **SHORT), "lesson's network"),
    (lambda: fit(**SHORT).history, "the dictionary inside the history"),
    (small_network, "This is the network"),
    (stopper, "the callback alone"),
    (lambda: None, "nothing (None), not what fit returns"),
    (keras.callbacks.History, "columns of no epoch"),
]


@pytest.mark.parametrize(("train", "diagnosis"), WRONG_HISTORIES, ids=[diagnosis for _, diagnosis in WRONG_HISTORIES])
def test_wrong_histories(train, diagnosis, says):
    said = says(exercises.hold_out_and_stop, train(), **GIVEN["05.1"])
    assert said.startswith("✗ 05.1")
    assert diagnosis in said


def test_looking_at_a_history_trains_nothing(says):
    history = fit(**SHORT)
    before = history.model.get_weights()
    says(exercises.hold_out_and_stop, history, **GIVEN["05.1"])
    assert all(np.array_equal(*pair) for pair in zip(before, history.model.get_weights(), strict=True))


# --- 05.2 ------------------------------------------------------------------------------------------------------------


class LessonHistory:
    history = LESSON_HISTORY


def test_reading_of_the_solution_is_right(says):
    answers = run_solution("05", "read-the-history", history=LessonHistory)
    said = says(exercises.read_the_history, answers["best_epoch"], answers["rise_since_best"], **GIVEN["05.2"])
    assert said.startswith("✓ 05.2")
    assert "3 of 6 epochs came after the best" in said


@pytest.mark.parametrize("answers", [(3, 0.0286), (np.int64(3), np.float32(0.0286)), ([3.0], keras.ops.array(0.02861))])
def test_any_number_of_the_right_size_is_right(answers, says):
    assert "right" in says(exercises.read_the_history, *answers, **GIVEN["05.2"])


def test_either_of_two_best_epochs_is_right(says):
    history = {"val_loss": [0.3, 0.2, 0.2, 0.3]}
    assert "✓" in says(exercises.read_the_history, 2, 0.1, history=history)
    assert "✓" in says(exercises.read_the_history, 3, 0.1, history=history)
    assert "✗" in says(exercises.read_the_history, 4, 0.1, history=history)


def test_a_history_of_one_epoch_can_be_read(says):
    assert "The last epoch was the best" in says(exercises.read_the_history, 1, 0, history={"val_loss": [0.3]})
    assert "counted from 0" in says(exercises.read_the_history, 0, 0, history={"val_loss": [0.3]})


@pytest.mark.parametrize(
    ("best_epoch", "rise", "diagnosis"),
    [
        (2, 0.0286, "counted from 0"),
        (4, 0.0286, "one epoch too late"),
        (0.0917, 0.0286, "lowest val_loss itself"),
        (5, 0.0286, "val_accuracy is highest"),
        (1, 0.0286, "val_loss is highest"),
        (6, 0.0286, "In epoch 6 the val_loss is 0.1203"),
        (7, 0.0286, "There are 6 epochs, and no epoch 7"),
        (-4, 0.0286, "no epoch -4"),
        (2.5, 0.0286, "whole number"),
        ("3", 0.0286, "a text"),
        (LESSON_HISTORY["val_loss"], 0.0286, "expected a single number"),
        (3, -0.0286, "sign is turned round"),
        (3, 0.1203 / 0.0917, "how many times as high"),
        (3, 0.0286 / 0.0917, "share of the lowest loss"),
        (3, 2.86 / 0.0917, "in percent"),
        (3, 2.86, "a hundred times too much"),
        (3, 0.1203, "This is the val_loss of the last epoch"),
        (3, 0.0917, "This is the lowest val_loss"),
        (3, 0.1203 - 0.11, "compared with the epoch after the best"),
        (3, 0.1203 - 0.13, "compared with the epoch before the best"),
        (3, 0.21 - 0.0917, "from the lowest to the highest"),
        (3, 0.1203 - 0.08, "distance to the training loss"),
        (3, 0.08 - 0.07, "read from the training loss"),
        (3, 0.1203 - 0.07, "lowest one was taken from the training loss"),
        (3, -0.005, "read from val_accuracy"),
        (3, 0.005, "read from val_accuracy"),
        (3, 3, "counts epochs"),
        (3, 0.5, "does not rise by 0.5"),
        (3, float("nan"), "NaN"),
    ],
)
def test_wrong_readings(best_epoch, rise, diagnosis, says):
    said = says(exercises.read_the_history, best_epoch, rise, **GIVEN["05.2"])
    assert said.startswith("✗ 05.2")
    assert diagnosis in said


def test_the_lowest_training_loss_is_told_from_the_last_epoch(says):
    history = {"loss": [0.3, 0.2, 0.1, 0.05, 0.06], "val_loss": [0.3, 0.2, 0.21, 0.22, 0.23]}
    assert "loss is lowest, the column of the training images" in says(
        exercises.read_the_history, 4, 0.03, history=history
    )
