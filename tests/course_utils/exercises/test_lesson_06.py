"""Lesson 06: right answers pass, and each typical mistake gets its own diagnosis. All from small made arrays."""

import numpy as np
import pytest

from course_utils.evaluation import accuracy_interval
from course_utils.exercises import lesson_06 as exercises
from tests.exercises.solutions import run_solution

# Confusions: 7 as 2 five times, 2 as 7 once; 4 as 9 and 9 as 4 four times each; 3 as 5 once. The rest is right.
CONFUSED = [(7, 2)] * 5 + [(2, 7)] + [(4, 9)] * 4 + [(9, 4)] * 4 + [(3, 5)]
LABELS = np.array([true for true, _ in CONFUSED] + [*range(10)] * 6, dtype=np.uint8)
PREDICTIONS = np.array([read for _, read in CONFUSED] + [*range(10)] * 6)
PAIR = {"test_labels": LABELS, "predictions": PREDICTIONS}

# How sure: the mistakes mostly below 0.9, the right answers mostly above.
SURE = np.array([0.95, 0.6, 0.5, 0.92, 0.7, 0.55] + [0.51] * 8 + [0.97] + [0.99] * 45 + [0.7] * 15, dtype=np.float32)
PROBABILITIES = np.repeat((1 - SURE)[:, None] / 9, 10, axis=1)
PROBABILITIES[np.arange(len(SURE)), PREDICTIONS] = SURE
REFUSE = {"probabilities": PROBABILITIES, "test_labels": LABELS, "threshold": 0.9}

INTERVAL = {"test_accuracy": 0.9844, "half_width": 0.001, "num_images": 10_000}

# Test accuracies of four seeds in thirty epochs, each different from all others.
CURVES = 0.98 - 0.1 / np.arange(1, 31) + 0.002 * np.random.default_rng(9).standard_normal((4, 30))
GAIN = {"val_accuracy": CURVES}
GIVEN = {"06.1": PAIR, "06.2": REFUSE, "06.3": INTERVAL, "06.4": GAIN}


# --- 06.1 ------------------------------------------------------------------------------------------------------------


def mistakes_table() -> np.ndarray:
    table = np.zeros((10, 10), dtype=int)
    np.add.at(table, (LABELS, PREDICTIONS), 1)
    return table * (1 - np.eye(10, dtype=int))


def test_pair_of_the_solution_is_right(says):
    answers = run_solution("06", "find-confused-pair", np=np, mistakes=mistakes_table())
    assert "✓ 06.1" in says(exercises.find_confused_pair, answers["confused_pair"], answers["num_confusions"], **PAIR)


@pytest.mark.parametrize("pair", [(4, 9), (9, 4), [9, 4], np.array([4.0, 9.0]), (np.int64(4), np.uint8(9))])
def test_the_pair_is_right_in_either_order_and_type(pair, says):
    assert "4 and 9 were confused 8 times" in says(exercises.find_confused_pair, pair, np.int64(8), **PAIR)


def test_of_two_pairs_in_the_first_place_either_is_right(says):
    tied = {"test_labels": [7, 7, 4, 9, *range(10)], "predictions": [2, 2, 9, 4, *range(10)]}
    assert "and so were 2 and 7" in says(exercises.find_confused_pair, (9, 4), 2, **tied)
    assert "and so were 4 and 9" in says(exercises.find_confused_pair, (7, 2), 2, **tied)


