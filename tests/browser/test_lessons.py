"""Every lesson in JupyterLab: it opens, runs from top to bottom, and shows what it has to show."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

from course_utils.authoring.normal_form import WIDGET_VIEW

from .lesson import NOTEBOOKS

LESSONS = {path.name[:2]: nbformat.read(path, as_version=4) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}


@pytest.mark.parametrize("number", LESSONS)
def test_run_all(number, lesson):
    lesson.open(number)
    lesson.run_all()
    shown = widget_outputs(lesson.save())
    expect(lesson.widgets).to_have_count(len(shown))
    assert bool(shown) == any("course_utils.widgets" in cell.source for cell in LESSONS[number].cells)


def widget_outputs(notebook):
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output for output in outputs if WIDGET_VIEW in output.get("data", {})]
