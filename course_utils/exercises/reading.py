"""Read a student's answer: turn it into numbers or call it, or say in plain words what it is instead."""

from __future__ import annotations

import dis
import math
import re
import types
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

import numpy as np

MOST_NUMBERS = 100_000_000  # in an array; twice the pixels of all MNIST training images
MOST_LISTED = 5_000_000  # in lists, which take a hundred times longer to read
MOST_NESTED = 32

_now_doing: list[str] = []
_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, np.ufunc, type(np.sum))


class Incorrect(Exception):  # noqa: N818 - a verdict, not an error of the program
    """What is wrong with an answer, and a question that helps without giving the solution away."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint


class NotAttempted(Exception):  # noqa: N818 - a verdict, not an error of the program
    """The verdict on a function that is still as the starter cell has it."""


def as_array(answer: Any, name: str, what: str) -> np.ndarray:
    """Return an answer as an array of finite numbers or truth values; raise `Incorrect` if it is something else."""
    _check_entries(answer, name, what)
    try:
        array = np.asarray(answer)
        if array.dtype == object and all(isinstance(entry, Real) for entry in array.flat):
            array = array.astype(float)  # fractions
    except OverflowError:
        raise Incorrect(
            f"`{name}` is far too large to be right.", "What did you count, and how many are there?"
        ) from None
    except Exception as error:
        if not isinstance(answer, (list, tuple)):
            raise Incorrect(f"`{name}` is {describe(answer)} without numbers, expected {what}.", _ask(name)) from error
        raise Incorrect(
            f"`{name}` is {describe(answer)} whose rows do not all have the same length, expected {what}.",
            "Which row is longer or shorter than the others?",
        ) from error
    if array.dtype.kind in "US":
        raise Incorrect(f"`{name}` holds strings, expected {what}.", "Are there quotes around the numbers?")
    if array.dtype.kind not in "biuf":
        raise Incorrect(
            f"`{name}` holds values of dtype {name_of(array.dtype)}, expected ordinary numbers: {what}.",
            "Which step turned them into something else?",
        )
    if array.size > MOST_NUMBERS:
        raise Incorrect(f"`{name}` is {describe(array)}, far more than the task needs.", "Which step made it so large?")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        value = "NaN (not a number)" if np.isnan(array).any() else "an infinite value"
        raise Incorrect(
            f"`{name}` {'is' if array.size == 1 else 'holds'} {value}, expected {what}.",
            "Where do you divide by 0, or take the logarithm of 0?",
        )
    return array


def shown_input(value: Any) -> str:
    """Return how a student would write the argument of a call."""
    if isinstance(value, np.ndarray):
        dtype = "" if value.dtype.kind in "f" or value.dtype == np.int64 else f", dtype={value.dtype.name!r}"
        return f"np.array({value.tolist()}{dtype})" if value.size <= 12 else "..."
    return repr(value)


def now_doing() -> str:
    """Return what an unfinished check is doing."""
    return _now_doing[-1] if _now_doing else "computing the expected answer"


def call(function: Any, arguments: Iterable[object], name: str, shown: str) -> Any:
    """Call a function that the student wrote; raise `NotAttempted` if it is still as the starter cell has it."""
    if not callable(function):
        raise Incorrect(
            f"`{name}` is {describe(function)}, expected a function.", f"Where is the line `def {name}(...)`?"
        )
    _now_doing.append(f"calling {shown}")
    try:
        result = function(*arguments)
    except (Exception, SystemExit, GeneratorExit) as error:
        text = " ".join(str(error).split())[:150].rstrip(".")
        raise Incorrect(
            f"`{shown}` raises {a(name_of(type(error)))}{': ' * bool(text)}{text}.",
            "What do you see when you call it in a cell of your own?",
        ) from error
    finally:
        _now_doing.pop()
    if (result is ... or result is None) and _is_starter(function):
        raise NotAttempted
    if is_open(result):
        raise Incorrect(
            f"`{name}` still returns `...`, the placeholder of the starter cell.",
            "Which name should `return` give back?",
        )
    if result is None:
        raise Incorrect(f"`{name}` returns nothing (None).", "Does it end with `return` and the result?")
    return result


def is_open(answer: object) -> bool:
    """Tell whether an answer, or one of the first entries in a list or a nested list, is still ``...``."""
    lists = [answer, *answer[:100]] if type(answer) in (list, tuple) else []  # type: ignore[index]
    return answer is ... or any(entry is ... for one in lists if type(one) in (list, tuple) for entry in one[:100])


def describe(answer: Any) -> str:
    """Describe any answer in a few words: ``"a uint8 array of shape (3, 10)"``."""
    if answer is None:
        return "nothing (None)"
    if isinstance(answer, bool):
        return f"the truth value {answer}"
    if isinstance(answer, np.ndarray):
        shape = f"of shape {answer.shape}" if answer.ndim else "with a single number"
        return f"{a(name_of(answer.dtype))} array {shape}"
    if isinstance(answer, str):
        return "a string (str)"
    if isinstance(answer, _FUNCTIONS):
        return "a function"
    if type(answer) in (list, tuple, set, frozenset, dict):
        return f"{a(type(answer).__name__)} with {len(answer):,} entr{'y' if len(answer) == 1 else 'ies'}"
    return a(name_of(type(answer))) + " object" * (not isinstance(answer, Real))


def name_of(kind: Any) -> str:
    """Return the name of a class or dtype, even of one whose name cannot be looked up."""
    try:
        name = kind.name if isinstance(kind, np.dtype) else type.__getattribute__(kind, "__name__")
        return re.sub(r"[^\w\[\], ]", "", str(name))[:40] or "nameless"
    except Exception:
        return "nameless"


def a(noun: str) -> str:
    """Put the article before a noun."""
    return f"{'an' if noun[:1] in 'aeiouAEIO' and not noun.startswith(('uint', 'one')) else 'a'} {noun}"


def _check_entries(answer: Any, name: str, what: str) -> None:
    """Raise `Incorrect` if NumPy would not turn the answer into numbers, or would take far too long."""
    waiting: list[tuple[Any, int]] = [(answer, 0)]
    num_listed = 0
    while waiting:
        item, depth = waiting.pop()
        base: Any = next((kind for kind in (list, tuple, range) if isinstance(item, kind)), None)
        if depth > MOST_NESTED:
            raise Incorrect(
                f"`{name}` has lists nested more than {MOST_NESTED} deep, expected {what}.",
                "Did you put a list inside itself?",
            )
        if base is range:
            num_listed += max(0, (item.stop - item.start) // item.step)
        elif base:
            num_listed += base.__len__(item)
            if num_listed <= MOST_LISTED:
                waiting.extend((entry, depth + 1) for entry in base.__iter__(item))
        elif isinstance(item, _FUNCTIONS) or not (
            isinstance(item, (Real, np.generic)) or hasattr(type(item), "__array__")
        ):
            verb = "is" if item is answer else "holds"
            raise Incorrect(f"`{name}` {verb} {describe(item)}{_as_number(item)}, expected {what}.", _ask(name, item))
        elif item is not answer:
            num_listed += _size(item)
        elif _size(item) > MOST_NUMBERS:
            raise Incorrect(
                f"`{name}` has {_size(item):,} numbers, far more than the task needs.", f"How do you get {what}?"
            )
        if num_listed > MOST_LISTED:
            raise Incorrect(f"`{name}` lists more than {MOST_LISTED:,} numbers.", f"How do you get {what}?")


def _size(item: Any) -> int:
    try:
        return math.prod(int(length) for length in item.shape)
    except Exception:  # no shape, or one that is not known yet
        return 1


def _as_number(item: object) -> str:
    try:
        return " that looks like a number" if isinstance(item, str) and math.isfinite(float(item.strip(" %"))) else ""
    except ValueError:
        return ""


_QUESTIONS: dict[Any, str] = {
    _FUNCTIONS: "Are the parentheses that call it missing?",
    type(None): "Did a step work in place and return nothing, or is a `return` missing?",
    str: "Is it in quotes, or did you format it as a string?",
    dict: "Do you need one of its entries, or a list of all its values?",
    (set, frozenset): "Which order should its entries have, and would a list keep it?",
}


def _ask(name: str, item: object = 0) -> str:
    if name_of(type(item)) == "History":
        return "`fit` returns a history: which step with the network comes next?"
    if name_of(type(item)).endswith("Result"):  # of a test of SciPy
        return "Which of its attributes is the number you need?"
    if hasattr(type(item), "__next__"):
        return "It has not been computed yet: what does list(...) turn it into?"
    questions = (question for kinds, question in _QUESTIONS.items() if isinstance(item, kinds))
    return next(questions, f"What does type({name}) say?")


def _is_starter(function: Callable) -> bool:
    """Tell whether a function only returns ``...`` or nothing, directly or through a variable."""
    if not isinstance(function, types.FunctionType):
        return False
    harmless = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "STORE_FAST", "LOAD_FAST"}
    harmless |= {"STORE_FAST_LOAD_FAST", "LOAD_FAST_CHECK"}
    return {instruction.opname for instruction in dis.get_instructions(function)} <= harmless
