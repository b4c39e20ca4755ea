"""The drawing pad, drawn on with a real pointer: in JupyterLab, and on its page without Python.

The network is the reference, trained on MNIST; only its weights are needed, so the tests run without MNIST, too.
"""

from __future__ import annotations

import json
import os
from statistics import median

import numpy as np
import pytest
from playwright.sync_api import expect

from tools.pad_page import write_pad_page
from course_utils.data import load_dataset
from course_utils.handwriting import PENS, draw_strokes, prepare_drawing, sample_handwritings, shrink_drawing
from course_utils.model import build_model
from course_utils.preprocessing import preprocess_images
from course_utils.course import REFERENCE

from .conftest import PICTURES
from .lesson import notebook_of

SAMPLES = sample_handwritings()
SEVEN = 23
LOAD = """
from course_utils.data import load_dataset
from course_utils.model import build_model
from course_utils.course import REFERENCE
from course_utils.widgets import drawing_pad

dataset, model = load_dataset(), build_model()
model.load_weights(REFERENCE / "mnist.weights.h5")
"""


def in_a_corner(strokes):
    return [[(0.06 + 0.4 * x, 0.04 + 0.4 * y) for x, y in points] for points in strokes]


class Pad:
    """The pad as its user has it."""

    def __init__(self, page):
        self.page = page
        self.whole = page.get_by_role("region", name="Drawing pad")
        self.paper = page.get_by_role("img", name="Paper:")
        self.answer = self.whole.locator(".digit-pad-answer")
        self.verdict = self.answer.locator("output b")
        self.seen = self.whole.locator(".digit-pad-seen")
        self.kept = self.whole.locator(".digit-pad-latest figure")

    def button(self, name):
        return self.whole.get_by_role("button", name=name, exact=True)

    def draw(self, strokes):
        """Draw with the mouse, and wait for the answer to all of it."""
        self.paper.scroll_into_view_if_needed()
        area = self.paper.bounding_box()
        for points in strokes:
            # The browser takes one event a frame: with every other point it is the speed of a quick hand.
            taken = [*points[:-1:2], points[-1]]
            places = [(area["x"] + area["width"] * x, area["y"] + area["height"] * y) for x, y in taken]
            self.page.mouse.move(*places[0])
            self.page.mouse.down()
            for place in places[1:]:
                self.page.mouse.move(*place)
            self.page.mouse.up()
        self.wait()

    def wait(self):
        expect(self.answer).to_have_attribute("aria-busy", "false")

    def clear(self):
        self.button("Clear").click()
        self.wait()
        expect(self.verdict).to_have_text("?")

    def image(self):
        """Return the 28 x 28 pixels that are shown as what the network sees, 0 for paper."""
        colours = self.seen.evaluate("one => Array.from(one.getContext('2d').getImageData(0, 0, 28, 28).data)")
        return 255 - np.array(colours).reshape(28, 28, 4)[:, :, 0]

    def read_all(self, place=list):
        """Draw the thirty samples; return how many are read rightly, in MNIST's form and only shrunk."""
        counts = [0, 0]
        form = self.whole.get_by_role("checkbox")
        for sample in SAMPLES:
            self.draw(place(sample.strokes))
            counts[0] += self.verdict.inner_text() == str(sample.digit)
            form.uncheck()
            self.wait()
            counts[1] += self.verdict.inner_text() == str(sample.digit)
            form.check()
            self.clear()
        return counts


def report(**figures):
    """Keep figures that were measured, for people; a busy machine must not fail a test."""
    print(figures)
    file = PICTURES / "pad.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    PICTURES.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(before | figures, indent=1), encoding="utf-8")


# --- in JupyterLab ---------------------------------------------------------------------------------------------------


@pytest.fixture
def pad(lesson):
    lesson.open(notebook_of(LOAD.strip(), "drawing_pad(model, dataset)"))
    lesson.run_all()
    pad = Pad(lesson.page)
    expect(pad.whole).to_be_visible()
    expect(pad.whole.get_by_text("none kept yet")).to_be_visible()
    return pad


@pytest.mark.parametrize(("pen", "place"), [("medium", list), ("medium", in_a_corner), ("thick", list)])
def test_thirty_handwritings_are_read(pad, pen, place):
    pad.whole.get_by_role("radio", name=pen).check()
    name = "corner" if place is in_a_corner else pen
    prepared, shrunk = pad.read_all(place)
    report(**{f"of 30 right, {name}": prepared, f"of 30 right, {name}, only shrunk": shrunk})
    assert prepared >= 27
    if place is in_a_corner:
        assert shrunk <= 10


