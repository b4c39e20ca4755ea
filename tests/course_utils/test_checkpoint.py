"""What an interrupted training loses, and how it continues."""

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

from course_utils.checkpoint import FILE_NAME, keep_each_epoch
from course_utils.data import ARRAY_NAMES, Dataset
from course_utils.model import build_model
from course_utils.preprocessing import one_hot, preprocess_images
from course_utils.training import load_trained_model

GOING_ON = "Going on after {} finished epochs."
LEFT_ASIDE = "The unfinished training in the workspace {}: left aside."


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
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
    options = {"validation_data": (vectors[:10], rows[:10]), "epochs": epochs, "verbose": 0, "callbacks": callbacks}
    return model.fit(vectors, rows, batch_size=batch_size, **options)


@pytest.fixture(scope="module")
def uninterrupted(dataset, tmp_path_factory):
    """Return the history of four epochs without an interruption."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path_factory.mktemp("uninterrupted")))
        return fit(fresh_model(), dataset).history


def test_a_stopped_training_continues_as_if_it_had_not_been_stopped(dataset, uninterrupted, kept, capsys):
    begun = fit(fresh_model(), dataset, stop_after=2)
    assert begun.history == {name: values[:2] for name, values in uninterrupted.items()}
    assert kept.exists()
    assert capsys.readouterr().out == ""
    model = fresh_model()
    resumed = fit(model, dataset)
    assert GOING_ON.format(2) in capsys.readouterr().out
    assert resumed.history == uninterrupted
    assert resumed.epoch == [0, 1, 2, 3]
    assert not kept.exists(), "a finished training leaves nothing to continue"
    vectors, rows = preprocess_images(dataset.train_images), one_hot(dataset.train_labels)
    assert model.fit(vectors, rows, epochs=2, verbose=0).epoch == [0, 1], "a later training begins with its first epoch"


def test_it_continues_in_the_same_kernel_and_may_become_longer(dataset, uninterrupted, capsys):
    model = fresh_model()
    fit(model, dataset, epochs=3, stop_after=1)
    assert fit(model, dataset, epochs=4).history == uninterrupted
    assert GOING_ON.format(1) in capsys.readouterr().out


def other_digits(dataset: Dataset) -> Dataset:
    images = dataset.train_images.copy()
    images[0, 0, 0] ^= 1
    return Dataset(dataset.name, images, dataset.train_labels, dataset.test_images, dataset.test_labels)


def test_another_recipe_does_not_use_the_checkpoint(dataset, kept, capsys):
    fit(fresh_model(), dataset, stop_after=2)
    checkpoint = kept.read_bytes()
    for difference, network, other, options in [
        ("seed", {}, dataset, {"seed": 10}),
        ("batch size, number of steps", {}, dataset, {"batch_size": 8}),
        ("digits", {}, other_digits(dataset), {}),
        ("number of steps", {}, dataset, {"num_images": 30}),
        ("network", {"network": smaller_network}, dataset, {}),
        ("loss", {"loss": "mse"}, dataset, {}),
        ("optimizer", {"learning_rate": 0.01}, dataset, {}),
    ]:
        kept.write_bytes(checkpoint)
        assert fit(fresh_model(**network), other, stop_after=1, **options).epoch == [0]
        assert LEFT_ASIDE.format(f"is another one ({difference})") in capsys.readouterr().out


def test_resume_false_starts_over_and_more_epochs_than_asked_for_are_left_aside(dataset, uninterrupted, capsys):
    fit(fresh_model(), dataset, stop_after=2)
    assert fit(fresh_model(), dataset, resume=False, stop_after=3).epoch == [0, 1, 2]
    assert capsys.readouterr().out == ""
    assert fit(fresh_model(), dataset, epochs=2).history == {name: values[:2] for name, values in uninterrupted.items()}
    assert LEFT_ASIDE.format("has 3 epochs already") in capsys.readouterr().out


def test_what_a_trained_network_learns_on_top_is_not_kept(dataset, kept, capsys):
    model = fresh_model()
    fit(model, dataset, epochs=1)
    fit(model, dataset, stop_after=1)
    assert "has been trained before" in capsys.readouterr().out
    assert not kept.exists()


def flip_a_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_a_damaged_checkpoint_is_named_and_left_aside(dataset, kept, capsys):
    fit(fresh_model(), dataset, stop_after=1)
    content = kept.read_bytes()
    fresh_model().save(kept)
    without_training = kept.read_bytes()
    for damaged, error in [
        (flip_a_bit(content), "BadZipFile"),
        (content[: len(content) // 2], "BadZipFile"),
        (b"", "BadZipFile"),
        (without_training, "KeyError"),
    ]:
        kept.write_bytes(damaged)
        assert fit(fresh_model(), dataset, stop_after=1).epoch == [0]
        assert LEFT_ASIDE.format(f"cannot be read ({error})") in capsys.readouterr().out


def test_a_training_continues_where_nothing_can_be_kept(dataset, kept, capsys):
    kept.parent.write_text("in the way", encoding="utf-8")
    assert len(fit(fresh_model(), dataset, epochs=3).history["loss"]) == 3
    assert capsys.readouterr().out.count("The epochs cannot be kept in the workspace (File exists)") == 1


def test_a_full_disk_leaves_the_epoch_before(dataset, kept, monkeypatch, capsys):
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
    assert "cannot be kept in the workspace (No space left on device)" in capsys.readouterr().out


def test_a_checkpoint_is_not_the_network_that_was_trained(dataset, workspace, capsys):
    dataset = Dataset("MNIST", *(getattr(dataset, name) for name in ARRAY_NAMES))
    fit(fresh_model(), dataset, stop_after=1)
    load_trained_model(dataset)
    assert (workspace / "mnist" / FILE_NAME).exists()
    assert "No network of yours in the workspace" in capsys.readouterr().out


# As in lesson 05, on a third of the embedded digits; says when an epoch has ended, and waits before the last one.
SCRIPT = """
import sys
import keras
from course_utils.checkpoint import keep_each_epoch
from course_utils.data import load_dataset
from course_utils.model import build_model, compile_model
from course_utils.preprocessing import one_hot, preprocess_images

