"""``make student``, ``notebooks`` and ``instructor``: editions of the course, made from one source by cell tags.

A cell tagged ``exercise`` is a starter with ``...`` to fill in, ``solution`` is an answer and ``instructor`` a note;
students get neither of these two. As only whole cells are removed, the source runs as it is.
"""

from __future__ import annotations

import ast
import base64
import re
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from flit_core.wheel import make_wheel_in
from nbconvert.preprocessors import ClearMetadataPreprocessor, ClearOutputPreprocessor, TagRemovePreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from course_utils.course import BUILD, LESSONS, ROOT, CourseError, lesson_file
from course_utils.workspace import atomic_path
from tools.chosen import choose, without_links
from tools.clean_outputs import clean_outputs, parse_notebook, read_notebook, to_text
from tools.comparison.outputs import cell_label, code_cells
from tools.folders import read_bytes, read_text, reading, write_folder

ZIP_NAME = "digit-course-student.zip"
ZIP_FOLDER = "digit-course"

#: A file lists what students get of these folders; anything else there is named and left out.
STUDENT_FOLDERS = ("course_utils", "notebooks/pictures")
STUDENT_LIST = "tools/student/files.txt"
#: What else students get besides the lessons: each file of their edition, and its source.
_SAME = ["LICENSE", "pyproject.toml", "requirements.lock", "environment.yml", "docs/questions.md"]
_SAME += [f"tools/{name}.py" for name in ("__init__", "bootstrap", "interpreters", "lab", "settings")]
STUDENT_FILES = {name: name for name in [*_SAME, "tools/lab_settings/overrides.json"]} | {
    "tools/__main__.py": "tools/student/__main__.py",
    "Makefile": "tools/student/Makefile",
    "README.md": "docs/students.md",
}

FIRST_CELL = Path(__file__).with_name("first_cell.py")

# Shorter lines, such as `axis=1)`, occur in any program.
_FEWEST_CHARACTERS = 12


def make_student_edition(root: Path = ROOT, build: Path = BUILD, *, lessons: Sequence[str] = ()) -> int:
    """Write ``build/student`` and the same as a zip: no solutions, no notes for instructors, no outputs.

    It has all lessons, or those with these numbers. The same source gives the same bytes. If a solution or a note
    would reach students, nothing is written.
    """
    source = read_lessons(root)
    chosen = choose(source, lessons)
    files = {f"notebooks/{name}": to_text(student_notebook(lesson)).encode() for name, lesson in chosen.items()}
    files |= student_files(root)
    if lessons:
        questions = "docs/questions.md"
        files[questions] = without_links(read_text(root / questions), chosen).encode()
    forbid_leaks(source, files)
    name_strangers(root)
    write_folder(build / "student", files)
    with atomic_path(build / ZIP_NAME) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(files):
            # Stored, not deflated: zlib's bytes depend on its version, and most of the content is weights.
            archive.writestr(zip_entry(f"{ZIP_FOLDER}/{name}"), files[name])
    print(f"To hand out: {build.name}/{ZIP_NAME} (unpacked in {build.name}/student)")
    return 0


def make_single_lessons(root: Path = ROOT, build: Path = BUILD, *, lessons: Sequence[str] = ()) -> int:
    """Write ``build/single-lessons``: students' lessons, each complete in one file, and the wheel of the package."""
    source, package = read_lessons(root), student_files(root)
    with TemporaryDirectory() as temporary:
        write_folder(Path(temporary, "course"), package)
        wheel = make_wheel_in(Path(temporary, "course", "pyproject.toml"), Path(temporary)).file
        content = wheel.read_bytes()
    download = tomllib.loads(read_text(root / "pyproject.toml"))["project"].get("urls", {}).get("Download", "")
    address = f"{download.rpartition('/')[0]}/{wheel.name}" if download else ""  # beside the lessons
    first_cell = read_text(FIRST_CELL).replace("WHEEL", wheel.name).replace("ADDRESS", address)
    files = {}
    for name in choose(source, lessons):
        alone = student_notebook(choose(source, [name[:2]])[name])
        files[name] = to_text(single_lesson(alone, first_cell, root / "notebooks")).encode()
    forbid_leaks(source, package | files)
    name_strangers(root)
    write_folder(build / "single-lessons", {**files, wheel.name: content})
    print(f"To hand out one by one, each together with {wheel.name}: {build.name}/single-lessons")
    return 0


