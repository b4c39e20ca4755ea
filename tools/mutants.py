"""``mutants``: plant faults in copies of the course, one at a time, and see which recorded output shows each.

Faults that take some thought are listed in ``mutants.toml``. Mechanical ones are made here from the code: each value in
a cell tagged ``parameters`` and each constant of a helper changes, each keyword of ``fit``, ``compile`` and ``dumps``
changes or goes, and training does not shuffle. The tests also change digits in recorded outputs.
"""

from __future__ import annotations

import ast
import itertools
import os
import random
import re
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
from queue import SimpleQueue

from joblib import Parallel, delayed
from tqdm import tqdm

from course_utils.course import ROOT, CourseError, lesson_file
from tools.clean_outputs import read_notebook, to_text
from tools.comparison.outputs import code_cells
from tools.execution import choose_digits
from tools.folders import reading

NUM_SAMPLED = 12
FAULTS_FILE = Path(__file__).with_name("mutants.toml")
CALLS = {"fit", "compile", "dumps"}
OTHER_WORDS = {"adam": "rmsprop", "categorical_crossentropy": "mean_squared_error"}
COPIED = ["course_utils", "docs", "notebooks", "tools", "conftest.py", "pyproject.toml", "requirements.lock"]
COPIED += ["LICENSE", "environment.yml"]  # what the students' edition has besides


@dataclass(frozen=True)
class Fault:
    """A fault: its name and file, the text before and after, and the lessons that may show it."""

    name: str
    file: str
    text: str
    faulty: str
    lessons: tuple[str, ...]  # file names

    @contextmanager
    def planted(self, root: Path) -> Iterator[None]:
        """Plant the fault in a copy of the course for a while; raise CourseError unless its text occurs there once."""
        path = root / self.file
        before = path.read_bytes()
        if path.suffix == ".ipynb":
            notebook = read_notebook(path)
            times = sum(cell.source.count(self.text) for cell in code_cells(notebook))
            for cell in code_cells(notebook):
                cell.source = cell.source.replace(self.text, self.faulty)
            faulty = to_text(notebook)
        else:
            source = path.read_text(encoding="utf-8")
            times, faulty = source.count(self.text), source.replace(self.text, self.faulty)
        if times != 1:
            raise CourseError(
                f"The fault “{self.name}” replaces {self.text[:100]!r}, which must occur once in {self.file}, not "
                f"{times} times. Update tools/{FAULTS_FILE.name}."
            )
        path.write_text(faulty, encoding="utf-8")
        try:
            yield
        finally:
            path.write_bytes(before)


def read_faults() -> list[Fault]:
    """Read the faults of ``mutants.toml``, and make the mechanical ones for its files."""
    faults = []
    with reading(FAULTS_FILE):
        tables = tomllib.loads(FAULTS_FILE.read_text(encoding="utf-8"))
    for file, table in tables.items():
        lessons = tuple(map(lesson_file, table["lessons"])) if "lessons" in table else (Path(file).name,)
        faults += [Fault(file=file, lessons=lessons, **row) for row in table.get("faults", ())]
        for where, source, has_constants in _sources(ROOT / file):
            for what, faulty in mechanical_faults(source, has_constants):
                name = f"{where}: {what}"
                if not any(re.match(rf"(.*: )?({unseen})\b", name) for unseen in table.get("unseen", {})):
                    faults.append(Fault(name, file, source, faulty, lessons))
    return faults


def _sources(path: Path) -> Iterator[tuple[str, str, bool]]:
    """Yield what to change in a module or lesson: its name, its source, and whether its assigned values change too."""
    if path.suffix == ".py":
        yield path.name, path.read_text(encoding="utf-8"), True
        return
    for cell in code_cells(read_notebook(path)):
        tags = cell.metadata.get("tags", [])
        if not {"exercise", "solution"} & {*tags}:
            yield f"{path.stem[:2]} {cell.id}", cell.source, "parameters" in tags


def mechanical_faults(source: str, has_constants: bool) -> Iterator[tuple[str, str]]:
    """Yield the description of each change, and the source with that change."""
    tree = ast.parse(source)
    for name, value in _values(tree) if has_constants else ():
        for constant in ast.walk(value):
            if isinstance(constant, ast.Constant) and (other := _other(constant.value)) is not None:
                # The column distinguishes the two in 28 * 28.
                what = f"{name} {constant.value!r} → {other}, column {constant.col_offset}"
                yield what, _replaced(source, constant, other)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in CALLS:
            for keyword in call.keywords:
                written = ast.get_source_segment(source, keyword.value)
                other = _other(keyword.value.value) if isinstance(keyword.value, ast.Constant) else None
                if keyword.arg in ("batch_size", "epochs") and not other:
                    other = f"{written} + 1"
                # An empty dictionary replaces a keyword that is left out.
                what = f"{call.func.attr} {keyword.arg} {written} → {other or 'left out'}"
                yield " ".join(what.split()), _replaced(source, keyword, f"{keyword.arg}={other}" if other else "**{}")
            if call.func.attr == "fit":
                text = f"{ast.get_source_segment(source, call.keywords[-1])}, shuffle=False"
                yield "fit without shuffling", _replaced(source, call.keywords[-1], text)


