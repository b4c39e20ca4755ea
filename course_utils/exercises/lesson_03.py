"""Exercises of lesson 03: probabilities become predictions, `one_hot`, and the loss of a hundred predictions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Array, Exercise, Function, Given, Number, Row, slips_of
from course_utils.preprocessing import one_hot


def _prediction_mistakes(predictions: NDArray, probabilities: NDArray) -> list[Row]:
    table, digits, axis = probabilities, probabilities.argmax(axis=1), "What does the argument `axis` do?"
    is_table, is_column = predictions.shape == table.shape, predictions.shape == (len(table), 1)
    second = "Which position does the largest number have after sorting?"
    rounded_first = "comes from rounded probabilities: rounding made several of them equal."
    return [
        (one_hot(digits), "holds one-hot rows, expected digits.", "How do you turn such rows into labels?"),
        (table.argmax(), "is the position of the largest number in the whole table.", axis),
        *((each, "With `axis=0` you searched each column.", axis) for each in (table.argmax(0), table.argmin(0))),
        (table.max(axis=1), "holds the largest probabilities themselves.", "What does `argmax` give instead?"),
        (table.argmin(axis=1), "holds the least probable digits.", "Which function finds the largest number?"),
        (table.argsort(axis=1)[:, -2], "holds the second most probable digits.", second),
        *((table.round(digit).argmax(axis=1), rounded_first, "Do you need to round at all?") for digit in (0, 1)),
        (digits[0], "is the digit of the first row only.", "How do you search all rows at once?"),
        (is_table, "has ten numbers for each image, expected one digit.", "Where is the largest of the ten?"),
        (is_column, "is a column of digits, expected shape (6,).", "What does `keepdims` change?"),
        (np.arange(6), "holds the row numbers.", "Where is the largest entry in each row?"),
        ((predictions % 1).any(), "holds fractions, expected digits.", "Do you need a value or a position?"),
    ]


find_predictions = Exercise(
    "03.1",
    "Turn probabilities into predictions",
    Array(
        "predictions",
        "six digits, one for each row",
        expected=lambda probabilities: probabilities.argmax(axis=1),
        dtype=np.integer,
        mistakes=_prediction_mistakes,
    ),
    given={"probabilities": Given(lambda: np.random.default_rng(6).dirichlet(np.ones(10), size=6))},
    hints=[
        "This is the step back from one-hot rows to labels.",
        "`argmax` gives the position of the largest number; `axis` says along which axis to search.",
        "One image is one row, and a row runs along axis 1.",
    ],
    comment="The surest of them has a probability of only 38%. `argmax` never says 'I do not know'.",
)

_LESSON_LABELS = [5, 0, 4]  # called `labels` in the lesson, the name that a function may take by mistake


def _one_hot_mistakes(rows: NDArray, right: NDArray, labels: NDArray, num_classes: int) -> list[Row]:
    num_labels, width = len(labels), rows.shape[1] if rows.ndim == 2 and len(rows) == len(labels) else -1
    fits_largest = width == labels.max() + 1 != num_classes
    is_row, is_one_row = rows.shape == (num_classes,), rows.ndim == 2 and rows.any(axis=1).sum() == 1
    every_label, swapped = right * 0 + right.any(axis=0), right * 0
    swapped[:, :num_labels] = right.T[:num_labels]
    of_lesson = rows.ndim == 2 and rows.any() and np.array_equal(rows.argmax(axis=1), _LESSON_LABELS)
    uint8 = "goes wrong with labels of type uint8, as in `train_labels`: maybe a sum exceeds 255."
    far, places = "In `{name}`, each 1 is one position too far to the", "Which position belongs to label 0?"
    return [
        (labels, "gives back the labels, expected their one-hot rows.", "How long should each row be?"),
        (1 - right, "has a 0 at the label's position and 1 everywhere else.", "What does `np.zeros` hold?"),
        (of_lesson, f"gives the rows of {_LESSON_LABELS}, the lesson's labels.", "Which `labels` does it use?"),
        (right.T, "has a column for each label, expected a row.", "Which length comes first in `np.zeros`?"),
        (is_row, "is a single row, expected one for each label.", "Where are the other rows?"),
        (fits_largest, "has rows just long enough for the largest label.", "What if a class does not occur?"),
        (width == 10 != num_classes, "has rows of 10 numbers, not of num_classes.", "Where does the 10 come from?"),
        (width == num_classes + 1, "has rows with one number too many.", "What is the largest label?"),
        (every_label, "Each row of `{name}` has a 1 for every label of the batch.", "Which rows does `:` select?"),
        (swapped, "In `{name}`, the row and column of each 1 are swapped.", "Which index comes first in the brackets?"),
        (right * 0 + 1, "has only ones: whole rows were set.", "How do you select one column in each row?"),
        (right * 0, "has only zeros.", "Which line before `return` sets the ones?"),
        *((np.roll(right, step, axis=1), f"{far} {side}.", places) for step, side in ((-1, "left"), (1, "right"))),
        (right[:, ::-1], "In `{name}`, the positions are counted from the right.", "At which end does label 0 belong?"),
        (right * labels[:, None], "has the label itself, expected a 1.", "Which value do you assign?"),
        (np.eye(*right.shape), "In `{name}`, the ones are on the diagonal.", "Where do the labels come in?"),
        (np.array_equal(rows != 0, right), "has other numbers where a 1 belongs.", "What do you assign?"),
        (labels.dtype == np.uint8, uint8, "Do you compute with labels, or only use them as positions?"),
        (is_one_row, "has ones in one row only.", "Is `return` inside a loop?"),
    ]


write_one_hot = Exercise(
    "03.2",
    "Write one_hot for any number of classes",
    Function(
        "one_hot",
        "a function of labels and num_classes",
        expected=lambda labels, num_classes: np.eye(num_classes)[labels],
        # Some classes do not occur, so that neither ten columns nor the largest label plus one will do.
        calls=[
            *((np.array(labels), size) for labels, size in (([2, 0, 1], 5), ([1, 1, 0], 5), ([3, 0, 2, 2], 4))),
            *((np.array([7, 9]), 10), (np.array([2, 250], dtype=np.uint8), 256)),
        ],
        returns=Array("rows", "a row for each label, with an entry for each class", mistakes=_one_hot_mistakes),
    ),
    hints=[
        "Start with the two lines of the lesson. Which number is fixed there, and must now be a parameter?",
        "The table needs `len(labels)` rows and `num_classes` columns.",
        "Inside the function, use only `labels` and `num_classes`, and end with `return`.",
    ],
    comment="Your function does what Keras' `to_categorical` does, for any number of classes.",
)


def _losses(batch_truths: NDArray, batch_answers: NDArray) -> NDArray:
    return -(batch_truths * np.log(batch_answers)).sum(axis=1)


def _loss_mistakes(batch_truths: NDArray, batch_answers: NDArray) -> list[Row]:
    truths, answers, losses = batch_truths, batch_answers, _losses(batch_truths, batch_answers)
    loss, num_classes, logs, probabilities = losses.mean(), truths.shape[1], np.log(answers), (truths * answers).sum(1)
    is_right, squares = truths.argmax(axis=1) == answers.argmax(axis=1), ((truths - answers) ** 2).sum()
    minus, log = "Where is the minus in the formula?", "Which logarithm does the lesson take, and with which base?"
    formula, how_many = "What is the formula of the loss in the lesson?", "How many losses is it the mean of?"
    true_digit, ten = "Does it always belong to the true digit?", "Which of the ten logarithms should count?"
    first, idea = "Do you take the logarithm first, or the mean?", "Does this network really have no idea?"
    all_entries = "is a mean over all entries of the table, nine tenths of which are 0: a tenth of the loss."
    without_rows = "adds up all ten logarithms of each row: the one-hot rows were left out."
    return [
        (-loss, "is negative, like the logarithms; the loss has the opposite sign.", minus),
        (-losses, "holds all losses, and they are negative; expected their mean.", minus),
        (-losses.sum(), "is a sum, and negative.", "Where do the minus and the mean belong?"),
        (loss / num_classes, all_entries, "Which axis do you add up, and which one do you average?"),
        (-loss / num_classes, "is negative, and a mean over all entries, including the zeros.", minus),
        (loss / np.log(10), "comes from `np.log10`, the logarithm to base 10.", log),
        (loss / np.log(2), "comes from `np.log2`: the loss in bits.", log),
        (-np.log(probabilities.mean()), "is the loss of the mean probability.", first),
        (probabilities, "holds the probabilities of the true digits.", "What does the loss do with them?"),
        (probabilities.mean(), "is the mean probability of the true digits: no logarithm was taken.", formula),
        (1 - probabilities.mean(), "is 1 minus the mean probability: no logarithm was taken.", formula),
        (-np.log(answers.max(1)).mean(), "uses the largest probability of each row.", true_digit),
        *((-logs.sum() / number, without_rows, ten) for number in (logs.size, len(logs), 1)),
        (-truths * logs, "is not added up: it has a number for each entry.", "What does `.sum(axis=1)` do?"),
        (losses.sum() / num_classes, "is the sum, divided by the number of classes.", how_many),
        *((squares / number, "is the mean squared error, another loss.", formula) for number in (logs.size, len(logs))),
        (np.abs(truths - answers).mean(), "is the mean absolute error, another loss.", formula),
        (is_right.mean(), "is the share of right answers, the accuracy.", formula),
        (-(answers * np.log(truths.clip(1e-7, 1))).sum(1).mean(), "In `{name}`, the two tables are swapped.", formula),
        (-(answers * logs).sum(1).mean(), "is the entropy of the answers: it leaves out the truth.", formula),
        (np.exp(loss), "is e to the power of the loss.", "Which step undoes the logarithm?"),
        (np.log(num_classes), "is ln 10, the loss of having no idea.", idea),
        *slips_of(losses, "losses", "mean"),
    ]


compute_batch_loss = Exercise(
    "03.3",
    "Compute the loss of a hundred predictions",
    Number(
        "batch_loss",
        expected=lambda batch_truths, batch_answers: _losses(batch_truths, batch_answers).mean(),
        mistakes=_loss_mistakes,
        otherwise=("is {value}, {more} than the mean cross-entropy.", "What is the loss of the first image?"),
    ),
    given={
        "batch_truths": Given(one_hot, rows_of="train_labels", most=100),
        "batch_answers": Given(lambda: np.random.default_rng(3).dirichlet(np.ones(10), size=100)),
    },
    hints=[
        "In the lesson, the loss of one prediction was `-(truth * np.log(answer)).sum()`.",
        "With a table, `.sum(axis=1)` adds up each row by itself and leaves a hundred losses.",
        "The loss of a batch is the mean of these hundred numbers.",
    ],
    comment="That is more than ln 10 ≈ 2.303, the loss of having no idea. Confident mistakes have a large loss.",
)
