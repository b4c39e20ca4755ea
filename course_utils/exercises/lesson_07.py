"""Exercises of lesson 07: the most confused pair, and refusing when unsure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from course_utils.data import Dataset
from course_utils.exercises.core import Array, Exercise, Given, Number, Row, close, slips_of
from course_utils.preprocessing import NUM_CLASSES

# --- 07.1 ------------------------------------------------------------------------------------------------------------


def _tables(test_labels: NDArray, predictions: NDArray) -> tuple[NDArray, NDArray, list[list[int]]]:
    """Return the confusion matrix, in a triangle how often each pair was confused, and the pairs of the most often."""
    confusion = np.zeros((NUM_CLASSES, NUM_CLASSES), dtype=int)
    np.add.at(confusion, (test_labels, predictions), 1)
    both = np.triu(confusion + confusion.T, 1)
    return confusion, both, np.argwhere(both == both.max()).tolist()


def _most_in_one_direction(confusion: NDArray) -> int:
    return (confusion * (1 - np.eye(NUM_CLASSES, dtype=int))).max()


def _pair_mistakes(confused_pair: NDArray, test_labels: NDArray, predictions: NDArray) -> Iterator[Row]:
    confusion, both, _ = _tables(test_labels, predictions)
    is_position = confused_pair.size == 1 and confused_pair.item() in range(10, both.size)
    flat = "`{name}` is a position in the flattened table, expected two digits."
    yield is_position, flat, "Which function turned such a position into row and column in the lesson?"
    pairs = f"`{{name}}` holds {len(np.atleast_1d(confused_pair))} pairs, expected one."
    yield confused_pair.shape[1:] == (2,), pairs, "Does the table hold each pair twice?"
    first, second = confused_pair.flat
    message = f"The digits go from 0 to 9; `{{name}}` has {first:g} and {second:g}."
    if not {first, second} <= set(range(NUM_CLASSES)):
        return (yield True, message, "Are these digits, or counts, or positions in a flattened table?")
    first, second = int(first), int(second)
    message = f"A {first} classified as a {second} is no confusion: the diagonal holds the right answers."
    yield first == second, message, "Where does the lesson put zeros before it looks for the largest number?"
    there, back = confusion[first, second], confusion[second, first]
    message = f"{first} and {second} are confused most often in one direction, but not in both together."
    is_most = max(there, back) == _most_in_one_direction(confusion)
    yield is_most, message, "Which two cells of the table belong to the same pair?"
    times = f"{there + back} times" if there + back != 1 else "once"
    message = f"{first} and {second} were confused {times} in both directions together; another pair more often."
    yield True, message, "How would you add to each cell of the table the one on the other side of the diagonal?"


def _count_mistakes(confused_pair: NDArray | None, test_labels: NDArray, predictions: NDArray) -> Iterator[Row]:
    confusion, both, pairs = _tables(test_labels, predictions)
    cells, num_wrong = "Which two cells of the table belong to this pair?", (test_labels != predictions).sum()
    is_given = confused_pair is not None and sorted(confused_pair.flat) in pairs  # else the pair must not be named
    for first, second in [sorted(map(int, confused_pair.flat))] if confused_pair is not None and is_given else pairs:
        right = confusion[first, first] + confusion[second, second]
        for one, other in ((first, second), (second, first)):
            way = f": a {one} classified as a {other}" if is_given else ""
            yield (
                confusion[one, other],
                f"`{{name}}` counts one direction only{way}.",
                "What about the other way round?",
            )
        there, back = confusion[first, second], confusion[second, first]
        yield right, "`{name}` counts how often the two digits were classified correctly.", cells
        yield right + there + back, "`{name}` counts the right answers as well, the cells on the diagonal.", cells
        yield abs(there - back), "`{name}` is the difference of the two directions, expected their sum.", cells
    yield 2 * both.max(), "`{name}` counts each confusion twice.", "How often does a pair occur in table + table.T?"
    yield num_wrong, "`{name}` counts all mistakes, not only those of one pair.", cells
    yield 2 * num_wrong, "`{name}` counts all mistakes, and each twice.", cells
    yield len(test_labels) - num_wrong, "`{name}` counts all right answers.", cells
    one_way = "`{name}` is the most frequent confusion in one direction."
    yield _most_in_one_direction(confusion), one_way, "How often is it in both?"
    yield confusion.max(), "`{name}` is the largest number of the whole table, on the diagonal.", cells


def _made_predictions(dataset: Dataset) -> NDArray:
    """Return predictions in which the most frequent confusion in one direction is not in the pair asked for."""
    predictions = dataset.test_labels.astype(int)
    for true, read, number in ((7, 2, 5), (2, 7, 1), (4, 9, 4), (9, 4, 3), (3, 5, 2)):
        predictions[np.flatnonzero(dataset.test_labels == true)[:number]] = read
    return predictions


find_confused_pair = Exercise(
    "07.1",
    "Find the pair most often confused",
    Array(
        "confused_pair",
        "two digits, such as (3, 5)",
        any_order=True,
        is_right=lambda confused_pair, test_labels, predictions: (
            sorted(confused_pair.flat) in _tables(test_labels, predictions)[2]
        ),
        mistakes=_pair_mistakes,
        example=lambda test_labels, predictions: _tables(test_labels, predictions)[2][0],
    ),
    Number(
        "num_confusions",
        "a number of images",
        expected=lambda test_labels, predictions: _tables(test_labels, predictions)[1].max(),
        mistakes=_count_mistakes,
        whole=True,
    ),
    given={
        "test_labels": Given(rows_of="test_labels"),
        "predictions": Given(
            test=lambda test_labels, predictions: (
                predictions.dtype.kind in "iu"
                and predictions.max() < NUM_CLASSES
                and 0.5 < (predictions == test_labels).mean() < 1
            ),
            example=_made_predictions,
        ),
    },
    hints=[
        "`mistakes.T` has rows and columns exchanged: `mistakes + mistakes.T` has both directions in each cell.",
        "`np.unravel_index(table.argmax(), table.shape)` gives row and column of the largest number, as in the lesson.",
    ],
    comment="Which pair leads may depend on whether one direction is counted or both.",
)

# --- 07.2 ------------------------------------------------------------------------------------------------------------


def _answered(probabilities: NDArray, test_labels: NDArray, threshold: float) -> tuple[NDArray, NDArray]:
    """Return which images get an answer, and of which the most probable digit is right."""
    return probabilities.max(axis=1) >= threshold, probabilities.argmax(axis=1) == test_labels


def _share_mistakes(probabilities: NDArray, test_labels: NDArray, threshold: float) -> list[Row]:
    highest, (answered, is_right) = probabilities.max(axis=1), _answered(probabilities, test_labels, threshold)
    only_right = "`{name}` counts only right answers; wrong ones count too: the network does not know the label."
    axis, take = "Along which axis is the largest probability of each image?", "Which digit does the network choose?"
    compare = "Where does the threshold come in?"
    return [
        (~answered, "`{name}` is a mask of the images that were refused.", "What does the mean of a mask give?"),
        (1 - answered.mean(), "`{name}` is the share of refused images, not of answered ones.", compare),
        *((function(is_right & answered), only_right, take) for function in (np.mean, np.sum)),
        ((probabilities >= threshold).mean(), "`{name}` is a mean over all ten probabilities of each image.", axis),
        (1, "`{name}` is 1, as if every image got an answer.", axis),
        (probabilities >= threshold, "`{name}` compares all ten probabilities of each image.", axis),
        (is_right.mean(), "`{name}` is the accuracy on all images.", "Which images get an answer?"),
        (highest.mean(), "`{name}` is the mean of the largest probabilities.", compare),
        (highest, "`{name}` holds the largest probability of each image.", compare),
        (threshold, "`{name}` equals the threshold itself.", "Was it rounded, or is it not yet a share?"),
        *(((highest >= t).mean(), f"`{{name}}` is for a threshold of {t}.", compare) for t in (0.5, 0.8, 0.95, 0.99)),
        *slips_of(answered, "answered images", "share"),
    ]


def _accuracy_mistakes(probabilities: NDArray, test_labels: NDArray, threshold: float) -> list[Row]:
    answered, is_right = _answered(probabilities, test_labels, threshold)
    hits, digits = is_right[answered], probabilities.argmax(axis=1)
    which, among = "Which images still count?", "Among how many images are the right answers counted?"
    knows_labels = "`{name}` is 1, as if you had chosen the images whose *true* digit has a high probability."
    if not answered.any():
        return [
            (True, "No probability reaches the threshold: there is nothing to judge.", "Is it the lesson's network?")
        ]
    return [
        (1 - hits.mean(), "`{name}` is the share of wrong answers.", "Is the network worse when it may refuse?"),
        (is_right.mean(), "`{name}` is the accuracy on all images, as if nothing were refused.", which),
        ((is_right & answered).mean(), "`{name}` was divided by all images: each refusal counts as a mistake.", among),
        ((is_right | ~answered).mean(), "`{name}` counts each refusal as a right answer.", among),
        (is_right[~answered].mean(), "`{name}` is the accuracy on the images that were refused.", which),
        (answered.mean(), "`{name}` is the share of answered images.", "How many of these are right?"),
        (hits.sum() / is_right.sum(), "`{name}` is the share of all right answers that are kept.", among),
        (probabilities.max(axis=1)[answered].mean(), "`{name}` is the mean probability of the answers.", among),
        (hits.mean() - is_right.mean(), "`{name}` is how much the accuracy gains by refusing.", among),
        (1, knows_labels, "Which of its ten probabilities does the network go by?"),
        (digits[answered], "`{name}` holds the predictions themselves.", "With what do you compare them?"),
        (is_right, "`{name}` says of each image whether it is classified correctly, also of refused ones.", which),
        *slips_of(hits, "right answers", "share"),
    ]


def _made_probabilities(dataset: Dataset) -> NDArray:
    """Return probabilities with most mistakes below 0.9, and some right answers too."""
    predictions, generator = _made_predictions(dataset), np.random.default_rng(2)
    is_right = predictions == dataset.test_labels
    highest = np.where(is_right, generator.choice([0.99, 0.92, 0.8], len(is_right), p=[0.7, 0.2, 0.1]), 0.6)
    highest[np.flatnonzero(~is_right)[:4]] = 0.95
    others = generator.dirichlet(np.ones(NUM_CLASSES - 1), len(is_right)) * (1 - highest[:, np.newaxis])
    columns = (np.arange(NUM_CLASSES) - predictions[:, np.newaxis]) % NUM_CLASSES
    return np.take_along_axis(np.insert(others, 0, highest, axis=1), columns, axis=1)


def _can_be_probabilities(test_labels: NDArray, probabilities: NDArray) -> bool:
    can_be = probabilities.shape == (len(test_labels), NUM_CLASSES) and probabilities.min() >= 0
    sums_to_one = close(probabilities.sum(axis=1), np.ones(len(test_labels)), 1e-3)
    return can_be and sums_to_one and (probabilities.argmax(axis=1) == test_labels).mean() > 0.5


def _refusals(probabilities: NDArray, test_labels: NDArray, threshold: float) -> str:
    answered, is_right = _answered(probabilities, test_labels, threshold)
    wrong = f"is wrong in {(~is_right[answered]).sum():,} of the others instead of {(~is_right).sum():,}"
    return f"It refuses {(~answered).sum():,} of {len(answered):,} images, and {wrong}."


refuse_when_unsure = Exercise(
    "07.2",
    "Let the network refuse when it is unsure",
    Number(
        "answered_share",
        expected=lambda probabilities, threshold: (probabilities.max(axis=1) >= threshold).mean(),
        mistakes=_share_mistakes,
        otherwise=(
            "`{name}` is {value}, {more} than the share of images that get an answer.",
            "Along which axis is it?",
        ),
    ),
    Number(
        "answered_accuracy",
        expected=lambda probabilities, test_labels, threshold: np.mean(
            (probabilities.argmax(axis=1) == test_labels)[probabilities.max(axis=1) >= threshold]
        ),
        mistakes=_accuracy_mistakes,
        otherwise=("`{name}` is {value}, {more} than the accuracy on the answered images.", "How do you select those?"),
    ),
    given={
        "probabilities": Given(test=_can_be_probabilities, example=_made_probabilities),
        "test_labels": Given(rows_of="test_labels"),
        "threshold": Given(lambda: 0.9),
    },
    hints=[
        "`probabilities.max(axis=1) >= threshold` is True for each image that gets an answer; its mean is a share.",
        "A mask in square brackets selects: `predictions[answered]` and `test_labels[answered]`.",
    ],
    comment=_refusals,
)
