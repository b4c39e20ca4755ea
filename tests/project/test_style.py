"""Modules, tests and notebooks are in the project's style, and both packages are typed throughout."""

import subprocess
import sys

import pytest

from course_utils.course import BUILD, ROOT

MYPY = ["mypy", "--ignore-missing-imports", "--cache-dir", BUILD / "mypy_cache", "course_utils", "tools"]


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"], MYPY], ids=lambda each: each[-1])
def test_style(command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
