"""How long set-up and tests take, how much set-up downloads, and what it leaves on the disk."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

from benchmarks.machine import BUILD, ROOT, BenchError, say
from tools.bootstrap import LOCK, lock_entries, probe_python
from tools.kit import KitError, fetch_wheels

NOT_COPIED = shutil.ignore_patterns(".*", "build", "workspace", "dist", "__pycache__")


def measure_setup(*, quick: bool) -> dict[str, float]:
    """Set the course up from nothing in a copy of its folder, with nothing in the caches of pip and uv.

    Parameters
    ----------
    quick : bool
        Only to see that it works: with what the caches hold.

    Returns
    -------
    dict of str to float
        ``seconds``; ``disk_mb``, the size of ``.venv`` afterwards; ``download_mb``, the wheels that
        ``requirements.lock`` pins for this computer (they are kept in ``build/wheels``, where ``make kit`` finds them).
        Megabytes are millions of bytes.

    Raises
    ------
    BenchError
        If that fails, for instance without a network.
    """
    this = probe_python([sys.executable])
    python = "{}.{}".format(*this.version)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        copy = Path(folder) / "course"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        nothing = {} if quick else {"UV_CACHE_DIR": str(Path(folder) / "cache"), "PIP_NO_CACHE_DIR": "1"}
        start = perf_counter()
        _run("setup", folder=copy, environment=nothing)
        seconds = perf_counter() - start
        disk = _megabytes(path for path in (copy / ".venv").rglob("*") if path.is_file() and not path.is_symlink())
    try:
        wheels = fetch_wheels(
            lock_entries(LOCK), this.system, python, ROOT / "build/wheels" / f"{this.system}-{python}"
        )
    except KitError as error:
        raise BenchError(str(error)) from error
    say(f"set-up from nothing: {seconds:.0f} s, {_megabytes(wheels):.0f} MB to download, {disk:.0f} MB on disk")
    return {"seconds": seconds, "download_mb": _megabytes(wheels), "disk_mb": disk}


def measure_tests(*, quick: bool) -> dict[str, float]:
    """Run ``make test``, or in a trial only its quickest part.

    Parameters
    ----------
    quick : bool
        Only to see that it works.

    Returns
    -------
    dict of str to float
        ``seconds``; how many tests ``passed``.

    Raises
    ------
    BenchError
        If a test fails.
    """
    start = perf_counter()
    output = _run("test", *(["tests/test_style.py"] if quick else []), folder=ROOT)
    seconds = perf_counter() - start
    passed = int(re.findall(r"(\d+) passed", output)[-1])
    say(f"make test: {seconds:.0f} s, {passed} tests passed")
    return {"seconds": seconds, "passed": passed}


def _run(*command: str, folder: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "course_utils", *command],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    if done.returncode:
        raise BenchError(f"{command[0]} failed: {(done.stdout.splitlines() or ['no message'])[-1]}")
    return done.stdout


def _megabytes(paths: Iterable[Path]) -> float:
    return sum(path.stat().st_size for path in paths) / 1e6
