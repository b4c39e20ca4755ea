"""``lock``: write requirements.lock, for students, and requirements-dev.lock, with what tests need besides."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from course_utils.course import ROOT, CourseError
from course_utils.workspace import atomic_path
from tools.bootstrap import DEVELOPMENT_LOCK, LOCK

# For all platforms, from wheels only, with hashes, without the address of an index.
OPTIONS = "--universal --only-binary :all: --python-version 3.11 --fork-strategy fewest --generate-hashes"
OPTIONS += " --no-emit-index-url --no-annotate --no-header --quiet"
COURSE_EXTRAS = ("--extra=tensorflow", "--extra=course", "--extra=setup")


def lock_entries(lock: Path = ROOT / LOCK) -> list[str]:
    """Return the entries of a lock, each a line with a pin and the lines with its hashes."""
    return re.findall(r"^\S.*\n(?: .*\n)*", lock.read_text(encoding="utf-8"), re.MULTILINE)


def write_lock(*, upgrade: bool = False, root: Path = ROOT) -> int:
    """Write both locks from pyproject.toml; without ``upgrade``, a pin changes only if it must.

    All versions are resolved together, so that both locks agree, and then divided.
    """
    with atomic_path(root / DEVELOPMENT_LOCK) as development, atomic_path(root / LOCK) as course:
        # uv keeps the pins that it finds in its output file.
        _write(development, lock_entries(root / LOCK) + lock_entries(root / DEVELOPMENT_LOCK))
        _compile(root, "--all-extras", *(["--upgrade"] if upgrade else []), "-o", str(development))
        shutil.copyfile(development, course)
        _compile(root, *COURSE_EXTRAS, "-o", str(course))
        needed = lock_entries(course)
        _write(development, [entry for entry in lock_entries(development) if entry not in needed])
    print(f"{LOCK} and {DEVELOPMENT_LOCK} are written. The next command installs what changed.")
    return 0


def _write(lock: Path, entries: Sequence[str]) -> None:
    lock.write_text("".join(entries), encoding="utf-8")


def _compile(root: Path, *options: str) -> None:
    command = [sys.executable, "-m", "uv", "pip", "compile", *OPTIONS.split(), *options, "pyproject.toml"]
    if subprocess.run(command, cwd=root).returncode:
        raise CourseError("uv found no compatible versions (see above). The locks were not changed.")
