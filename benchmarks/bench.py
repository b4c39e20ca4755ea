"""``bench``: measure what a student waits for, beside other libraries and the limit of the machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import psutil

from benchmarks.installation import measure_setup, measure_tests
from benchmarks.lessons import measure_laptop, measure_lessons, measure_start
from benchmarks.machine import BUILD, BenchError, describe, say
from benchmarks.training import measure_growth, measure_training
from course_utils.authoring.execution import LessonError, choose_digits
from course_utils.data import DatasetError, load_dataset
from course_utils.workspace import atomic_path, write_remedy

#: In the order in which they are measured.
PARTS: dict[str, Callable[..., Any]] = {
    "setup": measure_setup,
    "start": measure_start,
    "training": measure_training,
    "growth": measure_growth,
    "lessons": measure_lessons,
    "laptop": measure_laptop,
}
#: These are measured only when they are named: they take too long.
FURTHER_PARTS = {"tests": measure_tests}


def bench(names: Sequence[str] = (), *, quick: bool = False) -> int:
    """Measure, and write what was measured to ``build/bench/results.json`` after each part.

    Parameters
    ----------
    names : sequence of str
        Keys of `PARTS` or `FURTHER_PARTS`; all of `PARTS` when empty.
    quick : bool
        With few images and repetitions, only to see that it works.

    Returns
    -------
    int
        0 when all that can be measured on this machine was; 1 after saying why not.
    """
    parts = PARTS | FURTHER_PARTS
    # NumPy's products are to be as fast as the machine can, whatever type of processor was forced upon OpenBLAS.
    for name in [name for name in os.environ if name.startswith("OPENBLAS_")]:
        del os.environ[name]
    try:
        if unknown := [name for name in names if name not in parts]:
            raise BenchError(f"There is no part {unknown[0]!r}. There are: {', '.join(parts)}.")
        say(f"this takes {'some' if quick else 'up to 20'} minutes; let the machine do nothing else meanwhile")
        BUILD.mkdir(parents=True, exist_ok=True)
        # Found or downloaded once, for all processes to come.
        load_dataset(allow_embedded=False)
        os.environ.update(choose_digits(BUILD)[1])
        results: dict[str, Any] = {"quick": quick, "machine": describe(), "parts": {}}
        for name in names or PARTS:
            results["parts"][name] = _measure(parts[name], quick)
            with atomic_path(BUILD / "results.json") as temporary:
                temporary.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    except (BenchError, DatasetError, LessonError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error}. {write_remedy(error)}", file=sys.stderr)
        return 1
    say("results: build/bench/results.json")
    return 0


def _measure(part: Callable[..., Any], quick: bool) -> dict[str, Any]:
    about: dict[str, Any] = {"date": date.today().isoformat(), "load_before": round(psutil.getloadavg()[0], 2)}
    try:
        return {**about, "measured": part(quick=quick)}
    except BenchError as error:
        say(f"not measured: {error}")
        return {**about, "missing": str(error)}
