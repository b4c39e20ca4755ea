"""Exercises of lesson 11: make a program from 2020 run, and choose settings without the test set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_utils.course import counted
from course_utils.exercises.core import Answer, Array, Exercise, Given, Number, Row
from course_utils.preprocessing import one_hot, preprocess_images

NUM_SMALL, NUM_EPOCHS = 1000, 3
Trials = list[tuple[float, float, float]]  # learning rate, dropout rate, accuracy


def _vector_mistakes(small_images: NDArray) -> Iterator[Row]:
    right, steps = preprocess_images(small_images), "Which three steps did the old cell take?"
    yield small_images, "holds the images as they were.", steps
    yield small_images / 255, "is scaled, but an image is still a table of 28 rows.", steps
    yield 255 * right, "is not divided by 255.", steps
    yield right / 255, "was divided by 255 twice.", "What happens if the old cell runs again?"
    yield right * 255 / 256, "was divided by 256.", "How large can a uint8 pixel be?"
    for each in (np.floor(right), np.ceil(right)):
        yield each, "holds only 0 and 1: all the grey is gone.", "What becomes of a pale pixel?"


def _row_mistakes(small_rows: NDArray, small_labels: NDArray) -> Iterator[Row]:
    yield small_labels, "holds the labels as they were.", "What became of `np_utils.to_categorical`?"
    yield np.ndim(small_rows) == 3, "was encoded twice.", "What happens if the old cell runs again?"
    yield one_hot(small_labels)[:, :9], "has no column for the last class.", "Is the first class 0 or 1?"


repair_preprocessing = Exercise(
    "11.1",
    "Repair the preprocessing",
    Array("small_vectors", "a row of 784 pixels for each image", dtype=np.float32, mistakes=_vector_mistakes,
          expected=lambda small_images: preprocess_images(small_images)),
    Array("small_rows", "a row of ten numbers for each label", mistakes=_row_mistakes,
          expected=lambda small_labels: one_hot(small_labels)),
    given={
        "small_images": Given(rows_of="train_images", most=NUM_SMALL),
        "small_labels": Given(rows_of="train_labels", most=NUM_SMALL),
    },
    hints=[
        "`reshape` asks for 60000 images. How many are in `small_images`? -1 in `reshape` works for any number.",
        "`keras.utils.to_categorical(labels, 10)` is what became of `np_utils.to_categorical`.",
    ],
    comment="With new names for new arrays, the cell can also run twice.",
)  # fmt: skip


def _history_mistakes(history: Any, few_vectors: NDArray) -> Iterator[Row]:
    import keras

    from course_utils.model import build_model

    old = "What does the old cell ask for?"
    no_history = not isinstance(history, keras.callbacks.History)
    yield no_history, "is {value}, expected the history that `fit` returns.", "Which line keeps it?"
    columns, network = history.history, history.model
    yield not columns, "is a history without epochs.", "What does `fit` return?"
    shape, dropout = getattr(network, "input_shape", None), keras.layers.Dropout
    yield shape is None, "The network is an object of another class, expected a `Sequential`.", old
    parts = [each.rate if isinstance(each, dropout) else getattr(each, "units", 0) for each in network.layers]
    parts = [part for part in parts if part]  # neurons and dropout rates, in their order
    yield shape != (None, 784), f"The network takes inputs of shape {shape}.", old
    found = "The network has the neurons and dropout rates {}, expected {}.".format
    yield parts != [512, 0.5, 256, 0.2, 10], found(parts, [512, 0.5, 256, 0.2, 10]), old
    reference, inputs = build_model(), np.random.default_rng(9).random((3, 784), dtype=np.float32)
    has_biases = len(network.get_weights()) == 6
    yield (
        not has_biases,
        "A layer lacks its weights or biases, or learns something else.",
        "What does `Dense(512)` learn?",
    )
    reference.set_weights(network.get_weights())
    outputs, activation = np.asarray(network(inputs)), "Which activation follows which layer in the old cell?"
    yield not np.allclose(outputs.sum(axis=1), 1, atol=1e-4), "The ten outputs do not add up to 1.", activation
    yield not np.allclose(outputs, reference(inputs), atol=1e-4), "A hidden layer is not followed by relu.", activation
    rate = float(np.asarray(network.optimizer.learning_rate))
    loss = getattr(network.loss, "name", getattr(network.loss, "__name__", network.loss))
    compiled = f"{loss}, {type(network.optimizer).__name__}, {rate:.4g}"
    asked = "categorical_crossentropy, Adam, 0.002"
    yield compiled != asked, f"Loss, optimizer and learning rate are {compiled}, expected {asked}.", old
    epochs, steps, wanted = len(history.epoch), history.params.get("steps"), -(-len(few_vectors) // 128)
    runs = f"Training took {counted(epochs, 'epoch')}, expected {NUM_EPOCHS}."
    yield epochs != NUM_EPOCHS, runs, "What became of `nb_epoch`?"
    had = f"An epoch had {counted(steps or 0, 'step')}, expected {wanted}. How many images, and in what batches?"
    yield steps != wanted, had, old
    best = max(max(columns.get(name, [0])) for name in ("accuracy", "acc", "categorical_accuracy"))
    yield not best, f"The history has only {', '.join(columns)}.", "Which metric did you ask for?"
    yield best < 0.3, f"The accuracy never gets above {best:.2f}, near chance.", "Do vectors and rows match?"


def _trained(dataset: Any) -> Any:
    from keras.optimizers import Adam

    from course_utils.model import build_model

    vectors, rows = preprocess_images(dataset.train_images[:NUM_SMALL]), one_hot(dataset.train_labels[:NUM_SMALL])
    (network := build_model()).compile(Adam(0.002), "categorical_crossentropy", metrics=["accuracy"])
    return network.fit(vectors, rows, batch_size=128, epochs=NUM_EPOCHS, verbose=0)


repair_training = Exercise(
    "11.2",
    "Repair the network and its training",
    Answer("history", "the history that `fit` returns", mistakes=_history_mistakes, example=_trained),
    given={
        "few_vectors": Given(preprocess_images, rows_of="train_images", most=NUM_SMALL),
        "few_rows": Given(one_hot, rows_of="train_labels", most=NUM_SMALL),
    },
    hints=[
        "Fix one error at a time. Each message names what Keras no longer knows, or what is missing.",
        "Today: `keras.Input`, `units`, `rate`, `learning_rate`, `epochs`, and the entry `accuracy`.",
    ],
    comment="The same 784-512-256-10 as in 2020, in today's words.",
)


def _class_mistakes(model: Any, test_vectors: NDArray, test_labels: NDArray) -> Iterator[Row]:
    table = model.predict(test_vectors, verbose=0)
    first, every = table[:25], table.argmax(axis=1)
    ten, axis = "How do you get the position of the largest of ten?", "Along which axis are the ten classes?"
    yield first, "holds the probabilities of all ten classes.", ten
    yield (
        (first > 0.5).astype(int),
        "says which probabilities are above 0.5: that is for a single output, but there are ten here.",
        ten,
    )
    yield first.max(axis=1), "holds the largest probability of each row, not its position.", ten
    yield first.argmax(axis=0), "says for each class in which image it is most likely.", axis
    yield first.argmax(), "is a position in the table of all probabilities.", axis
    labels = test_labels[:25] if (test_labels[:25] != every[:25]).any() else np.nan
    yield labels, "holds the labels, not what the network predicts.", ten
    yield table[:25].argmin(axis=1), "holds the least likely classes.", ten
    yield every[1:26], "holds the classes of images 1 to 25.", "Which slice gives the first 25?"
    yield every[0], "is the class of the first image only.", "How many rows does `predict` accept?"
    yield every, "holds the classes of all test images, expected the first 25.", "Which slice?"


repair_prediction = Exercise(
    "11.3",
    "Repair the prediction",
    Array("first_classes", "25 whole numbers, one for each image", dtype=np.integer, mistakes=_class_mistakes,
          expected=lambda model, test_vectors: model.predict(test_vectors, verbose=0).argmax(axis=1)[:25]),
    given={
        "model": Given(
            test=lambda model: model.input_shape[1:] == (784,), example=lambda dataset: _trained(dataset).model
        ),
        "test_vectors": Given(preprocess_images, rows_of="test_images"),
        "test_labels": Given(rows_of="test_labels"),
    },
    hints=[
        "Which shape did it get, and which did it expect? `(None, 784)` is a table of any number of rows.",
        "`predict_classes` was `predict`, then `argmax` along the classes.",
    ],
    comment="No loop, one call: `(None, 784)` means any number of rows, each of 784 numbers.",
)  # fmt: skip


def _are_trials(trials: Any) -> bool:
    table = np.array(trials, dtype=float).reshape(-1, 3)
    return isinstance(trials, list) and bool((table >= 0).all() and (table[:, 1:] <= 1).all())


def _choice_mistakes(chosen: NDArray, trials: Trials, test_log: Trials) -> Iterator[Row]:
    *tried, accuracies = np.array(trials, dtype=float).reshape(-1, 3).T
    yield chosen.shape != (2,), f"has the shape {chosen.shape}, expected two numbers.", "Which two?"
    for values, name, least in zip(tried, ("learning", "dropout"), (3, 2), strict=True):
        few = f"Different {name} rates among your trials: {len(np.unique(values))}, expected at least {least}."
        yield len(np.unique(values)) < least, few, "How many pairs would convince you?"
    is_chosen, is_swapped = (np.isclose(np.transpose(tried), pair, 1e-5).all(axis=1) for pair in (chosen, chosen[::-1]))
    swapped = "The learning rate and the dropout rate are swapped."
    yield bool(is_swapped.any() and not is_chosen.any()), swapped, "Which comes first in `trials`?"
    yield not is_chosen.any(), "This pair is not among your trials.", "Which pairs did you validate?"
    lower = "Another pair has a higher accuracy on the validation images."
    yield accuracies[is_chosen].max() < accuracies.max(), lower, "How does `max` find the best row of `trials`?"
    pairs = list(dict.fromkeys(tuple(row[:2]) for row in test_log))
    yield not pairs, "The test images have not been used: there is no test accuracy yet.", "Which function uses them?"
    often = f"The test images were used with {len(pairs)} pairs: they helped to choose, so they are no longer a test."
    yield len(pairs) > 1, often, "Which images could still show how good the chosen pair is?"
    other = "The test images were used with a pair other than the chosen one."
    yield not np.allclose(pairs[0], chosen, 1e-5), other, "Which comes first, the choice or the test?"


def _accuracy_of(trials: Trials, test_log: Trials) -> float:
    """Return the test accuracy of the best pair; 2.0, no accuracy, if the test images were not used with it alone."""
    best, pairs = max((row[2] for row in trials), default=0), {row[:2] for row in test_log}
    is_best = len(pairs) == 1 and any(np.allclose(row[:2], [*pairs], 1e-5) for row in trials if row[2] == best)
    return test_log[-1][2] if is_best else 2.0


def _test_mistakes(trials: Trials, test_log: Trials) -> Iterator[Row]:
    alone = "The test images were not used with the best pair of `trials` alone."
    yield _accuracy_of(trials, test_log) > 1, alone, "Which comes first, the choice or the test?"
    yield from ((row[2], "is an accuracy on validation images.", "Which images are new?") for row in trials)


choose_and_test = Exercise(
    "11.4",
    "Choose with validation data, test once",
    Array("chosen", "a learning rate and a dropout rate", mistakes=_choice_mistakes,
          example=lambda trials: np.array(max(trials, key=lambda row: row[2])[:2])),
    Number("test_accuracy", "a single accuracy between 0 and 1", mistakes=_test_mistakes, expected=_accuracy_of),
    given={
        "trials": Given(test=_are_trials, example=lambda: [
            (0.0001, 0.2, 0.85), (0.001, 0.2, 0.93), (0.001, 0.5, 0.94), (0.1, 0.2, 0.3)]),
        "test_log": Given(test=lambda test_log: _are_trials(test_log), example=lambda: [(0.001, 0.5, 0.927)]),
    },
    hints=[
        "Call `validate` with at least three learning rates, each ten times the last, and two dropout rates.",
        "`max(trials, key=lambda trial: trial[2])` is the best row. Call `use_test_set` with its pair, once.",
    ],
    comment="The test images were used once, after the choice: luck in choosing did not help this accuracy.",
)  # fmt: skip