def make_instructor_edition(root: Path = ROOT, build: Path = BUILD, *, lessons: Sequence[str] = ()) -> int:
    """Write ``build/instructor``: the lessons with solutions open, notes marked, and outputs as recorded."""
    chosen = choose(read_lessons(root), lessons)
    files = {f"notebooks/{name}": to_text(instructor_notebook(lesson)).encode() for name, lesson in chosen.items()}
    name_strangers(root)
    write_folder(build / "instructor", files | folder_files(root, "notebooks/pictures"))
    print(f"To teach from, with make lab-source: {build.name}/instructor. To edit the lessons, use notebooks/.")
    return 0


def read_lessons(root: Path = ROOT) -> dict[str, NotebookNode]:
    """Read the lessons of the course, in order, by the names of their files."""
    names = [lesson_file(number) for number in LESSONS]
    return {name: read_notebook(root / "notebooks" / name) for name in names}


def student_files(root: Path = ROOT) -> dict[str, bytes]:
    """Read the files that students get besides the lessons, by their paths in the edition."""
    files = {name: read_bytes(root / source) for name, source in STUDENT_FILES.items()}
    for folder in STUDENT_FOLDERS:
        files |= folder_files(root, folder)
    return files


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a lesson without the cells tagged ``solution`` or ``instructor``."""
    remover = TagRemovePreprocessor(remove_cell_tags={"solution", "instructor"})
    return clean_outputs(remover.preprocess(clean_outputs(notebook), {})[0])


def student_notebook(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a lesson without solutions, notes and outputs, and without the tolerances of outputs."""
    kept = {"tags", "jupyter", "editable", "deletable"}
    edited, _ = ClearOutputPreprocessor().preprocess(without_solutions(notebook), {})
    cleaner = ClearMetadataPreprocessor(clear_notebook_metadata=False, preserve_cell_metadata_mask=kept)
    return clean_outputs(cleaner.preprocess(edited, {})[0])


def single_lesson(lesson: NotebookNode, first_cell: str, folder: Path) -> NotebookNode:
    """Return a lesson whose first cell installs the package, and whose pictures are part of it."""
    lesson = clean_outputs(lesson)
    for cell in lesson.cells:
        for name in re.findall(r"\]\((pictures/[^)]+\.png)\)", cell.source):
            picture, key = base64.b64encode(read_bytes(folder / name)).decode(), Path(name).name
            cell.attachments = {**cell.get("attachments", {}), key: {"image/png": picture}}
            cell.source = cell.source.replace(f"]({name})", f"](attachment:{key})")
    # Colab shows this as a form: its title, and the code on demand.
    first = new_code_cell(first_cell.strip(), id="install-the-course", metadata={"cellView": "form"})
    lesson.cells.insert(0, first)
    return lesson