def test_the_bars_follow_the_pen(pad, lesson):
    pad.whole.evaluate(
        """pad => {
            globalThis.strokes = [];
            let inked = null; // when the last ink of a stroke came
            const note = (event) => { if (event.buttons) inked = performance.now(); };
            pad.querySelector(".digit-pad-paper").addEventListener("pointermove", note, true);
            new MutationObserver(() => {
                const isBusy = pad.querySelector(".digit-pad-answer").getAttribute("aria-busy") === "true";
                if (inked === null || isBusy) return;
                strokes.push(performance.now() - inked);
                inked = null;
            }).observe(pad, { subtree: true, attributes: true, attributeFilter: ["aria-busy"] });
        }"""
    )
    for sample in SAMPLES:
        for points in sample.strokes:
            pad.draw([points])
        pad.clear()
    milliseconds = pad.page.evaluate("strokes")
    assert len(milliseconds) == sum(len(sample.strokes) for sample in SAMPLES)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    report(
        milliseconds_from_last_ink_to_answer={
            "median": round(median(milliseconds)),
            "worst": round(max(milliseconds)),
            "strokes": len(milliseconds),
            "load of the machine": load,
        }
    )
    lesson.check()


def test_while_the_pen_is_down_the_answer_comes_already(pad):
    area = pad.paper.bounding_box()
    pad.page.mouse.move(area["x"] + 150, area["y"] + 50)
    pad.page.mouse.down()
    pad.page.mouse.move(area["x"] + 150, area["y"] + 250, steps=20)
    expect(pad.verdict).to_have_text("1")
    pad.page.mouse.up()


def test_questions_never_queue_up_behind_a_busy_kernel(pad, lesson):
    lesson.execute(
        "import threading; from course_utils.widgets.pad import _DrawingPad\n"
        "asked, gate, answer = [], threading.Event(), _DrawingPad._answer\n"
        "def slow(self, question, images):\n"
        "    asked.append(question['ask']); gate.wait(3); return answer(self, question, images)\n"
        "_DrawingPad._answer = slow"
    )
    pad.draw(SAMPLES[SEVEN].strokes[:1])
    lesson.execute("gate.set()")
    pad.button("7").click()
    expect(pad.kept).to_have_count(1)  # what was asked before was answered before
    assert lesson.evaluate("asked.count('read')") <= 3


def test_undo_redo_and_clear_lose_nothing(pad):
    pad.draw(SAMPLES[SEVEN].strokes)
    both = pad.image()
    pad.button("Undo").click()
    pad.wait()
    one = pad.image()
    assert (one != both).any()
    pad.button("Redo").click()
    pad.wait()
    assert (pad.image() == both).all()
    pad.clear()
    assert not pad.image().any()
    pad.paper.press("Control+z")
    pad.wait()
    assert (pad.image() == both).all()
    expect(pad.verdict).to_have_text("7")
    pad.paper.press("Delete")
    expect(pad.verdict).to_have_text("?")
    pad.paper.press("Control+z")
    pad.paper.press("Control+z")
    pad.wait()
    assert (pad.image() == one).all()
    pad.paper.press("Control+y")
    pad.wait()
    assert (pad.image() == both).all()


def test_the_switch_shows_what_happens_without_mnists_form(pad, lesson):
    pad.draw(in_a_corner(SAMPLES[SEVEN].strokes))
    expect(pad.verdict).to_have_text("7")
    lesson.keep_picture("pad-corner", pad.whole)
    pad.whole.get_by_role("checkbox", name="in MNIST").uncheck()
    pad.wait()
    expect(pad.verdict).not_to_have_text("7")
    assert not pad.image()[:, 14:].any()
    lesson.keep_picture("pad-corner-only-shrunk", pad.whole)


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


def test_digits_are_kept_for_a_test_set_of_ones_own(pad, lesson):
    keep = "from course_utils.my_digits import load_my_digits"
    pad.draw(SAMPLES[SEVEN].strokes)
    image = pad.image()
    pad.button("7").click()
    expect(pad.kept).to_have_text(["7 ✓"])
    expect(pad.verdict).to_have_text("?")  # a new sheet
    expect(pad.whole.get_by_text("1 of 1 right: 100.0 %, 95 % interval 20.7 to 100.0 %")).to_be_visible()
    lesson.execute(keep)
    assert (np.array(lesson.evaluate("load_my_digits().images[0]")) == image).all()

    pad.draw(in_a_corner(SAMPLES[13].strokes))
    pad.whole.get_by_role("checkbox", name="in MNIST").uncheck()  # what is kept has MNIST's form nevertheless
    pad.paper.press("1")
    expect(pad.kept).to_have_text(["4 ✗ (is 1)", "7 ✓"])
    expect(pad.whole.get_by_text("1 of 2 right")).to_be_visible()
    expect(pad.whole.get_by_text("297 right")).to_be_visible()  # of the embedded digits, beside it
    lesson.keep_picture("pad-kept", pad.whole)
    lesson.wait_for_value("load_my_digits().labels", [7, 1])
    assert np.array(lesson.evaluate("load_my_digits().images[1]"))[:, 14:].any()

    pad.button("Take back the last one").click()
    expect(pad.kept).to_have_text(["7 ✓"])
    lesson.wait_for_value("load_my_digits().labels", [7])
    assert (lesson.lab.workspace / "my_digits.npz").is_file()
    lesson.check()


