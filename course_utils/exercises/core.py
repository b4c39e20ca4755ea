"""What an exercise consists of: the variables it is given, its answers with their known mistakes, hints, and the check.

An exercise is a declaration; `lesson_03` is a good first example. Each function in it receives, by the names of its
parameters, the variables that the lesson gives and those that the student filled in. A table of mistakes is a list of
rows ``(result, message, hint)``: `result` is the value that the mistake gives, a function without parameters that
computes it, or True where the mistake is certain. A message that begins with a small letter, as in "is off by one.",
follows the name of the answer; elsewhere in a message ``{name}`` and ``{value}`` stand for the answer.
"""

from __future__ import annotations

import inspect
import io
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import KW_ONLY, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from course_utils.course import CourseError
from course_utils.data import latest_dataset
from course_utils.exercises.answers import Answer, Array, Function, Number, apply, close, num_steps
from course_utils.exercises.cells import origin
from course_utils.exercises.progress import record
from course_utils.exercises.reading import Incorrect, NotAttempted, describe, is_open, name_of, now_doing
from course_utils.exercises.slips import Row, slips_of
from course_utils.notices import show_notice

__all__ = ["Answer", "Array", "Exercise", "Function", "Given", "Number", "Row", "close", "num_steps", "slips_of"]

SECONDS_UNTIL_NOTICE = 5.0
_MARKS = {"right": "✓", "wrong": "✗"}
_FILL_IN = "Replace ... in the cell above, run it, then run this check again."


