"""Exercises of lesson 01: find the faintest of a thousand images; compare how often the digits occur."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Exercise, Wrong, as_array, as_integer, close, recognise

NUM_SEARCHED = 1000


def _check_faintest_image(faintest: object, *, train_images: NDArray[np.uint8]) -> str:
    images = train_images[:NUM_SEARCHED]
    ink = _ink(images)
    array = as_array(faintest, "faintest", expected="the position of an image, a single number")
    if array.shape == images.shape[1:]:
        raise Wrong(
            "`faintest` is an image itself, expected its position among the first 1,000.",
            "Which NumPy function says where the smallest number stands?",
        )
    if array.shape == ink.shape:
        raise Wrong(
            "`faintest` has a number for each of the 1,000 images, expected the position of one.",
            "What do you still have to ask of these thousand numbers?",
        )
    position = as_integer(array, "faintest")
    if 0 <= position < len(images) and ink[position] == ink.min():
        return f"Its pixels add up to {ink.min():,}, where the average image has {ink.mean():,.0f}."
    recognise(
        position,
        [
            (
                ink.min(),
                f"{position:,} is how much ink the faintest image has, expected is where it stands.",
                "What is the difference between `min` and `argmin`?",
            ),
            (
                ink.argmax(),
                f"Image {position} has the most ink of all: on this paper 0 is white and 255 is full ink.",
                "Are you looking for a large sum or for a small one?",
            ),
            (
                ink.argmin() + 1,
                f"Image {position} is the one after the faintest.",
                "At which number does NumPy begin to count?",
            ),
            (
                # Python's own sum() starts from uint8 rows and stays uint8, and so does dtype="uint8".
                images.sum(axis=(1, 2), dtype="uint8").argmin(),
                f"Image {position} is the smallest only if sums have no room beyond 255: they were made in uint8 and "
                "went round like a mileage counter.",
                "Which type do the sums have, and what does `images.sum(...)` of NumPy do about it?",
            ),
            (
                _ink(train_images).argmin(),
                f"Image {position} is the faintest of all {len(train_images):,} training images, and the task asks for "
                "the first 1,000 only.",
                "Which part of the array did you search?",
            ),
            (
                (images > 0).sum(axis=(1, 2)).argmin(),
                f"Image {position} has the fewest pixels with any ink, however dark they are.",
                "How would a pixel of 250 count more than one of 10?",
            ),
            (
                images.argmin(),
                f"{position} is where the first 0 stands: there was more than one number for each image to search, its "
                "pixels, or its rows or columns.",
                "How do you first get exactly one number for each image?",
            ),
        ],
    )
    if not 0 <= position < len(images):
        raise Wrong(
            f"`faintest` is {position:,}, but the first 1,000 images stand at the positions 0 to {len(images) - 1}.",
            "Is it a position, or a count of something?",
        )
    raise Wrong(
        f"The pixels of image {position} add up to {ink[position]:,}, and there are images with less.",
        "Does your sum go over both axes of each picture, row and column, and over nothing else?",
    )


def _check_frequencies(
    train_shares: object,
    test_shares: object,
    digit: object,
    *,
    train_labels: NDArray[np.uint8],
    test_labels: NDArray[np.uint8],
) -> str:
    train_counts, test_counts = (np.bincount(labels, minlength=10) for labels in (train_labels, test_labels))
    train, test = train_counts / len(train_labels), test_counts / len(test_labels)
    found_train = _read_shares(train_shares, "train_shares", train_labels)
    found_test = _read_shares(test_shares, "test_shares", test_labels)
    if close(found_train, test) and close(found_test, train):
        raise Wrong("Training and test are swapped.", "Which of the two did you call `train_shares`?")
    for found, name, right, counts, other in (
        (found_train, "train_shares", train, train_counts, test_counts),
        (found_test, "test_shares", test, test_counts, train_counts),
    ):
        if not close(found, right):
            _explain_shares(found, name, right, counts, other)
    return _check_digit(as_integer(digit, "digit"), train_counts, test_counts)


def _read_shares(answer: object, name: str, labels: NDArray[np.uint8]) -> np.ndarray:
    array = as_array(answer, name, expected="ten numbers, one for each digit")
    if array.shape == labels.shape:
        raise Wrong(
            f"`{name}` has a number for each image, expected ten: one for each digit.",
            "Which function of the lesson counts the zeros, the ones, the twos, and so on?",
        )
    if array.ndim == 0:
        raise Wrong(f"`{name}` is a single number, expected ten: one for each digit.", "What share does a 7 have?")
    return as_array(array, name, (10,))


def _explain_shares(found: np.ndarray, name: str, right: np.ndarray, counts: np.ndarray, other: np.ndarray) -> None:
    total, other_total = counts.sum(), other.sum()
    recognise(
        found,
        [
            (
                counts,
                f"`{name}` holds counts (they add up to {total:,}), expected shares, which add up to 1.",
                "By what do you divide, so that 60,000 and 10,000 images can be compared?",
            ),
            (
                100 * right,
                f"`{name}` holds percentages: they add up to 100. Expected are shares, which add up to 1.",
                "Which factor is too much?",
            ),
            (
                counts / other_total,
                f"`{name}` was divided by the number of images of the other group: it adds up to "
                f"{total / other_total:.3g}, expected 1.",
                "Whose share of what is it?",
            ),
            (
                other / other_total,
                f"`{name}` holds the shares of the other group.",
                "Which labels did you count?",
            ),
            (
                counts / 10,
                f"`{name}` was divided by 10, the number of digits, so it adds up to {total / 10:,.0f}, expected 1.",
                "A share of how many images is it?",
            ),
            (
                counts / counts.max(),
                f"`{name}` was divided by the largest count, so the most frequent digit has 1.",
                "What should all ten add up to?",
            ),
            (
                np.zeros(10),
                f"`{name}` is all zeros: `//` divides whole numbers and throws away what is after the point.",
                "Which division keeps it?",
            ),
            (
                np.full(10, 0.1),
                f"`{name}` says a tenth for each digit: that would be so if all were equally frequent.",
                "What do the labels say?",
            ),
            (
                np.sort(right),
                f"`{name}` has the right shares, but sorted, so that one cannot see to which digit they belong.",
                "At which position should the share of the zeros stand?",
            ),
            (
                np.roll(right, -1),
                f"`{name}` begins with the share of the ones.",
                "Which digit comes first?",
            ),
        ],
    )
    raise Wrong(
        f"`{name}` adds up to {found.sum():.4g} and is off by up to {np.abs(found - right).max():.2g}.",
        "If 12 of 100 images show a 7, what stands at position 7?",
    )


def _check_digit(digit: int, train_counts: np.ndarray, test_counts: np.ndarray) -> str:
    train, test = train_counts / train_counts.sum(), test_counts / test_counts.sum()
    difference = test - train
    size = np.abs(difference)
    if 0 <= digit <= 9 and np.isclose(size[digit], size.max(), rtol=1e-9):
        return (
            f"Its share differs by {100 * size.max():.2g} percentage points: both groups have nearly the same mixture, "
            "so the test asks for what was learned."
        )
    one_direction = (
        f"The shares of {digit} differ most in one direction only; another digit differs more in the other.",
        "What becomes of a difference of -0.02 when you look for the largest?",
    )
    recognise(
        digit,
        [
            (difference.argmax(), *one_direction),
            (difference.argmin(), *one_direction),
            (
                (size / np.maximum(train, 1e-9)).argmax(),
                f"The shares of {digit} differ most in proportion; asked is the plain difference.",
                "What do you get without the division?",
            ),
            (
                np.abs(test_counts - train_counts).argmax(),
                f"The counts of {digit} differ most, but one group has more images than the other.",
                "What do you compare, so that this does not matter?",
            ),
            (size.argmin(), f"The shares of {digit} differ least.", "Smallest or largest?"),
            (
                size.argmax() + 1,
                f"`digit` is {digit}, one more than it should be.",
                "Which digit does position 0 stand for?",
            ),
        ],
    )
    if not 0 <= digit <= 9:
        raise Wrong(f"`digit` is {digit}, expected one of 0 to 9.", "Is it a digit, or how often one occurs?")
    raise Wrong(
        f"The shares of {digit} differ by {size[digit]:.2g}, and there is a digit where they differ more. The shares "
        "themselves are right.",
        "Where do the ten differences have their largest size, the sign left out?",
    )


def _ink(images: NDArray[np.uint8]) -> np.ndarray:
    return images.sum(axis=(1, 2), dtype=np.int64)


find_faintest_image = Exercise(
    "01.1",
    "Find the faintest image",
    _check_faintest_image,
    "`train_images[:1000]` are the images to search; first make one number of each.",
    "`.sum(axis=(1, 2))` adds over rows and columns and leaves one sum for each image.",
    "A method whose name begins with `arg` says where the smallest number stands, and not how small it is.",
)

compare_shares = Exercise(
    "01.2",
    "Compare training and test digits",
    _check_frequencies,
    "Begin with `np.bincount`, as in the lesson. What do the ten counts have to be divided by?",
    "All ten shares of a group add up to 1: divide by the number of labels in that group.",
    "For `digit`: subtract one array from the other, take `np.abs`, and ask where it is largest.",
)
