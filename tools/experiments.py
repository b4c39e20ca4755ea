"""``seeds``: train the recipe many times, on the cores of this machine or on a Dask cluster, and record what came out.

No training needs another one, so they may be done anywhere and in any order. Each result is written down as soon as it
is there, and what was written down is not done again.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from dataclasses import asdict, replace
from pathlib import Path

from tqdm import tqdm

from tools.single_run import Trained, network_builder, recipe, software
from tools.experiments_workers import SeedsError, cluster_executor, local_executor, train_apart
from course_utils.data import DatasetError, load_dataset
from course_utils.experiments import EXPERIMENTS, RESULTS, WEIGHTS, Result, Run, read_results
from course_utils.workspace import atomic_path


def seeds(names: Sequence[str] = (), *, num_workers: int | None = None, scheduler: str | None = None) -> int:
    """Do and record the trainings of some experiments, or of all: those that are not recorded yet.

    Parameters
    ----------
    names : sequence of str
        Keys of `EXPERIMENTS`; all of them when empty.
    num_workers : int, optional
        Processes of this machine; see `local_executor`.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers are to do the trainings instead.

    Returns
    -------
    int
        0 when all are recorded; 1 after saying why not. Ctrl-C keeps what is finished.
    """
    try:
        if unknown := [name for name in names if name not in EXPERIMENTS]:
            raise SeedsError(f"There is no experiment {unknown[0]!r}. There are: {', '.join(EXPERIMENTS)}.")
        runs = list(dict.fromkeys(run for name in names or EXPERIMENTS for run in EXPERIMENTS[name]))
        if scheduler is None:
            load_dataset(allow_embedded=False)  # to be refused here, and not in each of the processes
        with cluster_executor(scheduler) if scheduler else local_executor(num_workers) as executor:
            record_runs(runs, executor)
    except (SeedsError, DatasetError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(_table(read_results()[run] for run in runs)))
    return 0


def record_runs(runs: Sequence[Run], executor: Executor, path: Path = RESULTS) -> None:
    """Do the trainings that are not recorded yet, and record each as soon as it is finished.

    Parameters
    ----------
    runs : sequence of Run
        The most important first.
    executor : concurrent.futures.Executor
        Where they are done.
    path : Path
        File of the results; weights that are kept go beside it. What else the file holds stays.

    Raises
    ------
    DatasetError, SeedsError
        If a training failed: all that had finished were recorded before, no other is begun.
    """
    results = read_results(path)
    missing = [run for run in runs if run not in results or results[run].recipe != recipe(run.network)]
    with tqdm(total=len(runs), initial=len(runs) - len(missing), unit="run", smoothing=0, disable=None) as bar:
        pending = {executor.submit(train_apart, run, software(run.network)) for run in missing}
        try:
            while pending:
                # Woken every second, so that the clock beside the bar is seen to go.
                finished, pending = wait(pending, timeout=1, return_when=FIRST_COMPLETED)
                # What failed comes last, since False is sorted before True: the others are recorded first.
                in_order = sorted(finished, key=lambda future: future.cancelled() or bool(future.exception()))
                # A loop over futures would keep the last one until the next result; what is kept, Dask trains again if
                # its worker is lost.
                for trained in (future.result() for future in in_order):
                    results[trained.result.run] = trained.result
                    _keep_weights(trained, path.parent)
                    write_results(results.values(), path)
                    bar.update()
                    bar.write(f"{trained.result.run}: test accuracy {trained.result.test_accuracy:.4f}")
                bar.refresh()
        finally:
            for future in pending:
                future.cancel()


def write_results(results: Iterable[Result], path: Path) -> None:
    """Write results for people and for `read_results`: sorted, a line for each list of numbers, whole or not at all.

    Parameters
    ----------
    results : iterable of Result
        All that the file is to hold.
    path : Path
        The file, in a folder that exists.
    """
    rows = []
    for result in sorted(results, key=lambda result: result.run):
        row = asdict(result)
        history = row.pop("history")
        fields = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in row.items()]
        columns = [f"   {json.dumps(name)}: {json.dumps(history[name])}" for name in sorted(history)]
        rows.append(",\n".join([*fields, '  "history": {\n' + ",\n".join(columns) + "\n  }"]))
    with atomic_path(path) as temporary:
        temporary.write_text("[\n" + ",\n".join(f" {{\n{row}\n }}" for row in rows) + "\n]\n", encoding="utf-8")


def _keep_weights(trained: Trained, folder: Path) -> None:
    if trained.weights is not None:
        model = network_builder(trained.result.run.network)()
        model.set_weights(trained.weights)
        with atomic_path(folder / WEIGHTS[trained.result.run]) as temporary:
            model.save_weights(temporary)


def _table(results: Iterable[Result]) -> list[str]:
    """Tell for the trainings that differ only in their seed how the test accuracy is spread."""
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
