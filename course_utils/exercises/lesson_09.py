"""Exercises of lesson 09: a grid of mistakes, and digits that are moved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from course_utils.course import counted
from course_utils.data import Dataset
from course_utils.exercises.core import Array, Exercise, Function, Given, Number, Row, close, slips_of
from course_utils.preprocessing import one_hot, preprocess_images

if TYPE_CHECKING:
    import keras

# --- 09.1 ------------------------------------------------------------------------------------------------------------


def can_be_predictions(predictions: NDArray, labels: NDArray) -> bool:
    """Tell whether these are digits as a trained network predicts them: most are right, but not all of a thousand."""
    accuracy = (np.asarray(predictions) == labels).mean()
    is_digits = predictions.shape == labels.shape and predictions.dtype.kind in "iu" and predictions.max() < 10
    return is_digits and accuracy > 0.5 and (accuracy < 1 or len(labels) < 1000)


def _first_ten(predictions: NDArray, test_labels: NDArray) -> NDArray:
    return np.flatnonzero(predictions != test_labels)[:10]


def _position_mistakes(first_mistakes: NDArray, predictions: NDArray, test_labels: NDArray) -> Iterator[Row]:
    given, labels, is_wrong, shape = first_mistakes, test_labels, predictions != test_labels, first_mistakes.shape
    wrong, right, size = np.flatnonzero(is_wrong), np.flatnonzero(~is_wrong), given.size
    first, ask, cut = wrong[:10], "Which function of NumPy gives positions of True?", "How do you slice ten?"
    marks = f"marks with {'True' if given.dtype == bool else 'ones'} the images that were"
    is_start = size >= len(first) and np.array_equal(given, is_wrong[:size])
    yield from (
        (shape == () and given == len(wrong), "is the number of mistakes.", "Where are they?"),
        (shape == () and given in wrong[:1], "is only the first mistake.", cut),
        (shape == (), "is a single number, expected a position for each mistake.", ask),
        (given.ndim == 3 or shape[1:] == (784,), "holds pictures, not their positions.", "Where are these images?"),
        (given.ndim == 2 and len(given) == 1, f"has the shape {shape}: np.where gives a tuple.", "What is in it?"),
        (shape[1:] == (2,), "has two numbers for each image, expected its position.", "What does each mean?"),
        (given.ndim > 1, f"has the shape {shape}, expected a row of positions.", "Does np.flatnonzero give the same?"),
        (np.array_equal(given, ~is_wrong), f"{marks} classified correctly, expected positions of the others.", ask),
        (is_start, f"{marks} misclassified, expected their positions.", ask),
        (given.dtype == bool, "holds True and False, expected positions.", ask),
        (not size, "holds no position.", "How many mistakes are there in all?"),
        (right[:10], "holds the first images that were classified correctly.", "Does == or != find mistakes?"),
        (right, "holds all images that were classified correctly.", "Does == or != find mistakes?"),
        (wrong, "holds all mistakes, expected the first ten.", cut),
        (wrong[-10:], "holds the last ten mistakes, not the first.", cut),
        (first[::-1], "holds the right positions in reverse order.", "In which order are the images?"),
        (first + 1, "holds positions that are each one too large.", "Which image is test_images[0]?"),
        (first - 1, "holds positions that are each one too small.", "Which image is test_images[0]?"),
        (labels[first], "holds the labels of the mistakes, not their positions.", "Where are they?"),
        (predictions[first], "holds the predictions for the mistakes, not their positions.", ask),
        (np.arange(10), "holds the first ten images of all.", "Which of them are misclassified?"),
        (
            wrong[wrong < 25],
            "holds only the mistakes among the 25 images of the lesson's grid.",
            "Where are the predictions for all images?",
        ),
    )
    is_outside, num_right = given.min() < 0 or given.max() >= len(labels), size - np.isin(given, wrong).sum()
    yield from (
        (is_outside or (given % 1).any(), f"must hold positions from 0 to {len(labels) - 1:,}.", ask),
        (num_right > 0, f"includes {counted(int(num_right), 'correct prediction')}.", "Did you compare all, in order?"),
        (len(np.unique(given)) < size, "holds some positions twice.", "How often should each appear?"),
        (size != len(first), f"holds only mistakes, but too {'few' if size < len(first) else 'many'}.", cut),
        (set(given) == set(first), "holds the right positions in another order.", "Did you sort or shuffle them?"),
        (True, "holds only mistakes, but an earlier one is missing.", "Did you sort them by something?"),
    )


def made_predictions(dataset: Dataset, wrong: slice) -> NDArray:
    """Return predictions for the test images that are wrong in some of them; for the tests."""
    predictions = dataset.test_labels.astype(int)
    predictions[wrong] = (predictions[wrong] + 5) % 10
    return predictions


def _how_often(predictions: NDArray, test_labels: NDArray) -> str:
    num_wrong = int((predictions != test_labels).sum())
    share = f"One test image in {len(test_labels) / max(1, num_wrong):.0f} is misclassified."
    return share if num_wrong else "This network made no mistake at all."


grid_of_mistakes = Exercise(
    "09.1",
    "Make a grid of mistakes only",
    Array(
        "first_mistakes",
        "the positions of the first mistakes",
        dtype=np.integer,
        expected=_first_ten,
        mistakes=_position_mistakes,
    ),
    given={
        "test_labels": Given(rows_of="test_labels"),
        "predictions": Given(
            test=lambda predictions, dataset: dataset is None or can_be_predictions(predictions, dataset.test_labels),
            example=lambda dataset: made_predictions(dataset, slice(8, None, 13)),
        ),
    },
    hints=[
        "predictions != dataset.test_labels is True for each misclassified image.",
        "np.flatnonzero(...) gives the positions of True; [:10] takes the first ten.",
    ],
    comment=_how_often,
)

# --- 09.2 ------------------------------------------------------------------------------------------------------------

_NUM_PIXELS = 3


def _move_right(images: NDArray, num_pixels: int) -> NDArray:
    return np.roll(images, num_pixels, axis=2)


def _with_paper(images: NDArray, num_pixels: int) -> NDArray:
    """Move images to the right as well, but what leaves on the right does not come back on the left."""
    return np.where(np.arange(28) < num_pixels, 0, _move_right(images, num_pixels))


def _movement_mistakes(images: NDArray, num_pixels: int, right: NDArray) -> Iterator[Row]:
    axis, keeps = "Which axis counts columns?", "What does a plot of the images before and after show?"
    wraps = "moves pixels from the end of a row into the next row: the argument `axis` is missing."
    yield from (
        (images, "gives the images as they were.", "np.roll gives a new array: do you return it?"),
        (_move_right(images, -num_pixels), "moves the digits to the left.", "In which direction do columns count?"),
        (np.roll(images, num_pixels, axis=1), "moves the digits down.", axis),
        (np.roll(images, -num_pixels, axis=1), "moves the digits up.", axis),
        (np.roll(images, num_pixels, axis=(1, 2)), "moves the digits down as well.", axis),
        (np.roll(images, num_pixels, axis=0), "changes the order of the images but moves no pixel within one.", axis),
        (np.roll(images, num_pixels), wraps, axis),
        (np.array([np.roll(each, num_pixels) for each in images]), wraps, axis),
        (_move_right(images, _NUM_PIXELS), "moves by 3 pixels, whatever `num_pixels` is.", "Where is it used?"),
        (_move_right(images, 2 * num_pixels), "moves twice as far.", "How often do you call np.roll?"),
        (_move_right(images, num_pixels + 1), "moves one pixel too far.", keeps),
        (_move_right(images, num_pixels - 1), "moves one pixel too little.", keeps),
        (right[:, :, ::-1], "mirrors the digits.", keeps),
        (right.transpose(0, 2, 1), "swaps rows and columns.", keeps),
        (right[0], "gives one image.", "What happens to the others?"),
        (right.reshape(len(right), 784), "gives vectors.", "Can you move first and prepare later?"),
        (right / 255, "moves the images and divides by 255: preprocess_images will do that.", "What comes first?"),
    )


def predict(model: keras.Model, vectors: NDArray) -> NDArray:
    """Return what `model.predict` does; a few images take less time than `predict` takes to start."""
    if len(vectors) > 2000:
        return model.predict(vectors, batch_size=500, verbose=0)
    return np.asarray(model(vectors, training=False))


def _accuracy(model: keras.Model, images: NDArray, labels: NDArray) -> float:
    """Return the share of images that a network classifies correctly; only pixels of uint8 are scaled."""
    vectors = preprocess_images(images) if images.dtype == np.uint8 else images.reshape(len(images), 784)
    return float((predict(model, vectors).argmax(axis=1) == labels).mean())


def _moved_accuracy(model: keras.Model, test_images: NDArray, test_labels: NDArray) -> float:
    return _accuracy(model, _move_right(test_images, _NUM_PIXELS), test_labels)


def _accuracy_mistakes(
    test_images: NDArray, test_labels: NDArray, model: keras.Model, dataset: Dataset
) -> Iterator[Row]:
    images, labels, ask = _move_right(test_images, _NUM_PIXELS), test_labels, "What went into predict?"
    vectors, share = preprocess_images(images), "How do you get a share of correct predictions?"
    probabilities = predict(model, vectors)
    is_right, before = probabilities.argmax(axis=1) == labels, _accuracy(model, test_images, labels)
    yield from slips_of(is_right, "correctly classified images", "share")
    yield from (
        (probabilities, "holds the probabilities, ten for each image, expected one number.", share),
        (probabilities.argmax(axis=1), "holds the predicted digits, expected one number.", share),
        (before, "is the accuracy on the images before they were moved.", ask),
        (before - is_right.mean(), "is how much accuracy was lost, expected what is left.", share),
        (is_right.mean() / before, "is a share of the accuracy before, expected a share of the images.", share),
        (probabilities.max(axis=1).mean(), "is the mean confidence, right or wrong.", "Where do the labels come in?"),
    )
    for other, what in (
        (_move_right(test_images, -_NUM_PIXELS), "digits that have moved to the left"),
        (np.roll(test_images, _NUM_PIXELS, axis=1), "digits that have moved down"),
        (np.roll(test_images, -_NUM_PIXELS, axis=1), "digits that have moved up"),
        (images.astype("float32"), "pixels that were not divided by 255"),
        (vectors / 255, "pixels that were divided by 255 twice"),
    ):
        yield _accuracy(model, other, labels), f"is the accuracy on {what}.", ask
    every = f"is the accuracy on all test images, moved; expected the first {len(labels)}."
    yield lambda: _moved_accuracy(model, dataset.test_images, dataset.test_labels), every, ask


def linear_network(vectors: NDArray, rows: NDArray, *layers: keras.Layer) -> keras.Model:
    """Return a stand-in for a trained network, after layers that change nothing; for the tests."""
    import keras

    padded = np.pad(vectors, ((0, 0), (0, 1)), constant_values=1)
    weights = np.linalg.solve(padded.T @ padded + np.diag([50.0] * 784 + [0.1]), padded.T @ rows)
    network = keras.Sequential([keras.Input((784,)), *layers, keras.layers.Dense(10, activation="softmax")])
    network.layers[-1].set_weights([5 * weights[:-1], 5 * weights[-1]])
    return network


def _made_network(dataset: Dataset) -> keras.Model:
    return linear_network(preprocess_images(dataset.train_images), one_hot(dataset.train_labels))


def _has_learned(model: keras.Model, dataset: Dataset | None) -> bool:
    return dataset is None or _accuracy(model, dataset.test_images[:500], dataset.test_labels[:500]) > 0.5


_IMAGES = np.random.default_rng(0).integers(1, 256, (4, 28, 28), dtype=np.uint8)  # no blank margin hides a mistake

shift_digits = Exercise(
    "09.2",
    "Move digits and classify them again",
    Function(
        "move_right",
        expected=_move_right,
        calls=[(_IMAGES, _NUM_PIXELS), (_IMAGES, 5)],
        returns=Array(
            "moved",
            "the moved images",
            dtype=np.uint8,
            is_right=lambda moved, images, num_pixels: np.array_equal(moved, _with_paper(images, num_pixels)),
            mistakes=_movement_mistakes,
            otherwise=(
                "does not give the images moved to the right.",
                "What does a picture of one of them show, before and after?",
            ),
        ),
    ),
    Number(
        "moved_accuracy",
        "a number between 0 and 1",
        expected=_moved_accuracy,
        is_right=lambda moved_accuracy, model, test_images, test_labels: close(
            moved_accuracy, _accuracy(model, _with_paper(test_images, _NUM_PIXELS), test_labels)
        ),
        mistakes=_accuracy_mistakes,
        otherwise=(
            "is {value}, {more} than the share of the moved images that the network classifies correctly.",
            "Do you predict from these images, prepared as always, and compare with the labels of these images only?",
        ),
    ),
    given={
        "test_images": Given(rows_of="test_images", most=500),
        "test_labels": Given(rows_of="test_labels", most=500),
        "model": Given(test=_has_learned, example=_made_network),
    },
    hints=[
        "A single image has the axes rows and columns. With many images, these are the second and the third: axis=2.",
        "predict takes preprocess_images(...) of the moved images. Compare with dataset.test_labels[:500].",
    ],
    comment=lambda moved_accuracy, test_images, test_labels, model: (
        f"Before the move it was {_accuracy(model, test_images, test_labels):.1%}, now {moved_accuracy:.1%}: "
        "the network does not know that pixels have neighbours."
    ),
)
