"""Everyday slips with numbers and arrays: one list for all exercises.

A row is ``(result, message, hint)``, as in the tables of the exercises: what the slip gives, and what to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

Row = tuple[Any, str, str]

_ORDER = "has the right values in the wrong order"
_COUNTING = "Does your counting start at 0 or at 1?"


def number_slips(value: float, right: float, *, whole: bool) -> Iterator[Row]:
    """Yield the slips with a single number that is known to be wrong; those of a `whole` number too."""
    is_share = 0 < right < 1
    if whole:
        for step in (1, -1):
            yield right + step, "is off by one.", _COUNTING
        yield not value.is_integer(), "is {value}, expected a whole number.", "Is it a fraction or a mean?"
    elif value:
        last_digit = -math.floor(math.log10(abs(right))) if right else 0
        for digits in sorted({*range(-3, 3), last_digit, last_digit + 1}):
            if rounded := round(right, digits):
                yield rounded, "may be right, but it is rounded too much.", "What is it without rounding?"
    too_large = "is a percentage, not a fraction." if is_share else "is a hundred times too large."
    yield 100 * right, too_large, "Is there an extra factor?"
    yield right / 100, "is a hundred times too small.", "Did you divide by 100?"
    yield 10 * right, "is ten times too large.", "Is there an extra zero, or a missing division?"
    yield right / 10, "is ten times too small.", "Is there an extra division?"
    if is_share:
        for result in (1 - right, 100 * (1 - right)):
            yield result, "is the share of all the others.", "Did you count the opposite?"
    if right:
        yield -right, "has the wrong sign.", "What do you subtract from what?"
        yield 1 / right, "is 1 divided by the right number.", "What do you divide by what?"
    if right > 0 and right != 1 and not whole:  # of small counts, by chance
        yield right**2, "is the square of the right number.", "Is a square root missing?"
        yield math.sqrt(right), "is the square root of the right number.", "Is there an extra square root?"


def array_slips(value: np.ndarray, right: np.ndarray) -> Iterator[Row]:
    """Yield the slips with an array that is known to be wrong."""
    if value.shape != right.shape:
        shapes = f"it has the shape {value.shape}, expected {right.shape}"
        same_values = value.size == right.size and np.allclose(value.ravel(), right.ravel(), rtol=1e-4)
        yield right.T, f"Rows and columns of `{{name}}` are swapped: {shapes}.", "Which axis comes first?"
        yield same_values, f"The values of `{{name}}` are right, but {shapes}.", "Which step adds or loses an axis?"
        return
    yield value.dtype == bool, "holds True and False, the result of a comparison.", "What did you compare?"
    yield right.T, "Rows and columns of `{name}` are swapped.", "Which axis comes first?"
    yield right[::-1], f"{_ORDER}: it is reversed.", "Which row comes first?"
    for step in (1, -1):
        yield np.roll(right, step, axis=-1), f"{_ORDER}: each is off by one place.", _COUNTING
    yield np.sort(right, axis=0), f"{_ORDER}: they are sorted.", "What does each of them belong to?"
    if right.dtype.kind in "iu":
        for step in (1, -1):
            yield right.astype(float) + step, "Each number in `{name}` is off by one.", _COUNTING
    else:
        yield 100 * right, "holds percentages, or is a hundred times too large.", "Is there an extra factor?"
        yield right / 100, "is a hundred times too small.", "Is there an extra division?"
        yield 1 - right, "is 1 minus the right values.", "Did you compute the opposite?"
        yield right**2, "holds the squares of the right numbers.", "Is a square root missing?"
        for digits in (0, 1, 2):
            yield np.round(right, digits), "is right, but rounded too much.", "What is it without rounding?"
    yield -1.0 * right, "has the wrong sign.", "What do you subtract from what?"
    yield np.zeros(right.shape), "contains only zeros.", "Which step loses the values, or is missing?"


def slips_of(values: Any, noun: str, wanted: str) -> Iterator[Row]:
    """Yield what students may compute instead of, say, the mean of losses or the number of True in a mask."""
    values = np.asarray(values)
    ask = f"Which function gives their {wanted}?"
    if values.dtype == bool:
        yield values, f"is a mask of {values.size:,} entries, expected the {wanted} of {noun}.", ask
        yield values.size, f"is the length of the mask, expected the {wanted} of {noun}.", ask
        yield (~values).sum(), f"counts the others, not the {noun}.", "Should it be `==` or `!=`?"
        ask = "Do you need a sum or a mean?"
        if wanted == "number":
            yield values.mean(), f"is the share of {noun}, expected their number.", ask
        else:
            yield values.sum(), f"is the number of {noun}, expected their share.", ask
        return
    yield values, f"holds all {values.size:,} {noun}, expected their {wanted}, a single number.", ask
    yield values.size, f"is the number of {noun}, expected their {wanted}.", ask
    for name in ("sum", "mean", "median", "std", "max", "min"):
        word = {"std": "standard deviation", "max": "largest", "min": "smallest"}.get(name, name)
        if name != wanted:
            yield getattr(np, name)(values), f"is the {word} of the {noun}, expected their {wanted}.", ask
    yield values.flat[0], f"is only the first of the {noun}.", "How do you include all of them?"
    yield values.flat[-1], f"is only the last of the {noun}.", "How do you include all of them?"
