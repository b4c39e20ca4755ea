"""``bench``: measure what a student waits for, beside other libraries and the limit of the machine."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from benchmarks.compare import compare
from benchmarks.figures import Results
from benchmarks.installation import measure_setup, measure_tests
from benchmarks.lessons import measure_laptop, measure_lessons, measure_start
from benchmarks.machine import BUILD, BenchError, describe, further_packages, say
from benchmarks.plots import draw
from benchmarks.report import insert, tables
from benchmarks.training import measure_growth, measure_training
from tools.execution import LessonError, choose_digits
from course_utils.data import DatasetError, load_dataset
from course_utils.workspace import atomic_path, write_remedy

#: In the order in which they are measured.
PARTS: dict[str, Callable[..., Any]] = {
    "setup": measure_setup,
    "start": measure_start,
    "training": measure_training,
    "growth": measure_growth,
    "lessons": measure_lessons,
}
#: These take some ten minutes each, and are measured only when they are named.
FURTHER_PARTS: dict[str, Callable[..., Any]] = {"laptop": measure_laptop, "tests": measure_tests}

RESULTS = Path(__file__).with_name("results.json")
README = Path(__file__).with_name("README.md")


def bench(names: Sequence[str] = (), *, quick: bool = False, keep: bool = False, strict: bool = False) -> int:
    """Measure, write what was measured to ``build/bench/``, and compare it with the committed results.

    Parameters
    ----------
    names : sequence of str
        Keys of `PARTS` or `FURTHER_PARTS`; all of `PARTS` when empty.
    quick : bool
        With few images and repetitions, only to see that it works.
    keep : bool
        Replace the committed results, the parts that were measured, with tables and pictures.
    strict : bool
        Whether something that became worse is a failure.

    Returns
    -------
    int
        0 when all that can be measured on this machine was; 1 after saying why not, or what became worse if `strict`.
    """
    parts = PARTS | FURTHER_PARTS
    try:
        if unknown := [name for name in names if name not in parts]:
            raise BenchError(f"There is no part {unknown[0]!r}. There are: {', '.join(parts)}.")
        if quick and keep:
            raise BenchError("A trial is not kept: it measures too little.")
        say(f"this takes {'some' if quick else 'up to 20'} minutes; let the machine do nothing else meanwhile")
        BUILD.mkdir(parents=True, exist_ok=True)
        # Found or downloaded once, for all processes to come.
        dataset = load_dataset(allow_embedded=False)
        if dataset.name != "MNIST":
            raise BenchError(f"The benchmark is for MNIST, and MNIST_PATH names {dataset.name}.")
        os.environ.update(choose_digits(BUILD)[1])
        # NumPy's products are to be as fast as the machine can, whatever type of processor was forced upon OpenBLAS.
        for name in [name for name in os.environ if name.startswith("OPENBLAS_")]:
            del os.environ[name]
        with suppress(BenchError):
            further_packages()  # now, so that its version is known
        results: dict[str, Any] = {"quick": quick, "machine": describe(), "parts": {}}
        committed = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else None
        for name in names or PARTS:
            results["parts"][name] = _measure(parts[name], quick)
            write_results(results, BUILD / "results.json")
        print(f"\n{tables(results)}\n")
        draw(results, BUILD)
        lines, is_fine = compare(committed, results) if committed else (["There are no committed results."], True)
        print("\n".join(lines))
        if keep:
            _keep(results, committed)
    except (BenchError, DatasetError, LessonError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error}. {write_remedy(error)}", file=sys.stderr)
        return 1
    say(f"results and pictures: build/bench/{' and benchmarks/' if keep else ''}")
    return int(strict and not is_fine)


def write_results(results: Results, path: Path) -> None:
    """Write results for people and for programs: four decimals, and each list of numbers on a line.

    Parameters
    ----------
    results : dict
        What was measured.
    path : Path
        The file, in a folder that exists; it appears whole or not at all.
    """
    rounded = json.loads(json.dumps(results), parse_float=lambda text: round(float(text), 4))
    text = re.sub(r"\[[^][{}]*\]", lambda match: " ".join(match[0].split()), json.dumps(rounded, indent=1))
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _measure(part: Callable[..., Any], quick: bool) -> dict[str, Any]:
    about: dict[str, Any] = {"date": date.today().isoformat(), "load_before": round(psutil.getloadavg()[0], 2)}
    try:
        return {**about, "measured": part(quick=quick)}
    except BenchError as error:
        say(f"not measured: {error}")
        return {**about, "missing": str(error)}


def _keep(results: Results, committed: Results | None) -> None:
    if committed and committed["machine"] == results["machine"]:
        # What could not be measured this time does not take the place of what was.
        measured = {name: one for name, one in results["parts"].items() if "measured" in one}
        results = {**results, "parts": {**committed["parts"], **measured}}
    elif lacking := PARTS.keys() - results["parts"].keys():
        raise BenchError(
            f"Not kept: the committed results are of another machine or other versions, and without "
            f"{', '.join(sorted(lacking))} these cannot replace them. Measure all: make bench KEEP=1"
        )
    write_results(results, RESULTS)
    # As the file has them, rounded.
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    text = insert(README.read_text(encoding="utf-8"), results)
    with atomic_path(README) as temporary:
        temporary.write_text(text, encoding="utf-8")
    draw(results, README.parent)
