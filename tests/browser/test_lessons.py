"""Every lesson in JupyterLab, on the embedded digits: it runs from top to bottom, and shows what it has to show.

Lesson 06 is in test_training.py.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from course_utils.course import LESSONS

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def check_run_all(lesson, number):
    """Run all cells; none may fail or warn, every widget is drawn, and digits say that they are not MNIST's."""
    lesson.open(number)
    lesson.run_all()
    if any("load_dataset()" in cell.source for cell in lesson.notebook.cells):
        expect(lesson.page.get_by_text("THIS IS NOT MNIST").first).to_be_attached()
    shown = [
        output
        for cell in lesson.save().cells
        for output in cell.get("outputs", [])
        if WIDGET_VIEW in output.get("data", {})
    ]
    expect(lesson.widgets).to_have_count(len(shown))
    assert bool(shown) == any("course_utils.widgets" in cell.source for cell in lesson.notebook.cells)


@pytest.mark.parametrize("number", sorted(set(LESSONS) - {"06"}))
def test_run_all(number, lesson):
    check_run_all(lesson, number)


def test_widgets_or_their_sentences_are_there_when_a_lesson_is_opened_again(lesson, watch):
    lesson.open("02")
    lesson.run_all()
    lesson.page.get_by_role("button", name="Next").click()
    expect(lesson.outputs("step-explorer")).to_contain_text("training image 1")
    lesson.save()
    lesson.open_again_without_kernel()
    lesson.check()
    expect(lesson.outputs("step-explorer")).to_contain_text("training image 1")
    # JupyterLab now saves the widgets of this kernel, and there are none.
    lesson.save()
    watch.allowed.append("widget model not found")
    lesson.open_again_without_kernel()
    expect(lesson.page.get_by_text("Error displaying widget: model not found")).to_be_hidden()
    expect(lesson.outputs("step-explorer")).to_contain_text("on its way to the network, with a histogram at each step")
    expect(lesson.outputs("step-explorer")).to_contain_text("choose Run ▸ Run All Cells")
    lesson.cell("step-explorer").scroll_into_view_if_needed()
    lesson.keep_picture("widget-of-yesterday")
    lesson.run_all()
    expect(lesson.outputs("step-explorer")).to_contain_text("training image 0")
    expect(lesson.page.get_by_text("Run All Cells", exact=True).locator("visible=true")).to_have_count(0)
