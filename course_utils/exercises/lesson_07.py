"""Exercises of lesson 07: the most confused pair, and refusing when unsure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from course_utils.data import Dataset
from course_utils.exercises.core import Array, Exercise, Given, Number, Row, close, slips_of
from course_utils.preprocessing import NUM_CLASSES

THRESHOLD = 0.9  # in 07.2


def _tables(test_labels: NDArray, predictions: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Return the confusion matrix, the same without its diagonal, and in a triangle the count of each pair."""
    confusion = np.zeros((NUM_CLASSES, NUM_CLASSES), dtype=int)
    np.add.at(confusion, (test_labels, predictions), 1)
    mistakes = confusion * (1 - np.eye(NUM_CLASSES, dtype=int))
    return confusion, mistakes, np.triu(mistakes + mistakes.T)


def _most_confused(test_labels: NDArray, predictions: NDArray) -> list[list[int]]:
    *_, both = _tables(test_labels, predictions)
    return np.argwhere(both == both.max()).tolist()


def _pair_mistakes(confused_pair: NDArray, test_labels: NDArray, predictions: NDArray) -> Iterator[Row]:
    _, mistakes, both = _tables(test_labels, predictions)
    is_position = confused_pair.size == 1 and confused_pair.item() in range(10, both.size)
    flat = "is a position in the flattened table, expected two digits."
    yield is_position, flat, "Which function turned such a position into row and column in the lesson?"
    pairs = f"holds {len(np.atleast_1d(confused_pair))} pairs, expected one."
    yield confused_pair.shape[1:] == (2,) and confused_pair.size > 2, pairs, "Does the table hold each pair twice?"
    first, second = confused_pair.flat
    message = f"The digits go from 0 to 9; `{{name}}` has {first:g} and {second:g}."
    if not {first, second} <= set(range(NUM_CLASSES)):
        return (yield True, message, "Are these digits, or counts, or positions in a flattened table?")
    there, back = mistakes[int(first), int(second)], mistakes[int(second), int(first)]
    message = f"has {first:g} twice, which is not a confusion: the diagonal holds the right answers."
    yield first == second, message, "Where does the lesson put zeros before it looks for the largest number?"
    message = f"{first:g} and {second:g} are confused most often in one direction, but not in both together."
    yield max(there, back) == mistakes.max(), message, "Which two cells of the table belong to the same pair?"
    times = f"{there + back} times" if there + back != 1 else "once"
    message = f"{first:g} and {second:g} were confused {times} in both directions together, another pair more often."
    yield True, message, "How do you add to each cell the one on the other side of the diagonal?"


def _count_mistakes(confused_pair: NDArray | None, test_labels: NDArray, predictions: NDArray) -> Iterator[Row]:
    confusion, mistakes, both = _tables(test_labels, predictions)
    pairs, cells = _most_confused(test_labels, predictions), "Which two cells of the table belong to this pair?"
    is_given = confused_pair is not None and sorted(confused_pair.flat) in pairs  # else the pair must not be named
    for first, second in [sorted(map(int, confused_pair.flat))] if confused_pair is not None and is_given else pairs:
        there, back = mistakes[first, second], mistakes[second, first]
        right = confusion[first, first] + confusion[second, second]
        for count, one, other in ((there, first, second), (back, second, first)):
            way = f": {one} classified as {other}" if is_given else ""
            yield count, f"counts one direction only{way}.", "How often does it happen the other way round?"
        yield right, "counts how often the two digits were classified correctly.", cells
        yield right + there + back, "counts the right answers as well, the cells on the diagonal.", cells
        yield abs(there - back), "is the difference of the two directions, expected their sum.", cells
    yield 2 * both.max(), "counts each confusion twice.", "How often does a pair occur in table + table.T?"
    yield mistakes.sum(), "counts all mistakes, not only those of one pair.", cells
    yield 2 * mistakes.sum(), "counts all mistakes, and each twice.", cells
    yield confusion.trace(), "counts all right answers.", cells
    yield mistakes.max(), "is the most frequent confusion in one direction.", "How often is it in both?"
    yield confusion.max(), "is the largest number of the whole table, on the diagonal.", cells


