"""The exercise cells as the notebooks have them, so that tests check what a student will read.

A test module ``test_lesson_NN.py`` may define ``GIVEN: dict[str, dict]``: what each exercise's check line hands over by
keyword (``{"02.1": {"train_vectors": ...}}``). The rubbish of ``test_robustness.py`` is then checked with that.
"""

from __future__ import annotations

from pathlib import Path

import nbformat

NOTEBOOKS_FOLDER = Path(__file__).resolve().parents[2] / "notebooks"


def solution_source(lesson: str, cell_id: str) -> str:
    """Return the source of a cell of a lesson: ``solution_source("02", "exercise-white-pixels-solution")``."""
    for path in NOTEBOOKS_FOLDER.glob(f"{lesson}_*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.id == cell_id:
                return cell.source
    raise LookupError(f"lesson {lesson} has no cell {cell_id!r}")


def run_solution(lesson: str, exercise: str, **variables: object) -> dict[str, object]:
    """Run the starter and then the solution of an exercise (``"white-pixels"``) on a lesson's variables; return all."""
    for part in ("start", "solution"):
        exec(solution_source(lesson, f"exercise-{exercise}-{part}"), variables)
    return variables
