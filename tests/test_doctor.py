"""Contracts of course_utils.doctor: a line for each thing, and a remedy where something is missing."""

import sys
from importlib import metadata

import pytest

from course_utils import doctor


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    return tmp_path


def test_a_good_computer_gets_three_times_ok(capsys, workspace):
    doctor.examine()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", "Python:"], ["ok", "packages:"], ["ok", "workspace:"]]
    assert list(workspace.iterdir()) == []


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_another_python_is_named_with_what_to_do(version, monkeypatch):
    monkeypatch.setattr(sys, "version_info", version)
    finding = doctor.check_python()
    assert not finding.ok
    assert f"3.{version[1]}" in finding.message
    assert "3.12" in finding.message


@pytest.mark.parametrize("line", ["no-such-package-at-all>=1", "numpy>=999"])
def test_a_missing_or_old_package_is_named_with_what_to_do(line, monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda name: ["packaging>=1", line])
    finding = doctor.check_packages()
    assert not finding.ok
    assert line.split(">")[0] in finding.message
    assert "setup" in finding.message


def test_requirements_for_other_computers_do_not_count(monkeypatch):
    lines = ['no-such-package; sys_platform == "beos"', 'neither-this; extra == "y"']
    monkeypatch.setattr(metadata, "requires", lambda name: lines)
    assert doctor.check_packages().ok


def test_a_workspace_that_cannot_be_written_is_said(workspace, monkeypatch):
    (workspace / ".writable").mkdir()  # also root may not write a file in place of a folder
    finding = doctor.check_workspace()
    assert not finding.ok
    assert "cannot be written" in finding.message
