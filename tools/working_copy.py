"""``lab``: JupyterLab on a working copy of the lessons as students get them, without solutions, notes and outputs."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from course_utils.course import ROOT
from course_utils.workspace import IN_HOME, atomic_path, is_read_only
from tools.clean_outputs import to_text
from tools.editions import folder_files, read_lessons, student_notebook
from tools.lab import open_lab


def open_working_copy(arguments: Sequence[str] = ()) -> int:
    """Add what the working copy ``my-course`` lacks, overwriting nobody's work, and open it."""
    folder = IN_HOME if is_read_only() else ROOT / "my-course"
    update(folder)
    os.environ.setdefault("COURSE_WORKSPACE", str(folder / "workspace"))
    return open_lab(arguments, folder=folder)


def update(folder: Path, root: Path = ROOT) -> None:
    """Bring a working copy up to date: lessons in which nobody has worked are replaced with newer ones.

    A lesson with somebody's work stays; the newer one is put beside it once, under another name, and a line says so.
    """
    lessons = read_lessons(root)
    files = {f"notebooks/{name}": to_text(student_notebook(lesson)).encode() for name, lesson in lessons.items()}
    files |= folder_files(root, "notebooks/pictures")
    record, given = folder / ".given.json", {}
    with suppress(OSError, ValueError, TypeError):
        given = dict(json.loads(record.read_text(encoding="utf-8")))
    for name, content in files.items():
        path, last, newest = folder / name, given.get(name), hashlib.sha256(content).hexdigest()
        present = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
        if present and last == newest:
            continue
        if present not in (None, last, newest):
            new_names = (path.with_name(f"{path.stem}-new{number}{path.suffix}") for number in itertools.count(1))
            path = next(new for new in new_names if not new.exists())
            print(f"{name} has changed since you began it. Your work is kept; the new version is {path.name}.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
        given[name] = newest
    with atomic_path(record) as temporary:
        temporary.write_text(json.dumps(given, indent=1), encoding="utf-8")
