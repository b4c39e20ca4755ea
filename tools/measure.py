"""How far numbers move from machine to machine, as far as one machine can tell: the basis of every tolerance.

The same lesson gives slightly different numbers where floating-point sums are grouped differently: by another
instruction set, another library of matrix products, another number of threads. One machine can simulate several of
these by environment variables that oneDNN, TensorFlow and OpenBLAS read when they are loaded.
"""

from __future__ import annotations

import json
import math
import tempfile
from decimal import Decimal
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

from course_utils.course import LESSONS, NOTEBOOKS, REFERENCE, lesson_file
from course_utils.workspace import atomic_path
from tools.clean_outputs import clean_outputs
from tools.comparison.compare import Comparison, Tolerance, compare
from tools.comparison.outputs import cell_label, code_cells
from tools.execution import LessonError, choose_digits, execute_notebook

MEASURED = REFERENCE / "measured_tolerances.json"
DETERMINISM = "tensorflow.config.experimental.enable_op_determinism()"

# Each is a machine that this one can simulate. "determinism off" is a change of lesson 06, not of its environment.
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "as it is": {},
    "oneDNN with SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "oneDNN with AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "oneDNN with AVX-512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "one thread": {"TF_NUM_INTRAOP_THREADS": "1"},
    "two threads": {"TF_NUM_INTRAOP_THREADS": "2"},
    "determinism off": {},
    "NumPy with AVX2": {"OPENBLAS_CORETYPE": "Haswell"},
}


def measure() -> int:
    """Execute all lessons in every environment, and write how far each cell moved to ``measured_tolerances.json``.

    The spread of a cell is the largest distance, over all environments, between an output and the recorded one. A
    declared tolerance should be about twice that; a test refuses one that is smaller than the spread, or far larger.
    Returns 1 when an output lay outside the tolerance that its cell declares.
    """
    spread: dict[str, dict[str, dict[str, float]]] = {}
    outside: list[str] = []
    lessons = [NOTEBOOKS / lesson_file(number) for number in LESSONS]
    runs = [(name, path) for name in ENVIRONMENTS for path in lessons]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        digits, found = choose_digits(Path(temporary))
        if digits != "MNIST":
            raise LessonError("Tolerances are measured with MNIST, which was not found. Set MNIST_PATH to mnist.npz.")
        for number, (name, path) in enumerate(bar := tqdm(runs, unit="lesson", disable=None)):
            bar.set_description(f"{name}, {path.stem}")
            workspace = Path(temporary) / str(number)
            workspace.mkdir()
            recorded = nbformat.read(path, as_version=4)
            executed = _execute(recorded, path.stem, name, workspace, found)
            for before, cell in zip(code_cells(recorded), code_cells(executed), strict=True):
                comparison = compare(before.outputs, cell.outputs, Tolerance.of(cell))
                where = f"{path.stem}, {cell_label(executed, cell)}, {name}"
                outside += [f"{where}: {difference.sentence}" for difference in comparison.differences]
                for kind, distance in _distances(comparison).items():
                    moved = spread.setdefault(path.stem, {}).setdefault(cell.id, {})
                    moved[kind] = max(distance, moved.get(kind, 0))
    with atomic_path(MEASURED) as file:
        content = {"environments": list(ENVIRONMENTS), "spread": spread}
        file.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for stem, cells in spread.items():
        print("\n".join(f"{stem}, {cell_id}: {moved}" for cell_id, moved in cells.items()))
    print("\n".join(outside))
    return int(bool(outside))


def _execute(lesson: NotebookNode, stem: str, name: str, workspace: Path, found: dict[str, str]) -> NotebookNode:
    changed = nbformat.from_dict(lesson)
    if name == "determinism off":
        for cell in changed.cells:
            cell.source = cell.source.replace(DETERMINISM, "")
    environment = {**found, **ENVIRONMENTS[name]}
    return clean_outputs(execute_notebook(changed, workspace=workspace, environment=environment, name=stem).notebook)


def _distances(comparison: Comparison) -> dict[str, float]:
    finite = [(old, new) for old, new in comparison.numbers if old.is_finite() and new.is_finite()]
    absolute = max((abs(new - old) for old, new in finite), default=Decimal(0))
    relative = max((abs(new - old) / abs(old) for old, new in finite if old), default=Decimal(0))
    picture = max((distance for distance in comparison.pictures if math.isfinite(distance)), default=0.0)
    distances = {"absolute": float(absolute), "relative": float(f"{relative:.2g}"), "picture": float(f"{picture:.3g}")}
    return {kind: distance for kind, distance in distances.items() if distance}
