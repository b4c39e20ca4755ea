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
    "parameters": "widgets.explore_parameters((512, 256), (0.5, 0.2))",
    "confusion": "widgets.explore_confusion(dataset.test_images, labels, probabilities)",
}
BUSY = len(EXPLORERS) + 1
UNTIL_GO = "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.02)"
CONTROLS = ("slider", "spinbutton", "combobox", "button", "gridcell")
WITHOUT_FOCUS = """(explorer) => [...explorer.querySelectorAll("button, input, select, [tabindex='0']")].filter((one) =>
{
    one.focus();
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    const isSeen = ["solid", "double"].includes(outlineStyle) && parseFloat(outlineWidth) >= 3;
    return one.checkVisibility() && !isSeen;
}).map((one) => one.outerHTML)"""
FITS = "(explorer) => explorer.getBoundingClientRect().right <= innerWidth"
STICKS_OUT = """(explorer) => [...explorer.querySelectorAll("*")]
    .filter((one) => one.getBoundingClientRect().right > explorer.getBoundingClientRect().right + 1)
    .map((one) => one.outerHTML)"""


@pytest.fixture(scope="module")
def notebook(lesson):
    """Open a notebook with all explorers, and a cell that keeps the kernel busy."""
    lesson.open(notebook_of(SETUP, *EXPLORERS.values(), UNTIL_GO))
    lesson.page.keyboard.press("Control+b")  # the file browser away
    lesson.run_cell(0)
    return lesson


@pytest.fixture
def explore(notebook):
    """Return a function that runs the cell of an explorer, and returns where the new one is in the page."""

    def run(name):
        cell = 1 + list(EXPLORERS).index(name)
        notebook.run_cell(cell)
        notebook.check()
        explorer = notebook.cell(cell).locator(".course-widget")
        expect(explorer).to_have_count(1)
        return explorer

    return run


