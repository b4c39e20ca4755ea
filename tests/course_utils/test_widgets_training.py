"""What the training view shows, and how it stops training."""

import signal

import keras
import numpy as np
import pytest
from IPython.utils.capture import capture_output

from course_utils.widgets import show_training_progress
from course_utils.widgets.training import TrainingView


@pytest.fixture
def progress(monkeypatch, shell):
    """Return the callback for four epochs, and its view."""
    views = []
    monkeypatch.setattr(TrainingView, "_repr_mimebundle_", lambda self: views.append(self) or {})
    with capture_output() as captured:
        callback = show_training_progress(4)
    assert captured.outputs[0].data["text/plain"] == (
        "Progress, time left and growing curves of a training run of 4 epochs (interactive in JupyterLab)."
    )
    # What a shell starts in the background ignores Ctrl-C.
    earlier_handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield callback, views[0]
    signal.signal(signal.SIGINT, earlier_handler)


def fit(*callbacks, epochs=4, **options):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(10, activation="softmax")])
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"], run_eagerly=True)
    vectors, rows = np.ones((10, 3), dtype="float32"), np.eye(10)
    options = {"validation_data": (vectors, rows), "batch_size": 5, "verbose": 0} | options
    return model.fit(vectors, rows, epochs=epochs, callbacks=list(callbacks), **options)


def interrupt(epoch, times=1):
    """Return a callback that does what Ctrl-C does, in the middle of an epoch."""

    def press(batch, logs):
        if batch == 0 and len(callback.model.history.history.get("loss", [])) == epoch - 1:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=press)
    return callback


def test_the_view_shows_how_far_the_training_is_and_what_is_left(progress, monkeypatch):
    callback, view = progress
    monkeypatch.setattr("course_utils.widgets.training.SECONDS_BETWEEN_UPDATES", 0)
    shown = []
    view.observe(lambda change: shown.append((view.num_done, change["new"])), "status")
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr("course_utils.widgets.training.monotonic", lambda: next(clock))
    history = fit(callback, epochs=2).history
    # The clock moves on by 10 s whenever it is read: at each update, and once to see whether it is time for one.
    assert shown == [
        (0, "epoch 1 of 2"),
        (0.5, "epoch 1 of 2, 90 s left"),
        (1, "epoch 1 of 2, 50 s left"),
        (1, "epoch 1 of 2, 60 s left"),
        (1.5, "epoch 2 of 2, 27 s left"),
        (2, "epoch 2 of 2, 0 s left"),
        (2, "finished after epoch 2 of 2"),
    ]
    assert view.history == history
    assert view.announcement == (
        f"Epoch 2: accuracy {history['accuracy'][-1]:.4f}, loss {history['loss'][-1]:.4f}, "
        f"test accuracy {history['val_accuracy'][-1]:.4f}, test loss {history['val_loss'][-1]:.4f}"
    )
    assert not view.can_stop


def test_an_interrupt_stops_after_the_epoch_and_loses_nothing(progress, capsys):
    callback, view = progress
    handler = signal.getsignal(signal.SIGINT)
    history = fit(interrupt(epoch=2), callback)
    assert history.epoch == [0, 1]
    assert history.model.optimizer.iterations == 4, "an epoch of two steps was not finished"
    assert view.status == "stopped after epoch 2 of 4"
    assert not view.can_stop
    assert capsys.readouterr().out == "Stopped after epoch 2 of 4; what was learned is kept.\n"
    assert signal.getsignal(signal.SIGINT) is handler
    assert fit(callback, epochs=3).epoch == [0, 1, 2]  # the next training is a new one
    assert view.status == "finished after epoch 3 of 3"


def test_training_without_epochs_left_is_shown_as_finished(progress):
    callback, view = progress
    history = {"loss": [0.5, 0.25]}

    class Restored(keras.callbacks.History):
        def on_train_begin(self, logs=None):
            self.history, self.epoch, self.model._initial_epoch = history, [0, 1], 2

    fit(Restored(), callback, epochs=2)
    assert (view.num_done, view.history, view.can_stop) == (2, history, False)
    assert view.status == "finished after epoch 2 of 2"


def test_a_second_interrupt_does_not_wait(progress):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(interrupt(epoch=2, times=2), progress[0])
    assert signal.getsignal(signal.SIGINT) is handler
