"""One JupyterLab and one browser for all browser tests; a fresh page, workspace and kernel for each.

Fixtures for tests in this folder (waits are on states, with a minute of patience; no test sleeps):

``lesson``
    A `Lesson`: JupyterLab in the browser, to open a lesson or some cells in. Its docstrings tell what it can do::

        def test_the_slider_moves_the_digit(lesson):
            lesson.open("01")  # or lesson.open(notebook_of("first cell", "second cell")), which takes a second
            lesson.run_all()  # fails when a cell has an error, writes to stderr, or shows a broken widget
            lesson.page.get_by_role("slider", name="image").press("ArrowRight")
            lesson.wait_for_value("explorer.index", 1)  # in the kernel
            lesson.keep_picture("explorer", lesson.cell("explorer"))  # build/browser/explorer.png

    Lessons see the embedded digits and an empty workspace. For others: ``lesson.execute("import os; os.environ[...]")``
    after opening.
``page``
    Playwright's page alone, for a page without Jupyter (``page.goto(path.as_uri())``).
``watch``
    What the page of this test asked for and complained about. Teardown fails a test whose page sent a request to
    another machine, logged an error or raised one. A test that means to: ``watch.allowed.append("a part of it")``.

Each test leaves ``build/browser/TEST.png``, its page at the end, passed or failed.

Where no Chromium, Chrome or Edge is found the tests are skipped and say so. The environment variable ``COURSE_BROWSER``
names the program to use; or it is ``required``, as in CI: then tests without a browser fail.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserType, Error, expect, sync_playwright

from tools.execution import kernel_environment

from .lesson import Lesson
from .watch import Watch

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "build" / "browser"
PATIENCE = 60_000  # ms, for what takes a moment on an idle machine

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
CHANNELS = ("chrome", "msedge")  # where Playwright looks by itself: installed for macOS or Windows, not on the PATH

# Whatever a page asks for, and whatever Chromium would like to know for itself: nothing gets as far as the network.
QUIET = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-quic",
    "--disable-gpu",
    "--no-first-run",
    "--disable-sync",
]

SETTINGS = {
    # All cells are in the page, also those that are not in view.
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
}


# --- the browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser():
    """Start the browser that is installed."""
    with sync_playwright() as playwright:
        started = start_browser(playwright.chromium)
        if started is None:
            chosen = os.environ.get("COURSE_BROWSER", "not set")
            reason = f"none of {', '.join(BROWSERS)} is on the PATH, and COURSE_BROWSER is {chosen}"
            (pytest.skip if chosen == "not set" else pytest.fail)(f"no browser: {reason}")
        expect.set_options(timeout=PATIENCE)
        yield started
        started.close()


def start_browser(chromium: BrowserType) -> Browser | None:
    chosen = os.environ.get("COURSE_BROWSER", "required")
    names = BROWSERS if chosen == "required" else [chosen]
    if found := next(filter(None, map(shutil.which, names)), None):
        return chromium.launch(executable_path=found, args=QUIET, timeout=PATIENCE)
    for channel in CHANNELS if chosen == "required" else ():
        try:
            return chromium.launch(channel=channel, args=QUIET, timeout=PATIENCE)
        except Error as error:
            if "is not found" not in error.message:
                raise
    return None


@pytest.fixture
def watch():
    """Return what listens to the page of this test."""
    return Watch()


@pytest.fixture
def page(browser, watch, request):
    """Open a page with no past, photograph it at the end, and see that it kept to this machine and raised no error."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    context.set_default_timeout(PATIENCE)
    watch.listen(context)
    page = context.new_page()
    yield page
    page.screenshot(path=picture_path(request.node.name))
    context.close()
    watch.check()


def picture_path(name: str) -> Path:
    return PICTURES / f"{re.sub(r'[^a-z0-9_.-]+', '-', name.removeprefix('test_'), flags=re.IGNORECASE).strip('-')}.png"


# --- JupyterLab ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lab:
    """The JupyterLab that was started for these tests."""

    address: str
    token: str
    folder: Path  # what its file browser shows; lessons are in notebooks/
    workspace: Path
    runtime: Path  # where kernels leave how to reach them

    def ask(self, path: str, method: str = "GET"):
        """Ask its REST API, and return the answer."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.address}/api/{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def delete_kernels(self) -> None:
        """End all kernels: JupyterLab would give one that is left to the next test that opens the same lesson."""
        for kind in ("sessions", "kernels"):
            for one in self.ask(kind):
                self.ask(f"{kind}/{one['id']}", "DELETE")


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Start JupyterLab as ``make lab`` does, on a copy of the lessons and with settings that are nobody's."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    home = tmp_path_factory.mktemp("jupyter")
    for name, content in SETTINGS.items():
        file = home / "config" / "lab" / "user-settings" / name
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(content), encoding="utf-8")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    lab = Lab(f"http://127.0.0.1:{port}", "browser-tests", folder, folder / "workspace", home / "runtime")
    code = (
        "from pathlib import Path; from tools.lab import open_lab; "
        f"open_lab(Path({str(folder)!r}), 'notebooks/00_start_here.ipynb', "
        f"['--no-browser', '--port={port}', '--LabApp.expose_app_in_browser=True'])"
    )
    with (home / "log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", code], env=environment(lab, home), cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until_it_answers(lab, server, home / "log")
        yield lab
        lab.delete_kernels()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def environment(lab: Lab, home: Path) -> dict[str, str]:
    """Return what JupyterLab and its kernels see: nothing of this person's Jupyter, and the embedded digits."""
    kept = kernel_environment(lab.workspace)
    for name in [name for name in kept if name.startswith(("JUPYTER", "MNIST_PATH"))]:
        del kept[name]
    own = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"JUPYTER_TOKEN": lab.token, "IPYTHONDIR": str(home / "ipython"), "KERAS_HOME": str(home / "keras")}
    return {**kept, **own, "COURSE_OFFLINE": "1"}


def wait_until_it_answers(lab: Lab, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            lab.ask("status")
            return
        except OSError as error:
            if server.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)  # it opens its port when it is ready, and tells nobody
                continue
            raise AssertionError(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')}") from error


@pytest.fixture
def lesson(lab, page):
    """Return JupyterLab in a page, with no kernel running and nothing in the workspace."""
    lab.delete_kernels()
    shutil.rmtree(lab.workspace, ignore_errors=True)
    return Lesson(lab, page, PICTURES)
