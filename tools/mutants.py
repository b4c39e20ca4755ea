"""Proof that the recorded outputs bite: plant a fault in a copy of the course, and see which check notices it."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from tqdm import tqdm

from tools.execution import LessonError
from tools.faults import FAULTS, Fault
from tools.clean_outputs import code_cells, to_text
from tools.reference import ROOT

COPIED = ("course_utils", "notebooks", "tests/nbval_contract.py", "conftest.py", "pyproject.toml", "requirements.lock")


def find_survivors(parts: Sequence[str] = ()) -> int:
    """Plant each fault in a copy of the course, run the lessons that it can touch, and print which check killed it.

    Parameters
    ----------
    parts : sequence of str
        Only faults whose name or file contains one of these; all by default.

    Returns
    -------
    int
        0 when every fault was killed; 1 when one survived, when the lessons fail without any fault, or when a fault
        cannot be planted because its text does not stand in its file exactly once.
    """
    try:
        return _find_survivors(parts)
    except LessonError as error:
        print(error, file=sys.stderr)
        return 1


def _find_survivors(parts: Sequence[str]) -> int:
    chosen = [fault for fault in FAULTS if not parts or any(part in fault.name + fault.file for part in parts)]
    survivors = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        untouched = _copy(Path(temporary) / "untouched")
        for fault in chosen:
            _plant(fault, untouched, dry_run=True)
        print("Without any fault, every lesson must pass:", flush=True)
        if failure := _first_failure(untouched, [path.name for path in _lessons(untouched)]):
            print(f"  it does not: {failure}")
            return 1
        for number, fault in enumerate(tqdm(chosen, unit="fault", disable=None), start=1):
            copy = _copy(Path(temporary) / f"fault-{number}")
            _plant(fault, copy)
            lessons = lessons_touched(fault, copy)
            started = time.monotonic()
            failure = _first_failure(copy, lessons)
            survivors += failure is None
            verdict = f"killed by {failure}" if failure else f"SURVIVED {', '.join(lessons)}"
            tqdm.write(
                f"{number:3} {fault.name} ({Path(fault.file).name}, {time.monotonic() - started:.0f} s): {verdict}"
            )
            sys.stdout.flush()
            shutil.rmtree(copy, ignore_errors=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} faults killed")
    return int(survivors > 0)


def lessons_touched(fault: Fault, root: Path) -> list[str]:
    """Find the lessons whose outputs a fault can change: the lesson itself, or those that import the helper.

    Parameters
    ----------
    fault : Fault
        Where the fault is.
    root : Path
        A copy of the course.

    Returns
    -------
    list of str
        File names; the lesson that trains comes last, because it takes longest.
    """
    if fault.file.endswith(".ipynb"):
        return [Path(fault.file).name]
    room = Path(fault.file).parts[1].removesuffix(".py")
    touched = [path for path in _lessons(root) if room in _rooms_needed(_imports_of_lesson(path), root)]
    return [path.name for path in sorted(touched, key=lambda path: ("train" in path.stem, path.stem))]


def _copy(target: Path) -> Path:
    for name in COPIED:
        source, copied = ROOT / name, target / name
        copied.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copied, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
        else:
            shutil.copy2(source, copied)
    return target


def _plant(fault: Fault, root: Path, *, dry_run: bool = False) -> None:
    path = root / fault.file
    if path.suffix == ".ipynb":
        notebook = nbformat.read(path, as_version=4)
        cells = [cell for cell in code_cells(notebook) if fault.text in cell.source]
        times = sum(cell.source.count(fault.text) for cell in cells)
        for cell in cells:
            cell.source = cell.source.replace(fault.text, fault.faulty)
        faulty = to_text(notebook)
    else:
        source = path.read_text(encoding="utf-8")
        times, faulty = source.count(fault.text), source.replace(fault.text, fault.faulty)
    if times != 1:
        raise LessonError(
            f"The fault “{fault.name}” replaces {fault.text!r}, which stands {times} times in {fault.file} and must "
            "stand there once; adapt course_utils/authoring/faults.py."
        )
    if not dry_run:
        path.write_text(faulty, encoding="utf-8")


def _first_failure(root: Path, lessons: list[str]) -> str | None:
    """Run lessons of a copy until one fails; tell which cell did, and the first line of what it said."""
    report = root / "report.xml"
    # The copy's package goes before the installed one, in pytest and in the kernels.
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["--exitfirst", "--quiet", "-p", "no:cacheprovider", f"--junit-xml={report}"]
    command = [sys.executable, "-m", "pytest", *options, *(f"notebooks/{lesson}" for lesson in lessons)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, encoding="utf-8")
    if done.returncode == 0:
        return None
    if not report.exists():
        raise LessonError(f"pytest could not start:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - our own pytest wrote it
        for problem in (*case.iter("failure"), *case.iter("error")):
            said = (problem.text or problem.get("message") or "").strip().splitlines()
            lesson = case.get("classname", "").removesuffix(".ipynb").rpartition(".")[2]
            return f"{lesson}, {case.get('name')}: {said[0][:200]}"
    raise LessonError(f"pytest failed without a failing cell:\n{done.stdout[-2000:]}")


def _lessons(root: Path) -> list[Path]:
    return sorted((root / "notebooks").glob("[!.]*.ipynb"))


def _imports_of_lesson(path: Path) -> set[str]:
    sources = [cell.source for cell in code_cells(nbformat.read(path, as_version=4))]
    return set(_rooms_imported("\n".join(sources)))


def _rooms_needed(rooms: set[str], root: Path) -> set[str]:
    """Follow imports from room to room."""
    needed: set[str] = set()
    while rooms - needed:
        room = (rooms - needed).pop()
        needed.add(room)
        package = root / "course_utils"
        for module in [*package.glob(f"{room}.py"), *package.glob(f"{room}/*.py")]:
            rooms = rooms | set(_rooms_imported(module.read_text(encoding="utf-8")))
    return needed


def _rooms_imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_utils."):
            yield node.module.split(".")[1]
