"""Exercises of lesson 06: hold out images and stop early, read a history, and repair a network that does not learn."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_utils.course import REFERENCE, counted
from course_utils.exercises.core import Answer, Exercise, Given, Number, Row, close, num_steps
from course_utils.preprocessing import one_hot, preprocess_images

History = dict[str, list[float]]


def _losses(network: Any, vectors: NDArray, rows: NDArray) -> NDArray:
    probabilities = np.asarray(network(vectors))[np.asarray(rows) == 1]
    return -np.log(np.maximum(probabilities, np.finfo("float32").tiny))


def _training_mistakes(history: Any, model: Any) -> Iterator[Row]:
    """Yield what is wrong with a history, or with any training run of a fresh network."""
    import keras

    ask, fresh = "What does `fit` return?", "Did you run the starter cell again, and then `fit` only once?"
    is_dict, kind = isinstance(history, dict) and "loss" in history, type(history).__name__
    yield is_dict, "is the dictionary inside the history; the check also needs the network.", ask
    yield isinstance(history, keras.Model), "is the network, expected what `fit` returned.", ask
    if not isinstance(history, keras.callbacks.History):
        is_callback = isinstance(history, keras.callbacks.Callback)
        expected = "expected the history that `fit` returns."
        yield is_callback, f"is the callback {kind}, {expected}", "Which argument of `fit` takes it?"
        yield callable(history), f"was not called, {expected}", ask
        yield True, f"is {{value}}, {expected}", "What does the lesson keep of its training run?"
    yield not history.history, "is a history without any epochs.", ask
    network, columns, num_epochs = history.model, history.history, len(history.epoch)
    loss = str(getattr(network.loss, "name", getattr(network.loss, "__name__", network.loss)))
    other_loss = f"The network was compiled with the loss {loss}, expected categorical_crossentropy."
    yield "categorical_crossentropy" not in loss, other_loss, "What does `compile` in the starter cell say?"
    num_taken, first = num_steps(network) or 0, columns.get("loss", [1.0])[0]
    num_here = num_epochs * (history.params.get("steps") or num_taken / num_epochs)
    again = f"The network took {counted(num_here, 'step')} in this run, and {num_taken:,} in all: "
    of_lesson = network is model and num_taken > num_here  # not a fresh one that was called `model`, too
    yield of_lesson, "You trained `model`, the network of the lesson, instead of a fresh one.", fresh
    yield num_taken > num_here, f"{again}it was trained before, or has been trained again since.", fresh
    low = f"In its first epoch the loss is only {first:.3f}, too low for a fresh network and one-hot labels."
    yield first < 0.2, low, "Did you run the starter cell again, and does each row of the labels have a single 1?"
    infinite = [name for name in columns if not np.isfinite(columns[name]).all()]
    yield (
        bool(infinite),
        f"In training, {', '.join(infinite)} became infinite or NaN.",
        "Is the learning rate too large?",
    )
    large = f"The loss starts at {first:,.1f}, but an untrained network has about 2.3. " * (first > 8)
    rate, ask = float(network.optimizer.learning_rate), "How large are the pixels? " * (first > 8)
    if rate > 0.05:
        ask = f"Is a learning rate of {rate:g} too large? {ask}"
    for name in {"accuracy", "val_accuracy"} & set(columns):
        highest = max(columns[name])
        stuck = f"{large}The {name} never gets above {highest:.2f}, {'near' if highest > 0.05 else 'below'} chance."
        yield highest < 0.25, stuck, f"{ask}Does row k of the labels belong to image k?"
    yield first > 8, large, ask


def _fit(vectors: NDArray, rows: NDArray, **options: Any) -> Any:
    from course_utils.model import build_model, compile_model

    compile_model(model := build_model())
    return model.fit(vectors, rows, batch_size=128, verbose=0, **options)


def _one_epoch(dataset: Any) -> Any:
    return _fit(preprocess_images(dataset.train_images), one_hot(dataset.train_labels)).model


SMALL = {
    "small_vectors": Given(preprocess_images, rows_of="train_images", most=3000),
    "small_one_hot": Given(one_hot, rows_of="train_labels", most=3000),
    "batch_size": Given(test=lambda batch_size: int(batch_size) == batch_size > 0, example=lambda: 128),
    "model": Given(test=lambda model: bool(num_steps(model)), example=_one_epoch),
}
TEST = {
    "test_vectors": Given(preprocess_images, rows_of="test_images"),
    "one_hot_test_labels": Given(one_hot, rows_of="test_labels"),
}

# --- 06.1 ------------------------------------------------------------------------------------------------------------

NUM_HELD_OUT, PATIENCE, MOST_EPOCHS = 500, 3, 100


def _stopper_mistakes(early_stopping: Any) -> Iterator[Row]:
    import keras

    stopper, kind = early_stopping, type(early_stopping).__name__
    if not isinstance(stopper, keras.callbacks.EarlyStopping):
        yield callable(stopper), "was not called, expected an EarlyStopping callback.", "Where are the ()?"
        what = f"the callback {kind}" if isinstance(stopper, keras.callbacks.Callback) else "{value}"
        yield True, f"is {what}, expected one EarlyStopping callback.", "Which callback ends training?"
    monitors = f"monitors {stopper.monitor}, expected val_loss."
    yield stopper.monitor != "val_loss", monitors, "Which column has to stop falling?"
    yield stopper.mode == "max", "takes a higher val_loss for a better one.", "Is a higher loss better, or a lower one?"
    patience = f"The patience of `{{name}}` is {stopper.patience!r}, expected {PATIENCE}."
    yield stopper.patience != PATIENCE, patience, "For how many epochs without progress should it wait?"
    restores = "leaves the network with the weights of its last epoch, expected those of its best."
    yield not stopper.restore_best_weights, restores, "Which argument of EarlyStopping restores them?"
    for name in ("min_delta", "baseline", "start_from_epoch"):
        yield bool(getattr(stopper, name)), f"has the argument {name}.", "Does the task ask for it?"


def _history_mistakes(
    small_history: Any,
    early_stopping: Any,
    small_vectors: NDArray,
    small_one_hot: NDArray,
    test_vectors: NDArray,
    one_hot_test_labels: NDArray,
    batch_size: int,
    model: Any,
) -> Iterator[Row]:
    yield from _training_mistakes(small_history, model)
    columns, network, num_epochs = small_history.history, small_history.model, len(small_history.epoch)
    no_images = f"No images were held out: the history has only the columns {', '.join(sorted(columns))}."
    yield "val_loss" not in columns, no_images, "Which argument of `fit` sets a part of the training images aside?"
    small, n = _losses(network, small_vectors, small_one_hot), NUM_HELD_OUT
    steps = small_history.params.get("steps") or (num_steps(network) or 0) / num_epochs
    asked_for = small_history.params.get("epochs", MOST_EPOCHS + 1)

    def steps_for(num_images: Any, size: int = batch_size) -> Any:
        return np.ceil(num_images / size)

    def was_measured(*parts: NDArray) -> bool:
        return any(close(part.mean(), val_loss) for part in parts for val_loss in columns["val_loss"])

    if not was_measured(small[-n:]):
        test, ask = _losses(network, test_vectors, one_hot_test_labels), "Which slice has the last 500 rows of a table?"
        on_test = "`val_loss` was measured on test images, not on held-out images."
        yield was_measured(test, test[:n], test[-n:]), on_test, "Which images would still be new to the network?"
        yield was_measured(small[:n]), f"The first {n} images were held out, expected the last {n}.", ask
        learned = "`val_loss` was measured on images that the network learned from."
        yield was_measured(small, small[:-n]), learned, "Would overfitting show there?"
        # How many of the last images give the loss of the best or the last epoch?
        numbers = np.arange(1, len(small) + 1)
        means = np.cumsum(small[::-1], dtype=float) / numbers
        error = np.minimum(*(abs(means / each - 1) for each in (min(columns["val_loss"]), columns["val_loss"][-1])))
        error[steps_for(len(small) - numbers) != steps] = 1
        number = f"The last {numbers[error.argmin()]:,} of the small images were held out, expected the last {n}."
        yield error.min() < 1e-5, number, f"What share of the images is {n}?"
        more = f"An epoch had {counted(steps, 'step')}, too many for {len(small):,} images in batches of {batch_size}."
        yield steps > steps_for(len(small)), more, "Did `fit` get the small arrays, and `batch_size`?"
        other = f"`val_loss` is never the loss of this network on the last {n} of the small images, in any epoch."
        yield True, other, "Which images and labels were held out, and was the network changed after `fit`?"
    expected, epoch = steps_for(len(small) - n), f"An epoch had {counted(steps, 'step')}"
    if steps != expected:
        all_images = f"{epoch}: the network learned from all {len(small):,} images, even those held out."
        yield steps == steps_for(len(small)), all_images, "Which images must it not learn from?"
        epoch += f", expected {expected:.0f}, for {len(small) - n:,} images in batches of {batch_size}."
        ask = "How many does Keras take if you do not set `batch_size`?"
        yield True, epoch, ask if steps == steps_for(len(small) - n, 32) else "Which images, in batches of how many?"
    known = f"The network does far better on the last {n} images, which were held out, than on the first {n}."
    yield small[:n].mean() > 2 * small[-n:].mean(), known, "Which images must it not learn from?"
    yield num_epochs > MOST_EPOCHS, f"It ran {num_epochs} epochs, expected at most {MOST_EPOCHS}.", "What is `epochs`?"
    not_each = f"The val_loss was measured after only {len(columns['val_loss'])} of the {num_epochs} epochs."
    yield len(columns["val_loss"]) != num_epochs, not_each, "Do you need `validation_freq`?"
    ran_on = f"Training ran to its last epoch, {num_epochs}, and nothing stopped it."
    ask, was_stopped = "Is `early_stopping` in `callbacks=[...]`, and are there enough epochs?", num_epochs < asked_for
    yield not (was_stopped or getattr(early_stopping, "stopped_epoch", 0)), ran_on, ask
    took_part = getattr(early_stopping, "model", network) is network
    yield not took_part, "`early_stopping` took no part in this run.", "Which argument of `fit` takes it?"
    is_wrong = hasattr(early_stopping, "stopped_epoch") and any(row[0] for row in _stopper_mistakes(early_stopping))
    yield is_wrong, "was stopped by an `early_stopping` that is not right.", "Did you train again after you changed it?"


@cache  # the run must use the very callback that is the other answer
def _stopper() -> Any:
    import keras

    return keras.callbacks.EarlyStopping(monitor="val_loss", patience=PATIENCE, restore_best_weights=True)


def _stopped_early(small_vectors: NDArray, small_one_hot: NDArray) -> Any:
    share = NUM_HELD_OUT / len(small_vectors)
    return _fit(small_vectors, small_one_hot, validation_split=share, epochs=MOST_EPOCHS, callbacks=[_stopper()])


hold_out_and_stop = Exercise(
    "06.1",
    "Hold out images and stop early",
    Answer("early_stopping", "an EarlyStopping callback", mistakes=_stopper_mistakes, example=_stopper),
    Answer("small_history", "the history that `fit` returns", mistakes=_history_mistakes, example=_stopped_early),
    given=SMALL | TEST,
    hints=[
        "`validation_split` holds out the last part of the images: write `500 / len(small_vectors)`.",
        "EarlyStopping has the arguments monitor, patience and restore_best_weights; `fit` takes `callbacks=[...]`.",
    ],
    comment=lambda small_history: (
        f"It stopped after {counted(len(small_history.epoch), 'epoch')}, and the test images had no part in that."
    ),
)

# --- 06.2 ------------------------------------------------------------------------------------------------------------

COLUMNS = {"val_accuracy": np.argmax, "loss": np.argmin, "accuracy": np.argmax, "val_loss": np.argmax}  # other "bests"


def _epoch_mistakes(best_epoch: float | NDArray, history: History) -> Iterator[Row]:
    val_loss, ask = np.array(history["val_loss"]), "Which function of NumPy gives the position of the smallest number?"
    best, num_epochs, agree = int(val_loss.argmin()), len(val_loss), "Do the columns agree about the best epoch?"
    from_0 = f"counts the epochs from 0; Keras calls the first one Epoch 1/{num_epochs}."
    yield best, from_0, "What number does the first one have?"
    yield best + 2, "is one epoch too late.", "Did you add 1 twice?"
    yield val_loss.min(), "is the lowest val_loss itself, expected the epoch in which it was reached.", ask
    yield val_loss, "holds val_loss of every epoch, expected the number of one epoch.", ask
    for name, find in COLUMNS.items():
        word, images = "highest" if find is np.argmax else "lowest", "test" if "val_" in name else "training"
        position = int(find(history[name]))
        message = f"is where {name}, measured on {images} images, is {word}; expected where val_loss is lowest."
        yield position + 1, message, agree
        yield position if position != best else np.nan, f"counts from 0, and {message}", agree
    yield num_epochs, "is the last epoch.", "Is it the best one?"
    if isinstance(best_epoch, float) and best_epoch.is_integer():
        is_one = 1 <= best_epoch <= num_epochs
        yield not is_one, f"There is no epoch {best_epoch:.0f}; they go from 1 to {num_epochs}.", "Where do they start?"
        loss = val_loss[int(best_epoch) - 1] if is_one else np.nan
        yield is_one, f"In epoch {best_epoch:.0f} val_loss is {loss:.4f}; there is a lower one.", ask


def _rise_mistakes(best_epoch: float | NDArray | None, history: History) -> list[Row]:
    val_loss, loss = np.array(history["val_loss"]), np.array(history["loss"])
    lowest, last, best = val_loss.min(), val_loss[-1], int(val_loss.argmin())
    divided, two, column = "Did you divide or subtract?", "Which two numbers do you compare?", "Which column is it?"
    is_epoch = isinstance(best_epoch, float) and best_epoch in range(1, len(val_loss) + 1)
    from_yours = last - val_loss[int(best_epoch) - 1] if is_epoch else np.nan  # type: ignore[arg-type]
    rows = [
        (last / lowest, "says how many times as high the last one is, not how much higher.", divided),
        (last / lowest - 1, "is the rise as a share of the lowest loss.", divided),
        (100 * (last / lowest - 1), "is the rise in percent of the lowest loss.", divided),
        (100 * (last - lowest), "is a hundred times too large: a loss is not a percentage.", two),
        (last, "is val_loss in the last epoch, expected how far above the lowest it is.", two),
        (lowest, "is the lowest val_loss, expected how far above it the last one is.", two),
        (last - val_loss[min(best + 1, len(loss) - 1)], "compares the last epoch with the one after the best.", two),
        (last - val_loss[max(best - 1, 0)], "compares the last epoch with the one before the best.", two),
        (from_yours, "is the rise from your `best_epoch`, which is not right.", "Which epoch is the best?"),
        (last - val_loss[0], "compares the last epoch with the first.", two),
        (last - val_loss[-2:][0], "compares the last epoch with the one before it.", two),
        (1 - lowest / last, "is the rise as a share of the last loss.", divided),
        (val_loss.max() - last, "goes from the last val_loss to the highest.", two),
        (last - loss[best], "compares the last val_loss with the training loss in the best epoch.", column),
        (lowest - loss[best], "is the distance to the training loss in the best epoch.", column),
        (val_loss.max() - lowest, "goes from the lowest val_loss to the highest.", "Which epoch is the last?"),
        (last - loss[-1], "is the distance to the training loss in the last epoch.", column),
        (last - loss.min(), "In `{name}`, the lowest loss is that of the training images.", column),
        (len(val_loss) - 1 - best, "counts epochs, expected a difference of two losses.", "What is its unit?"),
        (val_loss - lowest, "has the difference of every epoch, expected that of the last.", two),
        (val_loss, "holds val_loss of every epoch, expected a difference of two of them.", two),
    ]
    for name, values in ((name, np.array(history[name])) for name in COLUMNS if name != "val_loss"):
        for result in (values[-1] - values[best], values[-1] - values.min(), values.max() - values[-1]):
            rows.append((result, f"was read from {name}, not from val_loss.", column))
    return [row for row in rows if np.any(row[0])]  # a difference of 0 points to no cause


def _is_best(best_epoch: float | NDArray, history: History) -> bool:
    val_loss = np.array(history["val_loss"])
    return isinstance(best_epoch, float) and best_epoch - 1 in np.flatnonzero(val_loss == val_loss.min())


def _is_printed_rise(rise_since_best: float | NDArray, history: History) -> bool:
    """Tell whether it is the difference of two losses as Keras prints them, with four digits."""
    return close(rise_since_best, round(history["val_loss"][-1], 4) - round(min(history["val_loss"]), 4), 1e-9)


def _is_history(history: History, model: Any, test_vectors: NDArray, one_hot_test_labels: NDArray) -> bool:
    """Tell whether it ends at the present loss of the network; one that was cut or sorted does not."""
    values = np.array([history[name] for name in COLUMNS], dtype=float)
    ends_there = close(_losses(model, test_vectors, one_hot_test_labels).mean(), history["val_loss"][-1], 1e-3)
    return ends_there and bool((values >= 0).all() and (values[::2] <= 1).all())


def _history(model: Any, test_vectors: NDArray, one_hot_test_labels: NDArray) -> History:
    history = json.loads((REFERENCE / "mnist.json").read_text(encoding="utf-8"))["history"]
    scale = _losses(model, test_vectors, one_hot_test_labels).mean() / history["val_loss"][-1]
    return {**history, "val_loss": [float(scale * loss) for loss in history["val_loss"]]}


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
            "is {value}, {more} than the rise of val_loss from its lowest value to the last epoch.",
            "Which two numbers of the list do you compare, and at which position is the last?",
        ),
    ),
    given={"model": SMALL["model"], **TEST, "history": Given(test=_is_history, example=_history)},
    hints=[
        "`np.argmin` gives the position of the smallest number in a list; positions count from 0, epochs from 1.",
        "The last number of a list is at `[-1]`, the smallest is `min(...)`.",
    ],
    comment=lambda best_epoch, history: (
        f"{len(history['val_loss']) - int(best_epoch)} of {len(history['val_loss'])} epochs came after the best."
    ),
)

# --- 06.3 ------------------------------------------------------------------------------------------------------------

NUM_EPOCHS = 5


def _repair_mistakes(repaired_history: Any, small_vectors: NDArray, batch_size: int, model: Any) -> Iterator[Row]:
    yield from _training_mistakes(repaired_history, model)
    columns, num_epochs = repaired_history.history, len(repaired_history.epoch)
    yield "accuracy" not in columns, "The history has no column accuracy.", "What does `metrics` in `compile` say?"
    steps, expected = repaired_history.params.get("steps"), math.ceil(len(small_vectors) / batch_size)
    message = f"An epoch had {counted(steps or 0, 'step')}, expected {expected}, for {len(small_vectors):,} images."
    yield steps != expected, message, "Is this the run of the starter cell, with all its images?"
    message = f"It ran {counted(num_epochs, 'epoch')}, expected {NUM_EPOCHS}."
    yield num_epochs != NUM_EPOCHS, message, "What is `epochs` in the starter cell?"
    message = f"It learns, but accuracy ends at {columns['accuracy'][-1]:.2f}; it should get above 0.8."
    yield columns["accuracy"][-1] < 0.8, message, "Do the pixels lie between 0 and 1, and is it the lesson's network?"


repair_a_training = Exercise(
    "06.3",
    "Repair a network that does not learn",
    Answer(
        "repaired_history",
        "the history that `fit` returns",
        mistakes=_repair_mistakes,
        example=lambda small_vectors, small_one_hot: _fit(small_vectors, small_one_hot, epochs=NUM_EPOCHS),
    ),
    given=SMALL,
    hints=[
        "An untrained network has a loss near 2.3. If the first loss is far higher, look at the size of the inputs.",
        "Which image does row 0 of the labels belong to after the images were shuffled?",
    ],
    comment="Now each image has its own label, and the pixels are small numbers.",
)
