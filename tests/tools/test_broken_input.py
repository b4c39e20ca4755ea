"""Every command that reads lessons names a broken one and its problem, and changes nothing."""

import re

import pytest

from course_utils.course import NOTEBOOKS, CourseError, lesson_file
from tools import clean_outputs
from tools.editions import make_instructor_edition, make_student_edition
from tools.kit import make_kit
from tools.mutants import copy_course
from tools.record import record
from tools.run import run

LESSON = lesson_file("05")
GOOD = (NOTEBOOKS / LESSON).read_bytes()
BROKEN = {
    "nothing in it": (b"", "it is empty"),
    "a conflict": (GOOD.replace(b' "cells"', b'<<<<<<< HEAD\n "cells"', 1), "a merge left a conflict in line 2"),
    "half of it": (GOOD[:3000], r"line \d+ column \d+"),
    "another encoding": (GOOD.replace(b"the", b"th\xe9", 1), r"is not UTF-8 text \(byte \d+\)"),
    "some other JSON": (b'{"cells": 5}', "it is not a notebook"),
    "a cell of no kind": (GOOD.replace(b'"cell_type": "code"', b'"cell_type": "cod"', 1), "it is not a notebook"),
    "a web page": (b"<!DOCTYPE html>", "Expecting value"),
    "no file": (None, "No such file"),
}
COMMANDS = {
    "check": lambda root, build: record(["05"], write=False, folder=root / "notebooks", build=build),
    "record": lambda root, build: record(["05"], write=True, folder=root / "notebooks", build=build),
    "run": lambda root, build: run(notebooks=root / "notebooks", build=build),
    "student": make_student_edition,
    "instructor": make_instructor_edition,
    "kit": lambda root, build: make_kit(root=root, build=build),
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return copy_course(tmp_path_factory.mktemp("broken") / "course")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(("content", "cause"), BROKEN.values(), ids=BROKEN)
def test_a_broken_lesson_is_named(content, cause, command, course, tmp_path):
    path = course / "notebooks" / LESSON
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CourseError, match=rf"{LESSON} .*{cause}") as caught:
        command(course, tmp_path)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert (path.read_bytes() if path.exists() else None) == content


OTHERS = {"course_utils/exercises/core.py": b"x = (", "docs/questions.md": b"caf\xe9", "LICENSE": None}
OTHERS["tools/student/files.txt"] = b"caf\xe9"


@pytest.mark.parametrize(("name", "text"), OTHERS.items(), ids=OTHERS)
def test_another_broken_file_is_named(name, text, course, tmp_path):
    (course / "notebooks" / LESSON).write_bytes(GOOD)
    before = (course / name).read_bytes()
    (course / name).unlink()
    if text is not None:
        (course / name).write_bytes(text)
    with pytest.raises(CourseError, match=name):
        make_student_edition(course, tmp_path)
    (course / name).write_bytes(before)
    assert list(tmp_path.iterdir()) == []


OLD = re.sub(rb' *"id": ".*",\n', b"", GOOD).replace(b'"nbformat_minor": 5', b'"nbformat_minor": 0')
UNUSUAL = {
    "format 4.0": OLD,
    "copied cells": re.sub(rb'"id": ".*"', b'"id": "one"', GOOD),
    "a mark": b"\xef\xbb\xbf" + GOOD,
}


@pytest.mark.parametrize("content", UNUSUAL.values(), ids=UNUSUAL)
def test_a_notebook_of_another_program_is_read(content, tmp_path):
    notebook, good = (clean_outputs.parse_notebook(each, tmp_path) for each in (content, GOOD))
    assert [cell.source for cell in notebook.cells] == [cell.source for cell in good.cells]
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    clean_outputs.to_text(clean_outputs.clean_outputs(notebook))
