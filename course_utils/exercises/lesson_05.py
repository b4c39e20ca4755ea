"""Checks of the exercises of lesson 05: hold out and stop early, read a history."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_utils.exercises.core import Exercise, Wrong, as_integer, as_number, close, describe

NUM_HELD_OUT = 500
PATIENCE = 3

# --- 05.1 ------------------------------------------------------------------------------------------------------------


def _check_held_out(
    small_history: object,
    *,
    small_vectors: NDArray,
    small_one_hot: NDArray,
    test_vectors: NDArray,
    one_hot_test_labels: NDArray,
    batch_size: int,
    model: object,
) -> str:
    history = small_history
    _explain_no_history(history)
    network, columns = history.model, history.history
    if "val_loss" not in columns:
        raise Wrong(
            f"No images were held out: the history has the columns {', '.join(sorted(columns)) or 'of no epoch'}.",
            "Which argument of fit sets a part of the training images aside?",
        )
    if network is model:
        raise Wrong(
            "This is the lesson's network, which has learned from all training images before.",
            "Which network has not seen the images that you hold out?",
        )

    @cache
    def measures(part: str) -> bool:
        """Tell whether the network's loss on some images is what the history says of one of its epochs."""
        vectors, rows = {
            "held out": (small_vectors[-NUM_HELD_OUT:], small_one_hot[-NUM_HELD_OUT:]),
            "first": (small_vectors[:NUM_HELD_OUT], small_one_hot[:NUM_HELD_OUT]),
            "learned": (small_vectors[:-NUM_HELD_OUT], small_one_hot[:-NUM_HELD_OUT]),
            "all": (small_vectors, small_one_hot),
            "test": (test_vectors, one_hot_test_labels),
            "first test": (test_vectors[:NUM_HELD_OUT], one_hot_test_labels[:NUM_HELD_OUT]),
        }[part]
        loss = _loss(network, vectors, rows)
        return any(close(loss, told, relative=2e-5) for told in columns["val_loss"])

    if not measures("held out"):
        _explain_other_images(measures)
    _explain_steps(history.params["steps"], len(small_vectors), batch_size)
    _explain_stop(columns, history.params["epochs"])
    held_out_loss = _loss(network, small_vectors[-NUM_HELD_OUT:], small_one_hot[-NUM_HELD_OUT:])
    best, last = min(columns["val_loss"]), columns["val_loss"][-1]
    if abs(held_out_loss - last) < abs(held_out_loss - best):
        raise Wrong(
            f"The network kept the weights of its last epoch, with a val_loss of {last:.4f}; the best was {best:.4f}.",
            "Which argument of EarlyStopping goes back to the best weights?",
        )
    return f"It stopped after {len(columns['val_loss'])} epochs, and the test images had no part in that decision."


def _loss(network: object, vectors: NDArray, rows: NDArray) -> float:
    return network.evaluate(vectors, rows, verbose=0, return_dict=True)["loss"]


def _explain_no_history(history: object) -> None:
    import keras

    if isinstance(history, dict) and "loss" in history:
        raise Wrong(
            "This is the dictionary inside the history; the check also looks at the network, and needs the whole.",
            "What does fit return, before .history is taken of it?",
        )
    if isinstance(history, keras.Model):
        raise Wrong("This is the network; its training is wanted.", "What does fit return?")
    if isinstance(history, keras.callbacks.EarlyStopping):
        raise Wrong("This is the callback alone; nothing was trained with it yet.", "Where does fit take callbacks?")
    if not isinstance(history, keras.callbacks.History):
        raise Wrong(f"This is {describe(history)}, not what fit returns.", "What stands left of the = in the lesson?")


def _explain_other_images(measures: Callable[[str], bool]) -> None:
    if measures("test") or measures("first test"):
        raise Wrong(
            "The val_ columns were measured on test images, so these decided when to stop.",
            "Which images may still be called new after that?",
        )
    if measures("first"):
        raise Wrong(
            f"The first {NUM_HELD_OUT} images were held out, not the last.",
            f"Which slice is the last {NUM_HELD_OUT} rows of a table?",
        )
    if measures("learned") or measures("all"):
        raise Wrong(
            "The val_ columns were measured on images that the network learned from.",
            "Would you notice over-fitting there?",
        )
    raise Wrong(
        f"The val_ columns were not measured on the last {NUM_HELD_OUT} of the small images, or the network has been "
        "trained again since.",
        f"Which share of the images are {NUM_HELD_OUT}, and did you run the starter cell again before fit?",
    )


