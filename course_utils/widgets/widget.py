"""What the widgets share: their JavaScript and styles, and how the browser asks and the kernel responds.

An explorer is a Python function that turns a request into a response, and a JavaScript module that draws the response
and makes the next request. What needs no kernel, such as the pixel under the pointer, is done in the browser. While the
kernel is busy, ipywidgets keeps only the last request, so nothing lags behind.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import anywidget
import traitlets

from course_utils.course import CourseError
from course_utils.data import Dataset

JS = Path(__file__).parent / "js"
CSS = Path(__file__).parent / "css" / "widgets.css"
PARTS = ("training", "test")


def sources(*names: str) -> list[tuple[str, str]]:
    """Return name and text of JavaScript modules in the given order; each must follow those that it imports."""
    return [(name, (JS / name).read_text(encoding="utf-8")) for name in names]


class CourseWidget(anywidget.AnyWidget):
    """A widget of JavaScript modules in `JS`; anywidget serves only one file, ``loader.js``, which imports them."""

    _esm = JS / "loader.js"
    _css = CSS
    # As `sources` returns them, the widget's own last. Not a dict: a saved notebook sorts its keys.
    modules: traitlets.List = traitlets.List().tag(sync=True)


class StandaloneWidget(CourseWidget):
    """A widget that needs no kernel once it is shown: ``config`` is all that its JavaScript knows."""

    config = traitlets.Dict().tag(sync=True)

    def __init__(self, *scripts: str, config: dict) -> None:
        super().__init__(modules=sources("shared.js", *scripts), config=config)


class Explorer(CourseWidget):
    """A widget that responds to requests from the browser: `respond` takes the entries of a request by keyword.

    Its own module stands last in `scripts`, after those that it imports; ``shared.js`` is there anyway.
    """

    config = traitlets.Dict().tag(sync=True)  # constants; ``title`` is the heading
    request = traitlets.Dict().tag(sync=True)
    response = traitlets.Dict().tag(sync=True)  # what `respond` returned, or a ``problem``; and its ``request``

    def __init__(self, *scripts: str, respond: Callable[..., dict], request: dict, config: dict) -> None:
        self._respond = respond
        super().__init__(modules=sources("shared.js", *scripts), config=config, request=request)
        self._on_request()
        self.observe(self._on_request, "request")

    def _on_request(self, _: object = None) -> None:
        try:
            response = self._respond(**self.request)
        except CourseError as error:
            response = {"problem": str(error)}
        except Exception as error:  # which ipywidgets would log where no student looks
            response = {
                "problem": f"This did not work ({type(error).__name__}: {error}). Run all cells above, then this one."
            }
        self.response = {"request": self.request, **response}


class DatasetExplorer(Explorer):
    """An explorer of the digits of a dataset, which begins with training image 0."""

    def __init__(self, script: str, respond: Callable[..., dict], dataset: Dataset, **config: object) -> None:
        counts = {part: len(part_of(dataset, part)[1]) for part in PARTS}
        first = {"part": "training", "index": 0}
        super().__init__(script, respond=partial(respond, dataset), request=first, config={"counts": counts, **config})


def part_of(dataset: Dataset, part: str) -> tuple:
    """Return images and labels of the ``"training"`` or the ``"test"`` part of a dataset."""
    if part == "training":
        return dataset.train_images, dataset.train_labels
    return dataset.test_images, dataset.test_labels


def choose(dataset: Dataset, part: str, index: int) -> tuple:
    """Return image and label of a digit; raise `IndexError` if there is no such image."""
    images, labels = part_of(dataset, part)
    if not 0 <= index < len(images):
        raise IndexError(f"there is no {part} image {index}; the last one is {len(images) - 1}")
    return images[index], int(labels[index])
