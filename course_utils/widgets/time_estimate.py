"""How long the training of lesson 06 will take on this computer, and what would be shorter."""

from __future__ import annotations

import math
from time import monotonic
from typing import TypeAlias

import ipywidgets
import keras
import tensorflow
from numpy.typing import NDArray

from course_utils.model import build_model, compile_model
from course_utils.training import steps_per_execution
from course_utils.widgets.display import display_widget

Array: TypeAlias = NDArray | tensorflow.Tensor
TRIAL_SECONDS = 2
PATIENCE_SECONDS = 300  # the lesson says that the computer works up to five minutes
SHORT_SECONDS = 240
FEWEST_EPOCHS = 3  # enough to follow the lesson


def show_training_time(
    num_epochs: int,
    train_vectors: Array,
    one_hot_train_labels: Array,
    *,
    test_vectors: Array,
    one_hot_test_labels: Array,
    batch_size: int,
) -> None:
    """Train for two seconds to show how long a training will take; if that is long, suggest fewer epochs.

    Parameters
    ----------
    num_epochs : int
        Length of the training.
    train_vectors, test_vectors : array or tensor of float32, shape (n, 784)
        The images of the training.
    one_hot_train_labels, one_hot_test_labels : array or tensor of float32, shape (n, 10)
        Their labels.
    batch_size : int
        As in the training. Set the seed of the training after this: the trial draws random numbers.
    """
    view = ipywidgets.HTML("A trial of two seconds &hellip;")
    display_widget(view, f"How long {num_epochs} epochs take on this computer (a trial tells it in JupyterLab).")
    epoch_seconds = _estimate_epoch_seconds(
        (train_vectors, one_hot_train_labels), (test_vectors, one_hot_test_labels), batch_size
    )
    view.value = describe_training_time(num_epochs, epoch_seconds)


def _estimate_epoch_seconds(train: tuple[Array, Array], test: tuple[Array, Array], batch_size: int) -> float:
    """Train a new network again and again on the images of one call of TensorFlow, which starts up in the first."""
    num_images = len(train[0])
    num_steps = steps_per_execution(num_images, batch_size)
    share = min(1, num_steps * batch_size / num_images)
    train_part, test_part = (tuple(array[: math.ceil(share * len(array))] for array in part) for part in (train, test))
    model = build_model()
    compile_model(model, num_steps)
    finished: list[float] = []

    def stop_in_time(epoch: int, logs: dict[str, float] | None = None) -> None:
        finished.append(monotonic())
        model.stop_training = len(finished) > 1 and finished[-1] - finished[0] > TRIAL_SECONDS

    model.fit(
        *train_part,
        validation_data=test_part,
        batch_size=batch_size,
        epochs=1_000_000,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=stop_in_time)],
    )
    keras.utils.clear_session()  # otherwise Keras names the next optimizer adam_1
    return (finished[-1] - finished[0]) / (len(finished) - 1) / share


def describe_training_time(num_epochs: int, epoch_seconds: float) -> str:
    """Say how long a training will take, and suggest fewer epochs if that is over five minutes."""
    time = f"{num_epochs} epochs will take {_in_words(num_epochs * epoch_seconds)} on this computer."
    fewer = max(FEWEST_EPOCHS, int(SHORT_SECONDS / epoch_seconds))
    if num_epochs * epoch_seconds <= PATIENCE_SECONDS or fewer >= num_epochs:
        return time
    return (
        f"{time} If that is too long, stop the training, write num_epochs = {fewer} into the first cell with code, and "
        f"run all cells: {_in_words(fewer * epoch_seconds)}, and the lesson can be followed."
    )


def _in_words(seconds: float) -> str:
    if seconds < 10:
        return "less than ten seconds"
    return f"about {round(seconds, -1):.0f} seconds" if seconds < 100 else f"about {seconds / 60:.0f} minutes"
