"""Answers of students, one line each, in ``cases/lesson_NN.toml``; ``helpers_NN.py`` has functions that they use.

``["03.1", "network_answers.argmax()", "position of the largest"]`` is an exercise, the answer, and a piece of what the
check must say; without the last, the answer is right. A table at the end has what must ``never`` be said, and other
values for what the lesson gives.
"""

from __future__ import annotations

import tomllib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np

from course_utils.course import LESSONS
from course_utils.exercises import exercises_of
from tests.course_utils.exercises.conftest import DIGITS

EXERCISES = {exercise.key: exercise for lesson in LESSONS for exercise in exercises_of(lesson)}


@dataclass(frozen=True)
class Case:
    key: str
    answer: str  # an expression with what is given, `right` (the right answers if there are several), np and keras
    said: str
    never: str  # must not be said
    given: dict[str, str]  # other expressions for what is given

    def evaluate(self) -> tuple[list, dict]:
        right, given = example(self.key)
        names = {"np": np, "dataset": DIGITS, "right": right[0] if len(right) == 1 else right, **given}
        if "keras" in self.answer:
            import keras

            names["keras"] = keras
        with suppress(ModuleNotFoundError):
            names |= vars(import_module(f"{__package__}.helpers_{self.key[:2]}"))
        answer = eval(self.answer, names)
        given = given | {name: eval(source, names) for name, source in self.given.items()}
        return ([answer] if len(right) == 1 else list(answer)), given


@cache
def example(key: str) -> tuple[list, dict]:
    """Return right answers of an exercise and what it is given; nobody may change them."""
    right, given = EXERCISES[key].example(DIGITS)
    for value in (*right, *given.values()):
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return right, given


def all_cases() -> list[Case]:
    files = sorted((Path(__file__).parent / "cases").glob("lesson_*.toml"))
    rows = [row for file in files for row in tomllib.loads(file.read_text(encoding="utf-8"))["cases"]]
    return [_case(*row) for row in rows]


def _case(key: str, answer: str, said: str = "✓", given: dict[str, str] | None = None) -> Case:
    given = dict(given or {})
    return Case(key, answer, said, given.pop("never", ""), given)
