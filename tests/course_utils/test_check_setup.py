"""A line for each thing that the course needs, and what to do where something is wrong."""

import json
import re
import shutil
import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import psutil
import pytest

from course_utils import check_setup
from course_utils.check_setup import NOTE, OK, PROBLEM
from course_utils.course import ROOT

SUBJECTS = ["Python", "packages", "kernel", "memory", "disk", "folders"]
pytestmark = pytest.mark.usefixtures("house")  # a machine with no data, no network and nothing set


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
    assert {subject: state for subject, (state, _) in found.items()} == dict.fromkeys([*SUBJECTS, "settings"], OK) | {
        "digits": NOTE
    }
    assert ".".join(map(str, sys.version_info[:3])) in found["Python"][1]
    assert re.search(r"all \d\d\d", found["packages"][1])
    assert "MNIST is not here yet" in found["digits"][1]


def test_a_missing_set_up_is_reported_without_any_package():
    code = "import sys; from course_utils.check_setup import report; sys.exit(report('Not set up. Run: make setup'))"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert re.match(r"PROBLEM +set-up +Not set up\. Run: make setup\n\n", done.stdout)


def install(patch, name, version):
    """Have `name` seem to be installed in this version, or not at all."""
    real, package = metadata.distributions, [SimpleNamespace(version=version)] if version else []
    patch.setattr(metadata, "distributions", lambda **asked: package if asked["name"] == name else real(**asked))


def another_kernel(patch, house):
    folder = house / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    kernel = {"argv": [str(house / "bin" / "python"), "-m", "ipykernel_launcher"], "display_name": "mine"}
    (folder / "kernel.json").write_text(json.dumps(kernel), encoding="utf-8")
    patch.setenv("JUPYTER_PATH", str(house / "jupyter"))


def free(patch, module, function, num_bytes):
    patch.setattr(module, function, lambda *_: SimpleNamespace(available=num_bytes, free=num_bytes))


def shadow(patch, house):
    patch.setattr(check_setup, "NOTEBOOKS", house)
    (house / "keras.py").touch()


FAULTS = {
    "another Python": ("Python", "3.10.9", lambda patch, _: patch.setattr(sys, "version_info", (3, 10, 9))),
    "a missing package": ("packages", r"h5py==\S+ \(missing here", lambda patch, _: install(patch, "h5py", None)),
    "another version": ("packages", r"keras==\S+ \(3.12.0 here", lambda patch, _: install(patch, "keras", "3.12.0")),
    "no lock": ("packages", "requirements.lock", lambda patch, house: patch.setattr(check_setup, "ROOT", house)),
    "another kernel": ("kernel", "Delete the folder", another_kernel),
    "little memory": ("memory", "0.9 GB free, 2.0 GB", lambda patch, _: free(patch, psutil, "virtual_memory", 9e8)),
    "a full disk": ("disk", "0.1 GB free, 0.5 GB", lambda patch, _: free(patch, shutil, "disk_usage", 1e8)),
    "a file for a folder": ("folders", "workspace", lambda _, house: (house / "workspace").touch()),
    "a shadow": ("folders", "keras.py would be used instead of the installed keras", shadow),
    "a path to nothing": ("digits", "MNIST_PATH", lambda patch, _: patch.setenv("MNIST_PATH", "no.npz")),
}
if sys.platform == "linux":  # where not even root can create a file in /proc
    proc = lambda patch, _: patch.setenv("COURSE_WORKSPACE", "/proc/self")  # noqa: E731
    FAULTS["a read-only folder"] = ("folders", "/proc/self", proc)


@pytest.mark.parametrize(("subject", "message", "cause"), FAULTS.values(), ids=FAULTS)
def test_a_problem_is_named(subject, message, cause, house, monkeypatch, capsys):
    cause(monkeypatch, house)
    status, found = reported(capsys)
    assert status == 1
    assert found[subject][0] == PROBLEM
    assert re.search(message, found[subject][1])
    if subject in SUBJECTS:
        check_setup.examine()
        assert re.search(rf"^PROBLEM +{subject}: .*{message}", capsys.readouterr().out, re.MULTILINE)


def test_digits_that_are_not_mnist_are_named(house):
    (house / "workspace").mkdir()
    (house / "workspace" / "mnist.pickle").write_bytes(b"half a pickle")
    status, message = check_setup.check_digits()
    assert status == NOTE
    assert re.search(r"mnist\.pickle in the workspace .*ignored.*not here yet", message, re.DOTALL)


def test_personal_settings_are_named(house, monkeypatch, capsys):
    startup = house / "profile_default" / "startup" / "mine.py"
    startup.parent.mkdir(parents=True)
    startup.touch()
    monkeypatch.setenv("IPYTHONDIR", str(house))
    monkeypatch.setenv("COURSE_SETTINGS_NOT_USED", "The lessons do not use KERAS_BACKEND=torch.")
    status, found = reported(capsys)
    assert (status, found["settings"][0]) == (0, NOTE)
    assert str(startup) in found["settings"][1] and "KERAS_BACKEND" in found["settings"][1]


def test_running_notebooks_are_counted():
    running = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "ipykernel_launcher"])
    try:
        assert re.search(r"\d+ notebooks? running in the background: \d", check_setup.check_memory()[1])
    finally:
        running.kill()
        running.wait()
