"""The editions for students and instructors: who sees what, and that the students' edition runs by itself."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.editions import (
    STUDENT_FILES,
    EditionError,
    instructor_notebook,
    make_instructor_edition,
    make_student_edition,
    student_notebook,
)
from tools.clean_outputs import normalise, to_text

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTION = "# Solution (click to open)\nimport numpy as np\nsquares = [number**2 for number in range(5)]\nsum(squares)"
HIDDEN = {"tags": ["solution", "hide-input"], "jupyter": {"source_hidden": True}}


def tags_of(cell):
    return set(cell.metadata.get("tags", []))


def result(text):
    return new_output("execute_result", {"text/plain": text}, execution_count=1)


def made_lesson():
    """Return a small lesson with an exercise, as a recorded notebook has it."""
    cells = [
        new_markdown_cell("# A lesson", id="title"),
        new_code_cell("num_epochs = 30", id="parameters", metadata={"tags": ["parameters"]}),
        new_code_cell("numbers = list(range(5))\nmax(numbers)", id="numbers", outputs=[result("4")]),
        new_code_cell("1 / 3", id="share", metadata={"tolerance": {"absolute": 0.1}}, outputs=[result("0.3")]),
        new_markdown_cell("### Exercise 01.1: Squares", id="exercise-squares"),
        new_code_cell("squares = ...", id="exercise-squares-start", metadata={"tags": ["exercise"]}),
        new_code_cell("print(squares is ...)", id="exercise-squares-check"),
        new_code_cell(SOLUTION, id="exercise-squares-solution", metadata=HIDDEN, outputs=[result("30")]),
        new_markdown_cell("People forget the zero here.", id="instructor-squares", metadata={"tags": ["instructor"]}),
        new_markdown_cell("## Key points", id="key-points"),
    ]
    for number, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), start=1):
        cell.execution_count = number
    return normalise(new_notebook(cells=cells))


@pytest.fixture
def course(tmp_path):
    """Write a course of that lesson, and return its folder."""
    root = tmp_path / "course"
    for name in (*STUDENT_FILES, "docs/students.md", "Makefile"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((ROOT / name).read_bytes())
    (root / "course_utils" / "exercises").mkdir(parents=True)
    (root / "course_utils" / "exercises" / "lesson_01.py").write_text("squares = ...\n", encoding="utf-8")
    write_lesson(root, made_lesson())
    return root


def write_lesson(root, notebook):
    (root / "notebooks").mkdir(exist_ok=True)
    (root / "notebooks" / "01_lesson.ipynb").write_text(to_text(notebook), encoding="utf-8")


def snapshot(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- one notebook ----------------------------------------------------------------------------------------------------


def test_student_notebook():
    source = made_lesson()
    before = copy.deepcopy(source)
    edited = student_notebook(source)
    assert source == before
    hidden = {"exercise-squares-solution", "instructor-squares"}
    assert [cell.id for cell in edited.cells] == [cell.id for cell in source.cells if cell.id not in hidden]
    sources = {cell.id: cell.source for cell in source.cells}
    for cell in edited.cells:
        assert cell.source == sources[cell.id]
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    tags = {cell.id: cell.metadata for cell in edited.cells if cell.metadata}
    assert tags == {"parameters": {"tags": ["parameters"]}, "exercise-squares-start": {"tags": ["exercise"]}}
    assert to_text(normalise(edited)) == to_text(edited)


def test_instructor_notebook():
    source = made_lesson()
    before = copy.deepcopy(source)
    edited = instructor_notebook(source)
    assert source == before
    changed = {"exercise-squares-solution", "instructor-squares"}
    assert [cell for cell in edited.cells if cell.id not in changed] == [
        cell for cell in source.cells if cell.id not in changed
    ]
    solution, note = (next(cell for cell in edited.cells if cell.id == name) for name in sorted(changed))
    assert solution.source == SOLUTION.replace(" (click to open)", "")
    assert solution.metadata == {"tags": ["solution"]}
    assert solution.outputs[0].data["text/plain"] == "30"
    assert "People forget the zero here." in note.source
    assert re.match(r'<div class="alert alert-warning">\n\n\*\*For instructors\.\*\*\n\n', note.source)


def test_a_note_that_says_for_whom_it_is_does_not_say_it_twice():
    source = made_lesson()
    note = next(cell for cell in source.cells if cell.id == "instructor-squares")
    note.source = "**For instructors.** Five minutes."
    edited = next(cell for cell in instructor_notebook(source).cells if cell.id == note.id)
    assert edited.source.count("For instructors") == 1


# --- leaks -----------------------------------------------------------------------------------------------------------


def change(name, **values):
    def fault(root):
        notebook = made_lesson()
        next(cell for cell in notebook.cells if cell.id == name).update(nbformat.from_dict(values))
        write_lesson(root, notebook)

    return fault


def append(name, text):
    def fault(root):
        with (root / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return fault


LINE = "squares = [number**2 for number in range(5)]"
LEAKS = {
    "in a hint": (change("exercise-squares", source=f"<details>\n\n`{LINE}`\n\n</details>"), "exercise-squares"),
    "in a hint, with other spaces": (
        change("exercise-squares", source=f"Try {LINE.replace(' ', '  ')}."),
        "exercise-squares",
    ),
    "in the starter": (change("exercise-squares-start", source=f"# {LINE}\nsquares = ..."), "exercise-squares-start"),
    "in a module": (append("course_utils/exercises/lesson_01.py", f"{LINE}\n"), "lesson_01.py"),
    "in the README": (append("docs/students.md", f"\n    {LINE}\n"), "README.md"),
    "tag forgotten": (
        change("exercise-squares-solution", metadata={"tags": ["hide-input"]}),
        "exercise-squares-solution",
    ),
    "tag and name forgotten": (change("exercise-squares-solution", metadata={}, id="squares"), "squares"),
    "tag and first line forgotten": (
        change("exercise-squares-solution", metadata={}, source=LINE),
        "exercise-squares-solution",
    ),
    "a note in the lesson": (change("title", source="# A lesson\n\nPeople forget the zero here."), "title"),
}


@pytest.mark.parametrize(("fault", "place"), LEAKS.values(), ids=LEAKS)
def test_a_leak_is_told_and_nothing_is_written(fault, place, course, tmp_path):
    build = tmp_path / "build"
    make_student_edition(course, build)
    before = snapshot(build)
    fault(course)
    with pytest.raises(EditionError, match=re.escape(place)):
        make_student_edition(course, build)
    assert snapshot(build) == before


def test_what_the_lesson_does_itself_is_no_leak(course, tmp_path):
    change("numbers", source=LINE)(course)
    append("docs/students.md", f"\n    {LINE}\n")(course)
    make_student_edition(course, tmp_path / "build")


def test_what_the_starter_gives_is_no_leak(course, tmp_path):
    notebook = made_lesson()
    for cell in notebook.cells:
        if cell.id == "exercise-squares-start":
            cell.source = "def squares_up_to(number):\n    return ..."
        if cell.id == "exercise-squares-solution":
            cell.source = "def squares_up_to(number):\n    return [each**2 for each in range(number)]"
    write_lesson(course, notebook)
    make_student_edition(course, tmp_path / "build")


def test_a_course_without_lessons_is_told(course, tmp_path):
    (course / "notebooks" / "01_lesson.ipynb").unlink()
    for make in (make_student_edition, make_instructor_edition):
        with pytest.raises(EditionError, match="no lessons"):
            make(course, tmp_path / "build")


# --- files -----------------------------------------------------------------------------------------------------------


def test_the_same_source_gives_the_same_bytes(course, tmp_path):
    first = make_student_edition(course, tmp_path / "first").read_bytes()
    for path in course.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o755)
    (tmp_path / "second" / "student").mkdir(parents=True)
    (tmp_path / "second" / "student" / "left_over.ipynb").touch()
    second = make_student_edition(course, tmp_path / "second")
    assert second.read_bytes() == first
    assert snapshot(tmp_path / "first") == snapshot(tmp_path / "second")
    make_instructor_edition(course, tmp_path / "first")
    make_instructor_edition(course, tmp_path / "second")
    assert snapshot(tmp_path / "first") == snapshot(tmp_path / "second")


def test_the_zip_holds_what_the_folder_holds(course, tmp_path):
    with zipfile.ZipFile(make_student_edition(course, tmp_path)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == sorted(names)
        unpacked = {Path(name).relative_to("digit-course"): archive.read(name) for name in names}
    assert unpacked == snapshot(tmp_path / "student")


# --- the course itself -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """Return the students' edition of the course, unpacked as a student would."""
    folder = tmp_path_factory.mktemp("a student's folder")
    with zipfile.ZipFile(make_student_edition(ROOT, folder / "build")) as archive:
        archive.extractall(folder)
    return folder / "digit-course"


