"""``make notebooks``: lessons to hand out one by one, each of which installs what it needs, and the wheel for them."""

from __future__ import annotations

import base64
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from flit_core.wheel import make_wheel_in
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from course_utils.course import BUILD, ROOT
from tools.chosen import choose
from tools.clean_outputs import to_text
from tools.editions import forbid_leaks, name_strangers, read_lessons, student_files, student_notebook, write_folder
from tools.folders import read_bytes, read_text

FIRST_CELL = Path(__file__).with_name("first_cell.py")


def make_single_lessons(lessons: Sequence[str] = (), *, root: Path = ROOT, build: Path = BUILD) -> int:
    """Write ``build/single-lessons``: lessons for students, each complete in one file, and the wheel of the package."""
    source, package = read_lessons(root), student_files(root)
    project = tomllib.loads(read_text(root / "pyproject.toml"))["project"]
    wheel = build_wheel(package)
    first_cell = read_text(FIRST_CELL).replace("WHEEL", next(iter(wheel)))
    first_cell = first_cell.replace("ADDRESS", project.get("urls", {}).get("Download", ""))
    files = {}
    for name in choose(source, lessons):
        lesson = single_lesson(student_notebook(choose(source, [name[:2]])[name]), first_cell, root / "notebooks")
        files[name] = to_text(lesson).encode()
    forbid_leaks(source, package | files)
    name_strangers(root)
    write_folder(build / "single-lessons", files | wheel)
    print(f"To hand out one by one, each with {next(iter(wheel))} beside it: {build.name}/single-lessons")
    return 0


def single_lesson(lesson: NotebookNode, first_cell: str, folder: Path) -> NotebookNode:
    """Return a lesson whose first cell installs the package, and whose pictures are part of it."""
    for cell in lesson.cells:
        for name in re.findall(r"\]\(pictures/([^)]+\.png)\)", cell.source):
            picture = base64.b64encode(read_bytes(folder / "pictures" / name)).decode()
            cell.attachments = {**cell.get("attachments", {}), name: {"image/png": picture}}
            cell.source = cell.source.replace(f"](pictures/{name})", f"](attachment:{name})")
    # In Colab a form: its title is shown, and the code behind it on demand.
    first = new_code_cell(first_cell.strip(), id="install-the-course", metadata={"cellView": "form"})
    lesson.cells.insert(0, first)
    return lesson


def build_wheel(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the name and the content of the wheel that is made of the files of the students' edition."""
    with TemporaryDirectory() as temporary:
        write_folder(Path(temporary, "course"), files)
        built = make_wheel_in(Path(temporary, "course", "pyproject.toml"), Path(temporary))
        return {built.file.name: built.file.read_bytes()}
