"""``lab``: JupyterLab on a copy of the lessons to work in, as students get them: no solutions, no notes, no outputs."""

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
    """Open the working copy in ``my-course``; what it lacks is added first, and nobody's work is overwritten."""
    folder = IN_HOME if is_read_only() else ROOT / "my-course"
    update(folder)
    os.environ.setdefault("COURSE_WORKSPACE", str(folder / "workspace"))
    return open_lab(arguments, folder=folder)


def update(folder: Path, root: Path = ROOT) -> None:
    """Bring a working copy up to date: lessons that nobody has worked in are replaced by newer ones.

    Beside a lesson with somebody's work the newer one is put under another name, once, and a line says so.
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
            print(f"{name} has changed since you began it. Your work is kept; the new one is {path.name} beside it.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
        given[name] = newest
    with atomic_path(record) as temporary:
        temporary.write_text(json.dumps(given, indent=1), encoding="utf-8")
