"""The documents are right: schedules add up, minutes agree, objectives have exercises, and links lead somewhere."""

import re
import tomllib
from itertools import pairwise

import nbformat
import numpy as np
import pytest

from course_utils import data
from course_utils.course import LESSONS, NOTEBOOKS, ROOT, lesson_file
from course_utils.exercises import exercises_of
from tests.course_utils.exercises import cases, test_cases, test_generic
from tests.course_utils.exercises.conftest import DIGITS, says  # noqa: F401

GUIDE = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
EXERCISE_MINUTES = {"one exercise": 5, "two exercises": 10}
FOR_THE_EVENING = {"08", "10", "11"}  # after the half day
TWO_HOURS = ["00", "02", "04", "06", "07"]


def markdown_of(number):
    cells = nbformat.read(NOTEBOOKS / lesson_file(number), as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def schedule(heading):
    """Return the rows of the table below a heading: minutes since midnight, minutes, what."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## )", GUIDE, re.MULTILINE | re.DOTALL)[1]
    rows = re.findall(r"^\| (\d\d):(\d\d) \| *(\d*) *\| (.+?) \|$", section, re.MULTILINE)
    return [(60 * int(hour) + int(minute), int(length or 0), what) for hour, minute, length, what in rows]


@pytest.mark.parametrize(
    ("heading", "numbers"),
    [
        ("Two hours", TWO_HOURS),
        ("Half a day", sorted(LESSONS.keys() - FOR_THE_EVENING)),
        ("A full day", [*LESSONS]),
    ],
)
def test_a_schedule_adds_up(heading, numbers):
    rows = schedule(heading)
    assert rows[-1][1:] == (0, "end")
    for (begins, length, what), (ends, _, _) in pairwise(rows):
        assert begins + length == ends, what
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lessons = dict(re.findall(r"^\| \[(\d\d .+?)\].*\| (\d+) \| ?\d* \|$", readme, re.MULTILINE))
    scheduled = [(length, what) for _, length, what in rows if what[:2].isdigit()]
    differ = {what[:2] for _, what in scheduled} ^ {*numbers}
    assert not differ, (
        f"“{heading}” and the lessons differ in {sorted(differ)}: change its rows, or FOR_THE_EVENING here."
    )
    assert [what[:2] for _, what in scheduled] == numbers, f"“{heading}” has the lessons in another order."
    for length, what in scheduled:
        extra = next((minutes for words, minutes in EXERCISE_MINUTES.items() if words in what), 0)
        assert length == int(lessons[what.split(",")[0]]) + extra, what


@pytest.mark.parametrize("number", LESSONS)
def test_minutes_agree_everywhere(number):
    stated = re.search(r"\*\*(\d+) minutes\*\*(?:, and (\d+) for the exercises)?", markdown_of(number)[0])
    assert stated, (
        f"The first cell of lesson {number} states no minutes in the form: **15 minutes**, and 10 for the exercises."
    )
    minutes, for_exercises = stated.groups(default="")
    needed = 5 * len(exercises_of(number))
    assert int(for_exercises or 0) == needed, (
        f"The exercises of lesson {number} take {needed} minutes: correct its first cell."
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for place, text in (("README.md", readme), ("the road map in lesson 00", "\n".join(markdown_of("00")))):
        row = re.search(rf"^\| (?:\[|\*\*){number} .*\| (\d+) \| ?(\d*) \|$", text, re.MULTILINE)
        assert row, f"{place} does not list lesson {number}: add a row that ends in | {minutes} | {for_exercises} |."
        assert row.groups() == (minutes, for_exercises), (
            f"{place} and the first cell of lesson {number} give different minutes."
        )


def test_each_objective_has_its_exercise_and_each_exercise_its_objective():
    section = re.search(r"^## What they will be able to do\n(.*?)(?=^## )", GUIDE, re.MULTILINE | re.DOTALL)[1]
    rows = re.findall(r"^\| (\d\d) \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    for number, objective, _ in rows:
        assert objective in re.findall(r"^- (.+?)[,.]$", markdown_of(number)[0], re.MULTILINE), objective
    measured = [key for _, _, keys in rows for key in keys.split(", ")]
    differ = {*measured} ^ {exercise.key for number in LESSONS for exercise in exercises_of(number)}
    assert not differ, f"The table of objectives and the exercises differ in {sorted(differ)}: correct the last column."


@pytest.mark.parametrize(
    "file",
    [
        *(f"docs/{name}.md" for name in ("instructors", "class", "extending", "questions")),
        *("README.md", "CONTRIBUTING.md", "SECURITY.md"),
    ],
)
def test_links_lead_somewhere(file):
    path = ROOT / file
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if link.startswith("https:"):
            continue
        target, _, anchor = link.partition("#")
        target = (path.parent / target).resolve() if target else path
        assert target.exists(), link
        if target.suffix == ".ipynb":  # JupyterLab's anchors keep everything except spaces
            text = "\n".join(markdown_of(target.name[:2]))
            anchors = [heading.replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
        else:
            text = target.read_text(encoding="utf-8") if anchor else ""
            anchors = [heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
        assert not anchor or anchor in anchors, link


def test_fifteen_questions_each_with_a_cell_that_shows_the_answer():
    sections = re.split(r"^## ", (ROOT / "docs" / "questions.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert [section.split(".")[0] for section in sections] == [str(number) for number in range(1, 16)]
    assert all(re.search(r"\.ipynb#\S+\)", section) for section in sections)


def test_commands_and_paths_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    commands = set(re.findall(r"`(?:make|python3? -m tools) ([a-z-]+)", GUIDE))
    assert {"student", "instructor", "setup", "lab", "record"} <= commands <= targets
    for path in re.findall(r"`([\w./]+/[\w./]*)`", GUIDE):
        # A command or a lesson makes these.
        assert path.startswith(("build/", "workspace/")) or (ROOT / path).exists(), path


@pytest.fixture
def example(monkeypatch):
    """Make the guide's exercise part of lesson 02 for the tests of exercises."""
    declaration = re.search(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)[1]
    lesson = {}
    exec((ROOT / "course_utils" / "exercises" / "lesson_02.py").read_text(encoding="utf-8") + declaration, lesson)
    monkeypatch.setitem(cases.EXERCISES, "02.3", lesson["swap_ink_and_paper"])
    return lesson["swap_ink_and_paper"]


def test_the_declaration_of_the_guide_has_all_that_the_tests_need(example, tmp_path, monkeypatch, says):  # noqa: F811
    monkeypatch.setattr(data, "_latest", DIGITS)
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    test_generic.test_what_the_lesson_did_not_make_is_named_and_nothing_else_is_said(example, says, tmp_path)
    test_generic.test_no_odd_answer_raises_or_changes_what_is_given(example, says)
    test_generic.test_right_answers_are_right_and_missing_ones_are_named(example, says)
    rows = re.search(r"^```text\n(\[.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)[1]
    for row in tomllib.loads(f"cases = [{rows}]")["cases"]:
        test_cases.test_a_check_says_what_is_true(cases._case(*row), says)


def test_the_worked_example_works(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    monkeypatch.setattr(data, "_latest", None)  # another test may have loaded digits
    module, starter, check, solution = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)[:4]
    lesson = {}
    exec((ROOT / "course_utils" / "exercises" / "lesson_02.py").read_text(encoding="utf-8") + module, lesson)
    vectors = np.linspace(0, 1, 2 * 784, dtype="float32").reshape(2, 784)
    notebook = {"exercises": type("lesson_02", (), lesson), "train_vectors": vectors}
    for cell, verdict in ((starter, "not attempted yet"), (solution, ": right.")):
        exec(cell + check, notebook)
        assert verdict in capsys.readouterr().out
