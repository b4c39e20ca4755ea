"""``student`` and ``instructor``: two editions of the course from the one source, which holds everything.

What belongs to whom is told by tags, the way nbgrader and Otter tell it by marks of their own:

============== =========================================== ==================================================
tag            the cell is                                 nbgrader and Otter know it as
============== =========================================== ==================================================
``exercise``   a starter, with ``...`` to be filled in     an autograded answer; Otter's ``# BEGIN PROMPT``
``solution``   an answer, removed for students             ``BEGIN SOLUTION`` to ``END SOLUTION``
``instructor`` a note in markdown, removed for students    Otter's ``## Ignore ##``
============== =========================================== ==================================================

A whole cell is the unit, so that the source runs as it stands and nothing is cut out of the middle of a cell. The
cutting is nbconvert's. nbgrader would bring a database and a server, and Otter an autograder; neither is needed where a
check answers in the notebook and nobody is marked.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbconvert.preprocessors import ClearMetadataPreprocessor, ClearOutputPreprocessor, TagRemovePreprocessor
from nbformat import NotebookNode

from tools.clean_outputs import cell_label, normalise, to_text
from course_utils.workspace import atomic_folder, atomic_path

PICTURE = "notebooks/pictures/prediction_grid.png"
STUDENT_FILES = ["LICENSE", "environment.yml", "pyproject.toml", "requirements.lock", PICTURE]
STUDENT_README = "docs/students.md"
#: What ``run``, ``lab`` and the set-up need. The other commands are for those who have the source.
STUDENT_AUTHORING = {
    "__init__",
    "cli",
    "environment",
    "execution",
    "lab",
    "normal_form",
    "overrides",
    "pad_page",
    "run",
}
#: The Makefile's targets below this line are not for students.
MAKEFILE_CUT = "# --- for those who change the course; not in the student edition"
ZIP_NAME = "digit-course-student.zip"
ZIP_FOLDER = "digit-course"

# Shorter ones, such as `axis=1)`, are in any program.
_FEWEST_CHARACTERS = 12


class EditionError(Exception):
    """An edition cannot be made; the message names the cell and what to do."""


class Secret(NamedTuple):
    """A piece of text that is not for students, without white space, and the cell that it is from."""

    text: str
    line: str
    origin: str


def make_student_edition(root: Path, build: Path) -> Path:
    """Write the students' edition: no solutions, no notes for instructors, no outputs.

    ``build`` gets the folder ``student`` and the same as ``digit-course-student.zip``, which can be handed out: it
    holds all that ``run``, ``lab`` and the set-up need. The same source gives the same bytes.

    Parameters
    ----------
    root
        Folder of the course.
    build
        Folder to write to; created when missing.

    Returns
    -------
    pathlib.Path
        The zip.

    Raises
    ------
    EditionError
        A solution or a note would reach students; nothing was written.
    OSError
        Something cannot be read or written.
    """
    lessons = read_lessons(root)
    files = {f"notebooks/{name}.ipynb": to_text(student_notebook(lessons[name])).encode() for name in lessons}
    files |= {name: (root / name).read_bytes() for name in STUDENT_FILES}
    files |= {path.relative_to(root).as_posix(): path.read_bytes() for path in _student_modules(root / "course_utils")}
    files["README.md"] = (root / STUDENT_README).read_bytes()
    files["Makefile"] = (root / "Makefile").read_bytes().partition(MAKEFILE_CUT.encode())[0].rstrip() + b"\n"
    if leaks := find_leaks(lessons, files):
        raise EditionError("\n".join(["Not written, since students would see what is not for them:", *leaks]))
    build.mkdir(parents=True, exist_ok=True)
    _replace_folder(build / "student", files)
    with atomic_path(build / ZIP_NAME) as temporary:
        _write_zip(temporary, files)
    return build / ZIP_NAME


def make_instructor_edition(root: Path, build: Path) -> Path:
    """Write the instructors' edition: the lessons with solutions open, notes marked, and outputs as recorded.

    ``build`` gets the folder ``instructor``, to be opened from the course's own JupyterLab.

    Parameters
    ----------
    root
        Folder of the course.
    build
        Folder to write to; created when missing.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    OSError
        Something cannot be read or written.
    """
    lessons = read_lessons(root)
    files = {f"notebooks/{name}.ipynb": to_text(instructor_notebook(lessons[name])).encode() for name in lessons}
    # The lessons show it.
    files[PICTURE] = (root / PICTURE).read_bytes()
    build.mkdir(parents=True, exist_ok=True)
    _replace_folder(build / "instructor", files)
    return build / "instructor"


def read_lessons(root: Path) -> dict[str, NotebookNode]:
    """Read the lessons of the course, in order, by the names of their files."""
    paths = sorted((root / "notebooks").glob("[!.]*.ipynb"))
    if not paths:
        raise EditionError(f"{root / 'notebooks'} holds no lessons.")
    return {path.stem: nbformat.read(path, as_version=4) for path in paths}


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a lesson without the cells tagged ``solution`` or ``instructor``."""
    edited, _ = TagRemovePreprocessor(remove_cell_tags={"solution", "instructor"}).preprocess(normalise(notebook), {})
    return normalise(edited)


