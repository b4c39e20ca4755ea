"""The table "To change X, touch Y" is true: its search texts occur in the files that it names, and nowhere else."""

import re
import subprocess
from functools import cache

import nbformat
import pytest

from course_utils.course import LESSONS, ROOT, lesson_file

GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([^|`]+) \| `(.+?)` \| (.+?) \| (.+) \|$", GUIDE, re.MULTILINE)
SEARCHED = (".py", ".ipynb", ".js", ".css", ".toml", ".yml", "Makefile")


@cache
def sources() -> dict[str, str]:
    """Return the code of the course by file, without outputs and tests."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # Tests and mutants quote the code, and fail if they are forgotten.
    quoting = ("tests/", "tools/mutants.toml")
    names = [name for name in listed.split() if name.endswith(SEARCHED) and not name.startswith(quoting)]
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in names if (ROOT / name).exists()}
    for name in names:
        if name.endswith(".ipynb"):
            cells = nbformat.reads(texts[name], as_version=4).cells
            texts[name] = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    return texts


@pytest.mark.parametrize(("change", "searched", "files", "then"), ROWS, ids=[row[0] for row in ROWS])
def test_each_change_touches_the_files_in_the_table(change, searched, files, then):
    named = re.findall(r"`([^`]+)`", files)
    assert 1 <= len(named) <= 3 and len(ROWS) == 10
    assert sorted(named) == sorted(name for name, text in sources().items() if searched in text)
    for path in re.findall(r"`([\w./]+/[\w./]*|[A-Z]+\.md)`", then):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("file", ["README.md", "docs/instructors.md"])
def test_every_lesson_is_listed(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    missing = [f"{number} {name}" for number, name in LESSONS.items() if not re.search(rf"\| *\[?{number} ", text)]
    assert not missing, f"{file} does not list the lesson {missing[0]}: add a row to its table."
    for number in LESSONS:
        assert (ROOT / "notebooks" / lesson_file(number)).exists(), f"notebooks/{lesson_file(number)} is missing."


def test_the_number_of_lessons_is_right_wherever_it_is_written():
    word, last = {12: "twelve", 13: "thirteen", 14: "fourteen"}[len(LESSONS)], [*LESSONS][-1]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in [name for name in listed.split() if name.endswith((".md", ".toml", "commands.py", "Makefile"))]:
        text = (ROOT / name).read_text(encoding="utf-8")
        said = {*re.findall(r"\b(\w+teen|twelve) lessons", text), *re.findall(r"\b00(?:-|\u2013)(\d\d)\b", text)}
        wrong = said - {word, last} if name != "CHANGELOG.md" else None
        assert not wrong, f"{name} says {wrong}: there are {word} lessons, and the last is {last}."
