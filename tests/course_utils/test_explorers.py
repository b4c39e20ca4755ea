"""What the explorers answer; how they look and feel is for a browser to test."""

import re

import keras
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from sklearn.metrics import confusion_matrix

from course_utils import widgets
from course_utils.data import Dataset
from course_utils.preprocessing import one_hot, preprocess_images
from course_utils.widgets.confusion import PAGE_SIZE, ConfusionMatrix
from course_utils.widgets.digits import describe_digit
from course_utils.widgets.explorer import Explorer
from course_utils.widgets.one_hot import describe_label
from course_utils.widgets.parameters import count_parameters
from course_utils.widgets.preprocessing import describe_steps

RANDOM = np.random.default_rng(9)
LABELS = RANDOM.integers(0, 9, size=300).astype(np.uint8)  # no 9
IMAGES = RANDOM.integers(0, 256, size=(300, 28, 28)).astype(np.uint8)
DATASET = Dataset("noise", IMAGES[:200], LABELS[:200], IMAGES[200:], LABELS[200:])
PROBABILITIES = RANDOM.dirichlet(np.full(10, 0.3), size=300)
PROBABILITIES[:100] = 0.02 + 0.8 * one_hot(LABELS[:100])


@pytest.fixture
def shell():
    """Display needs a running IPython, as in a kernel."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def ask(explorer, **question):
    """Put a question as the browser does, and return the answer."""
    explorer.set_state({"question": question})
    return explorer.answer


# --- how explorers are shown, whichever they are ---------------------------------------------------------------------

FIRST_DIGIT = rf"training image 0, a {LABELS[0]}, whose pixel in row 14 and column 13 is {IMAGES[0, 14, 13]} "
STEPS = r"step: shape \(28, 28\), uint8, 0 to 255 → shape \(784,\), uint8, 0 to 255 → .* 0.0 to 255.0 → .* 0.0 to 1.0 "
SHOWN = [
    (widgets.explore_digits, (DATASET,), FIRST_DIGIT),
    (widgets.explore_preprocessing, (DATASET,), STEPS),
    (widgets.explore_one_hot, (DATASET,), rf"label {LABELS[0]}, row \[0, "),
    (widgets.explore_parameters, (), r"784-512-256-10: 401,920 \+ 131,328 \+ 2,570 = 535,818 "),
    (widgets.explore_parameters, ((9, 7), (0, 0.35)), r"784-9-7-10: 7,065 \+ 70 \+ 80 = 7,215 "),
    (widgets.explore_confusion, (IMAGES, LABELS, PROBABILITIES), r"a \d read as a \d, the most .*: \d+ of 300 images "),
]


@pytest.mark.parametrize(("explore", "arguments", "told"), SHOWN)
def test_an_explorer_is_displayed_with_the_same_sentence_each_time(explore, arguments, told, shell):
    sentences = []
    for _ in range(2):
        with capture_output() as captured:
            assert explore(*arguments) is None
        (output,) = captured.outputs
        assert "application/vnd.jupyter.widget-view+json" in output.data
        sentences.append(output.data["text/plain"])
    assert sentences[0] == sentences[1]
    assert sentences[0].endswith(" (it moves in JupyterLab).")
    assert re.search(told, sentences[0])


@pytest.mark.parametrize("explore", [widgets.explore_digits, widgets.explore_preprocessing, widgets.explore_one_hot])
def test_only_a_dataset_can_be_explored(explore):
    with pytest.raises(TypeError, match=r"the dataset that load_dataset\(\) returns, got a ndarray"):
        explore(IMAGES)


def test_an_explorer_answers_what_it_is_asked_and_tells_what_went_wrong():
    explorer = Explorer("digits.js", lambda number: {"half": 10 // number}, {"number": 2}, {})
    assert explorer.answer == {"to": {"number": 2}, "half": 5}
    problem = ask(explorer, number=0)
    assert problem["problem"].startswith("ZeroDivisionError: integer division")
    assert problem["to"] == {"number": 0}
    assert ask(explorer, number=5) == {"to": {"number": 5}, "half": 2}


# --- what they answer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("part", "index", "place"), [("training", 0, 0), ("training", 199, 199), ("test", 3, 203)])
def test_any_digit(part, index, place):
    answer = describe_digit(DATASET, part, index)
    assert answer["label"] == LABELS[place]
    assert np.array_equal(np.frombuffer(answer["pixels"], np.uint8), IMAGES[place].ravel())


@pytest.mark.parametrize("describe", [describe_digit, describe_steps])
@pytest.mark.parametrize(("part", "index"), [("training", 200), ("test", 100), ("training", -1)])
def test_a_digit_that_does_not_exist(describe, part, index):
    with pytest.raises(IndexError, match=f"no {part} image {index}: they are numbered 0 to"):
        describe(DATASET, part, index)


def test_a_part_that_does_not_exist():
    with pytest.raises(ValueError, match="no part 'validation', only training and test"):
        describe_digit(DATASET, "validation", 0)


def test_the_steps_are_those_of_preprocess_images():
    answer = describe_steps(DATASET, "test", 5)
    image, steps = DATASET.test_images[5], answer["steps"]
    assert answer["label"] == DATASET.test_labels[5]
    assert [step["shape"] for step in steps] == ["(28, 28)", "(784,)", "(784,)", "(784,)"]
    assert [step["dtype"] for step in steps] == ["uint8", "uint8", "float32", "float32"]
    values = [np.frombuffer(step["values"], np.dtype(step["dtype"]).newbyteorder("<")) for step in steps]
    assert all(np.array_equal(each, image.ravel()) for each in values[:3])
    assert np.array_equal(values[3], preprocess_images(DATASET.test_images[5:6])[0])
    assert [step["max"] for step in steps] == [str(each.max()) for each in values]
    assert [step["counts"] for step in steps[:3]] == [np.histogram(image, bins=20, range=(0, 255))[0].tolist()] * 3
    assert all(sum(step["counts"]) == 784 for step in steps)


@pytest.mark.parametrize("index", [0, 17, 99])
def test_the_row_of_a_digit(index):
    answer = describe_label(DATASET, "test", index, None)
    assert answer["index"] == index
    assert answer["label"] == DATASET.test_labels[index]
    assert answer["row"] == one_hot(DATASET.test_labels)[index].tolist()


def test_a_label_goes_from_digit_to_digit_and_begins_anew():
    places = np.flatnonzero(DATASET.train_labels == 4).tolist()
    visited, index = [], 0
    for _ in range(len(places) + 1):
        answer = describe_label(DATASET, "training", index, 4)
        assert answer["label"] == DATASET.train_labels[answer["index"]] == 4
        visited.append(answer["index"])
        index = answer["index"] + 1
    assert visited == [*places, places[0]]


def test_a_label_that_no_digit_has():
    assert describe_label(DATASET, "training", 0, 9) == {"label": 9, "row": [0] * 9 + [1]}


@pytest.mark.parametrize("sizes", [(512, 256), (1, 1), (1024, 1024), (114, 84), (37, 1000)])
@pytest.mark.parametrize("rates", [(0.5, 0.2), (0.0, 0.99)])
def test_parameters_are_counted_as_keras_counts_them(sizes, rates):
    layers = []
    for number, (size, rate) in enumerate(zip(sizes, rates, strict=True), start=1):
        layers.append(keras.layers.Dense(size, name=f"hidden_{number}"))
        layers.append(keras.layers.Dropout(rate, name=f"dropout_{number}"))
    layers.append(keras.layers.Dense(10, name="probabilities"))
    model = keras.Sequential([keras.Input((784,)), *layers])
    counted = count_parameters(sizes, rates)
    assert counted["total"] == model.count_params()
    assert [(layer["name"], layer["parameters"]) for layer in counted["layers"]] == [
        (layer.name, layer.count_params()) for layer in layers
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (((512,), (0.5, 0.2)), r"hidden_sizes is \(512,\), expected two"),
        (((512, 0), (0.5, 0.2)), "hidden_sizes is"),
        (((512, 2.5), (0.5, 0.2)), "whole numbers"),
        (((512, 256), (0.5, 1)), r"dropout_rates is \(0.5, 1\), expected two shares"),
        (((512, 256), (0.5, -0.1)), "dropout_rates is"),
        (((512, 256), (0.5,)), "dropout_rates is"),
    ],
)
def test_networks_that_cannot_be(arguments, told):
    with pytest.raises(ValueError, match=told):
        widgets.explore_parameters(*arguments)


def test_the_confusion_matrix_is_scikit_learns():
    matrix = ConfusionMatrix(IMAGES, LABELS, PROBABILITIES)
    expected = confusion_matrix(LABELS, PROBABILITIES.argmax(axis=1), labels=range(10))
    assert np.array_equal(matrix.counts, expected)


def test_each_image_is_behind_exactly_one_cell():
    labels = np.minimum(LABELS, 1)  # so that some cells have more than one page
    matrix = ConfusionMatrix(IMAGES, labels, PROBABILITIES)
    seen = []
    for (true, read_as), count in np.ndenumerate(matrix.counts):
        pages = [matrix.images_behind(true, read_as, page)["images"] for page in range(count // PAGE_SIZE + 2)]
        images = [image for page in pages for image in page]
        assert len(images) == count
        assert max(map(len, pages)) <= PAGE_SIZE
        assert [image["true"] for image in images] == sorted(image["true"] for image in images)
        for image in images:
            index = image["index"]
            assert (labels[index], PROBABILITIES[index].argmax()) == (true, read_as)
            assert (image["true"], image["read"]) == (PROBABILITIES[index, true], PROBABILITIES[index].max())
            assert image["pixels"] == IMAGES[index].tobytes()
        seen += [image["index"] for image in images]
    assert sorted(seen) == list(range(300))
    assert matrix.counts.max() > PAGE_SIZE


def test_a_network_that_makes_no_mistake_can_be_explored(shell):
    with capture_output() as captured:
        widgets.explore_confusion(IMAGES, LABELS, one_hot(LABELS))
    count = (LABELS == 0).sum()
    assert f"a 0 read as a 0, since there is no mistake: {count} of 300" in captured.outputs[0].data["text/plain"]


@pytest.mark.parametrize(
    ("images", "labels", "probabilities", "told"),
    [
        (IMAGES, LABELS, PROBABILITIES.argmax(axis=1), r"the shapes \(300, 28, 28\), \(300,\) and \(300,\), expected"),
        (IMAGES, one_hot(LABELS), PROBABILITIES, r"\(300, 28, 28\), \(300, 10\) and"),
        (IMAGES[:200], LABELS, PROBABILITIES, r"\(200, 28, 28\)"),
        (preprocess_images(IMAGES), LABELS, PROBABILITIES, r"\(300, 784\)"),
        (IMAGES[:0], LABELS[:0], PROBABILITIES[:0], r"\(0, 28, 28\)"),
        (IMAGES, LABELS + 2, PROBABILITIES, "labels are uint8, 2 to 10, expected whole numbers"),
        (IMAGES, LABELS / 1, PROBABILITIES, "labels are float64, 0.0 to 8.0"),
        (IMAGES / 255, LABELS, PROBABILITIES, "dtype float64, expected uint8"),
    ],
)
def test_what_does_not_fit_together_is_told(images, labels, probabilities, told):
    with pytest.raises(ValueError, match=told):
        widgets.explore_confusion(images, labels, probabilities)