def instructor_notebook(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a lesson in which nothing is hidden and notes for instructors stand in boxes."""
    edited = clean_outputs(notebook)
    for cell in edited.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata.pop("jupyter", None)
        cell.metadata.tags = [tag for tag in tags if tag != "hide-input"]
        if "solution" in tags:
            cell.source = re.sub(r"\A# Solution \(.*\)$", "# Solution", cell.source, flags=re.MULTILINE)
        if "instructor" in tags:
            cell.source = f'<div class="alert alert-warning">\n\n{cell.source}\n\n</div>'
    return clean_outputs(edited)


def forbid_leaks(lessons: dict[str, NotebookNode], files: dict[str, bytes]) -> None:
    """Raise CourseError if these files would give students a line of a solution or a note in these lessons."""
    if leaks := find_leaks(lessons, files):
        raise CourseError("\n".join(["Nothing was written, because students would see solutions or notes:", *leaks]))


def find_leaks(lessons: dict[str, NotebookNode], files: dict[str, bytes]) -> list[str]:
    """Search the students' edition for lines of solutions and notes; return a sentence for each, with what to do."""
    secrets = {bare: line for name, lesson in lessons.items() for bare, line in _secrets(name, lesson).items()}
    # Code in a lesson's other cells is no secret, even if a solution repeats it.
    code = [cell for lesson in lessons.values() for cell in lesson.cells if cell.cell_type == "code"]
    own = [cell for cell in code if {"solution", "exercise"}.isdisjoint(cell.metadata.get("tags", []))]
    public = _bare("\n".join(cell.source for cell in own))
    found = []
    places: dict[str, str] = {}
    for name, content in files.items():
        with reading(Path(name)):
            places |= _places(name, content)
        if name.endswith(".ipynb"):
            for cell in code_cells(parse_notebook(content, Path(name))):
                if cell.id.endswith("-solution") or cell.source.startswith("# Solution"):
                    found.append(f"{name}, cell ({cell.id}) looks like a solution. Tag it `solution`, or rename it.")
    for place, text in places.items():
        bare = _bare(text)
        found += [
            f"{place} contains {line}. Reword it there, or tag the cell."
            for secret, line in secrets.items()
            if secret in bare and secret not in public
        ]
    return found


def _places(name: str, content: bytes) -> dict[str, str]:
    """Return the text that people see in a file, by its place."""
    if name.endswith(".ipynb"):
        cells = parse_notebook(content, Path(name)).cells
        return {f"{name}, cell ({cell.id})": cell.source for cell in cells}
    if name.startswith("course_utils/exercises/"):
        # The code of an exercise computes the right answer; only its texts are shown.
        nodes = ast.walk(ast.parse(content))
        return {name: "\n".join(str(node.value) for node in nodes if isinstance(node, ast.Constant))}
    if b"\0" in content or name.startswith("course_utils/"):
        return {}
    return {name: content.decode()}


def zip_entry(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    """Return an entry for a zip that does not depend on the time or the system."""
    entry = zipfile.ZipInfo(name)  # dated 1980
    entry.create_system = 3  # Unix, also when made on Windows
    entry.external_attr = (0o100000 | mode) << 16
    return entry


def _secrets(name: str, lesson: NotebookNode) -> dict[str, str]:
    """Return the lines of solutions and notes, without white space, and how a message names each."""
    found = {}
    for cell in lesson.cells:
        tags = cell.metadata.get("tags", [])
        if {"solution", "instructor"}.isdisjoint(tags):
            continue
        for line in map(str.strip, cell.source.splitlines()):
            # Lines that solutions share with one another or with starters; a bare name gives nothing away.
            is_aside = "solution" in tags and re.match(r"#|import |from |def |class |[\w.]+,?$", line)
            if not is_aside and len(_bare(line)) >= _FEWEST_CHARACTERS:
                found[_bare(line)] = f"`{line}` from {Path(name).stem}, {cell_label(lesson, cell)}"
    return found


def _bare(text: str) -> str:
    return "".join(text.split())


def folder_files(root: Path, folder: str) -> dict[str, bytes]:
    """Read the files that students get of a folder, by their paths from the root."""
    names = read_text(root / STUDENT_LIST).split()
    return {name: read_bytes(root / name) for name in names if name.startswith(f"{folder}/")}


def name_strangers(root: Path = ROOT) -> None:
    """Name the files that lie among those of the course but do not belong to it."""
    known = {*read_text(root / STUDENT_LIST).split()}
    known |= {f"notebooks/{lesson_file(number)}" for number in LESSONS}
    paths = [*(root / "notebooks").glob("*.*"), *(root / "notebooks/pictures").glob("*.*")]
    paths += (root / "course_utils").rglob("*.*")
    names = [path.relative_to(root).as_posix() for path in sorted(paths) if path.is_file()]
    if strangers := [name for name in names if name not in known and not re.search(r"(^|/)(\.|__pycache__/)", name)]:
        print(f"Left out, because these files are not part of the course: {', '.join(strangers)}")
