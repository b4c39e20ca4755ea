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
    ask = "Which NumPy function says where the smallest number stands?"
    yield shape == images.shape[1:], "`{name}` is an image itself, expected its position.", ask
    yield shape == ink.shape, "`{name}` has a number for each of the 1,000 images, expected one.", ask
    yield ink.min(), "`{name}` is how much ink the faintest image has.", "What is `argmin`, beside `min`?"
    yield ink.argmax(), "Image {value} has the most ink of all: 0 is white.", "Do you look for a large or a small sum?"
    # Python's own sum() starts from uint8 rows and stays uint8, and so does dtype="uint8".
    wrapped, of_all = images.sum((1, 2), "uint8").argmin(), train_images.sum((1, 2), "int64").argmin()
    num_inked, darkest = (images > 0).sum(axis=(1, 2)), images.max(axis=(1, 2))
    yield wrapped, "Image {value} is the faintest only if sums are kept in uint8, up to 255.", "Which type have yours?"
    yield of_all, "Image {value} is the faintest of all training images.", "Which part of the array did you search?"
    yield num_inked.argmin(), "Image {value} has the fewest pixels with any ink.", "Does it matter how dark they are?"
    yield darkest.argmin(), "In image {value} the largest grey level is the lowest of all.", "How large is its sum?"
    yield images.argmin(), "The first 0 of all pixels or rows stands at {value}.", "What is the sum of each image?"
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
        otherwise=("Image {value} is not the faintest: others have less ink.", "What does each of your sums add up?"),
    ),
    given={"train_images": Given(rows_of="train_images")},
    hints=[
        "`train_images[:1000]` are the images to search; first make one number of each.",
        "`.sum(axis=(1, 2))` adds over rows and columns and leaves one sum for each image.",
        "A method whose name begins with `arg` says where the smallest number stands, and not how small it is.",
    ],
    comment=lambda train_images: (
        f"Its pixels add up to {(ink := _ink(train_images)).min():,}; the average image has {ink.mean():,.0f}."
    ),
)


def _shares(labels: NDArray) -> NDArray:
    return np.bincount(labels, minlength=10) / len(labels)


def _share_rows(found: NDArray, labels: NDArray, other_labels: NDArray) -> Iterator[Row]:
    counts, others = np.bincount(labels, minlength=10), np.bincount(other_labels, minlength=10)
    ask = "By what do you divide, so that you can compare 60,000 and 10,000 images?"
    yield found.shape == labels.shape, "`{name}` has a number for each image, expected ten.", "What does bincount do?"
    yield counts, "`{name}` holds counts, expected shares, which add up to 1.", ask
    yield others, "`{name}` holds the counts of the other group, expected shares.", ask
    yield counts / len(other_labels), "`{name}` was divided by the number of images of the other group.", ask
    yield _shares(other_labels), "`{name}` holds the shares of the other group.", "Which labels did you count?"
    for wrong, what in ((10, "digits"), (784, "pixels")):
        yield counts / wrong, f"`{{name}}` was divided by {wrong}, the number of {what}.", "A share of how many images?"
    yield counts / (len(labels) + len(other_labels)), "`{name}` was divided by all images of both groups.", ask
    yield _shares(np.append(labels, other_labels)), "`{name}` holds the shares of both groups.", "Whose are wanted?"
    yield counts / counts.max(), "`{name}` was divided by the largest count.", "What should all ten add up to?"
    yield np.full(10, 0.1), "`{name}` says a tenth for each digit.", "Are they all equal without rounding, too?"
    yield np.zeros(10), "`{name}` has only zeros: `//` drops what is after the point.", "Which division keeps it?"


def _digit_mistakes(digit: float | NDArray, train_labels: NDArray, test_labels: NDArray) -> Iterator[Row]:
    train, test = _shares(train_labels), _shares(test_labels)
    difference, size = test - train, np.abs(test - train)
    for differences in (size, difference):
        yield differences, "`{name}` holds all ten differences, expected a digit.", "Where is the largest of them?"
    yield size.max(), "`{name}` is the largest difference itself, expected the digit.", "What is `argmax`?"
    for one_way in (difference.argmax(), difference.argmin()):
        yield one_way, "The shares of {value} differ most in one direction only.", "Which sign may a difference have?"
    for in_proportion in (size / np.maximum(train, 1e-9), size / np.maximum(test, 1e-9)):
        yield in_proportion.argmax(), "The shares of {value} differ most in proportion.", "Do you need to divide here?"
    counts = np.abs(np.bincount(test_labels, minlength=10) - np.bincount(train_labels, minlength=10))
    yield train.argmax(), "{value} is the most frequent digit.", "Which difference do you compute?"
    yield counts.argmax(), "The counts of {value} differ most, not the shares.", "Which group has more images?"
    yield size.argmin(), "The shares of {value} differ least.", "Do you look for the smallest or the largest size?"
    yield not 0 <= digit <= 9, "`{name}` is {value}, expected one of the digits 0 to 9.", "Is it a count or a share?"


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
        otherwise=("There is a digit whose shares differ more than those of {value}.", "Did you leave out the sign?"),
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
