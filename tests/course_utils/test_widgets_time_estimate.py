"""A slow computer is told before the training of lesson 05 how long it takes; what is recorded is the same on all."""

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from course_utils.widgets.trial import describe_training_time, show_training_time


@pytest.mark.parametrize(
    ("num_epochs", "epoch_seconds", "said"),
    [
        (30, 0.1, "30 epochs will take less than ten seconds on this computer."),
        (30, 2.6, "30 epochs will take about 80 seconds on this computer."),
        (30, 10, "30 epochs will take about 5 minutes on this computer."),
    ],
)
def test_who_need_not_wait_long_is_only_told(num_epochs, epoch_seconds, said):
    assert describe_training_time(num_epochs, epoch_seconds) == said


@pytest.mark.parametrize(
    ("epoch_seconds", "num_epochs", "time"), [(30, 8, "about 4 minutes"), (200, 3, "about 10 minutes")]
)
def test_who_would_wait_long_is_offered_fewer_epochs(epoch_seconds, num_epochs, time):
    said = describe_training_time(30, epoch_seconds)
    assert said.startswith(f"30 epochs will take about {epoch_seconds // 2} minutes on this computer.")
    assert f"num_epochs = {num_epochs} " in said
    assert time in said


def test_fewer_than_were_offered_are_not_offered_again():
    assert "num_epochs" not in describe_training_time(3, 200)


def test_the_time_is_shown_and_not_recorded():
    InteractiveShell.instance()
    try:
        with capture_output() as captured:
            vectors, labels = np.zeros((200, 784), dtype="float32"), np.eye(10)[np.arange(200) % 10]
            test = {"test_vectors": vectors[:20], "one_hot_test_labels": labels[:20]}
            show_training_time(30, vectors, labels, **test, batch_size=20)
    finally:
        InteractiveShell.clear_instance()
    (output,) = captured.outputs
    assert output.data["text/plain"] == "How long 30 epochs take on this computer (a trial tells it in JupyterLab)."
    assert captured.stdout + captured.stderr == ""
