"""How long the training of lesson 06 takes is shown, and not recorded."""

import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from course_utils.widgets import time_estimate


@pytest.mark.parametrize(
    ("num_epochs", "epoch_seconds", "time", "suggestion"),
    [
        (30, 0.1, "less than ten seconds", ""),
        (30, 2.6, "about 80 seconds", ""),
        (30, 10, "about 5 minutes", ""),
        (30, 30, "about 15 minutes", "num_epochs = 8 into the first .*: about 4 minutes"),
        (30, 200, "about 100 minutes", "num_epochs = 3 into the first .*: about 10 minutes"),
        (3, 200, "about 10 minutes", ""),
    ],
)
def test_only_a_long_training_comes_with_a_shorter_one(num_epochs, epoch_seconds, time, suggestion):
    text = time_estimate.describe_training_time(num_epochs, epoch_seconds)
    assert text.startswith(f"{num_epochs} epochs will take {time} on this computer.")
    assert re.search(suggestion, text)
    assert ("num_epochs" in text) == bool(suggestion)


def test_the_estimate_follows_from_the_part_that_is_tried(monkeypatch):
    clock = iter(range(1000))  # a call of TensorFlow takes a second, and has half of the steps: 75 of 150
    monkeypatch.setattr(time_estimate, "monotonic", lambda: next(clock))
    view, recorded = SimpleNamespace(), []
    monkeypatch.setattr(time_estimate.ipywidgets, "HTML", lambda text: view)
    monkeypatch.setattr(time_estimate, "display_widget", lambda _, sentence: recorded.append(sentence))
    vectors, labels = np.zeros((300, 784), dtype="float32"), np.eye(10)[np.arange(300) % 10]
    test = {"test_vectors": vectors[:100], "one_hot_test_labels": labels[:100]}
    time_estimate.show_training_time(30, vectors, labels, **test, batch_size=2)
    assert view.value == time_estimate.describe_training_time(30, epoch_seconds=2)
    assert recorded == ["How long 30 epochs take on this computer (a trial tells it in JupyterLab)."]
    assert next(clock) == 4, "it ends when two seconds are over"
    assert keras.optimizers.Adam().name == "adam", "as if there had been no trial"