@pytest.mark.parametrize(
    ("pair", "count", "diagnosis"),
    [
        ((7, 7), 6, "stands on the diagonal"),
        ((4, 9), 4, "one direction only"),
        ((7, 2), 5, "5 counts one direction only: a 7 read as a 2"),
        ((7, 2), 1, "1 counts one direction only: a 2 read as a 7"),
        ((2, 7), 6, "most frequent confusion in one direction"),
        ((3, 5), 1, "another pair has more"),
        ((4, 9), 16, "counts each confusion twice"),
        ((4, 9), 15, "counts all mistakes"),
        ((4, 9), 12, "were read correctly"),
        ((4, 9), 20, "the cells on the diagonal"),
        ((4, 9), 7, "were not confused 7 times"),
        ((0, 1), 8, "were not confused 8 times"),
        (49, 8, "a position in the flattened table"),
        (4, 8, "Two digits are wanted"),
        ((4, 9, 8), 8, "has the shape (3,)"),
        ((4, 10), 8, "The digits go from 0 to 9"),
        ((4.5, 9), 8, "The digits go from 0 to 9"),
        ("49", 8, "a text"),
        ({4, 9}, 8, "set"),
        ((4, 9), 8.5, "whole number"),
        ((4, 9), 8 / 75, "whole number"),
        ((4, 9), (4, 4), "expected a single number"),
        ((4, 9), None, "None"),
    ],
)
def test_wrong_pairs(pair, count, diagnosis, says):
    said = says(exercises.find_confused_pair, pair, count, **PAIR)
    assert said.startswith("✗ 06.1")
    assert diagnosis in said


# --- 06.2 ------------------------------------------------------------------------------------------------------------

ANSWERED = SURE >= 0.9
IS_RIGHT = PREDICTIONS == LABELS
SHARE, ACCURACY = ANSWERED.mean(), IS_RIGHT[ANSWERED].mean()
OF_TRUE_DIGIT = PROBABILITIES[np.arange(len(LABELS)), LABELS] >= 0.9


def test_made_answers_are_no_special_case():
    assert 0 < SHARE < 1
    assert IS_RIGHT.mean() < ACCURACY < 1


def test_refusing_of_the_solution_is_right(says):
    answers = run_solution(
        "06", "refuse-when-unsure", np=np, probabilities=PROBABILITIES, predictions=PREDICTIONS, test_labels=LABELS
    )
    said = says(exercises.refuse_when_unsure, answers["answered_share"], answers["answered_accuracy"], **REFUSE)
    assert "✓ 06.2" in said
    assert "refuses 27 of 75 images, and is wrong in 3 of the others instead of 15" in said


@pytest.mark.parametrize("kind", [float, np.float32, lambda number: [number], lambda number: round(number, 4)])
def test_shares_of_any_type_are_right(kind, says):
    assert "right" in says(exercises.refuse_when_unsure, kind(SHARE), kind(ACCURACY), **REFUSE)


def test_above_is_as_good_as_at_least(says):
    table = np.array([[0.9, 0.1], [0.95, 0.05], [0.6, 0.4], [0.1, 0.9]])
    given = {"probabilities": table, "test_labels": np.array([1, 0, 0, 1]), "threshold": 0.9}
    assert "✓" in says(exercises.refuse_when_unsure, 0.75, 2 / 3, **given)
    assert "✓" in says(exercises.refuse_when_unsure, 0.25, 1.0, **given)


@pytest.mark.parametrize(
    ("share", "accuracy", "diagnosis"),
    [
        (ACCURACY, SHARE, "exchanged"),
        (1 - SHARE, ACCURACY, "that were refused, not of those that were answered"),
        (ANSWERED.sum(), ACCURACY, "number of images that were answered"),
        ((~ANSWERED).sum(), ACCURACY, "number of images that were refused"),
        (100 * SHARE, 100 * ACCURACY, "`answered_share` is a percentage"),
        (OF_TRUE_DIGIT.mean(), 1.0, "does not know the label"),
        ((PROBABILITIES >= 0.9).mean(), ACCURACY, "over all ten probabilities"),
        ((IS_RIGHT & ANSWERED).mean(), ACCURACY, "counts only answers that are right"),
        (0.5, ACCURACY, "`answered_share` is 0.5"),
        (SHARE, 100 * ACCURACY, "`answered_accuracy` is a percentage"),
        (SHARE, 1 - ACCURACY, "share of wrong answers"),
        (SHARE, IS_RIGHT.mean(), "accuracy on all images"),
        (SHARE, (IS_RIGHT & ANSWERED).mean(), "each refusal counts as a mistake"),
        (SHARE, (IS_RIGHT | ~ANSWERED).mean(), "each refusal as a right answer"),
        (SHARE, IS_RIGHT[~ANSWERED].mean(), "accuracy on the images that were refused"),
        (SHARE, (IS_RIGHT & ANSWERED).sum(), "number of right answers"),
        (SHARE, 1.0, "*right* digit got a high probability"),
        (SHARE, 0.5, "is not 0.5"),
        (SHARE, ANSWERED, "expected a single number"),
        (SHARE, bool(ANSWERED[0]), "truth value"),
        (np.nan, ACCURACY, "NaN"),
        (SHARE, f"{ACCURACY:.1%}", "a text"),
    ],
)
def test_wrong_refusals(share, accuracy, diagnosis, says):
    said = says(exercises.refuse_when_unsure, share, accuracy, **REFUSE)
    assert said.startswith("✗ 06.2")
    assert diagnosis in said


