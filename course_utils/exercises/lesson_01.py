"""Exercises of lesson 01: find the faintest of a thousand images; compare how often the digits occur."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Array, Exercise, Given, Number, Row


def _ink(train_images: NDArray) -> NDArray:
    return train_images[:1000].sum(axis=(1, 2), dtype=np.int64)


def _position_mistakes(faintest: float | NDArray, train_images: NDArray) -> Iterator[Row]:
    images, ink, shape = train_images[:1000], _ink(train_images), np.shape(faintest)
    ask = "Which NumPy function returns the position of the smallest number?"
    yield shape == images.shape[1:], "is an image, expected its position.", ask
    yield shape == ink.shape, "has a number for each of the 1,000 images, expected one position.", ask
    yield ink.min(), "is the amount of ink in the faintest image.", "How does `argmin` differ from `min`?"
    yield ink.argmax(), "Image {value} has the most ink of all: 0 is white.", "Do you want a large or a small sum?"
    # Python's own sum() starts from uint8 rows and stays uint8, and so does dtype="uint8".
    wrapped, of_all = images.sum((1, 2), "uint8").argmin(), train_images.sum((1, 2), "int64").argmin()
    num_inked, darkest = (images > 0).sum(axis=(1, 2)), images.max(axis=(1, 2))
    yield wrapped, "Image {value} has the smallest sum in uint8, which overflows.", "Which dtype do your sums have?"
    yield of_all, "Image {value} is the faintest of all the training images.", "Which part of the array did you search?"
    yield num_inked.argmin(), "Image {value} has the fewest pixels with any ink.", "Does it matter how dark they are?"
    yield darkest.argmin(), "Image {value} has the lowest maximum grey level of all.", "How large is its sum?"
    yield (
        images.argmin(),
        "{value} is the position of the first 0 among all pixels or rows.",
        "What is each image's sum?",
    )
    yield not 0 <= faintest < 1000, "The 1,000 images have positions 0 to 999, not {value}.", "What did you count?"


find_faintest_image = Exercise(
    "01.1",
    "Find the faintest image",
    Number(
        "faintest",
        "the position of an image, a single number",
        whole=True,
        expected=lambda train_images: _ink(train_images).argmin(),
        is_right=lambda faintest, train_images: (  # two images may have the same ink
            isinstance(faintest, float) and faintest in np.flatnonzero((ink := _ink(train_images)) == ink.min())
        ),
        mistakes=_position_mistakes,
        otherwise=("Image {value} is not the faintest: others have less ink.", "Which pixels does each sum add up?"),
    ),
    given={"train_images": Given(rows_of="train_images")},
    hints=[
        "`train_images[:1000]` holds the images to search. First reduce each image to one number.",
        "`.sum(axis=(1, 2))` adds up rows and columns and leaves one sum for each image.",
        "A method whose name starts with `arg` returns the position of the smallest number, not the number itself.",
    ],
    comment=lambda train_images: (
        f"Its pixels add up to {(ink := _ink(train_images)).min():,}. The mean of all the sums is {ink.mean():,.0f}."
    ),
)


def _shares(labels: NDArray) -> NDArray:
    return np.bincount(labels, minlength=10) / len(labels)


def _share_rows(found: NDArray, labels: NDArray, other_labels: NDArray) -> Iterator[Row]:
    counts, others = np.bincount(labels, minlength=10), np.bincount(other_labels, minlength=10)
    ask = "What must you divide by to compare 60,000 and 10,000 images?"
    yield found.shape == labels.shape, "has a number for each image, expected ten.", "What does `bincount` do?"
    yield counts, "holds counts, expected shares, which add up to 1.", ask
    yield others, "holds the counts of the other group, expected shares.", ask
    yield counts / len(other_labels), "was divided by the number of images in the other group.", ask
    yield _shares(other_labels), "holds the shares of the other group.", "Which labels did you count?"
    for wrong, what in ((10, "digits"), (784, "pixels")):
        yield counts / wrong, f"was divided by {wrong}, the number of {what}.", "A share of what?"
    yield counts / (len(labels) + len(other_labels)), "was divided by the size of both groups together.", ask
    yield _shares(np.append(labels, other_labels)), "holds the shares of both groups together.", "Which do you need?"
    yield counts / counts.max(), "was divided by the largest count.", "What should all ten add up to?"
    yield np.full(10, 0.1), "has a tenth for each digit.", "Are the shares still equal without rounding?"
    yield np.zeros(10), "has only zeros: `//` drops the decimals.", "Which division keeps them?"


def _digit_mistakes(digit: float | NDArray, train_labels: NDArray, test_labels: NDArray) -> Iterator[Row]:
    train, test = _shares(train_labels), _shares(test_labels)
    difference, size = test - train, np.abs(test - train)
    for differences in (size, difference):
        yield differences, "holds all ten differences, expected a digit.", "Where is the largest of them?"
    yield size.max(), "is the largest difference itself, expected the digit.", "What does `argmax` return?"
    for one_way in (difference.argmax(), difference.argmin()):
        yield one_way, "The shares of {value} differ most in one direction only.", "Can a difference be negative?"
    for in_proportion in (size / np.maximum(train, 1e-9), size / np.maximum(test, 1e-9)):
        yield in_proportion.argmax(), "The shares of {value} differ most in relative terms.", "Do you need to divide?"
    counts = np.abs(np.bincount(test_labels, minlength=10) - np.bincount(train_labels, minlength=10))
    yield train.argmax(), "{value} is the most frequent digit.", "Which difference did you compute?"
    yield counts.argmax(), "The counts of {value} differ most, not the shares.", "Which group has more images?"
    yield size.argmin(), "The shares of {value} differ least.", "Do you want the smallest or the largest difference?"
    yield not 0 <= digit <= 9, "is {value}, expected one of the digits 0 to 9.", "Is it a count or a share?"


compare_shares = Exercise(
    "01.2",
    "Compare training and test digits",
    Array(
        "train_shares",
        "ten numbers, one for each digit",
        expected=lambda train_labels: _shares(train_labels),
        mistakes=lambda train_shares, train_labels, test_labels: _share_rows(train_shares, train_labels, test_labels),
    ),
    Array(
        "test_shares",
        "ten numbers, one for each digit",
        expected=lambda test_labels: _shares(test_labels),
        mistakes=lambda test_shares, train_labels, test_labels: _share_rows(test_shares, test_labels, train_labels),
    ),
    Number(
        "digit",
        "one of the digits 0 to 9",
        whole=True,
        expected=lambda train_labels, test_labels: np.abs(_shares(test_labels) - _shares(train_labels)).argmax(),
        mistakes=_digit_mistakes,
        otherwise=("The shares of another digit differ more than those of {value}.", "Did you drop the sign?"),
    ),
    given={"train_labels": Given(rows_of="train_labels"), "test_labels": Given(rows_of="test_labels")},
    hints=[
        "Start with `np.bincount`, as in the lesson. What must you divide the ten counts by?",
        "The ten shares of a group add up to 1, so divide by the number of labels in that group.",
        "For `digit`, subtract one array from the other, take `np.abs`, and find the position of the largest number.",
    ],
    comment=lambda train_labels, test_labels: (
        f"Its shares differ by {100 * np.abs(_shares(test_labels) - _shares(train_labels)).max():.2g} percentage "
        "points. Both groups have nearly the same mixture of digits, so the test is fair."
    ),
)
