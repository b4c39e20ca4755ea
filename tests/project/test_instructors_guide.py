"""The instructors' guide says what is so: schedules add up, links and commands exist, the worked example works."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from course_utils.exercises import lesson_02

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Of the exercises of one lesson, in minutes.
EXERCISES = {"one exercise": 5, "all exercises": 15}


def schedule(heading):
    """Return the rows of the table below a heading: minutes since midnight, minutes or None, what."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## )", GUIDE, re.MULTILINE | re.DOTALL)[1]
    rows = re.findall(r"^\| (\d\d):(\d\d) \| *(\d*) *\| (.+?) \|$", section, re.MULTILINE)
    return [(60 * int(hour) + int(minute), int(length or 0), what) for hour, minute, length, what in rows]


def python_blocks():
    return re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("heading", "left_out"), [("Half a day", {"08"}), ("A full day", set())])
def test_a_schedule_adds_up(heading, left_out):
    rows = schedule(heading)
    assert rows[-1][1:] == (0, "end")
    for (begins, length, what), (ends, _, _) in pairwise(rows):
        assert begins + length == ends, what
    table = re.findall(r"^\| \[(\d\d) (.+?)\].*\| (\d+) \|$", README, re.MULTILINE)
    minutes = {number: int(length) for number, _, length in table}
    lessons = {what[:2]: (length, what) for _, length, what in rows if what[:2].isdigit()}
    assert list(lessons) == [number for number in minutes if number not in left_out]
    for number, (length, what) in lessons.items():
        extra = next((extra for text, extra in EXERCISES.items() if text in what), 0)
        assert length == minutes[number] + extra, what
        assert (number, what[3:].split(",")[0]) in [(number, title) for number, title, _ in table]
    pauses = [
        (rows[0][0], 0),
        *((begins, length) for begins, length, what in rows if what in ("break", "lunch", "end")),
    ]
    assert all(later - (begins + length) <= 120 for (begins, length), (later, _) in pairwise(pauses))


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", GUIDE)
    assert links
    for link in links:
        file, _, anchor = link.partition("#")
        target = ROOT / "docs" / file
        assert target.is_file(), link
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        assert not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings], link


def test_commands_and_paths_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"`(?:make|python3? -m course_utils) ([a-z-]+)", GUIDE))
    assert {"student", "instructor", "setup", "lab", "record"} <= named <= targets
    # What a command or a lesson makes is not there yet.
    made = ("build/", "workspace/")
    for path in re.findall(r"`([\w./]+/[\w./]*)`", GUIDE):
        assert path.startswith(made) or (ROOT / path).exists(), path


def test_exercises_exist_except_the_one_that_is_made_up():
    modules = (ROOT / "course_utils" / "exercises").glob("lesson_*.py")
    keys = {key for path in modules for key in re.findall(r'^    "(0\d\.\d)",$', path.read_text("utf-8"), re.MULTILINE)}
    assert set(re.findall(r"(?<!\d)0\d\.\d", GUIDE)) - keys == {"02.9"}


def test_the_worked_example_works(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    module, starter, check, solution, tests = python_blocks()
    lesson = dict(vars(lesson_02))
    exec(module, lesson)
    exercises = type("lesson_02", (), lesson)
    notebook = {"exercises": exercises, "train_vectors": np.linspace(0, 1, 2 * 784, dtype="float32").reshape(2, 784)}
    for cells, told in (((starter, check), "not attempted yet"), ((solution, check), "right. A network")):
        for cell in cells:
            exec(cell, notebook)
        assert told in capsys.readouterr().out

    def says(exercise, *answers, **given):
        exercise.check(*answers, **given)
        return capsys.readouterr().out

    defined = {"np": np, "pytest": pytest, "exercises": exercises}
    exec(tests, defined)
    count = 0
    for test in (defined["test_swapped"], defined["test_not_swapped"]):
        for values in test.pytestmark[0].args[1]:
            test(says, *(values if isinstance(values, tuple) else (values,)))
            count += 1
    assert count == 9
    assert all(line in GUIDE for line in solution.splitlines())
