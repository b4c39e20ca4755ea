"""What every exercise is made of: a check that tells mistakes apart, hints, and a small file of progress.

A lesson's module defines its exercises: ``count_white_pixels = Exercise("02.1", "Count …", checker, "First hint.")``.
A checker takes the student's answers by position and what the lesson gives by keyword. It returns nothing when the
answers are right (or a sentence that says what this shows), and raises `Wrong` otherwise. It need not fear any answer:
`as_number`, `as_integer`, `as_array` and `call` turn it into what can be compared, or raise `Wrong` themselves, and
what still goes wrong ends in a plain sentence.
"""

from __future__ import annotations

import ctypes
import dis
import inspect
import io
import json
import math
import re
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout, suppress
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.workspace import atomic_path, one_at_a_time, workspace_folder

MOST_SECONDS = 20.0  # a check that takes longer is stopped: an endless loop in an answer must not hang the notebook
MOST_NUMBERS = 100_000_000  # in an array; twice the pixels of all MNIST training images
MOST_LISTED = 5_000_000  # in lists, which take a hundred times longer to read
MOST_NESTED = 32  # lists in lists; NumPy can have 64 axes
MOST_PROGRESS_BYTES = 100_000

_ENDLESS = (
    "your answer did not come to an end. Is there a loop that never stops, or an array far larger than the task needs?"
)
_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, np.ufunc, type(np.sum))


class Wrong(Exception):  # noqa: N818 - a verdict, and no error of the program
    """What a checker raises for an answer that is not right.

    Parameters
    ----------
    diagnosis : str
        What is wrong in this answer, in one or two sentences.
    question : str
        One question that leads on, and does not give the solution away.
    """

    def __init__(self, diagnosis: str, question: str) -> None:
        super().__init__(diagnosis, question)
        self.diagnosis = diagnosis
        self.question = question


class NotAttempted(Exception):  # noqa: N818 - a verdict, and no error of the program
    """What `call` raises for a function that is still as the starter cell has it."""


class Exercise:
    """A task of a lesson, with its check and its hints.

    Parameters
    ----------
    key : str
        Lesson and number: ``"02.1"``.
    title : str
        What to do: ``"Count the pixels that are always white"``.
    checker : callable
        ``checker(*answers, **given)``: returns None, or a sentence that says what the result shows, when the answers
        are right, and raises `Wrong` otherwise. It runs in a thread of its own, with everything printed thrown away.
    *hints : str
        From the gentlest to the plainest; none is the solution.
    """

    def __init__(self, key: str, title: str, checker: Callable[..., str | None], *hints: str) -> None:
        self.key = key
        self.title = title
        self.hints = hints
        self._checker = checker
        self._num_hints_shown = 0

    def __repr__(self) -> str:
        return f"<Exercise {self.key}: {self.title}>"

    def check(self, *answers: object, **given: object) -> None:
        """Print one paragraph: not attempted yet, right, or what is wrong; never raise.

        Parameters
        ----------
        *answers
            What the student found; ``...`` counts as not attempted.
        **given
            Arrays of the lesson that the checker computes the right answer from.

        Notes
        -----
        From the second failure on, each answer comes with a hint. What was done, and how often it failed, is kept in
        ``progress.json`` in the workspace.
        """
        verdict = _watch(lambda: self._judge(answers, given))
        if verdict is None:
            verdict = "wrong", f"the check was stopped after {MOST_SECONDS:.0f} seconds: {_ENDLESS}"
        outcome, text = verdict
        if outcome == "open":
            _say(f"{self.key} {self.title}: not attempted yet. {text}")
        elif outcome == "right":
            _record(self.key, is_right=True)
            _say(f"✓ {self.key} {self.title}: right. {text}")
        else:
            hint = f"Hint: {self._next_hint()}" if _record(self.key, is_right=False) >= 2 and self.hints else ""
            _say(f"✗ {self.key} {self.title}: {text} {hint}")

    def hint(self) -> None:
        """Print the next hint; the last one repeats."""
        _say(f"{self.key} hint: {self._next_hint()}" if self.hints else f"{self.key}: there is no hint for this one.")

    def _next_hint(self) -> str:
        hint = self.hints[min(self._num_hints_shown, len(self.hints) - 1)]
        self._num_hints_shown += 1
        return hint

    def _judge(self, answers: tuple[object, ...], given: dict[str, object]) -> tuple[str, str]:
        """Say how the answers are ("open", "right", "wrong") and why, whatever they are."""
        fill_in = "Fill in the name above, then run the cell and the check again."
        try:
            if any(_is_open(answer) for answer in answers):
                return "open", fill_in
            if problem := self._problem_of_call(answers, given):
                return "wrong", problem
            with np.errstate(all="ignore"):
                return "right", self._checker(*answers, **given) or ""
        except NotAttempted:
            return "open", fill_in
        except Wrong as wrong:
            return "wrong", f"{wrong.diagnosis} {wrong.question}"
        # Answers are objects of any kind, and a student's function may do anything, `exit()` included.
        except BaseException as error:
            return "wrong", (
                f"this answer cannot be checked: expected is what the task and the comments of the starter cell name, "
                f"and given was {_join(describe(answer) for answer in answers)}; looking at it ended in "
                f"{_a(_name_of(type(error)))}. What does type(...) say about your answer?"
            )

    def _problem_of_call(self, answers: tuple[object, ...], given: dict[str, object]) -> str | None:
        signature = inspect.signature(self._checker)
        try:
            signature.bind(*answers, **given)
        except TypeError:
            shown = (
                name if parameter.kind is parameter.POSITIONAL_OR_KEYWORD else f"{name}={name}"
                for name, parameter in signature.parameters.items()
            )
            return f"the check got other arguments than it needs. Does its line end in .check({', '.join(shown)})?"
        return None


