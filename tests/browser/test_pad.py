"""The drawing pad in JupyterLab, drawn on with a real pointer.

The network is the reference, trained on MNIST; only its weights are needed, so the tests run without MNIST, too.
"""

import numpy as np
import pytest
from playwright.sync_api import expect

from .lesson import notebook_of
from .pad import SAMPLES, SEVEN, Pad, in_a_corner

LOAD = """
from course_utils.course import REFERENCE
from course_utils.data import load_dataset
from course_utils.model import build_model
from course_utils.my_digits import load_my_digits
from course_utils.widgets import drawing_pad

dataset, model = load_dataset(), build_model()
model.load_weights(REFERENCE / "mnist.weights.h5")
"""


@pytest.fixture(scope="module")
def notebook(lesson):
    lesson.open(notebook_of(LOAD.strip(), "drawing_pad(model, dataset)"))
    lesson.run_cell(0)
    return lesson


@pytest.fixture
def pad(notebook):
    """Run the pad's cell again, with no digits kept."""
    (notebook.lab.workspace / "my_digits.npz").unlink(missing_ok=True)
    notebook.run_cell(1)
    notebook.check()
    pad = Pad(notebook.page)
    expect(pad.whole.get_by_text("none kept yet")).to_be_visible()
    pad.wait()
    return pad


def test_the_answer_appears_while_the_pen_is_down(pad):
    area = pad.paper.bounding_box()
    pad.page.mouse.move(area["x"] + 150, area["y"] + 50)
    pad.page.mouse.down()
    pad.page.mouse.move(area["x"] + 150, area["y"] + 250, steps=20)
    expect(pad.verdict).to_have_text("1")
    pad.page.mouse.up()


def test_undo_redo_and_clear_lose_nothing(pad):
    pad.draw(SAMPLES[SEVEN].strokes)
    both = pad.image()
    pad.click("Undo")
    one = pad.image()
    assert (one != both).any()
    pad.click("Redo")
    assert (pad.image() == both).all()
    pad.click("Clear")
    assert not pad.image().any()
    expect(pad.verdict).to_have_text("?")
    pad.press("Control+z")
    assert (pad.image() == both).all()
    expect(pad.verdict).to_have_text("7")
    pad.press("Delete")
    pad.press("Control+z")
    pad.press("Control+z")
    assert (pad.image() == one).all()
    pad.press("Control+y")
    assert (pad.image() == both).all()


def test_the_switch_shows_what_happens_without_mnists_form_and_all_fits_a_narrow_window(pad, notebook):
    pad.whole.get_by_role("radio", name="thick").check()
    pad.draw(in_a_corner(SAMPLES[SEVEN].strokes))
    expect(pad.verdict).to_have_text("7")
    notebook.keep_picture("pad-corner", pad.whole)
    pad.whole.get_by_role("checkbox", name="in MNIST").uncheck()
    pad.wait()
    expect(pad.verdict).not_to_have_text("7")
    assert not pad.image()[:, 14:].any()
    notebook.keep_picture("pad-corner-only-shrunk", pad.whole)
    pad.page.set_viewport_size({"width": 820, "height": 1100})
    pad.page.wait_for_function("document.querySelector('.course-widget').clientWidth < 700")
    assert pad.whole.evaluate("one => one.scrollWidth <= one.clientWidth")
    notebook.keep_picture("pad-narrow", pad.whole)


def test_a_finger_draws(pad):
    pad.paper.scroll_into_view_if_needed()
    area = pad.paper.bounding_box()
    client = pad.page.context.new_cdp_session(pad.page)
    for points in SAMPLES[SEVEN].strokes:
        places = [{"x": area["x"] + area["width"] * x, "y": area["y"] + area["height"] * y} for x, y in points]
        client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": places[:1]})
        for place in places[1:]:
            client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [place]})
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    pad.wait()
    expect(pad.verdict).to_have_text("7")


