"""Exercises of lesson 02: pixels that never change, the ink of a digit, and one digit prepared for the network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Array, Exercise, Given, Number, Row, slips_of
from course_utils.preprocessing import preprocess_images

_TRAIN_VECTORS = Given(preprocess_images, rows_of="train_images")
_TEST_VECTORS = Given(preprocess_images, rows_of="test_images")

# --- 02.1 ------------------------------------------------------------------------------------------------------------


def _white_mistakes(num_white_pixels: float | NDArray, train_vectors: NDArray, test_vectors: NDArray) -> Iterator[Row]:
    most_ink = train_vectors.max(axis=0)
    yield from slips_of(most_ink == 0, "pixels that are always white", "number")
    yield (
        most_ink,
        "`{name}` holds the largest value of each pixel, expected how many are 0.",
        "How do you count zeros?",
    )
    along = "`{name}` is the number of images without any ink: with `axis=1` you looked along each image."
    yield (train_vectors.max(axis=1) == 0).sum(), along, "Along which axis do you meet one pixel of all the images?"
    smallest = "`{name}` is the number of pixels that are white in at least one image."
    yield (train_vectors.min(axis=0) == 0).sum(), smallest, "If a pixel is never inked, what is its largest value?"
    in_test = "`{name}` is right for the test images, asked are the training images."
    yield (test_vectors.max(axis=0) == 0).sum(), in_test, "Which of the two arrays did you use?"
    first = "`{name}` is the number of white pixels in the first image alone."
    yield (train_vectors[0] == 0).sum(), first, "How do you ask all the images at once?"
    together = "`{name}` is the number of white pixels in all images together."
    num_white = np.count_nonzero(train_vectors == 0)
    yield num_white, together, "How do you first get one number for each of the 784 places?"
    per_image = "`{name}` is the number of white pixels in an average image."
    yield num_white / len(train_vectors), per_image, "How do you first get one number for each of the 784 places?"
    yield (most_ink < 1).sum(), "`{name}` pixels are never entirely black.", "Which value does white paper have?"
    yield (most_ink == 1).sum(), "`{name}` pixels are entirely black in some image.", "Which value has white paper?"
    if isinstance(num_white_pixels, float):
        outside = "`{name}` is {value}, but a vector has only 784 pixels."
        yield not 0 <= num_white_pixels <= 784, outside, "What did you count, and over what?"


count_white_pixels = Exercise(
    "02.1",
    "Count the pixels that are always white",
    Number(
        "num_white_pixels",
        "a whole number",
        whole=True,
        expected=lambda train_vectors: (train_vectors.max(axis=0) == 0).sum(),
        mistakes=_white_mistakes,
        otherwise=(
            "`{name}` is {value}, {more} than there are.",
            "Do you count those that are exactly 0, in all training images, and each pixel once?",
        ),
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

# --- 02.2 ------------------------------------------------------------------------------------------------------------


def _mean(pixels: NDArray) -> float:
    return float(pixels.mean(dtype=np.float64)) if pixels.size else 0.0


def _ink_of(digit: int, train_vectors: NDArray, train_labels: NDArray) -> float:
    return _mean(train_vectors[train_labels == digit])


def _ink_mistakes(value: float | NDArray, digit: int, train_vectors: NDArray, train_labels: NDArray) -> Iterator[Row]:
    chosen = train_labels == digit
    vectors, ask = train_vectors[chosen], "Which method makes one number of all these pixels?"
    right = _mean(vectors)
    if isinstance(value, np.ndarray):
        yield value.shape == (784,), "`{name}` has 784 numbers, the mean of each pixel, expected one.", ask
        yield value.shape == (len(vectors),), "`{name}` has the mean of each image, expected one number.", ask
        yield value.shape == chosen.shape, "`{name}` has a number or a truth value for each image, expected one.", ask
        yield value.ndim == 2 and value.shape[1] == 784, "`{name}` holds the vectors of images, expected a mean.", ask
        return
    zero = "`{name}` is 0: so is the median, and so is the mean of one pixel in the corner."
    yield 0.0, zero, f"How do you choose the rows with the label {digit}, and take the mean of all that is in them?"
    grey = "`{name}` is in grey levels from 0 to 255, expected a share of full ink, from 0 to 1."
    yield right * 255, grey, "Did you take the images before or after scaling?"
    yield right / 255, "`{name}` is 255 times too small.", "What is the largest value in the vectors that you used?"
    added = "`{name}` is the ink of one image with its 784 pixels added up, expected the mean pixel."
    yield right * 784, added, "How large can the mean of numbers between 0 and 1 be?"
    total = "`{name}` is the sum of all pixels of all those images, expected their mean."
    yield vectors.sum(dtype=np.float64), total, "What do you divide a sum by to get a mean?"
    one = f"`{{name}}` is the ink of the image at position {digit}, whatever it shows."
    yield _mean(train_vectors[digit]), one, "Where does it say which images show that digit?"
    inked = "`{name}` is the mean of those pixels that have ink, the white paper left out."
    yield _mean(vectors[vectors > 0]), inked, "What is the mean of all 784?"
    any_ink = "`{name}` is the share of pixels that have any ink, black or pale grey."
    yield (vectors > 0).mean(), any_ink, "How would a pale pixel count less than a black one?"
    by_all = f"`{{name}}` was divided by all images, and only some of them show a {digit}."
    yield right * chosen.mean(), by_all, "How many images did you add up?"
    share = f"`{{name}}` is the share of images that show a {digit}: the mean of the comparison itself."
    yield chosen.mean(), share, "How do you use the comparison to choose from the vectors?"
    yield chosen.sum(), f"`{{name}}` is how many images show a {digit}.", "How do you choose from the vectors with it?"
    everything = f"`{{name}}` is the mean of all the images, expected only those that show a {digit}."
    yield _mean(train_vectors), everything, "What does `train_labels == ...` give, and where can it stand?"
    others = f"`{{name}}` is the mean of all images that do not show a {digit}."
    yield _mean(train_vectors[~chosen]), others, "Is it `==` or `!=`?"
    yield 1 - right, "`{name}` is the share of white paper, expected that of ink.", "Which of the two has the value 0?"
    yield vectors.std(dtype=np.float64), "`{name}` is the standard deviation.", "Which method computes a mean?"
    yield 100 * right, "`{name}` is a percentage, expected a share.", "Which factor is too much?"
    outside = "`{name}` is {value}, and the mean of pixels between 0 and 1 lies between 0 and 1."
    yield not 0 <= value <= 1, outside, "Which range do the numbers have that you took the mean of?"


measure_ink = Exercise(
    "02.2",
    "Compare the ink of zeros and ones",
    Number(
        "ink_of_zeros",
        "a number between 0 and 1",
        expected=lambda train_vectors, train_labels: _ink_of(0, train_vectors, train_labels),
        mistakes=lambda ink_of_zeros, train_vectors, train_labels: _ink_mistakes(
            ink_of_zeros, 0, train_vectors, train_labels
        ),
        otherwise=("`{name}` is {value}, {more} than the mean pixel of the zeros.", "How many images did you choose?"),
    ),
    Number(
        "ink_of_ones",
        "a number between 0 and 1",
        expected=lambda train_vectors, train_labels: _ink_of(1, train_vectors, train_labels),
        mistakes=lambda ink_of_ones, train_vectors, train_labels: _ink_mistakes(
            ink_of_ones, 1, train_vectors, train_labels
        ),
        otherwise=("`{name}` is {value}, {more} than the mean pixel of the ones.", "How many images did you choose?"),
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

# --- 02.3 ------------------------------------------------------------------------------------------------------------


def _prepared_mistakes(prepared: NDArray, test_image: NDArray) -> Iterator[Row]:
    pixels = test_image.reshape(1, 784).astype(np.float64)
    right, ask, order = (
        pixels / 255,
        "Which two lengths do you hand to `reshape`?",
        "Does `astype` come before or after?",
    )
    table = "`{name}` is still a table of 28 by 28, expected (1, 784): one row for one image."
    yield prepared.shape == (28, 28), table, "Which step lays the rows of a picture one behind the other?"
    vector = "`{name}` is a vector of shape (784,), expected (1, 784): a table with a row for each image."
    yield prepared.shape == (784,), vector, ask
    yield prepared.shape == (1, 28, 28), "`{name}` has the shape (1, 28, 28), expected (1, 784).", ask
    yield prepared.ndim == 0, "`{name}` is a single number, expected 784 in one row.", ask
    unscaled = "The values of `{name}` still lie between 0 and 255: nothing was scaled."
    yield pixels, unscaled, "Which range does the network expect?"
    twice = "`{name}` was divided by 255 twice."
    yield right / 255, twice, "Did you run a cell with `/=` twice, or start from something that was scaled already?"
    yield pixels * 0, "All values of `{name}` are 0: the digit was lost in whole numbers.", order
    hard = "`{name}` has nothing but 0 and 1: in whole numbers, all the grey of the soft edges is gone."
    yield pixels // 255, hard, order
    yield np.round(right), hard, "Does the network need whole numbers?"
    yield (pixels > 0).astype(float), hard, "How would a pale pixel differ from a black one?"
    inverted = "`{name}` is inverted: ink has become 0 and paper 1."
    yield 1 - right, inverted, "What was paper in the images that the network learns from?"
    by_column = "`{name}` was laid out column by column: the network would see the picture mirrored at its diagonal."
    yield test_image.T.reshape(1, 784) / 255, by_column, "Is there a `.T` or an `order=` too much?"
    yield test_image[::-1].reshape(1, 784) / 255, "The picture stands on its head.", "Which row should come first?"
    yield test_image[:, ::-1].reshape(1, 784) / 255, "The picture is mirrored.", "Which column should come first?"
    centred = "The values of `{name}` lie between -1 and 1: some networks are trained so, but ours is not."
    yield 2 * right - 1, centred, "Which range do the training images have?"
    wrapped = "Dark pixels in `{name}` have become negative: int8 goes up to 127 only."
    yield (pixels + 128) % 256 / 255 - 128 / 255, wrapped, "Which type did the lesson choose?"
    standard = "`{name}` was shifted and scaled to mean 0: a good recipe, but not that of the training images."
    yield (pixels - pixels.mean()) / max(pixels.std(), 1e-9), standard, "What did the lesson divide by?"
    largest = "What is the largest value that a uint8 pixel can have?"
    for divisor in (256, 127.5, 100, 784, 28):
        yield pixels / divisor, f"`{{name}}` was divided by {divisor:g}.", largest
    own = "`{name}` was divided by its own largest pixel, so each image would be scaled in another way."
    yield pixels / pixels.max(), own, "What were the training images divided by?"


prepare_one_digit = Exercise(
    "02.3",
    "Prepare one test digit for the network",
    Array(
        "prepared",
        "an array of shape (1, 784)",
        dtype=np.float32,
        expected=lambda test_image: test_image.reshape(1, 784) / 255,
        mistakes=_prepared_mistakes,
        otherwise=(
            "`{name}` has the right shape, but its values are not those of `test_image`, scaled.",
            "Which image did you start from, and which of the three steps came after it?",
        ),
    ),
    given={"test_image": Given(lambda dataset: dataset.test_images[5])},
    hints=[
        "Three steps, as in the lesson: flatten, turn into real numbers, scale.",
        "`reshape(1, 28 * 28)` makes a table with one row.",
        "`astype` comes before the division, and the type that the lesson uses has four bytes.",
    ],
    comment="So will each digit be handed to the network: whatever it learned from looked like this.",
)
