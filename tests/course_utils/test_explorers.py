"""How the explorers respond; the browser tests check how they look and feel."""

import re
from html import unescape

import numpy as np
import pytest
from IPython.utils.capture import capture_output

from course_utils import widgets
from course_utils.course import CourseError
from course_utils.data import Dataset
from course_utils.model import build_model
from course_utils.preprocessing import one_hot
from course_utils.widgets.gradient_descent import describe_losses
from course_utils.widgets.one_hot import describe_label
from course_utils.widgets.parameters import count_parameters
from course_utils.widgets.widget import Explorer

RANDOM = np.random.default_rng(9)
LABELS = RANDOM.integers(0, 9, size=300).astype(np.uint8)  # no 9
IMAGES = RANDOM.integers(0, 256, size=(300, 28, 28)).astype(np.uint8)
DATASET = Dataset("noise", IMAGES[:200], LABELS[:200], IMAGES[200:], LABELS[200:])
PROBABILITIES = RANDOM.dirichlet(np.full(10, 0.3), size=300)
WEIGHTS = np.linspace(-1, 3, 9), np.linspace(0, 5, 6)
LOSSES = np.add.outer((WEIGHTS[0] - 1) ** 2, 3 * WEIGHTS[1] ** 2)
PROBABILITIES[:100] = 0.02 + 0.8 * one_hot(LABELS[:100])
KERNEL = [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]
PRODUCTS = IMAGES[0, 6:9, 8:11] / 255 * KERNEL

FIRST_DIGIT = rf"training image 0, a {LABELS[0]}, whose pixel in row 14 and column 13 is {IMAGES[0, 14, 13]} "
STEPS = r"step: shape \(28, 28\), uint8, 0 to 255 → shape \(784,\), uint8, 0 to 255 → .* 0.0 to 255.0 → .* 0.0 to 1.0 "
SHOWN = [
    (widgets.explore_digits, (DATASET,), FIRST_DIGIT),
    (widgets.explore_preprocessing, (DATASET,), STEPS),
    (widgets.explore_one_hot, (DATASET,), rf"label {LABELS[0]}, row \[0, "),
    (widgets.explore_parameters, ((9, 7), (0, 0.35)), r"784-9-7-10: 7,065 \+ 70 \+ 80 = 7,215 "),
    (widgets.explore_gradient_descent, (*WEIGHTS, LOSSES), "contour lines of the loss, from 0 to 79, a slider "),
    (widgets.explore_kernel, (IMAGES, KERNEL), rf"row 6 and column 8 .* add up to {PRODUCTS.sum():.2f} "),
    (widgets.explore_confusion, (IMAGES, LABELS, PROBABILITIES), r"\d classified as \d, the most .*: \d+ of 300 "),
    (widgets.explore_confusion, (IMAGES, LABELS, one_hot(LABELS)), "0 classified as 0, since there is no mistake: "),
]


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize(("explore", "arguments", "text"), SHOWN)
def test_an_explorer_is_displayed_with_the_same_sentence_each_time(explore, arguments, text):
    sentences = []
    for _ in range(2):
        with capture_output() as captured:
            assert explore(*arguments) is None
        sentence, view = captured.outputs
        assert set(view.data) == {"application/vnd.jupyter.widget-view+json"}
        assert sentence.data["text/plain"] in unescape(sentence.data["text/html"])
        sentences.append(sentence.data["text/plain"])
    assert sentences[0] == sentences[1]
    assert sentences[0].endswith(" (interactive in JupyterLab).")
    assert re.search(text, sentences[0])


def test_an_explorer_responds_to_requests_and_reports_what_went_wrong():
    def respond(number):
        if number < 0:
            raise CourseError("Choose a positive number.")
        return {"half": 10 // number}

    explorer = Explorer("digits.js", respond=respond, request={"number": 2}, config={})
    assert [name for name, _ in explorer.modules] == ["shared.js", "digits.js"]
    assert explorer.response == {"request": {"number": 2}, "half": 5}
    for number, problem in [
        (
            0,
            "This did not work (ZeroDivisionError: integer division or modulo by zero). Run all cells above, "
            "then this one.",
        ),
        (-1, "Choose a positive number."),
    ]:
        explorer.set_state({"request": {"number": number}})  # as the browser does
        assert explorer.response == {"request": {"number": number}, "problem": problem}
    explorer.set_state({"request": {"number": 5}})
    assert explorer.response == {"request": {"number": 5}, "half": 2}


def test_a_label_leads_through_its_digits_and_back_to_the_first():
    places, index, visited = np.flatnonzero(DATASET.train_labels == 4).tolist(), 0, []
    for _ in range(len(places) + 1):
        visited.append(describe_label(DATASET, "training", index, 4)["index"])
        index = visited[-1] + 1
    assert visited == [*places, places[0]]
    assert describe_label(DATASET, "training", 0, 9) == {"label": 9, "row": [0] * 9 + [1]}


def test_parameters_are_counted_as_keras_counts_them():
    model = build_model()
    counted = count_parameters((512, 256), (0.5, 0.2))
    assert counted["total"] == model.count_params()
    names_and_numbers = [(layer.name, layer.count_params()) for layer in model.layers]
    assert [(layer["name"], layer["parameters"]) for layer in counted["layers"]] == names_and_numbers


def test_loss_and_gradient_of_the_grid():
    config = describe_losses(*WEIGHTS, LOSSES, 0.04)
    grid = np.frombuffer(config["grid"], "<f4").reshape(9, 6, 3)
    first, second = np.meshgrid(*WEIGHTS, indexing="ij")
    assert np.allclose(grid, np.stack([LOSSES, 2 * (first - 1), 6 * second], axis=-1), atol=1e-5)
    assert (config["ranges"], config["ticks"][0]) == ([[-1, 3], [0, 5]], [-1, 0, 1, 2, 3])
    assert 0.04 in config["rates"] and config["rates"][0] == 0.0005 and config["rates"][-1] == 3
    assert len(config["bands"]) == 11 and all(band.startswith("M") and band.endswith("Z") for band in config["bands"])


@pytest.mark.parametrize(
    ("explore", "arguments", "text"),
    [
        (widgets.explore_parameters, ((512, 2.5), (0.5, 0.2)), r"hidden_sizes is \(512, 2.5\), .*whole numbers"),
        (widgets.explore_parameters, ((512, 256), (0.5, 1)), r"dropout_rates is \(0.5, 1\), expected two rates"),
        (widgets.explore_confusion, (IMAGES, one_hot(LABELS), PROBABILITIES), r"\(300, 28, 28\), \(300, 10\) and"),
        (widgets.explore_confusion, (IMAGES / 255, LABELS, PROBABILITIES), "dtype float64; expected"),
    ],
)
def test_invalid_arguments_are_rejected(explore, arguments, text):
    with pytest.raises(ValueError, match=text):
        explore(*arguments)
