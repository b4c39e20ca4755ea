"""What interrupted training loses, and how it continues."""

import random
import re
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from course_utils.checkpoint import keep_each_epoch
from course_utils.course import ROOT
from course_utils.data import Dataset
from course_utils.model import build_model, compile_model
from course_utils.preprocessing import one_hot, preprocess_images

IMAGES, LABELS = (
    np.random.default_rng(1).integers(0, 256, (40, 28, 28), dtype=np.uint8),
    np.arange(40, dtype="uint8") % 10,
)
DATASET = Dataset("a few digits", IMAGES, LABELS, IMAGES, LABELS)


@pytest.fixture(autouse=True)
def kept(workspace):
    return workspace / "a_few_digits" / "checkpoint_small.keras"


def fresh_model(num_hidden=8, loss="categorical_crossentropy", learning_rate=0.001) -> keras.Model:
    keras.utils.set_random_seed(9)
    hidden = [keras.layers.Dense(num_hidden), keras.layers.Dropout(0.5)]
    layers = [keras.Input((784,)), *hidden, keras.layers.Dense(10, activation="softmax")]
    model = keras.Sequential(layers, name="small")
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(learning_rate), run_eagerly=True)
    return model


def fit(model=None, dataset=DATASET, *, epochs=4, stop_after=None, batch_size=10, num_images=40, seed=9, resume=True):
    model = model or fresh_model()

    def stop(epoch, logs):
        model.stop_training = epoch + 1 == stop_after

    callback = keep_each_epoch(dataset, seed=seed, batch_size=batch_size, resume=resume)
    callbacks = [callback, keras.callbacks.LambdaCallback(on_epoch_end=stop)]
    vectors, rows = preprocess_images(dataset.train_images)[:num_images], one_hot(dataset.train_labels)[:num_images]
    return model.fit(vectors, rows, batch_size, epochs, 0, callbacks, validation_data=(vectors[:10], rows[:10]))


@pytest.mark.parametrize(
    ("first", "is_new"), [({"stop_after": 2}, True), ({"epochs": 2}, True), ({"epochs": 2}, False)]
)
def test_resumed_training_gives_the_numbers_of_uninterrupted_training(kept, capsys, first, is_new):
    model = fresh_model()
    in_one_go, weights = fit(model, resume=False).history, model.get_weights()
    kept.unlink()
    model = fresh_model()
    assert fit(model, **first).history == {name: values[:2] for name, values in in_one_go.items()}
    assert capsys.readouterr().out == ""
    model = fresh_model() if is_new else model  # a kernel that was restarted, or only the cell with `fit` again
    for message in ("Continuing after 2 finished epochs.", "Nothing is left to train after 4 finished epochs."):
        resumed = fit(model)
        assert capsys.readouterr().out == f"{message} (To start over, set resume = False, then run all cells.)\n"
        assert (resumed.history, resumed.epoch) == (in_one_go, [0, 1, 2, 3])
        assert all(map(np.array_equal, model.get_weights(), weights))
        assert model.optimizer.iterations == 16
    content = kept.read_bytes()
    assert fit(model, epochs=3).epoch == [0, 1, 2], "a later training of the network begins with its first epoch"
    fewer, on_top = capsys.readouterr().out.splitlines()
    assert fewer == (
        "The checkpoint in the workspace has 4 finished epochs, more than 3. It is kept, and this "
        "training starts afresh."
    )
    assert "has been trained before" in on_top, "this does not follow from the recipe"
    assert fit(epochs=3).history == {name: values[:3] for name, values in in_one_go.items()}
    assert kept.read_bytes() == content, "nothing is lost by a shorter one"


def test_networks_with_different_names_have_separate_checkpoints(kept, capsys):
    fit(stop_after=1)
    other = keras.models.clone_model(fresh_model())
    other.name = "other"
    other.compile("adam", "mse")
    fit(other, epochs=1)
    assert capsys.readouterr().out == ""
    assert sorted(path.name for path in kept.parent.iterdir()) == ["checkpoint_other.keras", "checkpoint_small.keras"]


def not_used_because(capsys) -> str:
    before, _, reason = capsys.readouterr().out.removesuffix(", so it is not used.\n").partition(" in the workspace ")
    assert before == "The checkpoint"
    return reason


def test_a_checkpoint_of_another_recipe_is_not_used(kept, capsys):
    fit(stop_after=2)
    content = kept.read_bytes()
    images = IMAGES.copy()
    images[0, 0, 0] ^= 1
    for difference, model, options in [
        ("seed", fresh_model(), {"seed": 10}),
        ("batch size and number of steps", fresh_model(), {"batch_size": 8}),
        ("digits", fresh_model(), {"dataset": Dataset(DATASET.name, images, LABELS, IMAGES, LABELS)}),
        ("number of steps", fresh_model(), {"num_images": 30}),
        ("network", fresh_model(num_hidden=9), {}),
        ("loss", fresh_model(loss="mse"), {}),
        ("optimizer", fresh_model(learning_rate=0.01), {}),
    ]:
        kept.write_bytes(content)
        assert fit(model, stop_after=1, **options).epoch == [0]
        assert not_used_because(capsys) == f"comes from a run with a different {difference}"
    kept.write_bytes(content)
    assert fit(resume=False, stop_after=1).epoch == [0]
    assert capsys.readouterr().out == ""


def test_a_damaged_checkpoint_is_named_and_not_used(kept, capsys):
    fit(stop_after=1)
    content = kept.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    for damaged in (flipped, content[:middle]):
        kept.write_bytes(damaged)
        assert fit(stop_after=1).epoch == [0]
        assert not_used_because(capsys) == "cannot be read (BadZipFile)"


def test_training_continues_where_no_checkpoint_can_be_saved(kept, capsys):
    kept.parent.write_text("in the way", encoding="utf-8")
    assert fit(epochs=3).epoch == [0, 1, 2]
    assert capsys.readouterr().out.count("The checkpoint cannot be saved in the workspace (File exists)") == 1


def fit_as_in_lesson_06(stop_after=None):
    keras.utils.set_random_seed(9)
    model = build_model()
    compile_model(model, steps_per_execution=4)
    return fit(model, epochs=6, stop_after=stop_after).history, model.get_weights()


@pytest.mark.skipif("not config.option.long", reason="long mode: kills five training runs")
def test_killed_training_ends_with_the_history_and_weights_of_uninterrupted_training(kept, capsys):
    kept = kept.with_name("checkpoint_mlp.keras")
    history, weights = fit_as_in_lesson_06()
    kept.unlink()
    code = "from tests.course_utils.test_checkpoint import fit_as_in_lesson_06; fit_as_in_lesson_06(stop_after=5)"
    for _ in range(5):
        before = kept.stat().st_mtime_ns if kept.exists() else None
        with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as child:
            while child.poll() is None and (not kept.exists() or kept.stat().st_mtime_ns == before):
                time.sleep(0.001)
            time.sleep(random.uniform(0, 0.2))
            child.kill()
    capsys.readouterr()
    resumed_history, resumed_weights = fit_as_in_lesson_06()
    assert re.match(r"(Continuing|Nothing is left to train) after [1-6] finished epochs?\.", capsys.readouterr().out)
    assert resumed_history == history
    assert all(map(np.array_equal, resumed_weights, weights))
