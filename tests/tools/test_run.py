"""`run`: what it writes, what it says, and that a page needs nothing but itself."""

import html
import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.run import html_page, run
from course_utils.data import Dataset, save_pickle

ROOT = Path(__file__).resolve().parents[1]
KEYS = ["dataset", "train_images", "test_images", "num_epochs", "test_accuracy", "test_loss", "lessons"]


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Leave no way to MNIST: no network, no cache, no file, an empty workspace."""
    for name in ("MNIST_PATH", "COURSE_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path / "own workspace"))


@pytest.fixture
def own_digits(tmp_path, monkeypatch):
    """Let `MNIST_PATH` name a tiny dataset that is neither MNIST nor the embedded digits."""
    monkeypatch.delenv("COURSE_OFFLINE", raising=False)
    images, labels = np.zeros((20, 28, 28), np.uint8), np.arange(20, dtype=np.uint8) % 10
    file = save_pickle(Dataset("tiny", images, labels, images[:10], labels[:10]), tmp_path / "own.pickle")
    monkeypatch.setenv("MNIST_PATH", str(file))


LESSONS = {
    "04_before": [
        new_markdown_cell(
            "# A <first> lesson & more\n\nNext: [training](05_train.ipynb#Fit), [again](./06_look.ipynb)."
        ),
        new_code_cell("import os; from pathlib import Path; workspace = Path(os.environ['COURSE_WORKSPACE'])"),
        new_code_cell("sorted(path.name for path in workspace.iterdir())"),
        new_code_cell("(workspace / 'left.txt').write_text('by lesson 04', encoding='utf-8');"),
        new_code_cell("os.environ.get('COURSE_OFFLINE'), Path.cwd().name"),
    ],
    "05_train": [
        new_code_cell("num_epochs = 30", metadata={"tags": ["parameters"]}),
        new_code_cell("import ipywidgets; ipywidgets.IntProgress(value=num_epochs)"),
        new_code_cell(
            "from IPython.display import display\n"
            "pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII='\n"
            "data = {'image/png': pixel, 'text/plain': 'a pixel'}\n"
            "display(data, raw=True, metadata={'image/png': {'alt': 'One \"grey\" pixel'}})"
        ),
    ],
    "06_look": [
        new_code_cell("import os; from pathlib import Path"),
        new_code_cell("(Path(os.environ['COURSE_WORKSPACE']) / 'left.txt').read_text(encoding='utf-8')"),
        new_code_cell("test_loss, test_accuracy = 0.25, 0.875"),
    ],
}


@pytest.fixture
def lessons(tmp_path):
    """Write three tiny lessons that stand in for the course."""
    folder = tmp_path / "lessons"
    folder.mkdir()
    for name, cells in LESSONS.items():
        nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
    return folder


class Loads(HTMLParser):
    """Collect what a browser would fetch to show a page: everything but the targets of links."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("src", "srcset", "data", "poster", "action") or (name == "href" and tag != "a"):
                self.found.append(value)
            elif name == "style":
                self.handle_data(value)

    def handle_data(self, data):
        self.found += re.findall(r"url\(\s*['\"]?([^'\")]+)", data)
        self.found += re.findall(r"(?:@import|import\(|fetch\(|from)\s*['\"]([^'\"]+)", data)


def external(page):
    return [address for address in Loads(page).found if not address.startswith(("data:", "#"))]


@pytest.mark.parametrize(
    "fault",
    [
        "<script src='https://a.example/x.js'></script>",
        "<link rel=stylesheet href=style.css>",
        "<style>@import 'other.css'; p {background: url(https://a.example/b.png)}</style>",
        "<script>const m = await import('https://a.example/m.mjs')</script>",
        "<img alt='' src='../docs/missing.png'>",
        "<p style='background: url(x.png)'>",
    ],
)
def test_the_check_for_external_references_finds_them(fault):
    assert external(f"<html><body>{fault}</body></html>")


def test_results_of_a_run(lessons, tmp_path, own_digits, capfd):
    build = tmp_path / "build"
    assert run(lessons, build, num_epochs=2) == 0

    summary = json.loads((build / "summary.json").read_text(encoding="utf-8"))
    assert sorted(summary) == sorted(KEYS)
    assert summary["dataset"] == "digits from own.pickle"
    assert (summary["train_images"], summary["test_images"]) == (20, 10)
    assert (summary["num_epochs"], summary["test_accuracy"], summary["test_loss"]) == (2, 0.875, 0.25)
    assert list(summary["lessons"]) == list(LESSONS)
    for measured in summary["lessons"].values():
        assert sorted(measured) == ["peak_rss_mb", "seconds"]
        assert 10 < measured["peak_rss_mb"] < 10_000
        assert 0 < measured["seconds"] < 1000

    printed = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[: len(LESSONS)]] == list(LESSONS)
    assert re.fullmatch(
        r"digits from own\.pickle: test accuracy 0\.8750, test loss 0\.2500, (\d+ min )?\d+ s", printed[-1]
    )