def _explain_steps(num_steps: int, num_images: int, batch_size: int) -> None:
    num_learned = num_images - NUM_HELD_OUT
    if num_steps == math.ceil(num_learned / batch_size):
        return
    if num_steps == math.ceil(num_images / batch_size):
        raise Wrong(
            f"An epoch had {num_steps} steps: the network learned from all {num_images:,} images, those held out "
            "included.",
            "What does it prove to know an image that one has learned from?",
        )
    usual = " (32 is Keras' own choice)" if num_steps == math.ceil(num_learned / 32) else ""
    raise Wrong(
        f"An epoch had {num_steps} steps; {num_learned:,} images in batches of {batch_size} make "
        f"{math.ceil(num_learned / batch_size)}.",
        f"How many images were learned from, and in batches of how many{usual}?",
    )


def _explain_stop(columns: dict[str, list[float]], num_planned: int) -> None:
    val_loss = columns["val_loss"]
    num_run, num_after = len(val_loss), len(val_loss) - 1 - int(np.argmin(val_loss))
    if num_after == PATIENCE:
        return
    if num_run == num_planned:
        raise Wrong(
            f"All {num_planned} epochs were run, and nothing stopped it.",
            "Is EarlyStopping in the list callbacks=[...], what does it watch, and is there room for enough epochs?",
        )
    for name, sign in (("val_accuracy", -1), ("loss", 1), ("accuracy", -1)):
        if _num_epochs_until_stop(sign * np.array(columns.get(name, []))) == num_run:
            raise Wrong(
                f"It stopped {num_after} epochs after the lowest val_loss: as if {name} had been watched.",
                "What does the argument monitor say, and which column is to decide?",
            )
    raise Wrong(
        f"It stopped {num_after} epoch{'s' * (num_after != 1)} after the lowest val_loss, not {PATIENCE}.",
        "For how many epochs without progress should it be patient?",
    )


def _num_epochs_until_stop(values: NDArray) -> int:
    """Count the epochs until there was nothing lower for `PATIENCE` epochs."""
    best, wait = math.inf, 0
    for epoch, value in enumerate(values, start=1):
        best, wait = (value, 0) if value < best else (best, wait + 1)
        if wait >= PATIENCE:
            return epoch
    return 0


hold_out_and_stop = Exercise(
    "05.1",
    "Hold out images and stop early",
    _check_held_out,
    "validation_split takes the last part of the images: write 500 / len(small_vectors).",
    "EarlyStopping has the arguments monitor, patience and restore_best_weights; fit takes callbacks=[...].",
)

# --- 05.2 ------------------------------------------------------------------------------------------------------------


def _check_reading(best_epoch: object, rise_since_best: object, *, history: dict[str, ArrayLike]) -> str:
    columns = {name: np.asarray(values, dtype=float) for name, values in history.items()}
    val_loss = columns["val_loss"]
    _check_best_epoch(as_number(best_epoch, "best_epoch"), columns)
    rise = val_loss[-1] - val_loss.min()
    given = as_number(rise_since_best, "rise_since_best")
    if abs(given - rise) > 1.1e-4:  # the difference of two numbers that were printed with four digits may be taken
        _explain_rise(given, columns)
    if not rise:
        return "The last epoch was the best: this training was not too long."
    return f"{len(val_loss) - int(val_loss.argmin()) - 1} of {len(val_loss)} epochs came after the best."


