"""The explorers in JupyterLab: operated by mouse and by keyboard, and what they show then, read back."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from .lesson import notebook_of

SETUP = """
import numpy as np
from course_utils.data import load_dataset
from course_utils.preprocessing import one_hot
from course_utils import widgets
dataset = load_dataset()
labels = dataset.test_labels
probabilities = np.random.default_rng(9).dirichlet(np.ones(10), size=len(labels)) + one_hot(labels) / 4
probabilities[labels == 1] = one_hot(labels)[labels == 1]
probabilities /= probabilities.sum(axis=1, keepdims=True)
"""
EXPLORERS = {
    "digits": "widgets.explore_digits(dataset)",
    "preprocessing": "widgets.explore_preprocessing(dataset)",
    "one-hot": "widgets.explore_one_hot(dataset)",
    "parameters": "widgets.explore_parameters()",
    "confusion": "widgets.explore_confusion(dataset.test_images, labels, probabilities)",
}
CONTROLS = ("slider", "spinbutton", "combobox", "button", "gridcell")
FITS = "(explorer) => explorer.getBoundingClientRect().right <= innerWidth"
STICKS_OUT = """(explorer) => [...explorer.querySelectorAll("*")]
    .filter((one) => one.getBoundingClientRect().right > explorer.getBoundingClientRect().right + 1)
    .map((one) => one.outerHTML)"""


@pytest.fixture
def explore(lesson):
    """Return a function that opens an explorer, and returns where it is in the page."""

    def open_explorer(name, *more_cells):
        lesson.open(notebook_of(SETUP, EXPLORERS[name], *more_cells))
        lesson.run_cell(0)
        lesson.run_cell(1)
        lesson.check()
        explorer = lesson.cell(1).locator(".explorer")
        expect(explorer).to_have_count(1)
        return explorer

    return open_explorer


def point(explorer, canvas, row, column, rows=28, columns=28):
    """Move the mouse over a pixel of a canvas."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    explorer.page.mouse.move(
        box["x"] + box["width"] * (column + 0.5) / columns, box["y"] + box["height"] * (row + 0.5) / rows
    )


def reading(explorer):
    return explorer.locator(".reading")


def slider(explorer, name):
    return explorer.get_by_role("slider", name=name, exact=True)


# --- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_control_has_a_name_and_shows_its_focus(name, explore):
    explorer = explore(name)
    expect(explorer).to_have_attribute("role", "group")
    expect(explorer).to_have_attribute("aria-label", re.compile(r"\w+ \w+"))
    controls = [control for role in CONTROLS for control in explorer.get_by_role(role).all()]
    named = [control for role in CONTROLS for control in explorer.get_by_role(role, name=re.compile(r"\w")).all()]
    assert len(controls) == len(named) > 0
    controls = [control for control in controls if control.evaluate("(one) => one.tabIndex >= 0")]
    explorer.page.keyboard.press("Shift")  # the keyboard is in use, so focus is shown
    for control in controls:
        control.focus()
        assert control.evaluate("(one) => getComputedStyle(one).outlineStyle") in ("solid", "double"), control
        assert control.evaluate("(one) => parseFloat(getComputedStyle(one).outlineWidth)") >= 3, control


@pytest.mark.parametrize("name", EXPLORERS)
def test_it_fits_a_lecture_hall_and_a_narrow_window(name, explore, lesson):
    explorer = explore(name)
    lesson.keep_picture(f"explorer-{name}", explorer)
    lesson.page.keyboard.press("Control+b")  # the file browser away
    for width in (1280, 480):
        lesson.page.set_viewport_size({"width": width, "height": 2000})  # the whole explorer is in the picture
        lesson.page.wait_for_function(FITS, arg=explorer.element_handle())
        assert explorer.evaluate(STICKS_OUT) == []
    lesson.keep_picture(f"explorer-{name}-narrow", explorer)


