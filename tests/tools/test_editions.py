"""The editions for students and instructors: who sees what, and that the students' edition stands on its own."""

import re
import shutil
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
    STUDENT_LIST,
    find_leaks,
    instructor_notebook,
    make_instructor_edition,
    make_student_edition,
    read_lessons,
    student_notebook,
)
from tools.mutants import copy_course

LINE = "squares = [number**2 for number in range(5)]"
SOLUTION = f"# Solution (click to open)\nimport numpy as np\n{LINE}\nsum(squares)"


def small_lesson(**sources):
    """Return a lesson with an exercise, as a recorded notebook has it; cells may be given another source."""
    result = {"execution_count": 1, "outputs": [new_output("execute_result", {"text/plain": "30"}, execution_count=1)]}
    hidden = {"tags": ["solution", "hide-input"], "jupyter": {"source_hidden": True}}
    cells = [
        new_markdown_cell("# A lesson", id="title"),
        new_code_cell("num_epochs = 30", id="parameters", metadata={"tags": ["parameters"]}, **result),
        new_code_cell("1 / 3", id="share", metadata={"tolerance": {"absolute": 0.1}}, **result),
        new_code_cell("squares = ...", id="start", metadata={"tags": ["exercise"]}, **result),
        new_code_cell(SOLUTION, id="solution", metadata=hidden, **result),
        new_markdown_cell("People forget the zero here.", id="note", metadata={"tags": ["instructor"]}),
        new_markdown_cell("**For instructors.** Five minutes.", id="time", metadata={"tags": ["instructor"]}),
    ]
    for cell in cells:
        cell.source = sources.get(cell.id, cell.source)
    return clean_outputs(new_notebook(cells=cells))


def snapshot(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_student_notebook_has_no_solution_no_note_and_no_output():
    source = small_lesson()
    edited = student_notebook(source)
    assert source == small_lesson()
    assert [(cell.id, cell.source) for cell in edited.cells] == [(cell.id, cell.source) for cell in source.cells[:-3]]
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in edited.cells)
    metadata = {cell.id: cell.metadata for cell in edited.cells if cell.metadata}
    assert metadata == {"parameters": {"tags": ["parameters"]}, "start": {"tags": ["exercise"]}}


def test_instructor_notebook_hides_nothing_and_marks_notes():
    source = small_lesson()
    *others, solution, note, note_with_heading = instructor_notebook(source).cells
    assert source == small_lesson()
    assert others == source.cells[:-3]
    assert solution.source == SOLUTION.replace(" (click to open)", "")
    assert (solution.metadata, solution.outputs) == ({"tags": ["solution"]}, source.cells[-3].outputs)
    box = '<div class="alert alert-warning">\n\n**For instructors.**'
    assert note.source == f"{box}\n\nPeople forget the zero here.\n\n</div>"
    assert note_with_heading.source == f"{box} Five minutes.\n\n</div>"


EXERCISES = "course_utils/exercises/lesson_01.py"
# What is changed in the lesson, what other files students get, and where the leak is.
LEAKS = {
    "in a hint": ({"title": f"<details>{LINE.replace(' ', '  ')}</details>"}, {}, "(title)"),
    "in the starter": ({"start": f"# {LINE}"}, {}, "(start)"),
    "in an exercise": ({}, {EXERCISES: f'hints = ["{LINE}"]'}, EXERCISES),
    "in the README": ({}, {"README.md": LINE}, "README.md"),
    "a note in the lesson": ({"title": "People forget the zero here."}, {}, "(title)"),
}
STARTER, ANSWER = (f"def squares_up_to(number):\n    return {result}" for result in ("...", "number"))
NO_LEAKS = {
    "the code of an exercise": ({}, {EXERCISES: LINE}),
    "what the lesson does itself": ({"share": LINE}, {"README.md": LINE}),
    "what the starter gives": ({"start": STARTER, "solution": ANSWER}, {}),
}


def leaks_of(lesson, files):
    files = {name: text.encode() for name, text in files.items()}
    return find_leaks({"a.ipynb": lesson}, {"a.ipynb": to_text(student_notebook(lesson)).encode(), **files})


@pytest.mark.parametrize(("sources", "files", "place"), LEAKS.values(), ids=LEAKS)
def test_a_leak_is_named(sources, files, place):
    assert place in leaks_of(small_lesson(**sources), files)[0]


