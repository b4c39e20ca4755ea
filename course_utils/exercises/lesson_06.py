"""Checks of lesson 06: the most confused pair, refusing when unsure, images needed, a gain or chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from course_utils.evaluation import Z_95, accuracy_interval
from course_utils.exercises.core import Exercise, Wrong, as_array, as_integer, as_number, close, recognise

# --- 06.1 ------------------------------------------------------------------------------------------------------------


def _check_pair(confused_pair: object, num_confusions: object, *, test_labels: NDArray, predictions: NDArray) -> str:
    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (np.asarray(test_labels), np.asarray(predictions)), 1)
    both = np.triu(confusion + confusion.T, 1)
    most = int(both.max())
    first, second = _two_digits(confused_pair, both)
    count = as_integer(num_confusions, "num_confusions")
    if first == second:
        raise Wrong(
            f"A {first} read as a {second} is no confusion: that stands on the diagonal, where the right answers are.",
            "Where does the lesson put zeros before it looks for the largest number?",
        )
    there, back = int(confusion[first, second]), int(confusion[second, first])
    if there + back == most and count == most:
        ties = [f"{a} and {b}" for a, b in np.argwhere(both == most) if {a, b} != {first, second}]
        told = f", and so were {' and '.join(ties)}" if ties else ""
        told_pair = f"{min(first, second)} and {max(first, second)}"
        return f"{told_pair} were confused {most} times in both directions together{told}."
    if count == there + back:
        one_way = confusion * (1 - np.eye(10, dtype=int))
        if max(there, back) == one_way.max():
            raise Wrong(
                f"{first} and {second} are the most frequent confusion in one direction; in both together they have "
                f"{count}, and another pair has more.",
                "Which two cells of the table belong to the same pair?",
            )
        raise Wrong(
            f"{first} and {second} were confused {count} times in both directions together, and another pair has more.",
            "How would you add to each cell of the table the one on the other side of the diagonal?",
        )
    _explain_count(first, second, count, confusion)
    raise Wrong(
        f"{first} and {second} were not confused {count} times in both directions together.",
        "Which two cells of the confusion matrix belong to this pair?",
    )


def _two_digits(confused_pair: object, both: NDArray) -> tuple[int, int]:
    pair = as_array(confused_pair, "confused_pair", expected="two digits, such as (3, 5)")
    if pair.size == 1 and 10 <= pair.item() < both.size:
        raise Wrong(
            f"{pair.item():g} is a position in the flattened table, not a pair of digits.",
            "Which function turned such a position back into row and column in the lesson?",
        )
    if pair.shape != (2,):
        raise Wrong(
            f"Two digits are wanted, such as (3, 5); this has the shape {pair.shape}.", "What is a pair, in Python?"
        )
    if not set(pair.tolist()) <= set(range(10)):
        raise Wrong(
            f"The digits go from 0 to 9; given are {pair[0]:g} and {pair[1]:g}.",
            "Are these digits, or counts, or positions in a flattened table?",
        )
    return int(pair[0]), int(pair[1])


def _explain_count(first: int, second: int, count: int, confusion: NDArray) -> None:
    there, back = int(confusion[first, second]), int(confusion[second, first])
    right = int(confusion[first, first] + confusion[second, second])
    recognise(
        count,
        [
            (
                there,
                f"{count} counts one direction only: a {first} read as a {second}.",
                f"How often was a {second} read as a {first}?",
            ),
            (
                back,
                f"{count} counts one direction only: a {second} read as a {first}.",
                f"How often was a {first} read as a {second}?",
            ),
            (
                (confusion * (1 - np.eye(10, dtype=int))).sum(),
                f"{count} counts all mistakes, not only those between {first} and {second}.",
                "Which two cells of the confusion matrix belong to this pair?",
            ),
            (
                2 * (there + back),
                f"{count} counts each confusion twice.",
                "If the table is added to its mirror image, how often does a pair stand in it?",
            ),
            (
                right,
                f"{count} counts how often {first} and {second} were read correctly.",
                "Where in the table are the right answers, and where the mistakes?",
            ),
            (
                right + there + back,
                f"{count} counts the right answers, too: the cells on the diagonal.",
                "Which of the four cells of the two digits are mistakes?",
            ),
        ],
    )


find_confused_pair = Exercise(
    "06.1",
    "Find the pair most often confused",
    _check_pair,
    "mistakes.T is the table with rows and columns exchanged: mistakes + mistakes.T has both directions in each cell.",
    "np.unravel_index(table.argmax(), table.shape) gives row and column of the largest number, as in the lesson.",
)

# --- 06.2 ------------------------------------------------------------------------------------------------------------


def _check_refusing(
    answered_share: object,
    answered_accuracy: object,
    *,
    probabilities: NDArray,
    test_labels: NDArray,
    threshold: float,
) -> str:
    table, labels = np.asarray(probabilities), np.asarray(test_labels)
    share = as_number(answered_share, "answered_share")
    accuracy = as_number(answered_accuracy, "answered_accuracy")
    is_right, highest = table.argmax(axis=1) == labels, table.max(axis=1)
    answered = highest >= threshold
    if not answered.any():
        raise Wrong(
            f"With this network no probability reaches {threshold:g}, so there is no accuracy to compute.",
            "Is it the network that the lesson loaded?",
        )
    right_share, right_accuracy = answered.mean(), is_right[answered].mean()
    tolerance = {"relative": 0, "absolute": 5e-5 + 1 / len(labels) * (highest == threshold).sum()}
    is_share, is_accuracy = close(share, right_share, **tolerance), close(accuracy, right_accuracy, **tolerance)
    if is_share and is_accuracy:
        return (
            f"It refuses {len(labels) - answered.sum():,} of {len(labels):,} images, "
            f"and is wrong in {(~is_right[answered]).sum():,} of the others instead of {(~is_right).sum():,}."
        )
    if close(share, right_accuracy, **tolerance) and close(accuracy, right_share, **tolerance):
        raise Wrong("The two numbers are exchanged.", "Which one says how many were answered, which one how well?")
    if not is_share:
        _explain_share(share, answered, table, labels, threshold)
    _explain_accuracy(accuracy, answered, is_right, table[np.arange(len(labels)), labels] >= threshold)
    raise AssertionError("unreachable")


def _explain_share(share: float, answered: NDArray, table: NDArray, labels: NDArray, threshold: float) -> None:
    of_true_digit = (table[np.arange(len(labels)), labels] >= threshold).mean()
    recognise(
        share,
        [
            (
                1 - answered.mean(),
                "`answered_share` is the share of the images that were refused, not of those that were answered.",
                "Do most images get an answer, or few?",
            ),
            (
                answered.sum(),
                "`answered_share` is the number of images that were answered, not their share.",
                "How many images are there in all?",
            ),
            (
                (~answered).sum(),
                "`answered_share` is the number of images that were refused, not the share that was answered.",
                "How many images are there in all?",
            ),
            (
                100 * answered.mean(),
                "`answered_share` is a percentage; a share lies between 0 and 1.",
                "What does the mean of True and False give?",
            ),
            (
                of_true_digit,
                "`answered_share` counts only answers that are right: those images whose *right* digit got a high "
                "probability. Wrong answers are answers, too, and who has to decide does not know the label.",
                "Which of the ten probabilities does the network know to be the largest?",
            ),
            (
                (table >= threshold).mean(),
                "`answered_share` is taken over all ten probabilities of each image, so it is ten times too small.",
                "Which one of the ten decides whether an answer is given?",
            ),
        ],
    )
    raise Wrong(
        f"`answered_share` is {share:.4g}, and that is not the share of images whose largest probability is at least "
        f"{threshold:g}.",
        "How do you get the largest probability of each image: along which axis?",
    )


def _explain_accuracy(accuracy: float, answered: NDArray, is_right: NDArray, true_digit_is_sure: NDArray) -> None:
    right = is_right[answered].mean()
    refused = is_right[~answered].mean() if not answered.all() else np.nan
    recognise(
        accuracy,
        [
            (
                100 * right,
                "`answered_accuracy` is a percentage; an accuracy lies between 0 and 1.",
                "What does the mean of True and False give?",
            ),
            (
                1 - right,
                "`answered_accuracy` is the share of wrong answers.",
                "Is the network worse when it may refuse?",
            ),
            (
                is_right.mean(),
                "`answered_accuracy` is the accuracy on all images, as if nothing had been refused.",
                "Which images may still be counted?",
            ),
            (
                (is_right & answered).mean(),
                "`answered_accuracy` was divided by the number of all images, so each refusal counts as a mistake.",
                "Among how many images are the right answers to be counted?",
            ),
            (
                (is_right | ~answered).mean(),
                "`answered_accuracy` counts each refusal as a right answer.",
                "Among how many images are the right answers to be counted?",
            ),
            (
                refused,
                "`answered_accuracy` is the accuracy on the images that were refused.",
                "Which of them are to be kept: those above or below the threshold?",
            ),
            (
                (is_right & answered).sum(),
                "`answered_accuracy` is the number of right answers, not their share.",
                "Among how many images are the right answers to be counted?",
            ),
            (
                is_right[true_digit_is_sure].mean() if true_digit_is_sure.any() else np.nan,
                "`answered_accuracy` is that of the images whose *right* digit got a high probability, and so has no "
                "mistakes: who has to decide does not know the label.",
                "Which of the ten probabilities does the network know to be the largest?",
            ),
        ],
    )
    raise Wrong(
        f"`answered_share` is right, but the accuracy among the images that were answered is not {accuracy:.4g}.",
        "How do you choose from predictions and from test_labels only those that were answered?",
    )


refuse_when_unsure = Exercise(
    "06.2",
    "Let the network refuse when it is unsure",
    _check_refusing,
    "probabilities.max(axis=1) >= threshold gives True for each image that gets an answer; the mean is a share.",
    "An array of True and False in square brackets chooses: predictions[answered] and test_labels[answered].",
)

# --- 06.3 ------------------------------------------------------------------------------------------------------------


def _check_needed(num_images_needed: object, *, test_accuracy: float, half_width: float, num_images: int) -> str:
    given = as_number(num_images_needed, "num_images_needed")
    p = float(test_accuracy)
    variance = p * (1 - p)
    if not variance:
        raise Wrong(
            f"With an accuracy of {p:g} this formula gives an interval without any width.",
            "Which network was that, and on how many images?",
        )
    needed = Z_95**2 * variance / half_width**2
    if given <= 0:
        raise Wrong(f"{given:g} images cannot be.", "Was a square root taken, or a minus sign gained?")
    # Within 5 %: with 2 in place of 1.96, or with Wilson's interval, one gets a little more.
    if 0.95 < given / needed < 1.05 or _wilson_half_width_is(half_width, p, given):
        times = needed / num_images
        return (
            f"That is {times:,.{0 if times > 10 else 1}f} times as many as there are. "
            "Half the interval takes four times the images."
        )
    _explain_needed(given, p, half_width, num_images)
    width = Z_95 * np.sqrt(variance / given)
    verdict = "too wide" if width > half_width else "narrower than asked"
    raise Wrong(
        f"With {given:,.0f} images the interval would be ± {width:.2g}, {verdict}.",
        "Which equation says that 1.96 standard errors are the half width, and how do you solve it for n?",
    )


def _wilson_half_width_is(half_width: float, p: float, num_images: float) -> bool:
    low, high = accuracy_interval(p * num_images, num_images)
    return abs((high - low) / 2 / half_width - 1) < 0.005


def _explain_needed(given: float, p: float, half_width: float, num_images: int) -> None:
    variance, z = p * (1 - p), Z_95
    needed, width_now = z**2 * variance / half_width**2, z * np.sqrt(variance / num_images)
    mistakes = [
        (
            needed / 1e4,
            f"This is for ± {100 * half_width:g}, and that would be ± {100 * half_width:.0%}.",
            "How is 0.1 % written as a fraction of 1?",
        ),
        (
            needed * 1e4,
            "This is for an interval a hundred times narrower.",
            "How is 0.1 % written as a fraction of 1?",
        ),
        (
            needed / z**2,
            "This makes one standard error as large as the half width: that holds in 68 of 100 cases only.",
            "How many standard errors are there in the half width of a 95 % interval?",
        ),
        (needed / z, "z is missing a square.", "What happens to 1.96 when both sides are squared?"),
        (
            needed * 4,
            f"This is for ± {half_width / 2:g}: the whole interval was taken for its half.",
            "From the centre, how far does the interval reach to each side?",
        ),
        (
            needed / 4,
            f"This is for ± {2 * half_width:g}.",
            "From the centre, how far does the interval reach to each side?",
        ),
        (
            np.sqrt(needed),
            "This is the square root of the number wanted.",
            "In the standard error, is n under the root or outside of it?",
        ),
        (
            num_images * width_now / half_width,
            "This lets the width shrink in proportion to the number of images; it shrinks with the square root.",
            "How much narrower is the interval with four times as many images?",
        ),
        (
            needed - num_images,
            f"These are the images needed besides the {num_images:,} that there are; asked is how many in all.",
            "How many are there altogether, then?",
        ),
        (
            z**2 * 0.25 / half_width**2,
            "This is for an accuracy of 50 %, the worst case.",
            "Does a network that is nearly always right scatter as much as a coin?",
        ),
        (z**2 * p / half_width**2, "The factor 1 - p is missing.", "How does a share p scatter?"),
        (
            z**2 * np.sqrt(variance) / half_width**2,
            "The root of p (1 - p) is still there, where n has lost its own.",
            "What becomes of a square root when both sides are squared?",
        ),
        (num_images, "These are the images that there are.", "How wide was the interval with them?"),
    ]
    for mistaken, diagnosis, question in mistakes:
        # As generous as the check itself, and for numbers close to 0 no less so.
        if abs(given - mistaken) <= max(0.03 * abs(mistaken), 0.5):
            raise Wrong(diagnosis, question)


count_images_needed = Exercise(
    "06.3",
    "Count the test images for a narrow interval",
    _check_needed,
    "Half of a 95 % interval is z √(p (1 - p) / n), with z = 1.96. Square both sides, and solve for n.",
    "n = z² p (1 - p) / h², where h is the half width as a fraction of 1.",
)

# --- 06.4 ------------------------------------------------------------------------------------------------------------


def _check_gain(mean_gain: object, standard_error: object, *, val_accuracy: NDArray) -> str:
    table = np.asarray(val_accuracy)
    gain, error = as_number(mean_gain, "mean_gain"), as_number(standard_error, "standard_error")
    before, after = table[:, 19], table[:, 29]
    gains = after - before
    right_gain, right_error = gains.mean(), gains.std(ddof=1) / np.sqrt(len(gains))
    if close(gain, right_error) and close(error, right_gain):
        raise Wrong("The two numbers are exchanged.", "Which of them says how large the gain is, which how sure?")
    if not close(gain, right_gain):
        _explain_gain(gain, table)
    if not close(error, right_error):
        _explain_error(error, before, after)
    ratio = right_gain / right_error
    verdict = "hardly chance" if abs(ratio) > 2 else "it may well be chance"
    return f"The gain is {ratio:.1f} times its standard error: {verdict}."


def _explain_gain(gain: float, table: NDArray) -> None:
    before, after = table[:, 19], table[:, 29]
    right = (after - before).mean()
    recognise(
        gain,
        [
            (-right, "The sign is the other way round.", "What is to be taken from what, if a rise is to be positive?"),
            (100 * right, "`mean_gain` is in percentage points.", "In which unit is `val_accuracy`?"),
            (
                (after - before).sum(),
                "`mean_gain` is the sum of the gains, not their mean.",
                "How many seeds are there?",
            ),
            (
                (table[:, 29] - table[:, 20]).mean(),
                "`mean_gain` counts from the twenty-first epoch on: the columns begin with 0.",
                "In which column is the first epoch, and in which the twentieth?",
            ),
            (
                (table[:, 28] - table[:, 18]).mean(),
                "`mean_gain` goes from the nineteenth epoch to the twenty-ninth.",
                "In which column is the first epoch, and in which the thirtieth?",
            ),
            (
                (after - table[:, 9]).mean(),
                "`mean_gain` goes from the tenth epoch to the thirtieth.",
                "Which ten epochs are asked for?",
            ),
            (
                (after - table[:, 0]).mean(),
                "`mean_gain` is what was gained since the first epoch.",
                "Which two columns are to be compared?",
            ),
            (after.mean(), "`mean_gain` is the accuracy after thirty epochs.", "How much of it was there before?"),
            (
                (table[-1] - table[0]).mean(),
                "`mean_gain` compares the last seed with the first one.",
                "Do the seeds stand in the rows or in the columns?",
            ),
            (
                table[:, 20:].max(axis=1).mean() - before.mean(),
                "`mean_gain` takes the best of the last ten epochs, which chance has chosen for each seed.",
                "Which epoch would one have decided on beforehand?",
            ),
        ],
    )
    raise Wrong(
        f"The mean gain from the twentieth epoch to the thirtieth is not {gain:.4g}.",
        "Which two columns of `val_accuracy` hold these epochs?",
    )


def _explain_error(error: float, before: NDArray, after: NDArray) -> None:
    gains, num_seeds = after - before, len(before)
    deviation = gains.std(ddof=1)
    recognise(
        error,
        [
            (
                deviation,
                "`standard_error` is the standard deviation: how far a single gain lies from the mean.",
                "How much less does the mean of ten numbers scatter than one of them?",
            ),
            (
                gains.std() / np.sqrt(num_seeds),
                "`standard_error` lacks `ddof=1`, and is a little too small.",
                "Which mean are the deviations taken from, and where did it come from?",
            ),
            (
                gains.std(),
                "`standard_error` is the standard deviation, without `ddof=1`.",
                "How much less does the mean of ten numbers scatter than one of them?",
            ),
            (
                deviation / num_seeds,
                "`standard_error` was divided by the number of seeds, not by its square root.",
                "In the standard error of an accuracy, is *n* under the root or outside of it?",
            ),
            (
                gains.var(ddof=1) / num_seeds,
                "This is the square of the standard error.",
                "Does `var` or `std` have the unit of an accuracy?",
            ),
            (
                np.sqrt((before.var(ddof=1) + after.var(ddof=1)) / num_seeds),
                "`standard_error` treats the two epochs as if they came from different trainings.",
                "What do the two numbers of one seed share, that drops out when you subtract them first?",
            ),
            (
                after.std(ddof=1) / np.sqrt(num_seeds),
                "`standard_error` is that of the accuracy after thirty epochs, not that of the gain.",
                "Of which ten numbers is it to be the standard error?",
            ),
            (
                100 * deviation / np.sqrt(num_seeds),
                "`standard_error` is in percentage points.",
                "In which unit is `val_accuracy`?",
            ),
            (
                1.96 * deviation / np.sqrt(num_seeds),
                "These are 1.96 standard errors.",
                "One is asked for. What are the 1.96 for?",
            ),
        ],
    )
    raise Wrong(
        f"`mean_gain` is right, but its standard error is not {error:.4g}.",
        "What is the standard deviation of the ten gains, and what is it divided by?",
    )


tell_gain_from_chance = Exercise(
    "06.4",
    "Tell a gain from chance",
    _check_gain,
    "val_accuracy[:, 0] holds the first epoch of all seeds. Subtract two columns, and you have ten gains.",
    "The standard error of a mean of n numbers is their standard deviation, with ddof=1, divided by np.sqrt(n).",
)
