"""``bench``: measure what a student waits for, beside other libraries and the limit of the machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from benchmarks.machine import BUILD, BenchError, describe, say
from benchmarks.training import measure_growth, measure_training
from course_utils.authoring.execution import choose_digits
from course_utils.data import DatasetError, load_dataset
from course_utils.workspace import atomic_path, write_remedy

#: In the order in which they are measured.
PARTS: dict[str, Callable[..., Any]] = {
    "training": measure_training,
    "growth": measure_growth,
}


def bench(names: Sequence[str] = (), *, quick: bool = False) -> int:
    """Measure, and write what was measured to ``build/bench/results.json`` after each part.

    Parameters
    ----------
    names : sequence of str
        Keys of `PARTS`; all of them when empty.
    quick : bool
        With few images and repetitions, only to see that it works.

    Returns
    -------
    int
        0 when all was measured; 1 after saying why not.
    """
    try:
        if unknown := [name for name in names if name not in PARTS]:
            raise BenchError(f"There is no part {unknown[0]!r}. There are: {', '.join(PARTS)}.")
        say(f"this takes {'about two' if quick else 'up to 20'} minutes; let the machine do nothing else meanwhile")
        BUILD.mkdir(parents=True, exist_ok=True)
        # Found or downloaded once, for all processes to come.
        load_dataset(allow_embedded=False)
        os.environ.update(choose_digits(BUILD)[1])
        results: dict[str, Any] = {"date": date.today().isoformat(), "quick": quick, "machine": describe()}
        for name in names or PARTS:
            results[name] = PARTS[name](quick=quick)
            with atomic_path(BUILD / "results.json") as temporary:
                temporary.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    except (BenchError, DatasetError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error}. {write_remedy(error)}", file=sys.stderr)
        return 1
    say("results: build/bench/results.json")
    return 0