def test_digits_are_kept_for_a_test_set_of_ones_own(pad, notebook):
    pad.draw(SAMPLES[SEVEN].strokes)
    image = pad.image()
    pad.button("7").click()
    expect(pad.kept).to_have_text(["7 ✓"])
    expect(pad.verdict).to_have_text("?")  # a new sheet
    expect(pad.whole.get_by_text("1 of 1 right: 100.0%, 95% interval 20.7 to 100.0%")).to_be_visible()
    assert (np.array(notebook.evaluate("load_my_digits().images[0]")) == image).all()

    pad.draw(in_a_corner(SAMPLES[13].strokes))
    pad.whole.get_by_role("checkbox", name="in MNIST").uncheck()  # what is kept has MNIST's format nevertheless
    pad.press("1")
    expect(pad.kept).to_have_text(["4 ✗ (is 1)", "7 ✓"])
    expect(pad.whole.get_by_text("1 of 2 right")).to_be_visible()
    expect(pad.whole.get_by_text("297 right")).to_be_visible()  # of the embedded digits, beside it
    notebook.keep_picture("pad-kept", pad.whole)
    assert notebook.evaluate("load_my_digits().labels") == [7, 1]
    assert np.array(notebook.evaluate("load_my_digits().images[1]"))[:, 14:].any()

    pad.button("Remove the last one").click()
    expect(pad.kept).to_have_text(["7 ✓"])
    assert notebook.evaluate("load_my_digits().labels") == [7]


def test_kept_digits_are_saved_as_a_file_and_come_back(pad, notebook, tmp_path):
    for label in (7, 3):
        pad.whole.get_by_role("combobox", name="Sample").select_option(label=f"{label}, version 1")
        pad.wait()
        pad.button(str(label)).click()
    expect(pad.kept).to_have_count(2)
    images = notebook.evaluate("load_my_digits().images")
    with pad.page.expect_download() as download:
        pad.button("Save my digits").click()
    download.value.save_as(tmp_path / download.value.suggested_filename)
    for left in (1, 0):
        pad.button("Remove the last one").click()
        expect(pad.kept).to_have_count(left)
    pad.add(tmp_path / "my_digits.json")
    expect(pad.kept).to_have_text(["3 ✓", "7 ✓"])
    assert notebook.evaluate("load_my_digits().images") == images
    pad.add(notebook.path)
    expect(pad.whole.get_by_role("alert")).to_contain_text("does not contain digits from a drawing pad")


@pytest.mark.parametrize(("name", "width", "height"), [("small-laptop", 1024, 700), ("zoom-200-percent", 700, 450)])
def test_paper_image_and_bars_are_in_one_view(name, width, height, pad, notebook):
    is_open = "small" in name  # the file browser
    pad.page.set_viewport_size({"width": width, "height": height})
    if not is_open:
        pad.page.keyboard.press("Control+b")
    pad.whole.get_by_role("combobox", name="Sample").select_option(f"{SEVEN}")
    pad.wait()
    pad.whole.locator(".pad").evaluate("one => one.scrollIntoView({ block: 'start' })")
    notebook.keep_picture(f"pad-{name}")
    view = pad.page.locator(".jp-WindowedPanel-outer").first.bounding_box()
    for part in (pad.paper, pad.seen, pad.verdict, pad.whole.locator(".bars li").last):
        area = part.bounding_box()
        assert area["x"] + area["width"] <= view["x"] + view["width"]
        assert view["y"] - 1 <= area["y"] and area["y"] + area["height"] <= view["y"] + view["height"]
    if not is_open:
        pad.page.keyboard.press("Control+b")


def test_a_digit_that_cannot_be_kept_is_not_lost(pad, notebook):
    (notebook.lab.workspace / "my_digits.npz").write_bytes(b"rubbish")
    pad.draw(SAMPLES[SEVEN].strokes)
    pad.button("7").click()
    expect(pad.whole.get_by_role("alert")).to_contain_text("Move or delete the file")
    expect(pad.whole.get_by_role("alert")).to_contain_text("Undo brings the drawing back")
    pad.button("Undo").click()
    expect(pad.verdict).to_have_text("7")
    expect(pad.paper.locator("polyline")).to_have_count(len(SAMPLES[SEVEN].strokes))


def test_in_lesson_00_the_drawing_is_only_shrunk_and_nothing_is_kept(lesson):
    lesson.open("00")
    for cell in ("recorded-network", "first-pad"):
        lesson.run_cell(cell)
    pad = Pad(lesson.page)
    pad.draw(in_a_corner(SAMPLES[SEVEN].strokes))
    expect(pad.verdict).not_to_have_text("7")
    for control in (pad.whole.get_by_role("checkbox"), pad.button("7")):
        expect(control).to_have_count(0)
    lesson.keep_picture("pad-lesson-00", pad.whole)
