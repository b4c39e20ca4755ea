"""The checks that every browser test makes notice what they are there for."""

import re

import pytest
from playwright.sync_api import expect

from .lesson import notebook_of

SLIDER = """
import ipywidgets
slider = ipywidgets.IntSlider(description="Size")
slider
"""

BROKEN = """
import anywidget
class Broken(anywidget.AnyWidget):
    _esm = "export default { render() { throw new Error('broken on purpose') } }"
Broken()
"""

PICTURE = """
from IPython.display import HTML
HTML("<img src='http://{host}/x.png' alt='from elsewhere'>")
"""

SOCKET = """
from IPython.display import Javascript
Javascript("new WebSocket('ws://example.invalid/')")
"""


def test_a_clean_notebook_has_nothing_to_tell(lesson):
    lesson.open(notebook_of("answer = 6 * 7\nanswer", SLIDER))
    lesson.run_all()
    expect(lesson.outputs("cell-1")).to_have_text("42")
    expect(lesson.widgets).to_have_count(1)
    lesson.page.get_by_role("slider").press("ArrowRight")
    lesson.wait_for_value("slider.value", 1)


def test_an_error(lesson):
    lesson.open(notebook_of("1 / 0", "2"))
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        lesson.run_all()


def test_stderr(lesson):
    lesson.open(notebook_of("import warnings\nwarnings.warn('on purpose')"))
    with pytest.raises(AssertionError, match="on purpose"):
        lesson.run_all()


def test_a_widget_that_is_not_drawn(lesson, watch):
    watch.allowed.append("broken on purpose")
    lesson.open(notebook_of(BROKEN))
    lesson.start_all()
    lesson.wait_until_run()
    with pytest.raises(AssertionError, match="to be visible"):
        lesson.check(timeout=2)
    told(watch, "uncaught in the page: broken on purpose")


@pytest.mark.parametrize("host", ["example.invalid", "127.0.0.2"])
def test_a_picture_from_another_machine(host, lesson, watch):
    watch.allowed.append(host)
    lesson.open(notebook_of(PICTURE.format(host=host)))
    with lesson.page.expect_request(f"http://{host}/**"):
        lesson.run_all()
    told(watch, f"another machine: http://{host}")


def test_a_socket_to_another_machine(lesson, watch):
    watch.allowed.append("example.invalid")
    lesson.open(notebook_of(SOCKET))
    with lesson.page.expect_websocket():
        lesson.run_all()
    told(watch, "another machine: ws://example.invalid")


def test_an_error_in_the_console(page, watch):
    watch.allowed.append("on purpose")
    page.evaluate("console.error('on purpose')")
    told(watch, "error in the console: on purpose")


def told(watch, text):
    """Assert that a problem is one that fails a test, were it not allowed."""
    allowed, watch.allowed = watch.allowed, []
    with pytest.raises(AssertionError, match=re.escape(text)):
        watch.check()
    watch.allowed = allowed
