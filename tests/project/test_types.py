"""Both packages are typed throughout."""

import subprocess
import sys

from course_utils.course import BUILD, ROOT


def test_mypy():
    options = ["--ignore-missing-imports", "--cache-dir", BUILD / "mypy_cache"]
    command = [sys.executable, "-m", "mypy", *options, "course_utils", "tools"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
