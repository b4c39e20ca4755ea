"""Exercises of lesson 06: the most confused pair, refusing when unsure, images needed, and a gain or chance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from course_utils.data import Dataset
from course_utils.evaluation import accuracy_interval
from course_utils.exercises.core import Array, Exercise, Given, Number, Row, close, slips_of
from course_utils.preprocessing import NUM_CLASSES

# --- 07.1 ------------------------------------------------------------------------------------------------------------


def _tables(test_labels: NDArray, predictions: NDArray) -> tuple[NDArray, NDArray]:
    """Return the confusion matrix, and in the upper triangle how often two digits were confused in both directions."""
    confusion = np.zeros((NUM_CLASSES, NUM_CLASSES), dtype=int)
    np.add.at(confusion, (test_labels, predictions), 1)
    return confusion, np.triu(confusion + confusion.T, 1)


def _most_confused(test_labels: NDArray, predictions: NDArray) -> list[list[int]]:
    _, both = _tables(test_labels, predictions)
    return np.argwhere(both == both.max()).tolist()


def _pair_mistakes(confused_pair: NDArray, test_labels: NDArray, predictions: NDArray) -> Iterator[Row]:
    confusion, both = _tables(test_labels, predictions)
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
    message = f"A {first} read as a {second} is no confusion: the diagonal holds the right answers."
    yield first == second, message, "Where does the lesson put zeros before it looks for the largest number?"
    there, back = confusion[first, second], confusion[second, first]
    message = f"{first} and {second} are confused most often in one direction, but not in both together."
    is_most = max(there, back) == (confusion * (1 - np.eye(NUM_CLASSES, dtype=int))).max()
    yield is_most, message, "Which two cells of the table belong to the same pair?"
    times = f"{there + back} times" if there + back != 1 else "once"
    message = f"{first} and {second} were confused {times} in both directions together; another pair more often."
    yield True, message, "How would you add to each cell of the table the one on the other side of the diagonal?"


def _count_mistakes(confused_pair: NDArray | None, test_labels: NDArray, predictions: NDArray) -> Iterator[Row]:
    confusion, both = _tables(test_labels, predictions)
    pairs, cells = _most_confused(test_labels, predictions), "Which two cells of the table belong to this pair?"
    is_given = confused_pair is not None and sorted(confused_pair.flat) in pairs  # else the pair must not be named
    for first, second in [sorted(map(int, confused_pair.flat))] if confused_pair is not None and is_given else pairs:
        there, back = confusion[first, second], confusion[second, first]
        right = confusion[first, first] + confusion[second, second]
        ways = {there: f": a {first} read as a {second}", back: f": a {second} read as a {first}"}
        for count, way in ways.items():
            message = f"`{{name}}` counts one direction only{way if is_given else ''}."
            yield count, message, "How often does it happen the other way round?"
        yield right, "`{name}` counts how often the two digits were classified correctly.", cells
        yield right + there + back, "`{name}` counts the right answers as well, the cells on the diagonal.", cells
        yield abs(there - back), "`{name}` is the difference of the two directions, expected their sum.", cells
    yield 2 * both.max(), "`{name}` counts each confusion twice.", "How often does a pair occur in table + table.T?"
    yield (test_labels != predictions).sum(), "`{name}` counts all mistakes, not only those of one pair.", cells
    yield 2 * (test_labels != predictions).sum(), "`{name}` counts all mistakes, and each twice.", cells
    yield (test_labels == predictions).sum(), "`{name}` counts all right answers.", cells
    one_way = (confusion * (1 - np.eye(NUM_CLASSES, dtype=int))).max()
    yield one_way, "`{name}` is the most frequent confusion in one direction.", "How often is it in both?"
    yield confusion.max(), "`{name}` is the largest number of the whole table, on the diagonal.", cells


def _made_predictions(dataset: Dataset) -> NDArray:
    """Return predictions in which the most frequent confusion in one direction is not in the pair asked for."""
    predictions = dataset.test_labels.astype(int)
    for true, read, number in ((7, 2, 5), (2, 7, 1), (4, 9, 4), (9, 4, 3), (3, 5, 2)):
        predictions[np.flatnonzero(dataset.test_labels == true)[:number]] = read
    return predictions


def _can_be_predictions(test_labels: NDArray, predictions: NDArray) -> bool:
    is_integer = predictions.dtype.kind in "iu"
    return is_integer and predictions.max() < NUM_CLASSES and 0.5 < (predictions == test_labels).mean() < 1


find_confused_pair = Exercise(
    "07.1",
    "Find the pair most often confused",
    Array(
        "confused_pair",
        "two digits, such as (3, 5)",
        is_right=lambda confused_pair, test_labels, predictions: (
            sorted(confused_pair.flat) in _most_confused(test_labels, predictions)
        ),
        mistakes=_pair_mistakes,
        example=lambda test_labels, predictions: _most_confused(test_labels, predictions)[0],
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
        "predictions": Given(test=_can_be_predictions, example=_made_predictions),
    },
    hints=[
        "`mistakes.T` has rows and columns exchanged: `mistakes + mistakes.T` has both directions in each cell.",
        "`np.unravel_index(table.argmax(), table.shape)` gives row and column of the largest number, as in the lesson.",
    ],
    comment=lambda confused_pair, num_confusions: (
        f"{min(confused_pair.flat):.0f} and {max(confused_pair.flat):.0f} were confused {num_confusions:.0f} times "
        "in both directions together."
    ),
)

# --- 07.2 ------------------------------------------------------------------------------------------------------------


def _answered(probabilities: NDArray, test_labels: NDArray, threshold: float) -> tuple[NDArray, NDArray]:
    """Return which images get an answer, and of which the most probable digit is right."""
    return probabilities.max(axis=1) >= threshold, probabilities.argmax(axis=1) == test_labels


_OTHER_THRESHOLDS = (0.5, 0.8, 0.95, 0.99)


def _share_mistakes(probabilities: NDArray, test_labels: NDArray, threshold: float) -> list[Row]:
    highest, (answered, is_right) = probabilities.max(axis=1), _answered(probabilities, test_labels, threshold)
    only_right = "`{name}` counts only right answers; wrong ones count too: the network does not know the label."
    axis, take = "Along which axis is the largest probability of each image?", "Which digit does the network choose?"
    compare = "Where does the threshold come in?"
    return [
        (~answered, "`{name}` is a mask of the images that were refused.", "What does the mean of a mask give?"),
        (1 - answered.mean(), "`{name}` is the share of refused images, not of answered ones.", compare),
        ((is_right & answered).mean(), only_right, take),
        ((is_right & answered).sum(), only_right, take),
        ((probabilities >= threshold).mean(), "`{name}` is a mean over all ten probabilities of each image.", axis),
        (1, "`{name}` is 1, as if every image got an answer.", axis),
        (probabilities >= threshold, "`{name}` compares all ten probabilities of each image.", axis),
        (is_right.mean(), "`{name}` is the accuracy on all images.", "Which images get an answer?"),
        (highest.mean(), "`{name}` is the mean of the largest probabilities.", compare),
        (highest, "`{name}` holds the largest probability of each image.", compare),
        (threshold, "`{name}` equals the threshold itself.", "Was it rounded, or is it not yet a share?"),
        *(((highest >= t).mean(), f"`{{name}}` is for a threshold of {t}.", compare) for t in _OTHER_THRESHOLDS),
        *slips_of(answered, "answered images", "share"),
    ]


def _accuracy_mistakes(probabilities: NDArray, test_labels: NDArray, threshold: float) -> list[Row]:
    answered, is_right = _answered(probabilities, test_labels, threshold)
    hits, digits = is_right[answered], probabilities.argmax(axis=1)
    which, among = "Which images still count?", "Among how many images are the right answers counted?"
    knows_labels = "`{name}` is 1, as if you had chosen the images whose *true* digit has a high probability."
    unsure = f"With this network no probability reaches {threshold:g}: there are no answers to judge."
    if not answered.any():
        return [(True, unsure, "Is it the network that the lesson loaded?")]
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
            "`{name}` is {value}, {more} than the share of images whose largest probability reaches the threshold.",
            "How do you get the largest probability of each image: along which axis?",
        ),
    ),
    Number(
        "answered_accuracy",
        expected=lambda probabilities, test_labels, threshold: np.mean(
            (probabilities.argmax(axis=1) == test_labels)[probabilities.max(axis=1) >= threshold]
        ),
        mistakes=_accuracy_mistakes,
        otherwise=(
            "`{name}` is {value}, {more} than the accuracy on the images that were answered.",
            "How do you choose from predictions and from test_labels only those that were answered?",
        ),
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

# --- 07.3 ------------------------------------------------------------------------------------------------------------

_Z = 1.96


def _is_enough(num_images_needed: float | NDArray, test_accuracy: float, half_width: float) -> bool:
    """Tell whether it is the number for Wilson's interval, or that with 2 in place of 1.96."""
    if not isinstance(num_images_needed, float) or num_images_needed < 1:
        return False
    low, high = accuracy_interval(test_accuracy * num_images_needed, num_images_needed)  # type: ignore[arg-type]
    with_two = 4 * test_accuracy * (1 - test_accuracy) / half_width**2
    return close((high - low) / 2, half_width, 2e-4) or close(num_images_needed, with_two, 1e-3)


