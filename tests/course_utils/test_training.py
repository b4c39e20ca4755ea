"""Contracts of course_utils.training: what lesson 05 leaves, and what lessons 06 and 07 find."""

import errno
import json
import math
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

from course_utils.data import Dataset, load_dataset
from course_utils.model import build_model, compile_model
from course_utils.preprocessing import preprocess_images
from course_utils.training import (
    TrainedModel,
    as_tensor,
    estimate_epoch_seconds,
    load_trained_model,
    save_trained_model,
    steps_per_execution,
)

HISTORY = {"accuracy": [0.1], "loss": [2.3], "val_accuracy": [0.1], "val_loss": [2.3]}


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    return tmp_path


def digits(name: str, num_images: int = 20) -> Dataset:
    images = np.random.default_rng(1).integers(0, 256, (num_images, 28, 28), dtype=np.uint8)
    labels = (np.arange(num_images) % 10).astype(np.uint8)
    return Dataset(name, images, labels, images, labels)


def compiled_model() -> keras.Model:
    model = build_model()
    compile_model(model)
    return model


@pytest.mark.parametrize(("num_images", "steps"), [(60_000, 67), (1_500, 12), (128, 1), (1, 1), (55_000, 86)])
def test_an_epoch_is_a_whole_number_of_rounds(num_images, steps):
    assert steps_per_execution(num_images, 128) == steps
    assert math.ceil(num_images / 128) % steps == 0


PLAIN_CALL = """
import json, keras, numpy, tensorflow
keras.utils.set_random_seed(9)
tensorflow.config.experimental.enable_op_determinism()
vectors = numpy.random.default_rng(1).random((600, 784), dtype="float32")
labels = keras.utils.to_categorical(numpy.arange(600) % 10)
model = keras.Sequential([
    keras.Input((784,)),
    keras.layers.Dense(512, activation="relu"),
    keras.layers.Dropout(0.5),
    keras.layers.Dense(256, activation="relu"),
    keras.layers.Dropout(0.2),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
validation_data = (vectors[:100], labels[:100])
history = model.fit(vectors, labels, validation_data=validation_data, batch_size=100, epochs=3, verbose=0)
print(json.dumps(history.history))
"""


def test_the_course_trains_bit_for_bit_as_plain_keras_does():
    ours = "import course_utils\nfrom course_utils.training import as_tensor" + PLAIN_CALL
    ours = ours.replace("model.fit(vectors,", "model.fit(as_tensor(vectors),")
    ours = ours.replace('metrics=["accuracy"]', 'metrics=["accuracy"], steps_per_execution=6')
    plain, with_the_course = (
        json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for code in (PLAIN_CALL, ours)
    )
    assert with_the_course == plain


@pytest.mark.parametrize("offset", range(4))
def test_a_tensor_has_the_numbers_of_its_array_and_keeps_them(offset):
    array = np.random.default_rng(1).random(1003, dtype=np.float32)[offset : offset + 999].reshape(333, 3)
    numbers = array.tolist()
    tensor = as_tensor(array)
    array[:] = 0
    assert tensor.numpy().tolist() == numbers
    assert (tensor[1:] + 0).numpy().tolist() == numbers[1:]
    assert as_tensor(tensor).numpy().tolist() == numbers, "a cell may be run twice"


@pytest.mark.parametrize(("batch_size", "share"), [(20, 1), (10, 1 / 2)])
def test_the_time_of_an_epoch_is_that_of_the_part_that_is_tried(monkeypatch, batch_size, share):
    seconds = iter(range(1000))  # a part takes one
    monkeypatch.setattr("course_utils.training.monotonic", lambda: next(seconds))
    vectors, labels = np.zeros((2000, 784), dtype="float32"), np.eye(10)[np.arange(2000) % 10]
    test = {"test_vectors": vectors[:100], "one_hot_test_labels": labels[:100]}
    assert estimate_epoch_seconds(vectors, labels, **test, batch_size=batch_size) == 1 / share
    assert next(seconds) == 4  # it ends when two seconds are over
    assert compiled_model().optimizer.name == "adam"


