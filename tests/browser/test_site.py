"""The site: nothing from elsewhere, no barrier, every link leads somewhere, and the widgets need no kernel."""

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import expect

from course_utils.course import LESSONS, lesson_file
from course_utils.data import load_dataset
from tools.site.build import DOCUMENTS, make_site

from .conftest import PICTURES, Watch

LESSON_PAGES = [f"notebooks/{Path(lesson_file(number)).stem}" for number in LESSONS]
PAGES = ["index", "search", *LESSON_PAGES, *(name.removesuffix(".md") for name in DOCUMENTS if name.endswith(".md"))]
HEAVIEST = 1_500_000  # bytes
SCREENS = {
    "wide": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    build = tmp_path_factory.mktemp("build")
    assert make_site(build=build) == 0
    return build / "site"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def address(site):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module", params=SCREENS)
def screen(request, browser):
    """Open a page of the wide or the small screen, which takes nothing from the network."""
    context = browser.new_context(**SCREENS[request.param])
    yield request.param, context.new_page(), Watch(context)
    context.close()


def open_page(page, address, name):
    page.goto(f"{address}/{name}.html")
    for widget in page.locator("[data-widget]").all():
        expect(widget.locator(".course-widget, button").first).to_be_visible()


@pytest.mark.parametrize("name", PAGES)
def test_page(site, address, screen, name):
    screen_name, page, watch = screen
    loaded = set()
    page.on("request", lambda request: loaded.add(unquote(urlsplit(request.url).path).lstrip("/")))
    open_page(page, address, name)
    page.screenshot(path=PICTURES / f"site-{name.replace('/', '-')}-{screen_name}.png", full_page=True)
    watch.check()
    assert sum((site / path).stat().st_size for path in loaded if (site / path).is_file()) < HEAVIEST
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    violations = Axe().run(page, options={"preload": False}).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in violations] == []


def test_links_lead_somewhere(site):
    soups = {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in site.rglob("*.html")}
    ids = {path: {tag["id"] for tag in soup.find_all(id=True)} for path, soup in soups.items()}
    lost = []
    for path, soup in soups.items():
        for tag in soup.find_all(href=True) + soup.find_all(src=True):
            address = urlsplit(tag.get("href") or tag["src"])
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            is_lost = not target.exists() or (address.fragment and unquote(address.fragment) not in ids.get(target, ()))
            if not address.scheme and is_lost:
                lost.append((path.name, tag.get("href") or tag["src"]))
    assert not lost


def test_solutions_are_folded_or_left_out(site, tmp_path):
    assert make_site(with_solutions=False, build=tmp_path) == 0
    for name in LESSON_PAGES:
        with_them, without = (
            BeautifulSoup((folder / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
            for folder in (site, tmp_path / "site")
        )
        assert all("open" not in details.attrs for details in with_them.find_all("details"))
        assert "# Solution" not in without.text


def mouse(locator):
    locator.click()


def keyboard(locator):
    locator.focus()
    locator.press("Enter")


def touch(locator):
    locator.tap()


#: Of each widget: its page, what to press, and what it then says, with the label of training image 1.
WIDGETS = {
    "explore_digits": ("01_load_and_pickle", "Next ▶", "label {label}"),
    "explore_preprocessing": ("02_preprocess", "Next ▶", "{label}"),
    "explore_one_hot": ("03_one_hot_encode", "Next ▶", "label {label}"),
    "explore_parameters": ("04_build_the_model", "Back to the start", "535,818"),
    "explore_gradient_descent": ("05_see_how_it_learns", "Step", "Step 1: the loss fell"),
    "replay_weights": ("05_see_how_it_learns", "Step", "After epoch 0 of 5"),
    "replay_training": ("06_train", "Step", "After epoch 1 of"),
    "explore_kernel": ("10_try_a_cnn", "Save as picture", "A kernel slides over a digit"),
    "drawing_pad": ("00_start_here", "Start it here (loads 3 MB)", "Draw a digit."),
}


@pytest.mark.parametrize("name", WIDGETS)
def test_widget(address, screen, name):
    _, page, watch = screen
    lesson, pressed, said = WIDGETS[name]
    dataset = load_dataset()
    said = said.format(label=dataset.class_names[dataset.train_labels[1]])
    for act in (mouse, keyboard, *([touch] if page.evaluate("navigator.maxTouchPoints") else [])):
        open_page(page, address, f"notebooks/{lesson}")
        widget = page.locator(f"[data-widget={name}]")
        act(widget.get_by_role("button", name=pressed).first)
        expect(widget).to_contain_text(said)
    watch.check()


def test_the_confusion_matrix_opens_cells(address, screen):
    _, page, watch = screen
    open_page(page, address, "notebooks/07_evaluate")
    widget = page.locator("[data-widget=explore_confusion]")
    widget.get_by_role("gridcell", name="3 classified as 3").click()
    expect(widget).to_contain_text("3 classified correctly")
    page.keyboard.press("Home")
    expect(widget).to_contain_text("3 classified as 0")
    watch.check()


@pytest.mark.parametrize("is_file", [False, True], ids=["address", "file"])
def test_the_pad_classifies_on_the_page(site, address, screen, is_file):
    _, page, watch = screen
    open_page(page, site.as_uri() if is_file else address, "notebooks/09_predict")
    pad = page.locator("[data-widget=drawing_pad]")
    pad.get_by_role("button").click()
    pad.locator("select").select_option(label="7, version 1")
    # A network of the embedded digits may take it for another one.
    expect(pad.locator(".verdict b")).to_have_text("7" if load_dataset().name == "MNIST" else re.compile(r"\d"))
    watch.check()


def test_search_finds_a_term(address, screen):
    _, page, watch = screen
    page.goto(f"{address}/search.html?q=backpropagation")
    expect(page.get_by_role("link", name="05 · See how it learns").last).to_be_visible()
    watch.check()
