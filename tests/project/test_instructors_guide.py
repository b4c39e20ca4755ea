"""The instructors' guide is right: schedules add up, links and commands exist, the worked example works."""

import re
from itertools import pairwise

import numpy as np
import pytest

from course_utils import data
from course_utils.course import LESSONS, ROOT

GUIDE = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
EXERCISE_MINUTES = {"one exercise": 5, "all exercises": 15}


def schedule(heading):
    """Return the rows of the table below a heading: minutes since midnight, minutes, what."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## )", GUIDE, re.MULTILINE | re.DOTALL)[1]
    rows = re.findall(r"^\| (\d\d):(\d\d) \| *(\d*) *\| (.+?) \|$", section, re.MULTILINE)
    return [(60 * int(hour) + int(minute), int(length or 0), what) for hour, minute, length, what in rows]


@pytest.mark.parametrize(("heading", "numbers"), [("Half a day", [*LESSONS][:-1]), ("A full day", [*LESSONS])])
def test_a_schedule_adds_up(heading, numbers):
    rows = schedule(heading)
    assert rows[-1][1:] == (0, "end")
    for (begins, length, what), (ends, _, _) in pairwise(rows):
        assert begins + length == ends, what
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lessons = dict(re.findall(r"^\| \[(\d\d .+?)\].*\| (\d+) \|$", readme, re.MULTILINE))
    scheduled = [(length, what) for _, length, what in rows if what[:2].isdigit()]
    assert [what[:2] for _, what in scheduled] == numbers
    for length, what in scheduled:
        extra = next((minutes for words, minutes in EXERCISE_MINUTES.items() if words in what), 0)
        assert length == int(lessons[what.split(",")[0]]) + extra, what


def test_links_commands_and_paths_exist():
    for link in re.findall(r"\]\(([^)]+)\)", GUIDE):
        file, _, anchor = link.partition("#")
        headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings], link
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    commands = set(re.findall(r"`(?:make|python3? -m tools) ([a-z-]+)", GUIDE))
    assert {"student", "instructor", "setup", "lab", "record"} <= commands <= targets
    for path in re.findall(r"`([\w./]+/[\w./]*)`", GUIDE):
        # What a command or a lesson makes is not there yet.
        assert path.startswith(("build/", "workspace/")) or (ROOT / path).exists(), path


def test_the_worked_example_works(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    monkeypatch.setattr(data, "_latest", None)  # whatever another test has loaded
    module, starter, check, solution = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)[:4]
    lesson = {}
    exec((ROOT / "course_utils" / "exercises" / "lesson_02.py").read_text(encoding="utf-8") + module, lesson)
    vectors = np.linspace(0, 1, 2 * 784, dtype="float32").reshape(2, 784)
    notebook = {"exercises": type("lesson_02", (), lesson), "train_vectors": vectors}
    for cell, verdict in ((starter, "not attempted yet"), (solution, ": right.")):
        exec(cell + check, notebook)
        assert verdict in capsys.readouterr().out
