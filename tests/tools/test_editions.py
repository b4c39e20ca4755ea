"""Each edition shows students and instructors what they should see, and the students' edition is complete."""

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.course import LESSONS, NOTEBOOKS, ROOT, CourseError, lesson_file
from tools.chosen import choose
from tools.clean_outputs import clean_outputs, to_text
from tools.editions import (
    STUDENT_LIST,
    find_leaks,
    folder_files,
    instructor_notebook,
    make_instructor_edition,
    make_single_lessons,
    make_student_edition,
    read_lessons,
    student_notebook,
)
from tools.mutants import copy_course
from tools.slides import make_slides, slides_notebook

#: Packages that are imported under another name.
MODULES = {"scikit-learn": "sklearn", "pillow": "PIL", "pi-heif": "pi_heif"}
LINE = "squares = [number**2 for number in range(5)]"
SOLUTION = f"# Solution (click to open)\nimport numpy as np\n{LINE}\nsum(squares)"


def small_lesson(**sources):
    """Return a recorded lesson with an exercise; `sources` replaces the sources of cells."""
    result = {"execution_count": 1, "outputs": [new_output("execute_result", {"text/plain": "30"}, execution_count=1)]}
    hidden = {"tags": ["solution", "hide-input"], "jupyter": {"source_hidden": True}}
    cells = [
        new_markdown_cell("# A lesson", id="title"),
        new_code_cell("num_epochs = 30", id="parameters", metadata={"tags": ["parameters"]}, **result),
        new_code_cell("1 / 3", id="share", metadata={"tolerance": {"absolute": 0.1}}, **result),
        new_code_cell("squares = ...", id="start", metadata={"tags": ["exercise"]}, **result),
        new_code_cell(SOLUTION, id="solution", metadata=hidden, **result),
        new_markdown_cell("**For instructors.** Five minutes.", id="note", metadata={"tags": ["instructor"]}),
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
    assert [(cell.id, cell.source) for cell in edited.cells] == [(cell.id, cell.source) for cell in source.cells[:-2]]
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in edited.cells)
    metadata = {cell.id: cell.metadata for cell in edited.cells if cell.metadata}
    assert metadata == {"parameters": {"tags": ["parameters"]}, "start": {"tags": ["exercise"]}}


def test_instructor_notebook_hides_nothing_and_marks_notes():
    source = small_lesson()
    *others, solution, note = instructor_notebook(source).cells
    assert source == small_lesson()
    assert others == source.cells[:-2]
    assert solution.source == SOLUTION.replace(" (click to open)", "")
    assert (solution.metadata, solution.outputs) == ({"tags": ["solution"]}, source.cells[-2].outputs)
    assert note.source == f'<div class="alert alert-warning">\n\n{source.cells[-1].source}\n\n</div>'


EXERCISES = "course_utils/exercises/lesson_01.py"
# Changed sources of the lesson, other files for students, and the place of the leak, if any.
LEAKS = {
    "in a hint": ({"title": f"<details>{LINE.replace(' ', '  ')}</details>"}, {}, "(title)"),
    "in the starter": ({"start": f"# {LINE}"}, {}, "(start)"),
    "in an exercise": ({}, {EXERCISES: f'hints = ["{LINE}"]'}, EXERCISES),
    "in the README": ({}, {"README.md": LINE}, "README.md"),
    "a note in the lesson": ({"title": "**For instructors.** Five minutes."}, {}, "(title)"),
}
STARTER, ANSWER = (f"def squares_up_to(number):\n    return {result}" for result in ("...", "number"))
LEAKS |= {
    "not the code of an exercise": ({}, {EXERCISES: LINE}, ""),
    "not what the lesson does itself": ({"share": LINE}, {"README.md": LINE}, ""),
    "not what the starter gives": ({"start": STARTER, "solution": ANSWER}, {}, ""),
}


def leaks_of(lesson, files):
    files = {name: text.encode() for name, text in files.items()}
    return find_leaks({"a.ipynb": lesson}, {"a.ipynb": to_text(student_notebook(lesson)).encode(), **files})


@pytest.mark.parametrize(("sources", "files", "place"), LEAKS.values(), ids=LEAKS)
def test_a_leak_is_named(sources, files, place):
    found = leaks_of(small_lesson(**sources), files)
    assert bool(found) == bool(place) and all(place in leak for leak in found)


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