def _check_best_epoch(epoch: float, columns: dict[str, NDArray]) -> None:
    val_loss = columns["val_loss"]
    right = np.flatnonzero(val_loss == val_loss.min()) + 1
    if epoch in right:
        return
    if not epoch.is_integer() and abs(epoch - val_loss.min()) < 1e-4:
        raise Wrong(
            "This is the lowest val_loss itself, not the epoch in which it was reached.",
            "Which function of NumPy gives the position of the smallest?",
        )
    epoch = as_integer(epoch, "best_epoch")
    if epoch + 1 in right:
        raise Wrong(
            f"This is the epoch counted from 0; Keras prints Epoch 1/{len(val_loss)} for the first.",
            "Which epoch has the position 0 in the list?",
        )
    if epoch - 1 in right:
        raise Wrong("This is one epoch too late.", "Was 1 added twice?")
    if not 1 <= epoch <= len(val_loss):
        raise Wrong(f"There are {len(val_loss)} epochs, and no epoch {epoch}.", "From where to where are they counted?")
    for name, word, position in (
        ("val_accuracy", "highest", np.argmax),
        ("loss", "lowest", np.argmin),
        ("accuracy", "highest", np.argmax),
        ("val_loss", "highest", np.argmax),
    ):
        if name in columns and epoch == position(columns[name]) + 1:
            which = {"loss": "training images", "accuracy": "training images"}.get(name, "test images")
            raise Wrong(
                f"In this epoch {name} is {word}, the column of the {which}; asked is where val_loss is lowest.",
                "Do the four columns agree about the best epoch?",
            )
    raise Wrong(
        f"In epoch {epoch} the val_loss is {val_loss[epoch - 1]:.4f}, and there is a lower one.",
        "Which function of NumPy gives the position of the smallest?",
    )


def _explain_rise(given: float, columns: dict[str, NDArray]) -> None:
    val_loss = columns["val_loss"]
    lowest, last, best = val_loss.min(), val_loss[-1], int(val_loss.argmin())
    loss = columns.get("loss", np.full(1, np.nan))
    accuracy = columns.get("val_accuracy", np.full(1, np.nan))
    mistakes = [
        (lowest - last, "The sign is turned round: a rise is positive.", "From which number is which taken away?"),
        (last / lowest, "This is how many times as high, not by how much higher.", "Divided or taken away?"),
        (last / lowest - 1, "This is the rise as a share of the lowest loss.", "Divided or taken away?"),
        (100 * (last / lowest - 1), "This is the rise in percent of the lowest loss.", "Divided or taken away?"),
        (
            100 * (last - lowest),
            "This is a hundred times too much: a loss is not a percentage.",
            "Which two numbers of the list are compared?",
        ),
        (last, "This is the val_loss of the last epoch, not by how much it is above the lowest.", "What is missing?"),
        (lowest, "This is the lowest val_loss, not by how much the last one is above it.", "What is missing?"),
        (
            last - val_loss[min(best + 1, len(val_loss) - 1)],
            "It was compared with the epoch after the best: positions in a list count from 0.",
            "At which position stands the first epoch?",
        ),
        (
            last - val_loss[best - 1],
            "It was compared with the epoch before the best.",
            "At which position stands the first epoch?",
        ),
        (val_loss.max() - lowest, "This is from the lowest to the highest val_loss.", "Which epoch is the last one?"),
        (
            last - loss[-1],
            "This is the distance to the training loss in the last epoch.",
            "Which column falls and rises?",
        ),
        (loss[-1] - loss.min(), "This was read from the training loss.", "Which column was measured on test images?"),
        (last - loss.min(), "The lowest one was taken from the training loss.", "Is each number from val_loss?"),
        (
            accuracy.max() - accuracy[-1],
            "This was read from val_accuracy, not from val_loss.",
            "Which column is asked?",
        ),
        (
            accuracy[-1] - accuracy.max(),
            "This was read from val_accuracy, not from val_loss.",
            "Which column is asked?",
        ),
        (len(val_loss) - 1 - best, "This counts epochs; asked is a difference of two losses.", "What is the unit?"),
    ]
    for mistaken, diagnosis, question in mistakes:
        if close(given, mistaken, absolute=5e-5):
            raise Wrong(f"`rise_since_best`: {diagnosis}", question)
    raise Wrong(
        f"`best_epoch` is right, but val_loss does not rise by {given:.4g} from there to the last epoch.",
        "Which two numbers of the list are compared, and which position has the last?",
    )


read_the_history = Exercise(
    "05.2",
    "Read a history",
    _check_reading,
    "np.argmin gives the position of the smallest number in a list; positions count from 0, epochs from 1.",
    "The last number of a list stands at [-1], the smallest is min(...).",
)