# --- what checkers work with -----------------------------------------------------------------------------------------


def as_number(answer: object, name: str) -> float:
    """Read an answer as one finite number.

    Parameters
    ----------
    answer
        A Python or NumPy number, or an array, tensor or list with a single number in it.
    name : str
        How the notebook calls the answer.

    Returns
    -------
    float
        The number.

    Raises
    ------
    Wrong
        It is something else: text, a truth value, many numbers, a function that was not called, NaN, infinite.
    """
    if isinstance(answer, Real) and not isinstance(answer, (bool, np.generic)):
        try:
            number = float(answer)
        except OverflowError:
            raise Wrong(
                f"`{name}` is far too large to be right.", "What did you count, and how many are there?"
            ) from None
    else:
        array = as_array(answer, name, expected="a single number")
        if array.size != 1:
            raise Wrong(
                f"`{name}` is {describe(array)}, expected a single number.",
                "Which step makes one number of these?" if array.size else "Why is nothing left in it?",
            )
        if array.dtype == bool:
            raise Wrong(
                f"`{name}` is a truth value ({bool(array.item())}), expected a number.",
                "Did you compare two things where one of them was wanted?",
            )
        number = float(array.item())
    _check_finite(np.array(number), name)
    return number


def as_integer(answer: object, name: str) -> int:
    """Read an answer as one whole number; 67.0 is one, 67.5 is not.

    Parameters and errors are those of `as_number`.
    """
    number = as_number(answer, name)
    if not number.is_integer():
        raise Wrong(f"`{name}` is {number:.6g}, expected a whole number.", "Is it a share or a mean of what was asked?")
    return int(number)


