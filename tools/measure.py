"""How far numbers move from machine to machine, as far as one machine can tell: the ground for every tolerance.

The same lesson gives slightly different numbers where floating-point sums are grouped differently: by another
instruction set, another library of matrix products, another number of threads. One machine can take several of these
parts by environment variables that oneDNN, TensorFlow and OpenBLAS read when they are loaded.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

from tools import reference
from tools.comparison.compare import Comparison, Tolerance, compare
from tools.execution import LessonError, choose_digits, execute_notebook
from tools.clean_outputs import cell_label, code_cells, normalise
from tools.record import find_lessons
from course_utils.data import DatasetError
from course_utils.workspace import atomic_path

SPREAD = reference.FOLDER / "spread.json"
DETERMINISM = "tensorflow.config.experimental.enable_op_determinism()"

# Each is a machine that this one can pretend to be. "determinism off" is a change of lesson 05, not of its environment.
ENVIRONMENTS = {
    "as it is": {},
    "oneDNN off": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "oneDNN with SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "oneDNN with AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "oneDNN with AVX-512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "one thread": {"TF_NUM_INTRAOP_THREADS": "1"},
    "two threads": {"TF_NUM_INTRAOP_THREADS": "2"},
    "determinism off": {},
    "NumPy with AVX2": {"OPENBLAS_CORETYPE": "Haswell"},
}

Spread = dict[str, dict[str, dict[str, float]]]


def measure() -> int:
    """Execute all lessons in every environment, and write the spread of each cell that moved to ``spread.json``.

    The spread of a cell is the largest distance, over all environments, between an output and the recorded one:
    ``absolute`` and ``relative`` for numbers, ``picture`` for pictures (see `pictures.picture_distance`). A declared
    tolerance should be about twice that; the tests refuse one that is smaller than the spread, or far larger.

    Returns
    -------
    int
        0 when every output lay within the tolerance that its cell declares; 1 otherwise, after saying which did not,
        or why nothing could be measured.
    """
    try:
        return _measure()
    except (LessonError, DatasetError) as error:
        print(f"{error}\nNothing was written.", file=sys.stderr)
        return 1


def _measure() -> int:
    spread: Spread = {}
    outside: list[str] = []
    paths = find_lessons(None)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary,
        tqdm(total=len(ENVIRONMENTS) * len(paths), unit="lesson", disable=None) as bar,
    ):
        digits, found = choose_digits(Path(temporary))
        if digits != "MNIST":
            raise LessonError("Tolerances are measured with MNIST, which was not found; set MNIST_PATH to mnist.npz.")
        for number, (name, environment) in enumerate(ENVIRONMENTS.items()):
            for path in paths:
                bar.set_description(f"{name}, {path.stem}")
                workspace = Path(temporary) / f"{number}-{path.stem}"
                workspace.mkdir()
                lesson = nbformat.read(path, as_version=4)
                outside += _add(lesson, path.stem, name, workspace, {**found, **environment}, spread)
                bar.update()
    _write(spread)
    print("\n".join([*_table(spread), *outside]))
    return int(bool(outside))


def _add(
    lesson: NotebookNode, stem: str, name: str, workspace: Path, environment: dict[str, str], spread: Spread
) -> list[str]:
    """Execute a lesson in one environment, widen the spread by what it gave, and tell what lies outside tolerances."""
    changed = nbformat.from_dict(lesson)
    if name == "determinism off":
        for cell in changed.cells:
            cell.source = cell.source.replace(DETERMINISM, "")
    executed = normalise(execute_notebook(changed, workspace=workspace, environment=environment, name=stem).notebook)
    outside = []
    for recorded, cell in zip(code_cells(normalise(lesson)), code_cells(executed), strict=True):
        comparison = compare(recorded.outputs, cell.outputs, Tolerance.of(cell))
        where = f"{stem}, {cell_label(executed, cell)}, {name}"
        outside += [f"{where}: {difference.sentence}" for difference in comparison.differences]
        moved = spread.get(stem, {}).get(cell.id, {})
        for kind, distance in _distances(comparison).items():
            if distance > moved.get(kind, 0):
                spread.setdefault(stem, {}).setdefault(cell.id, moved)[kind] = distance
    return outside


def _distances(comparison: Comparison) -> dict[str, float]:
    finite = [(old, new) for old, new in comparison.numbers if old.is_finite() and new.is_finite()]
    absolute = max((abs(new - old) for old, new in finite), default=Decimal(0))
    relative = max((abs(new - old) / abs(old) for old, new in finite if old), default=Decimal(0))
    picture = max((distance for distance in comparison.pictures if math.isfinite(distance)), default=0.0)
    return {"absolute": float(absolute), "relative": float(f"{relative:.2g}"), "picture": float(f"{picture:.3g}")}


def _write(spread: Spread) -> None:
    content = {"environments": list(ENVIRONMENTS), "spread": spread}
    with atomic_path(SPREAD) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _table(spread: Spread) -> list[str]:
    lines = [f"{'lesson':22}{'cell':20}{'absolute':>10}{'relative':>10}{'picture':>10}   declared"]
    for path in find_lessons(None):
        for cell in code_cells(nbformat.read(path, as_version=4)):
            moved = spread.get(path.stem, {}).get(cell.id, {})
            declared = dict(cell.metadata.get("tolerance", {}))
            if moved or declared:
                numbers = "".join(f"{moved.get(kind, 0):>10.3g}" for kind in ("absolute", "relative", "picture"))
                lines.append(f"{path.stem:22}{cell.id:20}{numbers}   {declared or 'nothing'}")
    return lines