def test_a_network_that_is_never_sure_is_said_so(says):
    given = {"probabilities": np.full((4, 10), 0.1), "test_labels": np.arange(4), "threshold": 0.9}
    assert "no probability reaches 0.9" in says(exercises.refuse_when_unsure, 0, 0, **given)


def test_a_network_that_is_always_sure_is_checked(says):
    given = {"probabilities": np.eye(10), "test_labels": np.arange(10), "threshold": 0.9}
    assert "✓" in says(exercises.refuse_when_unsure, 1, 1, **given)


# --- 06.3 ------------------------------------------------------------------------------------------------------------

VARIANCE = 0.9844 * (1 - 0.9844)
NEEDED = 1.96**2 * VARIANCE / 0.001**2


def with_wilson() -> int:
    sizes = np.arange(50_000, 70_000, 10)
    widths = [np.diff(accuracy_interval(round(0.9844 * size), int(size)))[0] / 2 for size in sizes]
    return int(sizes[np.argmin(np.abs(np.array(widths) - 0.001))])


def test_number_of_the_solution_is_right(says):
    answers = run_solution("06", "count-images-needed", z=1.96, test_accuracy=0.9844)
    assert "✓ 06.3" in says(exercises.count_images_needed, answers["num_images_needed"], **INTERVAL)


@pytest.mark.parametrize(
    "number", [NEEDED, 59_000, 58_994, np.float32(58_993), 4 * VARIANCE / 1e-6, with_wilson(), [59_000]]
)
def test_numbers_nearby_are_right(number, says):
    assert "5.9 times as many" in says(exercises.count_images_needed, number, **INTERVAL)


def test_the_number_moves_with_the_accuracy(says):
    given = {"test_accuracy": 0.95, "half_width": 0.001, "num_images": 297}
    assert "✓" in says(exercises.count_images_needed, 1.96**2 * 0.95 * 0.05 / 1e-6, **given)
    assert "✗" in says(exercises.count_images_needed, NEEDED, **given)
    assert "without any width" in says(exercises.count_images_needed, NEEDED, **{**given, "test_accuracy": 1.0})


@pytest.mark.parametrize(
    ("number", "diagnosis"),
    [
        (NEEDED / 1e4, "± 0.1, and that would be ± 10%"),
        (6, "± 10%"),
        (NEEDED * 1e4, "hundred times narrower"),
        (VARIANCE / 1e-6, "one standard error"),
        (NEEDED / 1.96, "missing a square"),
        (4 * NEEDED, "for ± 0.0005: the whole interval"),
        (NEEDED / 4, "for ± 0.002"),
        (np.sqrt(NEEDED), "square root of the number wanted"),
        (10_000 * 0.00243 / 0.001, "in proportion"),
        (NEEDED - 10_000, "besides the 10,000"),
        (1.96**2 / 4 / 1e-6, "accuracy of 50 %"),
        (1.96**2 * 0.9844 / 1e-6, "factor 1 - p is missing"),
        (1.96**2 * np.sqrt(VARIANCE) / 1e-6, "root of p (1 - p) is still there"),
        (10_000, "images that there are"),
        (-NEEDED, "cannot be"),
        (0, "cannot be"),
        (40_000, "the interval would be ± 0.0012, too wide"),
        (100_000, "narrower than asked"),
        ("59,000", "a text"),
        (np.inf, "infinite"),
        (10**400, "too large"),
        (0.001, "the interval would be"),
    ],
)
def test_wrong_numbers(number, diagnosis, says):
    said = says(exercises.count_images_needed, number, **INTERVAL)
    assert said.startswith("✗ 06.3")
    assert diagnosis in said