def student_notebook(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a lesson without the cells tagged ``solution`` or ``instructor``, and without outputs."""
    edited = without_solutions(notebook)
    for step in (
        ClearOutputPreprocessor(),
        # Tolerances speak of outputs that are gone.
        ClearMetadataPreprocessor(
            clear_notebook_metadata=False, preserve_cell_metadata_mask={"tags", "jupyter", "editable", "deletable"}
        ),
    ):
        edited, _ = step.preprocess(edited, {})
    return normalise(edited)


def instructor_notebook(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a lesson in which nothing is hidden and notes for instructors cannot be taken for the lesson."""
    edited = normalise(notebook)
    for cell in edited.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata.pop("jupyter", None)
        if "hide-input" in tags:
            cell.metadata.tags = [tag for tag in tags if tag != "hide-input"]
        if "solution" in tags:
            cell.source = re.sub(r"\A# Solution \(.*\)$", "# Solution", cell.source, flags=re.MULTILINE)
        if "instructor" in tags:
            # JupyterLab and the pages of nbconvert draw this as a box; elsewhere the words remain.
            words = "" if re.match(r"\*\*For (the )?instructor", cell.source) else "**For instructors.**\n\n"
            cell.source = f'<div class="alert alert-warning">\n\n{words}{cell.source}\n\n</div>'
    return normalise(edited)


def find_leaks(lessons: dict[str, NotebookNode], files: dict[str, bytes]) -> list[str]:
    """Search what students see of their edition, in notebooks and files, for what is not for them.

    Parameters
    ----------
    lessons
        The source.
    files
        The edition: names and contents.

    Returns
    -------
    list of str
        A sentence for each find: the line, where it stands, where it is from, and what to do.
    """
    found = []
    secrets = [secret for name, lesson in lessons.items() for secret in _secrets(name, lesson)]
    # What a lesson does in its own cells is no secret, even where a solution does it again.
    public = _bare("\n".join(cell.source for lesson in lessons.values() for cell in lesson.cells if _is_lesson(cell)))
    secrets = [secret for secret in secrets if secret.text not in public]
    for name, content in files.items():
        if name.endswith(".ipynb"):
            places = {}
            for cell in nbformat.reads(content.decode(), as_version=4).cells:
                if cell.cell_type == "code" and (cell.id.endswith("-solution") or cell.source.startswith("# Solution")):
                    found.append(f"{name}, cell ({cell.id}) looks like a solution: tag it `solution`, or rename it.")
                places[f"{name}, cell ({cell.id})"] = cell.source
        elif not _is_room(name) and b"\0" not in content:
            places = {name: content.decode()}
        else:
            continue
        for place, text in places.items():
            bare = _bare(text)
            found += [
                f"{place} has `{secret.line}`, as {secret.origin}: say it in other words there, or tag the cell."
                for secret in secrets
                if secret.text in bare
            ]
    return found


def _secrets(name: str, lesson: NotebookNode) -> list[Secret]:
    found = []
    for cell in lesson.cells:
        tags = cell.metadata.get("tags", [])
        if {"solution", "instructor"}.isdisjoint(tags):
            continue
        origin = f"{name.replace('_', ' ')}, {cell_label(lesson, cell)}"
        for line in map(str.strip, cell.source.splitlines()):
            # What a solution shares with any other, and with its starter: a bare name gives nothing away.
            is_aside = "solution" in tags and re.match(r"#|import |from |def |class |[\w.]+,?$", line)
            if not is_aside and len(bare := _bare(line)) >= _FEWEST_CHARACTERS:
                found.append(Secret(bare, line, origin))
    return found


def _is_lesson(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and {"solution", "exercise"}.isdisjoint(cell.metadata.get("tags", []))


def _bare(text: str) -> str:
    return "".join(text.split())


def _is_room(name: str) -> bool:
    # Where an exercise rebuilds what the course has, the line stands there by right. Hints are shown in notebooks.
    return name.startswith("course_utils/") and not name.startswith("course_utils/exercises/")


def _student_modules(package: Path) -> list[Path]:
    return [
        path
        for path in sorted(package.rglob("*"))
        if path.is_file()
        and "__pycache__" not in path.parts
        and not path.name.startswith(".")
        and path.name != "spread.json"  # the ground for tolerances, which are not in this edition
        and ("authoring" not in path.relative_to(package).parts or path.stem in STUDENT_AUTHORING)
    ]


def _replace_folder(folder: Path, files: dict[str, bytes]) -> None:
    with atomic_folder(folder) as fresh:
        for name, content in files.items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).write_bytes(content)


def _write_zip(path: Path, files: dict[str, bytes]) -> None:
    # Stored, not deflated: another version of zlib would compress to other bytes, and most of it is weights anyway.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{ZIP_FOLDER}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, also when made on Windows
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name])
