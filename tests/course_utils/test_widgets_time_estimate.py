"""How long the training of lesson 05 takes is shown, and not recorded."""

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from course_utils.model import build_model, compile_model
from course_utils.widgets import time_estimate


@pytest.mark.parametrize(
    ("num_epochs", "epoch_seconds", "time", "suggestion"),
    [
        (30, 0.1, "less than ten seconds", ""),
        (30, 2.6, "about 80 seconds", ""),
        (30, 10, "about 5 minutes", ""),
        (
            30,
            30,
            "about 15 minutes",
            "num_epochs = 8 into the first cell with code, and run all cells: about 4 minutes",
        ),
        (
            30,
            200,
            "about 100 minutes",
            "num_epochs = 3 into the first cell with code, and run all cells: about 10 minutes",
        ),
        (3, 200, "about 10 minutes", ""),
    ],
)
def test_only_a_long_training_comes_with_a_shorter_one(num_epochs, epoch_seconds, time, suggestion):
    text = time_estimate.describe_training_time(num_epochs, epoch_seconds)
    assert text.startswith(f"{num_epochs} epochs will take {time} on this computer.")
    assert suggestion in text
    assert ("num_epochs" in text) == bool(suggestion)


@pytest.mark.parametrize(("batch_size", "epoch_seconds"), [(20, 1), (10, 2)])
def test_the_estimate_follows_from_the_part_that_is_tried_and_only_a_sentence_is_recorded(
    monkeypatch, batch_size, epoch_seconds
):
    clock = iter(range(1000))  # the part takes a second: all images in batches of 20, half of them in batches of 10
    monkeypatch.setattr(time_estimate, "monotonic", lambda: next(clock))
    estimates = []
    monkeypatch.setattr(time_estimate, "describe_training_time", lambda *numbers: str(estimates.append(numbers)))
    vectors, labels = np.zeros((2000, 784), dtype="float32"), np.eye(10)[np.arange(2000) % 10]
    test = {"test_vectors": vectors[:100], "one_hot_test_labels": labels[:100]}
    InteractiveShell.instance()
    with capture_output() as captured:
        time_estimate.show_training_time(30, vectors, labels, **test, batch_size=batch_size)
    InteractiveShell.clear_instance()
    assert estimates == [(30, epoch_seconds)]
    assert next(clock) == 4, "it ends when two seconds are over"
    (output,) = captured.outputs
    assert output.data["text/plain"] == "How long 30 epochs take on this computer (a trial tells it in JupyterLab)."
    assert captured.stdout + captured.stderr == ""
    model = build_model()
    compile_model(model)
    assert model.optimizer.name == "adam", "as if there had been no trial"
