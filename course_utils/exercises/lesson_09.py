"""Exercises of lesson 07: a grid of mistakes, and digits that are shifted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from course_utils.data import Dataset
from course_utils.exercises.core import Array, Exercise, Given, Number, Row, slips_of
from course_utils.preprocessing import one_hot, preprocess_images

if TYPE_CHECKING:
    import keras

# --- 09.1 ------------------------------------------------------------------------------------------------------------


def can_be_predictions(predictions: NDArray, labels: NDArray) -> bool:
    """Tell whether these are digits as a trained network reads them: most are right, and of very many not all."""
    accuracy = (np.asarray(predictions) == labels).mean()
    is_digits = predictions.shape == labels.shape and predictions.dtype.kind in "iu" and predictions.max() < 10
    return is_digits and accuracy > 0.5 and (accuracy < 1 or len(labels) < 1000)


def _position_mistakes(
    first_mistakes: NDArray, predictions: NDArray, test_labels: NDArray, num_mistakes: int
) -> Iterator[Row]:
    given, labels, is_wrong = first_mistakes, test_labels, predictions != test_labels
    wrong, right = np.flatnonzero(is_wrong), np.flatnonzero(~is_wrong)
    first, shape, ask = wrong[:num_mistakes], given.shape, "Which function of NumPy gives the positions of True?"
    yield given.ndim == 0 and given == len(wrong), "`{name}` is how many mistakes there are.", "Where are they?"
    yield given.ndim == 0 and given in wrong[:1], "`{name}` is the first mistake alone.", "How do you slice ten?"
    yield given.ndim == 0, "`{name}` is a single number, expected a position for each mistake.", ask
    pictures = "`{name}` holds pictures, not where they are."
    yield given.ndim == 3 or shape[1:] == (784,), pictures, "Which numbers in brackets after test_images give them?"
    in_tuple = f"`{{name}}` has the shape {shape}: np.nonzero and np.where give a tuple, with an array for each axis."
    yield given.ndim == 2 and len(given) == 1, in_tuple, "How do you take its first entry, and then ten positions?"
    table = f"`{{name}}` has the shape {shape}, expected a row of positions."
    pairs = "`{name}` has two numbers for each image, expected its position alone."
    yield given.ndim == 2 and shape[1] == 2, pairs, "Which of them is the position?"
    yield given.ndim > 1, table, "Does np.flatnonzero give the same as np.argwhere?"
    marks = f"`{{name}}` marks with {'True' if given.dtype == bool else 'ones'} the images that were read"
    yield np.array_equal(given, ~is_wrong), f"{marks} correctly, expected the positions of the others.", ask
    is_start = len(given) >= len(first) and np.array_equal(given, is_wrong[: len(given)])
    yield is_start, f"{marks} wrongly, expected their positions.", ask
    yield given.dtype == bool, "`{name}` holds True and False, expected positions.", ask
    yield not len(given), "There is no position in `{name}`.", "How many mistakes are there in all?"
    equal, cut = "Does == or != find mistakes?", "How do you slice the first few?"
    yield right[:num_mistakes], "`{name}` has the first images that were read correctly.", equal
    yield right, "`{name}` has all images that were read correctly.", equal
    yield wrong, f"`{{name}}` has all mistakes, asked are the first {num_mistakes}.", cut
    yield wrong[-num_mistakes:], f"`{{name}}` has the last {num_mistakes} mistakes, not the first.", cut
    yield first[::-1], "`{name}` has the right positions in reverse.", "In which order do the images stand?"
    yield first + 1, "Each position in `{name}` is one too large.", "Which image is test_images[0]?"
    yield first - 1, "Each position in `{name}` is one too small.", "Which image is test_images[0]?"
    yield labels[first], "`{name}` has the labels of the mistakes, not their positions.", "Where are they?"
    yield predictions[first], "`{name}` has what the network read in its mistakes, not where they are.", ask
    simply = f"`{{name}}` has simply the first {num_mistakes} images."
    yield np.arange(num_mistakes), simply, "Which of them did the network read wrongly?"
    of_grid = "`{name}` has only the mistakes among the first 25 images, those of the lesson's grid."
    yield wrong[wrong < 25], of_grid, "Which variable of the lesson holds the predictions for all test images?"
    outside = f"`{{name}}` has other numbers than positions: these are whole numbers from 0 to {len(labels) - 1:,}."
    yield given.min() < 0 or given.max() >= len(labels) or (given % 1).any(), outside, "What counts a position?"
    num_right = len(given) - np.isin(given, wrong).sum()
    some = f"{num_right} of the {len(given)} images at these positions were read correctly."
    yield num_right > 0, some, "Are all predictions compared with all test_labels, in their order?"
    yield len(np.unique(given)) < len(given), "Some positions stand in `{name}` twice.", "How often is each one named?"
    yield len(given) < len(first), "All in `{name}` are mistakes, but there are too few.", cut
    yield len(given) > len(first), "All in `{name}` are mistakes, but there are too many.", cut
    shuffled = "`{name}` has the right positions, but not in the order of the test images."
    yield set(given) == set(first), shuffled, "Were they sorted or shuffled?"
    not_first = "All in `{name}` are mistakes, but not the first: an earlier one is missing."
    yield True, not_first, "Were the mistakes sorted by something, or the first of them left out?"


def _made_predictions(dataset: Dataset) -> NDArray:
    labels, is_wrong = dataset.test_labels.astype(int), np.arange(len(dataset.test_labels)) ** 2 % 29 == 6
    return np.where(is_wrong, (labels + 1) % 10, labels)


def _how_often(predictions: NDArray, test_labels: NDArray) -> str:
    num_wrong = int((predictions != test_labels).sum())
    share = f"One test image in {len(test_labels) / max(1, num_wrong):.0f} is read wrongly."
    return share if num_wrong else "This network made no mistake at all."


grid_of_mistakes = Exercise(
    "09.1",
    "Make a grid of mistakes only",
    Array(
        "first_mistakes",
        "the positions of the first mistakes",
        dtype=np.integer,
        expected=lambda predictions, test_labels, num_mistakes: np.flatnonzero(predictions != test_labels)[
            :num_mistakes
        ],
        mistakes=_position_mistakes,
    ),
    given={
        "test_labels": Given(rows_of="test_labels"),
        "predictions": Given(
            test=lambda predictions, dataset: dataset is None or can_be_predictions(predictions, dataset.test_labels),
            example=_made_predictions,
        ),
        "num_mistakes": Given(lambda: 10),
    },
    hints=[
        "predictions != dataset.test_labels is True for each image that was read wrongly.",
        "np.flatnonzero(...) gives the positions of True, as in lesson 07; [:10] takes the first ten.",
    ],
    comment=_how_often,
)

# --- 09.2 ------------------------------------------------------------------------------------------------------------


def _is_shifted(images: NDArray | None, test_images: NDArray, num_pixels: int) -> bool:
    """Tell whether images are shifted; what leaves on the right need not come back on the left."""
    rolled = np.roll(test_images, num_pixels, axis=2)
    blank = np.where(np.arange(28) < num_pixels, 0, rolled)
    return images is not None and (np.array_equal(images, rolled) or np.array_equal(images, blank))


def _movement(images: NDArray, originals: NDArray) -> tuple[int, int] | None:
    """Return by how many pixels images have moved down and to the right, whatever came in; None if not just that."""
    for down, right in sorted(product(range(-14, 15), repeat=2), key=lambda steps: sum(map(abs, steps))):
        now, before = (
            np.s_[:, max(0, y) : 28 + min(0, y), max(0, x) : 28 + min(0, x)]
            for y, x in ((down, right), (-down, -right))
        )
        if all(np.array_equal(images[:num][now], originals[:num][before]) for num in (5, None)):
            return down, right
    return None


def _image_mistakes(shifted_images: NDArray, test_images: NDArray, num_pixels: int, dataset: Dataset) -> Iterator[Row]:
    images, originals, shape = shifted_images, test_images, shifted_images.shape
    wanted, few = f"expected {originals.shape}", "Which slice takes the first images?"
    yield shape == (28, 28), f"`{{name}}` is one image, {wanted}.", few
    vectors = f"`{{name}}` has vectors of 784 pixels, {wanted}: pictures."
    yield len(shape) == 2 and shape[1] == 784, vectors, "Can you shift first and prepare then?"
    if shape[1:] == (28, 28):
        yield len(images) != len(originals), f"`{{name}}` has {len(images):,} images, {wanted}.", few
    if shape != originals.shape:
        return
    pixels = np.rint(images * 255) if images.max() <= 1 else images
    divided = "The images are shifted as they should be, but divided by 255 already: preprocess_images does that."
    yield _is_shifted(pixels, originals, num_pixels), divided, "What does the network see if they are divided twice?"
    without_axis = "Without an axis, pixels leave at the end of a row and come back in the next row."
    yield np.array_equal(pixels, np.roll(originals, num_pixels)), without_axis, "Which axis counts columns?"
    if moved := _movement(pixels, originals):
        down, right = moved
        new = "The digits are where they should be, but not what comes in on the left."
        yield moved == (0, num_pixels), new, "What does np.roll put there?"
        yield moved == (0, 0), "Nothing has moved.", "np.roll gives a new array: was it kept?"
        ways = [f"{down} down", f"{-down} up", f"{right} to the right", f"{-right} to the left"]
        way = " and ".join(way for way, number in zip(ways, (down, -down, right, -right), strict=True) if number > 0)
        ask = (
            "Which axis counts columns?" if down else "In which direction do columns count, and how often was it done?"
        )
        yield True, f"The digits have moved by {way}, expected {num_pixels} to the right.", ask
    order = "The images have changed places, and their pixels have not moved: axis 0 counts the images."
    yield np.array_equal(pixels, np.roll(originals, num_pixels, axis=0)), order, "Which axis counts columns?"
    for what, back in (
        ("mirrored", pixels[:, :, ::-1]),
        ("upside down", pixels[:, ::-1]),
        ("turned, with rows and columns exchanged", pixels.transpose(0, 2, 1)),
        ("inverted, with dark paper", 255 - pixels),
    ):
        yield _movement(back, originals) is not None, f"The digits in `{{name}}` are {what}.", "What does a plot show?"
    training = "`{name}` has training images, asked are test images."
    yield _movement(pixels, dataset.train_images[: len(images)]) is not None, training, "What did you shift?"


def predict(model: keras.Model, vectors: NDArray) -> NDArray:
    """Return the probabilities as `model.predict` does, which takes longer to start than some images need."""
    if len(vectors) > 2000:
        return model.predict(vectors, batch_size=500, verbose=0)
    return np.asarray(model(vectors, training=False))


def _share_read(model: keras.Model, images: NDArray, labels: NDArray) -> float:
    """Return the share of images that a network reads correctly; only pixels of uint8 are scaled."""
    vectors = preprocess_images(images) if images.dtype == np.uint8 else images.reshape(len(images), 784)
    return float((predict(model, vectors).argmax(axis=1) == labels).mean())


def _right_images(shifted_images: NDArray | None, test_images: NDArray, num_pixels: int) -> NDArray:
    """Return the images of the student if they are right; what came in on the left may differ."""
    is_right = _is_shifted(shifted_images, test_images, num_pixels)
    return np.asarray(shifted_images, np.uint8) if is_right else np.roll(test_images, num_pixels, axis=2)


def _accuracy_mistakes(
    shifted_accuracy: float | NDArray,
    shifted_images: NDArray | None,
    test_images: NDArray,
    test_labels: NDArray,
    num_pixels: int,
    model: keras.Model,
    dataset: Dataset,
) -> Iterator[Row]:
    images, labels, ask = _right_images(shifted_images, test_images, num_pixels), test_labels, "What went into predict?"
    vectors, share = preprocess_images(images), "How do you make a share of right answers?"
    probabilities = predict(model, vectors)
    is_right, before = probabilities.argmax(axis=1) == labels, _share_read(model, test_images, labels)
    yield probabilities, "`{name}` holds the probabilities, ten for each image, expected one number.", share
    yield probabilities.argmax(axis=1), "`{name}` holds the digits that the network reads, expected one number.", share
    yield from slips_of(is_right, "images read correctly", "share")
    yield 1 - is_right.mean(), "`{name}` is the share of wrong answers.", "Does == or != count right answers?"
    yield before, "`{name}` is the accuracy on the images before they were shifted.", ask
    yield before - is_right.mean(), "`{name}` is how much accuracy was lost, expected what is left.", share
    yield is_right.mean() / before, "`{name}` is the share of the accuracy before, expected a share of images.", share
    for where, step, axis in (("to the left", -num_pixels, 2), ("down", num_pixels, 1), ("up", -num_pixels, 1)):
        other = _share_read(model, np.roll(test_images, step, axis=axis), labels)
        yield other, f"`{{name}}` is the accuracy on digits that have moved {where}.", ask
    unscaled = "`{name}` is what comes out if the pixels are not divided by 255."
    yield _share_read(model, images.astype("float32"), labels), unscaled, "Which helper prepares the images?"
    twice = "`{name}` is what comes out if the pixels are divided by 255 twice."
    yield _share_read(model, vectors / 255, labels), twice, "What does preprocess_images do with pixels?"
    sure = "`{name}` is how sure the network is on average, whether it is right or not."
    yield probabilities.max(axis=1).mean(), sure, "With what are its answers compared?"
    every = f"`{{name}}` is the accuracy on all test images, shifted; asked are the first {len(labels)}."
    all_images = np.roll(dataset.test_images, num_pixels, axis=2)
    yield lambda: _share_read(model, all_images, dataset.test_labels), every, ask
    if isinstance(shifted_accuracy, float):
        outside = "`{name}` is {value}, but an accuracy lies between 0 and 1."
        yield not 0 <= shifted_accuracy <= 100, outside, "Of how many images is it a share?"


def _linear_network(dataset: Dataset) -> keras.Model:
    import keras

    vectors = np.pad(preprocess_images(dataset.train_images), ((0, 0), (0, 1)), constant_values=1)
    weights = np.linalg.solve(
        vectors.T @ vectors + np.diag([10.0] * 784 + [0.1]), vectors.T @ one_hot(dataset.train_labels)
    )
    network = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10, activation="softmax")])
    network.set_weights([5 * weights[:-1], 5 * weights[-1]])
    return network


def _has_learned(model: keras.Model, dataset: Dataset | None) -> bool:
    return dataset is None or _share_read(model, dataset.test_images[:500], dataset.test_labels[:500]) > 0.5


shift_digits = Exercise(
    "09.2",
    "Shift digits and read them again",
    Array(
        "shifted_images",
        "the shifted pictures",
        dtype=np.uint8,
        expected=lambda test_images, num_pixels: np.roll(test_images, num_pixels, axis=2),
        is_right=lambda shifted_images, test_images, num_pixels: _is_shifted(shifted_images, test_images, num_pixels),
        mistakes=_image_mistakes,
        otherwise=(
            "`{name}` does not hold the first test images, each moved three pixels to the right.",
            "What does a picture of shifted_images[0] beside test_images[0] show?",
        ),
    ),
    Number(
        "shifted_accuracy",
        "a number between 0 and 1",
        expected=lambda shifted_images, test_images, test_labels, num_pixels, model: _share_read(
            model, _right_images(shifted_images, test_images, num_pixels), test_labels
        ),
        mistakes=_accuracy_mistakes,
        example=lambda test_images, test_labels, num_pixels, model: _share_read(
            model, np.roll(test_images, num_pixels, axis=2), test_labels
        ),
        otherwise=(
            "`{name}` is {value}, {more} than the share of the shifted images that the network reads correctly.",
            "Are predictions made from these images, prepared as always, and compared with the labels of just these?",
        ),
    ),
    given={
        "test_images": Given(rows_of="test_images", most=500),
        "test_labels": Given(rows_of="test_labels", most=500),
        "num_pixels": Given(lambda: 3),
        "model": Given(test=_has_learned, example=_linear_network),
    },
    hints=[
        "A single image has the axes rows and columns; with many images they are the second and the third: axis=2.",
        "predict takes preprocess_images(shifted_images); compare its answers with dataset.test_labels[:500].",
    ],
    comment=lambda shifted_accuracy, test_images, test_labels, model: (
        f"Before the shift it read {_share_read(model, test_images, test_labels):.1%}, now {shifted_accuracy:.1%}: "
        "it has no idea that pixels have neighbours."
    ),
)
