"""Training runs are recorded one by one, on this machine and on a real Dask cluster of local processes."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from course_utils.course import CourseError
from course_utils.experiments import Run, load_results, read_results
from tools import single_run
from tools.experiments import experiments, record_runs, workers, write_results
from tools.single_run import software, train_apart

SMALL = [
    Run(seed=0, num_epochs=2, dataset="UCI digits"),
    Run(seed=0, hold_out=300, num_epochs=2, dataset="UCI digits"),
]


@pytest.fixture(scope="module", autouse=True)
def small_digits(tmp_path_factory):
    """Give this process, and those that it starts, only the small digits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MNIST_PATH", raising=False)
        patch.setenv("COURSE_OFFLINE", "1")
        for name in ("COURSE_WORKSPACE", "KERAS_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name)))
        yield


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    path = tmp_path_factory.mktemp("recorded") / "experiments.json"
    with workers(2, None):
        record_runs(SMALL, path)
    return path


def test_a_result_is_what_the_run_says(recorded):
    on_test_images, held_out = load_results(SMALL, recorded)
    for result in (on_test_images, held_out):
        assert result.test_accuracy == pytest.approx(1 - len(result.mistakes) / 297)
        assert all(len(values) == 2 for values in result.history.values())
    assert on_test_images.test_accuracy == pytest.approx(on_test_images.history["val_accuracy"][-1])
    num_even_mistakes = sum(position % 2 == 0 for position in on_test_images.mistakes)
    assert on_test_images.history["val_accuracy_even"][-1] == pytest.approx(1 - num_even_mistakes / 149)
    assert "val_accuracy_even" not in held_out.history


def test_a_recorded_run_is_repeated_only_if_its_recipe_changed(recorded, monkeypatch):
    before = recorded.read_bytes()
    monkeypatch.setattr("tools.experiments.train_apart", None)  # so that nothing can train
    record_runs(SMALL, recorded)
    assert recorded.read_bytes() == before
    changed = recorded.with_name("changed.json")
    write_results([replace(result, recipe="old") for result in read_results(recorded).values()], changed)
    with pytest.raises(TypeError):
        record_runs(SMALL, changed)


def test_another_version_or_other_digits_are_refused(monkeypatch):
    # This process does the fresh Python's part, because importing TensorFlow twice more would take longest.
    monkeypatch.setattr(single_run.subprocess, "run", lambda command, **_: exec(command[-1]))
    with pytest.raises(CourseError, match=r"differs in keras \(.*, not 2\.0\)"):
        train_apart(SMALL[0], {**software("mlp"), "keras": "2.0"})
    with pytest.raises(CourseError, match="MNIST"):
        train_apart(replace(SMALL[0], dataset="MNIST"), software("mlp"))
    monkeypatch.setattr(single_run.subprocess, "run", lambda *_, **__: None)
    with pytest.raises(CourseError, match="was stopped or ran out of memory"):
        train_apart(SMALL[0], software("mlp"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": ["colours"]}, "There is no experiment 'colours'. There are: recipe,"),
        ({}, "MNIST was not found"),
    ],
)
def test_impossible_experiments_are_refused_before_any_training(arguments, message):
    with pytest.raises(CourseError, match=message):
        experiments(**arguments)


def test_a_missing_scheduler_is_named():
    with pytest.raises(CourseError, match="No Dask scheduler answers at nowhere"), workers(None, "nowhere"):
        pass


@pytest.mark.skipif("not config.option.long", reason="long mode: starts a cluster")
def test_a_cluster_gives_the_same_results_and_survives_a_killed_worker(recorded, tmp_path):
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host=127.0.0.1", "--port=0", "--no-dashboard"]
    scheduler = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    address = next(filter(None, (re.search(r"tcp://\S+:\d+", line) for line in scheduler.stderr)))[0]
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address]
    command += ["--no-dashboard", "--nthreads=1", "--no-nanny"]
    crowd = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(2)]
    path = tmp_path / "experiments.json"
    try:
        with workers(None, address):
            record_runs(SMALL[:1], path)
            crowd[0].kill()
            record_runs(SMALL, path)
    finally:
        for process in (*crowd, scheduler):
            process.kill()
            process.wait()
    assert path.read_bytes() == recorded.read_bytes()
