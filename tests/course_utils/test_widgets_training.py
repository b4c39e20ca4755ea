"""Contracts of the training view: what it tells of a training, and how a training is stopped."""

import signal
import subprocess
import sys
import threading

import keras
import nbformat
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from tools.execution import execute_notebook
from course_utils.widgets import show_training_progress
from course_utils.widgets.training import TrainingView


@pytest.fixture(autouse=True)
def shell():
    """Display needs a running IPython, as in a kernel."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


@pytest.fixture
def progress(monkeypatch):
    """Return the callback for four epochs, and its view."""
    views = []
    monkeypatch.setattr(TrainingView, "_repr_mimebundle_", lambda self: views.append(self) or {})
    with capture_output():
        callback = show_training_progress(4)
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


def test_only_a_sentence_is_recorded():
    with capture_output() as captured:
        show_training_progress(30)
    (output,) = captured.outputs
    assert set(output.data) == {"application/vnd.jupyter.widget-view+json", "text/plain"}
    assert output.data["text/plain"] == (
        "Progress, time left and growing curves of a training of 30 epochs (they move in JupyterLab)."
    )


def test_the_view_tells_what_the_history_tells(progress):
    callback, view = progress
    history = fit(callback).history
    assert view.history == history
    assert view.num_done == 4
    assert view.status == "finished after epoch 4 of 4"
    assert view.announcement == (
        f"Epoch 4: accuracy {history['accuracy'][-1]:.4f}, loss {history['loss'][-1]:.4f}, "
        f"test accuracy {history['val_accuracy'][-1]:.4f}, test loss {history['val_loss'][-1]:.4f}"
    )
    assert not view.can_stop


def test_the_view_tells_how_far_the_training_is_and_what_is_left(progress, monkeypatch):
    callback, view = progress
    monkeypatch.setattr("course_utils.widgets.training.SECONDS_BETWEEN_UPDATES", 0)
    told = []
    view.observe(lambda change: told.append((view.num_done, change["new"])), "status")
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr("course_utils.widgets.training.monotonic", lambda: next(clock))
    fit(callback, epochs=2)
    # The clock moves on by 10 s whenever it is read: at each update, and once to see whether it is time for one.
    assert told == [
        (0, "epoch 1 of 2"),
        (0.5, "epoch 1 of 2, 90 s left"),
        (1, "epoch 1 of 2, 50 s left"),
        (1, "epoch 1 of 2, 60 s left"),
        (1.5, "epoch 2 of 2, 27 s left"),
        (2, "epoch 2 of 2, 0 s left"),
        (2, "finished after epoch 2 of 2"),
    ]


def test_batches_between_two_updates_send_nothing(progress, monkeypatch):
    callback, view = progress
    monkeypatch.setattr("course_utils.widgets.training.SECONDS_BETWEEN_UPDATES", 3600)
    told = []
    view.observe(lambda change: told.append(change["new"]), "num_done")
    fit(callback, epochs=2, batch_size=1)
    assert told == [1, 2]


def test_a_training_that_goes_on_shows_the_epochs_before(progress):
    callback, view = progress
    earlier = keras.callbacks.History()
    earlier.history = {name: [0.5, 0.25] for name in ("accuracy", "loss", "val_accuracy", "val_loss")}
    fit(earlier, callback, initial_epoch=2)
    assert [len(values) for values in view.history.values()] == [4, 4, 4, 4]
    assert view.history["loss"][:2] == [0.5, 0.25]


def test_what_is_not_finite_can_be_sent_to_the_browser(progress):
    callback, view = progress
    callback.set_params({"epochs": 1, "steps": 1})
    callback.set_model(keras.Sequential())
    callback.model.history = keras.callbacks.History()
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    callback.on_epoch_end(0, {"loss": float("nan"), "val_loss": float("inf")})
    callback.on_train_end()
    assert view.history == {"loss": [None], "val_loss": [None]}
    assert view.announcement == "Epoch 1: loss nan, test loss inf"


def test_an_interrupt_stops_after_the_epoch_and_loses_nothing(progress, capsys):
    callback, view = progress
    handler = signal.getsignal(signal.SIGINT)
    history = fit(interrupt(epoch=2), callback)
    assert history.epoch == [0, 1]
    assert history.model.optimizer.iterations == 4, "an epoch of two steps was not finished"
    assert view.status == "stopped after epoch 2 of 4"
    assert not view.can_stop
    assert capsys.readouterr().out == "Stopped after epoch 2 of 4; what was learned until then is kept.\n"
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_second_interrupt_does_not_wait(progress):
    callback, _ = progress
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(interrupt(epoch=2, times=2), callback)
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_stopped_training_can_be_followed_by_another(progress):
    callback, view = progress
    fit(interrupt(epoch=2), callback)
    assert fit(callback, epochs=3).epoch == [0, 1, 2]
    assert [len(values) for values in view.history.values()] == [3, 3, 3, 3]
    assert view.status == "finished after epoch 3 of 3"


def test_a_training_in_another_thread_is_shown_too(progress):
    callback, view = progress
    thread = threading.Thread(target=fit, args=(callback,))
    thread.start()
    thread.join()
    assert view.status == "finished after epoch 4 of 4"


CELL = """
import os, signal
from course_utils.widgets import show_training_progress
import keras, numpy as np

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(10, activation="softmax")])
model.compile(loss="mse", run_eagerly=True)

def press(epoch, logs):
    if epoch == 1:
        os.kill(os.getpid(), signal.SIGINT)

callbacks = [show_training_progress(9), keras.callbacks.LambdaCallback(on_epoch_begin=press)]
history = model.fit(np.ones((10, 3)), np.eye(10), epochs=9, verbose=0, callbacks=callbacks)
print(len(history.epoch), "epochs")
"""
STOPPED = "Stopped after epoch 2 of 9; what was learned until then is kept.\n2 epochs\n"
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process on Windows")


@needs_posix
def test_ctrl_c_in_a_terminal_stops_after_the_epoch():
    result = subprocess.run([sys.executable, "-c", CELL], capture_output=True, text=True, encoding="utf-8")
    assert result.stdout.endswith(STOPPED)
    assert result.stderr == ""


@needs_posix
def test_a_kernel_interrupt_leaves_no_error_and_the_next_cell_runs(tmp_path):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(CELL), nbformat.v4.new_code_cell("history.epoch")]
    )
    first, second = execute_notebook(notebook, workspace=tmp_path, name="interrupted").notebook.cells
    assert "".join(output.text for output in first.outputs if output.output_type == "stream") == STOPPED
    assert second.outputs[0].data["text/plain"] == "[0, 1]"
