"""``progress``: show what a class has solved and where it is stuck, from the files of those who share them."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from course_utils.course import LESSONS, CourseError, counted
from course_utils.environment import as_path
from course_utils.exercises import exercises_of
from course_utils.exercises.progress import read_progress

MOST_MISTAKES = 3  # shown for each exercise


def progress(files: Sequence[str] = (), *, by_file: bool = False) -> int:
    """Print a table of exercises: how many students have solved each, and their current mistakes."""
    given = [as_path(name) for name in files]
    patterns = [str(path / "*.json" if path.is_dir() else path) for path in given]
    found = [Path(name) for pattern in patterns for name in sorted(glob.glob(pattern))]  # noqa: PTH207 - any folder
    if not found:
        missing = f"There is no file {', '.join(patterns)}." if files else "Name the files."
        raise CourseError(f'{missing} For example: make progress FILES="/home/*/my-course/workspace/progress.json"')
    read = {path: read_progress(path) for path in found}
    shared = {path: each for path, each in read.items() if each.mistakes is not None}
    left_out = f"; {len(read) - len(shared)} not shared and not counted" if len(shared) < len(read) else ""
    print(f"{counted(len(shared), 'file')}{left_out}\n\n solved  wrong now")
    for exercise in (exercise for number in LESSONS for exercise in exercises_of(number)):
        solved = sum(exercise.key in each.done for each in shared.values())
        latest = [(each.mistakes or {}).get(exercise.key, "") for each in shared.values()]
        mistakes = [mistake for mistake in latest if mistake]
        if solved or mistakes:
            print(f"{solved:7}{len(mistakes):11}  {exercise.key} {exercise.title}")
        for mistake, count in _frequent(mistakes):
            print(f"{'':20}{count:3} × {mistake}")  # noqa: RUF001
    if by_file:
        print()
        for path, each in shared.items():
            wrong = f"; wrong now: {', '.join(sorted(each.mistakes))}" if each.mistakes else ""
            print(f"{path}: {len(each.done)} solved{wrong}")
    return 0


def _frequent(mistakes: Sequence[str]) -> list[tuple[str, int]]:
    """Return the most frequent mistakes, one example of those that differ only in numbers."""
    # A student's text must not control the instructor's terminal.
    clean = ["".join(character if character.isprintable() else "?" for character in text) for text in mistakes]
    kinds = {text: re.sub(r"\d[\d.,]*", "…", text) for text in clean}
    examples = {kind: text for text, kind in kinds.items()}
    return [
        (examples[kind], count) for kind, count in Counter(map(kinds.__getitem__, clean)).most_common(MOST_MISTAKES)
    ]