class Exercise:
    """A task of a lesson.

    `key` is its lesson and number (``"02.1"``). Answers have the order of the arguments in the notebook's
    check, and given variables have the names used there. Hints go from the gentlest to the plainest, and none gives
    the solution away; `comment` says what the right answers show.
    """

    def __init__(
        self,
        key: str,
        title: str,
        *answers: Answer,
        given: Mapping[str, Given] | None = None,
        hints: Sequence[str],
        comment: str | Callable[..., str] = "",
    ) -> None:
        self.key = key
        self.title = title
        self.answers = answers
        self.given = given or {}
        self.hints = hints
        self._comment = comment
        self._num_hints_shown = 0
        self._num_failures = 0

    def __repr__(self) -> str:
        return f"<Exercise {self.key}: {self.title}>"

    def check(self, *answers: object, strict: bool = False, **given: object) -> None:
        """Show one notice: not attempted yet, right, or wrong and why; raise nothing, unless `strict`.

        Parameters
        ----------
        *answers
            The student's answers; ``...`` counts as not attempted.
        **given
            Variables of the lesson that the right answer is computed from.
        strict : bool
            For programs that grade: whatever is not right is an error, too.

        Raises
        ------
        CourseError
            If `strict`, and the answer is not right; the message is the notice as text.

        Notes
        -----
        From the second failure on, each verdict comes with a hint. ``progress.json`` in the workspace
        records whether the exercise was solved and how often it failed, unless the right answer came from a cell with a
        solution. It records what was wrong only if the student shares the file.
        """
        try:
            with _on_its_own(self.key):
                verdict, text = self._judge(answers, given)
        except KeyboardInterrupt:
            verdict, text = "not checked", "You stopped the check. Run the cell again to repeat it."
        except BaseException as error:  # answers are objects of any kind, and a comparison may run their code
            found = [f"`{each.name}` is {describe(one)}" for each, one in zip(self.answers, answers, strict=False)]
            expected = _join([each.what for each in self.answers])
            text = f"{_join(found)}; the check failed with {name_of(type(error))}. Expected: {expected}."
            verdict, text = "wrong", f"{text} What does type(...) say about your answer?"
        hint = remark = ""
        if verdict == "right" and any(origin(each.name)[0].startswith("# Solution") for each in self.answers):
            remark = "(This answer comes from the solution's cell, so it earns no tick.)"
        elif verdict in _MARKS:
            num_failures, remark = record(self.key, is_right=verdict == "right", text=text)
            self._num_failures = 0 if verdict == "right" else self._num_failures + 1
            if max(num_failures, self._num_failures) >= 2:
                hint = f"Hint: {self._next_hint()}"
        name, said = f"{self.key} {self.title}", "" if verdict == "wrong" else f"{verdict}. "
        plain = f"{_MARKS.get(verdict, '')} {name}: {said}{text} {hint} {remark}"
        kind = verdict if verdict in _MARKS else "note"
        show_notice(" ".join(plain.split()), f"{verdict.capitalize()}: {name}", text, hint, remark, kind=kind)
        if strict and verdict != "right":
            raise CourseError(" ".join(plain.split()))

    def example(self, dataset: object) -> tuple[list[Any], dict[str, Any]]:
        """Return right answers and what is given, as the lesson makes it from a dataset; for the tests."""
        context: dict[str, Any] = {"dataset": dataset}
        for name, given in self.given.items():
            context[name] = given.value(context)
        right = [
            each.expected if isinstance(each, Function) else apply(each.example or each.expected or dict, context)
            for each in self.answers
        ]
        return right, {name: context[name] for name in self.given}

    def _next_hint(self) -> str:
        hint = self.hints[min(self._num_hints_shown, len(self.hints) - 1)]
        self._num_hints_shown += 1
        return hint

    def _judge(self, answers: tuple[Any, ...], given: dict[str, Any]) -> tuple[str, str]:
        """Return the verdict in a few words, and what to say."""
        names = [each.name for each in self.answers]
        if len(answers) != len(names) or set(given) != set(self.given):
            line = ", ".join([*names, *(f"{name}={name}" for name in self.given)])
            return "not checked", f"The check needs other arguments. Does its line end in .check({line})?"
        if failed := next((name for name in names if origin(name)[1]), ""):
            problem = (
                f"The cell above did not run to the end ({origin(failed)[1]}), so `{failed}` may hold an old value."
            )
            return "not checked", f"{problem} Correct that cell and run it, then run the check again."
        missing = {name for name, answer in zip(names, answers, strict=True) if is_open(answer)}
        begun = {
            name
            for name, answer in zip(names, answers, strict=True)
            if name in missing and answer is not ... and any(entry is not ... for entry in answer[:100])
        }
        if len(missing) == len(names) and not begun:
            return "not attempted yet", _FILL_IN
        context = {"dataset": latest_dataset(), **given}
        off: list[str] = []
        for name, variable in sorted(self.given.items(), key=lambda item: item[1].test is not None):
            can_be_judged = not (variable.test and off)  # a test may compare it with another variable
            if can_be_judged and not variable.is_as_made(given[name], context):
                off.append(f"`{name}`")
        if off:
            verb, them = ("is", "it") if len(off) == 1 else ("are", "them")
            again = "Run the cells above again, in order, then your cell and the check."
            return "not checked", f"{_join(off)} {verb} not as the lesson made {them}. {again}"
        problems: dict[str, str] = {}
        context |= dict.fromkeys(names)

        for is_read in (False, True):  # all are read first, since a table may compare two of them
            for each, answer in zip(self.answers, answers, strict=True):
                if each.name not in missing | set(problems):
                    try:
                        if not is_read:
                            context[each.name] = each.read(answer, each.name)
                        elif causes := each.causes(context, each.name):
                            problems[each.name] = _explain(causes)
                    except Incorrect as incorrect:
                        problems[each.name] = str(incorrect)
                    except NotAttempted:
                        missing.add(each.name)
        if len(missing) == len(names) and not begun:
            return "not attempted yet", _FILL_IN
        if len(problems) > 1 and (exchanged := self._exchanged(problems, context)):
            problems = {"": exchanged}
        right = [f"`{name}`" for name in names if name not in missing | set(problems)] if "" not in problems else []
        others = [f"{_join(right)} {'is' if len(right) == 1 else 'are'} right."] if right else []
        others += [f"`{name}` is not right either." for name in list(problems)[1:]]
        others += [
            f"`{name}` {'still holds `...`' if name in begun else 'is still missing'}."
            for name in names
            if name in missing
        ]
        if problems:
            text = next(iter(problems.values()))
            return "wrong", " ".join([text, *others]) if len(names) > 1 else text
        if missing:
            return "not complete yet", " ".join(others)
        comment = self._comment if isinstance(self._comment, str) else apply(self._comment, context)
        return "right", comment

    def _exchanged(self, problems: dict[str, str], context: dict[str, Any]) -> str:
        """Say so if two answers are swapped."""
        wrong = [each for each in self.answers if each.name in problems and not isinstance(each, Function)]
        right = {each.name: apply(each.expected, context) for each in wrong if each.expected}
        for one, other in combinations(right, 2):
            if close(context[one], right[other], 5e-3) and close(context[other], right[one], 5e-3):
                return f"`{one}` and `{other}` are swapped. Which is which?"
        return ""


