"""Lesson 05 in JupyterLab: the view of a training that is stopped, goes on, and loses its kernel."""

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from .lesson import NOTEBOOKS, Lesson

MANY_EPOCHS = 2000  # the training is still going on when it is stopped


@pytest.fixture
def long_training(lesson):
    """Open lesson 05 with a training that has to be stopped, and start all cells."""
    notebook = nbformat.read(NOTEBOOKS / "05_train.ipynb", as_version=4)
    (parameters,) = (cell for cell in notebook.cells if cell.id == "parameters")
    parameters.source = parameters.source.replace("num_epochs = 30", f"num_epochs = {MANY_EPOCHS}")
    lesson.open(notebook)
    lesson.start_all()
    return lesson


def curve(lesson: Lesson, metric: str) -> Locator:
    return lesson.cell("fit").get_by_role("img", name=f"Model {metric}")


def num_points(lesson: Lesson, metric: str = "loss") -> int:
    return curve(lesson, metric).locator("rect.test").count()


def wait_for_points(lesson: Lesson, more_than: int) -> None:
    expect(curve(lesson, "loss").locator("rect.test").nth(more_than)).to_be_attached(timeout=180_000)


def stop_button(lesson: Lesson) -> Locator:
    return lesson.cell("fit").get_by_role("button", name="Stop after this epoch")


def press_stop(lesson: Lesson, how: str) -> None:
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


def test_how_long_it_will_take_is_told_before_it_begins(long_training):
    told = long_training.cell("time")
    expect(told).to_contain_text(f"{MANY_EPOCHS} epochs will take about ", timeout=180_000)
    long_training.keep_picture("training-time", told)
    wait_for_points(long_training, more_than=0)
    press_stop(long_training, "mouse")
    long_training.wait_until_run()


def test_the_view_has_a_point_for_each_epoch(lesson):
    lesson.open("05")
    lesson.run_all(timeout=600)
    history = lesson.evaluate("history.history")
    for metric in ("accuracy", "loss"):
        assert num_points(lesson, metric) == len(history["loss"]) == 30
        told = curve(lesson, metric).get_attribute("aria-label")
        assert f"training images from {history[metric][0]:.3f} to {history[metric][-1]:.3f}" in told
        assert f"test images from {history[f'val_{metric}'][0]:.3f} to {history[f'val_{metric}'][-1]:.3f}" in told
    view = lesson.cell("fit")
    expect(view).to_contain_text("finished after epoch 30 of 30")
    expect(view.locator("[role=status]")).to_contain_text(f"Epoch 30: accuracy {history['accuracy'][-1]:.4f}")
    expect(stop_button(lesson)).to_have_attribute("aria-disabled", "true")
    accuracy, loss = (curve(lesson, metric).bounding_box() for metric in ("accuracy", "loss"))
    assert accuracy["y"] == loss["y"]  # side by side: seen at once on a small screen
    lesson.keep_picture("training-finished", view.locator(".training"))


@pytest.mark.parametrize("how", ["mouse", "keyboard", "toolbar"])
def test_a_stop_loses_nothing(long_training, how):
    lesson = long_training
    wait_for_points(lesson, more_than=2)
    expect(lesson.cell("fit")).to_contain_text(f"of {MANY_EPOCHS}, ")
    shown = num_points(lesson)
    wait_for_points(lesson, more_than=shown)
    lesson.keep_picture(f"training-running-{how}", lesson.cell("fit").locator(".training"))
    press_stop(lesson, how)
    lesson.wait_until_run(timeout=600)
    lesson.check()
    history = lesson.evaluate("history.history")
    num_epochs = len(history["loss"])
    assert shown < num_epochs < MANY_EPOCHS
    assert num_points(lesson) == num_epochs
    assert lesson.evaluate("int(model.optimizer.iterations)") == num_epochs * lesson.evaluate("steps_per_epoch")
    expect(lesson.cell("fit")).to_contain_text(f"Stopped after epoch {num_epochs} of {MANY_EPOCHS}")
    expect(lesson.outputs("history-last")).to_contain_text(f"loss {history['val_loss'][-1]:.4f}")
    expect(lesson.outputs("save")).to_contain_text("model.keras")
    if how == "keyboard":
        expect(stop_button(lesson)).to_be_focused()


def test_after_a_stop_the_cell_goes_on_when_it_is_run_again(long_training):
    lesson = long_training
    wait_for_points(lesson, more_than=1)
    press_stop(lesson, "mouse")
    lesson.wait_until_run(timeout=600)
    before = lesson.evaluate("history.history")
    lesson.execute(f"num_epochs = {len(before['loss']) + 3}")
    lesson.run_cell("fit")
    lesson.check()
    after = lesson.evaluate("history.history")
    assert {name: values[:-3] for name, values in after.items()} == before
    assert num_points(lesson) == len(after["loss"])
    expect(lesson.cell("fit")).to_contain_text(f"Going on after {len(before['loss'])} finished epochs.")


def test_a_restarted_kernel_goes_on(long_training):
    lesson = long_training
    wait_for_points(lesson, more_than=2)
    lesson.page.get_by_role("button", name="Restart the kernel", exact=True).click()
    lesson.page.get_by_role("button", name="Confirm Kernel Restart").click()
    lesson.wait_until_idle()
    lesson.start_all()
    expect(lesson.cell("fit")).to_contain_text("finished epochs. (To start over: resume = False, then run all cells.)")
    shown = num_points(lesson)
    assert shown > 2
    wait_for_points(lesson, more_than=shown)
    press_stop(lesson, "mouse")
    lesson.wait_until_run(timeout=600)
    lesson.check()
    assert lesson.evaluate("history.epoch == list(range(len(history.history['loss'])))")
