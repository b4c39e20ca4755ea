"""What a student waits for: the first picture, every lesson from top to bottom, and the same on a small laptop."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import nbformat
from nbformat import NotebookNode

from benchmarks.figures import TRAINING_LESSONS
from benchmarks.machine import ROOT, BenchError, ask, say
from tools.execution import Execution, LessonError, execute_notebook
from tools.run import html_page

REPETITIONS = 5
LAPTOP_BYTES = 2 * 2**30

# Its own names, so that no lesson can use them too.
START = "import benchmarks.stopwatch as bench_stopwatch\n\nbench_stopwatch.start()"
SECONDS = {"seconds": "bench_stopwatch.seconds()"}


def measure_start(*, quick: bool) -> dict[str, list[Any]]:
    """Measure imports in fresh processes, and lesson 01 from a fresh kernel to its first picture.

    Parameters
    ----------
    quick : bool
        Only to see that it works.

    Returns
    -------
    dict of str to list
        Seconds of ``import course_utils`` and ``import tensorflow``, by these names; ``tensorflow_imported``, whether
        the first brings it along; ``first_picture``, what `run_lesson` tells of the lesson up to there.
    """
    code = "import json, sys, time; start = time.perf_counter(); import {}; seconds = time.perf_counter() - start; "
    code += "print(json.dumps([seconds, 'tensorflow' in sys.modules]))"
    beginning = up_to_first_picture(nbformat.read(_lessons()["01"], as_version=4))
    measured: dict[str, list[Any]] = {
        name: [] for name in ("course_utils", "tensorflow", "tensorflow_imported", "first_picture")
    }
    for repetition in range(-1, 2 if quick else REPETITIONS):
        answers = {name: ask("-c", code.format(name)) for name in ("course_utils", "tensorflow")}
        with tempfile.TemporaryDirectory() as workspace:
            picture, _ = run_lesson(beginning, Path(workspace), "01")
        if repetition < 0:
            continue  # the first only fills the caches of the disk
        for name, (seconds, _) in answers.items():
            measured[name].append(seconds)
        measured["tensorflow_imported"].append(answers["course_utils"][1])
        measured["first_picture"].append(picture)
        say(f"import course_utils: {answers['course_utils'][0]:.3f} s; first picture: {picture['seconds']:.2f} s")
    return measured


def measure_lessons(*, quick: bool) -> dict[str, Any]:
    """Run all lessons as ``make run`` does, in order, one workspace for all; then again those that do not train.

    Parameters
    ----------
    quick : bool
        Only to see that it works: two lessons.

    Returns
    -------
    dict
        ``lessons``: for each, what `run_lesson` tells of each repetition; ``pages``: seconds to write all web pages.
    """
    measured: dict[str, list[dict[str, float]]] = {}
    pages = 0.0
    with tempfile.TemporaryDirectory() as workspace:
        for repetition in range(1 if quick else 3):
            for number, path in _lessons().items():
                if (number in TRAINING_LESSONS and repetition) or (quick and number not in ("01", "04")):
                    continue
                told, execution = run_lesson(nbformat.read(path, as_version=4), Path(workspace), path.stem)
                measured.setdefault(path.stem, []).append(told)
                say(f"{path.stem}: {told['seconds']:.1f} s, {told['peak_mb']:,.0f} MB")
                if not repetition:
                    start = perf_counter()
                    html_page(execution.notebook, path.stem, path.parent)
                    pages += perf_counter() - start
    return {"lessons": measured, "pages": pages}


def measure_laptop(*, quick: bool) -> dict[str, Any]:
    """Run all lessons once with 2 GiB of memory on one core.

    Parameters
    ----------
    quick : bool
        Only to see that it works: two lessons, two epochs.

    Returns
    -------
    dict of str to dict or str
        For each lesson what `run_lesson` tells, or how it failed.

    Raises
    ------
    BenchError
        On a system that cannot be limited so.
    """
    parameters = {"num_epochs": 2} if quick else {}
    measured: dict[str, Any] = {}
    with small_laptop(), tempfile.TemporaryDirectory() as workspace:
        for number, path in _lessons().items():
            if quick and number not in ("01", "05"):
                continue
            try:
                measured[path.stem], _ = run_lesson(
                    nbformat.read(path, as_version=4), Path(workspace), path.stem, parameters
                )
                say(f"laptop, {path.stem}: {measured[path.stem]['seconds']:.1f} s")
            except LessonError as error:
                measured[path.stem] = str(error)
                say(f"laptop, {path.stem} FAILED: {error}")
    return measured


def run_lesson(
    notebook: NotebookNode, workspace: Path, name: str, parameters: dict[str, Any] | None = None
) -> tuple[dict[str, float], Execution]:
    """Run a lesson in a kernel of its own, with the stopwatch in an additional first cell.

    Parameters
    ----------
    notebook : NotebookNode
        The lesson; it is changed.
    workspace, name, parameters
        As for `execute_notebook`.

    Returns
    -------
    tuple of dict and Execution
        ``seconds`` from the start of the kernel to the end of the last cell; of these, ``kernel`` until the first cell,
        and ``imports``, ``data``, ``training``, ``work`` as in `benchmarks.stopwatch`; ``peak_mb``, the largest
        resident memory of the kernel, in units of 2**20 bytes. And what was executed.

    Raises
    ------
    LessonError
        If a cell fails.
    """
    copy = nbformat.from_dict(notebook)
    copy.cells.insert(0, nbformat.v4.new_code_cell(START))
    execution = execute_notebook(copy, workspace=workspace, name=name, parameters=parameters, expressions=SECONDS)
    kinds = execution.values["seconds"]
    kernel = execution.seconds - sum(kinds.values())
    return {"seconds": execution.seconds, "kernel": kernel, **kinds, "peak_mb": execution.peak_rss_mb}, execution


def up_to_first_picture(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a lesson that ends with the first cell that shows a picture."""
    for index, cell in enumerate(notebook.cells):
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            return nbformat.from_dict({**notebook, "cells": notebook.cells[: index + 1]})
    raise BenchError("This lesson has recorded no picture.")


@contextmanager
def small_laptop() -> Iterator[None]:
    """Leave one core and 2 GiB to the processes that are started in this block.

    The limit is ``ulimit -d``: all memory of a process that it may write to and that nobody else sees. Unlike a cgroup
    it takes no rights, and unlike ``ulimit -v`` it leaves out addresses for which no memory is needed: a lesson with
    TensorFlow has 3.6 GB of addresses when it has 1.6 GB of memory. It counts each process on its own.

    Raises
    ------
    BenchError
        If the system does not know such limits.
    """
    if sys.platform != "linux":
        raise BenchError("One core and 2 GiB of memory can be set only on Linux.")
    import resource

    cores, limits = os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_DATA)
    try:
        os.sched_setaffinity(0, {min(cores)})
        resource.setrlimit(resource.RLIMIT_DATA, (LAPTOP_BYTES, limits[1]))
        yield
    finally:
        os.sched_setaffinity(0, cores)
        resource.setrlimit(resource.RLIMIT_DATA, limits)


def _lessons() -> dict[str, Path]:
    return {path.name[:2]: path for path in sorted((ROOT / "notebooks").glob("[!.]*.ipynb"))}
