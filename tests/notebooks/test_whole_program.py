"""The whole program on one page: the same in README as in lesson 09, and it runs as it stands there."""

import re

import matplotlib.pyplot as plt
import nbformat
import pytest

from course_utils.course import NOTEBOOKS, ROOT, lesson_file
from course_utils.data import _embedded_digits

BLOCK = re.compile(r"^```python\n(import keras\n.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def program():
    cells = nbformat.read(NOTEBOOKS / lesson_file("09"), as_version=4).cells
    return BLOCK.search(next(cell.source for cell in cells if cell.id == "whole-program") + "\n")[1]


def test_readme_has_the_program_of_lesson_09(program):
    assert BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8")) == [program]
    assert len([line for line in program.splitlines() if line]) == 25


def test_it_runs(program, monkeypatch, capsys):
    import keras

    digits = _embedded_digits()
    pairs = (digits.train_images, digits.train_labels), (digits.test_images, digits.test_labels)
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: pairs)
    monkeypatch.setattr(plt, "show", lambda: None)
    variables = {}
    assert "epochs=30" in program
    exec(program.replace("epochs=30", "epochs=9"), variables)
    (accuracy,) = re.findall(r"^Test loss \d\.\d{4}, test accuracy (\d\.\d{4})$", capsys.readouterr().out, re.MULTILINE)
    assert float(accuracy) > 0.9
    titles = [axis.get_title() for axis in plt.gcf().axes]
    assert titles == [str(digit) for digit in variables["predictions"]]
    plt.close("all")
