"""Many trainings: recorded one by one, on this machine and on a real Dask cluster of processes on this machine."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace

import psutil
import pytest

from tools import workers
from tools.experiments import record_runs, seeds, write_results
from tools.single_run import software, train
from tools.experiments_workers import SeedsError, cluster_executor, local_executor, train_apart
from course_utils.data import DatasetError
from course_utils.experiments import Run, load_results, read_results

SECONDS = 300  # for what takes a few; generous, since other work may hold the machine up
SMALL = [
    Run(seed=0, num_epochs=3, dataset="UCI digits"),
    Run(seed=1, num_epochs=3, dataset="UCI digits"),
    Run(seed=0, hold_out=300, num_epochs=3, dataset="UCI digits"),
]


@pytest.fixture(scope="module")
def small_digits(tmp_path_factory):
    """Give this process, and those that it starts, the small digits and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MNIST_PATH", raising=False)
        patch.setenv("COURSE_OFFLINE", "1")
        for name in ("COURSE_WORKSPACE", "KERAS_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name)))
        yield


@pytest.fixture(scope="module")
def recorded_here(small_digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("here") / "experiments.json"
    # Other threads of this process draw random numbers, as those of Dask do. What is trained must not notice.
    done = threading.Event()
    drawer = threading.Thread(target=lambda: [random.random() for _ in iter(lambda: done.wait(1e-4), True)])
    drawer.start()
    try:
        with local_executor(2) as executor:
            record_runs(SMALL, executor, path)
    finally:
        done.set()
    return path


def wait_until(condition):
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)
    return found


# --- on this machine -------------------------------------------------------------------------------------------------


def test_a_result_is_what_the_run_says(recorded_here):
    *watched, held_out = load_results(SMALL, recorded_here)
    for result in watched:
        history = result.history
        assert {name: len(values) for name, values in history.items()} == dict.fromkeys(
            ["accuracy", "loss", "val_accuracy", "val_accuracy_even", "val_loss"], 3
        )
        assert result.test_accuracy == pytest.approx(1 - len(result.mistakes) / 297)
        assert result.test_accuracy == pytest.approx(history["val_accuracy"][-1])
        num_even_mistakes = sum(position % 2 == 0 for position in result.mistakes)
        assert history["val_accuracy_even"][-1] == pytest.approx(1 - num_even_mistakes / 149)
    assert watched[0].history["loss"] != watched[1].history["loss"]
    assert "val_accuracy_even" not in held_out.history
    assert held_out.history["val_accuracy"][-1] * 300 == pytest.approx(
        round(held_out.history["val_accuracy"][-1] * 300)
    )
    assert held_out.test_accuracy == pytest.approx(1 - len(held_out.mistakes) / 297)


def test_what_is_recorded_is_not_done_again(recorded_here):
    before = recorded_here.read_bytes()
    record_runs(SMALL, executor=None, path=recorded_here)  # nobody there who could train
    assert recorded_here.read_bytes() == before


def test_a_run_that_was_not_recorded_is_told(recorded_here):
    with pytest.raises(LookupError, match=r"mlp, seed 7, .*python -m course_utils seeds"):
        load_results([Run(seed=7)], recorded_here)


def test_ctrl_c_keeps_what_is_finished_and_leaves_no_process(small_digits, tmp_path):
    path = tmp_path / "experiments.json"
    # A shell starts what it runs in the background with Ctrl-C ignored, and everything below inherits that.
    code = f"""
import pathlib, signal
from tools.experiments import local_executor, record_runs
from course_utils.experiments import Run
signal.signal(signal.SIGINT, signal.default_int_handler)
if __name__ == "__main__":
    try:
        with local_executor(1) as executor:
            runs = [Run(seed=seed, num_epochs=9**seed, dataset="UCI digits") for seed in (0, 5)]
            record_runs(runs, executor, pathlib.Path({str(path)!r}))
    except KeyboardInterrupt:
        print("stopped")
"""
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    # A session of its own, so that the signal reaches all of its processes, as Ctrl-C does, and not this one.
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        wait_until(path.exists)
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        said, complained = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert said.splitlines()[-1] == "stopped"
    assert complained == ""
    assert [run.seed for run in read_results(path)] == [0]
    assert not psutil.wait_procs(family, timeout=SECONDS)[1]


def test_a_process_that_is_killed_is_told(small_digits, tmp_path):
    with pytest.raises(SeedsError, match="ended abruptly"), local_executor(2) as executor:
        executor.submit(lambda: wait_until(lambda: workers._children).copy().pop().kill())
        record_runs(SMALL, executor, tmp_path / "experiments.json")


def test_without_mnist_it_is_refused_before_anything_is_started(small_digits, capsys):
    assert seeds(["recipe"]) == 1
    assert "To get MNIST" in capsys.readouterr().err


def test_an_unknown_experiment_is_told(capsys):
    assert seeds(["recipes"]) == 1
    assert "There are: recipe, hold-out, dropout, cnn" in capsys.readouterr().err


def test_other_digits_than_those_asked_for_are_refused(small_digits):
    with pytest.raises(DatasetError, match=r"for digits from my\.npz, but the digits found here are UCI digits"):
        train(Run(dataset="digits from my.npz"))


# --- on a cluster ----------------------------------------------------------------------------------------------------


class Cluster:
    """A scheduler and workers, each a process of its own on this machine."""

    def __init__(self, folder):
        pytest.importorskip("distributed")
        self.folder = folder
        self.processes = {}
        self.start_scheduler()

    def start_scheduler(self):
        file = self.folder / "scheduler.json"
        file.unlink(missing_ok=True)
        self._start("scheduler", "dask_scheduler", "--port", "0", "--scheduler-file", str(file))
        self.address = wait_until(self._address)

    def _start(self, name, program, *options):
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--host", "127.0.0.1", "--no-dashboard"]
        with (self.folder / f"{name}.log").open("w") as log:
            self.processes[name] = subprocess.Popen([*command, *options], stdout=log, stderr=log)

    def _address(self):
        try:
            return json.loads((self.folder / "scheduler.json").read_text(encoding="utf-8"))["address"]
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def add_worker(self, name):
        options = ["--nthreads", "1", "--no-nanny", "--name", name, "--local-directory", str(self.folder / name)]
        self._start(name, "dask_worker", self.address, *options)

    def suspend_training(self, name):
        """Suspend the process in which a worker has been training for a while, and return it; None if there is none."""
        for child in psutil.Process(self.processes[name].pid).children():
            with suppress(psutil.NoSuchProcess):
                if child.cmdline()[-1:] == [workers.CHILD] and child.cpu_times().user > 0.5:
                    child.suspend()
                    return child
        return None

    def kill(self, name):
        self.processes[name].kill()
        self.processes.pop(name).wait()

    def close(self):
        for name in [*self.processes]:
            self.kill(name)


@pytest.fixture
def cluster(small_digits, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "SECONDS_TO_CONNECT", SECONDS)
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.close()


def times_begun_and_finished(client):
    """Count for each training how often it was handed to a worker, and how often its result came back."""

    def count(dask_scheduler):
        begun, finished = {}, {}
        for key, start, finish, *_ in dask_scheduler.transition_log:
            if finish == "processing":
                begun[key] = begun.get(key, 0) + 1
            if (start, finish) == ("processing", "memory"):
                finished[key] = finished.get(key, 0) + 1
        return list(begun.values()), list(finished.values())

    return client.run_on_scheduler(count)


def test_a_worker_killed_half_way_loses_no_run_and_repeats_only_its_own(cluster, recorded_here, tmp_path):
    from distributed import Client

    cluster.add_worker("first")
    path = tmp_path / "experiments.json"
    with Client(cluster.address) as watcher:

        def kill_first():
            wait_until(path.exists)
            training = wait_until(lambda: cluster.suspend_training("first"))  # or it might finish in between
            try:
                # What is recorded is asked for no more, or Dask would rightly do it again.
                wait_until(lambda: not any(watcher.has_what(workers=["first"]).values()))
                cluster.add_worker("second")
                watcher.wait_for_workers(2, timeout=SECONDS)
                cluster.kill("first")
            finally:
                training.kill()

        killer = threading.Thread(target=kill_first)
        killer.start()
        with cluster_executor(cluster.address) as executor:
            record_runs(SMALL, executor, path)
        killer.join()
        begun, finished = times_begun_and_finished(watcher)
    assert len(cluster.processes) == 2  # the scheduler, and the worker that is left
    assert finished == [1] * len(SMALL)
    assert 1 <= sum(times > 1 for times in begun) <= 2  # what it trained, and perhaps one that it was to train next
    assert path.read_bytes() == recorded_here.read_bytes()


def test_after_a_scheduler_was_lost_only_what_is_missing_or_outdated_is_done(cluster, recorded_here, tmp_path):
    from distributed import Client

    path = tmp_path / "experiments.json"
    outdated = replace(read_results(recorded_here)[SMALL[1]], recipe="of last year", test_accuracy=0.0)
    write_results([outdated], path)

    def recorded_anew():
        return {run: result for run, result in read_results(path).items() if result != outdated}

    def kill_scheduler():
        wait_until(recorded_anew)
        cluster.kill("scheduler")

    killer = threading.Thread(target=kill_scheduler)
    killer.start()
    cluster.add_worker("first")
    with pytest.raises(SeedsError, match="is gone"), cluster_executor(cluster.address) as executor:
        record_runs(SMALL, executor, path)
    killer.join()
    finished = recorded_anew()  # of any run: a scheduler that is busy may begin with another than the first
    assert read_results(path) == {SMALL[1]: outdated} | finished
    assert finished.items() <= read_results(recorded_here).items()

    cluster.close()
    cluster.start_scheduler()
    cluster.add_worker("first")
    cluster.add_worker("second")
    with cluster_executor(cluster.address) as executor, Client(cluster.address) as watcher:
        record_runs(SMALL, executor, path)
        begun, _ = times_begun_and_finished(watcher)
    assert len(begun) == len(SMALL) - len(finished) > 0
    assert path.read_bytes() == recorded_here.read_bytes()


def test_a_worker_without_mnist_is_named(cluster, tmp_path):
    cluster.add_worker("only")
    with (
        pytest.raises(DatasetError, match=r"^On .*: MNIST was not found"),
        cluster_executor(cluster.address) as executor,
    ):
        record_runs([Run(num_epochs=1)], executor, tmp_path / "experiments.json")


def test_where_no_scheduler_is_it_is_said(monkeypatch, capsys):
    pytest.importorskip("distributed")
    monkeypatch.setattr(workers, "SECONDS_TO_CONNECT", 1)
    for address in ("tcp://127.0.0.1:9", "no such thing"):
        assert seeds(["recipe"], scheduler=address) == 1
        assert f"No Dask scheduler answers at {address}" in capsys.readouterr().err


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert seeds(["recipe"], scheduler="tcp://127.0.0.1:8786") == 1
    assert re.search(r'python\S* -m pip install "distributed', capsys.readouterr().err)


def test_a_worker_with_other_software_is_refused():
    asked = software("mlp")._replace(keras="2.3.1", course="0")
    with pytest.raises(SeedsError, match=r"differs .* in the course's own code, keras \(.* there, 2.3.1 here\)"):
        train_apart(Run(), asked)
