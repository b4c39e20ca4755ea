"""Exercises of lesson 02: pixels that never change, the ink of a digit, and one digit prepared for the network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Exercise, Wrong, as_array, as_integer, as_number, close, recognise


def _check_white_pixels(
    num_white_pixels: object, *, train_vectors: NDArray[np.float32], test_vectors: NDArray[np.float32]
) -> str:
    most_ink = train_vectors.max(axis=0)
    num_pixels = len(most_ink)
    right = int((most_ink == 0).sum())
    number = as_number(num_white_pixels, "num_white_pixels")
    if number == right:
        return (
            f"{right} of {num_pixels} inputs are 0 for every training image: the network cannot learn anything from "
            "them, and does not need them either."
        )
    if right and close(number, right / num_pixels):
        raise Wrong(f"{number:.3f} is the share of such pixels, expected how many there are.", "A sum, or a mean?")
    count = as_integer(number, "num_white_pixels")
    num_white_images = int((train_vectors.max(axis=1) == 0).sum())
    recognise(
        count,
        [
            (
                num_pixels - right,
                f"{count} is the number of pixels that have ink in at least one image, the opposite of what was asked.",
                "Which comparison leaves the others?",
            ),
            (
                num_white_images,
                f"{count} is the number of images without any ink: with `axis=1` you looked along each image.",
                "Along which axis do you meet the same pixel of all the images?",
            ),
            (
                np.count_nonzero(train_vectors.min(axis=0) == 0),
                f"{count} pixels are white in at least one image; asked are those that are white in every image.",
                "If a pixel is never inked, what is the largest value that it ever has?",
            ),
            (
                np.count_nonzero(test_vectors.max(axis=0) == 0),
                f"{count} is right for the test images, asked are the training images.",
                "Which of the two arrays did you use?",
            ),
            (
                np.count_nonzero(train_vectors[0] == 0),
                f"{count} pixels are white in the first image alone.",
                "How do you ask all the images at once?",
            ),
            (
                np.count_nonzero(train_vectors == 0),
                f"{count:,} is the number of white pixels in all images together, and a vector has only {num_pixels}.",
                "How do you first get one number for each of the 784 places?",
            ),
            (
                np.count_nonzero(most_ink < 1),
                f"{count} pixels are never entirely black; asked are those that never get any ink.",
                "Which value does white paper have?",
            ),
            (
                np.count_nonzero(most_ink == 1),
                f"{count} pixels are entirely black in some image.",
                "Which value does white paper have?",
            ),
        ],
    )
    if not 0 <= count <= num_pixels:
        raise Wrong(
            f"{count:,} cannot be right: a vector has only {num_pixels} pixels.", "What did you count, and over what?"
        )
    off = abs(count - right)
    raise Wrong(
        f"{count} is {'just one' if off == 1 else off} {'more' if count > right else 'fewer'} than there are.",
        "Do you count those that are exactly 0, in all training images, and each pixel once?",
    )


def _check_ink(
    ink_of_zeros: object, ink_of_ones: object, *, train_vectors: NDArray[np.float32], train_labels: NDArray[np.uint8]
) -> str:
    zeros, ones = (train_vectors[train_labels == digit] for digit in (0, 1))
    right = {"ink_of_zeros": _mean(zeros), "ink_of_ones": _mean(ones)}
    found = {
        "ink_of_zeros": _read_ink(ink_of_zeros, "ink_of_zeros"),
        "ink_of_ones": _read_ink(ink_of_ones, "ink_of_ones"),
    }
    is_swapped = [_same(value, other) for value, other in zip(found.values(), reversed(right.values()), strict=True)]
    if all(is_swapped) and not _same(*right.values()):
        raise Wrong("The two are swapped.", "Which of them did you choose with `train_labels == 0`?")
    for digit, (name, value) in enumerate(found.items()):
        if not _same(value, right[name]):
            _explain_ink(value, name, right[name], digit, train_vectors, train_labels)
    ratio = right["ink_of_zeros"] / right["ink_of_ones"]
    return f"A zero takes {ratio:.1f} times the ink of a one; the mean of all digits is {_mean(train_vectors):.2f}."


def _read_ink(answer: object, name: str) -> float:
    array = as_array(answer, name, expected="a single number")
    if array.shape == (784,):
        raise Wrong(
            f"`{name}` has 784 numbers, the mean of each pixel, expected a single number: the mean of all of them.",
            "Which axis may you leave out?",
        )
    if array.ndim == 2 and array.shape[1] == 784:
        raise Wrong(
            f"`{name}` holds the vectors of {len(array):,} images, expected their mean, a single number.",
            "Which method makes one number of all these pixels?",
        )
    return as_number(array, name)


def _explain_ink(
    value: float, name: str, right: float, digit: int, train_vectors: np.ndarray, train_labels: np.ndarray
) -> None:
    chosen = train_labels == digit
    vectors = train_vectors[chosen]
    for result, diagnosis, question in (
        (
            0.0,
            f"`{name}` is 0: so is the median, since most pixels are white, and so is the mean of one pixel in the "
            f"corner (`train_vectors[:, {digit}]`).",
            f"How do you choose the rows with the label {digit}, and take the mean of all that is in them?",
        ),
        (
            right * 255,
            f"`{name}` is {value:.4g}, in grey levels from 0 to 255, expected a share of full ink, from 0 to 1.",
            "Did you take the images before or after scaling?",
        ),
        (
            right / 255,
            f"`{name}` is {value:.2g}, 255 times too small: these pixels were divided by 255 twice.",
            "What is the largest value in the vectors that you used?",
        ),
        (
            right * vectors.shape[1],
            f"`{name}` is {value:.4g}, the ink of one image with its 784 pixels added up, expected the mean pixel.",
            "How large can the mean of numbers between 0 and 1 be?",
        ),
        (
            float(vectors.sum(dtype=np.float64)),
            f"`{name}` is the sum of all pixels of all those images, expected their mean.",
            "What do you divide a sum by to get a mean?",
        ),
        (
            _mean(train_vectors[digit]),
            f"`{name}` is the ink of the image at position {digit}, whatever it shows, expected the mean of all images "
            f"with the label {digit}.",
            "Where does it say which images show that digit?",
        ),
        (
            _mean(vectors[vectors > 0]) if (vectors > 0).any() else 0.0,
            f"`{name}` is the mean of those pixels that have ink, the white paper left out.",
            "What is the mean of all 784?",
        ),
        (
            float((vectors > 0).mean()),
            f"`{name}` is the share of pixels that have any ink, be they black or pale grey, expected the mean of the "
            "pixels.",
            "How would a pale pixel count less than a black one?",
        ),
        (
            right * chosen.mean(),
            f"`{name}` was divided by all {len(chosen):,} images, and only {chosen.sum():,} of them show a {digit}.",
            "How many images did you add up?",
        ),
        (
            float(chosen.mean()),
            f"`{name}` is the share of images that show a {digit}: the mean of the comparison itself.",
            "How do you use the comparison to choose from the vectors?",
        ),
        (
            _mean(train_vectors),
            f"`{name}` is the mean of all the images, expected only those that show a {digit}.",
            "What does `train_labels == ...` give, and where can it stand between brackets?",
        ),
        (
            (_mean(train_vectors) * len(chosen) - right * len(vectors)) / max(len(chosen) - len(vectors), 1),
            f"`{name}` is the mean of all images that do not show a {digit}.",
            "Is it `==` or `!=`?",
        ),
        (
            1 - right,
            f"`{name}` is the share of white paper, expected that of ink.",
            "Which of the two has the value 0?",
        ),
        (
            float(vectors.std(dtype=np.float64)),
            f"`{name}` is the standard deviation, which says how much pixels differ, expected the mean.",
            "Which method computes a mean?",
        ),
    ):
        if _same(value, result):
            raise Wrong(diagnosis, question)
    if not 0 <= value <= 1:
        raise Wrong(
            f"`{name}` is {value:.4g}, and the mean of pixels between 0 and 1 lies between 0 and 1.",
            "Which range do the numbers have that you took the mean of?",
        )
    raise Wrong(
        f"`{name}` is {value:.4g}, which is {'more' if value > right else 'less'} than the mean pixel of the images "
        f"labelled {digit}.",
        f"How many images did you choose, and how many labels are {digit}?",
    )


def _check_prepared(prepared: object, *, test_image: NDArray[np.uint8]) -> str:
    array = as_array(prepared, "prepared")
    if array.shape == test_image.shape:
        raise Wrong(
            "`prepared` is still a table of 28 by 28, expected (1, 784): one row for one image.",
            "Which step lays the rows of a picture one behind the other?",
        )
    if array.shape == (784,):
        raise Wrong(
            "`prepared` is a vector of shape (784,), expected (1, 784): a network takes a table with a row for each "
            "image, even if there is only one.",
            "Which two lengths do you hand to `reshape`?",
        )
    as_array(array, "prepared", (1, 784))
    pixels = test_image.reshape(1, 784).astype(np.float64)
    right = pixels / 255
    if close(array, right, relative=1e-3, absolute=1e-4):
        if array.dtype != np.float32:
            raise Wrong(
                f"The values are right, but their dtype is {array.dtype.name}, expected float32.",
                "What did the lesson do before it divided?",
            )
        return "So will each digit be handed to the network: whatever it learned from looked like this."
    _explain_prepared(array, pixels, right, test_image)
    raise Wrong(
        f"`prepared` has the right shape, and its values lie between {array.min():.3g} and {array.max():.3g}, but they "
        "are not those of `test_image`.",
        "Which image did you start from, and which of the three steps came after it?",
    )


def _explain_prepared(array: np.ndarray, pixels: np.ndarray, right: np.ndarray, test_image: np.ndarray) -> None:
    recognise(
        array,
        [
            (
                pixels,
                f"The values still lie between 0 and {pixels.max():.0f}: nothing was scaled.",
                "Which range does the network expect?",
            ),
            (
                right / 255,
                f"Divided by 255 twice: the largest value is {array.max():.4f}.",
                "Did you run a cell with `/=` twice, or start from something that was scaled already?",
            ),
            (
                np.zeros_like(right),
                "All values are 0: the digit was lost in whole numbers, which know nothing between 0 and 1.",
                "In which order do division and `astype` have to come?",
            ),
            (
                pixels // 255,
                "There is nothing but 0 and 1: either `//` divided whole numbers, or the result was turned into whole "
                "numbers again. All the grey of the soft edges is gone.",
                "In which order do division and `astype` have to come?",
            ),
            (
                np.round(right),
                "There is nothing but 0 and 1: the values were rounded, and all the grey of the soft edges is gone.",
                "Does the network need whole numbers?",
            ),
            (
                1 - right,
                "The picture is inverted: ink has become 0 and paper 1.",
                "What was paper in the images that the network learns from?",
            ),
            (
                test_image.T.reshape(1, 784) / 255,
                "The picture was laid out column by column, so that the network would see it mirrored at its diagonal.",
                "Is there a `.T` or an `order=` too much?",
            ),
            (
                test_image[::-1].reshape(1, 784) / 255,
                "The rows come in reverse order: the picture stands on its head.",
                "Which row should come first?",
            ),
            (
                2 * right - 1,
                "The values lie between -1 and 1: some networks are trained so, but ours is not.",
                "Which range do the training images have?",
            ),
            (
                (pixels.astype(np.int64) + 128) % 256 / 255 - 128 / 255,
                "Dark pixels have become negative: int8 has room up to 127 only, and larger numbers went round.",
                "Which type did the lesson choose?",
            ),
            (
                (pixels - pixels.mean()) / max(pixels.std(), 1e-9),
                "The pixels were shifted and scaled so that their mean is 0: a good recipe too, but not that of the "
                "training images, and all must be treated alike.",
                "What did the lesson divide by?",
            ),
        ],
    )
    for divisor, diagnosis, question in (
        (
            256,
            "Divided by 256, so that full ink would be 0.996 and not 1.",
            "There are 256 different grey levels, but what is the largest?",
        ),
        (
            pixels.max(),
            f"Divided by its own largest pixel ({pixels.max():.0f}), so each image would be scaled in another way.",
            "What were the training images divided by?",
        ),
        (127.5, "Divided by 127.5: full ink would be 2.", "What is the largest value that a uint8 pixel can have?"),
        (100, "Divided by 100.", "What is the largest value that a uint8 pixel can have?"),
        (784, "Divided by 784, the number of pixels.", "What is the largest value that a uint8 pixel can have?"),
    ):
        if close(array, pixels / divisor, relative=1e-4, absolute=1e-6):
            raise Wrong(diagnosis, question)


def _mean(pixels: np.ndarray) -> float:
    return float(pixels.mean(dtype=np.float64))


def _same(one: float, other: float) -> bool:
    return close(one, other, relative=3e-5, absolute=1e-9)


count_white_pixels = Exercise(
    "02.1",
    "Count the pixels that are always white",
    _check_white_pixels,
    "A pixel that is white in every image has 0 as its largest value.",
    "`train_vectors.max(axis=0)` gives 784 numbers: the largest value of each pixel over all the images.",
    "Comparing these 784 numbers with 0 gives True or False for each, and `.sum()` counts the True ones.",
)

measure_ink = Exercise(
    "02.2",
    "Compare the ink of zeros and ones",
    _check_ink,
    "`train_labels == 0` is True for each image of a zero, and False for the others.",
    "Put that comparison in brackets behind `train_vectors`, and only the rows of the zeros are left.",
    "`.mean()` without an axis makes one number of all that is left.",
)

prepare_one_digit = Exercise(
    "02.3",
    "Prepare one test digit for the network",
    _check_prepared,
    "Three steps, as in the lesson: flatten, turn into real numbers, scale.",
    "`reshape(1, 28 * 28)` makes a table with one row.",
    "`astype` comes before the division, and the type that the lesson uses has four bytes.",
)