def as_array(
    answer: object,
    name: str,
    shape: tuple[int | None, ...] | None = None,
    dtype: Any = None,  # noqa: ANN401 - whatever NumPy takes for one
    *,
    expected: str = "",
) -> np.ndarray:
    """Read an answer as an array of finite numbers (or truth values).

    Parameters
    ----------
    answer
        An array, a tensor, a number, or lists of them.
    name : str
        How the notebook calls the answer.
    shape : tuple of int or None, optional
        The length along each axis; None where any will do.
    dtype : dtype or kind of dtypes, optional
        Such as ``"float32"`` or ``np.integer``. Leave it out to compare values first, and call `check_dtype` after.
    expected : str
        What the sentence says is expected; made from `shape` by default.

    Returns
    -------
    numpy.ndarray
        Of kind bool, integer or floating; not a copy where `answer` is an array already.

    Raises
    ------
    Wrong
        It is no array of numbers, too large to look at, ragged, of another shape or dtype, or holds NaN.
    """
    expected = expected or ("an array of numbers" if shape is None else f"an array of shape {_shown_shape(shape)}")
    _check_convertible(answer, name, expected)
    try:
        array = np.asarray(answer)
    except Exception as error:
        if isinstance(answer, (list, tuple)):
            raise Wrong(
                f"`{name}` is {describe(answer)} whose rows do not all have the same length, expected {expected}.",
                "Which row is longer or shorter than the others?",
            ) from error
        raise Wrong(
            f"`{name}` is {describe(answer)} and gives no numbers away, expected {expected}.",
            f"What does type({name}) say?",
        ) from error
    if array.dtype.kind not in "biuf":
        raise Wrong(
            f"`{name}` holds values of dtype {_name_of(array.dtype)}, expected {expected} with ordinary numbers.",
            "Which step made something else of them?",
        )
    if shape is not None and not _has_shape(array, shape):
        swapped = array.ndim == 2 and _has_shape(array.T, shape)
        raise Wrong(
            f"`{name}` is {describe(array)}, expected {expected}." + " Rows and columns are swapped." * swapped,
            "Which axis should come first?" if swapped else f"What does {name}.shape say after each of your steps?",
        )
    if array.size > MOST_NUMBERS:
        raise Wrong(f"`{name}` is {describe(array)}, far more than the task needs.", "Which step made it so large?")
    if dtype is not None:
        check_dtype(array, name, dtype)
    _check_finite(array, name)
    return array


def check_dtype(array: np.ndarray, name: str, dtype: Any) -> None:  # noqa: ANN401 - whatever NumPy takes for one
    """Raise `Wrong` if an array is not of a dtype (``"float32"``) or of a kind of dtypes (``np.integer``)."""
    if not np.issubdtype(array.dtype, dtype):
        wanted = dtype.__name__ if isinstance(dtype, type) else np.dtype(dtype).name
        raise Wrong(
            f"`{name}` has dtype {array.dtype.name}, expected {wanted}.",
            "Which step decides what kind of number it holds?",
        )


def call(function: object, *arguments: object, name: str) -> Any:  # noqa: ANN401 - any answer
    """Call a function that the student wrote, and return what it returns.

    Parameters
    ----------
    function
        The answer: should be a function.
    *arguments
        Handed over as they are: give copies of arrays that a mistake must not change.
    name : str
        How the notebook calls the function.

    Raises
    ------
    NotAttempted
        The function is as the starter cell has it: it returns ``...``, or has an empty body.
    Wrong
        It is no function, it ends in an error, or it returns nothing.
    """
    if not callable(function):
        raise Wrong(f"`{name}` is {describe(function)}, expected a function.", f"Where is the line `def {name}(...)`?")
    try:
        result = function(*arguments)
    except Exception as error:
        shown = ", ".join(_shown_argument(argument) for argument in arguments)
        message = " ".join(str(error).split())[:150]
        raise Wrong(
            f"{name}({shown}) ends in {_a(_name_of(type(error)))}: {message.rstrip('.')}.",
            "What do you see when you call it like this in a cell of your own?",
        ) from error
    if result is ... or (result is None and _is_empty(function)):
        raise NotAttempted
    if result is None:
        raise Wrong(f"`{name}` returns nothing (None).", "Does it end with `return` and what was computed?")
    return result


def close(a: object, b: object, relative: float = 1e-4, absolute: float = 1e-6) -> bool:
    """Tell whether two numbers or two arrays of one shape agree, up to what float32 and the order of sums may do."""
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=relative, atol=absolute))


def recognise(answer: object, mistakes: Iterable[tuple[object, str, str]]) -> None:
    """Raise `Wrong` for the first mistake whose result is close to an answer.

    Parameters
    ----------
    answer
        A number or an array; known to be wrong.
    mistakes : iterable of (result, diagnosis, question)
        What a typical mistake gives, and what to say of it. Most likely first, since two may give the same.
    """
    for result, diagnosis, question in mistakes:
        if close(answer, result):
            raise Wrong(diagnosis, question)


