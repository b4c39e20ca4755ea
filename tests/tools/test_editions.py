"""The editions for students and instructors: who sees what, and that the students' edition stands on its own."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.course import LESSONS, NOTEBOOKS, ROOT, CourseError, lesson_file
from tools.clean_outputs import clean_outputs, to_text
from tools.editions import (
    STUDENT_FILES,
    instructor_notebook,
    make_instructor_edition,
    make_student_edition,
    read_lessons,
    student_notebook,
)

LINE = "squares = [number**2 for number in range(5)]"
SOLUTION = f"# Solution (click to open)\nimport numpy as np\n{LINE}\nsum(squares)"
RESULT = [new_output("execute_result", {"text/plain": "30"}, execution_count=1)]
HIDDEN = {"tags": ["solution", "hide-input"], "jupyter": {"source_hidden": True}}


def tags_of(cell):
    return set(cell.metadata.get("tags", []))


def small_lesson():
    """Return a lesson with an exercise, as a recorded notebook has it."""
    cells = [
        new_markdown_cell("# A lesson", id="title"),
        new_code_cell("num_epochs = 30", id="parameters", metadata={"tags": ["parameters"]}),
        new_code_cell("numbers = list(range(5))\nmax(numbers)", id="numbers", outputs=RESULT),
        new_code_cell("1 / 3", id="share", metadata={"tolerance": {"absolute": 0.1}}, outputs=RESULT),
        new_markdown_cell("### Exercise 01.1: Squares", id="exercise-squares"),
        new_code_cell("squares = ...", id="exercise-squares-start", metadata={"tags": ["exercise"]}),
        new_code_cell("print(squares is ...)", id="exercise-squares-check"),
        new_code_cell(SOLUTION, id="exercise-squares-solution", metadata=HIDDEN, outputs=RESULT),
        new_markdown_cell("People forget the zero here.", id="instructor-squares", metadata={"tags": ["instructor"]}),
        new_markdown_cell(
            "**For instructors.** Five minutes.", id="instructor-time", metadata={"tags": ["instructor"]}
        ),
    ]
    for number, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), start=1):
        cell.execution_count = number
    return clean_outputs(new_notebook(cells=cells))


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Write a course of that one lesson, and return its folder."""
    monkeypatch.setattr("tools.editions.LESSONS", {"01": LESSONS["01"]})
    root = tmp_path / "course"
    for source in STUDENT_FILES.values():
        (root / source).parent.mkdir(parents=True, exist_ok=True)
        (root / source).write_bytes((ROOT / source).read_bytes())
    for folder in ("course_utils/exercises", "notebooks/pictures"):
        (root / folder).mkdir(parents=True)
    (root / "course_utils" / "exercises" / "lesson_01.py").write_text("squares = ...\n", encoding="utf-8")
    write_lesson(root, small_lesson())
    return root


def write_lesson(root, notebook):
    (root / "notebooks" / lesson_file("01")).write_text(to_text(notebook), encoding="utf-8")


def snapshot(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_student_notebook_has_no_solution_no_note_and_no_output():
    source = small_lesson()
    before = copy.deepcopy(source)
    edited = student_notebook(source)
    assert source == before
    kept = [cell for cell in source.cells if not tags_of(cell) & {"solution", "instructor"}]
    assert [(cell.id, cell.source) for cell in edited.cells] == [(cell.id, cell.source) for cell in kept]
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in edited.cells)
    metadata = {cell.id: cell.metadata for cell in edited.cells if cell.metadata}
    assert metadata == {"parameters": {"tags": ["parameters"]}, "exercise-squares-start": {"tags": ["exercise"]}}


def test_instructor_notebook_hides_nothing_and_marks_notes():
    source = small_lesson()
    before = copy.deepcopy(source)
    *others, solution, note, note_with_heading = instructor_notebook(source).cells
    assert source == before
    assert others == source.cells[:-3]
    assert solution.source == SOLUTION.replace(" (click to open)", "")
    assert solution.metadata == {"tags": ["solution"]}
    assert solution.outputs[0].data["text/plain"] == "30"
    box = '<div class="alert alert-warning">\n\n**For instructors.**'
    assert note.source == f"{box}\n\nPeople forget the zero here.\n\n</div>"
    assert note_with_heading.source == f"{box} Five minutes.\n\n</div>"


def change(name, **values):
    def fault(root):
        notebook = small_lesson()
        next(cell for cell in notebook.cells if cell.id == name).update(nbformat.from_dict(values))
        write_lesson(root, notebook)

    return fault


