"""`make test` ignores notebooks that are not lessons, and names lessons that it cannot read."""

import subprocess
import sys

from course_utils.course import lesson_file
from tools.mutants import copy_course


def test_other_notebooks_are_ignored_and_broken_lessons_named(tmp_path):
    course = copy_course(tmp_path / "course")
    notebooks = course / "notebooks"
    for name in ("05_see_how_it_learns-Copy1.ipynb", "Untitled.ipynb"):
        (notebooks / name).write_text("{", encoding="utf-8")
    (notebooks / lesson_file("05")).write_text("<<<<<<< HEAD", encoding="utf-8")

    def collect(*arguments):
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n0", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(command, cwd=course, capture_output=True, text=True).stdout

    printed = collect("notebooks")
    assert "Untitled.ipynb" not in printed and "Copy1" not in printed
    assert "05_see_how_it_learns.ipynb cannot be read: a merge left a conflict in line 1" in printed
    assert "Traceback" not in printed and lesson_file("00") in printed
    assert "Untitled.ipynb cannot be read" in collect("notebooks/Untitled.ipynb")