def describe(answer: object) -> str:
    """Say in a few words what kind of thing an answer is, whatever it is: ``"a uint8 array of shape (3, 10)"``."""
    try:
        return _describe(answer)
    except Exception:
        return "an object that cannot be described"


def _describe(answer: object) -> str:
    if answer is None:
        return "nothing (None)"
    if isinstance(answer, bool):
        return f"the truth value {answer}"
    if isinstance(answer, np.ndarray) and not answer.ndim:
        return f"{_a(_name_of(answer.dtype))} array with a single number"
    if isinstance(answer, np.ndarray):
        return f"{_a(_name_of(answer.dtype))} array of shape {answer.shape}"
    if isinstance(answer, str):
        return "a text (str)"
    if isinstance(answer, _FUNCTIONS):
        return "a function"
    if type(answer) in (list, tuple, set, dict):
        return f"{_a(type(answer).__name__)} with {len(answer):,} entr{'y' if len(answer) == 1 else 'ies'}"
    return f"{_a(_name_of(type(answer)))} object" if not isinstance(answer, Real) else _a(_name_of(type(answer)))


def _name_of(kind: object) -> str:
    try:
        name = kind.name if isinstance(kind, np.dtype) else type.__getattribute__(kind, "__name__")
        return re.sub(r"[^\w\[\], ]", "", str(name))[:40] or "nameless"
    except Exception:
        return "nameless"


def _a(noun: str) -> str:
    is_vowel = noun[:1] in "aeiouAEIO" and not noun.startswith("uint")
    return f"{'an' if is_vowel else 'a'} {noun}"


def _join(parts: Iterable[str]) -> str:
    return " and ".join(parts) or "nothing"


def _shown_argument(argument: object) -> str:
    if isinstance(argument, np.ndarray) and argument.size <= 12:
        return f"np.array({argument.tolist()})"
    return repr(argument) if isinstance(argument, (int, float, str)) else "..."


def _shown_shape(shape: tuple[int | None, ...]) -> str:
    return str(tuple("n" if length is None else length for length in shape)).replace("'", "")


def _has_shape(array: np.ndarray, shape: tuple[int | None, ...]) -> bool:
    return array.ndim == len(shape) and all(
        wanted in (None, found) for wanted, found in zip(shape, array.shape, strict=True)
    )


def _check_finite(array: np.ndarray, name: str) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        what = "NaN (not a number)" if np.isnan(array).any() else "an infinite value"
        found = f"is {what}" if array.size == 1 else f"holds {what}"
        raise Wrong(f"`{name}` {found}.", "Where is something divided by 0, or a logarithm taken of 0?")


