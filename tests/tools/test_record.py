"""Lessons are recorded whole or not at all, and what changed is reported."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_utils.course import CourseError, lesson_file
from tools import record as module
from tools import reference
from tools.clean_outputs import to_text
from tools.execution import LessonError
from tools.record import record

FIT = """import os, random
from pathlib import Path
value = float(Path("value.txt").read_text())
print(f"Epoch 1/1\\n9/9 - {random.randint(0, 99)}s - 6ms/step - accuracy: {value + random.random() / 1000:.6f}")"""
WORKSPACE = "from course_utils.workspace import workspace_folder\nos.listdir(workspace_folder())"
GOOD = [
    ("fit", FIT, {"tolerance": {"absolute": 0.0011}}),
    ("workspace", WORKSPACE, {}),
    ("leave", "(workspace_folder() / 'left').touch()", {}),
    ("dataset", "value", {"tags": ["depends-on-dataset"]}),
]


class Folder:
    """A folder of lessons that print a value read from a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.value("0.5")

    def value(self, text: str) -> None:
        (self.path / "value.txt").write_text(text)

    def write(self, number: str, *cells: tuple[str, str, dict]) -> Path:
        notebook = new_notebook(cells=[new_code_cell(source, id=name, metadata=data) for name, source, data in cells])
        path = self.path / lesson_file(number)
        nbformat.write(notebook, path)
        return path

    def contents(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.path.iterdir()}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Folder:
    folder = Folder(tmp_path_factory.mktemp("notebooks"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "choose_digits", lambda _: ("MNIST", {}))
        for number in ("01", "02"):
            folder.write(number, *GOOD)
        assert record(["01", "02"], write=True, folder=folder.path) == 0
    return folder


@pytest.fixture
def folder(recorded, tmp_path, monkeypatch) -> Folder:
    """Two lessons that were recorded once, and digits that count as MNIST."""
    monkeypatch.setattr(module, "choose_digits", lambda _: ("MNIST", {}))
    for name, content in recorded.contents().items():
        (tmp_path / name).write_bytes(content)
    return Folder(tmp_path)


def test_recording_twice_changes_no_byte(folder, capsys):
    before = folder.contents()
    assert b"accuracy: 0.5" in before[lesson_file("01")]
    assert b'"[]"' in before[lesson_file("02")]  # the workspace of a lesson is empty
    assert record(["01", "02"], write=True, folder=folder.path) == 0
    assert folder.contents() == before
    assert capsys.readouterr().out == "01 load and pickle: as recorded\n02 preprocess: as recorded\n"


def test_what_changed_is_reported_and_written(folder, capsys):
    folder.value("0.7")
    before = folder.contents()
    assert record(["02"], write=False, folder=folder.path) == 1
    assert folder.contents() == before
    out = capsys.readouterr().out
    assert "02 preprocess, cell 1 (fit): accuracy at epoch 1 0.5" in out and "→ 0.7" in out
    assert "cell 4 (dataset)" in out and "01 load" not in out and "cell 2" not in out
    assert record(["02"], write=True, folder=folder.path) == 0
    changed = {name for name, content in folder.contents().items() if content != before[name]}
    assert changed == {lesson_file("02")}
    assert b"accuracy: 0.7" in folder.contents()[lesson_file("02")]


def test_a_file_that_is_not_clean_is_reported_and_cleaned(folder, capsys):
    before = folder.contents()
    path = folder.path / lesson_file("01")
    path.write_text(path.read_text(encoding="utf-8").replace("Python 3", "My Python"), encoding="utf-8")
    assert record(["01"], write=True, folder=folder.path) == 0
    assert "not in its clean form" in capsys.readouterr().out
    assert folder.contents() == before


def test_one_bad_lesson_and_nothing_is_written(folder):
    folder.value("0.7")
    bad = {"03": "1 / 0", "04": "object()", "06": "import sys; print('oh', file=sys.stderr)"}
    for number, source in bad.items():
        folder.write(number, ("bad", source, {}))
    before = folder.contents()
    with pytest.raises(LessonError) as caught:
        record(["01", *bad], write=True, folder=folder.path)
    assert folder.contents() == before
    failures = str(caught.value).splitlines()
    for failure, reason in zip(failures, ["ZeroDivisionError", "memory address", "stderr"], strict=False):
        assert "cell 1 (bad)" in failure and reason in failure
    assert failures[-1] == "Nothing was written."


def test_without_mnist_nothing_is_recorded_and_the_rest_is_checked(folder, monkeypatch, capsys):
    monkeypatch.setattr(module, "choose_digits", lambda _: ("UCI digits", {"COURSE_OFFLINE": "1"}))
    before = folder.contents()
    with pytest.raises(LessonError, match="MNIST_PATH"):
        record(["02"], write=True, folder=folder.path)
    assert folder.contents() == before
    folder.value("0.7")
    assert record(["02"], write=False, folder=folder.path) == 1
    out = capsys.readouterr().out
    assert "not compared" in out and "cell 1 (fit)" in out and "cell 4" not in out


def test_an_unknown_lesson_is_an_error(folder):
    with pytest.raises(CourseError, match="no lesson '09'"):
        record(["09"], write=True, folder=folder.path)


def test_the_reference_weights_follow_their_recipe(folder, tmp_path_factory, monkeypatch, capsys):
    kept = tmp_path_factory.mktemp("reference")
    weights = kept / reference.WEIGHTS
    for name in (reference.WEIGHTS, reference.RECORD):
        (kept / name).write_bytes(b"old")

    def rewrite(workspace: Path) -> None:
        assert (workspace / "left").exists()
        weights.write_bytes(b"new")

    monkeypatch.setattr(module, "REFERENCE", kept)
    monkeypatch.setattr(reference, "RECIPE_LESSON", folder.path / lesson_file("01"))
    monkeypatch.setattr(reference, "is_current", lambda: weights.read_bytes() == b"new")
    monkeypatch.setattr(reference, "rewrite", rewrite)
    folder.write("03", ("bad", "1 / 0", {}))
    with pytest.raises(LessonError):
        record(["01", "03"], write=True, folder=folder.path)
    assert "another recipe" in capsys.readouterr().out
    assert weights.read_bytes() == b"old"  # put back, since another lesson failed
    assert record(["01"], write=True, folder=folder.path) == 0
    assert weights.read_bytes() == b"new"


def test_a_lesson_recorded_for_the_first_time_is_reported(folder, capsys):
    path = folder.write("03", ("first", "1 + 1", {}))
    assert record(["03"], write=True, folder=folder.path) == 0
    assert "cell 1 (first): recorded for the first time" in capsys.readouterr().out
    assert nbformat.read(path, as_version=4).cells[0].outputs[0].data["text/plain"] == "2"
    assert path.read_text(encoding="utf-8") == to_text(nbformat.read(path, as_version=4))
