"""Exercises of lesson 05: hold out images and stop early, and read a history."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_utils.course import REFERENCE
from course_utils.exercises.core import Answer, Exercise, Given, Number, Row, close, num_steps
from course_utils.preprocessing import one_hot, preprocess_images

History = dict[str, list[float]]

# --- 06.1 ------------------------------------------------------------------------------------------------------------

NUM_HELD_OUT, PATIENCE, MOST_EPOCHS = 500, 3, 100
OTHER_BEST = {"val_accuracy": np.argmax, "loss": np.argmin, "accuracy": np.argmax, "val_loss": np.argmax}


def _history_mistakes(
    small_history: Any,  # noqa: ANN401 - any answer
    small_vectors: NDArray,
    small_one_hot: NDArray,
    test_vectors: NDArray,
    one_hot_test_labels: NDArray,
    batch_size: int,
    model: Any,  # noqa: ANN401 - a Keras model
) -> Iterator[Row]:
    import keras

    history, ask, fresh = small_history, "What does `fit` return?", "Which network has not seen the held-out images?"
    is_dict = isinstance(history, dict) and "loss" in history
    yield is_dict, "`{name}` is the dictionary inside the history; the check also needs the network.", ask
    yield isinstance(history, keras.Model), "`{name}` is the network, expected what its training returns.", ask
    if not isinstance(history, keras.callbacks.History):
        callback = f"`{{name}}` is the callback {type(history).__name__}, expected the history that `fit` returns."
        yield isinstance(history, keras.callbacks.Callback), callback, "Which argument of `fit` takes it?"
        yield callable(history), "`{name}` was not called, expected the history that `fit` returns.", ask
        yield True, "`{name}` is {value}, expected the history that `fit` returns.", "What does the lesson keep?"
    yield not history.history, "`{name}` is a history without any epoch.", ask
    columns, network, params = history.history, history.model, history.params or {}
    no_images = f"No images were held out: the history has only the columns {', '.join(sorted(columns))}."
    yield "val_loss" not in columns, no_images, "Which argument of `fit` sets a part of the training images aside?"
    yield network is model, "You trained `model`, the network of the lesson, expected a fresh one.", fresh
    loss = str(getattr(network.loss, "name", getattr(network.loss, "__name__", network.loss)))
    other_loss = f"The network was compiled with the loss {loss}, expected categorical_crossentropy."
    yield "categorical_crossentropy" not in loss, other_loss, "What does `compile` in the starter cell say?"
    is_finite = np.isfinite(columns["val_loss"]).all()
    yield not is_finite, "`val_loss` became infinite or NaN.", "Is the learning rate too large?"
    for name in sorted({"accuracy", "val_accuracy"} & set(columns)):
        near_chance = f"{name} never gets above {max(columns[name]):.2f}, near chance."
        ask = "Do images and labels belong together, and are the pixels between 0 and 1?"
        yield max(columns[name]) < 0.25, near_chance, ask
    num_epochs, num_taken, first_loss = len(history.epoch), num_steps(network) or 0, columns.get("loss", [1.0])[0]
    steps = params.get("steps") or num_taken / num_epochs
    again = f"The network took {num_epochs * steps:,.0f} steps in this training, and {num_taken:,} in all: "
    again += "it was trained before, or has been trained again since."
    yield num_taken > num_epochs * steps, again, "Did you run the starter cell again, and then `fit` only once?"
    yield first_loss < 0.2, f"In its first epoch the loss is only {first_loss:.3f}: the network was not fresh.", fresh

    small = _losses(network, small_vectors, small_one_hot)
    held_out, num_learned = small[-NUM_HELD_OUT:], len(small) - NUM_HELD_OUT
    epoch = f"An epoch had {steps:,.4g} step{'s' * (steps != 1)}"
    if not _was_measured(columns, held_out):
        yield from _other_images(columns, small, _losses(network, test_vectors, one_hot_test_labels))
    if steps != (expected := math.ceil(num_learned / batch_size)):
        all_images = f"{epoch}: the network learned from all {len(small):,} images, those held out included."
        yield steps == math.ceil(len(small) / batch_size), all_images, "From which images may it not learn?"
        epoch += f", expected {expected}, for {num_learned:,} images in batches of {batch_size}."
        yield steps == math.ceil(num_learned / 32), epoch, "How many does Keras take if you do not give `batch_size`?"
        yield True, epoch, "How many images were learned from, and in batches of how many?"
    known = f"The network knows the {NUM_HELD_OUT} images that were held out better than the first {NUM_HELD_OUT}."
    yield small[:NUM_HELD_OUT].mean() > 2 * held_out.mean(), known, "From which images may it not learn?"
    too_many = f"It ran {num_epochs} epochs, expected at most {MOST_EPOCHS}."
    yield num_epochs > MOST_EPOCHS, too_many, "What is `epochs` in `fit`?"
    num_measured = len(columns["val_loss"])
    not_each = f"val_loss was measured after {num_measured} of the {num_epochs} epochs, expected after each."
    yield num_measured != num_epochs, not_each, "Do you need `validation_freq`?"
    after = num_epochs - 1 - int(np.argmin(columns["val_loss"]))
    if after != PATIENCE:
        not_stopped = f"The training ran to its last epoch, {num_epochs}, and nothing stopped it."
        enough = "Is EarlyStopping in `callbacks=[...]`, what does it monitor, and are there enough epochs?"
        yield num_epochs == params.get("epochs"), not_stopped, enough
        stopped = f"It stopped {after} epoch{'s' * (after != 1)} after the lowest val_loss"
        for watched, find in OTHER_BEST.items():
            message = f"{stopped}, as if it had waited for {watched} to {'rise' if find is np.argmax else 'fall'}."
            is_watched = watched in columns and num_epochs - 1 - find(columns[watched]) == PATIENCE
            yield is_watched, message, "What do the arguments `monitor` and `mode` say?"
        yield True, f"{stopped}, expected {PATIENCE}.", "For how many epochs without progress should it be patient?"
    best, last, kept = min(columns["val_loss"]), columns["val_loss"][-1], held_out.mean()
    message = f"The network has the weights of its last epoch, with a val_loss of {last:.4f}; the best was {best:.4f}."
    yield abs(kept - last) < abs(kept - best), message, "Which argument of EarlyStopping restores the best weights?"


def _losses(network: Any, vectors: NDArray, rows: NDArray) -> NDArray:  # noqa: ANN401 - a Keras model
    probabilities = network.predict(vectors, verbose=0)[np.asarray(rows) == 1]
    return -np.log(np.maximum(probabilities, np.finfo("float32").tiny))


def _was_measured(columns: History, losses: NDArray) -> bool:
    return any(close(losses.mean(), val_loss) for val_loss in columns["val_loss"])


def _other_images(columns: History, small: NDArray, test: NDArray) -> Iterator[Row]:
    n, ask = NUM_HELD_OUT, "Which slice is the last 500 rows of a table?"
    on_test = any(_was_measured(columns, part) for part in (test, test[:n], test[-n:]))
    message = "`val_loss` was measured on test images, so these decided when to stop."
    yield on_test, message, "Which images are then still new to the network?"
    yield _was_measured(columns, small[:n]), f"The first {n} images were held out, expected the last {n}.", ask
    learned = "`val_loss` was measured on images that the network learned from."
    yield any(_was_measured(columns, part) for part in (small, small[:-n])), learned, "Would overfitting show there?"
    for number in (round(len(small) * share) for share in (0.05, 1 / 12, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5)):
        message = f"The last {number:,} of the small images were held out, expected the last {n}."
        yield _was_measured(columns, small[-number:]), message, f"Which share of the images are {n}?"
    message = f"In no epoch is val_loss the loss of this network on the last {n} of the small images."
    yield True, message, "Which images and labels were held out, and was the network changed after `fit`?"


def _fit(vectors: NDArray, rows: NDArray, **options: Any) -> Any:  # noqa: ANN401 - a Keras history
    from course_utils.model import build_model, compile_model

    compile_model(model := build_model())
    return model.fit(vectors, rows, batch_size=128, verbose=0, **options)


def _stopped_early(small_vectors: NDArray, small_one_hot: NDArray) -> Any:  # noqa: ANN401 - a Keras history
    import keras

    stopper = keras.callbacks.EarlyStopping(monitor="val_loss", patience=PATIENCE, restore_best_weights=True)
    share = NUM_HELD_OUT / len(small_vectors)
    return _fit(small_vectors, small_one_hot, validation_split=share, epochs=MOST_EPOCHS, callbacks=[stopper])


def _one_epoch(dataset: Any) -> Any:  # noqa: ANN401 - a Keras model
    return _fit(preprocess_images(dataset.train_images), one_hot(dataset.train_labels), epochs=1).model


def _has_learned(model: Any, dataset: Any, batch_size: int) -> bool:  # noqa: ANN401 - a Keras model
    return (num_steps(model) or 0) * batch_size >= (1 if dataset is None else len(dataset.train_images))


hold_out_and_stop = Exercise(
    "06.1",
    "Hold out images and stop early",
    Answer("small_history", "the history that `fit` returns", mistakes=_history_mistakes, example=_stopped_early),
    given={
        "small_vectors": Given(preprocess_images, rows_of="train_images", most=3000),
        "small_one_hot": Given(one_hot, rows_of="train_labels", most=3000),
        "test_vectors": Given(preprocess_images, rows_of="test_images"),
        "one_hot_test_labels": Given(one_hot, rows_of="test_labels"),
        "batch_size": Given(test=lambda batch_size: int(batch_size) == batch_size > 0, example=lambda: 128),
        "model": Given(test=_has_learned, example=_one_epoch),
    },
    hints=[
        "`validation_split` takes the last part of the images: write `500 / len(small_vectors)`.",
        "EarlyStopping has the arguments monitor, patience and restore_best_weights; `fit` takes `callbacks=[...]`.",
    ],
    comment=lambda small_history: (
        f"It stopped after {len(small_history.epoch)} epochs, and the test images had no part in that decision."
    ),
)

# --- 06.2 ------------------------------------------------------------------------------------------------------------

COLUMNS = ("loss", "accuracy", "val_loss", "val_accuracy")


def _epoch_mistakes(best_epoch: float | NDArray, history: History) -> Iterator[Row]:
    val_loss, ask = np.array(history["val_loss"]), "Which function of NumPy gives the position of the smallest number?"
    best, num_epochs, agree = int(val_loss.argmin()), len(val_loss), "Do the columns agree about the best epoch?"
    from_zero = f"`{{name}}` counts the epochs from 0; Keras calls the first one Epoch 1/{num_epochs}."
    yield best, from_zero, "Which epoch has position 0 in the list?"
    yield best + 2, "`{name}` is one epoch too late.", "Was 1 added twice?"
    yield val_loss.min(), "`{name}` is the lowest val_loss itself, expected the epoch in which it was reached.", ask
    yield val_loss, "`{name}` holds val_loss of every epoch, expected the number of one epoch.", ask
    for name, find in OTHER_BEST.items():
        word, images = "highest" if find is np.argmax else "lowest", "test" if "val_" in name else "training"
        position = int(find(history[name]))
        message = f"is where {name}, measured on {images} images, is {word}; expected where val_loss is lowest."
        yield position + 1, f"`{{name}}` {message}", agree
        yield position if position != best else np.nan, f"`{{name}}` counts from 0, and {message}", agree
    yield num_epochs, "`{name}` is the last epoch.", "Is it the best one?"
    if isinstance(best_epoch, float) and best_epoch.is_integer():
        if not 1 <= best_epoch <= num_epochs:
            message = f"There are {num_epochs} epochs, and no epoch {best_epoch:.0f}."
            return (yield True, message, "From where to where are they counted?")
        message = f"In epoch {best_epoch:.0f} val_loss is {val_loss[int(best_epoch) - 1]:.4f}; there is a lower one."
        yield True, message, ask


def _rise_mistakes(best_epoch: float | NDArray | None, history: History) -> list[Row]:
    loss, accuracy, val_loss, val_accuracy = (np.array(history[name]) for name in COLUMNS)
    lowest, last, best = val_loss.min(), val_loss[-1], int(val_loss.argmin())
    divided, two, column = "Did you divide or subtract?", "Which two numbers are compared?", "Which column is it about?"
    zero, read_from = (
        "Which position has the first epoch?",
        "`{{name}}` was read from {}, expected from val_loss.".format,
    )
    is_epoch = isinstance(best_epoch, float) and best_epoch in range(1, len(val_loss) + 1)
    from_yours = last - val_loss[int(best_epoch) - 1] if is_epoch else np.nan  # type: ignore[arg-type]
    rows = [
        (lowest - last, "The sign of `{name}` is wrong: a rise is positive.", "What is subtracted from what?"),
        (last / lowest, "`{name}` is how many times as high, expected by how much higher.", divided),
        (last / lowest - 1, "`{name}` is the rise as a share of the lowest loss.", divided),
        (100 * (last / lowest - 1), "`{name}` is the rise in percent of the lowest loss.", divided),
        (100 * (last - lowest), "`{name}` is a hundred times too large: a loss is not a percentage.", two),
        (last, "`{name}` is val_loss in the last epoch, expected how far above the lowest it is.", two),
        (lowest, "`{name}` is the lowest val_loss, expected how far above it the last one is.", two),
        (last - val_loss[min(best + 1, len(loss) - 1)], "`{name}` is compared with the epoch after the best.", zero),
        (last - val_loss[max(best - 1, 0)], "`{name}` is compared with the epoch before the best.", zero),
        (from_yours, "`{name}` is the rise from your `best_epoch`, which is not right.", "Which epoch is the best?"),
        (last - val_loss[0], "`{name}` is compared with the first epoch.", two),
        (val_loss.max() - lowest, "`{name}` goes from the lowest val_loss to the highest.", "Which epoch is the last?"),
        (last - loss[-1], "`{name}` is the distance to the training loss in the last epoch.", column),
        (last - loss[best], "`{name}` is the distance to the training loss in the best epoch.", column),
        (last - loss.min(), "In `{name}` the lowest loss is that of the training images.", column),
        (loss[-1] - loss.min(), read_from("the training loss"), column),
        (loss[-1] - loss[best], read_from("the training loss"), column),
        (val_accuracy.max() - val_accuracy[-1], read_from("val_accuracy"), column),
        (val_accuracy[-1] - val_accuracy.max(), read_from("val_accuracy"), column),
        (val_accuracy[-1] - val_accuracy[best], read_from("val_accuracy"), column),
        (accuracy[-1] - accuracy[best], read_from("accuracy"), column),
        (len(val_loss) - 1 - best, "`{name}` counts epochs, expected a difference of two losses.", "What is its unit?"),
        (val_loss - lowest, "`{name}` has the difference of every epoch, expected that of the last.", two),
        (val_loss, "`{name}` holds val_loss of every epoch, expected a difference of two of them.", two),
    ]
    return [row for row in rows if np.any(row[0])]  # a difference of 0 points to no cause


def _is_best(best_epoch: float | NDArray, history: History) -> bool:
    val_loss = np.array(history["val_loss"])
    return isinstance(best_epoch, float) and best_epoch - 1 in np.flatnonzero(val_loss == val_loss.min())


def _is_printed_rise(rise_since_best: float | NDArray, history: History) -> bool:
    """Tell whether it is the difference of two losses as Keras prints them, with four digits."""
    return close(rise_since_best, round(history["val_loss"][-1], 4) - round(min(history["val_loss"]), 4), 1e-9)


def _is_history(history: History) -> bool:
    values = np.array([history[name] for name in COLUMNS], dtype=float)
    return isinstance(history, dict) and values.size > 0 and bool((values >= 0).all() and (values[1::2] <= 1).all())


def _what_it_shows(history: History) -> str:
    num_epochs = len(history["val_loss"])
    num_after = num_epochs - 1 - int(np.argmin(history["val_loss"]))
    after = f"{num_after} of {num_epochs} epochs came after the best."
    agree = int(np.argmax(history["val_accuracy"])) == num_epochs - 1 - num_after
    after = after if num_after else "The last epoch was the best: this training was not too long."
    return after + " Here val_accuracy was highest in the same epoch, which need not be so." * agree


read_the_history = Exercise(
    "06.2",
    "Read a history",
    Number(
        "best_epoch",
        "the number of an epoch",
        expected=lambda history: int(np.argmin(history["val_loss"])) + 1,
        is_right=_is_best,
        mistakes=_epoch_mistakes,
        whole=True,
    ),
    Number(
        "rise_since_best",
        expected=lambda history: history["val_loss"][-1] - min(history["val_loss"]),
        is_right=_is_printed_rise,
        mistakes=_rise_mistakes,
        otherwise=(
            "`{name}` is {value}, {more} than val_loss rises from its lowest value to the last epoch.",
            "Which two numbers of the list are compared, and which position has the last?",
        ),
    ),
    given={
        "history": Given(
            test=_is_history,
            example=lambda: json.loads((REFERENCE / "mnist.json").read_text(encoding="utf-8"))["history"],
        )
    },
    hints=[
        "`np.argmin` gives the position of the smallest number in a list; positions count from 0, epochs from 1.",
        "The last number of a list is at `[-1]`, the smallest is `min(...)`.",
    ],
    comment=_what_it_shows,
)
