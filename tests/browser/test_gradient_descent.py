"""The explorer of gradient descent on a page without a kernel: by mouse, touch and keyboard."""

import numpy as np
import pytest
from playwright.sync_api import expect

from course_utils.widgets.gradient_descent import describe_losses
from course_utils.widgets.widget import CSS, JS, sources

FIRST, SECOND = np.linspace(-2, 3, 51), np.linspace(-3, 4, 71)
CONFIG = describe_losses(FIRST, SECOND, np.add.outer((FIRST - 0.5) ** 2, 3 * (SECOND - 1) ** 2), 0.1)
SHOW = """async ([loader, sources, config]) => {
    config.grid = Uint8Array.from(config.grid);
    const { load } = await import(URL.createObjectURL(new Blob([loader], { type: "text/javascript" })));
    const { default: widget } = await load(sources);
    widget.render({ model: { get: () => config }, el: document.querySelector("main") });
}"""
START = np.array([-1.5, 2.95])


@pytest.fixture(scope="module")
def context(browser):
    context = browser.new_context(viewport={"width": 1000, "height": 700}, has_touch=True)
    yield context
    context.close()


@pytest.fixture
def explorer(page):
    page.goto("about:blank")
    page.set_content(f"<!doctype html><title>page</title><style>{CSS.read_text()}</style><main></main>")
    config = {**CONFIG, "grid": list(CONFIG["grid"]), "sizes": list(CONFIG["sizes"])}
    page.evaluate(SHOW, [(JS / "loader.js").read_text(), sources("shared.js", "gradient_descent.js"), config])
    return page.locator("main")


def gradient(weights):
    return np.array([2, 6]) * (weights - [0.5, 1])


def loss(weights):
    return (weights[0] - 0.5) ** 2 + 3 * (weights[1] - 1) ** 2


def read(explorer, name):
    """Return the numbers in a row of the table."""
    text = explorer.get_by_role("row", name=name).get_by_role("cell").inner_text().replace("\N{MINUS SIGN}", "-")
    return [float(number) for number in text.strip("()").split(", ")]


def press(explorer, name):
    explorer.get_by_role("button", name=name, exact=True).click()


def status(explorer):
    return explorer.get_by_role("status").inner_text()


def test_a_step_goes_against_the_gradient_and_the_loss_falls(explorer):
    assert read(explorer, "weights") == pytest.approx(START, rel=6e-3)
    assert read(explorer, "gradient") == pytest.approx(gradient(START), rel=6e-3)
    weights = START
    for number in range(1, 4):
        weights = weights - 0.1 * gradient(weights)
        press(explorer, "Step")
        assert read(explorer, "steps taken") == [number]
        assert read(explorer, "weights") == pytest.approx(weights, rel=6e-3)
        assert read(explorer, "loss") == pytest.approx([loss(weights)], rel=6e-3)
        assert status(explorer).startswith(f"Step {number}: the loss fell from ")
    press(explorer, "Ten steps")
    assert read(explorer, "steps taken") == [13]
    assert status(explorer).startswith("Steps 4 to 13: the loss fell from ")
    assert explorer.locator("circle.train").count() == 13
    press(explorer, "Start again")
    assert read(explorer, "steps taken") == [0] and read(explorer, "weights") == pytest.approx(START, rel=6e-3)
    expect(explorer.get_by_role("button", name="Start again")).to_have_attribute("aria-disabled", "true")


@pytest.mark.parametrize("how", ["click", "tap"])
def test_the_start_is_chosen_in_the_picture(explorer, how):
    picture = explorer.get_by_role("application")
    box = picture.bounding_box()
    scale = box["width"] / 436  # the viewBox; the frame goes from 62 to 422 and from 12 to 372
    position = {"x": scale * (62 + 360 * 0.7), "y": scale * (12 + 360 * 0.25)}
    press(explorer, "Step")
    getattr(picture, how)(position=position)
    assert read(explorer, "weights") == pytest.approx([-2 + 5 * 0.7, 4 - 7 * 0.25], abs=0.03)
    assert read(explorer, "steps taken") == [0]


def test_everything_by_keyboard(explorer):
    picture = explorer.get_by_role("application")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "x"):
        picture.press(key)
    start = START + np.array([2 * 5 / 40, -7 / 40])
    assert read(explorer, "weights") == pytest.approx(start, abs=6e-3)
    for _ in range(20):
        picture.press("ArrowUp")
    assert read(explorer, "weights")[1] == 4  # the edge
    rate = explorer.get_by_role("slider", name="learning rate")
    rate.press("ArrowLeft")
    expect(rate).to_have_attribute("aria-valuetext", "0.07")
    explorer.get_by_role("button", name="Step", exact=True).press("Enter")
    top = np.array([start[0], 4])
    assert read(explorer, "weights") == pytest.approx(top - 0.07 * gradient(top), abs=0.01)


@pytest.mark.parametrize(
    ("rate", "presses", "words"),
    [
        ("0.3", ["Step"], "Step 1: the loss fell from"),
        ("0.5", ["Step"], "Step 1: the loss rose from 15.4 to 45.6. The learning rate is too large."),
        ("0.5", ["Ten steps"], "leaves the picture. The loss was rising: the steps are too long. Choose a smaller"),
        ("10", ["Ten steps"], "Step 1 leaves the picture. It was too long. Choose a smaller"),
        ("0.15", ["Ten steps"] * 4, "The last step was too short to see: the gradient is close to 0 here"),
    ],
)
def test_what_happened_is_said_in_words(explorer, rate, presses, words):
    slider = explorer.get_by_role("slider", name="learning rate")
    index = min(range(len(CONFIG["rates"])), key=lambda place: abs(CONFIG["rates"][place] - float(rate)))
    slider.fill(str(index))
    for name in presses:
        press(explorer, name)
    assert words in status(explorer)
    is_outside = "leaves the picture" in words
    for name in ("Step", "Ten steps"):
        expect(explorer.get_by_role("button", name=name, exact=True)).to_have_attribute(
            "aria-disabled", str(is_outside).lower()
        )
