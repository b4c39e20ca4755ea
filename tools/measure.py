"""Measure how far each recorded number moves from machine to machine, as far as one machine can tell.

A lesson gives slightly different numbers where floating-point sums are grouped differently: with another instruction
set, another library for matrix products, another number of threads. One machine can simulate several of these with
environment variables that oneDNN, TensorFlow and OpenBLAS read when they are loaded. Rounding seeds represent the many
others: every pixel and every initial weight is moved by one unit in the last place.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from tqdm import tqdm

from course_utils.course import LESSONS, NOTEBOOKS, lesson_file
from course_utils.workspace import atomic_path
from tools.clean_outputs import clean_outputs, read_notebook
from tools.comparison.compare import compare
from tools.comparison.outputs import cell_label, code_cells
from tools.comparison.tolerance import Tolerance, fingerprint
from tools.execution import LessonError, choose_digits, execute_notebook
from tools.reference import MEASURED

_OFF, _ON = {"TF_ENABLE_ONEDNN_OPTS": "0"}, {"TF_ENABLE_ONEDNN_OPTS": "1"}
NUM_ROUNDING_SEEDS = 12
_ANY_DISTANCE = 1e99

#: Machines that this one can simulate. The first is what students have; the second is how lesson 06 was recorded. Even
#: without oneDNN's operations, TensorFlow multiplies matrices with oneDNN's code for the instruction set.
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "without oneDNN": _OFF,
    "with oneDNN": _ON,
    "without oneDNN, AVX2": {**_OFF, "ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell"},
    "NumPy with AVX-512": {**_OFF, "OPENBLAS_CORETYPE": "SkylakeX"},
    "without oneDNN, SSE4.1": {**_OFF, "ONEDNN_MAX_CPU_ISA": "SSE41", "OPENBLAS_CORETYPE": "Nehalem"},
    "with oneDNN, AVX2": {**_ON, "ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell"},
    "with oneDNN, SSE4.1": {**_ON, "ONEDNN_MAX_CPU_ISA": "SSE41", "OPENBLAS_CORETYPE": "Nehalem"},
    "one thread": {**_OFF, "TF_NUM_INTRAOP_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    **{f"rounding seed {seed}": (_OFF, _ON)[seed % 2] for seed in range(1, NUM_ROUNDING_SEEDS + 1)},
}

# Executed before a lesson's first cell, and so before NumPy and TensorFlow are loaded. If these variables were set
# earlier, the course would drop them as personal settings.
_SET_ENVIRONMENT = "import os\nimport course_utils\nos.environ.update({environment})"
_MOVE_LAST_PLACES = """
import keras, numpy
from course_utils import preprocessing

def moved(function):
    def moved_function(*arguments, **options):
        values = numpy.asarray(function(*arguments, **options))
        signs = numpy.random.default_rng({seed}).choice([-1, 1], values.shape[1:])
        return values * (1 + 2**-23 * signs).astype("float32")
    return moved_function

preprocessing.preprocess_images = moved(preprocessing.preprocess_images)
keras.initializers.GlorotUniform.__call__ = moved(keras.initializers.GlorotUniform.__call__)
"""


def measure(lessons: Sequence[str] = ()) -> int:
    """Execute lessons in many environments, and write how far each number moved to ``measured_tolerances.json``.

    Lessons in which no cell declares a ``tolerance`` are executed in the first two environments only. The file is
    written after each lesson, so that you can stop at any time. Returns 1 if numbers moved in a cell that does not
    declare it, or if words changed.
    """
    surprises = []
    for number in (bar := tqdm(lessons or LESSONS, unit="lesson", disable=None)):
        path = NOTEBOOKS / lesson_file(number)
        recorded = read_notebook(path)
        moves = any(cell.metadata.get("tolerance") for cell in recorded.cells)
        names = list(ENVIRONMENTS) if moves else list(ENVIRONMENTS)[:2]
        runs: list[NotebookNode] = []
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
            digits, found = choose_digits(Path(temporary))
            if digits != "MNIST":
                raise LessonError("Measuring needs MNIST, which was not found. Set MNIST_PATH to the file mnist.npz.")
            for name in names:
                bar.set_description(f"lesson {number} {name} ({len(runs) + 1} of {len(names)})")
                runs.append(_execute(recorded, path.stem, name, Path(temporary), found))
        cells, problems = spread(recorded, runs)
        surprises += [f"{path.stem}, {problem}" for problem in problems]
        write(path.stem, cells)
    print("\n".join(surprises) or "No number has moved in a cell that declares no tolerance.")
    return int(bool(surprises))


def spread(recorded: NotebookNode, runs: Sequence[NotebookNode]) -> tuple[dict[str, Any], list[str]]:
    """Return the file's entry for each cell that declares a tolerance, and a sentence about whatever else moved.

    The spread of a number is the largest distance between any two of its values, the recorded one included; that of a
    picture is its largest distance from the recorded one.
    """
    cells: dict[str, Any] = {}
    problems: list[str] = []
    for index, cell in enumerate(code_cells(recorded)):
        tolerance = Tolerance.of(cell)
        if tolerance.numbers:
            tolerance = dataclasses.replace(tolerance, absolute=_ANY_DISTANCE)
        limits: dict[str, tuple[Decimal, Decimal]] = {}
        pictures: dict[str, float] = {}
        for run in runs:
            found = compare(cell.outputs, code_cells(run)[index].outputs, tolerance)
            for place, distance in found.moved.items():
                low, high = limits.get(place, (Decimal(0), Decimal(0)))
                limits[place] = min(low, distance), max(high, distance)
            for count, moved in enumerate(found.pictures, start=1):
                pictures[f"picture {count}"] = max(float(f"{moved:.3g}"), pictures.get(f"picture {count}", 0))
            problems += [f"{cell_label(recorded, cell)}: {difference.sentence}" for difference in found.differences]
        numbers = {place: float(limits[place][1] - limits[place][0]) for place in sorted(limits, key=_in_order)}
        if cell.metadata.get("tolerance"):
            moved_pictures = {name: distance for name, distance in pictures.items() if distance}
            cells[cell.id] = {"source": fingerprint(cell), "spread": numbers | moved_pictures}
    return cells, list(dict.fromkeys(problems))


def write(notebook: str, cells: dict[str, Any], file: Path = MEASURED) -> None:
    """Replace the entry of one notebook in the file."""
    content = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    measured = {**content.get("cells", {}), notebook: cells}
    content = {
        "measured_by": "make measure LESSON={notebook:.2}",
        "cells": {name: measured[name] for name in sorted(measured) if measured[name]},
    }
    with atomic_path(file) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _execute(lesson: NotebookNode, stem: str, name: str, folder: Path, found: dict[str, str]) -> NotebookNode:
    changed = nbformat.from_dict(lesson)
    first = _SET_ENVIRONMENT.format(environment=ENVIRONMENTS[name])
    if name.startswith("rounding seed "):
        first += _MOVE_LAST_PLACES.format(seed=name.split()[-1])
    changed.cells.insert(0, new_code_cell(first, id="environment"))
    workspace = Path(tempfile.mkdtemp(dir=folder))
    executed = execute_notebook(changed, stem, workspace=workspace, environment=found).notebook
    del executed.cells[0]
    for cell in code_cells(executed):  # where TensorFlow reports that it uses oneDNN
        cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return clean_outputs(executed)


def _in_order(place: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", place)]
