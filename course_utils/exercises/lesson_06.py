"""Exercises of lesson 06: the most confused pair, refusing when unsure, images needed, and a gain or chance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from course_utils.data import Dataset
from course_utils.evaluation import accuracy_interval
from course_utils.exercises.core import Array, Exercise, Given, Number, Row, close, slips_of
from course_utils.preprocessing import NUM_CLASSES

TEST_LABELS = Given(rows_of="test_labels")

# --- 06.1 ------------------------------------------------------------------------------------------------------------


def _confusion(test_labels: NDArray, predictions: NDArray) -> NDArray:
    confusion = np.zeros((NUM_CLASSES, NUM_CLASSES), dtype=int)
    np.add.at(confusion, (test_labels, predictions), 1)
    return confusion


def _both(test_labels: NDArray, predictions: NDArray) -> NDArray:
    """Return how often two digits were confused in both directions, in the upper triangle."""
    confusion = _confusion(test_labels, predictions)
    return np.triu(confusion + confusion.T, 1)


def _is_most_confused(confused_pair: NDArray, test_labels: NDArray, predictions: NDArray) -> bool:
    both = _both(test_labels, predictions)
    return confused_pair.size == 2 and sorted(confused_pair.flat) in np.argwhere(both == both.max()).tolist()


def _pair_mistakes(confused_pair: NDArray, test_labels: NDArray, predictions: NDArray) -> Iterator[Row]:
    pair, confusion, both = confused_pair, _confusion(test_labels, predictions), _both(test_labels, predictions)
    is_position = pair.size == 1 and pair.item() in range(10, both.size)
    flat = "`{name}` is a position in the flattened table, expected two digits."
    yield is_position, flat, "Which function turned such a position into row and column in the lesson?"
    yield pair.size == 1, "`{name}` is one number, expected two digits, such as (3, 5).", "What is a pair in Python?"
    pairs = f"`{{name}}` holds {len(pair) if pair.ndim else 0} pairs, expected one."
    yield pair.ndim == 2 and pair.shape[1] == 2, pairs, "Does each pair stand in the table twice?"
    wrong_shape = "`{name}` is {value}, expected two digits, such as (3, 5)."
    yield pair.size != 2, wrong_shape, "Which two positions lead to the largest number in the table?"
    first, second = pair.flat
    outside = f"The digits go from 0 to 9; `{{name}}` has {first:g} and {second:g}."
    are_digits = {first, second} <= set(range(NUM_CLASSES))
    yield not are_digits, outside, "Are these digits, or counts, or positions in a flattened table?"
    if are_digits:
        first, second = int(first), int(second)
        diagonal = f"A {first} read as a {second} is no confusion: the diagonal holds the right answers."
        yield first == second, diagonal, "Where does the lesson put zeros before it looks for the largest number?"
        there, back = confusion[first, second], confusion[second, first]
        one_way = f"{first} and {second} are confused most often in one direction, but not in both together."
        is_most = max(there, back) == (confusion * (1 - np.eye(NUM_CLASSES, dtype=int))).max()
        yield is_most, one_way, "Which two cells of the table belong to the same pair?"
        times = f"{there + back} times" if there + back != 1 else "once"
        more = f"{first} and {second} were confused {times} in both directions together; another pair more often."
        yield True, more, "How would you add to each cell of the table the one on the other side of the diagonal?"


def _count_mistakes(confused_pair: NDArray | None, test_labels: NDArray, predictions: NDArray) -> Iterator[Row]:
    confusion, both = _confusion(test_labels, predictions), _both(test_labels, predictions)
    is_wrong, cells = test_labels != predictions, "Which two cells of the confusion matrix belong to this pair?"
    pairs, is_given = np.argwhere(both == both.max()), False
    if confused_pair is not None and _is_most_confused(confused_pair, test_labels, predictions):
        pairs, is_given = np.array([sorted(confused_pair.flat)], dtype=int), True
    for first, second in pairs:
        there, back = confusion[first, second], confusion[second, first]
        right = confusion[first, first] + confusion[second, second]
        ways = {there: f": a {first} read as a {second}", back: f": a {second} read as a {first}"}
        for count, way in ways.items():
            yield count, f"`{{name}}` counts one direction only{way if is_given else ''}.", "How often the other way?"
        yield right, "`{name}` counts how often the two digits were classified correctly.", cells
        yield right + there + back, "`{name}` counts the right answers as well, the cells on the diagonal.", cells
        yield (there + back) / 2, "`{name}` is the mean of the two directions.", "How many are there together?"
        yield abs(there - back), "`{name}` is the difference of the two directions.", "How many are there together?"
    yield 2 * both.max(), "`{name}` counts each confusion twice.", "How often does a pair stand in table + table.T?"
    yield is_wrong.sum(), "`{name}` counts all mistakes, not only those between two digits.", cells
    yield (~is_wrong).sum(), "`{name}` counts all right answers.", cells
    yield confusion.max(), "`{name}` is the largest number of the whole table, on the diagonal.", cells
    yield both.max() / len(test_labels), "`{name}` is a share, expected a number of images.", "Of what is it a share?"
    yield both.max() / is_wrong.sum(), "`{name}` is a share of the mistakes, expected their number.", "A sum or a mean?"


def _made_predictions(dataset: Dataset) -> NDArray:
    """Return made-up predictions: the pair confused most often has not the most frequent confusion in one direction."""
    labels = dataset.test_labels
    predictions = labels.astype(int)
    for true, read, number in ((7, 2, 5), (2, 7, 1), (4, 9, 4), (9, 4, 3), (3, 5, 1)):
        predictions[np.flatnonzero(labels == true)[:number]] = read
    return predictions


find_confused_pair = Exercise(
    "06.1",
    "Find the pair most often confused",
    Array(
        "confused_pair",
        "two digits, such as (3, 5)",
        is_right=_is_most_confused,
        mistakes=_pair_mistakes,
        example=lambda test_labels, predictions: np.argwhere((both := _both(test_labels, predictions)) == both.max())[
            0
        ],
    ),
    Number(
        "num_confusions",
        "a number of images",
        expected=lambda test_labels, predictions: _both(test_labels, predictions).max(),
        mistakes=_count_mistakes,
        whole=True,
    ),
    given={
        "test_labels": TEST_LABELS,
        "predictions": Given(
            test=lambda test_labels, predictions: (
                predictions.dtype.kind in "iu" and (predictions == test_labels).mean() > 0.5 and predictions.max() < 10
            ),
            example=_made_predictions,
        ),
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

# --- 06.2 ------------------------------------------------------------------------------------------------------------


def _share_mistakes(probabilities: NDArray, test_labels: NDArray, threshold: float) -> list[Row]:
    highest = probabilities.max(axis=1)
    answered, is_right = highest >= threshold, probabilities.argmax(axis=1) == test_labels
    of_true_digit = probabilities[np.arange(len(test_labels)), test_labels] >= threshold
    counts_right = "`{name}` counts only right answers; wrong ones count too: the network does not know the label."
    unsure = f"With this network no probability reaches {threshold:g}."
    all_images, axis = "How many images are there in all?", "Along which axis is the largest probability of each image?"
    return [
        (not answered.any(), unsure, "Is it the network that the lesson loaded?"),
        (~answered, "`{name}` is a mask of the images that were refused.", "What does the mean of a mask give?"),
        (1 - answered.mean(), "`{name}` is the share of refused images, not of answered ones.", "Is it few or most?"),
        ((~answered).sum(), "`{name}` is the number of refused images, expected the share of the others.", all_images),
        (of_true_digit.mean(), counts_right, "Which of its ten probabilities does the network take?"),
        (of_true_digit.sum(), counts_right, "Which of its ten probabilities does the network take?"),
        ((probabilities >= threshold).mean(), "`{name}` is a mean over all ten probabilities of each image.", axis),
        ((probabilities.max(axis=0) >= threshold).mean(), "`{name}` asks each digit for its surest image.", axis),
        (probabilities >= threshold, "`{name}` compares all ten probabilities of each image.", axis),
        (is_right.mean(), "`{name}` is the accuracy on all images.", "Which images get an answer?"),
        (highest.mean(), "`{name}` is the mean of the largest probabilities.", "Where is the threshold?"),
        (highest, "`{name}` holds the largest probability of each image.", "Where is the threshold?"),
        *slips_of(answered, "answered images", "share"),
    ]


def _accuracy_mistakes(probabilities: NDArray, test_labels: NDArray, threshold: float) -> list[Row]:
    highest = probabilities.max(axis=1)
    answered, is_right = highest >= threshold, probabilities.argmax(axis=1) == test_labels
    which, among = "Which images still count?", "Among how many images are the right answers counted?"
    knows_labels = "`{name}` is 1, as if you had chosen the images whose *true* digit has a high probability."
    hits = is_right[answered]
    return [
        (1 - hits.mean(), "`{name}` is the share of wrong answers.", "Is the network worse when it may refuse?"),
        ((~hits).sum(), "`{name}` is the number of wrong answers.", "Among how many images, and which are right?"),
        (is_right.mean(), "`{name}` is the accuracy on all images, as if nothing were refused.", which),
        ((is_right & answered).mean(), "`{name}` was divided by all images: each refusal counts as a mistake.", among),
        ((is_right | ~answered).mean(), "`{name}` counts each refusal as a right answer.", among),
        (is_right[~answered].mean(), "`{name}` is the accuracy on the images that were refused.", which),
        (answered.mean(), "`{name}` is the share of answered images.", "How many of these are right?"),
        (hits.sum() / is_right.sum(), "`{name}` is how many of all right answers are kept.", among),
        (highest[answered].mean(), "`{name}` is the mean probability of the answers.", "Which labels are right?"),
        (1, knows_labels, "Which of its ten probabilities does the network take?"),
        (probabilities.argmax(axis=1)[answered], "`{name}` holds the predictions themselves.", "What do you compare?"),
        (is_right, "`{name}` says of each image whether it is classified correctly, also of refused ones.", which),
        *slips_of(hits, "right answers", "share"),
    ]


def _refusals(probabilities: NDArray, test_labels: NDArray, threshold: float) -> str:
    answered, is_right = probabilities.max(axis=1) >= threshold, probabilities.argmax(axis=1) == test_labels
    return (
        f"It refuses {(~answered).sum():,} of {len(answered):,} images, "
        f"and is wrong in {(~is_right[answered]).sum():,} of the others instead of {(~is_right).sum():,}."
    )


def _made_probabilities(dataset: Dataset) -> NDArray:
    """Return made-up probabilities: most mistakes are below 0.9, and some right answers too."""
    predictions = _made_predictions(dataset)
    is_right = predictions == dataset.test_labels
    generator = np.random.default_rng(2)
    sure = np.where(is_right, generator.choice([0.99, 0.8], len(is_right), p=[0.9, 0.1]), 0.6)
    sure[np.flatnonzero(~is_right)[:4]] = 0.95
    rest = generator.dirichlet(np.ones(NUM_CLASSES - 1), len(is_right)) * (1 - sure[:, np.newaxis])
    table = np.insert(rest, 0, sure, axis=1)
    columns = (np.arange(NUM_CLASSES) - predictions[:, np.newaxis]) % NUM_CLASSES
    return np.take_along_axis(table, columns, axis=1).astype("float32")


refuse_when_unsure = Exercise(
    "06.2",
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
        "probabilities": Given(
            test=lambda probabilities, test_labels: (
                probabilities.shape == (len(test_labels), NUM_CLASSES)
                and close(probabilities.sum(axis=1), np.ones(len(test_labels)), 1e-3)
                and probabilities.min() >= 0
                and (probabilities.argmax(axis=1) == test_labels).mean() > 0.5
            ),
            example=_made_probabilities,
        ),
        "test_labels": TEST_LABELS,
        "threshold": Given(lambda: 0.9),
    },
    hints=[
        "`probabilities.max(axis=1) >= threshold` is True for each image that gets an answer; its mean is a share.",
        "A mask in square brackets selects: `predictions[answered]` and `test_labels[answered]`.",
    ],
    comment=_refusals,
)

# --- 06.3 ------------------------------------------------------------------------------------------------------------

_Z = 1.96


def _is_enough(num_images_needed: float | NDArray, test_accuracy: float, half_width: float) -> bool:
    """Tell whether it is the number for Wilson's interval, or that with 2 in place of 1.96."""
    if not isinstance(num_images_needed, float) or num_images_needed < 1:
        return False
    low, high = accuracy_interval(test_accuracy * num_images_needed, num_images_needed)  # type: ignore[arg-type]
    with_two = 4 * test_accuracy * (1 - test_accuracy) / half_width**2
    return close((high - low) / 2, half_width, 2e-4) or close(num_images_needed, with_two, 1e-3)