def _needed_mistakes(num_images_needed: float, test_accuracy: float, half_width: float, num_images: int) -> list[Row]:
    p, h, n, variance = test_accuracy, half_width, num_images, test_accuracy * (1 - test_accuracy)
    needed, fraction = _Z**2 * variance / h**2, "How is half of the interval written as a fraction of 1?"
    missing = {"the factor p is": p, "the factor 1 - p is": 1 - p, "the factor p (1 - p) is": variance}
    missing |= {"the square of z is": _Z, "the square of the half width is": 1 / h}
    missing |= {"both squares are": _Z / h, "the factor z² and the square of the half width are": _Z**2 / h}
    root, in_all = "What becomes of each factor when both sides are squared?", "How many is that in all?"
    one_error = "`{name}` makes one standard error as large as the half width, which holds in 68 of 100 cases only."
    in_proportion = "`{name}` lets the width shrink in proportion to the number of images: it shrinks more slowly."
    wider, half = "How much narrower is the interval with four times as many images?", "Was the whole interval halved?"
    return [
        *(
            (needed / k**2, f"`{{name}}` is for ± {k * h:g}, which is ± {100 * k * h:g} %.", fraction)
            for k in (100, 10, 2, 0.01)
        ),
        *((needed / factor, f"In `{{name}}` {what} missing.", root) for what, factor in missing.items()),
        (needed * 4, f"`{{name}}` is for ± {h / 2:g}: the whole interval was taken for its half.", half),
        (needed / _Z**2, one_error, "How many standard errors is half of a 95 % interval?"),
        (needed / _Z * 2, "In `{name}` z is multiplied by 2, not squared.", root),
        (n * _Z * np.sqrt(variance / n) / h, in_proportion, wider),
        (needed - n, f"`{{name}}` is how many are needed besides the {n:,} that there are.", in_all),
        (needed / n, "`{name}` is how many times as many images are needed.", in_all),
        (_Z**2 / 4 / h**2, "`{name}` is for an accuracy of 50 %, the worst case.", "What is *p* for this network?"),
        (needed * p / (1 - p), "In `{name}` p was squared, not multiplied by 1 - p.", "What is the standard error?"),
        (needed / np.sqrt(variance), "In `{name}` there is still a root of p (1 - p).", root),
        *(
            (needed * (z / _Z) ** 2, f"`{{name}}` is for z = {z}.", "Which z has a 95 % interval?")
            for z in (1.645, 2.576)
        ),
        (needed * (1 - p) / p, "In `{name}` 1 - p was squared, not multiplied by p.", "What is the standard error?"),
        (
            _Z * np.sqrt(variance / n),
            "`{name}` is half of the interval that there is now.",
            "Which *n* makes it narrower?",
        ),
        (n, "`{name}` is how many images there are.", "How wide is the interval with them?"),
        (num_images_needed <= 0, "`{name}` is {value}, which is no number of images.", "Which step makes it so small?"),
    ]


