"""A lesson runs in a kernel of its own, in an environment that is the same for everybody."""

from __future__ import annotations

import ast

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools.execution import LessonError, execute_notebook, kernel_environment


def lesson(*cells: tuple[str, str, dict]):
    return new_notebook(cells=[new_code_cell(source, id=name, metadata=data) for name, source, data in cells])


def test_folder_environment_parameters_and_values(tmp_path):
    starts = []
    path = tmp_path / "05_train.ipynb"
    cells = [
        ("parameters", "num_epochs = 30\nbatch_size = 128", {"tags": ["parameters"]}),
        ("look", "import os, numpy\nos.getcwd(), os.environ['COURSE_WORKSPACE'], os.environ['EXTRA']", {}),
        ("announced", "1 / 0", {"tags": ["raises-exception"]}),
    ]
    nbformat.write(lesson(*cells), path)
    before = path.read_bytes()
    execution = execute_notebook(
        path,
        workspace=tmp_path / "workspace",
        environment={"EXTRA": "yes"},
        parameters={"num_epochs": 3, "unknown": 1},
        expressions={"epochs": "num_epochs", "size": "batch_size", "square": "numpy.eye(2)"},
        on_cell=lambda number, count: starts.append((number, count)),
    )
    assert path.read_bytes() == before
    assert execution.values == {"epochs": 3, "size": 128, "square": [[1, 0], [0, 1]]}
    assert starts == [(number, 4) for number in range(1, 5)]
    injected, look = execution.notebook.cells[1:3]
    assert (injected.source, injected.metadata.tags) == ("num_epochs = 3", ["injected-parameters"])
    shown = ast.literal_eval(look.outputs[0].data["text/plain"])
    assert shown == (str(tmp_path.resolve()), str((tmp_path / "workspace").resolve()), "yes")
    assert execution.peak_rss_mb > 20


@pytest.mark.parametrize(
    ("source", "expressions", "message"),
    [
        ("import os; os._exit(1)", {}, r"05_train, cell 2 \(boom\): the kernel stopped"),
        ("1", {"accuracy": "accurracy"}, r"05_train: accuracy = accurracy gave NameError"),
    ],
)
def test_what_stops_a_lesson_is_named(tmp_path, source, expressions, message):
    notebook = lesson(("first", "1", {}), ("boom", source, {}))
    with pytest.raises(LessonError, match=message):
        execute_notebook(notebook, workspace=tmp_path, expressions=expressions, name="05_train")


def test_personal_settings_stay_outside_and_what_is_added_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in {"NO_COLOR": "1", "MNIST_PATH": "data.npz", "COURSE_OFFLINE": ""}.items():
        monkeypatch.setenv(name, value)
    environment = kernel_environment(tmp_path, {"COURSE_OFFLINE": "1"})
    assert "NO_COLOR" not in environment
    assert environment["MNIST_PATH"] == str(tmp_path.resolve() / "data.npz")
    assert environment["COURSE_OFFLINE"] == "1"