# --- 06.4 ------------------------------------------------------------------------------------------------------------

GAINS = CURVES[:, 29] - CURVES[:, 19]
MEAN, ERROR = GAINS.mean(), GAINS.std(ddof=1) / 2
UNPAIRED = np.sqrt((CURVES[:, 29].var(ddof=1) + CURVES[:, 19].var(ddof=1)) / 4)


def test_gain_of_the_solution_is_right(says):
    answers = run_solution("06", "tell-gain-from-chance", np=np, val_accuracy=CURVES)
    said = says(exercises.tell_gain_from_chance, answers["mean_gain"], answers["standard_error"], **GAIN)
    assert said.startswith("✓ 06.4")
    assert f"The gain is {MEAN / ERROR:.1f} times its standard error" in said


@pytest.mark.parametrize(
    ("rise", "verdict"), [(0.01, "hardly chance"), (-0.01, "hardly chance"), (0, "well be chance")]
)
def test_the_verdict_moves_with_the_gain(rise, verdict, says):
    curves = CURVES.copy()
    curves[:, 29] += rise - MEAN
    gains = curves[:, 29] - curves[:, 19]
    said = says(
        exercises.tell_gain_from_chance, gains.mean(), [gains.std(ddof=1) / np.sqrt(4)], val_accuracy=curves.tolist()
    )
    assert verdict in said


@pytest.mark.parametrize(
    ("gain", "error", "diagnosis"),
    [
        (ERROR, MEAN, "exchanged"),
        (-MEAN, ERROR, "sign is the other way round"),
        (100 * MEAN, 100 * ERROR, "`mean_gain` is in percentage points"),
        (GAINS.sum(), ERROR, "sum of the gains"),
        ((CURVES[:, 29] - CURVES[:, 20]).mean(), ERROR, "from the twenty-first epoch on"),
        ((CURVES[:, 28] - CURVES[:, 18]).mean(), ERROR, "nineteenth epoch to the twenty-ninth"),
        ((CURVES[:, 29] - CURVES[:, 9]).mean(), ERROR, "from the tenth epoch"),
        ((CURVES[:, 29] - CURVES[:, 0]).mean(), ERROR, "since the first epoch"),
        (CURVES[:, 29].mean(), ERROR, "accuracy after thirty epochs"),
        ((CURVES[-1] - CURVES[0]).mean(), ERROR, "last seed with the first one"),
        (CURVES[:, 20:].max(axis=1).mean() - CURVES[:, 19].mean(), ERROR, "chance has chosen"),
        (0.5, ERROR, "is not 0.5"),
        (GAINS, ERROR, "expected a single number"),
        (MEAN, 2 * ERROR, "how far a single gain lies from the mean"),
        (MEAN, GAINS.std() / 2, "lacks `ddof=1`"),
        (MEAN, GAINS.std(), "standard deviation, without `ddof=1`"),
        (MEAN, ERROR / 2, "not by its square root"),
        (MEAN, ERROR**2, "square of the standard error"),
        (MEAN, UNPAIRED, "different trainings"),
        (MEAN, CURVES[:, 29].std(ddof=1) / 2, "not that of the gain"),
        (MEAN, 100 * ERROR, "`standard_error` is in percentage points"),
        (MEAN, 1.96 * ERROR, "1.96 standard errors"),
        (MEAN, 0.5, "is not 0.5"),
        (MEAN, "0.0003", "a text"),
        (MEAN, np.nan, "NaN"),
    ],
)
def test_wrong_gains(gain, error, diagnosis, says):
    said = says(exercises.tell_gain_from_chance, gain, error, **GAIN)
    assert said.startswith("✗ 06.4")
    assert diagnosis in said
