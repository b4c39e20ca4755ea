"""The training view of lesson 05."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import ipywidgets

from course_utils.widgets.display import display_widget

if TYPE_CHECKING:
    import keras


def show_training_progress(num_epochs: int) -> keras.callbacks.Callback:
    """Show a progress bar and return the callback that moves it.

    Parameters
    ----------
    num_epochs : int
        Length of the training that will be watched.

    Returns
    -------
    keras.callbacks.Callback
        For ``model.fit(..., callbacks=[...])``: after each epoch it shows the epoch, the test accuracy and the seconds
        that are probably left. Where widgets cannot be shown, a line of text stands in their place.
    """
    import keras  # only the lesson that trains needs it

    bar = ipywidgets.IntProgress(max=num_epochs, description="Training", layout={"width": "24em"})
    report = ipywidgets.Label("waiting for the first epoch")
    started = monotonic()

    def advance(epoch: int, logs: dict[str, float] | None = None) -> None:
        bar.value = epoch + 1
        seconds_left = (monotonic() - started) / (epoch + 1) * (num_epochs - epoch - 1)
        accuracy = (logs or {}).get("val_accuracy", float("nan"))
        report.value = f"epoch {epoch + 1} of {num_epochs}, test accuracy {accuracy:.4f}, {seconds_left:.0f} s left"

    alt = f"Progress bar with a step for each epoch, {num_epochs} in all (it moves in JupyterLab)."
    display_widget(ipywidgets.HBox([bar, report]), alt)
    return keras.callbacks.LambdaCallback(on_epoch_end=advance)
