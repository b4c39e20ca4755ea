"""Lesson 06 in JupyterLab: the view of a training run that is stopped, continues, and loses its kernel."""

import re

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from course_utils.course import NOTEBOOKS, lesson_file

from .lesson import Lesson
from .test_lessons import check_run_all

MANY_EPOCHS = 2000  # the training is still going on when it is stopped
GOING_ON = re.compile(r"Continuing after \d+ finished epochs?")


def curve(lesson: Lesson, metric: str) -> Locator:
    return lesson.cell("fit").get_by_role("img", name=f"Model {metric}")


def num_points(lesson: Lesson, metric: str = "loss") -> int:
    return curve(lesson, metric).locator("rect.test").count()


def wait_for_points(lesson: Lesson, more_than: int) -> None:
    expect(curve(lesson, "loss").locator("rect.test").nth(more_than)).to_be_attached(timeout=180_000)


def stop_button(lesson: Lesson) -> Locator:
    return lesson.cell("fit").get_by_role("button", name="Stop after this epoch")


def stop(lesson: Lesson, how: str = "mouse") -> None:
    if how == "mouse":
        stop_button(lesson).click()
    elif how == "keyboard":
        stop_button(lesson).focus()
        for key in ("b", "x", "ArrowDown"):  # JupyterLab's, if the button does not keep them
            lesson.page.keyboard.press(key)
        expect(stop_button(lesson)).to_be_focused()
        lesson.page.keyboard.press("Enter")
    else:
        lesson.page.get_by_role("button", name="Interrupt the kernel").click()
    lesson.wait_until_run(600)
    lesson.check()


def test_the_view_has_a_point_for_each_epoch(lesson):
    check_run_all(lesson, "06")
    history = lesson.evaluate("history.history")
    for metric in ("accuracy", "loss"):
        assert num_points(lesson, metric) == len(history["loss"]) == 30
        name = curve(lesson, metric).get_attribute("aria-label")
        assert f"training images from {history[metric][0]:.3f} to {history[metric][-1]:.3f}" in name
        assert f"test images from {history[f'val_{metric}'][0]:.3f} to {history[f'val_{metric}'][-1]:.3f}" in name
    view = lesson.cell("fit")
    expect(view).to_contain_text("finished after epoch 30 of 30")
    expect(view.locator("[role=status]")).to_contain_text(f"Epoch 30: accuracy {history['accuracy'][-1]:.4f}")
    expect(stop_button(lesson)).to_have_attribute("aria-disabled", "true")
    accuracy, loss = (curve(lesson, metric).bounding_box() for metric in ("accuracy", "loss"))
    assert accuracy["y"] == loss["y"]  # side by side: seen at once on a small screen
    lesson.keep_picture("training-finished", view.locator(".course-widget"))


@pytest.fixture(scope="module")
def long_training(lesson):
    """Open lesson 06 with a training run so long that it has to be stopped."""
    notebook = nbformat.read(NOTEBOOKS / lesson_file("06"), as_version=4)
    (parameters,) = (cell for cell in notebook.cells if cell.id == "parameters")
    parameters.source = parameters.source.replace("num_epochs = 30", f"num_epochs = {MANY_EPOCHS}")
    lesson.open(notebook)
    return lesson


@pytest.mark.parametrize("how", ["mouse", "keyboard", "toolbar"])
def test_a_stop_loses_nothing_and_the_next_run_goes_on(long_training, how):
    lesson = long_training
    before = lesson.evaluate("history.history if 'history' in globals() else {}")
    lesson.start_all()
    wait_for_points(lesson, more_than=len(before.get("loss", [])) + 2)
    expect(lesson.cell("fit")).to_contain_text(f"of {MANY_EPOCHS}, ")
    if before:
        expect(lesson.cell("fit")).to_contain_text(GOING_ON)
    shown = num_points(lesson)
    lesson.keep_picture(f"training-running-{how}", lesson.cell("fit").locator(".course-widget"))
    stop(lesson, how)
    history = lesson.evaluate("history.history")
    num_epochs = len(history["loss"])
    assert {name: values[: len(before[name])] for name, values in history.items() if before} == before
    assert shown < num_epochs < MANY_EPOCHS
    assert num_points(lesson) == num_epochs
    assert lesson.evaluate("int(model.optimizer.iterations)") == num_epochs * lesson.evaluate("steps_per_epoch")
    expect(lesson.cell("fit")).to_contain_text(f"Stopped after epoch {num_epochs} of {MANY_EPOCHS}")
    expect(lesson.outputs("history-last")).to_contain_text(f"loss {history['val_loss'][-1]:.4f}")
    expect(lesson.outputs("save")).to_contain_text("model.keras")
    if how == "keyboard":
        expect(stop_button(lesson)).to_be_focused()


def test_a_restarted_kernel_goes_on(long_training):
    lesson = long_training
    lesson.start_all()
    expect(stop_button(lesson)).to_have_attribute("aria-disabled", "false", timeout=180_000)
    lesson.page.get_by_role("button", name="Restart the kernel", exact=True).click()
    lesson.page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(lesson.cell("fit")).to_contain_text("the kernel was restarted")
    expect(stop_button(lesson)).to_have_attribute("aria-disabled", "true")
    lesson.wait_until_idle()
    lesson.start_all()
    expect(lesson.cell("fit")).to_contain_text(GOING_ON, timeout=180_000)
    wait_for_points(lesson, more_than=num_points(lesson))
    stop(lesson)
    num_epochs = lesson.evaluate("len(history.history['loss'])")
    assert lesson.evaluate("history.epoch") == list(range(num_epochs))
    lesson.execute(f"num_epochs = {num_epochs + 3}")
    lesson.run_cell("fit")
    lesson.check()
    assert num_points(lesson) == num_epochs + 3
    expect(lesson.cell("fit")).to_contain_text(f"Continuing after {num_epochs} finished epochs")
