"""Tell in plain words whether a computer has what the course needs, and what to do where it has not.

Lesson 00 calls `examine`; ``python -m course_utils doctor`` calls `diagnose`, which looks at more and also works before
anything is set up. Hence only the standard library is imported here, nothing newer than Python 3.8 is used, and each
check imports for itself what it looks with.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from course_utils.workspace import workspace_folder

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
OK, NOTE, PROBLEM = "ok", "note", "PROBLEM"

#: Lesson 05 takes at most 1.6 GB with MNIST (Linux x86-64); JupyterLab, a browser and other notebooks are beside it.
MEMORY_GIGABYTES = 2.0
#: The digits, what `run` leaves in build/, and room to save notebooks.
DISK_GIGABYTES = 0.5


class Finding(NamedTuple):
    """One line of the report."""

    subject: str
    status: str
    """`OK`, `NOTE` (worth knowing, and the course works) or `PROBLEM`."""
    message: str
    """What was found; for a problem, what to do as well."""


def examine() -> None:
    """Print a line for each thing that a lesson needs: ``ok``, or what is missing and what to do."""
    for subject, check in LESSON_CHECKS.items():
        finding = _look(subject, check)
        print(_first_words(finding) if finding.status == OK else f"{_first_words(finding)}: {finding.message}")


def diagnose(setup: Finding, *, setup_gigabytes: float) -> int:
    """Print a line for each thing that the course needs, with what was found.

    Parameters
    ----------
    setup
        Whether the course is set up. If it is not, what the set-up brings is not looked for.
    setup_gigabytes
        What the set-up takes on disk.

    Returns
    -------
    int
        Exit status: 1 if there is a problem, else 0.
    """
    if setup.status == PROBLEM:
        checks = {"disk": lambda: check_disk(setup_gigabytes), "folders": check_folders}
    else:
        checks = {**LESSON_CHECKS, "digits": check_digits, "network": check_network}
    findings = [setup]
    _print_line(setup)
    # All at once, since the network may take seconds to say nothing.
    with ThreadPoolExecutor(len(checks)) as pool:
        for finding in pool.map(_look, checks, checks.values()):
            findings.append(finding)
            _print_line(finding)
    problems = sum(finding.status == PROBLEM for finding in findings)
    if problems:
        print(f"\n{problems} problem{'s' * (problems > 1)}. Mend the first one first: others may go with it.")
        return 1
    print("\nThe course can begin: python -m course_utils lab")
    return 0


def check_python() -> Finding:
    """Compare this Python with the versions that the course supports (``requires-python`` in ``pyproject.toml``)."""
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", OK, f"{version}, in {sys.prefix}")
    return Finding("Python", PROBLEM, f"this is {version}; the course needs 3.11, 3.12 or 3.13. {_install_again()}")


def check_packages() -> Finding:
    """Compare the installed packages with those that ``requirements.lock`` pins for this computer."""
    from importlib import metadata

    from packaging.requirements import Requirement

    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = [Requirement(line) for line in re.findall(r"^(\S+==[^\\\n]+)", lock, re.MULTILINE)]
    pins = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    wrong = []
    for pin in pins:
        try:
            version = metadata.version(pin.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{pin.name} is missing")
            continue
        if version not in pin.specifier:
            wrong.append(f"{pin.name} is {version} instead of {str(pin.specifier)[2:]}")
    if wrong:
        others = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        return Finding("packages", PROBLEM, f"{', '.join(wrong[:3])}{others}. {_install_again()}")
    if sys.platform == "win32":
        import ctypes

        try:
            ctypes.WinDLL("msvcp140_1.dll")  # TensorFlow loads it, and not every Windows has it
        except OSError:
            message = "TensorFlow needs the Visual C++ Redistributable (x64): install it from Microsoft, then restart"
            return Finding("packages", PROBLEM, message)
    return Finding("packages", OK, f"all {len(pins)} have the versions of requirements.lock")


def check_memory() -> Finding:
    """Compare the memory that programs may still take with what training takes."""
    import psutil

    available = min(psutil.virtual_memory().available, _memory_limit()) / 1e9
    if available < MEMORY_GIGABYTES:
        message = f"{available:.1f} GB are free, and training takes up to {MEMORY_GIGABYTES:.0f} with the browser. "
        return Finding("memory", PROBLEM, f"{message}Close other programs, and notebooks that you do not need")
    return Finding("memory", OK, f"{available:.1f} GB are free")


def check_disk(gigabytes: float = DISK_GIGABYTES) -> Finding:
    """Compare the free space where lessons leave their results with what is needed."""
    free = shutil.disk_usage(str(workspace_folder())).free / 1e9
    if free < gigabytes:
        return Finding("disk", PROBLEM, f"{free:.1f} GB are free; make room for at least {gigabytes} GB")
    return Finding("disk", OK, f"{free:.0f} GB are free")


def check_folders() -> Finding:
    """Try to write where lessons leave the pickle and the trained network, and where they are saved themselves."""
    for folder in (workspace_folder(), ROOT / "notebooks"):
        try:
            with tempfile.TemporaryFile(dir=str(folder)):
                pass
        except OSError as error:
            message = f"nothing can be written to {folder} ({error.strerror or error}). Copy the course to a folder "
            return Finding("folders", PROBLEM, f"{message}of your own, and start it there")
    return Finding("folders", OK, f"{workspace_folder()} and the notebooks can be written")


def check_kernel() -> Finding:
    """Look whether a notebook would be run by this Python, and not by another one that Jupyter knows."""
    import importlib.util

    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    if importlib.util.find_spec("ipykernel") is None:
        return Finding("kernel", PROBLEM, f"ipykernel, which runs the cells, is missing. {_install_again()}")
    try:
        kernel = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding("kernel", PROBLEM, f"JupyterLab knows no Python to run notebooks with. {_install_again()}")
    program = Path(kernel.argv[0])
    # A bare `python` means the one that starts the kernel.
    if program.is_absolute() and program.parent != Path(sys.executable).parent:
        message = f"notebooks would be run by {program}, which knows nothing of the course. "
        return Finding("kernel", PROBLEM, f"{message}Delete the folder {kernel.resource_dir}")
    return Finding("kernel", OK, "notebooks are run by this Python")


def check_digits() -> Finding:
    """Look for MNIST where lessons look for it, the network excepted, and compare every byte with its hash."""
    from course_utils.data import DatasetError, load_dataset
    from course_utils.data import keras_file

    named = os.environ.get("MNIST_PATH")
    if named:
        try:
            return Finding("digits", OK, f"{load_dataset().name}, in {named}, which MNIST_PATH names")
        except DatasetError as error:
            return Finding("digits", PROBLEM, f"{error} MNIST_PATH names this file")
    passed_over = ""
    for file in (workspace_folder() / "mnist.pickle", keras_file()):
        if not file.exists():
            continue
        try:
            if load_dataset(file).name == "MNIST":
                return Finding("digits", NOTE if passed_over else OK, f"{passed_over}MNIST, every byte, in {file}")
        except DatasetError:
            pass
        passed_over += f"{file} is not MNIST or is damaged; delete it. "
    message = "MNIST is not here yet: lessons fetch it, or take smaller digits where there is no network. "
    return Finding("digits", NOTE, f"{passed_over}{message}If you have mnist.pickle, copy it to {workspace_folder()}")


def check_network() -> Finding:
    """Ask the server that has MNIST, within seconds and without downloading."""
    from course_utils.download import DownloadError, ask_server

    if os.environ.get("COURSE_OFFLINE", "0") not in ("", "0"):
        return Finding("network", NOTE, "not asked, since COURSE_OFFLINE is set")
    try:
        return Finding("network", OK, f"{ask_server()} answers")
    except DownloadError as error:
        return Finding("network", NOTE, f"{error}. Nothing but fetching MNIST needs it now")


#: What a lesson needs, in the order in which it makes sense to mend it; each says the same on every good computer.
LESSON_CHECKS: dict[str, Callable[[], Finding]] = {
    "Python": check_python,
    "packages": check_packages,
    "kernel": check_kernel,
    "memory": check_memory,
    "disk": check_disk,
    "folders": check_folders,
}


def _look(subject: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    # A doctor that falls ill at what it finds would help nobody.
    except Exception as error:
        return Finding(subject, PROBLEM, f"could not be looked at: {error or type(error).__name__}. {_install_again()}")


def _install_again() -> str:
    if Path(sys.prefix) == ROOT / ".venv":
        return "Delete the folder .venv, then run: python -m course_utils setup"
    return f"Run: {sys.executable} -m pip install --require-hashes -r {ROOT / 'requirements.lock'}"


def _first_words(finding: Finding) -> str:
    return f"{finding.status:9}{finding.subject}"


def _print_line(finding: Finding) -> None:
    print(f"{_first_words(finding):19}{finding.message}", flush=True)


def _memory_limit() -> float:
    """Return what a container, such as Binder's, may take, in bytes; infinity where nothing limits it."""
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return int(Path(file).read_text(encoding="ascii"))
        except (OSError, ValueError):  # no such file; or the word `max`
            continue
    return math.inf
