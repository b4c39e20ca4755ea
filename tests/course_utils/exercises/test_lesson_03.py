"""Lesson 03: right answers pass, and each typical mistake gets its own diagnosis."""

import subprocess
import sys

import numpy as np
import pytest

from course_utils.exercises import lesson_03 as exercises
from tests.exercises.solutions import run_solution, solution_source

RNG = np.random.default_rng(3)
TABLE = RNG.dirichlet(np.ones(10), size=6)
TABLE[3] = [0.05, 0.14, 0.1, 0.1, 0.11, 0.1, 0.1, 0.1, 0.1, 0.1]
TABLE[4] = [0.01, 0.01, 0.9, 0.01, 0.01, 0.01, 0.02, 0.01, 0.01, 0.01]
DIGITS = TABLE.argmax(axis=1)
LABELS = RNG.integers(0, 10, 100)
TRUTHS = np.eye(10, dtype="float32")[LABELS]
ANSWERS = RNG.dirichlet(np.ones(10), size=100)
RIGHT = ANSWERS[np.arange(100), LABELS]
LOSSES = -np.log(RIGHT)

GIVEN = {
    "03.1": {"network_answers": TABLE},
    "03.2": {},
    "03.3": {"batch_truths": TRUTHS, "batch_answers": ANSWERS},
}


def read(says, answer):
    return says(exercises.read_answers, answer, **GIVEN["03.1"])


def written(says, function):
    return says(exercises.write_one_hot, function)


def loss(says, answer):
    return says(exercises.compute_batch_loss, answer, **GIVEN["03.3"])


# --- 03.1 ------------------------------------------------------------------------------------------------------------


def test_the_solution_reads_the_digits(says):
    found = run_solution("03", "read-answers", np=np)
    said = says(exercises.read_answers, found["read_digits"], network_answers=found["network_answers"])
    assert said.startswith("✓ 03.1")


def test_the_answers_of_the_lesson_tell_the_mistakes_apart():
    table = run_solution("03", "read-answers", np=np)["network_answers"]
    results = [table.argmax(axis=1), table.argmin(axis=1), table.round().argmax(axis=1), np.sort(table.argmax(axis=1))]
    assert len({tuple(result) for result in results}) == len(results)


