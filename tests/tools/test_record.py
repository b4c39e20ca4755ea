"""Lessons are executed, put into normal form and recorded: whole or not at all."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import record as module
from tools import reference
from tools.execution import LessonError, execute_notebook, kernel_environment
from tools.clean_outputs import memory_addresses, normalise, to_text
from tools.record import find_lessons, record


def lesson(*cells: tuple[str, str] | tuple[str, str, dict]):
    """Build a notebook of code cells given as id, source and perhaps metadata."""
    return new_notebook(
        cells=[new_code_cell(source, id=name, metadata=dict(*metadata)) for name, source, *metadata in cells]
    )


# --- execution -------------------------------------------------------------------------------------------------------


def test_execution(tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_PATH", "data.npz")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    starts = []
    notebook = lesson(
        ("parameters", "num_epochs = 30\nbatch_size = 128", {"tags": ["parameters"]}),
        ("look", "import os, numpy\nos.getcwd(), os.environ['COURSE_WORKSPACE'], os.environ['EXTRA']"),
        ("environment", "os.environ['MNIST_PATH'], 'NO_COLOR' in os.environ"),
        ("announced", "1 / 0", {"tags": ["raises-exception"]}),
        ("memory", "ones = numpy.ones(200 * 2**17); del ones"),
    )
    folder = tmp_path / "lessons"
    folder.mkdir()
    nbformat.write(notebook, folder / "05_train.ipynb")
    before = (folder / "05_train.ipynb").read_bytes()
    execution = execute_notebook(
        folder / "05_train.ipynb",
        workspace=tmp_path,
        environment={"EXTRA": "yes"},
        parameters={"num_epochs": 3, "unknown": 1},
        expressions={"epochs": "num_epochs", "size": "batch_size", "square": "numpy.eye(2)"},
        on_cell=lambda number, count: starts.append((number, count)),
    )
    assert (folder / "05_train.ipynb").read_bytes() == before
    assert execution.values == {"epochs": 3, "size": 128, "square": [[1, 0], [0, 1]]}
    assert starts == [(number, 6) for number in range(1, 7)]
    injected = execution.notebook.cells[1]
    assert (injected.source, injected.metadata.tags) == ("num_epochs = 3", ["injected-parameters"])
    look, environment = (execution.notebook.cells[number].outputs[0].data["text/plain"] for number in (2, 3))
    assert ast.literal_eval(look) == (str(folder), str(tmp_path), "yes")
    assert ast.literal_eval(environment) == (str(tmp_path / "data.npz"), False)
    assert 200 < execution.peak_rss_mb < 2000
    assert execution.seconds > 0


@pytest.mark.parametrize(
    ("source", "expressions", "message"),
    [
        ("1 / 0", {}, r"05_train, cell 2 \(boom\): ZeroDivisionError: division by zero"),
        ("import os; os._exit(1)", {}, r"05_train, cell 2 \(boom\): the kernel stopped"),
        ("1", {"accuracy": "accurracy"}, r"05_train: accuracy = accurracy gave NameError"),
    ],
)
def test_failing_lesson_is_told_with_cell(tmp_path, source, expressions, message):
    with pytest.raises(LessonError, match=message) as caught:
        execute_notebook(
            lesson(("first", "1"), ("boom", source)), workspace=tmp_path, expressions=expressions, name="05_train"
        )
    assert expressions or caught.value.__cause__


def test_environment_added_wins(tmp_path):
    assert kernel_environment(tmp_path, {"COURSE_OFFLINE": "1"})["COURSE_OFFLINE"] == "1"


# --- normal form -----------------------------------------------------------------------------------------------------


def test_normal_form():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    cell = new_code_cell(
        "x\r\ny\n\n",
        id="fit",
        execution_count=17,
        metadata={
            "tags": ["parameters"],
            "tolerance": {"absolute": 0.1},
            "jupyter": {"source_hidden": True, "outputs_hidden": True},
            "editable": False,
            "deletable": True,
            "collapsed": False,
            "scrolled": True,
            "slideshow": {"slide_type": "slide"},
            "execution": {"iopub.status.busy": "2020"},
        },
        outputs=[
            new_output("stream", name="stdout", text="a\n"),
            new_output("display_data", {**view, "text/plain": "bar"}),
            new_output("display_data", view),
            new_output("stream", name="stdout", text="50%\r99%\nxy\bz\n"),
            new_output("execute_result", {"image/png": "AA\nAA\n"}, execution_count=17),
        ],
    )
    never = new_code_cell("never", id="never")
    notebook = new_notebook(
        cells=[new_markdown_cell("text  \nmore\n", id="text", metadata={"tags": []}), never, cell],
        metadata={"kernelspec": {"name": "my-venv", "display_name": "Mine"}, "widgets": {}, "toc": {}},
    )
    untouched = to_text(notebook)
    normal = normalise(notebook)
    assert to_text(notebook) == untouched
    assert normal.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert normal.cells[0] == {"cell_type": "markdown", "id": "text", "metadata": {}, "source": "text  \nmore"}
    assert normal.cells[1].execution_count is None
    assert normal.cells[2].metadata == {
        "tags": ["parameters"],
        "tolerance": {"absolute": 0.1},
        "jupyter": {"source_hidden": True},
        "editable": False,
    }
    assert (normal.cells[2].id, normal.cells[2].source, normal.cells[2].execution_count) == ("fit", "x\ny", 1)
    assert normal.cells[2].outputs == [
        {"output_type": "stream", "name": "stdout", "text": "a\n99%\nxz\n"},
        {"output_type": "display_data", "data": {"text/plain": "bar"}, "metadata": {}},
        {"output_type": "execute_result", "data": {"image/png": "AAAA"}, "metadata": {}, "execution_count": 1},
    ]
    assert normalise(normal) == normal
    text = to_text(normal)
    assert text.startswith('{\n "cells": [') and text.endswith("}\n") and not text.endswith("\n\n")
    assert nbformat.reads(text, as_version=4) == normal


def test_memory_addresses_are_found_and_kept():
    cell = new_code_cell(outputs=[new_output("stream", name="stdout", text="<Line2D object at 0x7f3e> <b>\n")])
    assert memory_addresses(cell) == ["<Line2D object at 0x7f3e>"]
    assert "0x7f3e" in to_text(normalise(new_notebook(cells=[cell])))


# --- record and check ------------------------------------------------------------------------------------------------

FIT = """import os, random
from pathlib import Path
value = float(Path("value.txt").read_text())
print(f"Epoch 1/1\\n9/9 - {random.randint(0, 99)}s - 6ms/step - accuracy: {value + random.random() / 1000:.6f}")"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Two lessons that print a value read from a file, recorded once, and digits that count as MNIST."""
    monkeypatch.setattr(module, "choose_digits", lambda _: ("MNIST", {}))
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "value.txt").write_text("0.5")
    fit = ("fit", FIT, {"tolerance": {"absolute": 0.0011}})
    left = ("workspace", "from course_utils.workspace import workspace_folder\nos.listdir(workspace_folder())")
    leave = ("leave", "(workspace_folder() / 'left').touch()")
    other = ("dataset", "value", {"tags": ["depends-on-dataset"]})
    nbformat.write(lesson(fit, left, leave), folder / "01_load.ipynb")
    nbformat.write(lesson(fit, left, leave, other), folder / "02_train_it.ipynb")
    assert record(None, True, folder=folder) == 0
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.ipynb")}