def _needed_mistakes(num_images_needed: float, test_accuracy: float, half_width: float, num_images: int) -> list[Row]:
    p, h, n = test_accuracy, half_width, num_images
    variance = p * (1 - p)
    needed, width_now = _Z**2 * variance / h**2, _Z * np.sqrt(variance / n)
    scatter, in_all = "What is the standard error of a share *p*?", "How many is that in all?"
    fraction, side = "How is 0.1 % written as a fraction of 1?", "How far does the interval reach to each side?"
    root = "What becomes of each factor when both sides are squared?"
    one_error = "`{name}` makes one standard error as large as the half width, which holds in 68 of 100 cases only."
    in_proportion = "`{name}` lets the width shrink in proportion to the number of images: it shrinks more slowly."
    return [
        (needed / 1e4, f"`{{name}}` is for ± {100 * h:g}, which is ± {1e4 * h:g} %.", fraction),
        (needed / 100, f"`{{name}}` is for ± {10 * h:g}, which is ± {1e3 * h:g} %.", fraction),
        (needed * 1e4, "`{name}` is for an interval a hundred times narrower.", fraction),
        (needed / _Z**2, one_error, "How many standard errors is half of a 95 % interval?"),
        (needed / _Z, "In `{name}` z is missing a square.", root),
        (needed / _Z * 2, "In `{name}` z is multiplied by 2, not squared.", root),
        (needed * 4, f"`{{name}}` is for ± {h / 2:g}: the whole interval was taken for its half.", side),
        (needed / 4, f"`{{name}}` is for ± {2 * h:g}.", side),
        (needed * (1.645 / _Z) ** 2, "`{name}` is for a 90 % interval.", "Which z belongs to 95 %?"),
        (needed * (2.576 / _Z) ** 2, "`{name}` is for a 99 % interval.", "Which z belongs to 95 %?"),
        (np.sqrt(needed), "`{name}` is the square root of the right number.", "Is *n* under the root?"),
        (n * width_now / h, in_proportion, "How much narrower is the interval with four times as many images?"),
        (needed - n, f"`{{name}}` is how many are needed besides the {n:,} that there are.", in_all),
        (needed / n, "`{name}` is how many times as many images are needed.", in_all),
        (_Z**2 / 4 / h**2, "`{name}` is for an accuracy of 50 %, the worst case.", "What is *p* for this network?"),
        (_Z**2 * p / h**2, "In `{name}` the factor 1 - p is missing.", scatter),
        (_Z**2 * (1 - p) / h**2, "In `{name}` the factor p is missing.", scatter),
        (_Z**2 / h**2, "In `{name}` the factor p (1 - p) is missing.", scatter),
        (_Z**2 * p**2 / h**2, "In `{name}` p was squared, not multiplied by 1 - p.", scatter),
        (_Z**2 * np.sqrt(variance) / h**2, "In `{name}` there is still a root of p (1 - p).", root),
        (_Z**2 * variance / h, "In `{name}` the half width is not squared.", root),
        (_Z * variance / h, "In `{name}` neither z nor the half width is squared.", root),
        (variance / h, "In `{name}` z is missing, and the half width is not squared.", root),
        (n, "`{name}` is how many images there are.", "How wide is the interval with them?"),
        (num_images_needed <= 0, "`{name}` is {value}, which is no number of images.", "Which sign is wrong?"),
    ]


