"""Exercises of the lessons: ``from course_utils.exercises import lesson_02 as exercises``.

One module per lesson, which the lesson imports; importing this package loads none of them.
"""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

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
    """Show the exercises, with a tick before each that was solved, and a link to every lesson in the same folder.

    What was solved is recorded in ``progress.json`` in the workspace and nowhere else, unless the student shares it;
    delete the file to start again.

    Parameters
    ----------
    lesson : str
        The lesson to show in full (``"02"``); all of them if it is empty.
    """
    # An edition may have only some of the lessons; a notebook in another folder sees none of them, and lists them all.
    here = [number for number in LESSONS if Path(lesson_file(number)).exists()]
    done = done_exercises()
    lines, links, num_done, num_all = [], [], 0, 0
    for number, name in LESSONS.items():
        if number not in (here or LESSONS) or not (exercises := exercises_of(number)):
            continue
        link = f'<a href="{lesson_file(number)}">%s</a>' if here else "%s"
        solved = [exercise.key in done for exercise in exercises]
        num_done, num_all = num_done + sum(solved), num_all + len(solved)
        how_far = " ✓" if all(solved) else f" ({sum(solved)} of {len(solved)})" if any(solved) else ""
        links.append(link % number + how_far)
        if lesson in ("", number):
            titles = [f"   {'·✓'[mark]} {each.title}" for each, mark in zip(exercises, solved, strict=True)]
            lines += [link % f"{number} {name}", *titles]
    # What a lesson shows of the others must not change when one of them gets another exercise.
    total = f"{num_done} of {num_all} exercises done (✓)"
    html = "\n".join([*lines, "", f"All lessons: {'  '.join(links)}" if lesson else total])
    show(re.sub("<.*?>", "", html), f'<div style="white-space: pre-wrap">{html}</div>')