def append(name, text):
    def fault(root):
        with (root / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return fault


LEAKS = {
    "in a hint": (
        change("exercise-squares", source=f"<details>{LINE.replace(' ', '  ')}</details>"),
        "exercise-squares",
    ),
    "in the starter": (change("exercise-squares-start", source=f"# {LINE}"), "exercise-squares-start"),
    "in an exercise": (append("course_utils/exercises/lesson_01.py", f'hints = ["{LINE}"]\n'), "lesson_01.py"),
    "in the README": (append("docs/students.md", f"\n    {LINE}\n"), "README.md"),
    "tag forgotten": (change("exercise-squares-solution", metadata={}), "exercise-squares-solution"),
    "tag and name forgotten": (change("exercise-squares-solution", metadata={}, id="squares"), "(squares)"),
    "tag and heading forgotten": (change("exercise-squares-solution", metadata={}, source=LINE), "squares-solution"),
    "a note in the lesson": (change("title", source="# A lesson\n\nPeople forget the zero here."), "title"),
}


@pytest.mark.parametrize(("fault", "place"), LEAKS.values(), ids=LEAKS)
def test_a_leak_is_named_and_nothing_is_written(fault, place, course, tmp_path):
    build = tmp_path / "build"
    make_student_edition(course, build)
    before = snapshot(build)
    fault(course)
    with pytest.raises(CourseError, match=re.escape(place)):
        make_student_edition(course, build)
    assert snapshot(build) == before


def test_the_code_of_an_exercise_is_no_leak(course, tmp_path):
    append("course_utils/exercises/lesson_01.py", f"{LINE}\n")(course)
    make_student_edition(course, tmp_path / "build")


def test_what_the_lesson_does_itself_is_no_leak(course, tmp_path):
    change("numbers", source=LINE)(course)
    append("docs/students.md", f"\n    {LINE}\n")(course)
    make_student_edition(course, tmp_path / "build")


def test_what_the_starter_gives_is_no_leak(course, tmp_path):
    notebook = small_lesson()
    for cell in notebook.cells:
        if tags_of(cell) & {"exercise", "solution"}:
            cell.source = f"def squares_up_to(number):\n    return {'...' if 'exercise' in tags_of(cell) else 'number'}"
    write_lesson(course, notebook)
    make_student_edition(course, tmp_path / "build")


def test_the_same_source_gives_the_same_bytes_in_folder_and_zip(course, tmp_path):
    make_student_edition(course, tmp_path / "first")
    for path in course.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o755)
    (tmp_path / "second" / "student").mkdir(parents=True)
    (tmp_path / "second" / "student" / "left_over.ipynb").touch()
    make_student_edition(course, tmp_path / "second")
    assert snapshot(tmp_path / "first") == snapshot(tmp_path / "second")
    with zipfile.ZipFile(tmp_path / "first" / "digit-course-student.zip") as archive:
        unpacked = {Path(name).relative_to("digit-course"): archive.read(name) for name in archive.namelist()}
    assert unpacked == snapshot(tmp_path / "first" / "student")


def test_drafts_and_leftovers_are_not_shipped(course, tmp_path):
    make_student_edition(course, tmp_path / "build")
    before = snapshot(tmp_path / "build")
    for name in ("notebooks/09_draft.ipynb", "notebooks/Untitled.ipynb", "notebooks/pictures/.draft.png"):
        (course / name).write_bytes(b"{}")
    for name in (".ipynb_checkpoints/model.py", "__pycache__/model.pyc", "model.py.orig", "notes.txt"):
        (course / "course_utils" / name).parent.mkdir(exist_ok=True)
        (course / "course_utils" / name).write_bytes(b"x = 1\n")
    make_student_edition(course, tmp_path / "build")
    assert snapshot(tmp_path / "build") == before


@pytest.fixture(scope="module")
def editions(tmp_path_factory):
    build = tmp_path_factory.mktemp("a student's folder")
    make_student_edition(build=build)
    make_instructor_edition(build=build)
    return build


def test_both_editions_have_all_lessons(editions):
    for edition, convert in (("student", student_notebook), ("instructor", instructor_notebook)):
        names = {path.name for path in (editions / edition / "notebooks").glob("*.*")}
        assert names == {lesson_file(number) for number in LESSONS}
        for name, lesson in read_lessons().items():
            edited = nbformat.read(editions / edition / "notebooks" / name, as_version=4)
            assert edited == convert(lesson)
            pictures = re.findall(r"\]\((pictures/[^)]+)\)", "\n".join(cell.source for cell in edited.cells))
            assert all((editions / edition / "notebooks" / picture).is_file() for picture in pictures)
    assert snapshot(editions / "student" / "notebooks" / "pictures") == snapshot(NOTEBOOKS / "pictures")


def test_the_student_edition_is_complete(editions):
    student = editions / "student"
    listed = subprocess.run(["git", "ls-files", "course_utils", "notebooks/pictures"], cwd=ROOT, capture_output=True)
    assert [name for name in listed.stdout.decode().splitlines() if not (student / name).is_file()] == []
    for path in student.rglob("*.py"):
        imports = r"^\s*(?:from|import) ((?:course_utils|tools)\b[\w.]*)"
        for name in re.findall(imports, path.read_text(encoding="utf-8"), re.MULTILINE):
            module = student / name.replace(".", "/")
            assert module.with_suffix(".py").is_file() or (module / "__init__.py").is_file(), f"{path}: {name}"


def test_the_student_edition_offers_what_it_can_do(editions):
    student, commands = editions / "student", {"lab", "setup", "check-setup"}
    usage = subprocess.run([sys.executable, "-m", "tools", "--help"], cwd=student, capture_output=True, text=True)
    assert set(re.findall(r"-m tools ([a-z-]+)", usage.stderr)) == commands
    targets = re.findall(r"^([a-z-]+):", (student / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(targets) - {"help"} == commands
    readme = (student / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"-m tools ([a-z-]+)", readme)) == commands
    for name in re.findall(r"`([A-Za-z_]+\.(?:md|yml)|LICENSE)`", readme):
        assert (student / name).is_file(), name
