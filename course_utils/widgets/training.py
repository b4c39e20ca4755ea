"""The training view of lesson 06: progress, time left, growing curves, and a stop that loses nothing.

While `fit` runs, the kernel's main thread is busy, and a click on a button waits for the end of the cell. Subshells,
threads of the kernel for such messages, do not help: ipykernel 7.4 handles a message for a widget in the thread that
last wrote to the widget, and progress is written from the busy thread. One thing reaches a busy kernel on all systems
and in all versions: the interrupt. So the button asks JupyterLab to interrupt the kernel, as the square in the toolbar
does. The first interrupt means "stop after this epoch"; only the second one interrupts at once.
"""

from __future__ import annotations

import math
import signal
from time import monotonic
from types import FrameType

import keras
import traitlets

from course_utils.course import counted
from course_utils.parameters import check_parameters
from course_utils.widgets.display import display_widget
from course_utils.widgets.widget import CourseWidget, sources

SECONDS_BETWEEN_UPDATES = 0.25
Logs = dict[str, float] | None


def show_training_progress(num_epochs: int) -> keras.callbacks.Callback:
    """Show the progress of training, and return the callback that reports it and can stop it.

    Parameters
    ----------
    num_epochs : int
        Length of the training run.

    Returns
    -------
    keras.callbacks.Callback
        For ``model.fit(..., callbacks=[...])``. In JupyterLab it shows the progress, the estimated time left and
        the curves of all metrics; where widgets cannot be shown, a line of text replaces them. The button, Ctrl-C and
        the kernel's interrupt end training after the epoch, and `fit` returns as usual, keeping what was learned; a
        second Ctrl-C or interrupt raises `KeyboardInterrupt` at once.

    Raises
    ------
    CourseError
        If `num_epochs` is not a whole number of at least 1.
    """
    check_parameters(num_epochs=num_epochs)
    modules = sources("shared.js", "training.js")
    view = TrainingView(modules=modules, num_epochs=num_epochs, status="waiting for the first epoch")
    epochs = counted(num_epochs, "epoch")
    alt = f"Progress, time left and growing curves of a training run of {epochs} (interactive in JupyterLab)."
    display_widget(view, alt)
    return _Reporter(view)


class TrainingView(CourseWidget):
    """What the browser knows and draws."""

    num_epochs = traitlets.Int(1).tag(sync=True)
    num_done = traitlets.Float(0).tag(sync=True)  # with the part of the current epoch
    history = traitlets.Dict().tag(sync=True)  # as in Keras, but None, which is not drawn, for NaN and infinity
    status = traitlets.Unicode().tag(sync=True)
    announcement = traitlets.Unicode().tag(sync=True)  # the numbers of the last epoch, for screen readers, too
    can_stop = traitlets.Bool(False).tag(sync=True)


class _Reporter(keras.callbacks.Callback):
    """Sends the numbers of a training run to its view, and ends it after the epoch in which it was interrupted."""

    def __init__(self, view: TrainingView) -> None:
        super().__init__()
        self._view = view

    def on_train_begin(self, logs: Logs = None) -> None:
        self._stop = False
        self._started = self._shown = monotonic()
        self._first_epoch = -1
        self._earlier_handler = signal.signal(signal.SIGINT, self._interrupt)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch = epoch
        if self._first_epoch < 0:
            self._first_epoch = epoch
            # Training that was resumed brings its history with it.
            history = {name: list(map(_finite, values)) for name, values in self.model.history.history.items()}
            self._show(epoch, num_epochs=self.params["epochs"], history=history, announcement="")

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if monotonic() - self._shown > SECONDS_BETWEEN_UPDATES:
            self._show(self._epoch + (batch + 1) / (self.params["steps"] or math.inf))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        logs = logs or {}
        history = {name: [*self._view.history.get(name, []), _finite(value)] for name, value in logs.items()}
        numbers = ", ".join(f"{name.replace('val_', 'test ')} {value:.4f}" for name, value in logs.items())
        self._show(epoch + 1, history=history, announcement=f"Epoch {epoch + 1}: {numbers}")
        if self._stop:
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        signal.signal(signal.SIGINT, self._earlier_handler)
        num_epochs, num_done = self.params["epochs"], max(self.model.history.epoch, default=-1) + 1
        if self._first_epoch < 0:  # no epoch was left to train
            self.on_epoch_begin(num_done)
        status = f"{'finished' if num_done == num_epochs else 'stopped'} after epoch {num_done} of {num_epochs}"
        self._update(status=status, can_stop=False)
        if self._stop:
            print(f"{status[0].upper()}{status[1:]}; what was learned is kept.")

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, self._earlier_handler)  # for the second one
        self._stop = True

    def _show(self, num_done: float, **more: object) -> None:
        self._shown = monotonic()
        if self._stop:
            status = f"stopping after epoch {self._epoch + 1} ..."
        else:
            status = f"epoch {self._epoch + 1} of {self.params['epochs']}{self._time_left(num_done)}"
        self._update(num_done=num_done, status=status, can_stop=not self._stop, **more)

    def _time_left(self, num_done: float) -> str:
        num_done_here = num_done - self._first_epoch
        if not num_done_here:
            return ""
        seconds = (self._shown - self._started) / num_done_here * (self.params["epochs"] - num_done)
        return f", {seconds:.0f} s left" if seconds < 100 else f", {seconds / 60:.0f} min left"

    def _update(self, **values: object) -> None:
        with self._view.hold_sync():  # one message for all
            for name, value in values.items():
                setattr(self._view, name, value)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