def test_drafts_are_named_and_not_shipped(editions, tmp_path, capsys):
    course, build = copy_course(tmp_path / "course"), tmp_path / "build"
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
    assert snapshot(build / "student").keys() == snapshot(editions / "student").keys()


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


# --- chosen lessons, single lessons, slides --------------------------------------------------------------------------


@pytest.mark.parametrize("numbers", [[*LESSONS], ["01", "02", "04", "05"], ["00", "09"]], ids=len)
def test_chosen_lessons_link_only_to_one_another(numbers):
    source = read_lessons()
    lessons = choose(source, [*reversed(numbers), numbers[0]])
    names = [lesson_file(number) for number in numbers]
    assert [*lessons] == names and (len(names) < len(LESSONS) or lessons == source)
    for name, after in zip(names, [*names[1:], None], strict=True):
        text = "\n".join(cell.source for cell in lessons[name].cells)
        assert {*re.findall(r"\]\(([^)#\s]+\.ipynb)", text)} <= {*names}
        assert re.findall(r"^\*\*Next:\*\* \[.*?\]\((.*?)\)", text, re.MULTILINE) == [after] * bool(after)
        assert re.findall(r" →\]\((.*?)\)", text) == [after] * 2 * bool(after)
        assert ("[all lessons]" in text) == ("00" in numbers)
    if "00" in numbers:
        road_map = next(cell.source for cell in lessons[names[0]].cells if cell.id == "road-map")
        assert re.findall(r"^\| \W*(\d\d) ", road_map, re.MULTILINE) == numbers
    with pytest.raises(CourseError, match="There is no lesson '4'"):
        choose(source, ["4"])


@pytest.mark.parametrize("make", [make_student_edition, make_instructor_edition])
def test_an_edition_of_chosen_lessons_has_no_link_to_another(make, tmp_path):
    make(build=tmp_path, lessons=["01", "04"])
    names = {lesson_file("01"), lesson_file("04")}
    assert {path.name for path in tmp_path.rglob("*.ipynb")} == names
    for path in (*tmp_path.rglob("*.md"), *tmp_path.rglob("*.ipynb")):
        assert {*re.findall(r"\]\(\S*?(\d\d_\w+\.ipynb)", path.read_text(encoding="utf-8"))} <= names, path
    code = "from course_utils.exercises import show_progress; show_progress('04')"
    assert run_alone(sys.executable, code, next(tmp_path.glob("*/notebooks")))[1].endswith("All lessons: 01  04\n")


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    make_single_lessons(build=tmp_path_factory.mktemp("single"))
    return tmp_path_factory.getbasetemp() / "single0" / "single-lessons"


def test_a_single_lesson_begins_with_the_installation_and_needs_no_other_file(single):
    for name, lesson in read_lessons().items():
        first, *others = nbformat.read(single / name, as_version=4).cells
        assert 'wheel, address = "digit_course-' in first.source
        assert [cell.id for cell in others] == [cell.id for cell in student_notebook(lesson).cells]
        linked = re.findall(r"\]\((?!#|https:)(.*?)\)", "\n".join(cell.source for cell in others))
        assert linked == [f"attachment:{key}" for cell in others for key in cell.get("attachments", {})]


