"""The recorded results come from the present lessons."""

import json

import nbformat
import numpy as np
import pytest

from course_utils.course import REFERENCE
from course_utils.data import Dataset
from course_utils.experiments import EXPERIMENTS, WEIGHTS, Run, read_results
from course_utils.model import build_model
from course_utils.training import TrainedModel, save_trained_model
from tools import reference
from tools.single_run import recipe


def test_weights_and_history_come_from_the_present_lesson_06():
    assert reference.is_current(), "lesson 06 or what it imports has changed: run make record"
    history = json.loads((REFERENCE / reference.RECORD).read_text(encoding="utf-8"))["history"]
    lesson = reference.RECIPE_LESSON.read_text(encoding="utf-8")
    assert f"val_accuracy: {history['val_accuracy'][-1]:.4f} - val_loss: {history['val_loss'][-1]:.4f}" in lesson
    assert read_results()[Run()].history.items() >= history.items()  # the experiment with the seed of lesson 06


def test_the_experiments_come_from_the_present_recipe():
    results = read_results()
    assert set(results) == {run for runs in EXPERIMENTS.values() for run in runs}, "run make experiments"
    outdated = [str(run) for run, result in results.items() if result.recipe != recipe(run.network)]
    assert not outdated, "what they were trained with has changed: run make experiments"
    assert all((REFERENCE / name).is_file() for name in WEIGHTS.values())


def test_readme_and_lesson_00_show_the_picture_of_lesson_09():
    assert reference.PICTURE.read_bytes() == reference.recorded_picture(), "run make record LESSON=09"


def test_a_record_is_never_replaced_before_its_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    dataset = Dataset("MNIST", *[np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8)] * 2)
    save_trained_model(TrainedModel(build_model(), {"loss": [2.3]}), dataset)
    in_the_way = tmp_path / reference.WEIGHTS / "in the way"
    in_the_way.mkdir(parents=True)
    (tmp_path / reference.RECORD).write_text("of the weights before", encoding="utf-8")
    with pytest.raises(OSError):
        reference.rewrite(tmp_path, tmp_path)
    assert (tmp_path / reference.RECORD).read_text(encoding="utf-8") == "of the weights before"
    in_the_way.rmdir()
    in_the_way.parent.rmdir()
    reference.rewrite(tmp_path, tmp_path)
    assert reference.is_current(tmp_path)


@pytest.mark.parametrize(
    ("text", "other", "same_recipe"),
    [
        ("batch_size = 128", "batch_size = 64", False),
        ("num_epochs = 30", "num_epochs = 30  # as in the handout", True),
        ('title="With and without scaling"', 'title="Scaling"', True),  # after the training
    ],
)
def test_only_the_code_that_trains_makes_a_recipe(tmp_path, text, other, same_recipe):
    notebook = nbformat.read(reference.RECIPE_LESSON, as_version=4)
    assert any(text in cell.source for cell in notebook.cells)
    for cell in notebook.cells:
        cell.source = cell.source.replace(text, other)
    nbformat.write(notebook, tmp_path / "lesson.ipynb")
    assert (reference.current_recipe(tmp_path / "lesson.ipynb") == reference.current_recipe()) == same_recipe