def test_keys_in_an_explorer_are_not_jupyterlabs(explore, lesson):
    explorer = explore("digits", "1 + 1")
    rows = slider(explorer, "row")
    for key in ("ArrowDown", "ArrowUp", "b", "x", "m", "1"):
        rows.press(key)
    expect(lesson.page.locator(".jp-Notebook .jp-Cell")).to_have_count(3)
    expect(rows).to_be_focused()
    expect(lesson.cell(2)).not_to_have_class(re.compile("jp-mod-active"))


def test_a_cell_that_runs_again_has_one_explorer_that_works(explore, lesson):
    explorer = explore("digits")
    explorer.get_by_role("button", name="Next").click()
    expect(explorer.get_by_role("spinbutton")).to_have_value("1")
    lesson.run_cell(1)
    expect(explorer).to_have_count(1)
    expect(explorer.get_by_role("spinbutton")).to_have_value("0")
    explorer.get_by_role("button", name="Next").click()
    expect(explorer.get_by_role("img")).to_have_attribute("aria-label", re.compile("training image 1, "))


def test_a_busy_kernel_is_told_and_the_last_wish_is_granted(explore, lesson):
    explorer = explore("digits", "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.05)")
    image = lesson.evaluate("dataset.train_images[0]")
    label = lesson.evaluate("dataset.train_labels[5]")
    go = lesson.path.parent / "go"
    lesson.cell(2).get_by_role("textbox").press("Shift+Enter")
    try:
        expect(lesson.cell(2).locator(".jp-InputPrompt")).to_have_text("[*]:")
        for _ in range(5):
            explorer.get_by_role("button", name="Next").click()
        expect(explorer.get_by_role("status")).to_contain_text("the kernel is busy")
        expect(explorer.get_by_role("status")).to_be_visible()
        point(explorer, explorer.get_by_role("img"), 9, 12)  # pixels are read all the same
        expect(reading(explorer)).to_have_text(f"row 9, column 12: {image[9][12]}")
    finally:
        go.touch()
    expect(explorer.get_by_role("status")).to_have_text(f"training image 5, label {label}")
    expect(explorer.get_by_role("img")).to_have_attribute("aria-label", f"training image 5, label {label}")
    go.unlink()


def test_what_goes_wrong_in_the_kernel_is_shown(explore, lesson):
    explorer = explore("digits")
    lesson.execute(
        "import ipywidgets\none = next(w for w in ipywidgets.widgets.widget._instances.values() "
        "if type(w).__name__ == 'Explorer')\none.question = {'part': 'test', 'index': 999}"
    )
    expect(explorer.get_by_role("alert")).to_contain_text("there is no test image 999: they are numbered 0 to 296")
    explorer.get_by_role("button", name="Previous").click()
    expect(explorer.get_by_role("alert")).to_be_empty()


# --- lesson 01: any digit, and its pixels ----------------------------------------------------------------------------


def test_digits_by_mouse(explore, lesson):
    explorer = explore("digits")
    images, labels = lesson.evaluate("dataset.train_images[:3]"), lesson.evaluate("dataset.train_labels[:3]")
    canvas = explorer.get_by_role("img")
    for index in (0, 1, 2):
        expect(canvas).to_have_attribute("aria-label", f"training image {index}, label {labels[index]}")
        expect(explorer.get_by_text(f"label {labels[index]}", exact=True)).to_be_visible()
        for row, column in [(0, 0), (14, 13), (9, 17), (27, 27)]:
            point(explorer, canvas, row, column)
            expect(reading(explorer)).to_have_text(f"row {row}, column {column}: {images[index][row][column]}")
            expect(explorer.locator("td.marked")).to_have_text(str(images[index][row][column]))
            expect(slider(explorer, "row")).to_have_value(str(row))
        explorer.get_by_role("button", name="Next").click()
    explorer.get_by_role("combobox").select_option("test")
    expect(canvas).to_have_attribute("aria-label", re.compile("test image 3, "))