def _width_with(num_images_needed: float, test_accuracy: float, half_width: float) -> tuple[str, str]:
    width = _Z * np.sqrt(test_accuracy * (1 - test_accuracy) / num_images_needed)
    number = f"{num_images_needed:,.0f}" if 1 <= num_images_needed < 1e12 else f"{num_images_needed:.2g}"
    verdict = "too wide" if width > half_width else "narrower than asked"
    message = f"With {number} images the interval would be ± {width:.4g}, {verdict}."
    return message, "Which equation says that 1.96 standard errors are the half width, and how do you solve it for n?"


def _times_as_many(test_accuracy: float, half_width: float, num_images: int) -> str:
    times = _Z**2 * test_accuracy * (1 - test_accuracy) / half_width**2 / num_images
    number = f"{times:,.{0 if times > 10 else 1}f}"
    return f"That is {number} times as many as there are. Half the interval takes four times the images."


count_images_needed = Exercise(
    "07.3",
    "Count the test images for a narrow interval",
    Number(
        "num_images_needed",
        "a number of images",
        expected=lambda test_accuracy, half_width: _Z**2 * test_accuracy * (1 - test_accuracy) / half_width**2,
        is_right=_is_enough,
        mistakes=_needed_mistakes,
        otherwise=_width_with,
    ),
    given={
        "test_accuracy": Given(test=lambda test_accuracy: 0.2 < test_accuracy < 1, example=lambda: 0.9844),
        "half_width": Given(lambda: 0.001),
        "num_images": Given(lambda dataset: len(dataset.test_labels)),
    },
    hints=[
        "Half of a 95 % interval is z √(p (1 - p) / n), with z = 1.96. Square both sides, and solve for n.",
        "n = z² p (1 - p) / h², where h is the half width as a fraction of 1.",
    ],
    comment=_times_as_many,
)

