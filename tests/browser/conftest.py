"""One JupyterLab and one browser for all browser tests of a process; a page for each file of tests.

``lesson`` is JupyterLab in the page, to open a lesson or some cells in, with a fresh kernel, an empty workspace and the
embedded digits. ``page`` is Playwright's page alone. ``watch`` fails a test whose page sends a request to another
machine, logs an error or raises one; a test that does so on purpose calls ``watch.allowed.append("a part of it")``.

Each test leaves ``build/browser/TEST.png``, its page at the end. Tests wait for states; they never sleep. Without
Chromium, Chrome or Edge, the tests are skipped; with ``COURSE_BROWSER=required``, as in CI, they fail.
"""

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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from course_utils.course import BUILD, NOTEBOOKS, ROOT

from .lesson import Lesson

PICTURES = BUILD / "browser"
PATIENCE = 60_000  # ms, for what takes a moment on an idle machine
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
CHANNELS = ("chrome", "msedge")  # where Playwright looks by itself: installed for macOS or Windows, not on the PATH
# Nothing that a page or Chromium itself requests reaches the network.
QUIET = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]
QUIET += ["--disable-quic", "--disable-gpu", "--no-first-run", "--disable-sync"]
# JupyterLab logs this of a kernel that ends before it has said whether it can debug.
HARMLESS = "Could not restore the debugger state"


# --- the browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser():
    """Start the browser that is installed."""
    with sync_playwright() as playwright:
        started = start_browser(playwright.chromium)
        if started is None:
            is_required = os.environ.get("COURSE_BROWSER") == "required"
            (pytest.fail if is_required else pytest.skip)(f"no browser: none of {', '.join(PROGRAMS)} is on the PATH")
        expect.set_options(timeout=PATIENCE)
        yield started
        started.close()


def start_browser(chromium):
    if program := next(filter(None, map(shutil.which, PROGRAMS)), None):
        return chromium.launch(executable_path=program, args=QUIET, timeout=PATIENCE)
    for channel in CHANNELS:
        try:
            return chromium.launch(channel=channel, args=QUIET, timeout=PATIENCE)
        except Error as error:
            if "is not found" not in error.message:
                raise
    return None


class Watch:
    """Collects requests to other machines, errors in the console and uncaught exceptions, a sentence for each.

    A problem that contains a text of ``allowed`` does not count.
    """

    def __init__(self, context):
        self.problems, self.allowed = [], []
        self.listen(context)

    def listen(self, context):
        context.on("request", lambda request: self._see_address(request.url))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._see_address(socket.url)))
        context.on("console", self._see_message)
        context.on("weberror", lambda error: self.problems.append(f"uncaught in the page: {error.error}"))

    def check(self):
        """Fail if there is a problem that is not allowed; forget all of it."""
        found = [problem for problem in self.problems if not any(part in problem for part in self.allowed)]
        self.problems, self.allowed = [], []
        assert not found, "\n".join(["The page did something that it must not do:", *found])

    def _see_address(self, url):
        parts = urlsplit(url)
        # Any other name, even of an address of this machine, is a problem.
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.problems.append(f"request to another machine: {url}")

    def _see_message(self, message):
        if message.type == "error" and HARMLESS not in message.text:
            self.problems.append(f"error in the console: {message.text} ({message.location['url']})")


@pytest.fixture(scope="module")
def context(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, service_workers="block")
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture(scope="module")
def watch(context):
    return Watch(context)


@pytest.fixture(scope="module")
def page(context, watch):
    """Open a fresh page."""
    return context.new_page()


@pytest.fixture(autouse=True)
def look_at_the_page(page, watch, request):
    """Take a screenshot after each test, and check that the page used this machine only and raised no error."""
    yield
    if page.url != "about:blank":
        page.set_viewport_size({"width": 1280, "height": 900})
        name = re.sub(r"[^a-z0-9_.-]+", "-", request.node.name.removeprefix("test_"), flags=re.IGNORECASE).strip("-")
        page.screenshot(path=PICTURES / f"{name}.png")
    watch.check()


# --- JupyterLab ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lab:
    """The JupyterLab that was started for these tests."""

    address: str
    token: str
    folder: Path  # what its file browser shows; lessons are in notebooks/
    workspace: Path
    runtime: Path  # where kernels keep their connection files

    def ask(self, path, method="GET"):
        """Ask its REST API, and return the answer."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.address}/{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def delete_kernels(self):
        """End all kernels, or the next test that opens the same lesson would get the old one."""
        for kind in ("api/sessions", "api/kernels"):
            for one in self.ask(kind):
                self.ask(f"{kind}/{one['id']}", "DELETE")


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Start JupyterLab as ``make lab-source`` does, on a copy of the lessons."""
    folder, home = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("jupyter")
    shutil.copytree(NOTEBOOKS, folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    settings = folder / ".jupyter" / "lab" / "user-settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # All cells are in the page, also those that are not in view.
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}', encoding="utf-8")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    code = "from pathlib import Path; from tools.lab import open_lab; "
    code += f"open_lab(['--no-browser', '--port={port}', '--LabApp.expose_app_in_browser=True'], folder=Path.cwd())"
    with (home / "log").open("w", encoding="utf-8") as log:
        command, options = [sys.executable, "-c", code], {"stdout": log, "stderr": subprocess.STDOUT}
        server = subprocess.Popen(command, env=environment(folder / "workspace", home), cwd=folder, **options)
    try:
        token = find_token(server, home)
        (runtime,) = home.glob("*/runtime")
        lab = Lab(f"http://127.0.0.1:{port}", token, folder, folder / "workspace", runtime)
        yield lab
        lab.delete_kernels()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def environment(workspace, home):
    """Return the environment of JupyterLab and its kernels: the embedded digits, and temporary files in `home`."""
    kept = {name: value for name, value in os.environ.items() if name != "MNIST_PATH"}
    own = {"TMPDIR": str(home), "TEMP": str(home), "KERAS_HOME": str(home / "keras")}
    return {**kept, **own, "PYTHONPATH": str(ROOT), "COURSE_WORKSPACE": str(workspace), "COURSE_OFFLINE": "1"}


def find_token(server, home):
    """Return the token in the address that JupyterLab prints, as soon as it accepts connections there."""
    deadline = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < deadline:
        log = (home / "log").read_text(encoding="utf-8")
        if found := re.search(r"http://127\.0\.0\.1:(\d+)/\S+token=([0-9a-f]{32,})", log):
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", int(found[1]))):
                return found[2]
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{(home / 'log').read_text(encoding='utf-8')}")


@pytest.fixture(scope="module")
def lesson(lab, page):
    """Return JupyterLab in a page."""
    return Lesson(lab, page, PICTURES)
