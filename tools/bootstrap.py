"""Set up the environment of the course, or go on in the one that is there.

Any Python from 3.8 on must be able to read this file: only the standard library, and no newer syntax.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
IN_VENV = Path(sys.prefix).resolve() == VENV.resolve()
LOCK, DEVELOPMENT_LOCK = "requirements.lock", "requirements-dev.lock"
# A kit has a folder of packages, which takes the place of the network.
WHEELS = ["--no-index", "--find-links", os.environ["COURSE_WHEELS"]] if os.environ.get("COURSE_WHEELS") else []
PIP = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--require-hashes", *WHEELS]


def ensure_environment(argv: list[str], *, development: bool = False, install: bool = True) -> str | None:
    """Return in an interpreter that can run the course, or go on in .venv; or return what is missing, not installed."""
    locks = [LOCK, DEVELOPMENT_LOCK] if development else [LOCK]
    files = [argument for lock in locks for argument in ("-r", lock)]
    is_conda = not IN_VENV and _holds("-r", LOCK)
    ready = _holds(*files) if is_conda else _venv_has(locks)
    if ready and (is_conda or IN_VENV):
        # The kernels of conda's interpreter import this copy of the course, whichever is installed.
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return None
    python = sys.executable if is_conda else str(VENV_PYTHON)
    if ready:
        continue_in([python], argv)
    if not install:
        return "The course is not set up here, or a lock has changed since. Run: python -m tools setup"
    if not is_conda and not _venv_has([LOCK]):
        base = find_python()
        print("Setting up .venv: some minutes, once; up to 0.6 GB to download, 2.2 GB on disk.", flush=True)
        (VENV / LOCK).unlink(missing_ok=True)
        _step("create .venv", *base, "-m", "venv", "--clear", str(VENV))
        uv_pin = re.findall(r"^uv==.*\n(?: .*\n)*", (ROOT / LOCK).read_text(encoding="utf-8"), re.MULTILINE)
        (VENV / "uv.txt").write_text(uv_pin[0], encoding="utf-8")
        _step("install uv", python, *PIP, "-r", str(VENV / "uv.txt"))
    uv = [python, "-m", "uv", "pip", "install", "--python", python, *([] if sys.stderr.isatty() else ["--quiet"])]
    try:
        # With bytecode: otherwise every kernel compiles TensorFlow again where it cannot be written later.
        _step("install packages", *uv, "--require-hashes", "--compile-bytecode", *WHEELS, *files)
    except SystemExit:
        # pip knows an institute's mirror and certificates from its configuration, which uv does not read.
        _step("install packages with pip, which takes longer", python, *PIP, *files)
    # Without build isolation nothing is downloaded: flit_core is in the lock.
    _step("install the course", *uv, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    # A font list that was written while an environment was being deleted lacks Matplotlib's own fonts for ever.
    _step("list fonts", python, "-c", "from matplotlib import font_manager as m; m._load_fontmanager(try_read_cache=0)")
    for lock in [] if is_conda else locks:
        shutil.copy(str(ROOT / lock), str(VENV))
    continue_in([python], argv)


def find_python() -> list[str]:
    """Return the command of a Python that can run the course: the running one if it can, else the best by name."""
    # The Python of an outdated .venv is about to be deleted: the one it was made from takes its place.
    commands = [[getattr(sys, "_base_executable", None) or sys.executable]]
    commands += [["py", f"-3.{minor}"] for minor in (12, 13, 11) if os.name == "nt"]
    commands += [[name] for name in ("python3.12", "python3.13", "python3.11", "python3", "python")]
    seen = ""
    for command in commands:
        probe = [*command, "-c", "from tools.bootstrap import obstacle; print(obstacle())"]
        try:
            reason = subprocess.check_output(probe, cwd=str(ROOT), stderr=subprocess.DEVNULL).decode().strip()
        except (OSError, subprocess.CalledProcessError):
            continue  # not there, a shim with nothing behind it, or too old to read this file
        if not reason:
            return command
        seen += f"\n  {' '.join(command)}: {reason}"
    sys.exit(
        f"No Python on this machine can run the course.{seen}\nInstall Python 3.12 (python.org, or your system's "
        "package manager) and run the same command again, or name one: make PYTHON=/path/to/python3.12"
    )


def obstacle() -> str:
    """Tell why the running Python cannot run the course; an empty string when it can."""
    newest = 12 if (sys.platform, platform.machine()) == ("darwin", "x86_64") else 13
    if not (3, 11) <= sys.version_info[:2] <= (3, newest):
        return f"this is Python {platform.python_version()}; TensorFlow needs Python 3.11 to 3.{newest} here"
    if platform.python_implementation() != "CPython" or sys.maxsize < 2**32 or "free-threading" in sys.version:
        return "it is not the standard 64-bit CPython that TensorFlow is built for"
    missing = importlib.util.find_spec("ensurepip") is None
    return "venv is missing; on Debian and Ubuntu: sudo apt install python3-venv" if missing else ""


def continue_in(python: list[str], argv: list[str]) -> NoReturn:
    """Run the command in another interpreter; never return."""
    sys.stdout.flush()
    if os.name != "nt":
        os.execvp(python[0], [*python, "-m", "tools", *argv])
    # On Windows exec would end this process, and the shell would not wait for the command. Ctrl-C is the command's.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(subprocess.call([*python, "-m", "tools", *argv]))


def _step(purpose: str, *command: str) -> None:
    print(f"- {purpose}", flush=True)
    if subprocess.run(command, cwd=str(ROOT)).returncode:
        source, free = "the whole kit" if WHEELS else "the network", shutil.disk_usage(str(ROOT)).free / 1e9
        sys.exit(f"Setup failed: could not {purpose}, see above. It needs {source} and 2.2 GB; {free:.1f} GB are free.")


def _venv_has(locks: list[str]) -> bool:
    """Tell whether .venv was set up to its end: only then the locks that it was made from are copied into it."""
    if not all(path.exists() for path in [VENV_PYTHON, *(VENV / lock for lock in locks)]):
        return False
    # .venv cannot be moved, and a system's upgrade may have changed the Python that it leads to.
    made = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    is_same = str(VENV) in made and (not IN_VENV or "version = {}.{}.".format(*sys.version_info) in made)
    return is_same and all((VENV / lock).read_bytes() == (ROOT / lock).read_bytes() for lock in locks)


def _holds(*files: str) -> bool:
    """Tell whether this interpreter has all packages of these locks already, as in conda or on Binder."""
    uv = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable, "--dry-run", "--offline", *files]
    return b"no changes" in subprocess.run(uv, cwd=str(ROOT), stdout=-1, stderr=subprocess.STDOUT).stdout