# --- 07.4 ------------------------------------------------------------------------------------------------------------


def _recorded_accuracies() -> NDArray:
    from course_utils.experiments import EXPERIMENTS, load_results

    return np.array([result.history["val_accuracy"] for result in load_results(EXPERIMENTS["recipe"])])


def _gains(val_accuracy: NDArray) -> NDArray:
    return val_accuracy[:, 29] - val_accuracy[:, 19]


def _gain_mistakes(val_accuracy: NDArray) -> list[Row]:
    means, best, gains = val_accuracy.mean(axis=0), val_accuracy[:, 20:].max(axis=1), _gains(val_accuracy)
    before, after = val_accuracy[:, 19], val_accuracy[:, 29]
    columns = "Which column has the first epoch, and which ones are compared?"
    best_of_last = "`{name}` takes the best of the last ten epochs, which chance has chosen for each seed."
    typical = [(21, 30), (19, 29), (20, 29), (19, 30), (10, 30), (10, 20), (1, 30), (1, 20)]
    return [
        (-gains, "`{name}` holds the gains with the wrong sign, expected their mean.", "What is subtracted from what?"),
        (100 * gains.mean(), "`{name}` is in percentage points.", "In which unit is `val_accuracy`?"),
        *(
            (means[j - 1] - means[i - 1], f"`{{name}}` is the gain from epoch {i} to epoch {j}.", columns)
            for i, j in typical
        ),
        (gains.mean() / 10, "`{name}` is the mean gain of a single epoch.", "Which ten numbers is it the mean of?"),
        (after.mean(), "`{name}` is the mean accuracy after thirty epochs.", "How much of it was there before?"),
        (before.mean(), "`{name}` is the mean accuracy after twenty epochs.", "How much was gained from there on?"),
        ((after / before - 1).mean(), "`{name}` is a share of the accuracy before.", "Did you divide or subtract?"),
        ((val_accuracy[-1] - val_accuracy[0]).mean(), "`{name}` compares the last seed with the first.", columns),
        ((best - before).mean(), best_of_last, "Which epoch would you choose beforehand?"),
        (means[20:].mean() - means[10:20].mean(), "`{name}` compares means of ten epochs each.", columns),
        (np.abs(gains).mean(), "`{name}` is the mean of the gains without their signs.", "Did every seed gain?"),
        *(
            (
                number,
                f"`{{name}}` says how many seeds {did}, expected the mean of their gains.",
                "Which function gives it?",
            )
            for mask, did in ((gains > 0, "rose"), (gains < 0, "became worse"))
            for number in (mask.mean(), mask.sum())
        ),
        (after.max() - before.max(), "`{name}` compares the best seed of each epoch, chosen by chance.", columns),
        *slips_of(gains, "gains", "mean"),
    ]