@pytest.mark.parametrize(("sources", "files"), NO_LEAKS.values(), ids=NO_LEAKS)
def test_what_is_no_leak(sources, files):
    assert not leaks_of(small_lesson(**sources), files)


@pytest.mark.parametrize(("name", "source"), [("squares", SOLUTION), ("squares-solution", LINE)])
def test_a_solution_without_its_tag_is_a_leak(name, source):
    lesson = small_lesson(solution=source)
    lesson.cells[4].update(id=name, metadata=nbformat.from_dict({}))
    assert f"({name}) looks like a solution" in leaks_of(lesson, {})[0]


@pytest.fixture(scope="module")
def editions(tmp_path_factory):
    build = tmp_path_factory.mktemp("a student's folder")
    make_student_edition(build=build)
    make_instructor_edition(build=build)
    return build


def test_the_zip_depends_on_nothing_but_the_files(editions):
    with zipfile.ZipFile(editions / "digit-course-student.zip") as archive:
        unpacked = {Path(name).relative_to("digit-course"): archive.read(name) for name in archive.namelist()}
        described = {(entry.date_time[0], entry.external_attr >> 16) for entry in archive.infolist()}
        assert archive.namelist() == sorted(archive.namelist())
    assert unpacked == snapshot(editions / "student")
    assert described == {(1980, 0o100644)}


def test_drafts_are_not_shipped_and_with_a_leak_nothing_is_written(editions, tmp_path, capsys):
    course, build = copy_course(tmp_path / "course"), tmp_path / "build"
    shutil.copytree(ROOT / "docs", course / "docs")
    for name in ("LICENSE", "environment.yml"):
        shutil.copy(ROOT / name, course / name)
    drafts = ["notebooks/09_draft.ipynb", "notebooks/pictures/.draft.png", "course_utils/notes.txt"]
    drafts += ["course_utils/.ipynb_checkpoints/model.py", "course_utils/__pycache__/model.pyc"]
    named = ["notebooks/05_see_how_it_learns-Copy1.ipynb", "notebooks/Untitled.ipynb", "course_utils/exam.py"]
    named += ["course_utils/model.py.orig", "course_utils/widgets/js/pad (1).js", "notebooks/pictures/old.png"]
    drafts += named
    for draft in (*(course / name for name in drafts), build / "student" / "left_over.ipynb"):
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(b"{}")
    make_student_edition(course, build)
    printed = capsys.readouterr().out
    assert all(name in printed for name in named)
    assert "__pycache__" not in printed
    before = snapshot(build)
    assert snapshot(build / "student").keys() == snapshot(editions / "student").keys()
    (course / "notebooks" / lesson_file("01")).write_text(to_text(small_lesson(start=f"# {LINE}")), encoding="utf-8")
    with pytest.raises(CourseError, match=r"01_load_and_pickle\.ipynb, cell \(start\)"):
        make_student_edition(course, build)
    assert snapshot(build) == before


def test_both_editions_have_all_lessons(editions):
    for edition, convert in (("student", student_notebook), ("instructor", instructor_notebook)):
        names = {path.name for path in (editions / edition / "notebooks").glob("*.*")}
        assert names == {lesson_file(number) for number in LESSONS}
        for name, lesson in read_lessons().items():
            edited = nbformat.read(editions / edition / "notebooks" / name, as_version=4)
            assert edited == convert(lesson)
    assert snapshot(editions / "student" / "notebooks" / "pictures") == snapshot(NOTEBOOKS / "pictures")


def test_the_student_edition_is_complete_and_offers_what_it_can_do(editions):
    student, commands = editions / "student", {"lab", "setup", "check-setup"}
    listed = subprocess.run(["git", "ls-files", "course_utils", "notebooks/pictures"], cwd=ROOT, capture_output=True)
    assert (ROOT / STUDENT_LIST).read_text(encoding="utf-8") == listed.stdout.decode(), (
        f"bring {STUDENT_LIST} up to date"
    )

    def start(*arguments):
        return subprocess.run([sys.executable, *arguments], cwd=student, capture_output=True, text=True)

    for arguments in ([], ["run"]):
        assert set(re.findall(r"-m tools ([a-z-]+)", start("-m", "tools", *arguments).stderr)) == commands
    assert start("-m", "tools", "setup").stdout.startswith("The course is set up")
    assert start("-c", "import tools.lab").returncode == 0
    targets = re.findall(r"^([a-z-]+):", (student / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(targets) - {"help"} == commands
    readme = (student / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"-m tools ([a-z-]+)", readme)) == commands
