"""Provide what widgets need on a page without a kernel: their state, and the data for the responses of ``live.js``.

The state comes from a widget's own Python function and a few hundred digits, so page and notebook show the same.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from ipywidgets import Widget
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from course_utils import softmax_regression, widgets
from course_utils.data import Dataset
from course_utils.model import DROPOUT_RATES
from course_utils.preprocessing import one_hot, preprocess_images
from course_utils.readers import ARRAY_NAMES
from course_utils.training import TrainedModel, load_trained_model
from course_utils.widgets.widget import PARTS, CourseWidget, Explorer, part_of, sources
from tools.pad_page import network_in_numbers

#: The modules of all widgets; each one comes after those that it imports.
MODULES = [
    *sources("shared.js", "digits.js", "preprocessing.js", "one_hot.js", "parameters.js", "gradient_descent.js"),
    *sources("kernel.js", "confusion.js", "handwriting.js", "pad.js", "network.js", "training.js"),
    *((name, Path(__file__).with_name(name).read_text(encoding="utf-8")) for name in ("replay.js", "live.js")),
]
NUM_SAMPLES = 200
NUM_EPOCHS = 5


def live_widgets(names: Iterable[str], dataset: Dataset, workspace: Path) -> dict[str, str]:
    """Return the state of these widgets as JSON, by the names of the functions that show them in lessons.

    The network is the one that lesson 06 left in the workspace, or else the one that lessons use without it.
    """
    sample = replace(dataset, **{name: getattr(dataset, name)[:NUM_SAMPLES].copy() for name in ARRAY_NAMES})
    digits = {"sample": {part: _describe(*part_of(sample, part)) for part in PARTS}, "class_names": dataset.class_names}
    grid = np.linspace(-5, 5, 81)
    upper_edges = [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]

    @cache
    def trained() -> TrainedModel:
        with redirect_stdout(io.StringIO()):
            return load_trained_model(dataset, workspace)

    def preprocessing() -> dict[str, Any]:
        widget = _made("explore_preprocessing", sample)
        return _state(widget, {**digits, "steps": [{**step, "values": None} for step in widget.response["steps"]]})

    def parameters() -> dict[str, Any]:
        hidden_sizes = [len(biases) for biases in trained().model.get_weights()[1::2]][:-1]
        return _state(_made("explore_parameters", hidden_sizes, DROPOUT_RATES))

    def gradient_descent() -> dict[str, Any]:
        return _state(_made("explore_gradient_descent", grid, grid, _landscape(dataset, grid), learning_rate=10))

    def confusion() -> dict[str, Any]:
        vectors = preprocess_images(dataset.test_images)
        probabilities = trained().model.predict(vectors, batch_size=1000, verbose=0)
        widget = _made("explore_confusion", dataset.test_images, dataset.test_labels, probabilities)
        return _state(widget, {"pages": _pages(widget)})

    def pad() -> dict[str, Any]:
        return _state(_made("drawing_pad", trained().model), {"network": network_in_numbers(trained().model)})

    states: dict[str, Callable[[], dict[str, Any]]] = {
        "explore_digits": lambda: _state(_made("explore_digits", sample), digits),
        "explore_preprocessing": preprocessing,
        "explore_one_hot": lambda: _state(_made("explore_one_hot", sample), digits),
        "explore_parameters": parameters,
        "explore_gradient_descent": gradient_descent,
        "explore_kernel": lambda: _state(_made("explore_kernel", sample.test_images[:10], upper_edges)),
        "explore_confusion": confusion,
        "drawing_pad": pad,
        "replay_training": lambda: {"config": _recorded_training(trained())},
        "replay_weights": lambda: {"config": _linear_training(dataset)},
    }
    return {name: json.dumps(states[name](), default=_base64) for name in names}


def script(name: str, state: str) -> str:
    """Return a script that puts a state into the page, because a page opened as a file can load only scripts."""
    return f"(globalThis.courseWidgets ??= {{}}).{name} = {json.dumps(state)};\n"


def _made(name: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - any widget
    """Return the widget that a function of `course_utils.widgets` displays."""
    made: list[Widget] = []
    Widget.on_widget_constructed(made.append)
    try:
        with redirect_stdout(io.StringIO()):
            getattr(widgets, name)(*arguments, **options)
    finally:
        Widget.on_widget_constructed(None)
    return next(widget for widget in made if isinstance(widget, CourseWidget))


def _state(widget: Any, data: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: ANN401 - any widget
    return {"config": widget.config, "request": getattr(widget, "request", {}), "data": data or {}}


def _describe(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> dict[str, Any]:
    return {"images": images.tobytes(), "labels": labels.tolist()}


def _pages(confusion: Explorer) -> dict[str, list]:
    """Return the first page of images behind each cell of the matrix."""
    pages, first = {}, confusion.request
    for true, row in enumerate(confusion.config["counts"]):
        for predicted in np.flatnonzero(row):
            confusion.request = {"true": true, "read_as": int(predicted), "page": 0}
            pages[f"{true} {predicted}"] = confusion.response["images"]
    confusion.request = first
    return pages


def _landscape(dataset: Dataset, grid: NDArray) -> NDArray:
    """Return the losses of lesson 05's landscape: two weights of the digit 1 vary, all others are 0."""
    vectors, is_one = preprocess_images(dataset.train_images[:1000]), dataset.train_labels[:1000] == 1
    sums = (vectors[:, [14 * 28 + 14, 4 * 28 + 20]] @ np.stack(np.meshgrid(grid, grid, indexing="ij")).reshape(2, -1)).T
    losses = np.log(np.exp(sums) + 9) - sums * is_one
    return losses.mean(axis=1).reshape(len(grid), len(grid))


def _recorded_training(trained: TrainedModel) -> dict[str, Any]:
    num_epochs = len(trained.history["loss"])
    return {"title": "The recorded training, epoch by epoch", "history": trained.history, "num_epochs": num_epochs}


def _linear_training(dataset: Dataset) -> dict[str, Any]:
    """Return the linear baseline after each epoch: its weights as bytes around 128, and its test accuracies."""
    vectors, labels = preprocess_images(dataset.train_images), one_hot(dataset.train_labels)
    test_vectors = preprocess_images(dataset.test_images)
    with threadpool_limits(1):  # two threads would mostly wait for each other
        networks = [softmax_regression.train(vectors, labels, num_epochs=number) for number in range(NUM_EPOCHS + 1)]
    largest = max(abs(weights).max() for weights, _ in networks)
    return {
        "title": "Ten pictures of weights, epoch by epoch",
        "num_epochs": NUM_EPOCHS,
        "weights": [
            [column.tobytes() for column in np.rint(128 + 127 * weights.T / largest).astype(np.uint8)]
            for weights, _ in networks
        ],
        "accuracies": [
            float((softmax_regression.predict(*network, test_vectors).argmax(axis=1) == dataset.test_labels).mean())
            for network in networks
        ],
    }


def _base64(value: object) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError(f"The state of a widget cannot contain {type(value).__name__}")
    return {"base64": base64.b64encode(value).decode("ascii")}