def _error_mistakes(val_accuracy: NDArray) -> list[Row]:
    gains, before, after = _gains(val_accuracy), val_accuracy[:, 19], val_accuracy[:, 29]
    root, deviation = np.sqrt(len(gains)), gains.std(ddof=1)
    scatter = "How much less does the mean of ten numbers scatter than one of them?"
    under_root, of_which = "Is *n* under the root in the standard error?", "Of which ten numbers is it the error?"
    unit, as_if = "Has `var` or `std` the unit of an accuracy?", "as if the two epochs came from different trainings"
    shared = "What do the two numbers of one seed share, which drops out in their difference?"
    unpaired = np.sqrt(before.var(ddof=1) + after.var(ddof=1)) / root
    return [
        (deviation, "`{name}` is the standard deviation: how far a single gain lies from the mean.", scatter),
        (gains.std(), "`{name}` is the standard deviation, and without `ddof=1`.", scatter),
        (gains.std() / root, "`{name}` lacks `ddof=1`, and is a little too small.", "What does `ddof` do?"),
        (deviation / 3, "`{name}` is divided by √9; `ddof=1` has done that already.", under_root),
        (deviation / len(gains), "`{name}` was divided by the number of seeds, not by its square root.", under_root),
        (deviation / np.sqrt(30), "`{name}` was divided by √30.", "How many gains are there?"),
        (gains.var(ddof=1), "`{name}` is the variance of the gains.", unit),
        (gains.var(ddof=1) / root, "`{name}` comes from the variance, not from the standard deviation.", unit),
        (unpaired, f"`{{name}}` is computed {as_if}.", shared),
        (after.std(ddof=1) / root, "`{name}` is that of the accuracy after thirty epochs.", of_which),
        (before.std(ddof=1) / root, "`{name}` is that of the accuracy after twenty epochs.", of_which),
        (100 * deviation / root, "`{name}` is in percentage points.", "In which unit is `val_accuracy`?"),
        (_Z * deviation / root, "`{name}` is 1.96 standard errors, expected one.", "What are the 1.96 for?"),
        (2 * deviation / root, "`{name}` is two standard errors, expected one.", "What is the factor 2 for?"),
        (gains.mean() / deviation * root, "`{name}` is the gain in standard errors.", "What did you divide by what?"),
        (gains.mean(), "`{name}` is the mean of the gains.", "How far may that mean be off?"),
    ]


def _chance_or_not(mean_gain: float, standard_error: float) -> str:
    ratio = mean_gain / standard_error
    verdict = "hardly chance" if abs(ratio) > 2 else "it may well be chance"
    return f"The gain is {ratio:.1f} times its standard error: {verdict}."


tell_gain_from_chance = Exercise(
    "07.4",
    "Tell a gain from chance",
    Number(
        "mean_gain",
        expected=lambda val_accuracy: _gains(val_accuracy).mean(),
        mistakes=_gain_mistakes,
        otherwise=(
            "`{name}` is {value}, {more} than the mean gain from the twentieth epoch to the thirtieth.",
            "Which two columns of `val_accuracy` hold these epochs?",
        ),
    ),
    Number(
        "standard_error",
        expected=lambda val_accuracy: _gains(val_accuracy).std(ddof=1) / np.sqrt(len(val_accuracy)),
        mistakes=_error_mistakes,
        otherwise=(
            "`{name}` is {value}, {more} than the standard error of the mean gain.",
            "What is the standard deviation of the ten gains, and what is it divided by?",
        ),
    ),
    given={"val_accuracy": Given(_recorded_accuracies)},
    hints=[
        "`val_accuracy[:, 0]` holds the first epoch of all seeds. Subtract two columns, and you have ten gains.",
        "The standard error of a mean of n numbers is their standard deviation, with ddof=1, divided by `np.sqrt(n)`.",
    ],
    comment=_chance_or_not,
)
