"""``mutants``: plant faults in copies of the course, one at a time, and see which recorded output notices each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from tqdm import tqdm

from course_utils.course import ROOT, CourseError, lesson_file
from tools.clean_outputs import to_text
from tools.comparison.outputs import code_cells

FAULTS_FILE = Path(__file__).with_name("mutants.toml")
COPIED = ("course_utils", "notebooks", "tools", "conftest.py", "pyproject.toml", "requirements.lock")


@dataclass(frozen=True)
class Fault:
    """A row of ``mutants.toml``: what goes wrong, where, the text before and after, and the lessons that may notice."""

    name: str
    file: str
    text: str
    faulty: str
    lessons: tuple[str, ...]  # file names

    @contextmanager
    def planted(self, root: Path) -> Iterator[None]:
        """Have the fault in a copy of the course for a while; raise CourseError unless its text occurs there once."""
        path = root / self.file
        before = path.read_bytes()
        if path.suffix == ".ipynb":
            notebook = nbformat.read(path, as_version=4)
            times = sum(cell.source.count(self.text) for cell in code_cells(notebook))
            for cell in code_cells(notebook):
                cell.source = cell.source.replace(self.text, self.faulty)
            faulty = to_text(notebook)
        else:
            source = path.read_text(encoding="utf-8")
            times, faulty = source.count(self.text), source.replace(self.text, self.faulty)
        if times != 1:
            raise CourseError(
                f"The fault “{self.name}” replaces {self.text!r}, which occurs {times} times in {self.file} and must "
                f"occur once. Adapt tools/{FAULTS_FILE.name}."
            )
        path.write_text(faulty, encoding="utf-8")
        try:
            yield
        finally:
            path.write_bytes(before)


def read_faults() -> list[Fault]:
    """Read all faults, in the order of the file."""
    faults = []
    for file, table in tomllib.loads(FAULTS_FILE.read_text(encoding="utf-8")).items():
        lessons = tuple(map(lesson_file, table["lessons"])) if "lessons" in table else (Path(file).name,)
        faults += [Fault(file=file, lessons=lessons, **row) for row in table["faults"]]
    return faults


def mutants(names: Sequence[str] = ()) -> int:
    """Plant the faults with one of `names` in name or file, or all, in a copy; print which cell notices each.

    Returns 1 when a fault was not noticed, or when a lesson fails without any fault.
    """
    faults = read_faults()
    for name in names:
        if not any(name in fault.name + fault.file for fault in faults):
            raise CourseError(f"No fault has {name!r} in its name or file. tools/{FAULTS_FILE.name} lists them.")
    chosen = [fault for fault in faults if not names or any(name in fault.name + fault.file for name in names)]
    survivors = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        copy = copy_course(Path(temporary) / "course")
        for fault in chosen:
            with fault.planted(copy):
                pass
        print("Without any fault, every lesson must pass:", flush=True)
        touched = sorted({lesson for fault in chosen for lesson in fault.lessons})
        if failure := _first_failure(copy, touched):
            print(f"  it does not: {failure}")
            return 1
        for number, fault in enumerate(tqdm(chosen, unit="fault", disable=None), start=1):
            started = time.monotonic()
            with fault.planted(copy):
                failure = _first_failure(copy, fault.lessons)
            survivors += failure is None
            verdict = f"noticed by {failure}" if failure else f"SURVIVED {', '.join(fault.lessons)}"
            tqdm.write(f"{number:3} {fault.name} ({fault.file}, {time.monotonic() - started:.0f} s): {verdict}")
            sys.stdout.flush()
    print(f"{len(chosen) - survivors} of {len(chosen)} faults noticed")
    return int(survivors > 0)


def copy_course(target: Path) -> Path:
    """Copy what the lessons need to be tested, and return the folder."""
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    target.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=ignored)
        else:
            shutil.copy2(ROOT / name, target / name)
    return target


def _first_failure(root: Path, lessons: Sequence[str]) -> str | None:
    """Run lessons of a copy until a cell fails; return the cell, and the first line of what it said."""
    report = root / "report.xml"
    # The copy's packages go before the installed ones, in pytest and in the kernels.
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["--exitfirst", "--quiet", "-p", "no:cacheprovider", f"--junit-xml={report}"]
    command = [sys.executable, "-m", "pytest", *options, *(f"notebooks/{lesson}" for lesson in lessons)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, encoding="utf-8")
    if done.returncode == 0:
        return None
    if report.exists():
        for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - our own pytest wrote it
            for problem in (*case.iter("failure"), *case.iter("error")):
                lesson = case.get("classname", "").removesuffix(".ipynb").rpartition(".")[2]
                said = (problem.text or problem.get("message") or "").strip().partition("\n")[0]
                return f"{lesson}, {case.get('name')}: {said[:200]}"
    raise CourseError(f"pytest failed without a failing cell:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