def test_the_digit_is_drawn_as_it_is(explore, lesson):
    explorer = explore("digits")
    drawn = explorer.get_by_role("img").evaluate(
        "(one) => [...one.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0)"
    )
    assert np.array_equal(255 - np.reshape(drawn, (28, 28)), lesson.evaluate("dataset.train_images[0]"))


def test_digits_by_keyboard(explore, lesson):
    explorer = explore("digits")
    canvas, number = explorer.get_by_role("img"), explorer.get_by_role("spinbutton", name="image")
    last = lesson.evaluate("len(dataset.train_images)") - 1
    number.fill("7")
    expect(canvas).to_have_attribute("aria-label", re.compile("training image 7, "))
    number.fill("99999")
    number.press("Tab")
    expect(number).to_have_value(str(last))
    expect(canvas).to_have_attribute("aria-label", re.compile(f"training image {last:,}, "))
    number.fill("")
    number.press("Tab")
    expect(number).to_have_value(str(last))
    slider(explorer, "image").press("Home")
    slider(explorer, "image").press("ArrowRight")
    explorer.get_by_role("button", name="Next").press("Enter")
    expect(canvas).to_have_attribute("aria-label", re.compile("training image 2, "))

    image = lesson.evaluate("dataset.train_images[2]")
    marker = explorer.locator(".marker")
    before = marker.bounding_box()
    slider(explorer, "row").press("ArrowLeft")
    slider(explorer, "column").press("ArrowRight")
    expect(reading(explorer)).to_have_text(f"row 13, column 14: {image[13][14]}")
    expect(slider(explorer, "row")).to_have_attribute("aria-valuetext", f"13, value {image[13][14]}")
    after, pixel = marker.bounding_box(), canvas.bounding_box()["width"] / 28
    assert after["x"] - before["x"] == pytest.approx(pixel, abs=0.5)
    assert after["y"] - before["y"] == pytest.approx(-pixel, abs=0.5)


# --- lesson 02: step by step -----------------------------------------------------------------------------------------


def values_at(explorer):
    return explorer.locator(".marked-value strong").all_inner_texts()


def written(image, row, column):
    """Return what stands for a pixel at each step, as NumPy writes it."""
    value = image[row][column]
    scaled = np.float32(value) / np.float32(255)
    return [str(value), str(value), f"{value}.0", str(scaled)]