def test_what_was_trained_is_found_again(capsys):
    dataset, model = digits("MNIST"), compiled_model()
    places = save_trained_model(TrainedModel(model, HISTORY), dataset)
    found = load_trained_model(dataset)
    assert places == "mnist/model.keras"
    assert found.history == HISTORY
    vectors = preprocess_images(dataset.test_images)
    assert np.array_equal(found.model.predict(vectors, verbose=0), model.predict(vectors, verbose=0))
    assert "that you trained in lesson 05 (1 epochs)" in capsys.readouterr().out


def test_a_network_trained_on_other_digits_is_not_taken_for_one_trained_on_mnist(capsys):
    save_trained_model(TrainedModel(compiled_model(), HISTORY), digits("UCI digits"))
    load_trained_model(digits("MNIST"))
    assert "recorded with the course" in capsys.readouterr().out


def test_without_a_network_other_digits_train_one_in_seconds(capsys):
    _, history = load_trained_model(digits("digits from elsewhere", 2_000))
    assert len(history["loss"]) == 360 // 16
    assert "training one now (22 epochs)" in capsys.readouterr().out


def test_a_broken_network_in_the_workspace_is_named_and_passed_over(workspace, capsys):
    dataset = digits("MNIST")
    save_trained_model(TrainedModel(compiled_model(), HISTORY), dataset)
    (workspace / "mnist" / "model.keras").write_bytes(b"half a netw")
    load_trained_model(dataset)
    printed = capsys.readouterr().out
    assert "mnist/ of your workspace cannot be read" in printed
    assert "recorded with the course" in printed


def test_a_failed_save_leaves_the_earlier_network(workspace, monkeypatch):
    dataset = digits("MNIST")
    save_trained_model(TrainedModel(compiled_model(), HISTORY), dataset)
    before = (workspace / "mnist" / "model.keras").read_bytes()

    def fail(self, path):
        path.write_bytes(b"half a netw")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keras.Sequential, "save", fail)
    with pytest.raises(OSError, match=r"No space left.*Make room.*run this cell again"):
        save_trained_model(TrainedModel(compiled_model(), HISTORY), dataset)
    assert (workspace / "mnist" / "model.keras").read_bytes() == before
    assert list((workspace / "mnist").iterdir()) == [workspace / "mnist" / "model.keras"]


def test_a_network_never_takes_its_place_without_its_history(workspace):
    dataset = digits("MNIST")
    save_trained_model(TrainedModel(compiled_model(), HISTORY), dataset)
    before = (workspace / "mnist" / "model.keras").read_bytes()
    with pytest.raises(TypeError, match="not JSON serializable"):
        save_trained_model(TrainedModel(compiled_model(), {"loss": [{2.3}]}), dataset)
    assert (workspace / "mnist" / "model.keras").read_bytes() == before
    assert list((workspace / "mnist").iterdir()) == [workspace / "mnist" / "model.keras"]


def test_the_recorded_network_reads_mnist_as_its_history_says(mnist):
    model, history = load_trained_model(mnist)
    predictions = model.predict(preprocess_images(mnist.test_images), verbose=0).argmax(axis=1)
    accuracy = (predictions == mnist.test_labels).mean()
    assert accuracy == pytest.approx(history["val_accuracy"][-1], abs=1e-4)
    assert accuracy >= 0.982


@pytest.fixture
def mnist():
    dataset = load_dataset(allow_download=False)
    if dataset.name != "MNIST":
        pytest.skip("needs MNIST: set MNIST_PATH")
    return dataset


def test_any_keras_program_opens_the_file_and_its_history_is_plain_json(workspace):
    model = compiled_model()
    save_trained_model(TrainedModel(model, HISTORY), digits("MNIST"))
    opened = keras.saving.load_model(workspace / "mnist" / "model.keras")
    for weights, expected in zip(opened.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(weights, expected)
    with zipfile.ZipFile(workspace / "mnist" / "model.keras") as archive:
        assert json.loads(archive.read("history.json")) == HISTORY
