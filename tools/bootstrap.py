"""Set up the environment of the course, or continue in the one that exists.

Every Python from 3.8 on must be able to read this file: it uses the standard library alone, and no newer syntax.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from tools.interpreters import find_python
from tools.settings import give_home, without_personal

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
IN_VENV = Path(sys.prefix).resolve() == VENV.resolve()
LOCK, DEVELOPMENT_LOCK = "requirements.lock", "requirements-dev.lock"
# A kit brings a folder of packages, so that it needs no network.
KIT = os.environ.get("COURSE_WHEELS")
# As a URL, because uv cuts a path at "#".
WHEELS = ["--no-index", "--find-links", Path(KIT).absolute().as_uri()] if KIT else []
PIP = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--require-hashes", *WHEELS]
# Does what an editable installation would do. In ASCII, the text is the same in any encoding.
LINK = "import os, sysconfig; file = open(os.path.join(sysconfig.get_path('purelib'), 'digit_course.pth'), 'w'); "
LINK += "file.write('import sys; sys.path.append(%s)' % ascii(os.getcwd()))"


def ensure_environment(argv: list[str], *, development: bool = False, install: bool = True) -> str | None:
    """Ensure that this interpreter can run the course, or continue in .venv; without `install`, say what is missing."""
    give_home(ROOT / "build" / "home")
    locks = [LOCK, DEVELOPMENT_LOCK] if development else [LOCK]
    files = [argument for lock in locks for argument in ("-r", lock)]
    is_conda = not IN_VENV and _holds("-r", LOCK)
    ready = _holds(*files) if is_conda else _venv_has(locks)
    # `setup` also repairs a .venv in which somebody has changed packages.
    is_broken = ready and IN_VENV and argv[:1] == ["setup"] and not _holds(*files)
    if ready and not is_broken and (is_conda or IN_VENV):
        # Kernels of a conda environment must import this copy of the course, whichever one is installed.
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return None
    python = sys.executable if is_conda else str(VENV_PYTHON)
    if ready and not is_broken:
        continue_in([python], argv)
    if not install:
        return "The course is not set up here, or its lock has changed. Run: make setup (or: python -m tools setup)"
    if not is_conda and not os.access(str(ROOT), os.W_OK):
        sys.exit(f"You cannot write to {ROOT}. Ask its owner to set up the course there: make setup")
    # A complete .venv is only updated, so that it stays as it is when there is no network.
    if not is_conda and not (_venv_has([]) and (VENV / LOCK).exists()):
        base = find_python()
        if hasattr(os, "statvfs") and os.statvfs(str(ROOT)).f_flag & getattr(os, "ST_NOEXEC", 0):
            sys.exit(f"The disk of {ROOT} does not allow programs to start (noexec). Move the course to another disk.")
        print("Setting up .venv, once; this takes a few minutes, 0.6 GB of downloads and 2.2 GB of disk.", flush=True)
        _step("create .venv", [*base, "-m", "venv", "--clear", str(VENV)])
        _use_files_of_pip(python)
        uv_pin = re.findall(r"^uv==.*\n(?: .*\n)*", (ROOT / LOCK).read_text(encoding="utf-8"), re.MULTILINE)
        (VENV / "uv.txt").write_text("".join(uv_pin), encoding="utf-8")
        _step("install uv", [python, *PIP, "-r", str(VENV / "uv.txt")], is_needed=False)
    uv = [python, "-m", "uv", "pip", "install", "--python", python, *([] if sys.stderr.isatty() else ["--quiet"])]
    # With bytecode: otherwise, where .venv becomes read-only, every kernel would compile TensorFlow again.
    packages = [*uv, "--require-hashes", "--compile-bytecode", *WHEELS, *files]
    # A font list that was written while an environment was being deleted would lack Matplotlib's fonts for good.
    fonts = [python, "-c", "from matplotlib import font_manager as m; m._load_fontmanager(try_read_cache=0)"]
    if not (_step("install packages", packages, is_needed=False) and _step("list fonts", fonts, is_needed=False)):
        # pip's configuration may name an institute's mirror and certificates, which uv does not read; and uv's own may
        # have sent the packages to another folder.
        _use_files_of_pip(python)
        _step("install packages with pip", [python, *PIP, *files])
        _step("list fonts", fonts)
    if not is_conda:
        _step("link the course", [python, "-c", LINK])
    for lock in [] if is_conda else locks:
        shutil.copy(str(ROOT / lock), str(VENV))
    if is_broken:
        return None
    continue_in([python], argv)


def continue_in(python: list[str], argv: list[str]) -> NoReturn:
    """Run the command in another interpreter; never return."""
    sys.stdout.flush()
    if os.name != "nt":
        os.execvp(python[0], [*python, "-m", "tools", *argv])
    # On Windows, exec would end this process, and the shell would not wait. Ctrl-C is for the command to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(subprocess.call([*python, "-m", "tools", *argv]))


def _step(purpose: str, command: list[str], *, is_needed: bool = True) -> bool:
    print(f"- {purpose}", flush=True)
    status = subprocess.run(command, cwd=str(ROOT), env=without_personal(os.environ)).returncode
    if status and is_needed:
        free = shutil.disk_usage(str(ROOT)).free / 1e9
        space = f" The course needs 2.2 GB, and only {free:.1f} GB are free." if free < 2.2 else ""
        sys.exit(f"Setup failed: could not {purpose}; see above.{space} Fix this, then run the same command again.")
    return not status


def _use_files_of_pip(python: str) -> None:
    """Turn what pip's configuration says about networks into variables, and ignore the rest of it."""
    pip, environment = [python, "-m", "pip", "config", "list"], without_personal(os.environ)
    done = subprocess.run(pip, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    listed = re.findall(r"(?:global|install)\.([a-z-]+)=('.*'|\".*\")", done.stdout.decode("utf-8", "replace"))
    found = {f"PIP_{name}".upper().replace("-", "_"): ast.literal_eval(value) for name, value in listed}
    os.environ.update({**without_personal(found), **environment, "PIP_CONFIG_FILE": os.devnull})


def _venv_has(locks: list[str]) -> bool:
    """Return whether .venv is complete: the locks that it is made from are copied into it last."""
    if not all(path.exists() for path in [VENV_PYTHON, *(VENV / lock for lock in locks)]):
        return False
    # A .venv cannot be moved, and a system upgrade may have replaced the Python that it points to.
    made = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    is_same = str(VENV) in made and (not IN_VENV or "version = {}.{}.".format(*sys.version_info) in made)
    return is_same and all((VENV / lock).read_bytes() == (ROOT / lock).read_bytes() for lock in locks)


def _holds(*files: str) -> bool:
    """Return whether this interpreter already has all packages of these locks, as in conda or on Binder."""
    uv = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable, "--dry-run", "--offline", *files]
    environment = without_personal(os.environ)
    done = subprocess.run(uv, cwd=str(ROOT), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return b"no changes" in done.stdout