def test_preprocessing_by_mouse(explore, lesson):
    explorer = explore("preprocessing")
    image = lesson.evaluate("dataset.train_images[0]")
    table, first_strip, *_ = explorer.get_by_role("img").locator("xpath=self::canvas").all()
    for row, column in [(14, 13), (5, 11), (27, 0)]:
        point(explorer, table, row, column)
        assert values_at(explorer) == written(image, row, column)
    point(explorer, first_strip, 0, 400, rows=1, columns=784)
    position = int(explorer.locator(".marked-value span").nth(1).inner_text().strip("[]"))
    assert abs(position - 400) <= 2  # a strip has more pixels than the screen has for it
    assert values_at(explorer) == written(image, position // 28, position % 28)


def test_preprocessing_by_keyboard(explore, lesson):
    explorer = explore("preprocessing")
    explorer.get_by_role("button", name="Next").press("Space")
    expect(explorer.locator(".step").first.get_by_role("img").last).to_be_visible()
    expect(explorer.get_by_role("spinbutton")).to_have_value("1")
    label = lesson.evaluate("dataset.train_labels[1]")
    expect(explorer.get_by_text(f"label {label}", exact=True)).to_be_visible()
    image = np.array(lesson.evaluate("dataset.train_images[1]"))
    slider(explorer, "row").press("ArrowRight")
    slider(explorer, "column").press("ArrowLeft")
    assert values_at(explorer) == written(image, 15, 12)
    words = explorer.locator(".words").all_inner_texts()
    assert "shape (28, 28)" in words[0] and "uint8" in words[0] and f"from 0 to {image.max()}" in words[0]
    assert "shape (784,)" in words[3] and "float32" in words[3] and "from 0.0 to " in words[3]
    histogram = explorer.locator("svg").first
    expect(histogram).to_have_attribute("aria-label", re.compile(rf"{(image < 12.75).sum()} values lie in the lowest"))


# --- lesson 03: one-hot rows -----------------------------------------------------------------------------------------


def one_hot_row(explorer):
    return explorer.locator("table.one-hot td").all_inner_texts()


def test_one_hot_by_mouse(explore, lesson):
    explorer = explore("one-hot")
    labels = lesson.evaluate("dataset.train_labels")
    threes = [index for index, label in enumerate(labels) if label == 3]
    for index in threes[:3]:
        explorer.get_by_role("button", name="3", exact=True).click()
        expect(explorer.get_by_role("img")).to_have_attribute("aria-label", f"training image {index}, a 3")
        expect(explorer.get_by_role("spinbutton")).to_have_value(str(index))
        assert one_hot_row(explorer) == list("0001000000")
    expect(explorer.get_by_role("button", name="3", exact=True)).to_have_attribute("aria-pressed", "true")
    explorer.get_by_role("button", name="Next").click()
    expect(explorer.get_by_role("img")).to_have_attribute("aria-label", re.compile(f"image {threes[2] + 1}, "))
    assert one_hot_row(explorer).index("1") == labels[threes[2] + 1]


def test_one_hot_by_keyboard(explore, lesson):
    explorer = explore("one-hot")
    explorer.get_by_role("button", name="9", exact=True).press("Enter")
    expect(explorer.get_by_text("label 9", exact=True)).to_be_visible()
    assert one_hot_row(explorer) == list("0000000001")
    expect(reading(explorer)).to_have_text("argmax: the largest entry stands in place 9")
    explorer.get_by_role("combobox").press("t")  # the options begin with "training" and "test"
    explorer.get_by_role("spinbutton").fill("20")
    part = explorer.get_by_role("combobox").input_value()
    label = lesson.evaluate(f"dataset.{'train' if part == 'training' else 'test'}_labels[20]")
    expect(explorer.get_by_role("img")).to_have_attribute("aria-label", f"{part} image 20, a {label}")
    assert one_hot_row(explorer).index("1") == label


# --- lesson 04: parameters -------------------------------------------------------------------------------------------


def counted(explorer):
    return [int(text.replace(",", "")) for text in explorer.locator("tbody .number, tfoot .number").all_inner_texts()]


def test_parameters_by_keyboard(explore):
    explorer = explore("parameters")
    assert counted(explorer) == [401_920, 0, 131_328, 0, 2_570, 535_818]
    slider(explorer, "neurons in hidden layer 1").press("Home")
    for _ in range(2):
        slider(explorer, "neurons in hidden layer 1").press("ArrowRight")
    slider(explorer, "neurons in hidden layer 2").press("End")
    total = 784 * 3 + 3 + 3 * 1024 + 1024 + 1024 * 10 + 10
    expect(explorer.locator("tfoot .number")).to_have_text(f"{total:,}")
    assert counted(explorer) == [784 * 3 + 3, 0, 3 * 1024 + 1024, 0, 1024 * 10 + 10, total]
    expect(explorer.locator(".formula").nth(1)).to_have_text(re.compile(r"^784 . 3 \+ 3$"))
    explorer.get_by_role("button", name="Back to the start").press("Enter")
    expect(explorer.locator("tfoot .number")).to_have_text("535,818")


def test_parameters_by_mouse(explore):
    explorer = explore("parameters")
    dropped = slider(explorer, "dropped after hidden layer 1")
    dropped.click(position={"x": 2, "y": dropped.bounding_box()["height"] / 2})
    expect(explorer.get_by_text("the same 512; 0 % dropped while training")).to_be_visible()
    assert counted(explorer)[-1] == 535_818  # dropout has nothing to learn
    neurons = slider(explorer, "neurons in hidden layer 2")
    neurons.click()
    size = int(neurons.input_value())
    assert 400 < size < 620  # the middle
    total = 401_920 + 512 * size + size + size * 10 + 10
    expect(explorer.locator("tfoot .number")).to_have_text(f"{total:,}")


# --- lesson 06: the images behind the confusion matrix ---------------------------------------------------------------


def cell(explorer, true, read_as):
    return explorer.get_by_role("gridcell", name=re.compile(f"^a {true} read as a {read_as}: "))


def behind(lesson, true, read_as):
    """Return the images of a cell as indices, the costliest first."""
    return lesson.evaluate(
        f"sorted(np.flatnonzero((labels == {true}) & (probabilities.argmax(axis=1) == {read_as})).tolist(), "
        f"key=lambda index: probabilities[index, {true}])"
    )


def captions(explorer):
    return explorer.locator("figcaption").all_inner_texts()


def test_confusion_by_mouse(explore, lesson):
    explorer = explore("confusion")
    counts = [[len(behind(lesson, true, read_as)) for read_as in range(10)] for true in (1, 4)]
    for read_as in (0, 7, 9):
        expect(cell(explorer, 4, read_as)).to_have_text(str(counts[1][read_as]))
    cell(explorer, 1, 5).click()
    expect(explorer.get_by_text("1 read as 5", exact=True)).to_be_visible()
    expect(explorer.get_by_text("no image: this never happened")).to_be_visible()
    expect(explorer.locator("figure")).to_have_count(0)
    read_as = max((each for each in range(10) if each != 4), key=lambda each: counts[1][each])
    cell(explorer, 4, read_as).click()
    expect(explorer.get_by_text(f"4 read as {read_as}", exact=True)).to_be_visible()
    indices = behind(lesson, 4, read_as)
    assert len(indices) > 0
    for index, caption in zip(indices, captions(explorer), strict=True):
        given = lesson.evaluate(f"probabilities[{index}]")
        expected = [f"{read_as}: {100 * given[read_as]:.1f} %", f"4: {100 * given[4]:.1f} %", f"image {index}"]
        assert caption.split("\n") == expected


def test_confusion_by_keyboard(explore, lesson):
    explorer = explore("confusion")
    cell(explorer, 1, 1).click()
    indices = behind(lesson, 1, 1)
    assert len(indices) > 20
    expect(explorer.get_by_text(f"1 to 20 of {len(indices)}")).to_be_visible()
    assert [caption.split()[-1] for caption in captions(explorer)] == list(map(str, indices[:20]))
    explorer.get_by_role("button", name="Next").press("Enter")
    expect(explorer.get_by_text(f"21 to {len(indices)} of {len(indices)}")).to_be_visible()
    assert [caption.split()[-1] for caption in captions(explorer)] == list(map(str, indices[20:]))
    explorer.get_by_role("button", name="Next").press("Enter")  # there is no third page
    expect(explorer.get_by_text(f"21 to {len(indices)} of {len(indices)}")).to_be_visible()

    cell(explorer, 1, 1).press("ArrowDown")
    cell(explorer, 2, 1).press("End")
    expect(cell(explorer, 2, 9)).to_be_focused()
    expect(cell(explorer, 2, 9)).to_have_attribute("aria-selected", "true")
    expect(explorer.get_by_role("gridcell", selected=True)).to_have_count(1)
    expect(explorer.get_by_text("2 read as 9", exact=True)).to_be_visible()
    cell(explorer, 2, 9).press("ArrowRight")  # the last column
    expect(cell(explorer, 2, 9)).to_be_focused()
    expect(explorer.get_by_role("status")).to_have_text(re.compile("^2 read as 9: "))