def _made_predictions(dataset: Dataset) -> NDArray:
    """Return predictions in which the most frequent confusion in one direction is not in the pair asked for."""
    predictions = dataset.test_labels.astype(int)
    for true, predicted, number in ((7, 2, 5), (2, 7, 1), (4, 9, 4), (9, 4, 3), (3, 5, 2)):
        predictions[np.flatnonzero(dataset.test_labels == true)[:number]] = predicted
    return predictions


def _can_be_predictions(test_labels: NDArray, predictions: NDArray) -> bool:
    is_digit = predictions.dtype.kind in "iu" and predictions.max() < NUM_CLASSES
    return is_digit and 0.5 < (predictions == test_labels).mean() < 1


find_confused_pair = Exercise(
    "07.1",
    "Find the pair most often confused",
    Array(
        "confused_pair",
        "two digits, such as (3, 5)",
        any_order=True,
        is_right=lambda confused_pair, test_labels, predictions: (
            sorted(confused_pair.flat) in _most_confused(test_labels, predictions)
        ),
        mistakes=_pair_mistakes,
        example=lambda test_labels, predictions: _most_confused(test_labels, predictions)[0],
    ),
    Number(
        "num_confusions",
        "a number of images",
        expected=lambda test_labels, predictions: _tables(test_labels, predictions)[2].max(),
        mistakes=_count_mistakes,
        whole=True,
    ),
    given={
        "test_labels": Given(rows_of="test_labels"),
        "predictions": Given(test=_can_be_predictions, example=_made_predictions),
    },
    hints=[
        "`mistakes.T` has rows and columns swapped: `mistakes + mistakes.T` has both directions in each cell.",
        "`np.unravel_index(table.argmax(), table.shape)` gives row and column of the largest number, as in the lesson.",
    ],
    comment="Which pair leads may depend on whether one direction is counted or both.",
)


def _answered(probabilities: NDArray, test_labels: NDArray) -> tuple[NDArray, NDArray]:
    """Return which images get an answer, and for which the most probable digit is right."""
    return probabilities.max(axis=1) >= THRESHOLD, probabilities.argmax(axis=1) == test_labels


def _share_mistakes(probabilities: NDArray, test_labels: NDArray) -> list[Row]:
    highest, (answered, is_right) = probabilities.max(axis=1), _answered(probabilities, test_labels)
    only_right = "counts only right answers, but a wrong one is an answer, too: the network does not know the label."
    axis, compare = "Along which axis is the largest probability of each image?", "Where does the threshold come in?"
    choose, kept = "Which digit does the network choose?", is_right & answered
    means = highest.mean(), highest[answered].mean()
    return [
        (~answered, "is a mask of the images that were refused.", "What does the mean of a mask give?"),
        (1 - answered.mean(), "is the share of refused images, not of answered ones.", compare),
        *((each, only_right, choose) for each in (kept.mean(), kept.sum(), answered[is_right].mean())),
        ((probabilities >= THRESHOLD).mean(), "is a mean over all ten probabilities of each image.", axis),
        (0, "is 0, as if no image got an answer.", compare),
        (1, "is 1, as if every image got an answer.", axis),
        (probabilities >= THRESHOLD, "compares all ten probabilities of each image.", axis),
        (is_right.mean(), "is the accuracy on all images.", "Which images get an answer?"),
        *((each, "is the mean of the largest probabilities.", compare) for each in means),
        (highest, "holds the largest probability of each image.", compare),
        (THRESHOLD, "equals the threshold itself.", "Was it rounded, or is it not yet a share?"),
        *(((highest >= t).mean(), f"is for a threshold of {t}.", compare) for t in (0.5, 0.8, 0.95, 0.99)),
        *slips_of(answered, "answered images", "share"),
    ]