def _join(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _explain(causes: list[tuple[str, str]]) -> str:
    """Name one cause, or both if two fit: the check does not know which one it was."""
    (message, hint), *others = causes
    if not others:
        return f"{message} {hint}"
    return f"More than one mistake gives this answer, for example: {message} Or: {others[0][0]} {hint}"


# --- running a check -------------------------------------------------------------------------------------------------


class _OnlyOthers(io.TextIOBase):
    """A stream that lets through what other threads write, and drops what the check's own thread does."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._thread = threading.get_ident()

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() == self._thread else self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()


@contextmanager
def _on_its_own(key: str) -> Iterator[None]:
    """Keep the check's output to one paragraph, and say what it is doing if it takes long."""
    stdout = sys.stdout

    def notify() -> None:
        stdout.write(f"{key}: still {now_doing()}. To stop it, press Jupyter's stop button (■).\n")

    timer = threading.Timer(SECONDS_UNTIL_NOTICE, notify)
    timer.daemon = True
    timer.start()
    try:
        with (
            redirect_stdout(_OnlyOthers(stdout)),
            redirect_stderr(_OnlyOthers(sys.stderr)),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        timer.cancel()
        timer.join()


# --- what the lesson gives -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Given:
    """A variable of the lesson that a check needs, and how to tell whether it is still as the lesson made it."""

    #: Makes it from the other givens and ``dataset``, as its parameters name them; with `rows_of`, from those rows.
    make: Callable[..., Any] | None = None
    _: KW_ONLY
    rows_of: str = ""  # a field of the dataset, of which samples are compared
    most: int | None = None  # only the first rows are taken
    test: Callable[..., bool] | None = None  # for what cannot be made again: tells whether it can be right
    example: Callable[..., Any] | None = None  # like `make`, for the tests of a variable that has a `test`

    def value(self, context: Mapping[str, Any], samples: Any = slice(None)) -> Any:
        """Return the value as the lesson has it, or an example of it."""
        if not self.rows_of:
            return apply(self.example or self.make or dict, context)
        rows = getattr(context["dataset"], self.rows_of)[: self.most][samples]
        return rows if self.make is None else self.make(rows)

    def is_as_made(self, value: Any, context: Mapping[str, Any]) -> bool:
        """Tell whether a value is as the lesson made it; true if that takes a dataset and none was loaded."""
        try:
            if self.test:
                return bool(apply(self.test, context))
            needs_dataset = self.rows_of or "dataset" in inspect.signature(self.make or dict).parameters
            if needs_dataset and context["dataset"] is None:
                return True
            if not self.rows_of:
                return _is_same(np.asarray(value), np.asarray(self.value(context)))
            num_rows = len(getattr(context["dataset"], self.rows_of)[: self.most])
            samples = np.unique([*range(min(20, num_rows)), *np.linspace(0, num_rows - 1, 200).astype(int)])
            return len(value) == num_rows and _is_same(np.asarray(value)[samples], self.value(context, samples))
        except Exception:
            return False


def _is_same(value: np.ndarray, made: np.ndarray) -> bool:
    same_kind = value.dtype.kind.replace("u", "i") == made.dtype.kind.replace("u", "i")
    return same_kind and (close(value, made) if made.dtype.kind in "iuf" else np.array_equal(value, made))
