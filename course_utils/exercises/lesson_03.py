"""Exercises of lesson 03: read a network's answers, write `one_hot`, and the loss of a hundred answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Exercise, Wrong, as_array, as_number, call, close, describe, recognise

LESSON_LABELS = [5, 0, 4]  # called `labels` there, the name that a function may take by mistake


def _check_read_digits(read_digits: object, *, network_answers: NDArray[np.floating]) -> str:
    table = as_array(network_answers, "network_answers")
    right = table.argmax(axis=1)
    array = as_array(read_digits, "read_digits", expected=f"{len(table)} digits, one for each row")
    if array.shape == table.shape:
        if close(array, np.eye(table.shape[1])[right]):
            raise Wrong(
                "`read_digits` holds one-hot rows, expected a digit for each row.",
                "Which function turns a one-hot row back into its label?",
            )
        raise Wrong(
            f"`read_digits` has {table.shape[1]} numbers for each answer, expected a single digit.",
            "At which position of a row is its largest number?",
        )
    if array.dtype == bool:
        raise Wrong(
            "`read_digits` holds True and False, the result of a comparison, expected digits.",
            "What did you compare, and is it part of the task?",
        )
    if array.shape != right.shape:
        _explain_shape(array, table, right)
    if np.array_equal(array, right):
        if array.dtype.kind not in "iu":
            raise Wrong(
                f"The digits are right, but their dtype is {array.dtype.name}, expected whole numbers.",
                "Which type does `argmax` give, and what changed it?",
            )
        return (
            "The surest answer is at most "
            f"{100 * table.max():.0f} % sure, and it was taken all the same: `argmax` never says 'I do not know'."
        )
    recognise(
        array,
        [
            (
                table.max(axis=1),
                "These are the largest probabilities themselves, expected is the digit that each belongs to.",
                "What is the difference between `max` and `argmax`?",
            ),
            (
                table.argmin(axis=1),
                "These are the digits that the network thinks least probable.",
                "Smallest or largest?",
            ),
            (
                right + 1,
                "Each digit is one too large.",
                "Which digit does the first place of a row stand for?",
            ),
            (
                np.sort(right),
                "These are the right digits, but sorted, so they no longer belong to their rows.",
                "Which order do the rows have?",
            ),
            (right[::-1], "The digits come in reverse order.", "Which row is the first?"),
            (
                table.argsort(axis=1)[:, -2],
                "These are the second most probable digits.",
                "Which position of the sorted row belongs to the largest?",
            ),
            (
                np.round(table).argmax(axis=1),
                "The probabilities were rounded first: where none is above a half, a row of zeros is left, and its "
                "largest entry is said to be the first.",
                "Do you need to round at all?",
            ),
        ],
    )
    wrong = np.flatnonzero(array != right)
    raise Wrong(
        f"{len(wrong)} of {len(right)} digits are not right, the first of them that of row {wrong[0]}.",
        f"Which is the largest number in network_answers[{wrong[0]}], and at which position, counted from 0?",
    )


def _explain_shape(array: np.ndarray, table: np.ndarray, right: np.ndarray) -> None:
    if array.size == 1 and array.item() == table.argmax():
        raise Wrong(
            f"{int(array.item())} is the position of the largest number of the whole table, its rows counted through.",
            "How do you tell `argmax` to answer for each row?",
        )
    if array.shape == (table.shape[1],) and np.array_equal(array, table.argmax(axis=0)):
        raise Wrong(
            f"With `axis=0` you asked each of the {table.shape[1]} columns for its row: which answer is surest of a "
            "0, of a 1, and so on.",
            "Along which axis does one answer lie?",
        )
    if array.shape == (len(table), 1) and np.array_equal(array[:, 0], right):
        raise Wrong(
            f"The digits are right, but they stand in a table of shape {array.shape}, expected {right.shape}.",
            "How do labels look in `train_labels`?",
        )
    raise Wrong(
        f"`read_digits` is {describe(array)}, expected shape {right.shape}: one digit for each row.",
        "How many answers are there?",
    )


def _check_one_hot(one_hot: object) -> str:
    # Classes 3 and 4 do not occur in the first, so that neither ten columns nor the largest label plus one will do.
    for labels, num_classes in (([2, 0, 1], 5), ([1, 1, 0], 5), ([3, 0, 2, 2], 4), ([7, 9], 10)):
        _check_rows(one_hot, np.array(labels), num_classes)
    if close(_rows(one_hot, np.array([2, 250], dtype=np.uint8), 256), _right_rows([2, 250], 256)):
        return "It does what Keras' `to_categorical` does, for any number of classes."
    raise Wrong(
        "With labels of type uint8, as in `train_labels`, and 256 classes it goes wrong: a sum or a product with "
        "labels went beyond 255.",
        "Do you need to compute with labels, or only to use them as positions?",
    )


def _rows(one_hot: object, labels: np.ndarray, num_classes: int) -> np.ndarray:
    handed_over = labels.copy()
    answer = call(one_hot, handed_over, num_classes, name="one_hot")
    if not np.array_equal(handed_over, labels):
        raise Wrong(
            "`one_hot` changes the labels that it is given.",
            "Is there an assignment into `labels` that you do not need?",
        )
    return as_array(answer, f"one_hot({_short(labels)}, {num_classes})")


def _check_rows(one_hot: object, labels: np.ndarray, num_classes: int) -> None:
    right = _right_rows(labels, num_classes)
    rows = _rows(one_hot, labels, num_classes)
    shown = f"one_hot({_short(labels)}, {num_classes})"
    if np.array_equal(rows, right):
        if rows.dtype == bool:
            raise Wrong(
                f"{shown} has True and False at the right places, expected numbers: 1 and 0.",
                "Which method turns an array into another type?",
            )
        return
    if np.array_equal(rows, labels):
        raise Wrong(f"{shown} gives back the labels, expected their one-hot rows.", "How long should each row be?")
    if rows.shape == right.shape and rows.shape[0] != rows.shape[1] and np.array_equal(rows, 1 - right):
        raise Wrong(f"{shown} has a 0 at the place of the label and 1 everywhere else.", "What should `np.zeros` hold?")
    if rows.ndim == 2 and np.array_equal(rows.argmax(axis=1), LESSON_LABELS):
        raise Wrong(
            f"{shown} gives the rows of {LESSON_LABELS}, the labels of the lesson, whatever labels it is handed.",
            "Which names inside the function are its own, and which ones come from the notebook around it?",
        )
    if rows.shape != right.shape:
        _explain_rows_shape(rows, right, labels, num_classes, shown)
    _explain_rows(rows, right, labels, num_classes, shown)


def _explain_rows_shape(rows: np.ndarray, right: np.ndarray, labels: np.ndarray, num_classes: int, shown: str) -> None:
    if rows.shape == right.T.shape and np.array_equal(rows.T, right):
        raise Wrong(
            f"{shown} has a column for each label, expected a row for each: shape {right.shape}, and this is "
            f"{rows.shape}.",
            "Which length comes first in `np.zeros((..., ...))`?",
        )
    if rows.ndim == 1 and rows.shape == (num_classes,):
        raise Wrong(
            f"{shown} gives a single row, expected {len(labels)}: one for each label.",
            "What happens to the rows of the other labels?",
        )
    if rows.ndim == 2 and len(rows) == len(labels):
        if rows.shape[1] == 10:
            raise Wrong(
                f"{shown} has rows of 10 numbers, expected {num_classes}.",
                "Is there a 10 inside that should be a name?",
            )
        if rows.shape[1] == labels.max() + 1:
            raise Wrong(
                f"{shown} has rows of {rows.shape[1]} numbers, just enough for the largest label that occurs, expected "
                f"{num_classes}.",
                "What if no image of the last class is in a batch?",
            )
        if rows.shape[1] == num_classes + 1:
            raise Wrong(
                f"{shown} has rows of {num_classes + 1} numbers, one too many.",
                "Which labels are there, beginning at 0?",
            )
        if rows.shape[1] == num_classes - 1:
            raise Wrong(f"{shown} has rows of {num_classes - 1} numbers, one too few.", "Does 0 have a place?")
    raise Wrong(
        f"{shown} is {describe(rows)}, expected shape {right.shape}: a row for each label, a place for each class.",
        "Which two numbers does `np.zeros` need?",
    )


def _explain_rows(rows: np.ndarray, right: np.ndarray, labels: np.ndarray, num_classes: int, shown: str) -> None:
    all_columns, swapped = np.zeros_like(right), np.zeros_like(right)
    all_columns[:, labels] = 1
    inside = labels < len(labels)
    swapped[labels[inside], np.arange(len(labels))[inside]] = 1
    recognise(
        rows,
        [
            (
                all_columns,
                f"In {shown} each row has a 1 for every label of the batch: `[:, labels]` means all rows.",
                "How do you say row 0 with the first label, row 1 with the second, and so on?",
            ),
            (
                swapped,
                f"In {shown} each 1 stands in the row of its label and the column of its image, the wrong way round.",
                "Which comes first between the brackets, the row or the column?",
            ),
            (
                np.ones_like(right),
                f"{shown} has only ones: whole rows were set.",
                "How do you name the one column of each row that should become 1?",
            ),
            (
                np.zeros_like(right),
                f"{shown} has only zeros.",
                "Is the line there that sets the ones, and before `return`?",
            ),
            (
                np.roll(right, -1, axis=1),
                f"In {shown} each 1 stands one place too far to the left.",
                "Which place belongs to the label 0?",
            ),
            (
                np.roll(right, 1, axis=1),
                f"In {shown} each 1 stands one place too far to the right.",
                "Which place belongs to the label 0?",
            ),
            (
                right[:, ::-1],
                f"In {shown} the places are counted from the right.",
                "At which end of a row is the place of the label 0?",
            ),
            (
                right * labels[:, np.newaxis],
                f"{shown} has the label itself at its place, expected a 1.",
                "What do you assign?",
            ),
        ],
    )
    if rows.any(axis=1).sum() == 1 and len(labels) > 1:
        raise Wrong(
            f"{shown} has ones in a single row, and all the other rows are empty.",
            "Does `return` stand inside a loop, or is the row always the same one?",
        )
    wrong = int(np.flatnonzero((rows != right).any(axis=1))[0])
    raise Wrong(
        f"Row {wrong} of {shown} is not the one-hot row of {labels[wrong]}: its entries add up to "
        f"{rows[wrong].sum():.3g}, and the largest stands at position {rows[wrong].argmax()}.",
        "At which position should the only 1 stand?",
    )


def _check_batch_loss(
    batch_loss: object, *, batch_truths: NDArray[np.floating], batch_answers: NDArray[np.floating]
) -> str:
    truths, answers = as_array(batch_truths, "batch_truths"), as_array(batch_answers, "batch_answers")
    logarithms = np.log(answers)
    losses = -(truths * logarithms).sum(axis=1)
    right = losses.mean()
    found = as_array(batch_loss, "batch_loss", expected="a single number")
    if close(found, losses):
        raise Wrong(
            f"These are the losses of all {len(losses)} images, and each is right, expected a single number.",
            "What makes one number of them that does not depend on how many there are?",
        )
    value = as_number(found, "batch_loss")
    if close(value, right):
        return (
            "More than the ln 10 ≈ 2.303 of having no idea: an answer that is sure without a reason costs dearly when "
            "it is wrong."
            if right > np.log(truths.shape[1])
            else ""
        )
    of_the_truth = (truths * answers).sum(axis=1)
    recognise(
        value,
        [
            (
                losses.sum(),
                f"{value:.4g} is the sum of all the losses, expected their mean.",
                "What would happen to a sum if the batch were twice as large?",
            ),
            (
                -right,
                f"{value:.4g} is negative: the logarithm of a probability is, and the loss changes the sign.",
                "Where does the minus stand in the formula of the lesson?",
            ),
            (-losses.sum(), f"{value:.4g} is a sum, and negative.", "Where do the minus and the mean belong?"),
            (
                right / truths.shape[1],
                f"{value:.4g} is a tenth of it: the mean was taken over all entries of the table, nine of ten of which "
                "are 0 because of the one-hot rows.",
                "Which axis do you add over, and which one do you take the mean of?",
            ),
            (
                -right / truths.shape[1],
                f"{value:.4g} is negative, and a mean over all entries of the table, also the zeros.",
                "Where does the minus stand in the formula, and which axis do you take the mean of?",
            ),
            (
                right / np.log(10),
                f"{value:.4g} comes from `np.log10`, the logarithm to the base 10.",
                "Which logarithm does the lesson use?",
            ),
            (
                right / np.log(2),
                f"{value:.4g} comes from `np.log2`: the loss in bits.",
                "Which logarithm does the lesson use?",
            ),
            (
                -np.log(of_the_truth.mean()),
                f"{value:.4g} is the loss of the mean probability, expected the mean of the losses.",
                "What comes first, the logarithm or the mean?",
            ),
            (
                of_the_truth.mean(),
                f"{value:.4g} is the mean probability of the right digits: no logarithm was taken.",
                "What does the loss do with that probability?",
            ),
            (
                -np.log(answers.max(axis=1)).mean(),
                f"{value:.4g} is computed from the largest probability in each row, whether it is right or not.",
                "What do you need the one-hot rows for?",
            ),
            (
                -logarithms.mean(),
                f"{value:.4g} is the mean over all ten logarithms: the one-hot rows were left out.",
                "Which of the ten should count?",
            ),
            (
                -logarithms.sum(axis=1).mean(),
                f"{value:.4g} adds up all ten logarithms of each row: the one-hot rows were left out.",
                "Which of the ten should count?",
            ),
            (
                ((truths - answers) ** 2).mean(),
                f"{value:.4g} is the mean squared error, another loss.",
                "Which formula does the lesson have for the cross-entropy?",
            ),
            (
                (truths.argmax(axis=1) == answers.argmax(axis=1)).mean(),
                f"{value:.4g} is the share of right answers, the accuracy.",
                "Which formula does the lesson have for the cross-entropy?",
            ),
            (
                -(answers * np.log(truths.clip(1e-7, 1))).sum(axis=1).mean(),
                f"{value:.4g} comes from the two tables in each other's place: the logarithm of the truths, 0 and 1.",
                "Of which of the two tables does the formula take the logarithm?",
            ),
            (
                losses.sum() / truths.shape[1],
                f"{value:.4g} is the sum of all the losses, divided by the number of classes.",
                "How many losses are there?",
            ),
            (
                np.log(truths.shape[1]),
                f"{value:.4g} is the loss of having no idea, ln {truths.shape[1]}.",
                "Does this network answer 'no idea'?",
            ),
            *(
                (round(right, digits), "That is right, but rounded.", "What do you get without rounding?")
                for digits in (0, 1, 2, 3)
            ),
            (losses[0], f"{value:.4g} is the loss of the first image alone.", "How do you take all of them?"),
            (losses[-1], f"{value:.4g} is the loss of the last image alone.", "How do you take all of them?"),
            (
                np.median(losses),
                f"{value:.4g} is the median of the losses, expected their mean.",
                "Which of the two also counts how bad the worst are?",
            ),
        ],
    )
    raise Wrong(
        f"`batch_loss` is {value:.4g}, {'more' if value > right else 'less'} than the mean cross-entropy of the batch.",
        "What is the loss of the first image alone, by hand and by your code?",
    )


def _right_rows(labels: object, num_classes: int) -> np.ndarray:
    return np.eye(num_classes)[np.asarray(labels)]


def _short(labels: np.ndarray) -> str:
    return f"np.array({labels.tolist()})"


read_answers = Exercise(
    "03.1",
    "Read the answers of a network",
    _check_read_digits,
    "It is the same step as back from one-hot rows to labels.",
    "`argmax` gives the position of the largest number; `axis` says along which axis to search.",
    "One answer is one row, and a row runs along axis 1.",
)

write_one_hot = Exercise(
    "03.2",
    "Write one_hot for any number of classes",
    _check_one_hot,
    "Begin with the two lines of the lesson, and look for what was fixed there and must now be a parameter.",
    "The table needs `len(labels)` rows and `num_classes` columns.",
    "Inside the function use only `labels` and `num_classes`, and end with `return`.",
)

compute_batch_loss = Exercise(
    "03.3",
    "Compute the loss of a hundred answers",
    _check_batch_loss,
    "In the lesson one answer's loss was `-(truth * np.log(answer)).sum()`.",
    "With a table, `.sum(axis=1)` adds up each row by itself and leaves a hundred losses.",
    "The loss of a batch is the mean of these hundred numbers.",
)