def say(epoch, logs):
    print("epoch", epoch + 1, flush=True)
    if epoch == 10 and is_child:
        sys.stdin.read()

dataset = load_dataset()
keras.utils.set_random_seed(9)
model = build_model()
compile_model(model, 4)
vectors, rows = preprocess_images(dataset.train_images)[:500], one_hot(dataset.train_labels)[:500]
callbacks = [keep_each_epoch(dataset, seed=9, batch_size=128), keras.callbacks.LambdaCallback(on_epoch_end=say)]
validation = (vectors[:100], rows[:100])
history = model.fit(vectors, rows, 128, 12, 0, callbacks, validation_data=validation).history
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_killed_training_ends_with_the_uninterrupted_history(workspace, monkeypatch, capsys, request):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.delenv("MNIST_PATH", raising=False)
    trained, resumed = {"is_child": False}, {"is_child": False}
    exec(SCRIPT, trained)
    checkpoint = workspace / "uci_digits" / FILE_NAME
    num_epochs = 0
    for _ in range(6 if request.config.getoption("--long") else 1):
        command = [sys.executable, "-c", f"is_child = True{SCRIPT}"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            while child.stdout.readline() != f"epoch {num_epochs + 2}\n":
                assert child.poll() is None
            time.sleep(random.uniform(0, 0.1))
            child.kill()
        with zipfile.ZipFile(checkpoint) as archive:
            before, num_epochs = num_epochs, len(json.loads(archive.read("training.json"))["history"]["loss"])
        assert before < num_epochs < 12
        if num_epochs > 8:
            break
    capsys.readouterr()
    exec(SCRIPT, resumed)
    assert GOING_ON.format(num_epochs) in capsys.readouterr().out
    assert resumed["history"] == trained["history"]
    assert all(map(np.array_equal, resumed["model"].get_weights(), trained["model"].get_weights()))
    assert not checkpoint.exists()