def test_recording_twice_changes_no_byte(folder, capsys):
    before = contents(folder)
    assert b"accuracy: 0.5" in before["01_load.ipynb"] and b'"[]"' in before["02_train_it.ipynb"]
    capsys.readouterr()
    assert record(None, True, folder=folder) == 0
    assert record(None, False, folder=folder) == 0
    assert contents(folder) == before
    assert capsys.readouterr().out == "01 load: as recorded\n02 train it: as recorded\n" * 2


def test_what_changed_is_told_and_written(folder, capsys):
    before = contents(folder)
    (folder / "value.txt").write_text("0.7")
    capsys.readouterr()
    assert record(["02"], False, folder=folder) == 1
    assert contents(folder) == before
    out = capsys.readouterr().out
    assert "02 train it, cell 1 (fit): accuracy at epoch 1 0.5" in out and "→ 0.7" in out
    assert "01 load" not in out and "cell 2" not in out
    assert record(["02"], True, folder=folder) == 0
    after = contents(folder)
    assert after["01_load.ipynb"] == before["01_load.ipynb"] and b"accuracy: 0.7" in after["02_train_it.ipynb"]


def test_file_not_in_normal_form_is_told(folder, capsys):
    before = contents(folder)
    path = folder / "01_load.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("Python 3", "My Python"), encoding="utf-8")
    assert record(["01"], False, folder=folder) == 1
    assert "normal form" in capsys.readouterr().out
    assert record(["01"], True, folder=folder) == 0
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("object()", "memory address"),
        ("import sys; print('oh', file=sys.stderr)", "stderr"),
    ],
)
def test_one_bad_lesson_and_nothing_is_written(folder, capsys, source, message):
    (folder / "value.txt").write_text("0.7")
    nbformat.write(lesson(("bad", source)), folder / "03_bad.ipynb")
    before = contents(folder)
    assert record(["01", "03"], True, folder=folder) == 1
    assert contents(folder) == before
    assert "03_bad, cell 1 (bad)" in (out := "".join(capsys.readouterr())) and message in out


