"""Find a Python on this computer that can run the course.

Every Python from 3.8 on must be able to read this file: it uses the standard library alone, and no newer syntax.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from tools.settings import without_personal

ROOT = Path(__file__).resolve().parent.parent


def find_python() -> list[str]:
    """Return the command that starts a suitable Python: the running one if possible, otherwise the best one by name."""
    # An outdated .venv is about to be deleted, so the Python that it was made from takes its place.
    commands = [[getattr(sys, "_base_executable", None) or sys.executable]]
    commands += [["py", f"-3.{minor}"] for minor in (12, 13, 11) if os.name == "nt"]
    commands += [[name] for name in ("python3.12", "python3.13", "python3.11", "python3", "python")]
    seen = ""
    for command in commands:
        # On a marked line, because on some computers other programs print whenever Python starts.
        probe = [*command, "-c", "from tools.interpreters import obstacle; print('\\nobstacle:', obstacle())"]
        environment = without_personal(os.environ)
        try:
            printed = subprocess.check_output(probe, cwd=str(ROOT), env=environment, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            continue  # missing, a shim that leads nowhere, or too old to read this file
        reason = re.findall(r"^obstacle: *(.*?)\s*$", printed.decode("utf-8", "replace"), re.MULTILINE)
        if reason == [""]:
            return command
        seen += f"\n  {' '.join(command)}: {' '.join(reason)}"
    sys.exit(
        f"No Python on this machine can run the course.{seen}\nInstall Python 3.12 (python.org, or your system's "
        "package manager) and run the same command again, or name one: make PYTHON=/path/to/python3.12"
    )


def obstacle() -> str:
    """Return why the running Python cannot run the course, or an empty string if it can."""
    newest = 12 if (sys.platform, platform.machine()) == ("darwin", "x86_64") else 13
    if not (3, 11) <= sys.version_info[:2] <= (3, newest):
        return f"this is Python {platform.python_version()}; TensorFlow needs Python 3.11 to 3.{newest} here"
    if platform.python_implementation() != "CPython" or sys.maxsize < 2**32 or "free-threading" in sys.version:
        return "it is not the standard 64-bit CPython, which TensorFlow needs"
    if importlib.util.find_spec("ensurepip") is None:
        return "venv is missing; on Debian and Ubuntu: sudo apt install python3-venv"
    modules = ("_ctypes", "_ssl", "_sqlite3", "zlib", "_bz2", "_lzma")
    missing = ", ".join(name.lstrip("_") for name in modules if importlib.util.find_spec(name) is None)
    return f"it was built without {missing}; install another one, such as the one from python.org" if missing else ""