@pytest.fixture(scope="module")
def instructor(tmp_path_factory):
    return make_instructor_edition(ROOT, tmp_path_factory.mktemp("instructor"))


def cells_of(folder, path):
    return nbformat.read(folder / "notebooks" / path.name, as_version=4).cells


def start(folder, *arguments, **environment):
    """Start Python in an edition, so that neither it nor its kernels can import another copy of the course."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("MNIST_PATH", "COURSE_WORKSPACE")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def strings_in(value):
    if isinstance(value, dict):
        return [text for item in value.items() for part in item for text in strings_in(part)]
    return [text for item in value for text in strings_in(item)] if isinstance(value, list) else [str(value)]


def text_of(path):
    """Return all text in a file, that of a notebook without JSON's escapes; white space does not count."""
    text = path.read_bytes().decode("utf-8", "ignore")
    if path.suffix == ".ipynb":
        text = "\n".join(strings_in(json.loads(text)))
    return re.sub(r"\s", "", text)


def test_no_solution_and_no_note_reaches_students(student):
    kept, secrets = set(), {}
    for path in LESSONS:
        for cell in nbformat.read(path, as_version=4).cells:
            lines = {re.sub(r"\s", "", line) for line in cell.source.splitlines() if not line.strip().startswith("#")}
            if tags_of(cell) & {"solution", "instructor"}:
                assert cell.id not in {other.id for other in cells_of(student, path)}
                secrets |= {line: f"{path.stem} ({cell.id})" for line in lines if len(line) >= 12}
            elif cell.cell_type == "code" and "exercise" not in tags_of(cell):
                kept |= lines
    # The rooms of the course are not shown in a notebook, and an exercise may rebuild what one of them has.
    names = [path.relative_to(student) for path in student.rglob("*") if path.is_file()]
    texts = {n: text_of(student / n) for n in names if n.parts[0] != "course_utils" or n.parts[1] == "exercises"}
    found = [
        f"{name}: {line} of {origin}"
        for line, origin in secrets.items()
        if not (line in kept or re.match(r"import|from|def|class|[\w.]+,?$", line))
        for name, text in texts.items()
        if line in text
    ]
    assert not found


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_of_the_student_edition(path, student):
    source, edited = nbformat.read(path, as_version=4).cells, cells_of(student, path)
    expected = [cell for cell in source if not tags_of(cell) & {"solution", "instructor"}]
    assert [(cell.id, cell.source) for cell in edited] == [(cell.id, cell.source) for cell in expected]
    code = [cell for cell in edited if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_of_the_instructor_edition(path, instructor):
    source, edited = nbformat.read(path, as_version=4).cells, cells_of(instructor, path)
    assert [cell.id for cell in edited] == [cell.id for cell in source]
    for cell, original in zip(edited, source, strict=True):
        assert "jupyter" not in cell.metadata
        assert "hide-input" not in tags_of(cell)
        assert cell.get("outputs") == original.get("outputs")
        if "instructor" in tags_of(cell):
            assert original.source in cell.source
            assert len(re.findall(r"\*\*For (?:the )?instructor", cell.source)) == 1
    pictures = re.findall(r"\]\((\.\./[^)]+)\)", "\n".join(cell.source for cell in edited))
    assert all((instructor / "notebooks" / picture).is_file() for picture in pictures)


def test_the_student_edition_has_what_it_needs_and_nothing_else(student):
    top = {path.name for path in student.iterdir()}
    assert top == {
        *("LICENSE", "Makefile", "README.md", "environment.yml", "pyproject.toml", "requirements.lock"),
        *("course_utils", "notebooks"),
    }
    assert [path.name for path in (student / "notebooks" / "pictures").iterdir()] == ["prediction_grid.png"]
    assert {path.name for path in (student / "notebooks").glob("*.*")} == {path.name for path in LESSONS}
    assert (student / "course_utils" / "authoring" / "lab_settings" / "overrides.json").is_file()
    imported = [
        ".".join(path.relative_to(student).with_suffix("").parts)
        for path in (student / "course_utils").rglob("*.py")
        if path.name not in ("__init__.py", "__main__.py")
    ]
    code = f"import course_utils, {', '.join(imported)}; print(course_utils.__file__)"
    done = start(student, "-c", code)
    assert done.returncode == 0, done.stderr
    assert student in Path(done.stdout.strip()).parents


def test_the_student_edition_offers_only_what_it_can_do(student):
    commands = {"run", "lab", "pad", "doctor", "setup"}
    listed = start(student, "-m", "course_utils", "--help").stdout
    assert set(re.findall(r"^    ([a-z]+)\b", listed, re.MULTILINE)) == commands
    makefile = (student / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z]+):", makefile, re.MULTILINE)
    assert set(targets) == {"help", *commands}
    assert set(re.search(r"^\.PHONY: (.*)", makefile, re.MULTILINE)[1].split()) == {"help", *commands}
    readme = (student / "README.md").read_text(encoding="utf-8")
    named = {name for pair in re.findall(r"course_utils ([a-z]+)|make ([a-z]+)`", readme) for name in pair if name}
    assert named == commands
    for name in re.findall(r"`([A-Za-z_]+\.(?:md|yml)|LICENSE)`", readme):
        assert (student / name).is_file(), name


def test_run_all_of_the_student_edition(student, tmp_path):
    code = "import sys, pathlib; from tools.run import run; here = pathlib.Path.cwd(); "
    code += "sys.exit(run(here / 'notebooks', here / 'build', num_epochs=2))"
    done = start(student, "-c", code, COURSE_OFFLINE="1", KERAS_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "UCI digits: test accuracy" in done.stdout
    for path in LESSONS:
        executed = {cell.id: cell for cell in cells_of(student / "build", path)}
        for cell in cells_of(student, path):
            if "exercise" in tags_of(cell):
                check = executed[cell.id.removesuffix("-start") + "-check"]
                assert "not attempted yet" in check.outputs[0].text, f"{path.stem}, {check.id}"
    progress = student / "build" / "workspace" / "progress.json"
    assert not progress.exists() or "done" not in progress.read_text(encoding="utf-8")
