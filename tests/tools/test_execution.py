"""A lesson runs in a kernel of its own, in an environment that is the same for everybody."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools.execution import LessonError, execute_notebook, kernel_environment


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
        execute_notebook(notebook, "06_train", workspace=tmp_path, expressions=expressions)


def test_kernels_work_in_another_folder_and_find_the_same_digits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_PATH", "data.npz")
    assert kernel_environment(tmp_path)["MNIST_PATH"] == str(tmp_path.resolve() / "data.npz")