def outputs(notebook):
    return [
        output.get("text") or output.data["text/plain"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


def test_lessons_share_a_workspace_that_is_fresh_in_every_run(lessons, tmp_path, own_digits):
    build = tmp_path / "build"
    for _ in range(2):
        assert run(lessons, build) == 0
        before = nbformat.read(build / "notebooks" / "04_before.ipynb", as_version=4)
        # Not MNIST, so no lesson may try the network; kernels work in the folder of the lessons.
        assert outputs(before) == ["[]", "('1', 'lessons')"]
        after = nbformat.read(build / "notebooks" / "06_look.ipynb", as_version=4)
        assert outputs(after) == ["'by lesson 04'"]
    assert json.loads((build / "summary.json").read_text(encoding="utf-8"))["num_epochs"] == 30


def test_pages_stand_alone(lessons, tmp_path, own_digits):
    assert run(lessons, tmp_path / "build") == 0
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (tmp_path / "build" / "html").iterdir()}
    assert pages.keys() == LESSONS.keys()
    for page in pages.values():
        assert external(page) == []
        assert '<html lang="en">' in page
    before = pages["04_before"]
    assert html.unescape(re.search("<title>(.*?)</title>", before).group(1)) == "A <first> lesson & more"
    assert 'href="05_train.html#Fit"' in before
    assert 'href="06_look.html"' in before
    assert ".ipynb" not in before
    assert "One &quot;grey&quot; pixel" in pages["05_train"] or "'One \"grey\" pixel'" in pages["05_train"]
    assert "No description" not in pages["05_train"]
    # A widget lives only as long as its kernel: no page may ask for one.
    assert "jupyter.widget" not in pages["05_train"]


def test_pictures_beside_the_lessons_become_part_of_the_page(tmp_path):
    (tmp_path / "dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    page = html_page(new_notebook(cells=[new_markdown_cell("![A dot](dot.svg)")]), "name", tmp_path)
    assert external(page) == []
    assert "A dot" in page


def test_a_failing_cell_is_named_and_earlier_results_stay(lessons, tmp_path, own_digits, capfd):
    build = tmp_path / "build"
    assert run(lessons, build) == 0
    earlier = {path: path.read_bytes() for path in build.rglob("*.*") if "workspace" not in path.parts}
    assert len(earlier) == 2 * len(LESSONS) + 1

    cells = [new_code_cell("1 + 1"), new_code_cell("undefined_name")]
    nbformat.write(new_notebook(cells=cells), lessons / "05_train.ipynb")
    assert run(lessons, build) == 1
    printed = capfd.readouterr()
    assert re.search(r"05_train, .*cell 2.*NameError.*undefined_name", printed.err)
    assert "Traceback" not in printed.err + printed.out
    assert {path: path.read_bytes() for path in build.rglob("*.*") if "workspace" not in path.parts} == earlier


def test_a_renamed_lesson_leaves_no_page_behind(lessons, tmp_path, own_digits):
    build = tmp_path / "build"
    assert run(lessons, build) == 0
    (lessons / "04_before.ipynb").rename(lessons / "04_renamed.ipynb")
    assert run(lessons, build) == 0
    for folder in ("html", "notebooks"):
        assert [path.stem for path in sorted((build / folder).iterdir())] == ["04_renamed", "05_train", "06_look"]


def test_unusable_data_is_told_before_any_lesson(lessons, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("MNIST_PATH", str(tmp_path / "missing.npz"))
    assert run(lessons, tmp_path / "build") == 1
    printed = capfd.readouterr()
    assert "missing.npz" in printed.err
    assert "04_before" not in printed.out


def ends(process_id: int) -> bool:
    """Tell whether a process ends within a while: a busy system takes its time to clear one away."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(process_id, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a single process")
def test_an_interrupted_run_leaves_no_kernel(lessons, tmp_path, own_digits):
    told = tmp_path / "pid"
    source = (
        f"import os, time; from pathlib import Path; Path({str(told)!r}).write_text(str(os.getpid())); time.sleep(300)"
    )
    nbformat.write(new_notebook(cells=[new_code_cell(source)]), lessons / "04_before.ipynb")
    # A shell starts what it runs in the background with Ctrl-C ignored, and everything below inherits that.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "import sys; from pathlib import Path; from tools.run import run; "
    code += "run(*map(Path, sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, lessons, tmp_path / "build"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 60
        while not (told.exists() and told.read_text()) and time.monotonic() < deadline:
            time.sleep(0.1)
        kernel = int(told.read_text())
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "KeyboardInterrupt" in said
    assert ends(kernel)


def test_the_real_lessons_run_on_the_embedded_digits(tmp_path, offline, capfd):
    build = tmp_path / "build"
    assert run(ROOT / "notebooks", build, num_epochs=2) == 0, capfd.readouterr().err
    summary = json.loads((build / "summary.json").read_text(encoding="utf-8"))
    assert (summary["dataset"], summary["train_images"], summary["test_images"]) == ("UCI digits", 1500, 297)
    assert summary["num_epochs"] == 2
    assert 0.5 < summary["test_accuracy"] < 1
    names = [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    assert list(summary["lessons"]) == names
    for name in names:
        page = (build / "html" / f"{name}.html").read_text(encoding="utf-8")
        assert external(page) == [], name
        assert "No description has been provided" not in page, name
        executed = nbformat.read(build / "notebooks" / f"{name}.ipynb", as_version=4)
        assert str(ROOT) not in json.dumps(executed) + page, name
        assert '"stderr"' not in json.dumps(executed), name