def _check_convertible(answer: object, name: str, expected: str) -> None:
    """Raise `Wrong` for what NumPy would turn into something else than numbers, or would never be done with."""
    waiting = [(answer, 0)]
    num_listed = 0
    while waiting:
        item, depth = waiting.pop()
        if depth > MOST_NESTED:
            raise Wrong(
                f"`{name}` has lists in lists in lists, more than {MOST_NESTED} deep, expected {expected}.",
                "Was a list put into itself?",
            )
        where = f"`{name}` is" if item is answer else f"`{name}` holds"
        if isinstance(item, (list, tuple)):
            base = list if isinstance(item, list) else tuple  # past whatever a subclass makes of these two
            num_listed += base.__len__(item)
            if num_listed <= MOST_LISTED:
                waiting.extend((entry, depth + 1) for entry in base.__iter__(item))
        elif isinstance(item, range):
            num_listed += max(0, (item.stop - item.start) // item.step)
        elif isinstance(item, _FUNCTIONS):
            raise Wrong(f"{where} a function, expected {expected}.", "Are the parentheses that call it missing?")
        elif not isinstance(item, (Real, np.generic, np.ndarray)) and not hasattr(type(item), "__array__"):
            raise Wrong(f"{where} {describe(item)}, expected {expected}.", _question_about(item, name))
        else:
            num_listed += _size(item) if item is not answer else 0
            if item is answer and _size(item) > MOST_NUMBERS:
                raise Wrong(
                    f"`{name}` is {describe(item)} with {_size(item):,} numbers, far more than the task needs.",
                    f"Which step made it larger than {expected}?",
                )
        if num_listed > MOST_LISTED:
            raise Wrong(
                f"`{name}` lists more than {MOST_LISTED:,} numbers, too many to look at one by one.",
                f"What would be {expected}, as an array of NumPy?",
            )


def _size(item: object) -> int:
    try:
        return math.prod(int(length) for length in item.shape)
    except Exception:  # no shape, or one that is not known yet
        return 1


def _question_about(item: object, name: str) -> str:
    if item is None:
        return "Did a step work in place and return nothing, or was `return` forgotten?"
    if isinstance(item, str):
        return "Is it in quotes, or was it printed into a text?"
    if isinstance(item, (set, frozenset, dict)):
        return "Which order should its entries have?"
    if hasattr(type(item), "__next__"):
        return "It has not been computed yet: what does list(...) make of it?"
    return f"What does type({name}) say?"


def _is_open(answer: object) -> bool:
    """Tell whether an answer, or one of the first entries in a list or tuple, is still ``...``."""
    return answer is ... or (type(answer) in (list, tuple) and any(entry is ... for entry in answer[:100]))


def _is_empty(function: object) -> bool:
    """Tell whether a function has nothing in its body but ``...``, ``pass`` or a docstring."""
    if not isinstance(function, types.FunctionType):
        return False
    harmless = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
    return {instruction.opname for instruction in dis.get_instructions(function)} <= harmless


# --- running an answer without trusting it ---------------------------------------------------------------------------


class _Nowhere(io.TextIOBase):
    """Swallows what a student's function prints: the check is one paragraph."""

    def write(self, text: str) -> int:
        return len(text)


def _watch(judge: Callable[[], tuple[str, str]]) -> tuple[str, str] | None:
    """Return what `judge` returns, or None if that takes longer than `MOST_SECONDS`."""
    verdicts: list[tuple[str, str]] = []
    worker = threading.Thread(target=lambda: verdicts.append(judge()), daemon=True)
    nowhere = _Nowhere()
    try:
        with redirect_stdout(nowhere), redirect_stderr(nowhere), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            worker.start()
            worker.join(MOST_SECONDS)
    finally:
        if worker.is_alive():
            # The only way to end a thread from outside: an exception at its next Python instruction.
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident or 0), ctypes.py_object(SystemExit))
    return verdicts[0] if verdicts else None


def _say(text: str) -> None:
    line = " ".join(text.split()) + "\n"
    try:
        sys.stdout.write(line)
    except UnicodeEncodeError:  # an old console without a tick
        sys.stdout.write(line.encode("ascii", "replace").decode("ascii"))


# --- progress --------------------------------------------------------------------------------------------------------


def done_exercises() -> set[str]:
    """Return the keys of the exercises that were solved, as ``progress.json`` in the workspace has them."""
    return _read_progress()[0]


def _progress_file() -> Path:
    return workspace_folder() / "progress.json"


def _read_progress() -> tuple[set[str], dict[str, int]]:
    """Return what was solved and how often each failed; a file that cannot be understood counts as none."""
    try:
        file = _progress_file()
        if not file.is_file() or file.stat().st_size > MOST_PROGRESS_BYTES:
            return set(), {}
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return set(), {}
    if not isinstance(content, dict):
        return set(), {}
    failures = content.get("failures")
    counts = failures.items() if isinstance(failures, dict) else ()
    done = {key for key, value in content.items() if value == "done"}
    return done, {key: count for key, count in counts if type(count) is int and count > 0}


def _record(key: str, *, is_right: bool) -> int:
    """Keep the result of a check, and return how often this exercise failed since it was last right."""
    failures: dict[str, int] = {}
    # A workspace that cannot be written is said in lesson 00; an exercise goes on.
    with suppress(OSError), one_at_a_time(_progress_file().with_name(".progress.json.lock")):
        done, failures = _read_progress()
        if is_right:
            done.add(key)
            failures.pop(key, None)
        else:
            failures[key] = failures.get(key, 0) + 1
        content = {**dict.fromkeys(sorted(done), "done"), "failures": dict(sorted(failures.items()))}
        with atomic_path(_progress_file()) as temporary:
            temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return failures.get(key, 0 if is_right else 1)
