"""The kinds of answers: how each is read, compared with the right one, and explained when it is wrong."""

from __future__ import annotations

import inspect
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np

from course_utils.exercises.reading import Incorrect, as_array, call, describe, shown_input
from course_utils.exercises.slips import Row, array_slips, number_slips


def apply(function: Callable[..., Any], context: Mapping[str, Any]) -> Any:
    """Call a function of a declaration with what its parameters name."""
    return function(**{name: context[name] for name in inspect.signature(function).parameters})


def close(value: Any, other: Any, relative: float = 1e-4) -> bool:
    """Tell whether two numbers, or two arrays of one shape, agree up to float32 rounding and the order of sums."""
    value, other = np.asarray(value, dtype=float), np.asarray(other, dtype=float)
    if value.shape != other.shape:
        return False
    scale = np.abs(other).max(initial=0) or 1e-8
    return bool((np.abs(value - other) <= relative * (np.abs(other) + scale / 100)).all())


def close_in_digits(value: Any, other: Any, digits: int = 3) -> bool:
    """Tell whether values agree to `digits` significant digits; in an array, to those of its largest entry."""
    value, other = np.asarray(value, dtype=float), np.asarray(other, dtype=float)
    scale = np.abs(other).max(initial=0)
    if value.shape != other.shape or not np.isfinite(scale):
        return False
    unit = 10.0 ** (math.floor(math.log10(scale)) - digits + 1) if scale else 1e-12
    return bool((np.abs(value - other) <= 0.5001 * unit).all())


def num_steps(model: Any) -> int | None:
    """Return how many steps the optimizer of a network has taken since it was compiled; None if it has none."""
    optimizer = getattr(model, "optimizer", None)
    return None if optimizer is None else int(np.asarray(optimizer.iterations))


@dataclass(frozen=True)
class Answer:
    """A name that the student fills in. This class is for objects such as networks: right if no mistake applies."""

    name: str  # in the notebook, and for functions of the declaration
    what: str = "what the task asks for"
    _: KW_ONLY
    expected: Callable[..., Any] | None = None  # returns the right answer
    is_right: Callable[..., bool] | None = None  # if several answers are right: tells whether this one is
    mistakes: Callable[..., Iterable[Row]] | None = None  # the table; of an object, up to the first row that is True
    #: Message and hint if no mistake is recognised; ``{more}`` becomes "more", "less" or "other".
    otherwise: tuple[str, str] | Callable[..., tuple[str, str]] | None = None
    example: Callable[..., Any] | None = None  # a right answer for the tests, where there is no `expected`

    def read(self, answer: Any, shown: str) -> Any:
        """Return an answer in the form that the tables compare, or raise `Incorrect`."""
        return answer

    def causes(self, context: Mapping[str, Any], shown: str) -> list[tuple[str, str]]:
        """Return message and hint of each mistake that explains an answer; nothing if it is right.

        Agreement in all digits comes before agreement in three: a mistake may nearly give the right number.
        """
        value = context[self.name]
        right = apply(self.expected, context) if self.expected else None
        if (self.is_right and apply(self.is_right, context)) or (right is not None and close(value, right)):
            return self._filled_in(self.form_slips(value), value, shown)
        rows = self._rows(context)
        found = [row for row in rows if _matches(value, row[0], close)]
        if not found and right is not None and self.is_close(value, right):
            return self._filled_in(self.form_slips(value), value, shown)
        found = found or [row for row in rows if _is_true(row[0])][:1]
        if not found and _is_rounded(value):
            found = [row for row in rows if _matches(value, row[0], self.is_close)]
        if right is not None and not found:
            slips = list(self.slips(value, right))
            found = [row for row in slips if _is_true(row[0])][:1]
            found = found or [row for row in slips if _matches(value, row[0], close)]
        if not found and (right is not None or self.is_right):
            found = [self.general_row(value, right, context)]
        return self._filled_in(found, value, shown)

    def is_close(self, value: Any, other: Any) -> bool:
        """Tell whether two values agree as closely as the task asks."""
        return close_in_digits(value, other)

    def form_slips(self, value: Any) -> Iterable[Row]:
        """Return what is wrong with an answer whose values are right."""
        return ()

    def slips(self, value: Any, right: Any) -> Iterable[Row]:
        """Return the everyday slips of this kind of answer."""
        return ()

    def general_row(self, value: Any, right: Any, context: Mapping[str, Any]) -> Row:
        """Return the row for an answer in which no mistake was recognised."""
        otherwise = apply(self.otherwise, context) if callable(self.otherwise) else self.otherwise
        message, hint = otherwise or ("is {value}, {more} than it should be.", "How did you compute it?")
        more = "other" if right is None or np.size(value) != 1 else "more" if value > right else "less"
        return True, message.replace("{more}", more), hint

    def _rows(self, context: Mapping[str, Any]) -> list[Row]:
        rows: list[Row] = []
        # A table may fail on an array of another shape: the rows before that still count.
        value = context[self.name]
        with suppress(Exception) if isinstance(value, np.ndarray) else nullcontext():
            for row in apply(self.mistakes, context) if self.mistakes else ():
                rows.append(row)
                if _is_true(row[0]) and type(self) is Answer:
                    break  # later rows may assume that this is not the case
        return rows

    def _filled_in(self, rows: Iterable[Row], value: Any, shown: str) -> list[tuple[str, str]]:
        text = f"{value:,.6g}" if isinstance(value, float) else describe(value)
        messages = {f"`{{name}}` {message}" if message[:1].islower() else message: hint for _, message, hint in rows}
        return [(each.replace("{name}", shown).replace("{value}", text), hint) for each, hint in messages.items()]


