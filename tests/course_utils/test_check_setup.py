"""Contracts of course_utils.check_setup: a line for each thing, what to do where it is wrong, and no set-up for that."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from importlib import metadata
from pathlib import Path

import numpy as np
import psutil
import pytest

from course_utils import doctor
from course_utils.data import Dataset, save_pickle
from course_utils.check_setup import NOTE, OK, PROBLEM, Finding

ROOT = Path(__file__).resolve().parents[1]
SUBJECTS = ["Python", "packages", "kernel", "memory", "disk", "folders"]
SET_UP = Finding("set-up", OK, "complete")


@pytest.fixture(autouse=True)
def healthy(house):
    """Take a machine with nothing set, and a folder for the workspace."""
    (house / "workspace").mkdir()
    return house


def diagnosis(capsys, setup=SET_UP):
    """Return the exit status, and status and message of each line by its subject."""
    status = doctor.diagnose(setup, setup_gigabytes=2.0)
    lines = capsys.readouterr().out.split("\n\n")[0].splitlines()
    found = [re.fullmatch(r"(ok|note|PROBLEM) +(\S+) +(\S.*)", line).groups() for line in lines]
    return status, {subject: (state, message) for state, subject, message in found}


# --- a good computer -------------------------------------------------------------------------------------------------


def test_before_the_set_up_there_must_be_room_for_it(capsys, monkeypatch):
    usage = namedtuple("usage", "free")(1_000_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    assert doctor.check_disk().status == OK
    status, found = diagnosis(capsys, Finding("set-up", PROBLEM, "not done"))
    assert (status, list(found)) == (1, ["set-up", "disk", "folders"])
    assert found["disk"] == (PROBLEM, "1.0 GB are free; make room for at least 2.0 GB")


def test_a_lesson_says_ok_and_nothing_that_differs_between_good_computers(capsys, healthy):
    doctor.examine()
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"ok       {subject}" for subject in SUBJECTS]
    assert list((healthy / "workspace").iterdir()) == []


def test_the_command_says_what_it_found(capsys):
    status, found = diagnosis(capsys)
    assert status == 0
    assert list(found) == ["set-up", *SUBJECTS, "digits", "network"]
    assert {subject: state for subject, (state, _) in found.items() if state != OK} == {"digits": NOTE, "network": NOTE}
    assert ".".join(map(str, sys.version_info[:3])) in found["Python"][1]
    assert re.search(r"all \d\d\d", found["packages"][1])


# --- one thing wrong -------------------------------------------------------------------------------------------------


def another_python(house, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 9))


def missing_package(house, monkeypatch):
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: version("no-such-package" if name == "h5py" else name))


def other_version(house, monkeypatch):
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "3.12.0" if name == "keras" else version(name))


def no_lock(house, monkeypatch):
    monkeypatch.setattr(doctor, "ROOT", house)


def other_kernel(house, monkeypatch):
    folder = house / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    kernel = {"argv": [str(house / "bin" / "python"), "-m", "ipykernel_launcher"], "display_name": "mine"}
    (folder / "kernel.json").write_text(json.dumps(kernel), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(house / "jupyter"))


def little_memory(house, monkeypatch):
    memory = namedtuple("memory", "available")(900_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)


def small_container(house, monkeypatch):
    monkeypatch.setattr(doctor, "_memory_limit", lambda: 1_000_000_000)


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
    missing_package: ("packages", "h5py is missing"),
    other_version: ("packages", "keras is 3.12.0 instead of"),
    no_lock: ("packages", "requirements.lock"),
    other_kernel: ("kernel", "Delete the folder"),
    little_memory: ("memory", "0.9 GB"),
    small_container: ("memory", "1.0 GB"),
    full_disk: ("disk", "make room"),
    file_for_a_folder: ("folders", "workspace"),
    nothing_named: ("digits", "MNIST_PATH"),
}


@pytest.mark.parametrize("fault", PROBLEMS, ids=lambda fault: fault.__name__)
def test_what_is_wrong_is_named(fault, healthy, monkeypatch, capsys):
    subject, said = PROBLEMS[fault]
    fault(healthy, monkeypatch)
    status, found = diagnosis(capsys)
    assert status == 1
    assert found[subject][0] == PROBLEM
    assert said in found[subject][1]
    if subject in SUBJECTS:
        doctor.examine()
        assert re.search(rf"^PROBLEM +{subject}: .*{said}", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a folder where nobody, not even root, creates a file")
def test_a_folder_that_cannot_be_written_is_named(monkeypatch):
    monkeypatch.setenv("COURSE_WORKSPACE", "/proc/self")
    finding = doctor.check_folders()
    assert finding.status == PROBLEM
    assert "/proc/self" in finding.message


# --- digits and network ----------------------------------------------------------------------------------------------


def test_digits_that_are_not_mnist_are_named(healthy, tmp_path):
    images, labels = np.zeros((2, 28, 28), "uint8"), np.zeros(2, "uint8")
    save_pickle(Dataset("other", images, labels, images, labels), healthy / "workspace" / "mnist.pickle")
    (healthy / "keras" / "datasets").mkdir(parents=True)
    (healthy / "keras" / "datasets" / "mnist.npz").write_bytes(b"half a download")
    finding = doctor.check_digits()
    assert finding.status == NOTE
    assert finding.message.count("delete it") == 2
    assert str(healthy / "workspace" / "mnist.pickle") in finding.message


def test_a_server_that_answers(serve):
    serve(lambda request: request.send(b"digits"))
    assert doctor.check_network() == Finding("network", OK, "127.0.0.1 answers")


def login_page(request):
    request.send_response(200)
    request.send_header("Content-Type", "text/html; charset=utf-8")
    request.end_headers()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (login_page, "log in"),
        (lambda request: request.send(b"", status=403), "403"),
        (lambda request: request.server.stop.wait(10), "no answer"),
    ],
)
def test_a_server_that_is_no_help_is_told_in_time(answer, said, serve, capsys):
    serve(answer)
    start = time.monotonic()
    status, found = diagnosis(capsys)
    assert time.monotonic() - start < 30  # 5 on a machine that has nothing else to do
    assert status == 0
    assert found["network"][0] == NOTE
    assert said in found["network"][1]


def test_the_network_is_left_alone_when_asked(serve, monkeypatch):
    server = serve(lambda request: request.send(b"digits"))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert doctor.check_network().status == NOTE
    assert server.requests == 0


# --- before anything is set up ---------------------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path):
    """Return a copy of the course in which nothing is set up."""
    copy = tmp_path / "course"
    for name in ("course_utils", "notebooks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "reference"))
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, copy / name)
    return copy


def start(course, python=(sys.executable, "-S")):
    """Run the command with a Python that has none of the packages (-S)."""
    environment = {name: value for name, value in os.environ.items() if name != "COURSE_WORKSPACE"}
    command = [*map(str, python), "-m", "course_utils", "doctor"]
    return subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, timeout=120)


def venv_python(course):
    return course / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def nothing(course):
    pass


def half(course):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", course / ".venv"], check=True)


def declared_complete(course):
    half(course)
    code = f"from tools.bootstrap import write_stamp; write_stamp({sys.version_info[:2]})"
    subprocess.run([sys.executable, "-c", code], cwd=course, check=True)


def without_python(course):
    declared_complete(course)
    python = venv_python(course)
    python.unlink()
    python.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)


def without_lock(course):
    (course / "requirements.lock").unlink()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (nothing, "not set up here. Run: python -m course_utils setup"),
        (half, "not set up here any more. Run: python -m course_utils setup"),
        (declared_complete, "packages  could not be looked at: No module named 'packaging'. Delete the folder .venv"),
        (without_python, "does not start. Delete the folder .venv"),
        (without_lock, "requirements.lock is missing"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_before_or_without_a_set_up_the_command_says_so_and_sets_up_nothing(state, said, course):
    state(course)
    before = sorted(course.rglob("*.json"))
    done = start(course)
    assert (done.returncode, done.stderr) == (1, "")
    assert said in done.stdout
    assert re.search(r"^(ok|PROBLEM) +disk", done.stdout, re.MULTILINE)
    assert sorted(course.rglob("*.json")) == before
    assert (course / ".venv").exists() == (state not in (nothing, without_lock))


def test_half_a_set_up_is_told_from_within(course):
    half(course)
    done = start(course, [venv_python(course)])
    assert (done.returncode, done.stderr) == (1, "")
    assert "PROBLEM  set-up    .venv is unfinished" in done.stdout
