"""Exercises of the lessons: ``from course_utils.exercises import lesson_02 as exercises``.

One module per lesson, which the lesson imports; importing this package loads none of them.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from course_utils.course import LESSONS, lesson_file
from course_utils.exercises.core import Exercise
from course_utils.exercises.progress import done_exercises
from course_utils.notices import show

__all__ = ["exercises_of", "show_progress"]


def exercises_of(lesson: str) -> list[Exercise]:
    """Return the exercises of a lesson (``"02"``) in the order of their keys; an empty list if it has none."""
    name = f"{__name__}.lesson_{lesson}"
    if find_spec(name) is None:
        return []
    found = vars(import_module(name)).values()
    return sorted((each for each in found if isinstance(each, Exercise)), key=lambda exercise: exercise.key)


def show_progress(lesson: str = "") -> None:
    """Show which exercises were solved, with a tick before each, and a link to every lesson.

    What was solved stands in ``progress.json`` in the workspace and goes nowhere else; delete the file to start again.

    Parameters
    ----------
    lesson : str
        The lesson to show in full (``"02"``); all of them if it is empty.
    """
    done = done_exercises()
    lines, boxes, links, num_done, num_all = [], [], [], 0, 0
    for number, name in LESSONS.items():
        if not (exercises := exercises_of(number)):
            continue
        num_solved = sum(exercise.key in done for exercise in exercises)
        num_done, num_all = num_done + num_solved, num_all + len(exercises)
        link = f'<a href="{lesson_file(number)}">{number}'
        links.append(f"{link}</a> {_how_far(num_solved, len(exercises))}")
        if lesson in ("", number):
            titles = [f"{'✓' if exercise.key in done else '·'} {exercise.title}" for exercise in exercises]
            lines += [f"{number} {name}", *(f"   {title}" for title in titles)]
            boxes += [f"<div>{link} {name}</a></div>", *(f"<div>&emsp;{title}</div>" for title in titles)]
    # What a lesson shows of the others must not change when one of them gets another exercise.
    total = f"{num_done} of {num_all} exercises done (✓)"
    end = f"All lessons: {' &ensp; '.join(links)}" if lesson else total
    show("\n".join([*lines, *([] if lesson else ["", total])]), f"{''.join(boxes)}<div><br>{end}</div>")


def _how_far(num_solved: int, num_all: int) -> str:
    return "✓" if num_solved == num_all else f"({num_solved} of {num_all})" if num_solved else ""