def _is_rounded(value: Any) -> bool:
    """Tell whether a value has only a few digits; one with more could match a mistake to three digits by chance."""
    numbers = value.ravel()[:1000] if isinstance(value, np.ndarray) else [value]
    return all(isinstance(each, (float, np.number)) and close(float(f"{each:.4g}"), each, 1e-6) for each in numbers)


def _is_true(result: Any) -> bool:
    return isinstance(result, (bool, np.bool_)) and bool(result)


def _matches(value: Any, result: Any, agree: Callable[[Any, Any], bool]) -> bool:
    if isinstance(result, (bool, np.bool_)) or not isinstance(value, (float, np.ndarray)):
        return False
    result = np.asarray(result() if callable(result) else result)
    is_mask = isinstance(value, np.ndarray) and value.dtype == bool  # which agrees with 0 and 1 by chance
    return agree(value, result) and (not is_mask or result.dtype == bool)


@dataclass(frozen=True)
class Number(Answer):
    """A single number, compared to three digits; with `whole`, a count or a position, which must be exact."""

    what: str = "a single number"
    _: KW_ONLY
    whole: bool = False

    def read(self, answer: Any, shown: str) -> Any:
        """Return a float; an array if there are more numbers, since a table may know what they are."""
        array = as_array(answer, shown, self.what)
        if array.size == 0:
            raise Incorrect(f"`{shown}` is empty, expected {self.what}.", "Which step leaves nothing in it?")
        if array.size == 1 and array.dtype == bool:
            raise Incorrect(
                f"`{shown}` is a truth value ({bool(array.item())}), expected {self.what}.",
                "Did you compare two values where one of them was asked for?",
            )
        return float(array.item()) if array.size == 1 else array

    def is_close(self, value: Any, other: Any) -> bool:
        """Compare three digits, or all of a whole number."""
        return not self.whole and close_in_digits(value, other)

    def slips(self, value: Any, right: Any) -> Iterable[Row]:
        """Return the everyday slips with a number."""
        if isinstance(value, float):
            return number_slips(value, float(right), whole=self.whole)
        num_right = sum(close(number, right) for number in value.flat) if value.size <= 10 else 0
        those = "one of them is right" if num_right == 1 else f"{num_right} of them are right"
        message = f"has {value.size} numbers, and {those}; expected {self.what}."
        return [(num_right > 0, message, "How do you select only that one?")]

    def general_row(self, value: Any, right: Any, context: Mapping[str, Any]) -> Row:
        """Say whether it is too large or too small, and never by how much."""
        if "between 0 and 1" in self.what and isinstance(value, float) and not 0 <= value <= 1:
            return True, f"is {{value}}, expected {self.what}.", "Can it be negative, or above 1?"
        if isinstance(value, float):
            return super().general_row(value, right, context)
        message = f"has the shape {value.shape}, expected {self.what}."
        return True, message, "Which step turns it into a single number?"


