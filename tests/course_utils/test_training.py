"""What lesson 06 saves, and what lessons 07 and 09 find."""

import errno
import math

import keras
import numpy as np
import pytest

from course_utils import training
from course_utils.course import CourseError
from course_utils.data import Dataset
from course_utils.model import build_model, compile_model
from course_utils.preprocessing import preprocess_images
from course_utils.training import TrainedModel, as_tensor, load_trained_model, save_trained_model, steps_per_execution

HISTORY = {name: [0.1] * 30 for name in ("accuracy", "loss", "val_accuracy", "val_loss")}


pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture(scope="module")
def model():
    model = build_model()
    compile_model(model)
    return model


def digits(name: str) -> Dataset:
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    labels = np.arange(20, dtype=np.uint8) % 10
    return Dataset(name, images, labels, images, labels)


@pytest.mark.parametrize(("num_images", "steps"), [(60_000, 67), (1_500, 12), (128, 1), (1, 1), (55_000, 86)])
def test_an_epoch_is_a_whole_number_of_calls(num_images, steps):
    assert steps_per_execution(num_images, 128) == steps
    assert math.ceil(num_images / 128) % steps == 0


def test_steps_per_execution_reaches_the_network(model):
    compile_model(model, steps_per_execution=3)
    assert model.steps_per_execution == 3


@pytest.mark.parametrize("offset", range(4))
def test_a_tensor_has_the_numbers_of_its_array_and_keeps_them(offset):
    array = np.random.default_rng(1).random(1003, dtype=np.float32)[offset : offset + 999].reshape(333, 3)
    numbers = array.tolist()
    tensor = as_tensor(array)
    array[:] = 0
    assert (tensor + 0).numpy().tolist() == numbers
    assert as_tensor(tensor).numpy().tolist() == numbers, "a cell may be run twice"


def test_what_was_trained_is_found_again_and_any_keras_program_opens_it(workspace, model, capsys):
    dataset = digits("MNIST")
    assert save_trained_model(TrainedModel(model, HISTORY), dataset) == "mnist/model.keras"
    found = load_trained_model(dataset)
    assert found.history == HISTORY
    vectors = preprocess_images(dataset.test_images)
    assert np.array_equal(found.model.predict(vectors, verbose=0), model.predict(vectors, verbose=0))
    assert "that you trained in lesson 06 (30 epochs)" in capsys.readouterr().out
    opened = keras.saving.load_model(workspace / "mnist" / "model.keras")
    assert all(map(np.array_equal, opened.get_weights(), model.get_weights()))


def test_without_a_network_one_is_trained_on_other_digits_in_seconds(capsys, monkeypatch):
    monkeypatch.setattr(training, "_SHORT_TRAINING_STEPS", 3)
    assert len(load_trained_model(digits("digits from elsewhere")).history["val_loss"]) == 3
    expected = "Your workspace has no network trained on digits from elsewhere: training one now (3 epochs) ...\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("name", "needed", "instead"),
    [
        ("MNIST", 30, "using the one recorded with the course (30 epochs)."),
        ("UCI digits", 3, "training one now (3 epochs) ..."),
    ],
)
def test_a_shorter_training_run_is_named_beside_the_one_that_lessons_use(
    model, capsys, monkeypatch, name, needed, instead
):
    monkeypatch.setattr(training, "_SHORT_TRAINING_STEPS", 3)
    short = {column: values[: needed - 1] for column, values in HISTORY.items()}
    save_trained_model(TrainedModel(model, short), digits(name))
    assert len(load_trained_model(digits(name)).history["loss"]) == needed
    yours = f"Your network of lesson 06 stopped after {needed - 1} epochs, with test accuracy 0.1000"
    assert capsys.readouterr().out == f"{yours}: {instead}\n"


def test_neither_a_damaged_network_nor_one_trained_on_other_digits_is_used(workspace, model, capsys):
    save_trained_model(TrainedModel(model, HISTORY), digits("UCI digits"))
    (workspace / "mnist").mkdir()
    (workspace / "mnist" / "model.keras").write_bytes(b"half a netw")
    load_trained_model(digits("MNIST"))
    printed = capsys.readouterr().out
    why = "The network in mnist/ of your workspace cannot be read (BadZipFile)"
    assert printed == f"{why}: using the one recorded with the course (30 epochs).\n"


def test_a_failed_save_leaves_the_earlier_network(workspace, model, monkeypatch):
    dataset = digits("MNIST")
    save_trained_model(TrainedModel(model, HISTORY), dataset)
    before = (workspace / "mnist" / "model.keras").read_bytes()

    def fail(self, path):
        path.write_bytes(b"half a netw")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keras.Sequential, "save", fail)
    with pytest.raises(CourseError, match=r"No space left.*run this cell again"):
        save_trained_model(TrainedModel(model, HISTORY), dataset)
    assert (workspace / "mnist" / "model.keras").read_bytes() == before
    assert list((workspace / "mnist").iterdir()) == [workspace / "mnist" / "model.keras"]
