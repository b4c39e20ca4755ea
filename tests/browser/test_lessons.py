"""Every lesson in JupyterLab: it opens, runs from top to bottom, and shows what it has to show."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

from tools.editions import student_notebook
from tools.clean_outputs import WIDGET_VIEW

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


def test_widgets_are_there_when_a_lesson_is_opened_again(lesson):
    lesson.open("02")
    lesson.run_all()
    lesson.page.get_by_role("button", name="Next").click()
    expect(lesson.outputs("step-explorer")).to_contain_text("training image 1")
    lesson.save()
    lesson.lab.delete_kernels()
    lesson.page.reload()
    lesson.wait_until_idle()
    lesson.check()
    expect(lesson.outputs("step-explorer")).to_contain_text("training image 1")


def test_a_student_answers_an_exercise(lesson):
    lesson.open(student_notebook(LESSONS["02"]))
    lesson.run_all()
    check = "exercise-count-white-pixels-check"
    expect(lesson.outputs(check)).to_contain_text("not attempted yet")
    for answer, told in (
        ("(train_vectors == 0).sum()", "How do you first get one number"),
        ("(train_vectors.max(axis=0) == 0).sum()", "right"),
    ):
        lesson.write("exercise-count-white-pixels-start", f"num_white_pixels = {answer}")
        lesson.run_cell("exercise-count-white-pixels-start")
        lesson.run_cell(check)
        expect(lesson.outputs(check)).to_contain_text(told)
    lesson.check()
