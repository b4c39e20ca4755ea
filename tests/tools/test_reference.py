"""What the course keeps of its recorded run belongs to the lessons as they are."""

import json

import nbformat
import numpy as np
import pytest

from tools import reference
from tools.clean_outputs import to_text
from tools.single_run import recipe
from course_utils.data import Dataset
from course_utils.experiments import EXPERIMENTS, WEIGHTS, Run, read_results
from course_utils.model import build_model
from course_utils.training import TrainedModel, save_trained_model


def test_the_recorded_weights_were_made_by_the_recipe_as_it_is():
    assert reference.is_current(), "lesson 05 or what it imports has changed: run make record"


def test_the_recorded_history_is_the_one_that_lesson_05_shows():
    history = json.loads(reference.RECORD.read_text(encoding="utf-8"))["history"]
    lesson = reference.RECIPE_LESSON.read_text(encoding="utf-8")
    assert f"val_accuracy: {history['val_accuracy'][-1]:.4f} - val_loss: {history['val_loss'][-1]:.4f}" in lesson


def test_the_experiments_are_recorded_by_the_recipe_as_it_is():
    results = read_results()
    assert set(results) == {run for runs in EXPERIMENTS.values() for run in runs}, "run make seeds"
    outdated = [str(run) for run, result in results.items() if result.recipe != recipe(run.network)]
    assert not outdated, "what they were trained with has changed: run make seeds"
    assert all((reference.FOLDER / name).is_file() for name in WEIGHTS.values())


def test_the_experiment_with_the_seed_of_lesson_05_went_as_in_lesson_05():
    history = json.loads(reference.RECORD.read_text(encoding="utf-8"))["history"]
    assert read_results()[Run()].history.items() >= history.items()


def test_the_picture_in_readme_and_lesson_00_is_the_one_of_lesson_07():
    assert reference.PICTURE.read_bytes() == reference.recorded_picture(), "run make record LESSON=07"


def test_a_record_never_takes_its_place_before_its_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    dataset = Dataset("MNIST", *[np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8)] * 2)
    save_trained_model(TrainedModel(build_model(), {"loss": [2.3]}), dataset)
    for name, path in {"FOLDER": "", "WEIGHTS": "mnist.weights.h5", "RECORD": "mnist.json"}.items():
        monkeypatch.setattr(reference, name, tmp_path / "reference" / path)
    (reference.WEIGHTS / "in the way").mkdir(parents=True)
    reference.RECORD.write_text("of the weights before", encoding="utf-8")
    with pytest.raises(OSError):
        reference.rewrite(tmp_path)
    assert reference.RECORD.read_text(encoding="utf-8") == "of the weights before"
    (reference.WEIGHTS / "in the way").rmdir()
    reference.WEIGHTS.rmdir()
    reference.rewrite(tmp_path)
    assert reference.is_current()


@pytest.mark.parametrize(
    ("file", "text", "other", "same_recipe"),
    [
        ("05_train.ipynb", "batch_size = 128", "batch_size = 64", False),
        ("05_train.ipynb", "num_epochs = 30", "num_epochs = 30  # as in the handout", True),
        ("05_train.ipynb", "## The recipe", "## A recipe", True),
        ("model.py", "Dropout(0.5", "Dropout(0.4", False),
        ("model.py", "Build the multi-layer perceptron", "Build the network", True),
        ("preprocessing.py", "MAX_PIXEL = 255", "MAX_PIXEL = 256", False),
    ],
)
def test_only_code_makes_another_recipe(tmp_path, monkeypatch, file, text, other, same_recipe):
    copies = {}
    for path in (reference.RECIPE_LESSON, *reference.RECIPE_ROOMS):
        copies[path.name] = tmp_path / path.name
        copies[path.name].write_bytes(path.read_bytes())
    monkeypatch.setattr(reference, "RECIPE_LESSON", copies.pop("05_train.ipynb"))
    monkeypatch.setattr(reference, "RECIPE_ROOMS", list(copies.values()))
    before = reference.recipe_fingerprint()
    changed = tmp_path / file
    if changed.suffix == ".ipynb":
        notebook = nbformat.read(changed, as_version=4)
        for cell in notebook.cells:
            cell.source = cell.source.replace(text, other)
        content = to_text(notebook)
    else:
        content = changed.read_text(encoding="utf-8").replace(text, other)
    assert content != changed.read_text(encoding="utf-8")
    changed.write_text(content, encoding="utf-8")
    assert (reference.recipe_fingerprint() == before) == same_recipe


def test_the_fingerprint_is_taken_from_the_same_text_in_every_version_of_python():
    # What this is on Python 3.11; `ast.dump` and `ast.unparse` give something else there than on 3.12 and 3.13.
    x = "['Name', ['id', 'x'], ['ctx', ['Load']]]"
    item = f"['Subscript', ['value', {x}], ['slice', ['Constant', ['value', 'a']]], ['ctx', ['Load']]]"
    fields = f"['FormattedValue', ['value', {item}], ['conversion', -1]], ['Constant', ['value', '!']]"
    statement = f"['Expr', ['value', ['JoinedStr', ['values', [{fields}]]]]]"
    function = f"['FunctionDef', ['name', 'f'], ['args', ['arguments']], ['body', [{statement}]]]"
    assert reference.bare_code("""def f():\n    f"{x['a']}!"  # a comment""") == f"['Module', ['body', [{function}]]]"