def _accuracy_mistakes(probabilities: NDArray, test_labels: NDArray) -> list[Row]:
    answered, is_right = _answered(probabilities, test_labels)
    hits, highest, digits = is_right[answered], probabilities.max(axis=1)[answered], probabilities.argmax(axis=1)
    which, among = "Which images still count?", "Among how many images are the right answers counted?"
    knows_labels = "is 1, as if you had chosen the images whose true digit has a high probability."
    if not answered.any():
        return [(True, "No probability reaches the threshold: nothing can be judged.", "Is it the lesson's network?")]
    return [
        *((1 - each.mean(), "is the share of wrong answers.", which) for each in (hits, is_right)),
        (1 - answered[~is_right].mean(), "is the share of the mistakes that were refused.", among),
        (is_right.mean(), "is the accuracy on all images, as if nothing were refused.", which),
        ((is_right & answered).mean(), "was divided by all images: each refusal counts as a mistake.", among),
        ((is_right | ~answered).mean(), "counts each refusal as a right answer.", among),
        (is_right[~answered].mean(), "is the accuracy on the images that were refused.", which),
        (answered.mean(), "is the share of answered images.", "How many of these are right?"),
        (hits.sum() / is_right.sum(), "is the share of all right answers that are kept.", among),
        (highest.mean(), "is the mean probability of the answers.", among),
        (hits.mean() - is_right.mean(), "is how much the accuracy gains by refusing.", among),
        (1, knows_labels, "Which of its ten probabilities does the network use?"),
        (digits[answered], "holds the predictions themselves.", "What do you compare them with?"),
        (is_right, "says for each image whether it is classified correctly, even for refused ones.", which),
        *slips_of(hits, "right answers", "share"),
    ]


def _made_probabilities(dataset: Dataset) -> NDArray:
    """Return probabilities with most mistakes below the threshold, and some right answers too."""
    predictions, rows = _made_predictions(dataset), np.arange(len(dataset.test_labels))
    wrong = np.flatnonzero(predictions != dataset.test_labels)
    highest = np.random.default_rng(2).choice([0.99, 0.92, 0.8], len(rows), p=[0.7, 0.2, 0.1])
    highest[wrong], highest[wrong[:4]] = 0.6, 0.95
    probabilities = np.repeat((1 - highest[:, np.newaxis]) / (NUM_CLASSES - 1), NUM_CLASSES, axis=1)
    probabilities[rows, predictions] = highest
    return probabilities


def _can_be_probabilities(test_labels: NDArray, probabilities: NDArray) -> bool:
    can_be = probabilities.shape == (len(test_labels), NUM_CLASSES) and probabilities.min() >= 0
    sums_to_one = close(probabilities.sum(axis=1), np.ones(len(test_labels)), 1e-3)
    return can_be and sums_to_one and (probabilities.argmax(axis=1) == test_labels).mean() > 0.5


refuse_when_unsure = Exercise(
    "07.2",
    "Let the network refuse when it is unsure",
    Number(
        "answered_share",
        "a number between 0 and 1",
        expected=lambda probabilities, test_labels: _answered(probabilities, test_labels)[0].mean(),
        mistakes=_share_mistakes,
    ),
    Number(
        "answered_accuracy",
        "a number between 0 and 1",
        expected=lambda probabilities, test_labels: (probabilities.argmax(axis=1) == test_labels)[
            probabilities.max(axis=1) >= THRESHOLD
        ].mean(),
        mistakes=_accuracy_mistakes,
    ),
    given={
        "probabilities": Given(test=_can_be_probabilities, example=_made_probabilities),
        "test_labels": Given(rows_of="test_labels"),
    },
    hints=[
        "`probabilities.max(axis=1) >= 0.9` is True for each image that gets an answer; its mean is a share.",
        "A mask in square brackets selects: `predictions[answered]` and `test_labels[answered]`.",
    ],
    comment="There are fewer answers, and fewer of them are wrong. What does a refusal cost? And a mistake?",
)
