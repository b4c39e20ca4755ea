"""Answers of students, one line each: ``case("03.1", "network_answers.argmax()", "place of the largest number")``.

``cases_NN.py`` has the cases of a lesson in a list ``CASES``; ``test_cases.py`` finds and runs them.
"""

from __future__ import annotations

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
        names |= vars(import_module(self.module))
        answer = eval(self.answer, names)
        given = given | {name: eval(source, names) for name, source in self.given.items()}
        return ([answer] if len(right) == 1 else list(answer)), given

    @property
    def module(self) -> str:
        return f"{__package__}.cases_{self.key[:2]}"


def case(key: str, answer: str, said: str = "✓", *, never: str = "", **given: str) -> Case:
    return Case(key, answer, said, never, given)


@cache
def example(key: str) -> tuple[list, dict]:
    """Return right answers of an exercise and what it is given; nobody may change them."""
    right, given = EXERCISES[key].example(DIGITS)
    for value in (*right, *given.values()):
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return right, given


def all_cases() -> list[Case]:
    modules = sorted(Path(__file__).parent.glob("cases_*.py"))
    return [each for module in modules for each in import_module(f"{__package__}.{module.stem}").CASES]
