"""What a slow computer is told before the training of lesson 05: how long it will take, and what would be shorter."""

from __future__ import annotations

import ipywidgets
from numpy.typing import ArrayLike

from course_utils.training import estimate_epoch_seconds
from course_utils.widgets.display import display_widget

PATIENCE_SECONDS = 300  # the lesson says that the computer works up to five minutes
SHORT_SECONDS = 240
FEWEST_EPOCHS = 3  # enough to follow the lesson


def show_training_time(
    num_epochs: int,
    train_vectors: ArrayLike,
    one_hot_train_labels: ArrayLike,
    *,
    test_vectors: ArrayLike,
    one_hot_test_labels: ArrayLike,
    batch_size: int,
) -> None:
    """Try the training for two seconds, and show how long all of it will take; if that is long, offer fewer epochs.

    Parameters
    ----------
    num_epochs : int
        Length of the training.
    train_vectors, test_vectors : array or tensor of float32, shape (n, 784)
        The images of the training.
    one_hot_train_labels, one_hot_test_labels : array or tensor of float32, shape (n, 10)
        Their labels.
    batch_size : int
        As in the training, before which the seed must be set: a trial draws random numbers.
    """
    view = ipywidgets.HTML("A trial of two seconds &hellip;")
    display_widget(view, f"How long {num_epochs} epochs take on this computer (a trial tells it in JupyterLab).")
    epoch_seconds = estimate_epoch_seconds(
        train_vectors,
        one_hot_train_labels,
        test_vectors=test_vectors,
        one_hot_test_labels=one_hot_test_labels,
        batch_size=batch_size,
    )
    view.value = describe_training_time(num_epochs, epoch_seconds)


def describe_training_time(num_epochs: int, epoch_seconds: float) -> str:
    """Say how long a training will take, and how many epochs would do if that is over five minutes.

    Parameters
    ----------
    num_epochs : int
        Length of the training.
    epoch_seconds : float
        What an epoch takes.

    Returns
    -------
    str
        One or two sentences.
    """
    said = f"{num_epochs} epochs will take {_in_words(num_epochs * epoch_seconds)} on this computer."
    fewer = max(FEWEST_EPOCHS, int(SHORT_SECONDS / epoch_seconds))
    if num_epochs * epoch_seconds <= PATIENCE_SECONDS or fewer >= num_epochs:
        return said
    return (
        f"{said} If that is too long, stop the training, write num_epochs = {fewer} into the first cell with code, and "
        f"run all cells: {_in_words(fewer * epoch_seconds)}, and the lesson can be followed."
    )


def _in_words(seconds: float) -> str:
    if seconds < 10:
        return "less than ten seconds"
    return f"about {round(seconds, -1):.0f} seconds" if seconds < 100 else f"about {seconds / 60:.0f} minutes"