def test_stopped_by_hand_nothing_is_written(folder, monkeypatch):
    (folder / "value.txt").write_text("0.7")
    before = contents(folder)
    real = module.execute_notebook

    def stopped_in_the_second(path, **arguments):
        if path.name.startswith("02"):
            raise KeyboardInterrupt
        return real(path, **arguments)

    monkeypatch.setattr(module, "execute_notebook", stopped_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        record(None, True, folder=folder)
    assert contents(folder) == before
    assert sorted(path.suffix for path in folder.iterdir()) == [".ipynb", ".ipynb", ".txt"]


def test_without_mnist_nothing_is_recorded_and_the_rest_is_checked(folder, monkeypatch, capsys):
    monkeypatch.setattr(module, "choose_digits", lambda _: ("UCI digits", {"COURSE_OFFLINE": "1"}))
    before = contents(folder)
    assert record(["02"], True, folder=folder) == 1
    assert "MNIST_PATH" in capsys.readouterr().err
    path = folder / "02_train_it.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[3].source = "value + 1"
    path.write_text(to_text(notebook), encoding="utf-8")
    assert record(["02"], False, folder=folder) == 0
    assert "not compared" in capsys.readouterr().out
    assert contents(folder)["01_load.ipynb"] == before["01_load.ipynb"]
    (folder / "value.txt").write_text("0.7")
    assert record(["02"], False, folder=folder) == 1
    assert "cell 1 (fit)" in capsys.readouterr().out


def test_unknown_lesson_is_told(folder, capsys):
    assert record(["09"], True, folder=folder) == 1
    assert "Lessons are: 01_load, 02_train_it" in capsys.readouterr().err
    assert [path.name for path in find_lessons(["02"], folder)] == ["02_train_it.ipynb"]


def test_reference_weights_follow_the_recipe_or_stay(folder, tmp_path, monkeypatch):
    weights, notes = tmp_path / "weights.h5", tmp_path / "mnist.json"
    weights.write_bytes(b"old")
    monkeypatch.setattr(reference, "WEIGHTS", weights)
    monkeypatch.setattr(reference, "RECORD", notes)
    monkeypatch.setattr(reference, "RECIPE_LESSON", folder / "01_load.ipynb")
    monkeypatch.setattr(reference, "is_current", notes.exists)

    def rewrite(workspace: Path) -> None:
        assert (workspace / "left").exists()
        weights.write_bytes(b"new")
        notes.touch()

    monkeypatch.setattr(reference, "rewrite", rewrite)
    assert record(["01"], False, folder=folder) == 1
    assert weights.read_bytes() == b"old"
    nbformat.write(lesson(("bad", "1 / 0")), folder / "03_bad.ipynb")
    assert record(["01", "03"], True, folder=folder) == 1
    assert (weights.read_bytes(), notes.exists()) == (b"old", False)
    assert record(["01"], True, folder=folder) == 0
    assert (weights.read_bytes(), notes.exists()) == (b"new", True)
