"""Exercises of the lessons: ``from course_utils.exercises import lesson_02 as exercises``.

One module per lesson, which the lesson imports; importing this package loads none of them.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from course_utils.course import LESSONS
from course_utils.exercises.core import Exercise
from course_utils.exercises.progress import done_exercises

__all__ = ["exercises_of", "show_progress"]


def exercises_of(lesson: str) -> list[Exercise]:
    """Return the exercises of a lesson (``"02"``) in the order of their keys; an empty list if it has none."""
    name = f"{__name__}.lesson_{lesson}"
    if find_spec(name) is None:
        return []
    found = vars(import_module(name)).values()
    return sorted((each for each in found if isinstance(each, Exercise)), key=lambda exercise: exercise.key)


def show_progress() -> None:
    """Print each lesson with its exercises, a line each, and a tick before those that were solved.

    What was solved stands in ``progress.json`` in the workspace and goes nowhere else; delete the file to start again.
    """
    done = done_exercises()
    num_done = num_all = 0
    for lesson, name in LESSONS.items():
        if not (exercises := exercises_of(lesson)):
            continue
        num_all += len(exercises)
        num_done += sum(exercise.key in done for exercise in exercises)
        print(f"{lesson} {name}")
        for exercise in exercises:
            print(f"   {'✓' if exercise.key in done else '·'} {exercise.title}")
    print(f"\n{num_done} of {num_all} exercises done (✓)")