def test_the_wheel_holds_the_whole_package_and_requires_what_it_imports(single):
    with zipfile.ZipFile(next(single.glob("*.whl"))) as wheel:
        package = {name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" not in name}
        (metadata,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("METADATA"))
    assert package == folder_files(ROOT, "course_utils")
    required = {*re.findall(r"^Requires-Dist: ([\w-]+)(?!.*extra ==)", metadata, re.MULTILINE)}
    trees = [ast.parse(content) for name, content in package.items() if name.endswith(".py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    imported = {name.partition(".")[0] for name in imported} - {*sys.stdlib_module_names, "course_utils"}
    # These come with ipywidgets, Matplotlib and every kernel; TensorFlow, which has several names, is an extra.
    come_along = {"IPython", "traitlets", "contourpy", "jupyter_client", "tensorflow"}
    assert imported - come_along == {MODULES.get(name, name) for name in required}


@pytest.fixture
def python(tmp_path):
    """Return a Python without any package, even pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    return tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run_alone(python, code, folder):
    """Run code in a fresh Python in this folder; return its status, and what it printed and raised."""
    environment = {name: value for name, value in os.environ.items() if name not in ("COURSE_WORKSPACE", "PYTHONPATH")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "encoding": "utf-8"}
    done = subprocess.run([python, "-u", "-c", code], cwd=folder, env=environment, **pipes)
    return done.returncode, done.stdout


def test_the_first_cell_says_what_to_do(single, python, tmp_path):
    (wheel,), cell = single.glob("*.whl"), nbformat.read(single / lesson_file("02"), as_version=4).cells[0].source
    remedy = f"Put the file {wheel.name} into the folder of this notebook, {tmp_path}, and run this cell again."
    status, said = run_alone(python, cell, tmp_path)
    assert status and said.endswith(f"ModuleNotFoundError: The package digit-course is missing. {remedy}\n")
    shutil.copy(wheel, tmp_path)
    status, said = run_alone(python, cell, tmp_path)
    assert re.match(r"Installing digit-course\[tensorflow\] from file:///\S+\.whl .*\n.*No module named pip", said)
    assert status and "could not be installed (see above). Connect to the internet" in said


def test_the_first_cell_installs_the_package_and_it_works_alone(request, single, python, tmp_path):
    if not request.config.getoption("long"):
        pytest.skip("takes half a minute; --long runs it")
    cell = nbformat.read(single / lesson_file("02"), as_version=4).cells[0].source
    _, purelib = run_alone(python, "import sysconfig; print(sysconfig.get_path('purelib'))", tmp_path)
    # Every package except the course, whose link works only in the environment's own folder.
    Path(purelib.strip(), "others.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    status, said = run_alone(python, cell, single)
    assert (status, said.splitlines()[-1]) == (0, "Installed."), said
    assert said.startswith("Installing digit-course from file:")  # TensorFlow is there
    assert run_alone(python, cell, single) == (0, "")
    code = "from course_utils import check_setup, course, widgets, workspace; print(workspace.workspace_folder()); "
    code += "widgets.drawing_pad; print((course.REFERENCE / 'mnist.weights.h5').exists()); check_setup.examine()"
    status, said = run_alone(python, code, single)
    assert said.startswith(f"{single / 'workspace'}\nTrue\n") and "\nok       packages\n" in said, said


def test_slides_begin_at_headings_and_texts_unless_their_author_says_otherwise():
    lesson = small_lesson(title="# A lesson\n\n<details>A hint</details>\n\n## A part\n\nText.")
    lesson.cells[2].metadata.slideshow = {"slide_type": "fragment"}
    lesson.cells.insert(3, new_markdown_cell("A text.", id="text"))
    lesson.cells += [new_markdown_cell("→", id="navigation"), new_code_cell("1", id="exercise-a-check")]
    cells = slides_notebook(clean_outputs(lesson)).cells
    kinds = [("title", "slide"), ("title-1", "slide"), ("parameters", "-"), ("share", "fragment"), ("text", "subslide")]
    assert [(cell.id, cell.metadata.slideshow["slide_type"]) for cell in cells] == [*kinds, ("start", "-")]
    assert cells[0].source.strip() == "# A lesson" and cells[2].outputs


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    make_slides(["04"], build=tmp_path_factory.mktemp("deck"))
    return next(tmp_path_factory.getbasetemp().glob("deck0/slides/04_*.html")).read_text(encoding="utf-8")


def test_slides_load_nothing_and_show_figures_with_their_text_alternatives(slides):
    elements = re.sub("<script>.*?</script>", "", slides, flags=re.DOTALL)
    loaded = re.findall(r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=\"(?!data:)([^\"]*)", elements)
    assert not loaded and "@import" not in elements
    images = re.findall(r"<img [^>]*>", elements)
    assert len(images) == 2 and all(re.search(r'alt="[^"]{20}', image) for image in images)


@pytest.mark.parametrize("make", [make_student_edition, make_single_lessons, make_slides])
def test_with_a_leak_no_edition_is_written(make, tmp_path, monkeypatch):
    lessons = {**read_lessons(), lesson_file("01"): small_lesson(start=f"# {LINE}")}
    monkeypatch.setattr(sys.modules[make.__module__], "read_lessons", lambda *_: lessons)
    with pytest.raises(CourseError, match=r"01_load_and_pickle\.ipynb, cell \(start\)"):
        make(build=tmp_path, lessons=["01"])
    assert not any(tmp_path.iterdir())
