"""Checks of the exercises of lesson 07: a grid of mistakes, digits that are shifted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Exercise, Wrong, as_array, as_number, check_dtype, close, describe, recognise

# --- 07.1 ------------------------------------------------------------------------------------------------------------


def _check_mistakes(first_mistakes: object, *, predictions: NDArray, test_labels: NDArray, num_mistakes: int) -> str:
    answers, labels = np.asarray(predictions), np.asarray(test_labels)
    wrong = np.flatnonzero(answers != labels)
    expected = wrong[:num_mistakes]
    if isinstance(first_mistakes, tuple) and len(first_mistakes) == 1:
        raise Wrong(
            "np.nonzero and np.where give a tuple with an array for each axis; this is such a tuple.",
            "How do you take its first entry, and then the first few positions?",
        )
    given = as_array(first_mistakes, "first_mistakes", expected=f"the positions of {len(expected)} images")
    if given.dtype == bool:
        _explain_truth_values(given, answers != labels)
    if given.ndim == 3 or (given.ndim == 2 and given.shape[1] == 784):
        raise Wrong(
            f"This is {describe(given)}: pictures, not where they are.",
            "Which numbers would you put in square brackets after test_images to get them?",
        )
    if given.ndim != 1:
        raise Wrong(
            f"This is {describe(given)}, expected is a row of {len(expected)} positions.",
            "Does np.flatnonzero give the same as np.argwhere?",
        )
    if np.array_equal(given, expected):
        if not len(wrong):
            return "This network made no mistake at all."
        check_dtype(given, "first_mistakes", np.integer)
        return f"One test image in {len(labels) / len(wrong):.0f} is read wrongly."
    _explain_positions(given, expected, wrong, answers, labels)
    right = int(np.isin(given, np.flatnonzero(answers == labels)).sum())
    raise Wrong(
        f"The network read {right} of the images at these {len(given)} positions correctly.",
        "Does the comparison of predictions and test_labels use all test images, in their order?",
    )


def _explain_truth_values(given: NDArray, is_wrong: NDArray) -> None:
    which = "the right ones" if given.shape == is_wrong.shape and np.array_equal(given, ~is_wrong) else "the mistakes"
    raise Wrong(
        f"These are {given.size:,} truth values that mark {which}, not positions.",
        "Which function of NumPy gives the positions of True?",
    )


def _explain_positions(given: NDArray, expected: NDArray, wrong: NDArray, answers: NDArray, labels: NDArray) -> None:
    num_mistakes = len(expected)
    right = np.flatnonzero(answers == labels)
    if not len(given):
        raise Wrong("There is no position in it.", "How many mistakes are there in all?")
    recognise(
        given,
        [
            (
                right[:num_mistakes],
                "These are the first images that were read correctly.",
                "Does == or != find mistakes?",
            ),
            (right, "These are all images that were read correctly.", "Does == or != find mistakes?"),
            (
                wrong,
                f"These are all {len(wrong)} mistakes; asked are the first {num_mistakes}.",
                "How do you take a slice of the first few?",
            ),
            (
                wrong[-num_mistakes:],
                f"These are the last {num_mistakes} mistakes, not the first.",
                "Which slice takes the first few?",
            ),
            (expected[::-1], "These are the right ones in reverse.", "In which order do the images stand?"),
            (expected + 1, "Each position is one too large: it was counted from 1.", "Which image is test_images[0]?"),
            (labels[expected], "These are the labels of the mistakes, not their positions.", "Where are they?"),
            (
                answers[expected],
                "This is what the network read in its mistakes, not where they are.",
                "Which function of NumPy gives the positions of True?",
            ),
            (
                (answers != labels)[: len(given)],
                "These are zeros and ones that mark the mistakes, not their positions.",
                "Which function of NumPy gives the positions of True?",
            ),
            (
                np.arange(num_mistakes),
                f"These are simply the first {num_mistakes} images.",
                "Which of them did the network read wrongly?",
            ),
            (
                np.flatnonzero(answers[:25] != labels[:25]),
                "Only the first 25 images were searched.",
                "Which variable of the lesson holds the predictions for all test images?",
            ),
        ],
    )
    if given.min() < 0 or given.max() >= len(labels) or np.any(given != np.floor(given)):
        raise Wrong(
            f"A position is a whole number from 0 to {len(labels) - 1:,}, not {given.min():g} or {given.max():g}.",
            "What counts a position, and from where?",
        )
    if not np.isin(given, wrong).all():
        return
    if len(given) < num_mistakes:
        raise Wrong(
            f"All of these are mistakes, but only {len(given)}, where {num_mistakes} are wanted.",
            "Which slice takes the first few?",
        )
    if len(np.unique(given)) < len(given):
        raise Wrong("Some positions stand in it twice.", "How often does np.flatnonzero name each position?")
    if len(given) > num_mistakes:
        raise Wrong(
            f"All of these are mistakes, but {len(given)}, where {num_mistakes} are wanted.",
            "Which slice takes the first few?",
        )
    if np.array_equal(np.sort(given), expected):
        raise Wrong("The right ones, but not in the order of the test images.", "Were they sorted or shuffled?")
    missed = np.setdiff1d(expected, given)[0]
    raise Wrong(
        f"All of these are mistakes, but not the first {num_mistakes}: image {missed:,} comes earlier.",
        "Were the images shuffled, or the mistakes sorted by something?",
    )


grid_of_mistakes = Exercise(
    "07.1",
    "Make a grid of mistakes only",
    _check_mistakes,
    "predictions != dataset.test_labels is True for each image that was read wrongly.",
    "np.flatnonzero(...) gives the positions of True, as in lesson 06; [:10] takes the first ten.",
)

# --- 07.2 ------------------------------------------------------------------------------------------------------------


def _check_shift(
    shifted_images: object,
    shifted_accuracy: object,
    *,
    test_images: NDArray,
    test_labels: NDArray,
    num_pixels: int,
    model: object,
) -> str:
    originals, labels = np.asarray(test_images), np.asarray(test_labels)
    expected = np.roll(originals, num_pixels, axis=2)
    images = as_array(shifted_images, "shifted_images", expected=f"images of shape {expected.shape}")
    blank = expected.copy()
    blank[:, :, :num_pixels] = 0  # what leaves on the right need not come back on the left
    if not close(images, blank):
        _check_shifted_images(images, originals, expected, num_pixels)
    check_dtype(images, "shifted_images", originals.dtype)
    accuracy = as_number(shifted_accuracy, "shifted_accuracy")
    right = (_read(model, images / 255) == labels).mean()
    if close(accuracy, right, relative=0, absolute=1e-3):  # half an image of 500
        before = (_read(model, originals / 255) == labels).mean()
        return f"Before the shift it read {before:.1%}, now {right:.1%}: it has no idea that pixels have neighbours."
    _explain_shifted_accuracy(accuracy, right, originals, images, labels, model)
    raise Wrong(
        f"The images are right, but the share of them that the network reads correctly is not {accuracy:.4g}.",
        "Are the predictions made from these images, prepared as always, and compared with the labels of just these?",
    )


def _read(model: object, images: NDArray) -> NDArray:
    vectors = images.reshape(len(images), -1).astype("float32")
    return np.asarray(model.predict(vectors, verbose=0)).argmax(axis=1)


def _check_shifted_images(images: NDArray, originals: NDArray, expected: NDArray, num_pixels: int) -> None:
    wanted = f"expected {expected.shape}"
    if images.ndim == 2 and images.shape == expected.shape[1:]:
        raise Wrong(f"This is one image; {wanted}.", "Which slice takes the first images instead of one?")
    if images.ndim == 2 and images.shape[1] == 784:
        raise Wrong(f"These are vectors of 784 pixels; {wanted}, pictures.", "Can one shift first and prepare then?")
    if images.ndim == 3 and images.shape[1:] == expected.shape[1:] and len(images) != len(expected):
        raise Wrong(f"These are {len(images):,} images; {wanted}.", "Which slice takes the first of them?")
    if images.shape != expected.shape:
        raise Wrong(f"The shape is {images.shape}; {wanted}.", "Which axis counts the images?")
    if close(images, expected):
        return
    if images.max() <= 1 and expected.max() > 1 and close(images, expected / 255, absolute=1e-4):
        raise Wrong(
            "The images are shifted as they should be, but divided by 255 already: preprocess_images does that.",
            "What does the network see if pixels are divided twice?",
        )
    recognise(
        images,
        [
            (originals, "Nothing has moved.", "np.roll gives a new array: was it kept?"),
            (
                np.roll(originals, num_pixels, axis=1),
                "The digits have moved down, not to the right.",
                "The first axis counts images, the second rows; which one counts columns?",
            ),
            (
                np.roll(originals, -num_pixels, axis=2),
                "The digits have moved to the left.",
                "In which direction do columns count?",
            ),
            (
                np.roll(originals, -num_pixels, axis=1),
                "The digits have moved up.",
                "Which axis counts columns, and in which direction?",
            ),
            (
                np.roll(originals, num_pixels, axis=0),
                "The images have changed places, and their pixels have not moved: axis 0 counts the images.",
                "Which axis counts columns?",
            ),
            (
                np.roll(originals, num_pixels, axis=(1, 2)),
                "The digits have moved down as well as to the right.",
                "Which axis counts columns?",
            ),
            (
                np.roll(originals, num_pixels),
                "Without an axis, pixels leave at the end of a row and come back in the next row.",
                "Which axis counts columns?",
            ),
            *(
                (
                    np.roll(originals, other, axis=2),
                    f"The digits have moved by {other} pixel{'s' * (other != 1)} to the right, not by {num_pixels}.",
                    "Was it shifted twice, or by another number?",
                )
                for other in range(1, 28)
                if other != num_pixels
            ),
        ],
    )
    raise Wrong(
        f"These are not the first {len(expected)} test images, each moved {num_pixels} pixels to the right.",
        "What does a picture of shifted_images[0] beside test_images[0] show?",
    )


def _explain_shifted_accuracy(
    accuracy: float, right: float, originals: NDArray, shifted: NDArray, labels: NDArray, model: object
) -> None:
    recognise(
        accuracy,
        [
            (100 * right, "`shifted_accuracy` is a percentage; an accuracy lies between 0 and 1.", "What is a share?"),
            (
                right * len(labels),
                "`shifted_accuracy` is the number of right answers, not their share.",
                "Of how many images?",
            ),
            (1 - right, "`shifted_accuracy` is the share of wrong answers.", "Does == or != count right answers?"),
            (
                (1 - right) * len(labels),
                "`shifted_accuracy` is the number of wrong answers.",
                "Does == or != count right answers, and what makes a share of a count?",
            ),
            (
                (_read(model, originals / 255) == labels).mean(),
                "`shifted_accuracy` is the accuracy on the images before they were shifted.",
                "Which images went into predict?",
            ),
            (
                (_read(model, shifted) == labels).mean(),
                "`shifted_accuracy` is what comes out if the pixels are not divided by 255.",
                "Which helper prepares images for the network?",
            ),
            (
                (_read(model, shifted / 255 / 255) == labels).mean(),
                "`shifted_accuracy` is what comes out if the pixels are divided by 255 twice.",
                "What does preprocess_images do with pixels?",
            ),
        ],
    )


shift_digits = Exercise(
    "07.2",
    "Shift digits and read them again",
    _check_shift,
    "A single image has the axes rows and columns; with many images they are the second and the third: axis=2.",
    "predict takes preprocess_images(shifted_images); compare its answers with dataset.test_labels[:500].",
)