def point(explorer, canvas, row, column, rows=28, columns=28):
    """Move the mouse over a pixel of a canvas."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    explorer.page.mouse.move(
        box["x"] + box["width"] * (column + 0.5) / columns, box["y"] + box["height"] * (row + 0.5) / rows
    )


def button(explorer, name):
    return explorer.get_by_role("button", name=name)


def reading(explorer):
    return explorer.locator(".reading")


def slider(explorer, name):
    return explorer.get_by_role("slider", name=name, exact=True)


# --- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_control_has_a_name_shows_its_focus_and_fits(name, explore, notebook):
    explorer = explore(name)
    notebook.keep_picture(f"explorer-{name}", explorer)
    expect(explorer).to_have_attribute("role", "group")
    expect(explorer).to_have_attribute("aria-label", re.compile(r"\w+ \w+"))
    controls = [control for role in CONTROLS for control in explorer.get_by_role(role).all()]
    named = [control for role in CONTROLS for control in explorer.get_by_role(role, name=re.compile(r"\w")).all()]
    assert len(controls) == len(named) > 0
    explorer.page.keyboard.press("Shift")  # the keyboard is in use, so focus is shown
    assert explorer.evaluate(WITHOUT_FOCUS) == []
    for width in (1280, 480):  # a lecture hall, a narrow window
        notebook.page.set_viewport_size({"width": width, "height": 2000})  # the whole explorer is in the picture
        notebook.page.wait_for_function(FITS, arg=explorer.element_handle())
        assert explorer.evaluate(STICKS_OUT) == []
    notebook.keep_picture(f"explorer-{name}-narrow", explorer)


def test_it_is_dark_where_jupyterlab_is_dark(explore, notebook):
    explorer = explore("confusion")
    colours = "(one) => [getComputedStyle(one).backgroundColor, getComputedStyle(one).getPropertyValue('--accent')]"
    seen = {}
    for theme in ("Dark", "Light"):
        run = "(theme) => jupyterapp.commands.execute('apputils:change-theme', { theme })"
        notebook.page.evaluate(run, f"JupyterLab {theme}")
        expect(notebook.page.locator("body")).to_have_attribute("data-jp-theme-light", str(theme == "Light").lower())
        notebook.keep_picture(f"explorer-confusion-{theme.lower()}", explorer)
        seen[theme] = explorer.evaluate(colours)
    assert all(dark != light for dark, light in zip(seen["Dark"], seen["Light"], strict=True))


def test_keys_in_an_explorer_are_not_jupyterlabs(explore, notebook):
    rows = slider(explore("digits"), "row")
    for key in ("ArrowDown", "ArrowUp", "b", "x", "m", "1"):
        rows.press(key)
    expect(notebook.page.locator(".jp-Notebook .jp-Cell")).to_have_count(len(EXPLORERS) + 2)
    expect(rows).to_be_focused()


def test_a_busy_kernel_is_reported_and_the_last_request_is_granted(explore, notebook):
    explorer = explore("digits")
    image, label = notebook.evaluate("dataset.train_images[0]"), notebook.evaluate("dataset.train_labels[5]")
    go = notebook.path.parent / "go"
    notebook.start_cell(BUSY)
    try:
        for _ in range(5):
            button(explorer, "Next").click()
        expect(explorer.get_by_role("status")).to_contain_text("After a restart, run all cells above, then this one.")
        expect(explorer.get_by_role("status")).to_be_visible()
        point(explorer, explorer.get_by_role("img"), 9, 12)  # pixels are read all the same
        expect(reading(explorer)).to_have_text(f"row 9, column 12: {image[9][12]}")
    finally:
        go.touch()
    expect(explorer.get_by_role("status")).to_have_text(f"training image 5, label {label}")
    expect(explorer.get_by_role("img")).to_have_attribute("aria-label", f"training image 5, label {label}")
    go.unlink()


def test_what_goes_wrong_in_the_kernel_is_shown(explore, notebook):
    explorer = explore("digits")
    notebook.execute(
        "import ipywidgets\n*_, one = (w for w in ipywidgets.widgets.widget._instances.values() "
        "if type(w).__name__ == 'Explorer')\none.request = {'part': 'test', 'index': 999}"
    )
    expect(explorer.get_by_role("alert")).to_contain_text("there is no test image 999: they are numbered 0 to 296")
    button(explorer, "Previous").click()
    expect(explorer.get_by_role("alert")).to_be_empty()


# --- lesson 01: any digit, and its pixels ----------------------------------------------------------------------------


def test_digits_by_mouse(explore, notebook):
    explorer = explore("digits")
    images, labels = notebook.evaluate("dataset.train_images[:2]"), notebook.evaluate("dataset.train_labels[:2]")
    canvas = explorer.get_by_role("img")
    for index in (0, 1):
        expect(canvas).to_have_attribute("aria-label", f"training image {index}, label {labels[index]}")
        expect(explorer.get_by_text(f"label {labels[index]}", exact=True)).to_be_visible()
        drawn = canvas.evaluate("(one) => [...one.getContext('2d').getImageData(0, 0, 28, 28).data]")
        assert np.array_equal(255 - np.reshape(drawn[::4], (28, 28)), images[index])
        for row, column in [(0, 0), (14, 13), (27, 27)]:
            point(explorer, canvas, row, column)
            expect(reading(explorer)).to_have_text(f"row {row}, column {column}: {images[index][row][column]}")
            expect(explorer.locator("td.marked")).to_have_text(str(images[index][row][column]))
            expect(slider(explorer, "row")).to_have_value(str(row))
        button(explorer, "Next").click()
    explorer.get_by_role("combobox").select_option("test")
    expect(canvas).to_have_attribute("aria-label", re.compile("test image 2, "))


def test_digits_by_keyboard(explore, notebook):
    explorer = explore("digits")
    canvas, number = explorer.get_by_role("img"), explorer.get_by_role("spinbutton", name="image")
    last = notebook.evaluate("len(dataset.train_images)") - 1
    number.fill("7")
    expect(canvas).to_have_attribute("aria-label", re.compile("training image 7, "))
    for typed in ("99999", ""):
        number.fill(typed)
        number.press("Tab")
        expect(number).to_have_value(str(last))
    expect(canvas).to_have_attribute("aria-label", re.compile(f"training image {last:,}, "))
    slider(explorer, "image").press("Home")
    slider(explorer, "image").press("ArrowRight")
    button(explorer, "Next").press("Enter")
    expect(canvas).to_have_attribute("aria-label", re.compile("training image 2, "))

    image = notebook.evaluate("dataset.train_images[2]")
    before = explorer.locator(".marker").bounding_box()
    slider(explorer, "row").press("ArrowLeft")
    slider(explorer, "column").press("ArrowRight")
    expect(reading(explorer)).to_have_text(f"row 13, column 14: {image[13][14]}")
    expect(slider(explorer, "row")).to_have_attribute("aria-valuetext", re.compile(r"^13: value \d+$"))
    after, pixel = explorer.locator(".marker").bounding_box(), canvas.bounding_box()["width"] / 28
    assert after["x"] - before["x"] == pytest.approx(pixel, abs=0.5)
    assert after["y"] - before["y"] == pytest.approx(-pixel, abs=0.5)


# --- lesson 02: step by step -----------------------------------------------------------------------------------------


def values_at(explorer):
    return explorer.locator(".marked-value strong").all_inner_texts()


def written(image, row, column):
    """Return what stands for a pixel at each step, as NumPy writes it."""
    value = image[row][column]
    return [str(value), str(value), f"{value}.0", str(np.float32(value) / np.float32(255))]


def test_preprocessing_by_mouse_and_keyboard(explore, notebook):
    explorer = explore("preprocessing")
    button(explorer, "Next").press("Space")
    label, image = notebook.evaluate("dataset.train_labels[1]"), np.array(notebook.evaluate("dataset.train_images[1]"))
    expect(explorer.get_by_text(f"label {label}", exact=True)).to_be_visible()
    table, first_strip, *_ = explorer.get_by_role("img").locator("xpath=self::canvas").all()
    for row, column in [(5, 11), (27, 0)]:
        point(explorer, table, row, column)
        assert values_at(explorer) == written(image, row, column)
    point(explorer, first_strip, 0, 400, rows=1, columns=784)
    position = int(explorer.locator(".marked-value span").nth(1).inner_text().strip("[]"))
    assert abs(position - 400) <= 2  # a strip has more pixels than the screen has for it
    row, column = divmod(position, 28)
    slider(explorer, "row").press("ArrowRight")
    slider(explorer, "column").press("ArrowLeft")
    assert values_at(explorer) == written(image, row + 1, column - 1)
    words = explorer.locator(".words").all_inner_texts()
    assert "shape (28, 28)" in words[0] and "uint8" in words[0] and f"from 0 to {image.max()}" in words[0]
    assert "shape (784,)" in words[3] and "float32" in words[3] and "from 0.0 to " in words[3]
    histogram = explorer.locator("svg").first
    expect(histogram).to_have_attribute("aria-label", re.compile(rf"{(image < 12.75).sum()} values lie in the lowest"))


# --- lesson 03: one-hot rows -----------------------------------------------------------------------------------------


def test_one_hot_by_mouse_and_keyboard(explore, notebook):
    explorer = explore("one-hot")
    row = explorer.locator("table.one-hot td")
    labels = notebook.evaluate("dataset.train_labels")
    threes = [index for index, label in enumerate(labels) if label == 3]
    for index in threes[:2]:
        explorer.get_by_role("button", name="3", exact=True).click()
        expect(explorer.get_by_role("img")).to_have_attribute("aria-label", f"training image {index}, a 3")
        expect(explorer.get_by_role("spinbutton")).to_have_value(str(index))
        assert row.all_inner_texts() == list("0001000000")
    expect(explorer.get_by_role("button", name="3", exact=True)).to_have_attribute("aria-pressed", "true")
    button(explorer, "Next").click()
    following = threes[1] + 1
    name = f"training image {following}, a {labels[following]}"
    expect(explorer.get_by_role("img")).to_have_attribute("aria-label", name)
    explorer.get_by_role("button", name="9", exact=True).press("Enter")
    expect(reading(explorer)).to_have_text("argmax: the largest entry stands in place 9")
    explorer.get_by_role("combobox").focus()
    explorer.page.keyboard.type("te")  # the options begin with "training" and "test"
    explorer.get_by_role("spinbutton").fill("20")
    label = notebook.evaluate("dataset.test_labels[20]")
    expect(explorer.get_by_role("img")).to_have_attribute("aria-label", f"test image 20, a {label}")
    assert row.all_inner_texts().index("1") == label


# --- lesson 04: parameters -------------------------------------------------------------------------------------------


def test_parameters_by_mouse_and_keyboard(explore):
    explorer = explore("parameters")
    numbers, total = explorer.locator("tbody .number"), explorer.locator("tfoot .number")
    assert numbers.all_inner_texts() == ["401,920", "0", "131,328", "0", "2,570"]
    dropped = slider(explorer, "dropped after hidden layer 1")
    dropped.click(position={"x": 2, "y": dropped.bounding_box()["height"] / 2})
    expect(explorer.get_by_text("the same 512; 0 % dropped while training")).to_be_visible()
    expect(total).to_have_text("535,818")  # dropout has nothing to learn
    slider(explorer, "neurons in hidden layer 1").press("Home")
    slider(explorer, "neurons in hidden layer 1").press("ArrowRight")
    slider(explorer, "neurons in hidden layer 2").press("End")
    expect(total).to_have_text(f"{784 * 2 + 2 + 2 * 1024 + 1024 + 1024 * 10 + 10:,}")
    expect(explorer.locator(".formula").nth(1)).to_have_text(re.compile(r"^784 . 2 \+ 2$"))
    button(explorer, "Back to the start").press("Enter")
    expect(total).to_have_text("535,818")


# --- lesson 06: the images behind the confusion matrix ---------------------------------------------------------------


def cell(explorer, true, read_as):
    return explorer.get_by_role("gridcell", name=re.compile(f"^a {true} read as a {read_as}: "))


def behind(notebook, true, read_as):
    """Return the images of a cell as indices, the costliest first."""
    return notebook.evaluate(
        f"sorted(np.flatnonzero((labels == {true}) & (probabilities.argmax(axis=1) == {read_as})).tolist(), "
        f"key=lambda index: probabilities[index, {true}])"
    )


def captions(explorer):
    return explorer.locator("figcaption").all_inner_texts()


def test_confusion_by_mouse(explore, notebook):
    explorer = explore("confusion")
    counts = [len(behind(notebook, 4, read_as)) for read_as in range(10)]
    assert [cell(explorer, 4, read_as).inner_text() for read_as in range(10)] == list(map(str, counts))
    cell(explorer, 1, 5).click()
    expect(explorer.get_by_text("1 read as 5", exact=True)).to_be_visible()
    expect(explorer.get_by_text("no image: this never happened")).to_be_visible()
    expect(explorer.locator("figure")).to_have_count(0)
    read_as = max((each for each in range(10) if each != 4), key=lambda each: counts[each])
    cell(explorer, 4, read_as).click()
    expect(explorer.get_by_text(f"4 read as {read_as}", exact=True)).to_be_visible()
    for index, caption in zip(behind(notebook, 4, read_as), captions(explorer), strict=True):
        given = notebook.evaluate(f"probabilities[{index}]")
        expected = [f"{read_as}: {100 * given[read_as]:.1f} %", f"4: {100 * given[4]:.1f} %", f"image {index}"]
        assert caption.split("\n") == expected


def test_confusion_by_keyboard(explore, notebook):
    explorer = explore("confusion")
    cell(explorer, 1, 1).click()
    indices = behind(notebook, 1, 1)
    assert len(indices) > 20
    expect(explorer.get_by_text(f"1 to 20 of {len(indices)}", exact=True)).to_be_visible()
    assert [caption.split()[-1] for caption in captions(explorer)] == list(map(str, indices[:20]))
    for _ in range(2):  # there is no third page
        button(explorer, "Next").press("Enter")
        expect(explorer.get_by_text(f"21 to {len(indices)} of {len(indices)}", exact=True)).to_be_visible()
    assert [caption.split()[-1] for caption in captions(explorer)] == list(map(str, indices[20:]))

    cell(explorer, 1, 1).press("ArrowDown")
    cell(explorer, 2, 1).press("End")
    cell(explorer, 2, 9).press("ArrowRight")  # beyond the last column
    expect(cell(explorer, 2, 9)).to_be_focused()
    expect(explorer.get_by_role("gridcell", selected=True)).to_have_count(1)
    expect(cell(explorer, 2, 9)).to_have_attribute("aria-selected", "true")
    expect(explorer.get_by_text("2 read as 9", exact=True)).to_be_visible()
    expect(explorer.get_by_role("status")).to_have_text(re.compile("^2 read as 9: "))