def _width_with(num_images_needed: float, test_accuracy: float, half_width: float) -> tuple[str, str]:
    width = _Z * np.sqrt(test_accuracy * (1 - test_accuracy) / max(num_images_needed, 1))
    verdict = "too wide" if width > half_width else "narrower than asked"
    return (
        f"With {num_images_needed:,.0f} images the interval would be ± {width:.2g}, {verdict}.",
        "Which equation says that 1.96 standard errors are the half width, and how do you solve it for n?",
    )


def _times_as_many(test_accuracy: float, half_width: float, num_images: int) -> str:
    times = _Z**2 * test_accuracy * (1 - test_accuracy) / half_width**2 / num_images
    return (
        f"That is {times:,.{0 if times > 10 else 1}f} times as many as there are. "
        "Half the interval takes four times the images."
    )


count_images_needed = Exercise(
    "06.3",
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

# --- 06.4 ------------------------------------------------------------------------------------------------------------


def _recorded_accuracies() -> NDArray:
    from course_utils.experiments import EXPERIMENTS, load_results

    return np.array([result.history["val_accuracy"] for result in load_results(EXPERIMENTS["recipe"])])


def _gains(val_accuracy: NDArray) -> NDArray:
    return val_accuracy[:, 29] - val_accuracy[:, 19]


def _gain_mistakes(val_accuracy: NDArray) -> list[Row]:
    table, gains = val_accuracy, _gains(val_accuracy)
    before, after = table[:, 19], table[:, 29]
    ten_epochs, divided = "Which ten epochs are asked for?", "Did you divide or subtract?"
    ask, first = "Which two columns are compared?", "In which column is the first epoch?"
    best_of_last = "`{name}` takes the best of the last ten epochs, which chance has chosen for each seed."
    return [
        (-gains.mean(), "`{name}` has the wrong sign: a rise is positive.", "What is subtracted from what?"),
        (-gains, "`{name}` holds the gains with the wrong sign, expected their mean.", "What is subtracted from what?"),
        (100 * gains.mean(), "`{name}` is in percentage points.", "In which unit is `val_accuracy`?"),
        ((after - table[:, 20]).mean(), "`{name}` starts with the twenty-first epoch: columns count from 0.", first),
        ((table[:, 28] - table[:, 19]).mean(), "`{name}` ends with the twenty-ninth epoch.", first),
        ((table[:, 28] - table[:, 18]).mean(), "`{name}` goes from the nineteenth epoch to the twenty-ninth.", first),
        ((after - table[:, 18]).mean(), "`{name}` starts with the nineteenth epoch.", first),
        ((after - table[:, 9]).mean(), "`{name}` goes from the tenth epoch to the thirtieth.", ten_epochs),
        ((before - table[:, 9]).mean(), "`{name}` goes from the tenth epoch to the twentieth.", ten_epochs),
        ((after - table[:, 0]).mean(), "`{name}` is what was gained since the first epoch.", ask),
        (gains.mean() / 10, "`{name}` is the mean gain of a single epoch.", "Which of the two means is asked for?"),
        (after.mean(), "`{name}` is the mean accuracy after thirty epochs.", "How much of it was there before?"),
        (before.mean(), "`{name}` is the mean accuracy after twenty epochs.", "How much was gained from there on?"),
        ((after / before - 1).mean(), "`{name}` is the gain as a share of the accuracy before.", divided),
        (after.mean() / before.mean() - 1, "`{name}` is the gain as a share of the accuracy before.", divided),
        ((table[-1] - table[0]).mean(), "`{name}` compares the last seed with the first.", "Which axis has the seeds?"),
        ((table[:, 20:].max(axis=1) - before).mean(), best_of_last, "Which epoch would you choose beforehand?"),
        (table[:, 20:].mean() - table[:, 10:20].mean(), "`{name}` compares means of ten epochs each.", ask),
        (after.max() - before.max(), "`{name}` compares the best seeds only.", "What is the gain of each seed?"),
        (np.abs(gains).mean(), "`{name}` is the mean of the gains without their signs.", "What does a loss count?"),
        *slips_of(gains, "gains", "mean"),
    ]


def _error_mistakes(val_accuracy: NDArray) -> list[Row]:
    gains, before, after = _gains(val_accuracy), val_accuracy[:, 19], val_accuracy[:, 29]
    n, deviation = len(gains), gains.std(ddof=1)
    error = deviation / np.sqrt(n)
    scatter = "How much less does the mean of ten numbers scatter than one of them?"
    under_root, of_which = "Is *n* under the root in the standard error?", "Of which ten numbers is it the error?"
    unit = "Has `var` or `std` the unit of an accuracy?"
    unpaired = np.sqrt((before.var(ddof=1) + after.var(ddof=1)) / n)
    as_if_unpaired = "`{name}` treats the two epochs as if they came from different trainings."
    return [
        (deviation, "`{name}` is the standard deviation: how far a single gain lies from the mean.", scatter),
        (gains.std(), "`{name}` is the standard deviation, and without `ddof=1`.", scatter),
        (gains.std() / np.sqrt(n), "`{name}` lacks `ddof=1`, and is a little too small.", "What does `ddof` do?"),
        (deviation / np.sqrt(n - 1), "`{name}` is divided by √9; `ddof=1` has done that already.", under_root),
        (deviation / n, "`{name}` was divided by the number of seeds, not by its square root.", under_root),
        (deviation / np.sqrt(10 * n), "`{name}` was divided by the root of 10 twice.", "How many gains are there?"),
        (deviation / np.sqrt(val_accuracy.shape[1]), "`{name}` was divided by √30.", "How many gains are there?"),
        (gains.var(ddof=1), "`{name}` is the variance of the gains.", unit),
        (gains.var(ddof=1) / n, "`{name}` is the square of the standard error.", unit),
        (gains.var(ddof=1) / np.sqrt(n), "`{name}` has the variance for the standard deviation.", under_root),
        (unpaired, as_if_unpaired, "What do the two numbers of one seed share, which drops out in their difference?"),
        (after.std(ddof=1) / np.sqrt(n), "`{name}` is that of the accuracy after thirty epochs.", of_which),
        (before.std(ddof=1) / np.sqrt(n), "`{name}` is that of the accuracy after twenty epochs.", of_which),
        (after.std(ddof=1), "`{name}` is the standard deviation of the accuracy after thirty epochs.", of_which),
        (100 * error, "`{name}` is in percentage points.", "In which unit is `val_accuracy`?"),
        (_Z * error, "`{name}` is 1.96 standard errors, expected one.", "What are the 1.96 for?"),
        (2 * error, "`{name}` is two standard errors, expected one.", "What is the 2 for?"),
        (2 * _Z * error, "`{name}` is the width of a 95 % interval.", "How many standard errors is that?"),
        (gains.mean() / error, "`{name}` is how many standard errors the gain is.", "What did you divide by?"),
        (gains.mean() / np.sqrt(n), "`{name}` is the mean divided by √10.", "Which spread belongs there?"),
        (gains.mean(), "`{name}` is the mean of the gains.", "How far may that mean be off?"),
    ]


def _chance_or_not(mean_gain: float, standard_error: float) -> str:
    ratio = mean_gain / standard_error
    verdict = "hardly chance" if abs(ratio) > 2 else "it may well be chance"
    return f"The gain is {ratio:.1f} times its standard error: {verdict}."


tell_gain_from_chance = Exercise(
    "06.4",
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
