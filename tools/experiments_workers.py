"""Where the trainings of ``seeds`` are done: in processes of this machine, or of the machines of a Dask cluster.

Both are executors in the sense of ``concurrent.futures``, and are handed `train_apart`: each training gets a process of
its own, where nothing else draws random numbers.
"""

from __future__ import annotations

import io
import os
import pickle
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import psutil

from tools.single_run import Software, Trained, software, train
from course_utils.data import DatasetError
from course_utils.experiments import Run

BYTES_OF_A_TRAINING = 2e9  # a process with TensorFlow and MNIST takes 1.5 GB at its peak
SECONDS_TO_CONNECT = 10
# Ctrl-C reaches every process of a terminal; only the first one is to answer.
CHILD = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import {__name__} as w; w.answer()"

_children: set[subprocess.Popen] = set()


class SeedsError(Exception):
    """The trainings cannot go on; the message says why and what to do. What was finished is recorded."""


def train_apart(run: Run, expected: Software) -> Trained:
    """Do one training in a process of its own, on one core. The process ends when this one does, however that is.

    Parameters
    ----------
    run : Run
        What to train.
    expected : Software
        With what; see `software`.

    Returns
    -------
    Trained
        As `train` gives it.

    Raises
    ------
    DatasetError, SeedsError
        If this machine has not the digits or not the software, or the process ended without an answer.
    """
    environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    # In a group of its own, Ctrl-C does not reach it while it starts; Windows has no such groups.
    with subprocess.Popen([sys.executable, "-c", CHILD], env=environment, process_group=0, **pipes) as child:
        _children.add(child)
        try:
            # Left open: where it ends, the child knows that nobody waits for the answer any more.
            pickle.dump((run, expected), child.stdin)
            child.stdin.flush()
            answer = child.stdout.read()
        finally:
            child.kill()
            _children.discard(child)
    if not answer:
        raise SeedsError(
            f"On {platform.node()} a process that was training ended abruptly: stopped from outside, or out of memory. "
            "The trainings that were finished are recorded. Run the same command again, with fewer at a time if "
            "memory is short."
        )
    outcome = pickle.loads(answer)  # noqa: S301 - from the process started above
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def answer() -> None:
    """Be the process of `train_apart`: the run comes from standard input, and what came out goes to standard output."""
    run, expected = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    with redirect_stdout(io.StringIO()):
        try:
            outcome = _train_as_asked(run, expected)
        except (DatasetError, SeedsError) as error:
            outcome = error
    pickle.dump(outcome, sys.stdout.buffer)


def _end_with_the_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing more comes; without a buffer, whose lock would outlast this thread
    os._exit(1)


def _train_as_asked(run: Run, expected: Software) -> Trained:
    """Train, if the code and the libraries are those of the machine that asks."""
    found = software(run.network)
    differences = [
        "the course's own code" if name == "course" else f"{name} ({there} there, {here} here)"
        for name, there, here in zip(Software._fields, found, expected, strict=True)
        if there != here
    ]
    if differences:
        raise SeedsError(
            f"{platform.node()} differs from this machine in {', '.join(differences)}, so its results could not be "
            "compared. Set up the same version of the course there, and start the worker with it."
        )
    try:
        return train(run)
    except DatasetError as error:
        raise DatasetError(f"On {platform.node()}: {error}") from error


@contextmanager
def local_executor(num_workers: int | None = None) -> Iterator[Executor]:
    """Do several trainings at a time on this machine.

    Parameters
    ----------
    num_workers : int, optional
        How many; by default one for each core, as far as they fit into the memory that is free.

    Yields
    ------
    concurrent.futures.Executor
        For `train_apart`. At the end of the block what is not finished is stopped.
    """
    fitting = int(psutil.virtual_memory().available // BYTES_OF_A_TRAINING)
    executor = ThreadPoolExecutor(num_workers or max(1, min(os.cpu_count() or 1, fitting)))
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        for child in [*_children]:
            child.kill()


@contextmanager
def cluster_executor(address: str) -> Iterator[Executor]:
    """Connect to a Dask cluster, whose workers have the course and MNIST; Dask repeats what a lost worker had in hand.

    Parameters
    ----------
    address : str
        Of its scheduler, such as ``tcp://10.0.0.1:8786``.

    Yields
    ------
    concurrent.futures.Executor
        At the end of the block, what was not finished is cancelled.

    Raises
    ------
    SeedsError
        If Dask is not installed, no scheduler answers, or the cluster is lost on the way.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise SeedsError(
            "For a cluster the package distributed is needed, and it is not installed here. Install it with: "
            f'{Path(sys.executable).name} -m pip install "distributed>=2025.1"'
        ) from error
    try:
        client = Client(address, timeout=SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise SeedsError(
            f"No Dask scheduler answers at {address} ({error}). Start one with `dask scheduler`; it prints its "
            "address, such as tcp://10.0.0.1:8786."
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            print(f"The scheduler has no workers yet. Start them with: dask worker {address}", flush=True)
        try:
            yield client.get_executor(pure=False)
        except CancelledError as error:
            raise SeedsError(
                f"The scheduler at {address} is gone. The trainings that were finished are recorded: start it and its "
                "workers again, and run the same command again."
            ) from error
        except KilledWorker as error:
            raise SeedsError(
                f"One training lost its worker again and again ({error}). If the worker's log speaks of memory: a "
                "training takes 2 GB. The trainings that were finished are recorded."
            ) from error
