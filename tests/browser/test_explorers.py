"""The explorers in JupyterLab: operated by mouse and by keyboard, and what they show then, read back."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from .conftest import PICTURES
from .lesson import notebook_of

SETUP = """
import numpy as np
from course_utils.data import load_dataset
from course_utils.preprocessing import one_hot
from course_utils import widgets
dataset = load_dataset()
labels = dataset.test_labels
weights = np.linspace(-2, 2, 41)
kernel = [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]
probabilities = np.random.default_rng(9).dirichlet(np.ones(10), size=len(labels)) + one_hot(labels) / 4
probabilities[labels == 1] = one_hot(labels)[labels == 1]
probabilities /= probabilities.sum(axis=1, keepdims=True)
"""
EXPLORERS = {
    "digits": "widgets.explore_digits(dataset)",
    "preprocessing": "widgets.explore_preprocessing(dataset)",
    "one-hot": "widgets.explore_one_hot(dataset)",
    "parameters": "widgets.explore_parameters((512, 256), (0.5, 0.2))",
    "gradient-descent": "widgets.explore_gradient_descent(weights, weights, weights[:, None] ** 2 + 3 * weights**2)",
    "kernel": "widgets.explore_kernel(dataset.test_images[:10], kernel)",
    "confusion": "widgets.explore_confusion(dataset.test_images, labels, probabilities)",
}
BUSY = len(EXPLORERS) + 1
UNTIL_GO = "import pathlib, time\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.02)"
KERNEL = np.array([[-1, -1, -1], [0, 0, 0], [1, 1, 1]])
CONTROLS = ("slider", "spinbutton", "combobox", "button", "gridcell")
WITHOUT_FOCUS = """(explorer) => [...explorer.querySelectorAll("button, input, select, [tabindex='0']")].filter((one) =>
{
    one.focus();
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    const isSeen = ["solid", "double"].includes(outlineStyle) && parseFloat(outlineWidth) >= 3;
    return one.checkVisibility() && !isSeen;
}).map((one) => one.outerHTML)"""
OVERFLOWS = """(cell) => {
    cell.textContent = "1135"; // as often as MNIST's test images show a 1
    const text = document.createRange();
    text.selectNodeContents(cell);
    return text.getBoundingClientRect().width > cell.clientWidth;
}"""
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


def reading(explorer):
    return explorer.locator(".reading")


def slider(explorer, name):
    return explorer.get_by_role("slider", name=name, exact=True)


def button(explorer, name):
    return explorer.get_by_role("button", name=name, exact=name.isdigit())


def picture_is(explorer, text):
    expect(explorer.get_by_role("img").first).to_have_attribute("aria-label", re.compile(text))


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


def test_a_picture_of_an_explorer_is_saved(explore, notebook):
    explorer = explore("digits")
    with explorer.page.expect_download() as download:
        button(explorer, "Save as picture").click()
    assert download.value.suggested_filename == "Any digit of UCI digits, pixel by pixel.png"
    download.value.save_as(PICTURES / "saved-digits.png")
    picture = Image.open(PICTURES / "saved-digits.png").convert("L")
    canvas, whole = explorer.locator("canvas").bounding_box(), explorer.bounding_box()
    assert picture.width == 2 * round(whole["width"])
    left, top, size = (2 * length for length in (canvas["x"] - whole["x"], canvas["y"] - whole["y"], canvas["width"]))
    saved = np.asarray(picture.crop((left, top, left + size, top + size)).resize((28, 28), Image.Resampling.BOX))
    shown = 255 - np.array(notebook.evaluate("dataset.train_images[0]"))
    assert np.median(np.abs(saved - shown)) < 10 and np.corrcoef(saved.ravel(), shown.ravel())[0, 1] > 0.9


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


def test_what_goes_wrong_in_the_kernel_is_shown_and_keys_are_not_jupyterlabs(explore, notebook):
    explorer = explore("digits")
    notebook.execute(
        "import ipywidgets\n*_, one = (w for w in ipywidgets.widgets.widget._instances.values() "
        "if type(w).__name__ == 'DatasetExplorer')\none.request = {'part': 'test', 'index': 999}"
    )
    expect(explorer.get_by_role("alert")).to_contain_text("there is no test image 999; the last one is 296")
    button(explorer, "Previous").click()
    expect(explorer.get_by_role("alert")).to_be_empty()
    cells = notebook.page.locator(".jp-Notebook .jp-Cell")
    before = cells.count()
    for key in ("ArrowDown", "ArrowUp", "b", "x", "m", "1"):
        slider(explorer, "row").press(key)
    expect(cells).to_have_count(before)
    expect(slider(explorer, "row")).to_be_focused()


# --- lesson 01: any digit, and its pixels ----------------------------------------------------------------------------


def test_digits_by_mouse(explore, notebook):
    explorer = explore("digits")
    images, labels = notebook.evaluate("dataset.train_images[:2]"), notebook.evaluate("dataset.train_labels[:2]")
    canvas = explorer.get_by_role("img")
    for index in (0, 1):
        picture_is(explorer, f"^training image {index}, label {labels[index]}$")
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
    picture_is(explorer, "test image 2, ")


def test_digits_by_keyboard(explore, notebook):
    explorer = explore("digits")
    number, last = explorer.get_by_role("spinbutton", name="image"), notebook.evaluate("len(dataset.train_images)") - 1
    number.fill("7")
    picture_is(explorer, "training image 7, ")
    for typed, key in (("99999", "Tab"), ("", "Tab"), ("99999", "Enter"), ("7.4", "Enter"), ("-3", "Enter")):
        number.fill(typed)
        number.press(key)
        expect(number).to_have_value({"7.4": "7", "-3": "0"}.get(typed, str(last)))
    number.fill("99999")
    number.press("Enter")
    picture_is(explorer, f"training image {last:,}, ")
    slider(explorer, "image").press("Home")
    slider(explorer, "image").press("ArrowRight")
    button(explorer, "Next").press("Enter")
    picture_is(explorer, "training image 2, ")
    image = notebook.evaluate("dataset.train_images[2]")
    before = explorer.locator(".marker").bounding_box()
    slider(explorer, "row").press("ArrowLeft")
    slider(explorer, "column").press("ArrowRight")
    expect(reading(explorer)).to_have_text(f"row 13, column 14: {image[13][14]}")
    expect(slider(explorer, "row")).to_have_attribute("aria-valuetext", re.compile(r"^13: value \d+$"))
    after, pixel = explorer.locator(".marker").bounding_box(), explorer.get_by_role("img").bounding_box()["width"] / 28
    assert (after["x"] - before["x"], before["y"] - after["y"]) == pytest.approx((pixel, pixel), abs=0.5)


# --- lesson 02: step by step -----------------------------------------------------------------------------------------


def test_preprocessing_by_mouse_and_keyboard(explore, notebook):
    explorer = explore("preprocessing")
    button(explorer, "Next").press("Space")
    label, image = notebook.evaluate("dataset.train_labels[1]"), np.array(notebook.evaluate("dataset.train_images[1]"))
    expect(explorer.get_by_text(f"label {label}", exact=True)).to_be_visible()

    def assert_marked(row, column):  # what stands for a pixel at each step, as NumPy writes it
        value = image[row][column]
        written = [str(value), str(value), f"{value}.0", str(np.float32(value) / np.float32(255))]
        assert explorer.locator(".marked-value strong").all_inner_texts() == written

    table, first_strip, *_ = explorer.get_by_role("img").locator("xpath=self::canvas").all()
    for row, column in [(5, 11), (27, 0)]:
        point(explorer, table, row, column)
        assert_marked(row, column)
    point(explorer, first_strip, 0, 400, rows=1, columns=784)
    position = int(explorer.locator(".marked-value span").nth(1).inner_text().strip("[]"))
    assert abs(position - 400) <= 2  # a strip has more pixels than the screen has for it
    slider(explorer, "row").press("ArrowRight")
    slider(explorer, "column").press("ArrowLeft")
    assert_marked(position // 28 + 1, position % 28 - 1)
    words = explorer.locator(".words").all_inner_texts()
    assert all(word in words[0] for word in ("shape (28, 28)", "uint8", f"from 0 to {image.max()}"))
    assert all(word in words[3] for word in ("shape (784,)", "float32", "from 0.0 to "))
    histogram = explorer.locator("svg").first
    expect(histogram).to_have_attribute("aria-label", re.compile(rf"{(image < 12.75).sum()} values lie in the lowest"))


# --- lesson 03: one-hot rows -----------------------------------------------------------------------------------------


def test_one_hot_by_mouse_and_keyboard(explore, notebook):
    explorer = explore("one-hot")
    row, labels = explorer.locator("table.one-hot td"), notebook.evaluate("dataset.train_labels")
    threes = [index for index, label in enumerate(labels) if label == 3]
    for index in threes[:2]:
        button(explorer, "3").click()
        picture_is(explorer, f"^training image {index}, a 3$")
        expect(explorer.get_by_role("spinbutton")).to_have_value(str(index))
        assert row.all_inner_texts() == list("0001000000")
    expect(button(explorer, "3")).to_have_attribute("aria-pressed", "true")
    button(explorer, "Next").click()
    picture_is(explorer, f"^training image {threes[1] + 1}, a {labels[threes[1] + 1]}$")
    button(explorer, "9").press("Enter")
    expect(reading(explorer)).to_have_text("argmax: the largest entry is at index 9")
    explorer.get_by_role("combobox").focus()
    explorer.page.keyboard.type("te")  # the options begin with "training" and "test"
    explorer.get_by_role("spinbutton").fill("20")
    label = notebook.evaluate("dataset.test_labels[20]")
    picture_is(explorer, f"^test image 20, a {label}$")
    assert row.all_inner_texts().index("1") == label


# --- lesson 04: parameters -------------------------------------------------------------------------------------------


def test_parameters_by_mouse_and_keyboard(explore):
    explorer = explore("parameters")
    numbers, total = explorer.locator("tbody .number"), explorer.locator("tfoot .number")
    assert numbers.all_inner_texts() == ["401,920", "0", "131,328", "0", "2,570"]
    dropped = slider(explorer, "dropped after hidden layer 1")
    dropped.click(position={"x": 2, "y": dropped.bounding_box()["height"] / 2})
    expect(explorer.get_by_text("the same 512; 0% dropped while training")).to_be_visible()
    expect(total).to_have_text("535,818")  # dropout has nothing to learn
    for layer, keys in ((1, ("Home", "ArrowRight")), (2, ("End",))):
        for key in keys:
            slider(explorer, f"neurons in hidden layer {layer}").press(key)
    expect(total).to_have_text(f"{784 * 2 + 2 + 2 * 1024 + 1024 + 1024 * 10 + 10:,}")
    expect(explorer.locator(".formula").nth(1)).to_have_text(re.compile(r"^784 . 2 \+ 2$"))
    button(explorer, "Back to the start").press("Enter")
    expect(total).to_have_text("535,818")


# --- lesson 10: a kernel slides over a digit -------------------------------------------------------------------------


def test_kernel_by_mouse_touch_and_keyboard(explore, notebook):
    explorer = explore("kernel")
    images = np.array(notebook.evaluate("dataset.test_images[:10]")) / 255
    digit, sums = explorer.get_by_role("img").locator("xpath=self::canvas").all()

    def written(value):
        return f"{value:z.2f}".replace("-", "\N{MINUS SIGN}")

    def assert_at(row, column, kernel=KERNEL, image=0):
        patch = images[image, row : row + 3, column : column + 3]
        expect(reading(explorer)).to_have_text(f"sum {written((patch * kernel).sum())}")
        for name, values in (("pixels", patch), ("products", patch * kernel)):
            cells = explorer.get_by_role("table", name=name).get_by_role("cell").all_inner_texts()
            assert cells == [written(value) for value in values.flat]
        for name, value in (("row", row), ("column", column)):
            expect(slider(explorer, name)).to_have_value(str(value))

    assert_at(6, 8)
    for canvas, pointed, shown, side in [
        (digit, (13, 14), (12, 13), 28),
        (digit, (0, 27), (0, 25), 28),
        (sums, (20, 3), (20, 3), 26),
    ]:
        point(explorer, canvas, *pointed, rows=side, columns=side)
        assert_at(*shown)
    box = digit.bounding_box()
    places = [{"x": box["x"] + share * box["width"], "y": box["y"] + share * box["height"]} for share in (0.2, 0.5)]
    client = explorer.page.context.new_cdp_session(explorer.page)
    for kind, points in (("touchStart", places[:1]), ("touchMove", places[1:]), ("touchEnd", [])):
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert_at(13, 13)
    slider(explorer, "row").press("ArrowLeft")
    slider(explorer, "column").press("End")
    slider(explorer, "column").press("ArrowLeft")
    slider(explorer, "image").press("ArrowRight")
    assert_at(12, 24, image=1)
    slider(explorer, "column").fill("11")
    expect(slider(explorer, "column")).to_have_attribute("aria-valuetext", re.compile(r"^11: sum \D?\d\.\d\d$"))
    explorer.get_by_role("combobox").select_option("left edges")
    assert_at(12, 11, KERNEL.T, image=1)
    weight = explorer.get_by_role("spinbutton", name="weight in row 2, column 0")
    for typed, value in (("-0.5", -0.5), ("1000", 99)):
        weight.fill(typed)
        weight.press("Enter")
        expect(weight).to_have_value(str(value))
        kernel = KERNEL.T.astype(float)
        kernel[2, 0] = value
        assert_at(12, 11, kernel, image=1)
    expect(explorer.get_by_role("combobox")).to_have_value("your own")
    expect(explorer.get_by_role("status")).to_have_text(
        re.compile(r"^your own, row 12, column 11: the nine products add up to ")
    )
    drawn = sums.evaluate("(one) => [...one.getContext('2d').getImageData(0, 0, 26, 26).data]")
    windows = np.lib.stride_tricks.sliding_window_view(images[1], (3, 3))
    ink = 255 - np.reshape(drawn[::4], (26, 26))
    assert np.abs(ink - 255 * ((windows * kernel).sum(axis=(2, 3)) / np.maximum(kernel, 0).sum() + 1) / 2).max() < 1


# --- lesson 07: the images behind the confusion matrix ---------------------------------------------------------------


def cell(explorer, true, read_as):
    return explorer.get_by_role("gridcell", name=re.compile(f"^{true} classified as {read_as}: "))


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
    expect(explorer.get_by_text("1 classified as 5", exact=True)).to_be_visible()
    expect(explorer.get_by_text("no image: this never happened")).to_be_visible()
    expect(explorer.locator("figure")).to_have_count(0)
    read_as = max((each for each in range(10) if each != 4), key=lambda each: counts[each])
    cell(explorer, 4, read_as).click()
    expect(explorer.get_by_text(f"4 classified as {read_as}", exact=True)).to_be_visible()
    for index, caption in zip(behind(notebook, 4, read_as), captions(explorer), strict=True):
        given = notebook.evaluate(f"probabilities[{index}]")
        expected = [f"{read_as}: {100 * given[read_as]:.1f}%", f"4: {100 * given[4]:.1f}%", f"image {index}"]
        assert caption.split("\n") == expected


@pytest.mark.parametrize("width", [1400, 1024, 390])
def test_counts_of_four_digits_fit(width, explore, notebook):
    explorer = explore("confusion")
    notebook.page.set_viewport_size({"width": width, "height": 900})
    notebook.page.wait_for_function(FITS, arg=explorer.element_handle())
    assert not cell(explorer, 1, 1).evaluate(OVERFLOWS)
    notebook.keep_picture(f"confusion-{width}", explorer)


def test_confusion_by_keyboard(explore, notebook):
    explorer, indices = explore("confusion"), behind(notebook, 1, 1)
    cell(explorer, 1, 1).click()
    pages = {f"1 to 20 of {len(indices)}": indices[:20], f"21 to {len(indices)} of {len(indices)}": indices[20:]}
    for page in (*pages, list(pages)[-1]):  # there is no third page
        expect(explorer.get_by_text(page, exact=True)).to_be_visible()
        assert [caption.split()[-1] for caption in captions(explorer)] == list(map(str, pages[page]))
        button(explorer, "Next").press("Enter")
    cell(explorer, 1, 1).press("ArrowDown")
    cell(explorer, 2, 1).press("End")
    cell(explorer, 2, 9).press("ArrowRight")  # beyond the last column
    expect(cell(explorer, 2, 9)).to_be_focused()
    expect(explorer.get_by_role("gridcell", selected=True)).to_have_count(1)
    expect(cell(explorer, 2, 9)).to_have_attribute("aria-selected", "true")
    expect(explorer.get_by_text("2 classified as 9", exact=True)).to_be_visible()
    expect(explorer.get_by_role("status")).to_have_text(re.compile("^2 classified as 9: "))
