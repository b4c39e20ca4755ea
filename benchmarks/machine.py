"""The machine that is measured, and the processes that are measured on it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from time import monotonic
from typing import Any

import psutil

from course_utils.workspace import atomic_folder

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "bench"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PACKAGES = ("numpy", "tensorflow", "tensorflow-cpu", "keras", "scikit-learn", "torch")

_start = monotonic()


class BenchError(Exception):
    """Something cannot be measured; the message says what, why, and what to do."""


def say(text: str) -> None:
    """Print a line with the time since the start in front, at once."""
    minutes, seconds = divmod(int(monotonic() - _start), 60)
    print(f"{minutes:3}:{seconds:02}  {text}", flush=True)


def num_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory() -> float:
    """Return the largest resident memory that this process ever had, in units of 2**20 bytes."""
    if sys.platform == "linux":
        # Not getrusage: that begins with what the parent had when it started this process.
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**10
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def ask(*arguments: str, environment: dict[str, str] | None = None) -> Any:  # noqa: ANN401
    """Start a fresh Python, and return what it prints last, a line of JSON.

    Parameters
    ----------
    *arguments : str
        For Python, such as ``"-m"`` and a module.
    environment : dict of str to str, optional
        Variables to add.

    Raises
    ------
    BenchError
        If it ends with an error; the message has its last line.
    """
    # As many threads for every library.
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **dict.fromkeys(threads, str(num_cores())), **(environment or {})},
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode:
        raise BenchError(f"{' '.join(arguments)} failed: {(done.stderr.splitlines() or ['no message'])[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def further_packages() -> Path:
    """Install what the benchmark takes besides the course, once, and return its folder.

    Raises
    ------
    BenchError
        If it cannot be had.
    """
    version = "{}.{}".format(*sys.version_info)
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + version.encode()).hexdigest()[:8]
    folder = BUILD / f"packages-{digest}"
    if not folder.is_dir():
        say("PyTorch is installed into build/bench/, once: 0.2 GB, but 3 GB where pip finds only the build for CUDA")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with atomic_folder(folder) as fresh:
            # With pip, which knows of mirrors and folders from its configuration.
            install = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
            done = subprocess.run(
                [*install, "--target", str(fresh), "--requirement", str(REQUIREMENTS)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
            if done.returncode:
                reason = (done.stderr.splitlines() or ["pip failed"])[-1]
                raise BenchError(f"PyTorch cannot be installed ({reason}); all else is measured.")
    return folder


def describe() -> dict[str, Any]:
    """Tell what is measured with: processor, cores, memory, system and versions."""
    paths = [*sys.path, *map(str, BUILD.glob("packages-*"))]
    found = {one.name.lower().replace("_", "-"): one.version for one in metadata.distributions(path=paths)}
    (blas,) = ask("-c", "import json, numpy, threadpoolctl; print(json.dumps(threadpoolctl.threadpool_info()))")
    return {
        "processor": _processor(),
        "cores": num_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: found[name] for name in PACKAGES if name in found},
        "blas": "{internal_api} {version} ({architecture}), {num_threads} threads".format(**blas),
    }


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        return subprocess.check_output(["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], text=True).strip()
    return platform.processor() or platform.machine()
