"""A lesson runs in a kernel of its own, in an environment that is the same for everybody."""

import ast

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools.execution import LessonError, execute_notebook, kernel_environment


def test_folder_environment_parameters_and_values(tmp_path):
    path = tmp_path / "06_train.ipynb"
    look = "import os, numpy\nos.getcwd(), os.environ['COURSE_WORKSPACE'], os.environ['EXTRA']"
    cells = [
        new_code_cell("num_epochs = 30\nbatch_size = 128", metadata={"tags": ["parameters"]}),
        new_code_cell(look),
        new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
    ]
    nbformat.write(new_notebook(cells=cells), path)
    before = path.read_bytes()
    execution = execute_notebook(
        path,
        workspace=tmp_path / "workspace",
        environment={"EXTRA": "yes"},
        parameters={"num_epochs": 3, "unknown": 1},
        expressions={"epochs": "num_epochs", "size": "batch_size", "square": "numpy.eye(2)"},
    )
    assert path.read_bytes() == before
    assert execution.values == {"epochs": 3, "size": 128, "square": [[1, 0], [0, 1]]}
    shown = ast.literal_eval(execution.notebook.cells[2].outputs[0].data["text/plain"])
    assert shown == (str(tmp_path.resolve()), str((tmp_path / "workspace").resolve()), "yes")
    assert execution.peak_rss_mb > 20


@pytest.mark.parametrize(
    ("source", "expressions", "message"),
    [
        ("import os; os._exit(1)", {}, r"06_train, cell 1 \(boom\): the kernel stopped"),
        ("1", {"accuracy": "accurracy"}, r"06_train: accuracy = accurracy gave NameError"),
    ],
)
def test_what_stops_a_lesson_is_named(tmp_path, source, expressions, message):
    notebook = new_notebook(cells=[new_code_cell(source, id="boom")])
    with pytest.raises(LessonError, match=message):
        execute_notebook(notebook, workspace=tmp_path, expressions=expressions, name="06_train")


def test_kernels_work_in_another_folder_and_find_the_same_digits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_PATH", "data.npz")
    assert kernel_environment(tmp_path)["MNIST_PATH"] == str(tmp_path.resolve() / "data.npz")