def test_a_digit_that_cannot_be_kept_is_told_and_not_lost(pad, lesson):
    (lesson.lab.workspace / "my_digits.npz").write_bytes(b"rubbish")
    pad.draw(SAMPLES[SEVEN].strokes)
    pad.button("7").click()
    expect(pad.whole.get_by_text("Undo brings the drawing back")).to_be_visible()
    expect(pad.whole.get_by_text("Move the file away")).to_be_visible()
    pad.button("Undo").click()
    expect(pad.verdict).to_have_text("7")


def test_it_fits_a_narrow_window(pad, lesson):
    pad.draw(SAMPLES[SEVEN].strokes)
    lesson.keep_picture("pad", pad.whole)
    pad.page.set_viewport_size({"width": 820, "height": 1100})
    pad.page.wait_for_function("document.querySelector('.digit-pad').clientWidth < 700")
    assert pad.whole.evaluate("one => one.scrollWidth <= one.clientWidth")
    lesson.keep_picture("pad-narrow", pad.whole)


# --- the page of `make pad` ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pad_page(tmp_path_factory):
    return write_pad_page(tmp_path_factory.mktemp("pad"))


@pytest.fixture
def opened(page, watch, pad_page):
    page.goto(pad_page.as_uri())
    pad = Pad(page)
    expect(pad.whole).to_be_visible()
    pad.wait()
    return pad


def test_the_page_is_one_small_file_that_refers_to_nothing(opened, pad_page):
    requests = []
    opened.page.on("request", lambda request: requests.append(request.url))
    opened.page.reload()
    opened.draw(SAMPLES[SEVEN].strokes)
    expect(opened.verdict).to_have_text("7")
    assert requests == [pad_page.as_uri()]
    text = pad_page.read_text(encoding="utf-8")
    assert pad_page.stat().st_size < 4_000_000
    for word in ("http:", "https:", "src=", "href=", "url(", "@import", "import(", "fetch(", "{{"):
        assert word not in text, word
    report(megabytes_of_the_page=round(pad_page.stat().st_size / 1e6, 2))


def test_the_page_computes_what_keras_computes(opened):
    dataset = load_dataset(allow_download=False)
    # The embedded digits have only some hundred test images.
    images = np.concatenate([dataset.test_images, dataset.train_images])[:1000]
    model = build_model()
    model.load_weights(REFERENCE / "mnist.weights.h5")
    expected = model.predict(preprocess_images(images), verbose=0)
    vectors = images.reshape(1000, -1).tolist()
    found = np.array(opened.page.evaluate("all => all.map((one) => digitPad.read(Uint8Array.from(one)))", vectors))
    difference = float(np.abs(found - expected).max())
    report(largest_difference_from_keras=difference)
    assert found.shape == (1000, 10)
    assert difference < 1e-4


def test_browser_and_python_prepare_drawings_alike(opened):
    worst = 0
    for sample in SAMPLES:
        for name, prepare in (("prepareDrawing", prepare_drawing), ("shrinkDrawing", shrink_drawing)):
            for pen in PENS.values():
                for strokes in (sample.strokes, in_a_corner(sample.strokes)):
                    found = opened.page.evaluate(
                        f"all => Array.from(digitPad.{name}(digitPad.drawStrokes(all)).pixels)",
                        [{"points": points, "pen": pen} for points in strokes],
                    )
                    expected = prepare(draw_strokes(strokes, pen)).ravel().astype(int)
                    worst = max(worst, int(np.abs(np.array(found) - expected).max()))
    report(largest_difference_in_grey_levels=worst)
    assert worst <= 1


def test_the_pad_is_used_from_the_keyboard(opened):
    def go_to(role, name):
        target = opened.whole.get_by_role(role, name=name, exact=True)
        for _ in range(20):
            if target.evaluate("one => one === document.activeElement"):
                assert target.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
                return target
            opened.page.keyboard.press("Tab")
        pytest.fail(f"Tab does not lead to {name}")

    opened.paper.focus()
    go_to("radio", "medium").press("ArrowRight")
    expect(opened.whole.get_by_role("radio", name="thick")).to_be_checked()
    go_to("combobox", "Sample").press("2")
    expect(opened.verdict).to_have_text("2")
    go_to("button", "Clear").press("Enter")
    expect(opened.verdict).to_have_text("?")
    expect(opened.paper).to_be_focused()


def test_the_page_reads_thirty_handwritings(opened):
    prepared, _ = opened.read_all()
    assert prepared >= 27


@pytest.mark.parametrize(("name", "width", "height"), [("phone", 390, 844), ("projector", 1920, 1080)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_its_screen(browser, watch, pad_page, name, width, height, scheme):
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, has_touch=name == "phone"
    )
    watch.listen(context)
    page = context.new_page()
    page.goto(pad_page.as_uri())
    pad = Pad(page)
    pad.whole.get_by_role("combobox", name="Sample").select_option(f"{SEVEN}")
    expect(pad.verdict).to_have_text("7")
    pad.wait()
    page.screenshot(path=PICTURES / f"pad-page-{name}-{scheme}.png", animations="disabled")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for part in (pad.paper, pad.verdict):
        area = part.bounding_box()
        assert area["y"] + area["height"] <= height
    context.close()
    watch.check()
