"""Exercises of lesson 02: pixels that never change, the ink of a digit, and one digit prepared for the network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Array, Exercise, Given, Number, Row, close, slips_of
from course_utils.preprocessing import preprocess_images

_TRAIN_VECTORS = Given(preprocess_images, rows_of="train_images")
_TEST_VECTORS = Given(preprocess_images, rows_of="test_images")


def _white_mistakes(num_white_pixels: float | NDArray, train_vectors: NDArray, test_vectors: NDArray) -> Iterator[Row]:
    most_ink, num_white = train_vectors.max(axis=0), np.count_nonzero(train_vectors == 0)
    no_ink, some_white = (train_vectors.max(axis=1) == 0).sum(), (train_vectors.min(axis=0) == 0).sum()
    of_test, of_first = (test_vectors.max(axis=0) == 0).sum(), (train_vectors[0] == 0).sum()
    ask = "How do you first get one number for each of the 784 places?"
    yield from slips_of(most_ink == 0, "pixels that are always white", "number")
    yield most_ink, "`{name}` holds the largest value of each pixel.", "How do you count those that are 0?"
    yield no_ink, "`{name}` is the number of images without any ink.", "Along which axis do you meet all the images?"
    yield some_white, "`{name}` counts pixels that are white in at least one image.", "Which are white in all of them?"
    yield of_test, "`{name}` is right for the test images, asked are the training images.", "Which array did you use?"
    yield of_first, "`{name}` is the number of white pixels in the first image.", "How do you ask all images at once?"
    yield num_white, "`{name}` is the number of white pixels in all images together.", ask
    yield num_white / len(train_vectors), "`{name}` is the number of white pixels in an average image.", ask
    yield (most_ink < 1).sum(), "`{name}` pixels are never entirely black.", "Which value does white paper have?"
    yield (most_ink == 1).sum(), "`{name}` pixels are entirely black in some image.", "Which value has white paper?"
    yield num_white_pixels > 784, "A vector has only 784 pixels, not {value}.", "What did you count?"


count_white_pixels = Exercise(
    "02.1",
    "Count the pixels that are always white",
    Number(
        "num_white_pixels",
        "a whole number",
        whole=True,
        expected=lambda train_vectors: (train_vectors.max(axis=0) == 0).sum(),
        mistakes=_white_mistakes,
        otherwise=("`{name}` is {value}, {more} than there are.", "Which pixels do you count, in which images?"),
    ),
    given={"train_vectors": _TRAIN_VECTORS, "test_vectors": _TEST_VECTORS},
    hints=[
        "A pixel that is white in every image has 0 as its largest value.",
        "`train_vectors.max(axis=0)` gives 784 numbers: the largest value of each pixel over all the images.",
        "Comparing these 784 numbers with 0 gives True or False for each, and `.sum()` counts the True ones.",
    ],
    comment=lambda num_white_pixels: (
        f"{num_white_pixels:.0f} of 784 inputs are 0 for every training image: the network cannot learn anything from "
        "them, and does not need them either."
    ),
)


def _mean(pixels: NDArray) -> float:
    return float(pixels.mean(dtype=np.float64)) if pixels.size else 0.0


def _ink_rows(value: float | NDArray, digit: int, train_vectors: NDArray, labels: NDArray) -> Iterator[Row]:
    chosen, shape = labels == digit, np.shape(value)
    vectors, others = train_vectors[chosen], train_vectors[~chosen]
    right, ask = _mean(vectors), "Which method makes one number of all these pixels?"
    choose, whose = "How do you use the comparison to choose from the vectors?", "Whose ink is wanted?"
    yield shape == (784,), "`{name}` has 784 numbers, the mean of each pixel, expected one.", ask
    yield shape == (len(vectors),), "`{name}` has the mean of each image, expected one number.", ask
    yield shape == chosen.shape, "`{name}` has a number or a truth value for each image, expected one.", ask
    yield shape[1:] == (784,), "`{name}` holds the vectors of images, expected a mean.", ask
    yield 0.0, "`{name}` is 0: so is the median, and so is one pixel in the corner.", "Which pixels did you choose?"
    yield right * 255, "`{name}` is in grey levels from 0 to 255, expected a share.", "Were the images scaled?"
    yield right / 255, "`{name}` is 255 times too small.", "What is the largest value in the vectors that you used?"
    yield right * 784, "`{name}` is one image's ink, its 784 pixels added up.", "What is the mean of these pixels?"
    yield right * vectors.size, "`{name}` is the sum of all pixels of all those images.", "What do you divide it by?"
    yield _mean(train_vectors[digit]), f"`{{name}}` is the ink of the image at position {digit}.", choose
    yield _mean(vectors[vectors > 0]), "`{name}` is the mean, with the white paper left out.", "Should zeros count too?"
    yield (vectors > 0).mean(), "`{name}` is the share of pixels that have any ink.", "Does a black pixel count more?"
    yield right * chosen.mean(), "`{name}` was divided by all images.", "How many images did you add up?"
    yield chosen.mean(), f"`{{name}}` is the share of images that show a {digit}.", choose
    yield chosen.sum(), f"`{{name}}` is how many images show a {digit}.", choose
    yield _mean(train_vectors), "`{name}` is the mean of all the images.", f"Which of them show a {digit}?"
    yield _mean(others), f"`{{name}}` is the mean of the images that do not show a {digit}.", "Is it `==` or `!=`?"
    for other in range(10):  # exactly, since several digits take about as much ink
        yield close(value, _mean(train_vectors[labels == other])), f"`{{name}}` is that of the {other}s.", whose
    yield 1 - right, "`{name}` is the share of white paper, expected that of ink.", "Which of the two has the value 0?"
    yield vectors.std(dtype=np.float64), "`{name}` is the standard deviation.", "Which method computes a mean?"
    yield 100 * right, "`{name}` is a percentage, expected a share.", "Which factor is too much?"
    yield not 0 <= value <= 1, "`{name}` is {value}, and a mean of pixels lies between 0 and 1.", "Is it a mean at all?"


measure_ink = Exercise(
    "02.2",
    "Compare the ink of zeros and ones",
    Number(
        "ink_of_zeros",
        "a number between 0 and 1",
        expected=lambda train_vectors, train_labels: _mean(train_vectors[train_labels == 0]),
        mistakes=lambda ink_of_zeros, train_vectors, train_labels: _ink_rows(
            ink_of_zeros, 0, train_vectors, train_labels
        ),
        otherwise=("`{name}` is {value}, {more} than the mean pixel of the zeros.", "Which images did you choose?"),
    ),
    Number(
        "ink_of_ones",
        "a number between 0 and 1",
        expected=lambda train_vectors, train_labels: _mean(train_vectors[train_labels == 1]),
        mistakes=lambda ink_of_ones, train_vectors, train_labels: _ink_rows(
            ink_of_ones, 1, train_vectors, train_labels
        ),
        otherwise=("`{name}` is {value}, {more} than the mean pixel of the ones.", "Which images did you choose?"),
    ),
    given={"train_vectors": _TRAIN_VECTORS, "train_labels": Given(rows_of="train_labels")},
    hints=[
        "`train_labels == 0` is True for each image of a zero, and False for the others.",
        "Put that comparison in brackets behind `train_vectors`, and only the rows of the zeros are left.",
        "`.mean()` without an axis makes one number of all that is left.",
    ],
    comment=lambda ink_of_zeros, ink_of_ones, train_vectors: (
        f"A zero takes {ink_of_zeros / ink_of_ones:.1f} times the ink of a one; the mean of all digits is "
        f"{_mean(train_vectors):.2f}."
    ),
)


def _prepared_mistakes(prepared: NDArray, test_image: NDArray) -> Iterator[Row]:
    pixels = test_image.reshape(1, 784).astype(np.float64)
    right, ask = pixels / 255, "Which two lengths do you hand to `reshape`?"
    scale, order = "What did the lesson divide by?", "Does `astype` come before or after the division?"
    yield prepared.shape == (28, 28), "`{name}` is still a table of 28 by 28, expected (1, 784).", ask
    yield prepared.shape == (784,), "`{name}` is a vector of shape (784,), expected (1, 784): a row for the image.", ask
    yield prepared.shape == (1, 28, 28), "`{name}` has the shape (1, 28, 28), expected (1, 784).", ask
    yield prepared.ndim == 0, "`{name}` is a single number, expected 784 in one row.", ask
    yield pixels, "The values still lie between 0 and 255: nothing was scaled.", "Which range does the network expect?"
    yield right / 255, "`{name}` was divided by 255 twice.", "Did you run a cell with `/=` twice?"
    yield pixels * 0, "All values of `{name}` are 0: nothing is left of the digit.", order
    hard = "`{name}` has nothing but 0 and 1: all the grey of the soft edges is gone."
    yield pixels // 255, hard, order
    yield np.round(right), hard, "Does the network need whole numbers?"
    yield (pixels > 0).astype(float), hard, "How would a pale pixel differ from a black one?"
    yield 1 - right, "`{name}` is inverted: ink has become 0 and paper 1.", "What was paper in the training images?"
    yield test_image.T.reshape(1, 784) / 255, "`{name}` was laid out column by column.", "Is a `.T` too many?"
    yield test_image[::-1].reshape(1, 784) / 255, "The picture stands on its head.", "Which row should come first?"
    yield test_image[:, ::-1].reshape(1, 784) / 255, "The picture is mirrored.", "Which column should come first?"
    yield 2 * right - 1, "The values of `{name}` lie between -1 and 1.", "Which range do the training images have?"
    wrapped = "Dark pixels in `{name}` have become negative: int8 goes up to 127 only."
    yield (pixels + 128) % 256 / 255 - 128 / 255, wrapped, "Which type did the lesson choose?"
    yield (pixels - pixels.mean()) / pixels.std(), "`{name}` was shifted to mean 0 and scaled.", scale
    for divisor in (256, 127.5, 100, 784, 28):
        yield pixels / divisor, f"`{{name}}` was divided by {divisor:g}.", "How large can a uint8 pixel be?"
    yield pixels / pixels.max(), "`{name}` was divided by its own largest pixel.", scale


prepare_one_digit = Exercise(
    "02.3",
    "Prepare one test digit for the network",
    Array(
        "prepared",
        "one row of 784 numbers",
        dtype=np.float32,
        expected=lambda test_image: np.float32(test_image.reshape(1, 784) / 255),
        mistakes=_prepared_mistakes,
        otherwise=("The values are not those of `test_image`, scaled.", "Which image and which steps did you use?"),
    ),
    given={"test_image": Given(lambda dataset: dataset.test_images[5])},
    hints=[
        "Three steps, as in the lesson: flatten, turn into real numbers, scale.",
        "`reshape(1, 28 * 28)` makes a table with one row.",
        "`astype` comes before the division, and the type that the lesson uses has four bytes.",
    ],
    comment="So will each digit be handed to the network: whatever it learned from looked like this.",
)
