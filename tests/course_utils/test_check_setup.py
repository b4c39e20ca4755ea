"""A line for each thing that the course needs, and what to do where something is wrong."""

import json
import re
import shutil
import subprocess
import sys
from collections import namedtuple
from importlib import metadata

import psutil
import pytest

from course_utils import check_setup
from course_utils.check_setup import NOTE, OK, PROBLEM
from course_utils.course import ROOT

SUBJECTS = ["Python", "packages", "kernel", "memory", "disk", "folders"]


@pytest.fixture(autouse=True)
def _nothing_set(house):
    """Take a machine with no data and no network, and a folder for the workspace."""
    (house / "workspace").mkdir()


def reported(capsys):
    """Return the exit status, and status and message of each line by its subject."""
    status = check_setup.report()
    lines = capsys.readouterr().out.split("\n\n")[0].splitlines()
    found = [re.fullmatch(r"(ok|note|PROBLEM) +(\S+) +(\S.*)", line).groups() for line in lines]
    return status, {subject: (state, message) for state, subject, message in found}


def test_a_lesson_prints_the_same_on_every_good_computer_and_leaves_nothing(capsys, house):
    check_setup.examine()
    assert capsys.readouterr().out == "".join(f"ok       {subject}\n" for subject in SUBJECTS)
    assert list((house / "workspace").iterdir()) == []


def test_the_command_says_what_it_found(capsys):
    status, found = reported(capsys)
    assert status == 0
    assert {subject: state for subject, (state, _) in found.items()} == dict.fromkeys(SUBJECTS, OK) | {"digits": NOTE}
    assert ".".join(map(str, sys.version_info[:3])) in found["Python"][1]
    assert re.search(r"all \d\d\d", found["packages"][1])
    assert "lessons will use smaller digits" in found["digits"][1]


def test_a_set_up_that_is_not_there_is_said_with_no_package_and_nothing_else_is_checked():
    code = "import sys; from course_utils.check_setup import report; sys.exit(report('Not set up. Run: make setup'))"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert re.match(r"PROBLEM +set-up +Not set up\. Run: make setup\n\n", done.stdout)


# --- one thing wrong -------------------------------------------------------------------------------------------------


def another_python(house, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 9))


def missing_package(house, monkeypatch):
    distributions = metadata.distributions
    hidden = lambda name: [] if name == "h5py" else distributions(name=name)  # noqa: E731
    monkeypatch.setattr(metadata, "distributions", hidden)


def other_version(house, monkeypatch):
    distributions, old = metadata.distributions, namedtuple("package", "version")("3.12.0")
    monkeypatch.setattr(metadata, "distributions", lambda name: [old] if name == "keras" else distributions(name=name))


def no_lock(house, monkeypatch):
    monkeypatch.setattr(check_setup, "ROOT", house)


def other_kernel(house, monkeypatch):
    folder = house / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    kernel = {"argv": [str(house / "bin" / "python"), "-m", "ipykernel_launcher"], "display_name": "mine"}
    (folder / "kernel.json").write_text(json.dumps(kernel), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(house / "jupyter"))


def little_memory(house, monkeypatch):
    memory = namedtuple("memory", "available")(900_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)


def full_disk(house, monkeypatch):
    usage = namedtuple("usage", "free")(40_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)


def file_for_a_folder(house, monkeypatch):
    (house / "workspace").rmdir()
    (house / "workspace").touch()


def nothing_named(house, monkeypatch):
    monkeypatch.setenv("MNIST_PATH", str(house / "mnist.npz"))


PROBLEMS = {
    another_python: ("Python", "3.10.9"),
    missing_package: ("packages", r"h5py==\S+ \(missing here\)"),
    other_version: ("packages", r"keras==\S+ \(3.12.0 here\)"),
    no_lock: ("packages", "requirements.lock"),
    other_kernel: ("kernel", "Delete the folder"),
    little_memory: ("memory", "0.9 GB are free of 2.0"),
    full_disk: ("disk", "0.0 GB are free of 0.5"),
    file_for_a_folder: ("folders", "workspace"),
    nothing_named: ("digits", "MNIST_PATH"),
}


@pytest.mark.parametrize("fault", PROBLEMS, ids=lambda fault: fault.__name__)
def test_a_problem_is_named(fault, house, monkeypatch, capsys):
    subject, message = PROBLEMS[fault]
    fault(house, monkeypatch)
    status, found = reported(capsys)
    assert status == 1
    assert found[subject][0] == PROBLEM
    assert re.search(message, found[subject][1])
    if subject in SUBJECTS:
        check_setup.examine()
        assert re.search(rf"^PROBLEM +{subject}: .*{message}", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a folder where nobody, not even root, creates a file")
def test_a_folder_that_cannot_be_written_is_named(monkeypatch):
    monkeypatch.setenv("COURSE_WORKSPACE", "/proc/self")
    status, message = check_setup.check_folders()
    assert status == PROBLEM
    assert "/proc/self" in message


def test_digits_that_are_not_mnist_are_named_and_the_server_is_asked(house, serve, monkeypatch):
    server = serve(lambda request: request.send(b"digits"))
    (house / "workspace" / "mnist.pickle").write_bytes(b"half a pickle")
    status, message = check_setup.check_digits()
    assert status == NOTE
    assert re.search(r"mnist\.pickle in the workspace .*passed over.* from 127\.0\.0\.1", message, re.DOTALL)
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert "COURSE_OFFLINE" in check_setup.check_digits()[1]
    assert server.requests == 1
