"""Contracts of course_utils.experiments: what was recorded with the course, as the lessons find it."""

import numpy as np
import pytest

from course_utils import experiments
from course_utils.data import Dataset, load_dataset
from course_utils.experiments import load_trained_cnn
from course_utils.preprocessing import preprocess_images


@pytest.fixture
def mnist():
    dataset = load_dataset(allow_download=False)
    if dataset.name != "MNIST":
        pytest.skip("needs MNIST")
    return dataset


def test_the_recorded_cnn_reads_mnist_as_its_history_says(mnist, capsys):
    model, history = load_trained_cnn(mnist)
    predictions = model.predict(preprocess_images(mnist.test_images), verbose=0).argmax(axis=1)
    accuracy = (predictions == mnist.test_labels).mean()
    assert accuracy == pytest.approx(history["val_accuracy"][-1], abs=1e-4)
    assert accuracy >= 0.99
    assert capsys.readouterr().out == "Using the CNN recorded with the course (30 epochs).\n"


def test_for_other_digits_a_cnn_is_trained_in_seconds(capsys):
    images = np.zeros((1_500, 28, 28), dtype=np.uint8)
    images[np.arange(1_500), 2 * (np.arange(1_500) % 10) + 4] = 255
    labels = (np.arange(1_500) % 10).astype(np.uint8)
    model, history = load_trained_cnn(Dataset("bars", images, labels, images[:100], labels[:100]))
    assert model.name == "cnn"
    assert len(history["loss"]) == 30
    assert history["val_accuracy"][-1] > 0.9
    assert capsys.readouterr().out == "No CNN was recorded for bars: training one now (30 epochs) ...\n"


def test_a_cnn_that_was_not_recorded_is_named_with_the_command(monkeypatch):
    digits = np.zeros((1, 28, 28), dtype=np.uint8), np.zeros(1, dtype=np.uint8)
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"cnn": [experiments.Run("cnn", seed=-1)]})
    with pytest.raises(LookupError, match=r"cnn, seed -1.*python -m course_utils seeds"):
        load_trained_cnn(Dataset("MNIST", *digits, *digits))
