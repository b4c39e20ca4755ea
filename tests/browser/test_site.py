"""The site loads nothing from elsewhere, is accessible, has no dead links, and its widgets need no kernel."""

import re
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import expect

from course_utils.course import LESSONS, ROOT, lesson_file
from course_utils.data import load_dataset
from course_utils.handwriting import draw_strokes, sample_handwritings
from course_utils.widgets import display
from tools.editions import find_leaks, read_lessons
from tools.site import live
from tools.site.build import DOCUMENTS, make_site

from .conftest import PATIENCE, PICTURES, Watch

LESSON_PAGES = [f"notebooks/{Path(lesson_file(number)).stem}" for number in LESSONS]
PAGES = ["index", "search", *LESSON_PAGES, *(name.removesuffix(".md") for name in DOCUMENTS if name.endswith(".md"))]
HEAVIEST = 1_500_000  # bytes
HEAVIEST_WITH_PAD = 4_000_000
SCREENS = {
    "wide": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True},
}
URLS = """
[project.urls]
Colab = "https://colab.example/github/somebody/course/blob/gh-pages/single-lessons/"
Download = "https://somebody.example/course/single-lessons/00_start_here.ipynb"
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the site, the Python widgets from whose state it was made, and their sentences."""
    build, made, said = tmp_path_factory.mktemp("build"), {}, []
    make = live._made
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            live, "_made", lambda name, *given, **options: made.setdefault(name, make(name, *given, **options))
        )
        patch.setattr(display, "show", lambda text, html: said.append(text))
        assert make_site(build=build) == 0
    return build / "site", made, said


@pytest.fixture(scope="module")
def site(built):
    return built[0]


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
    """Open a page on a wide or a small screen, and watch that it loads nothing from the network."""
    context = browser.new_context(**SCREENS[request.param])
    yield request.param, context.new_page(), Watch(context)
    context.close()


def open_page(page, address, name):
    page.goto(f"{address}/{name}.html")
    for widget in page.locator("[data-widget]").all():
        expect(widget.locator("button:visible").first).to_be_visible()


@pytest.mark.parametrize("name", PAGES)
def test_page(site, address, browser, name):
    context = browser.new_context(has_touch=True)
    context.set_default_timeout(PATIENCE)
    page, watch, loaded = context.new_page(), Watch(context), set()
    page.on("request", lambda request: loaded.add(unquote(urlsplit(request.url).path).lstrip("/")))
    for screen_name, screen in SCREENS.items():
        page.set_viewport_size(screen["viewport"])
        page.emulate_media(color_scheme=screen["color_scheme"])
        if screen_name == "wide":
            open_page(page, address, name)
        page.screenshot(path=PICTURES / f"site-{name.replace('/', '-')}-{screen_name}.png", full_page=True)
        for element in (page.locator("html"), *page.locator(".content, .live").all()):
            assert element.evaluate("each => each.scrollWidth - each.clientWidth") <= 0
        options = {"preload": False, "resultTypes": ["violations"]}
        violations = Axe().run(page, options=options).response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in violations] == []

    def weight():
        return sum((site / path).stat().st_size for path in loaded if (site / path).is_file())

    assert weight() <= HEAVIEST
    if (pad := page.locator("[data-widget=drawing_pad]")).count():
        pad.get_by_role("button").click()
        expect(pad).to_contain_text("Draw a digit.")
        assert HEAVIEST < weight() <= HEAVIEST_WITH_PAD
    watch.check()
    context.close()


