"""nbgrader gets lessons without solutions, with a hidden test for each check."""

import ast

from course_utils.course import NOTEBOOKS, lesson_file
from course_utils.exercises import exercises_of
from tools.clean_outputs import read_notebook
from tools.for_nbgrader import ExercisesAsTests


def test_a_check_becomes_a_test_of_nbgrader_and_nothing_leaks():
    lesson = read_notebook(NOTEBOOKS / lesson_file("06"))
    made, _ = ExercisesAsTests().preprocess(*ExercisesAsTests().preprocess(lesson, {}))  # nbgrader calls it twice
    assert not [cell.id for cell in made.cells if {"solution", "instructor"} & {*cell.metadata.get("tags", [])}]
    tests = {cell.id: cell for cell in made.cells if "nbgrader" in cell.metadata}
    assert len(tests) == len(exercises_of("06")) == sum(cell.metadata.nbgrader.points for cell in tests.values())
    for cell in tests.values():
        shown, hidden = cell.source.split("\n### BEGIN HIDDEN TESTS\n")
        assert "strict" not in shown
        call = ast.parse(hidden.removesuffix("### END HIDDEN TESTS")).body[-1].value
        assert call.keywords[-1].arg == "strict" and call.func.attr == "check"
