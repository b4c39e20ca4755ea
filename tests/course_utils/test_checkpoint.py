"""Contracts of course_utils.checkpoint: what an interrupted training loses, and how it goes on."""

import errno
import json
import random
import signal
import subprocess
import sys
import time
import zipfile

import keras
import numpy as np
import pytest

from course_utils.data import ARRAY_NAMES, Dataset
from course_utils.model import build_model
from course_utils.preprocessing import one_hot, preprocess_images
from course_utils.checkpoint import FILE_NAME, keep_each_epoch
from course_utils.training import load_trained_model

GOING_ON = "Going on after {} finished epochs."

# As in lesson 05, on a third of the embedded digits; prints its history.
SCRIPT = """
import json, sys
import keras, tensorflow
from course_utils.data import load_dataset
from course_utils.model import build_model, compile_model
from course_utils.preprocessing import one_hot, preprocess_images
from course_utils.checkpoint import keep_each_epoch

dataset = load_dataset()
keras.utils.set_random_seed(9)
tensorflow.config.experimental.enable_op_determinism()
model = build_model()
compile_model(model, 4)
vectors, rows = preprocess_images(dataset.train_images)[:500], one_hot(dataset.train_labels)[:500]
print("training", flush=True)
history = model.fit(
    vectors,
    rows,
    validation_data=(vectors[:100], rows[:100]),
    batch_size=128,
    epochs=12,
    verbose=0,
    callbacks=[keep_each_epoch(dataset, seed=9, batch_size=128)],
)
print(json.dumps(history.history))
"""


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    return tmp_path


@pytest.fixture
def dataset():
    images = np.random.default_rng(1).integers(0, 256, (40, 28, 28), dtype=np.uint8)
    labels = (np.arange(40) % 10).astype(np.uint8)
    return Dataset("a few digits", images, labels, images, labels)


@pytest.fixture
def kept(workspace):
    return workspace / "a_few_digits" / FILE_NAME


def fresh_model(network=build_model, *, loss="categorical_crossentropy", learning_rate=0.001) -> keras.Model:
    """Build and compile a network; step by step in Python, which is quick for a few steps."""
    keras.utils.set_random_seed(9)
    model = network()
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(learning_rate), metrics=["accuracy"], run_eagerly=True)
    return model


def smaller_network() -> keras.Model:
    return keras.Sequential([keras.Input((784,)), keras.layers.Dense(10, activation="softmax")])


def fit(model, dataset, *, epochs=4, stop_after=None, seed=9, batch_size=10, num_images=40, **options):
    def stop(epoch, logs):
        model.stop_training = epoch + 1 == stop_after

    callbacks = [
        keep_each_epoch(dataset, seed=seed, batch_size=batch_size, **options),
        keras.callbacks.LambdaCallback(on_epoch_end=stop),
    ]
    vectors, rows = preprocess_images(dataset.train_images)[:num_images], one_hot(dataset.train_labels)[:num_images]
    validation = (vectors[:10], rows[:10])
    return model.fit(
        vectors, rows, validation_data=validation, batch_size=batch_size, epochs=epochs, verbose=0, callbacks=callbacks
    )


def test_a_stopped_training_goes_on_as_if_it_had_not_been_stopped(dataset, kept, capsys):
    uninterrupted = fit(fresh_model(), dataset).history
    begun = fit(fresh_model(), dataset, stop_after=2)
    assert begun.history == {name: values[:2] for name, values in uninterrupted.items()}
    assert kept.exists()
    assert capsys.readouterr().out == ""
    resumed = fit(fresh_model(), dataset)
    assert GOING_ON.format(2) in capsys.readouterr().out
    assert resumed.history == uninterrupted
    assert resumed.epoch == [0, 1, 2, 3]


def test_the_same_network_goes_on_in_the_same_kernel(dataset, capsys):
    uninterrupted = fit(fresh_model(), dataset).history
    model = fresh_model()
    fit(model, dataset, stop_after=1)
    assert fit(model, dataset).history == uninterrupted
    assert GOING_ON.format(1) in capsys.readouterr().out


def test_a_training_may_become_longer(dataset, capsys):
    uninterrupted = fit(fresh_model(), dataset).history
    fit(fresh_model(), dataset, epochs=3, stop_after=2)
    assert fit(fresh_model(), dataset, epochs=4).history == uninterrupted
    assert GOING_ON.format(2) in capsys.readouterr().out


def test_a_finished_training_leaves_nothing_to_go_on_with(dataset, kept, capsys):
    first = fit(fresh_model(), dataset).history
    assert not kept.exists()
    assert fit(fresh_model(), dataset).history == first
    assert capsys.readouterr().out == ""


def test_later_trainings_of_a_resumed_network_begin_with_their_first_epoch(dataset):
    fit(fresh_model(), dataset, stop_after=2)
    model = fresh_model()
    fit(model, dataset)
    vectors, rows = preprocess_images(dataset.train_images), one_hot(dataset.train_labels)
    assert model.fit(vectors, rows, epochs=2, verbose=0).epoch == [0, 1]


def other_digits(dataset: Dataset) -> Dataset:
    images = dataset.train_images.copy()
    images[0, 0, 0] ^= 1
    return Dataset(dataset.name, images, dataset.train_labels, dataset.test_images, dataset.test_labels)


