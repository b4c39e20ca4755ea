"""Make nbgrader assignments from the source of lessons: see “Marks with nbgrader” in ``docs/instructors.md``."""

from __future__ import annotations

import re
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from traitlets import Bool

from tools.editions import without_solutions

_GRADED = {"grade": True, "points": 1, "locked": True, "solution": False, "task": False, "schema_version": 3}


class ExercisesAsTests(Preprocessor):
    """Removes solutions and notes, and turns each check into a test that gives a point.

    Students see the check as it is. The hidden test, which nbgrader restores when it grades, raises an error unless the
    answer is right.
    """

    enabled = Bool(True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Return the notebook for nbgrader's ``generate_assignment``."""
        notebook = without_solutions(nb)
        for cell in notebook.cells:
            if re.fullmatch("exercise-.*-check", cell.id) and "nbgrader" not in cell.metadata:  # this is called twice
                cell.metadata.nbgrader = {**_GRADED, "grade_id": cell.id}
                test = cell.source.rstrip().removesuffix(")").rstrip().removesuffix(",") + ", strict=True)"
                cell.source += f"\n### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS"
        return notebook, resources
