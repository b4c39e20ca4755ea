"""``experiments``: train the recipe many times, on this machine or a Dask cluster, and record the results.

No training depends on another, so joblib can run them anywhere and in any order. Each result is recorded as soon as it
is there, and is not computed again.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import psutil
from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from course_utils.course import CourseError
from course_utils.data import load_dataset
from course_utils.experiments import EXPERIMENTS, RESULTS, WEIGHTS, Result, Run, read_results
from course_utils.workspace import atomic_path
from tools.single_run import network_builder, recipe, software, train_apart

BYTES_OF_A_TRAINING = 2e9  # a process with TensorFlow and MNIST takes 1.5 GB at its peak


def experiments(names: Sequence[str] = (), *, num_workers: int | None = None, scheduler: str | None = None) -> int:
    """Do the training runs of these experiments, or of all, that are not recorded yet, and record them."""
    if unknown := [name for name in names if name not in EXPERIMENTS]:
        raise CourseError(f"There is no experiment {unknown[0]!r}. There are: {', '.join(EXPERIMENTS)}.")
    runs = list(dict.fromkeys(run for name in names or EXPERIMENTS for run in EXPERIMENTS[name]))
    load_dataset(allow_embedded=False)  # fails here rather than in each process
    with workers(num_workers, scheduler):
        record_runs(runs)
    results = read_results()
    print("\n".join(_table(results[run] for run in runs)))
    return 0


@contextmanager
def workers(num_workers: int | None, scheduler: str | None) -> Iterator[None]:
    """Choose where the block trains: on this machine, or on the workers of a Dask scheduler."""
    if scheduler is None:
        fitting = int(psutil.virtual_memory().available // BYTES_OF_A_TRAINING)
        # Threads are enough: each only waits for the process that trains.
        with parallel_config("threading", n_jobs=num_workers or max(1, min(os.cpu_count() or 1, fitting))):
            yield
        return
    from distributed import Client, KilledWorker

    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise CourseError(f"No Dask scheduler answers at {scheduler}. Start one: dask scheduler") from error
    recorded = "Finished runs are recorded. Restart {}, then run the same command again."
    with client:
        if not client.scheduler_info()["workers"]:
            print(f"The scheduler has no workers yet. Start some: dask worker {scheduler}", flush=True)
        try:
            with parallel_config("dask", n_jobs=-1, wait_for_workers_timeout=600):
                yield
        except KilledWorker as error:
            raise CourseError(f"A run lost its worker several times. {recorded.format('the workers')}") from error
        except (CancelledError, OSError) as error:
            raise CourseError(
                f"The connection to {scheduler} was lost. {recorded.format('the scheduler and its workers')}"
            ) from error


def record_runs(runs: Sequence[Run], path: Path = RESULTS) -> None:
    """Do the runs that are not recorded yet, and record each with its weights as soon as it is finished."""
    results = read_results(path)
    missing = [run for run in runs if run not in results or results[run].recipe != recipe(run.network)]
    tasks = [delayed(train_apart)(run, software(run.network)) for run in missing]
    with tqdm(total=len(runs), initial=len(runs) - len(missing), unit="run", smoothing=0, disable=None) as bar:
        bar.refresh()
        for result, weights in Parallel(return_as="generator_unordered")(tasks) if tasks else ():
            if weights is not None:
                model = network_builder(result.run.network)()
                model.set_weights(weights)
                with atomic_path(path.with_name(WEIGHTS[result.run])) as temporary:
                    model.save_weights(temporary)
            # Keep what another process has written meanwhile.
            write_results([*(read_results(path) | {result.run: result}).values()], path)
            bar.update()
            bar.write(f"{result.run}: test accuracy {result.test_accuracy:.4f}")


def write_results(results: Iterable[Result], path: Path) -> None:
    """Write results for `read_results` and for people: sorted, one line for each list of numbers."""
    rows = []
    for result in sorted(results, key=lambda result: result.run):
        row = asdict(result)
        history = row.pop("history")
        fields = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in row.items()]
        columns = [f"   {json.dumps(name)}: {json.dumps(history[name])}" for name in sorted(history)]
        rows.append(",\n".join([*fields, '  "history": {\n' + ",\n".join(columns) + "\n  }"]))
    with atomic_path(path) as temporary:
        temporary.write_text("[\n" + ",\n".join(f" {{\n{row}\n }}" for row in rows) + "\n]\n", encoding="utf-8")


def _table(results: Iterable[Result]) -> list[str]:
    """Return a table of how the test accuracy varies among runs that differ only in their seed."""
    groups: dict[Run, list[float]] = {}
    for result in results:
        groups.setdefault(replace(result.run, seed=0), []).append(result.test_accuracy)
    lines = [f"{'test accuracy of':64}{'seeds':>6}{'mean':>9}{'st. dev.':>10}{'lowest':>9}{'highest':>9}"]
    for run, accuracies in groups.items():
        what = str(run).replace(", seed 0", "")
        deviation = f"{statistics.stdev(accuracies):10.4f}" if len(accuracies) > 1 else f"{'-':>10}"
        low, mean, high = min(accuracies), statistics.mean(accuracies), max(accuracies)
        lines.append(f"{what:64}{len(accuracies):6}{mean:9.4f}{deviation}{low:9.4f}{high:9.4f}")
    return lines