@pytest.mark.parametrize(
    "answer",
    [DIGITS.tolist(), DIGITS.astype("uint8"), [max(range(10), key=row.__getitem__) for row in TABLE], tuple(DIGITS)],
    ids=["list", "uint8", "loop", "tuple"],
)
def test_digits_are_right_in_any_form(answer, says):
    assert read(says, answer).startswith("✓ 03.1")


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (TABLE.argmax(), "position of the largest number of the whole table"),
        (TABLE.argmax(axis=0), "With `axis=0` you asked each of the 10 columns"),
        (TABLE.max(axis=1), "the largest probabilities themselves"),
        (TABLE.argmin(axis=1), "least probable"),
        (DIGITS + 1, "one too large"),
        (np.sort(DIGITS), "sorted"),
        (DIGITS[::-1], "reverse order"),
        (TABLE.argsort(axis=1)[:, -2], "second most probable"),
        (TABLE.round().argmax(axis=1), "rounded first"),
        (np.eye(10)[DIGITS], "one-hot rows"),
        (TABLE.round(), "10 numbers for each answer"),
        (TABLE.argmax(axis=1, keepdims=True), "a table of shape (6, 1)"),
        (DIGITS.astype(float), "The digits are right, but their dtype is float64"),
        (DIGITS == 3, "the result of a comparison"),
        (DIGITS[0], "an int64 array with a single number"),
        (DIGITS[:5], "expected shape (6,)"),
        (np.where(np.arange(6) == 2, 0 if DIGITS[2] else 1, DIGITS), "1 of 6 digits are not right"),
        (TABLE.argmax, "parentheses"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_other_digits_get_their_diagnosis(answer, diagnosis, says):
    said = read(says, answer)
    assert said.startswith("✗ 03.1")
    assert diagnosis in said


# --- 03.2 ------------------------------------------------------------------------------------------------------------


def test_the_solution_of_one_hot_works(says):
    assert written(says, run_solution("03", "write-one-hot", np=np)["one_hot"]).startswith("✓ 03.2")


def test_the_starter_is_not_attempted(says):
    variables = {}
    exec(solution_source("03", "exercise-write-one-hot-start"), variables)
    assert "not attempted yet" in written(says, variables["one_hot"])


def by_comparing(labels, num_classes):
    return (labels[:, np.newaxis] == np.arange(num_classes)).astype(int)


def by_lists(labels, num_classes):
    return [[1 if place == label else 0 for place in range(num_classes)] for label in labels]


def by_loop(labels, num_classes):
    print("a student may print")
    rows = np.zeros((len(labels), num_classes))
    for number, label in enumerate(labels):
        rows[number, label] = 1
    return rows


def by_keras(labels, num_classes):
    import keras

    return keras.ops.one_hot(labels, num_classes)


@pytest.mark.parametrize("function", [by_comparing, by_lists, by_loop, by_keras, lambda x, n: np.eye(n)[x]])
def test_one_hot_is_right_in_any_way(function, says):
    assert written(says, function).startswith("✓ 03.2")


def ten_columns(labels, num_classes):
    return np.eye(10)[labels]


def largest_label(labels, num_classes):
    return np.eye(labels.max() + 1)[labels]


def transposed(labels, num_classes):
    return np.eye(num_classes)[labels].T


def every_row(labels, num_classes):
    rows = np.zeros((len(labels), num_classes))
    rows[:, labels] = 1
    return rows


def whole_rows(labels, num_classes):
    rows = np.zeros((len(labels), num_classes))
    rows[labels] = 1
    return rows


def rows_and_columns_swapped(labels, num_classes):
    rows = np.zeros((len(labels), num_classes))
    rows[labels, np.arange(len(labels))] = 1
    return rows


def no_ones(labels, num_classes):
    return np.zeros((len(labels), num_classes))


def counts_from_one(labels, num_classes):
    return np.eye(num_classes)[labels - 1]


def one_place_right(labels, num_classes):
    return np.roll(np.eye(num_classes)[labels], 1, axis=1)


def from_the_right(labels, num_classes):
    return np.eye(num_classes)[labels][:, ::-1]


def label_at_its_place(labels, num_classes):
    return np.eye(num_classes)[labels] * labels[:, np.newaxis]


def inverted(labels, num_classes):
    return 1 - np.eye(num_classes)[labels]


def gives_labels(labels, num_classes):
    return labels


def of_the_notebook(labels, num_classes):
    return np.eye(num_classes + 5)[np.array([5, 0, 4])]


def returns_in_loop(labels, num_classes):
    rows = np.zeros((len(labels), num_classes))
    for number, label in enumerate(labels):
        rows[number, label] = 1
        return rows


def single_row(labels, num_classes):
    row = np.zeros(num_classes)
    row[labels] = 1
    return row


def no_return(labels, num_classes):
    np.eye(num_classes)[labels]


def as_truth_values(labels, num_classes):
    return labels[:, np.newaxis] == np.arange(num_classes)


def changes_labels(labels, num_classes):
    rows = np.eye(num_classes)[labels]
    labels[:] = 0
    return rows


def one_more(labels, num_classes):
    return np.eye(num_classes + 1)[labels]


def fails(labels, num_classes):
    return np.zeros(len(labels), num_classes)


def one_argument(labels):
    return np.eye(10)[labels]


def overflows(labels, num_classes):
    rows = np.zeros(len(labels) * num_classes)
    rows[(np.arange(len(labels)).astype("uint8") * np.uint8(num_classes % 256) + labels).astype(int)] = 1
    return rows.reshape(len(labels), num_classes)


@pytest.mark.parametrize(
    ("function", "diagnosis"),
    [
        (ten_columns, "has rows of 10 numbers, expected 5"),
        (largest_label, "just enough for the largest label"),
        (transposed, "has a column for each label"),
        (every_row, "each row has a 1 for every label of the batch"),
        (whole_rows, "whole rows were set"),
        (rows_and_columns_swapped, "the wrong way round"),
        (no_ones, "has only zeros"),
        (counts_from_one, "one place too far to the left"),
        (one_place_right, "one place too far to the right"),
        (from_the_right, "counted from the right"),
        (label_at_its_place, "has the label itself at its place"),
        (inverted, "1 everywhere else"),
        (gives_labels, "gives back the labels"),
        (of_the_notebook, "[5, 0, 4], the labels of the lesson"),
        (returns_in_loop, "ones in a single row"),
        (single_row, "gives a single row, expected 3"),
        (no_return, "returns nothing"),
        (as_truth_values, "True and False at the right places"),
        (changes_labels, "changes the labels"),
        (one_more, "one too many"),
        (fails, "ends in a TypeError"),
        (one_argument, "ends in a TypeError"),
        (overflows, "type uint8"),
        (np.eye(10)[[2, 0, 1]], "a float64 array of shape (3, 10), expected a function"),
        (lambda labels, num_classes: "rows", "a text (str)"),
        (lambda labels, num_classes: RNG.random((len(labels), num_classes)), "is not the one-hot row of 2"),
    ],
)
def test_another_one_hot_gets_its_diagnosis(function, diagnosis, says):
    said = written(says, function)
    assert said.startswith("✗ 03.2")
    assert diagnosis in said
    assert len(said) < 420


# --- 03.3 ------------------------------------------------------------------------------------------------------------


def test_the_solution_computes_the_loss(says):
    found = run_solution("03", "compute-batch-loss", np=np, one_hot_train_labels=TRUTHS)
    given = {name: found[name] for name in ("batch_truths", "batch_answers")}
    said = says(exercises.compute_batch_loss, found["batch_loss"], **given)
    assert said.startswith("✓ 03.3")


def keras_loss():
    import keras

    return keras.ops.mean(keras.losses.categorical_crossentropy(TRUTHS, ANSWERS))


@pytest.mark.parametrize(
    "answer",
    [
        lambda: -np.log(ANSWERS[np.arange(100), LABELS]).mean(),
        lambda: -np.log(ANSWERS[TRUTHS == 1]).mean(),
        lambda: sum(LOSSES) / 100,
        keras_loss,
        lambda: np.array([LOSSES.mean()], dtype="float32"),
    ],
    ids=["positions", "mask", "loop", "keras", "float32"],
)
def test_the_loss_is_right_in_any_way(answer, says):
    assert loss(says, answer()).startswith("✓ 03.3")


def keras_loss_swapped():
    import keras

    return float(keras.ops.mean(keras.losses.categorical_crossentropy(ANSWERS, TRUTHS)))


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (LOSSES.sum(), "the sum of all the losses"),
        (-LOSSES.mean(), "is negative"),
        (-LOSSES.sum(), "a sum, and negative"),
        (-(TRUTHS * np.log(ANSWERS)).mean(), "a tenth of it"),
        ((TRUTHS * np.log(ANSWERS)).mean(), "negative, and a mean over all entries"),
        (-np.log10(RIGHT).mean(), "`np.log10`"),
        (-np.log2(RIGHT).mean(), "`np.log2`"),
        (-np.log(RIGHT.mean()), "the loss of the mean probability"),
        (RIGHT.mean(), "no logarithm was taken"),
        (-np.log(ANSWERS.max(axis=1)).mean(), "largest probability in each row"),
        (-np.log(ANSWERS).mean(), "one-hot rows were left out"),
        (-np.log(ANSWERS).sum(axis=1).mean(), "one-hot rows were left out"),
        (((TRUTHS - ANSWERS) ** 2).mean(), "mean squared error"),
        ((ANSWERS.argmax(axis=1) == LABELS).mean(), "the accuracy"),
        (keras_loss_swapped(), "in each other's place"),
        (LOSSES.sum() / 10, "divided by the number of classes"),
        (np.log(10), "having no idea, ln 10"),
        (round(LOSSES.mean(), 2), "right, but rounded"),
        (LOSSES[0], "first image alone"),
        (LOSSES[-1], "last image alone"),
        (np.median(LOSSES), "the median"),
        (LOSSES, "the losses of all 100 images, and each is right"),
        (LOSSES.tolist(), "the losses of all 100 images, and each is right"),
        (np.nan, "NaN"),
        (4.2, "more than the mean cross-entropy"),
        (TRUTHS * np.log(ANSWERS), "expected a single number"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_another_loss_gets_its_diagnosis(answer, diagnosis, says):
    said = loss(says, answer)
    assert said.startswith("✗ 03.3")
    assert diagnosis in said


def test_lessons_01_to_03_are_checked_without_tensorflow():
    code = (
        "import sys; from course_utils.exercises import lesson_01, lesson_02, lesson_03; "
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"
