"""Contracts of course_utils.widgets; how they look and feel is for a browser to test."""

import gc

import ipywidgets
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from course_utils.model import build_model, compile_model
from course_utils.widgets import show_training_progress


@pytest.fixture(autouse=True)
def shell():
    """Display needs a running IPython, as in a kernel."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_the_progress_bar_follows_a_real_training():
    with capture_output() as captured:
        callback = show_training_progress(3)
    (output,) = captured.outputs
    assert output.data["text/plain"].startswith("Progress bar with a step for each epoch, 3 in all")
    bar = next(each for each in gc.get_objects() if isinstance(each, ipywidgets.IntProgress) and each.max == 3)
    model = build_model()
    compile_model(model)
    vectors, one_hot_labels = np.zeros((10, 784), dtype="float32"), np.eye(10)
    validation_data = (vectors, one_hot_labels)
    model.fit(vectors, one_hot_labels, epochs=2, verbose=0, validation_data=validation_data, callbacks=[callback])
    assert bar.value == 2
    report = next(each for each in gc.get_objects() if isinstance(each, ipywidgets.Label) and "of 3" in each.value)
    assert report.value.startswith("epoch 2 of 3, test accuracy 0.1")
