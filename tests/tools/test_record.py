"""Lessons are recorded whole or not at all, and what changed is reported."""

import re
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_utils.course import CourseError, lesson_file
from tools import record as module
from tools import reference
from tools.execution import LessonError
from tools.record import record

FIT = """import os, random
from pathlib import Path
value = float(Path("value.txt").read_text())
print(f"Epoch 1/1\\n9/9 - {random.randint(0, 99)}s - 6ms/step - accuracy: {value + random.random() / 1000:.6f}")"""
WORKSPACE = "from course_utils.workspace import workspace_folder\nos.listdir(workspace_folder())"
GOOD = [
    new_code_cell(FIT, id="fit", metadata={"tolerance": {"absolute": 0.0011, "reason": "random"}}),
    new_code_cell(WORKSPACE, id="workspace"),
    new_code_cell("(workspace_folder() / 'left').touch()", id="leave"),
    new_code_cell("value", id="dataset", metadata={"tags": ["depends-on-dataset"]}),
]


def write_lesson(folder, number, *cells):
    nbformat.write(new_notebook(cells=cells), folder / lesson_file(number))


def set_value(folder, text):
    (folder / "value.txt").write_text(text)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def use_digits(patch, name):
    patch.setattr(module, "choose_digits", lambda _: (name, {}))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    set_value(folder, "0.5")
    with pytest.MonkeyPatch.context() as patch:
        use_digits(patch, "MNIST")
        for number in ("01", "02"):
            write_lesson(folder, number, *GOOD)
        assert record(["01", "02"], write=True, folder=folder) == 0
    return folder


@pytest.fixture
def folder(recorded, tmp_path, monkeypatch):
    """Return two recorded lessons that print a value from a file, with digits that count as MNIST."""
    use_digits(monkeypatch, "MNIST")
    return shutil.copytree(recorded, tmp_path / "notebooks")


def test_recording_twice_changes_no_byte(folder, capsys):
    before = contents(folder)
    assert b"accuracy: 0.5" in before[lesson_file("01")]
    assert b'"[]"' in before[lesson_file("02")]  # the workspace of a lesson is empty
    path = folder / lesson_file("02")
    path.write_text(path.read_text(encoding="utf-8").replace("Python 3", "My Python"), encoding="utf-8")
    assert record(["01", "02"], write=True, folder=folder) == 0
    assert contents(folder) == before
    out = capsys.readouterr().out
    assert out == "01 load and pickle: as recorded\n02 preprocess: the file is not in the form that record writes\n"


def test_what_changed_is_reported_and_written(folder, capsys):
    set_value(folder, "0.7")
    write_lesson(folder, "03", new_code_cell("1 + 1", id="first"))
    before = contents(folder)
    assert record(["02", "03"], write=False, folder=folder) == 1
    assert contents(folder) == before
    out = capsys.readouterr().out
    assert "02 preprocess, cell 1 (fit): output 1" in out and "(accuracy at epoch 1): 0.5" in out and "→ 0.7" in out
    assert "cell 4 (dataset)" in out and "01 load" not in out and "cell 2" not in out
    assert "cell 1 (first): recorded for the first time" in out
    assert record(["02"], write=True, folder=folder) == 0
    changed = {name for name, content in contents(folder).items() if content != before[name]}
    assert changed == {lesson_file("02")}
    assert b"accuracy: 0.7" in contents(folder)[lesson_file("02")]


def test_a_lesson_that_differs_from_its_helper_is_reported(folder, capsys):
    interval = "import numpy as np\nnetwork_right, num_images = np.ones(9), 9\ncentre, half_width = 0.5, 0.25"
    write_lesson(folder, "07", new_code_cell(interval, id="interval"))
    assert record(["07"], write=True, folder=folder) == 0
    capsys.readouterr()
    assert record(["07"], write=False, folder=folder) == 1  # it cannot be recorded away
    out = capsys.readouterr().out
    assert re.search(r"^07 evaluate: .*is 0.25 in the lesson, but 0.7\d+ in accuracy_interval.*evaluation.py", out)
    assert "To change X, touch Y" in out


@pytest.mark.parametrize("write", [False, True])
def test_a_lesson_that_somebody_edits_meanwhile_is_not_replaced(write, folder, tmp_path):
    path = folder / lesson_file("03")
    edit = f"path = Path({str(path)!r})\npath.write_text(path.read_text().replace('edit =', 'my_edit ='));"
    write_lesson(folder, "03", *GOOD[:1], new_code_cell(edit, id="edit"))
    set_value(folder, "0.7")
    before = contents(folder)
    with pytest.raises(CourseError, match=r"03_one_hot_encode\.ipynb changed meanwhile") as caught:
        record(["01", "03"], write=write, folder=folder, build=tmp_path)
    assert contents(folder) == before | {path.name: before[path.name].replace(b"edit =", b"my_edit =")}
    kept = tmp_path / "recorded" / path.name
    assert kept.exists() == write == ("recorded" in str(caught.value))
    assert not write or b"accuracy: 0.7" in kept.read_bytes()


def test_with_one_bad_lesson_nothing_is_written(folder):
    set_value(folder, "0.7")
    bad = {
        "03": "1 / 0",
        "04": "object()",
        "05": "import os; os.getcwd()",
        "07": "import sys; print('oh', file=sys.stderr)",
    }
    for number, source in bad.items():
        write_lesson(folder, number, new_code_cell(source, id="bad"))
    before = contents(folder)
    with pytest.raises(LessonError) as caught:
        record(["01", *bad], write=True, folder=folder)
    assert contents(folder) == before
    *failures, end = str(caught.value).splitlines()
    for failure, reason in zip(failures, ["ZeroDivisionError", "memory address", "a path: '/", "stderr"], strict=True):
        assert "cell 1 (bad)" in failure and reason in failure
    assert end == "Nothing was written."


def test_without_mnist_nothing_is_recorded_and_the_rest_is_checked(folder, monkeypatch, capsys):
    use_digits(monkeypatch, "UCI digits")
    set_value(folder, "0.7")
    before = contents(folder)
    with pytest.raises(LessonError, match="MNIST_PATH"):
        record(["02"], write=True, folder=folder)
    assert contents(folder) == before
    assert record(["02"], write=False, folder=folder) == 1
    out = capsys.readouterr().out
    assert "not compared" in out and "cell 1 (fit)" in out and "cell 4" not in out


def test_the_reference_weights_follow_their_recipe(folder, tmp_path, monkeypatch, capsys):
    weights = tmp_path / reference.WEIGHTS
    weights.write_bytes(b"old")

    def rewrite(workspace):
        assert (workspace / "left").exists()
        weights.write_bytes(b"new")

    monkeypatch.setattr(reference, "RECIPE_LESSON", folder / lesson_file("01"))
    monkeypatch.setattr(reference, "is_current", lambda: weights.read_bytes() == b"new")
    monkeypatch.setattr(reference, "rewrite", rewrite)
    assert record(["02"], write=False, folder=folder) == 1  # whichever lesson is checked
    assert "record 06, then 00 and 07 to 11" in capsys.readouterr().out
    write_lesson(folder, "03", new_code_cell("1 / 0", id="bad"))
    with pytest.raises(LessonError):
        record(["01", "03"], write=True, folder=folder)
    assert weights.read_bytes() == b"old"  # since another lesson failed
    assert record(["01"], write=True, folder=folder) == 0
    assert weights.read_bytes() == b"new"
    assert "Now record 00 and 07 to 11" in capsys.readouterr().out