def test_links_lead_somewhere(site):
    soups = {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in site.rglob("*.html")}
    ids = {path: {tag["id"] for tag in soup.find_all(id=True)} for path, soup in soups.items()}
    # Where a figure has no text of its own, Sphinx takes its path.
    assert not [image for soup in soups.values() for image in soup.find_all("img") if image["alt"].endswith(".png")]
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
    for name in LESSON_PAGES:
        page = BeautifulSoup((site / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        assert all("open" not in details.attrs for details in page.find_all("details"))
        assert not page.find_all(class_="elsewhere")
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8") + URLS)
    assert make_site(with_solutions=False, root=tmp_path, build=tmp_path) == 0
    # Of the other files only the search index holds text, word by word.
    pages = {path.name: BeautifulSoup(path.read_bytes(), "html.parser") for path in tmp_path.rglob("site/**/*.html")}
    assert find_leaks(read_lessons(), {name: page.text.encode() for name, page in pages.items()}) == []
    for name in LESSON_PAGES:
        colab, download = (link["href"] for link in pages[f"{Path(name).name}.html"].select(".elsewhere a"))
        file = f"{Path(name).name}.ipynb"
        assert colab == f"https://colab.example/github/somebody/course/blob/gh-pages/single-lessons/{file}"
        assert download == f"https://somebody.example/course/single-lessons/{file}"


def mouse(locator):
    locator.click()


def keyboard(locator):
    locator.focus()
    locator.press("Enter")


def touch(locator):
    locator.tap()


#: For each widget: its page, what to press, and what it says after the nth time, with the label of training image n.
WIDGETS = {
    "explore_digits": ("01_load_and_pickle", "Next ▶", "label {label}"),
    "explore_preprocessing": ("02_preprocess", "Next ▶", "label {label}"),
    "explore_one_hot": ("03_one_hot_encode", "Next ▶", "label {label}"),
    "explore_parameters": ("04_build_the_model", "Back to the start", "535,818"),
    "explore_gradient_descent": ("05_see_how_it_learns", "Step", "Step {n}: the loss fell"),
    "replay_weights": ("05_see_how_it_learns", "Step", "After epoch {before} of 5"),
    "replay_training": ("06_train", "Step", "After epoch {n} of"),
    "explore_kernel": ("10_try_a_cnn", "Save as picture", "A kernel slides over a digit"),
}


@pytest.mark.parametrize("name", WIDGETS)
def test_widget(address, screen, name):
    screen_name, page, watch = screen
    lesson, pressed, said = WIDGETS[name]
    dataset = load_dataset()
    open_page(page, address, f"notebooks/{lesson}")
    widget = page.locator(f"[data-widget={name}]")
    for n, act in enumerate((touch, keyboard) if screen_name == "phone" else (mouse, keyboard), start=1):
        act(widget.get_by_role("button", name=pressed).first)
        label = dataset.class_names[dataset.train_labels[n]]
        expect(widget).to_contain_text(said.format(label=label, n=n, before=n - 1))
    watch.check()


def test_a_replay_plays_to_its_end(address, screen):
    _, page, watch = screen
    open_page(page, address, "notebooks/05_see_how_it_learns")
    replay = page.locator("[data-widget=replay_weights]")
    drawn = "each => [...each.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL())"
    at_the_end = replay.evaluate(drawn)
    replay.get_by_role("button", name="Step").click()
    expect(replay).to_contain_text("After epoch 0 of 5")
    assert len(set(replay.evaluate(drawn))) == 1 < 10 == len(set(at_the_end))
    replay.get_by_role("button", name="Play").click()
    expect(replay).to_contain_text("After epoch 5 of 5")
    assert replay.evaluate(drawn) == at_the_end
    watch.check()


IMAGES = [{"part": part, "index": index} for part in ("training", "test") for index in (0, 77, 199)]
#: For each widget that Python responds to in a notebook: its page and some requests.
REQUESTS = {
    "explore_digits": ("01_load_and_pickle", IMAGES),
    "explore_preprocessing": ("02_preprocess", IMAGES),
    "explore_one_hot": (
        "03_one_hot_encode",
        [{**image, "wanted": wanted} for image in IMAGES for wanted in (None, *range(10))],
    ),
    "explore_parameters": (
        "04_build_the_model",
        [{"hidden_sizes": sizes, "dropout_rates": [0, 0.35]} for sizes in ([512, 256], [1, 1], [1000, 3])],
    ),
    "explore_confusion": (
        "07_evaluate",
        [{"true": true, "read_as": read, "page": 0} for true in range(10) for read in range(10)],
    ),
    "drawing_pad": (
        "00_start_here",
        [
            {"action": "classify", "image": draw_strokes(sample.strokes).flatten().tolist()}
            for sample in sample_handwritings()[:5]
        ],
    ),
}
ASK = """({ model }, requests) => {
    const plain = (_, value) => (ArrayBuffer.isView(value)
        ? [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)] : value);
    return requests.map((request) => {
        model.set("request", request);
        model.save_changes();
        return JSON.parse(JSON.stringify(model.get("response"), plain));
    });
}"""


def plain(value):
    """Return a response of Python as JSON has it."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | bytes) else value


@pytest.mark.parametrize("name", REQUESTS)
def test_the_page_responds_as_python_does(built, address, page, name):
    lesson, requests = REQUESTS[name]
    open_page(page, address, f"notebooks/{lesson}")
    widget = page.locator(f"[data-widget={name}]")
    if name == "drawing_pad":
        widget.get_by_role("button").click()
        expect(widget).to_contain_text("Draw a digit.")
    for request, response in zip(requests, widget.evaluate(ASK, requests), strict=True):
        built[1][name].request = request
        expected = plain(built[1][name].response)
        if name == "drawing_pad":
            assert response.pop("probabilities") == pytest.approx(expected.pop("probabilities"), abs=1e-5)
        assert response == expected


def test_widgets_are_those_of_the_lessons(built):
    """Their sentences hold what they show at first."""
    if load_dataset().name != "MNIST":
        pytest.skip("the lessons were recorded with MNIST")
    outputs = [
        output for lesson in read_lessons().values() for cell in lesson.cells for output in cell.get("outputs", [])
    ]
    recorded = {
        output.data["text/plain"] for output in outputs if "interactive in JupyterLab" in str(output.get("data"))
    }
    assert {*built[2]} <= recorded


def test_the_confusion_matrix_opens_cells(built, address, screen):
    _, page, watch = screen
    open_page(page, address, "notebooks/07_evaluate")
    widget = page.locator("[data-widget=explore_confusion]")
    # The sentence of the widget in Python says what it begins with.
    (first,) = filter(None, (re.search(r"\d classified as \d", text) for text in built[2]))
    expect(widget).to_contain_text(first[0])
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
