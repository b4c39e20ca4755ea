"""Exercises of lesson 01: find the faintest of a thousand images; compare how often the digits occur."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Array, Exercise, Given, Number, Row

NUM_SEARCHED = 1000

# --- 01.1 ------------------------------------------------------------------------------------------------------------


def _ink(images: NDArray) -> NDArray:
    return images.sum(axis=(1, 2), dtype=np.int64)


def _position_mistakes(faintest: float | NDArray, train_images: NDArray) -> Iterator[Row]:
    images = train_images[:NUM_SEARCHED]
    ink, ask = _ink(images), "Which NumPy function says where the smallest number stands?"
    if isinstance(faintest, np.ndarray):
        yield faintest.shape == images.shape[1:], "`{name}` is an image itself, expected its position.", ask
        yield faintest.shape == ink.shape, "`{name}` has a number for each of the 1,000 images, expected one.", ask
        return
    yield ink.min(), "`{name}` is how much ink the faintest image has.", "What is `argmin`, beside `min`?"
    yield (
        ink.argmax(),
        "Image {value} has the most ink of all: 0 is white and 255 is full ink.",
        "A large sum, or small?",
    )
    yield ink.argmin() + 1, "Image {value} is the one after the faintest.", "At which number does NumPy begin to count?"
    # Python's own sum() starts from uint8 rows and stays uint8, and so does dtype="uint8".
    wrapped = "Image {value} is the faintest only if sums stop at 255 and begin again at 0, as in uint8."
    yield images.sum(axis=(1, 2), dtype="uint8").argmin(), wrapped, "Which type do your sums have?"
    of_all = "Image {value} is the faintest of all training images; asked are the first 1,000."
    yield _ink(train_images).argmin(), of_all, "Which part of the array did you search?"
    fewest = "Image {value} has the fewest pixels with any ink, however dark they are."
    yield (images > 0).sum(axis=(1, 2)).argmin(), fewest, "How would a pixel of 250 count more than one of 10?"
    brightest = "Image {value} is the one whose darkest pixel is the palest."
    yield images.max(axis=(1, 2)).argmin(), brightest, "Which sum says how much ink there is in all?"
    first_zero = "{value} is where the first 0 stands: you searched pixels, rows or columns, not images."
    yield images.argmin(), first_zero, "How do you first get exactly one number for each image?"
    outside = "`{name}` is {value}, but the first 1,000 images have the positions 0 to 999."
    yield not 0 <= faintest < len(images), outside, "Is it a position, or a count of something?"


find_faintest_image = Exercise(
    "01.1",
    "Find the faintest image",
    Number(
        "faintest",
        "the position of an image, a single number",
        whole=True,
        expected=lambda train_images: _ink(train_images[:NUM_SEARCHED]).argmin(),
        # Two images may have the same ink.
        is_right=lambda faintest, train_images: (
            isinstance(faintest, float)
            and faintest in np.flatnonzero((ink := _ink(train_images[:NUM_SEARCHED])) == ink.min())
        ),
        mistakes=_position_mistakes,
        otherwise=(
            "Image {value} is not the faintest: others have less ink.",
            "Does your sum go over rows and columns of each picture, and over nothing else?",
        ),
    ),
    given={"train_images": Given(rows_of="train_images")},
    hints=[
        "`train_images[:1000]` are the images to search; first make one number of each.",
        "`.sum(axis=(1, 2))` adds over rows and columns and leaves one sum for each image.",
        "A method whose name begins with `arg` says where the smallest number stands, and not how small it is.",
    ],
    comment=lambda train_images: (
        f"Its pixels add up to {(ink := _ink(train_images[:NUM_SEARCHED])).min():,}, where the average image has "
        f"{ink.mean():,.0f}."
    ),
)

# --- 01.2 ------------------------------------------------------------------------------------------------------------


def _shares(labels: NDArray) -> NDArray:
    return np.bincount(labels, minlength=10) / len(labels)


def _share_mistakes(found: NDArray, labels: NDArray, other_labels: NDArray) -> Iterator[Row]:
    counts, others = np.bincount(labels, minlength=10), np.bincount(other_labels, minlength=10)
    ask = "By what do you divide, so that you can compare 60,000 and 10,000 images?"
    yield (
        found.shape == labels.shape,
        "`{name}` has a number for each image, expected ten.",
        "What does bincount count?",
    )
    yield found.shape == (), "`{name}` is a single number, expected ten: one for each digit.", "What share has a 7?"
    yield counts, "`{name}` holds counts, expected shares, which add up to 1.", ask
    yield others, "`{name}` holds the counts of the other group, expected shares.", ask
    yield counts / len(other_labels), "`{name}` was divided by the number of images of the other group.", ask
    yield others / len(other_labels), "`{name}` holds the shares of the other group.", "Which labels did you count?"
    yield counts / 10, "`{name}` was divided by 10, the number of digits.", "A share of how many images is it?"
    yield counts / 784, "`{name}` was divided by 784, the number of pixels.", "A share of how many images is it?"
    yield counts / (len(labels) + len(other_labels)), "`{name}` was divided by all images of both groups.", ask
    yield counts / counts.max(), "`{name}` was divided by the largest count.", "What should all ten add up to?"
    tenth = "`{name}` says a tenth for each digit: that would be so if all were equally frequent."
    yield np.full(10, 0.1), tenth, "What do the labels say?"
    no_remainder = "`{name}` has only zeros: `//` throws away what is after the point."
    yield np.zeros(10), no_remainder, "Which division keeps it?"
    yield np.sort(counts / len(labels)), "`{name}` is sorted.", "At which position should the share of the zeros stand?"
    yield np.roll(counts / len(labels), -1), "`{name}` begins with the share of the ones.", "Which digit comes first?"
    yield (counts / len(labels))[1:], "`{name}` has no share of the zeros.", "Which digit comes first?"


def _digit_mistakes(digit: float | NDArray, train_labels: NDArray, test_labels: NDArray) -> Iterator[Row]:
    train, test = _shares(train_labels), _shares(test_labels)
    difference = test - train
    size = np.abs(difference)
    ask = "What becomes of a difference of -0.02 when you look for the largest?"
    yield size, "`{name}` holds all ten differences, expected a digit.", "Where is the largest of them?"
    yield difference, "`{name}` holds all ten differences, expected a digit.", "Where is the largest of them?"
    yield size.max(), "`{name}` is the largest difference itself, expected the digit.", "What is `argmax`?"
    one_way = "The shares of {value} differ most in one direction only; another digit differs more in the other."
    yield difference.argmax(), one_way, ask
    yield difference.argmin(), one_way, ask
    proportion = "The shares of {value} differ most in proportion; asked is the plain difference."
    yield (size / np.maximum(train, 1e-9)).argmax(), proportion, "What do you get without the division?"
    yield (size / np.maximum(test, 1e-9)).argmax(), proportion, "What do you get without the division?"
    counts = np.abs(np.bincount(test_labels, minlength=10) - np.bincount(train_labels, minlength=10))
    more_images = "The counts of {value} differ most, but one group has more images than the other."
    yield counts.argmax(), more_images, "What do you compare, so that this does not matter?"
    yield size.argmin(), "The shares of {value} differ least.", "Smallest or largest?"
    if isinstance(digit, float):
        outside = "`{name}` is {value}, expected one of the digits 0 to 9."
        yield not 0 <= digit <= 9, outside, "Is it a digit, or how often one occurs?"


compare_shares = Exercise(
    "01.2",
    "Compare training and test digits",
    Array(
        "train_shares",
        "ten numbers, one for each digit",
        expected=lambda train_labels: _shares(train_labels),
        mistakes=lambda train_shares, train_labels, test_labels: _share_mistakes(
            train_shares, train_labels, test_labels
        ),
    ),
    Array(
        "test_shares",
        "ten numbers, one for each digit",
        expected=lambda test_labels: _shares(test_labels),
        mistakes=lambda test_shares, train_labels, test_labels: _share_mistakes(test_shares, test_labels, train_labels),
    ),
    Number(
        "digit",
        "one of the digits 0 to 9",
        whole=True,
        expected=lambda train_labels, test_labels: np.abs(_shares(test_labels) - _shares(train_labels)).argmax(),
        mistakes=_digit_mistakes,
        otherwise=(
            "`{name}` is {value}, and there is a digit whose shares differ more.",
            "Where do the ten differences have their largest size, the sign left out?",
        ),
    ),
    given={"train_labels": Given(rows_of="train_labels"), "test_labels": Given(rows_of="test_labels")},
    hints=[
        "Begin with `np.bincount`, as in the lesson. What do the ten counts have to be divided by?",
        "All ten shares of a group add up to 1: divide by the number of labels in that group.",
        "For `digit`: subtract one array from the other, take `np.abs`, and ask where it is largest.",
    ],
    comment=lambda train_labels, test_labels: (
        f"Its share differs by {100 * np.abs(_shares(test_labels) - _shares(train_labels)).max():.2g} percentage "
        "points: both groups have nearly the same mixture, so the test asks for what was learned."
    ),
)