@pytest.mark.parametrize(
    ("what", "network", "options"),
    [
        ("seed", {}, {"seed": 10}),
        ("batch size, number of steps", {}, {"batch_size": 8}),
        ("digits", {}, {"change_digits": other_digits}),
        ("number of steps", {}, {"num_images": 30}),
        ("network", {"network": smaller_network}, {}),
        ("loss", {"loss": "mse"}, {}),
        ("optimizer", {"learning_rate": 0.01}, {}),
    ],
)
def test_another_recipe_is_not_gone_on_with(dataset, capsys, what, network, options):
    fit(fresh_model(), dataset, stop_after=2)
    dataset = options.pop("change_digits", lambda same: same)(dataset)
    assert len(fit(fresh_model(**network), dataset, **options).history["loss"]) == 4
    assert f"The unfinished training in the workspace is another one ({what})" in capsys.readouterr().out


def test_resume_false_begins_anew(dataset, capsys):
    uninterrupted = fit(fresh_model(), dataset).history
    fit(fresh_model(), dataset, stop_after=2)
    assert fit(fresh_model(), dataset, resume=False).history == uninterrupted
    assert capsys.readouterr().out == ""


def test_more_epochs_than_asked_for_are_left_aside(dataset, capsys):
    uninterrupted = fit(fresh_model(), dataset, epochs=2).history
    fit(fresh_model(), dataset, stop_after=2)
    assert fit(fresh_model(), dataset, epochs=2).history == uninterrupted
    assert "has 2 epochs already: left aside" in capsys.readouterr().out


def test_what_a_trained_network_learns_on_top_is_not_taken_for_the_recipe(dataset, kept, capsys):
    model = fresh_model()
    fit(model, dataset)
    fit(model, dataset, stop_after=2)
    assert "has been trained before" in capsys.readouterr().out
    assert not kept.exists()


def flip_a_byte(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [flip_a_byte, lambda content: content[: len(content) // 2], lambda content: b"", lambda content: b"half a netw"],
    ids=["a flipped bit", "half a file", "nothing", "something else"],
)
def test_a_damaged_file_is_told_and_left_aside(dataset, kept, capsys, damage):
    uninterrupted = fit(fresh_model(), dataset).history
    fit(fresh_model(), dataset, stop_after=2)
    kept.write_bytes(damage(kept.read_bytes()))
    assert fit(fresh_model(), dataset).history == uninterrupted
    assert "cannot be read (BadZipFile): left aside." in capsys.readouterr().out


def test_a_network_without_its_training_is_told_and_left_aside(dataset, kept, capsys):
    kept.parent.mkdir()
    fresh_model().save(kept)
    assert len(fit(fresh_model(), dataset).history["loss"]) == 4
    assert "cannot be read (KeyError): left aside." in capsys.readouterr().out


def test_a_training_goes_on_where_nothing_can_be_kept(dataset, kept, capsys):
    kept.parent.write_text("in the way", encoding="utf-8")
    assert len(fit(fresh_model(), dataset).history["loss"]) == 4
    assert capsys.readouterr().out.count("The epochs cannot be kept in the workspace (File exists)") == 1


def test_a_disk_that_is_full_leaves_the_epoch_before(dataset, kept, monkeypatch, capsys):
    fit(fresh_model(), dataset, stop_after=1)
    before = kept.read_bytes()
    write = zipfile.ZipFile.writestr

    def write_until_the_history(archive, name, *content):
        if name == "training.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(archive, name, *content)

    monkeypatch.setattr(zipfile.ZipFile, "writestr", write_until_the_history)
    assert fit(fresh_model(), dataset, stop_after=2).epoch == [0, 1]
    assert kept.read_bytes() == before
    assert "cannot be kept in the workspace (No space left on device)" in (said := capsys.readouterr().out)
    assert "Make room" in said


def test_an_unfinished_training_is_not_the_network_that_was_trained(dataset, workspace, capsys):
    dataset = Dataset("MNIST", *(getattr(dataset, name) for name in ARRAY_NAMES))
    fit(fresh_model(), dataset, stop_after=2)
    load_trained_model(dataset)
    assert (workspace / "mnist" / FILE_NAME).exists()
    assert "No network of yours in the workspace" in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_again_and_again_a_training_ends_with_the_uninterrupted_history(workspace, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.delenv("MNIST_PATH", raising=False)
    command = [sys.executable, "-c", SCRIPT]
    uninterrupted = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True).stdout
    lengths = []
    kept = workspace / "uci_digits" / FILE_NAME
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as training:
            while training.stdout.readline() != "training\n":
                pass
            before = kept.stat().st_mtime_ns if kept.exists() else 0
            while training.poll() is None and (kept.stat().st_mtime_ns if kept.exists() else 0) == before:
                time.sleep(0.001)
            time.sleep(random.uniform(0, 0.3))
            training.kill()
        if not kept.exists():
            break  # it was faster
        with zipfile.ZipFile(kept) as archive:
            lengths.append(len(json.loads(archive.read("training.json"))["history"]["loss"]))
    resumed = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True).stdout
    assert lengths and lengths == sorted(lengths)
    assert GOING_ON.format(lengths[-1]) in resumed
    assert json.loads(resumed.splitlines()[-1]) == json.loads(uninterrupted.splitlines()[-1])
    assert not kept.exists()
