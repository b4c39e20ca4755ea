"""The page of ``make pad``: the drawing pad without Python, from a file."""

import numpy as np
import pytest
from playwright.sync_api import expect

from course_utils.course import REFERENCE
from course_utils.data import load_dataset
from course_utils.handwriting import PENS, draw_strokes, prepare_drawing, shrink_drawing
from course_utils.model import build_model
from course_utils.my_digits import keep_digits_of
from course_utils.preprocessing import preprocess_images
from tools.pad_page import write_pad_page

from .conftest import PICTURES
from .pad import SAMPLES, SEVEN, Pad, in_a_corner

SCREENS = [
    ("phone-dark", 390, 844),
    ("phone-sideways-light", 740, 360),
    ("small-phone-sideways-dark", 667, 331),
    ("projector-light", 1920, 1080),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pad")
    assert write_pad_page(folder) == 0
    return folder / "pad.html"


@pytest.fixture
def pad(page, file):
    page.goto(file.as_uri())
    pad = Pad(page)
    expect(pad.whole).to_be_visible()
    pad.wait()
    return pad


def test_the_page_is_one_small_file_that_refers_to_nothing(pad, file):
    requests = []
    pad.page.on("request", lambda request: requests.append(request.url))
    pad.page.reload()
    pad.draw(SAMPLES[SEVEN].strokes)
    expect(pad.verdict).to_have_text("7")
    assert [url for url in requests if not url.startswith("blob:")] == [file.as_uri()]
    assert file.stat().st_size < 4_000_000
    text = file.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    for word in ("https:", "src=", "href=", "url(", "@import", "fetch(", "{{"):
        assert word not in text, word


def test_the_page_computes_what_keras_computes(pad):
    dataset = load_dataset(allow_download=False)
    images = dataset.train_images[:300]
    model = build_model()
    model.load_weights(REFERENCE / "mnist.weights.h5")
    expected = model.predict(preprocess_images(images), verbose=0)
    vectors = images.reshape(300, -1).tolist()
    found = np.array(pad.page.evaluate("all => all.map((one) => digitPad.classify(one))", vectors))
    assert found.shape == (300, 10)
    assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize(("name", "prepare"), [("prepareDrawing", prepare_drawing), ("shrinkDrawing", shrink_drawing)])
def test_browser_and_python_prepare_drawings_alike(pad, name, prepare, request):
    for sample in SAMPLES if request.config.getoption("--long") else SAMPLES[::4]:
        for pen in PENS.values():
            for strokes in (sample.strokes, in_a_corner(sample.strokes)):
                found = pad.page.evaluate(
                    f"all => Array.from(digitPad.{name}(digitPad.drawStrokes(all)).pixels)",
                    [{"points": points, "pen": pen} for points in strokes],
                )
                expected = prepare(draw_strokes(strokes, pen)).ravel().astype(int)
                assert np.abs(np.array(found) - expected).max() <= 1


def test_digits_kept_on_the_page_come_into_the_notebook(pad, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    for sample in (SEVEN, 13):
        pad.draw(SAMPLES[sample].strokes)
        pad.button(str(SAMPLES[sample].digit)).click()
    expect(pad.kept).to_have_text(["4 ✓", "7 ✓"])
    expect(pad.whole.get_by_text("2 of 2 right")).to_be_visible()
    pad.draw(SAMPLES[0].strokes)
    image = pad.image()
    pad.button("7").click()  # a slip
    pad.button("Remove the last one").click()
    pad.draw(SAMPLES[0].strokes)
    pad.button("0").click()
    with pad.page.expect_download() as download:
        pad.button("Save my digits").click()
    digits = keep_digits_of(download.value.path().read_text())
    assert digits.labels.tolist() == [7, 4, 0]
    assert (digits.images[2] == image).all()
    with pad.page.expect_download() as download:
        pad.button("Save as picture").click()
    assert download.value.suggested_filename == "Drawing pad.png"


def test_the_pad_is_used_from_the_keyboard(pad):
    def go_to(role, name):
        target = pad.whole.get_by_role(role, name=name, exact=True)
        for _ in range(20):
            if target.evaluate("one => one === document.activeElement"):
                assert target.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
                return target
            pad.page.keyboard.press("Tab")
        pytest.fail(f"Tab does not lead to {name}")

    pad.paper.focus()
    go_to("radio", "medium").press("ArrowRight")
    expect(pad.whole.get_by_role("radio", name="thick")).to_be_checked()
    go_to("combobox", "Sample").press("2")
    expect(pad.verdict).to_have_text("2")
    expect(pad.whole.locator(".news")).to_have_text("2 with > 99%")
    pad.paper.focus()
    go_to("button", "Clear").press("Enter")
    expect(pad.verdict).to_have_text("?")
    expect(pad.button("Clear")).to_be_focused()


@pytest.mark.parametrize(("name", "width", "height"), SCREENS)
def test_the_page_fits_its_screen(browser, watch, file, name, width, height):
    screen, scheme = {"width": width, "height": height}, name.rpartition("-")[2]
    context = browser.new_context(viewport=screen, color_scheme=scheme, has_touch="phone" in name)
    watch.listen(context)
    page = context.new_page()
    page.goto(file.as_uri())
    pad = Pad(page)
    pad.whole.get_by_role("combobox", name="Sample").select_option(f"{SEVEN}")
    expect(pad.verdict).to_have_text("7")
    pad.wait()
    page.screenshot(path=PICTURES / f"pad-page-{name}.png", animations="disabled")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    seen_at_once = [pad.paper, pad.verdict] + ([pad.seen, pad.whole.locator(".bars li").last] if width > height else [])
    for part in seen_at_once:
        area = part.bounding_box()
        assert area["y"] + area["height"] <= height
    context.close()