def _values(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names and values that a module or cell assigns, and the defaults of its functions."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.FunctionDef):
            for argument, value in zip(reversed(node.args.args), reversed(node.args.defaults), strict=False):
                yield f"{node.name} {argument.arg}", value


def _other(value: object) -> str | None:
    if isinstance(value, bool):
        return repr(not value)
    if isinstance(value, int | float):
        return repr(value + 1 if isinstance(value, int) else round(1.1 * value, 9))
    return repr(OTHER_WORDS[value]) if isinstance(value, str) and value in OTHER_WORDS else None


def _replaced(source: str, node: ast.Constant | ast.keyword, text: str) -> str:
    code = source.encode()
    lines = [0, *itertools.accumulate(map(len, code.splitlines(keepends=True)))]
    begin = lines[node.lineno - 1] + node.col_offset
    end = lines[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
    return (code[:begin] + text.encode() + code[end:]).decode()


def mutants(names: Sequence[str] = (), *, long: bool = False) -> int:
    """Plant faults in copies of the course, one copy for each core, and print which cell shows each fault.

    The faults are those with one of `names` in their name or file; without names, a sample of all; with `long`, all.
    Returns 1 if a fault does not show, or if a lesson fails without any fault.
    """
    faults = read_faults()
    for name in names:
        if not any(name in fault.name + fault.file for fault in faults):
            raise CourseError(
                f"No fault has {name!r} in its name or file. Try the name of a file such as model.py, a word such as "
                f"dropout, or a name in tools/{FAULTS_FILE.name}."
            )
    chosen = [fault for fault in faults if any(name in fault.name + fault.file for name in names)]
    if not names:
        chosen = faults if long else random.sample(faults, NUM_SAMPLED)
        print(f"{len(chosen)} of {len(faults)} faults" + " (all of them: LONG=1)" * (not long))
    survivors = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        if choose_digits(Path(temporary))[0] != "MNIST":
            raise CourseError("MNIST was not found, and without it some outputs are not compared. Set MNIST_PATH.")
        copies = [copy_course(Path(temporary) / str(number)) for number in range(min(os.cpu_count() or 1, len(chosen)))]
        for fault in chosen:
            with fault.planted(copies[0]):
                pass
        print("Testing the lessons without any fault first", flush=True)
        touched = sorted({lesson for fault in chosen for lesson in fault.lessons})
        if failure := first_failure(copies[0], touched):
            print(f"A lesson fails without any fault: {failure}")
            return 1
        free: SimpleQueue[Path] = SimpleQueue()
        for copy in copies:
            free.put(copy)
        # Threads are enough: each only waits for the pytest that it starts.
        pool = Parallel(len(copies), "threading", return_as="generator_unordered")
        tried = pool(delayed(_try)(fault, free) for fault in chosen)
        for number, (fault, seconds, failure) in enumerate(tqdm(tried, "faults", len(chosen), disable=None), start=1):
            survivors += failure is None
            verdict = f"noticed by {failure}" if failure else f"SURVIVED {', '.join(fault.lessons)}"
            tqdm.write(f"{number:3} {fault.name} ({fault.file}, {seconds:.0f} s): {verdict}")
            sys.stdout.flush()
    print(f"{len(chosen) - survivors} of {len(chosen)} faults noticed")
    return int(survivors > 0)


def _try(fault: Fault, free: SimpleQueue[Path]) -> tuple[Fault, float, str | None]:
    started = time.monotonic()
    copy = free.get()
    try:
        with fault.planted(copy):
            failure = first_failure(copy, fault.lessons)
        return fault, time.monotonic() - started, failure
    finally:
        free.put(copy)


def copy_course(target: Path) -> Path:
    """Copy what is needed to test the lessons, and return the folder."""
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    target.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=ignored)
        else:
            shutil.copy2(ROOT / name, target / name)
    return target


def first_failure(root: Path, lessons: Sequence[str]) -> str | None:
    """Run lessons of a copy until a cell fails; return the cell and the first line of its message."""
    report = root / "report.xml"
    report.unlink(missing_ok=True)
    # The copy's packages come before the installed ones, in pytest and in the kernels.
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
