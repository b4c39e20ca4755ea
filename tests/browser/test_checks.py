"""The checks in every browser test notice the faults that they are meant to catch."""

import socket
import sys
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

from .lesson import notebook_of

SLIDER = "import ipywidgets\nslider = ipywidgets.IntSlider(description='Size')\nslider"
BROKEN = """
import anywidget
class Broken(anywidget.AnyWidget):
    _esm = "export default { render() { throw new Error('broken on purpose') } }"
Broken()
"""
PICTURE = "from IPython.display import HTML; HTML('<img src=http://{}/x.png alt=\"from elsewhere\">')"
CELLS = {
    "an error": "1 / 0",
    "stderr": "import warnings; warnings.warn('on purpose')",
    "a picture": PICTURE.format("example.invalid"),
    "this machine by another name": PICTURE.format("127.0.0.2"),
    "a socket": "from IPython.display import Javascript; Javascript('new WebSocket(\"ws://example.invalid/\")')",
}


@pytest.fixture(scope="module")
def notebook(lesson):
    lesson.open(notebook_of(SLIDER, *CELLS.values()))
    return lesson


def run(notebook, name):
    notebook.run_cell(1 + list(CELLS).index(name))


@pytest.mark.parametrize(("name", "text"), [("an error", "ZeroDivisionError"), ("stderr", "on purpose")])
def test_an_error_and_a_warning_are_noticed(notebook, name, text):
    notebook.run_cell(0)
    if name == "an error":
        notebook.check()  # nothing is wrong yet
        expect(notebook.widgets).to_have_count(1)
    run(notebook, name)
    with pytest.raises(AssertionError, match=text):
        notebook.check()


@pytest.mark.parametrize(
    ("name", "event", "text"),
    [
        ("a picture", "request", "another machine: http://example.invalid/x.png"),
        ("this machine by another name", "request", "another machine: http://127.0.0.2/x.png"),
        ("a socket", "websocket", "another machine: ws://example.invalid"),
    ],
)
def test_a_request_to_another_machine_is_noticed(notebook, watch, name, event, text):
    with notebook.page.expect_event(event, lambda one: one.url in text or one.url.startswith("ws://example")):
        run(notebook, name)
    with pytest.raises(AssertionError, match=text):
        watch.check()
    watch.allowed += ["ERR_", "example.invalid", "127.0.0.2"]  # what the browser asks and logs again, sooner or later


def test_a_widget_that_is_not_drawn_and_an_error_in_the_console(notebook, watch):
    # Nothing else is wrong with this notebook.
    notebook.open(notebook_of(BROKEN))
    notebook.run_cell(0)
    with pytest.raises(AssertionError, match="to be visible"):
        notebook.check(timeout=2)
    with pytest.raises(AssertionError, match="uncaught in the page: broken on purpose"):
        watch.check()
    notebook.page.evaluate("console.error('on purpose')")
    with pytest.raises(AssertionError, match="error in the console: on purpose"):
        watch.check()


def test_jupyterlab_is_for_this_machine_and_with_the_token_whatever_the_configuration_says(lab):
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{lab.address}/api/contents", timeout=60)
    assert "/login" in urllib.request.urlopen(f"{lab.address}/lab", timeout=60).geturl()
    assert lab.ask("api/contents")["type"] == "directory"
    properties = lab.ask("lab/api/settings/@jupyterlab/apputils-extension:notification")["schema"]["properties"]
    assert (properties["fetchNews"]["default"], properties["checkForUpdates"]["default"]) == ("false", False)
    if sys.platform == "linux":  # another of this machine's own addresses gets no answer
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", int(lab.address.rpartition(":")[2])), timeout=60)
