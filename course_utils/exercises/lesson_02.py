"""Exercises of lesson 02: pixels that never change, and one digit prepared for the network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Array, Exercise, Given, Number, Row, slips_of
from course_utils.preprocessing import preprocess_images

_TRAIN_VECTORS = Given(preprocess_images, rows_of="train_images")
_TEST_VECTORS = Given(preprocess_images, rows_of="test_images")


def _white_mistakes(num_white_pixels: float | NDArray, train_vectors: NDArray, test_vectors: NDArray) -> Iterator[Row]:
    most_ink, num_white = train_vectors.max(axis=0), np.count_nonzero(train_vectors == 0)
    no_ink, some_white = (train_vectors.max(axis=1) == 0).sum(), (train_vectors.min(axis=0) == 0).sum()
    of_test, of_first = (test_vectors.max(axis=0) == 0).sum(), (train_vectors[0] == 0).sum()
    ask = "How do you first get one number for each of the 784 pixels?"
    yield from slips_of(most_ink == 0, "pixels that are always white", "number")
    yield most_ink, "holds the largest value of each pixel.", "How do you count those that are 0?"
    yield no_ink, "is the number of images without any ink.", "Which axis runs over the images?"
    yield some_white, "counts pixels that are white in at least one image.", "Which are white in all of them?"
    yield of_test, "is right for the test images, not for the training images.", "Which array did you use?"
    yield of_first, "is the number of white pixels in the first image.", "How do you look at all of them?"
    yield num_white, "is the number of white pixels in all images together.", ask
    yield num_white / len(train_vectors), "is the number of white pixels in an average image.", ask
    yield (most_ink < 1).sum(), "counts pixels that are never entirely black.", "Which value does white have?"
    yield (most_ink == 1).sum(), "counts pixels that are black in some image.", "Which value does white have?"
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
        otherwise=("is {value}, {more} than the right number.", "Which pixels do you count, in which images?"),
    ),
    given={"train_vectors": _TRAIN_VECTORS, "test_vectors": _TEST_VECTORS},
    hints=[
        "A pixel that is white in every image has 0 as its largest value.",
        "`train_vectors.max(axis=0)` gives 784 numbers: the largest value of each pixel over all the images.",
        "Comparing these 784 numbers with 0 gives True or False for each, and `.sum()` counts the True ones.",
    ],
    comment=lambda num_white_pixels: (
        f"{num_white_pixels:.0f} of 784 inputs are 0 for every training image. The network cannot learn anything from "
        "them, and it does not need them."
    ),
)


def _prepared_mistakes(prepared: NDArray, test_image: NDArray) -> Iterator[Row]:
    pixels = test_image.reshape(1, 784).astype(np.float64)
    right = pixels / 255
    scale, drops = "What did the lesson divide by?", "Which step drops what comes after the decimal point?"
    yield pixels, "The values still lie between 0 and 255: nothing was scaled.", "Which range does the network expect?"
    yield right / 255, "was divided by 255 twice.", "Did you run a cell with `/=` twice?"
    yield pixels * 0, "All values of `{name}` are 0: nothing is left of the digit.", drops
    hard = "has only 0 and 1: the grey of the soft edges is gone."
    yield pixels // 255, hard, drops
    yield np.round(right), hard, "Does the network need whole numbers?"
    yield (pixels > 0).astype(float), hard, "How would a pale pixel differ from a black one?"
    yield 1 - right, "is inverted: ink has become 0 and paper 1.", "What is paper in the training images?"
    yield test_image.T.reshape(1, 784) / 255, "was laid out column by column.", "Is there an extra `.T`?"
    yield test_image[::-1].reshape(1, 784) / 255, "The image is upside down.", "Which row should come first?"
    yield test_image[:, ::-1].reshape(1, 784) / 255, "The image is mirrored.", "Which column should come first?"
    yield 2 * right - 1, "The values of `{name}` lie between -1 and 1.", "Which range do the training images have?"
    wrapped = "Dark pixels in `{name}` have become negative: int8 only goes up to 127."
    yield (pixels + 128) % 256 / 255 - 128 / 255, wrapped, "Which type did the lesson choose?"
    yield (pixels - pixels.mean()) / pixels.std(), "was shifted to mean 0 and standard deviation 1.", scale
    for divisor in (256, 254, 127.5, 100, 784, 28):
        yield pixels / divisor, f"was divided by {divisor:g}.", "How large can a uint8 pixel be?"
    yield pixels / pixels.max(), "was divided by its own largest pixel.", scale


prepare_one_digit = Exercise(
    "02.2",
    "Repair the preprocessing of one digit",
    Array(
        "prepared",
        "one row of 784 numbers",
        dtype=np.float32,
        expected=lambda test_image: np.float32(test_image.reshape(1, 784) / 255),
        mistakes=_prepared_mistakes,
        otherwise=("The values are not the scaled pixels of `test_image`.", "Which image and which steps did you use?"),
    ),
    given={"test_image": Given(lambda dataset: dataset.test_images[5])},
    hints=[
        "Take the three steps of the lesson: flatten, convert to floating-point numbers, scale.",
        "`reshape(1, 28 * 28)` makes a table with one row.",
        "`astype` comes before the division, and the lesson's type has four bytes.",
    ],
    comment="The network needs every digit in this form, because it learns from digits in this form.",
)