@dataclass(frozen=True)
class Array(Answer):
    """An array, or lists of numbers, compared to three digits of its largest entry; whole numbers must be exact.

    With `any_order`, a set is accepted as well.
    """

    what: str = "an array of numbers"
    _: KW_ONLY
    dtype: Any = None
    any_order: bool = False

    def read(self, answer: Any, shown: str) -> np.ndarray:
        """Return an array of finite numbers or truth values."""
        if self.dtype is not None and isinstance(answer, np.ndarray) and answer.dtype == object:
            raise Incorrect(f"`{shown}` has the dtype object, expected {self.what}.", "What made it an object array?")
        is_set = self.any_order and isinstance(answer, (set, frozenset))
        return as_array(list(answer) if is_set else answer, shown, self.what)

    def is_close(self, value: Any, other: Any) -> bool:
        """Compare three digits; whole numbers must be exact."""
        return np.asarray(other).dtype.kind == "f" and close_in_digits(value, other)

    def form_slips(self, value: np.ndarray) -> Iterable[Row]:
        """Say what is wrong with the dtype of right values."""
        ask = "Which step decides the dtype of the numbers?"
        if value.dtype == bool:
            yield True, "has True and False in the right places, expected numbers.", ask
        elif self.dtype is not None and value.size and not np.issubdtype(value.dtype, self.dtype):
            wanted = "whole numbers" if self.dtype is np.integer else np.dtype(self.dtype).name
            yield True, f"The values of `{{name}}` are right, but their dtype is {value.dtype}, expected {wanted}.", ask

    def slips(self, value: np.ndarray, right: Any) -> Iterable[Row]:
        """Return the everyday slips with an array."""
        return array_slips(value, np.asarray(right))

    def general_row(self, value: np.ndarray, right: Any, context: Mapping[str, Any]) -> Row:
        """Name the shape, or the first place that is wrong."""
        if right is None or np.shape(right) != value.shape:
            wanted = self.what if right is None else f"{np.shape(right)}: {self.what}"
            found = f"has the shape {value.shape}" if value.ndim else "is a single number"
            return True, f"{found}, expected {wanted}.", "What is its shape after each step?"
        if self.otherwise:
            return super().general_row(value, right, context)
        wrong = np.argwhere(~np.isclose(value, right, rtol=1e-3, atol=1e-6))
        verb = "is" if len(wrong) == 1 else "are"
        message = f"{len(wrong):,} of the {value.size:,} numbers in `{{name}}` {verb} not right"
        first = ", ".join(map(str, wrong[0])) if len(wrong) else "0"
        return True, f"{message}, the first at position [{first}].", "How would you compute that one by hand?"


@dataclass(frozen=True)
class Function(Answer):
    """A function that the student writes, called on made-up inputs; `expected` is the function itself."""

    what: str = "a function"
    _: KW_ONLY
    calls: Sequence[tuple[Any, ...]] = ()  # arguments for which right and wrong functions differ
    returns: Answer = Array("result")  # its table knows the arguments by their names in `expected`

    def causes(self, context: Mapping[str, Any], shown: str) -> list[tuple[str, str]]:
        """Return the mistakes that explain most of the calls that went wrong."""
        assert self.expected is not None
        failed = []
        for inputs in self.calls:
            known = dict(zip(inspect.signature(self.expected).parameters, inputs, strict=True))
            this_call = f"{shown}({', '.join(map(shown_input, inputs))})"
            handed_over = {
                name: np.copy(each) if isinstance(each, np.ndarray) else each for name, each in known.items()
            }
            try:
                result = call(context[self.name], handed_over.values(), shown, this_call)
                if changed := [name for name in known if not np.array_equal(known[name], handed_over[name])]:
                    ask = f"Which step changes `{changed[0]}` in place?"
                    raise Incorrect(f"`{shown}` changes the argument `{changed[0]}` itself.", ask)
                known |= {self.returns.name: self.returns.read(result, this_call), "right": self.expected(*inputs)}
                found = replace(self.returns, expected=lambda right: right).causes(known, this_call)
            except Incorrect as incorrect:
                found = [(incorrect.message, incorrect.hint)]
            if found:
                failed.append(found)
        if not failed:
            return []
        votes = Counter(hint for found in failed for _, hint in found)
        return [cause for cause in failed[0] if votes[cause[1]] == max(votes[hint] for _, hint in failed[0])]
