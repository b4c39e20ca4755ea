"""Check whether a computer has what the course needs, and say what to do where it does not.

Lesson 00 calls `examine`; ``python -m tools check-setup`` calls `report`, which checks more and also works before
anything is installed, so each check imports what it needs.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.machinery import PathFinder
from pathlib import Path

from course_utils.course import IS_ALONE, NOTEBOOKS, ROOT, CourseError, counted
from course_utils.personal_settings import NOT_USED
from course_utils.workspace import workspace_folder

OK, NOTE, PROBLEM = "ok", "note", "PROBLEM"  # with a note the course still works
ONLY_FOR_COMMAND = ("settings", "digits")
_INSTALL_AGAIN = "Create a new environment" if IS_ALONE else "Run: make setup, or python -m tools setup"

Finding = tuple[str, str]  # the status, and what was found; for a problem, what to do as well


def examine() -> None:
    """Print a line for each thing that a lesson needs: ``ok``, or what is missing and what to do."""
    for subject in (each for each in CHECKS if each not in ONLY_FOR_COMMAND):
        status, message = _run(CHECKS[subject])
        print(f"{status:9}{subject}" if status == OK else f"{status:9}{subject}: {message}")


def report(setup_problem: str | None = None) -> int:
    """Print what each check found, and return 1 if there is a problem. If the set-up has one, report only that."""
    checks = {"set-up": lambda: (PROBLEM, setup_problem)} if setup_problem else CHECKS
    has_problem = False
    for subject, check in checks.items():
        status, message = _run(check)
        print(f"{status:9}{subject:10}{message}", flush=True)
        has_problem |= status == PROBLEM
    print("\nFix the first problem first; that may resolve the others." if has_problem else "\nThe course is ready.")
    return int(has_problem)


def _run(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except CourseError as error:
        return PROBLEM, " ".join([str(error), *getattr(error, "__notes__", [])])
    except Exception as error:  # whatever is broken, the other checks still run
        return PROBLEM, f"cannot be checked ({type(error).__name__}: {error}). {_INSTALL_AGAIN}"


def check_python() -> Finding:
    """Compare this Python with the versions that the course supports (``requires-python`` in ``pyproject.toml``)."""
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return OK, f"{version}, in {sys.prefix}"
    return PROBLEM, f"this is {version}; the course needs 3.11, 3.12 or 3.13. {_INSTALL_AGAIN}"


def check_packages() -> Finding:
    """Compare the installed packages with the lock, for this computer; without one, with what the lessons need."""
    from importlib import metadata

    from packaging.requirements import Requirement

    if IS_ALONE:
        lines = metadata.requires("digit-course") or []
    else:
        lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
        lines = re.findall(r"^(\S+==[^\\\n]+)", lock, re.MULTILINE)
    pins = [pin for pin in map(Requirement, lines) if not pin.marker or pin.marker.evaluate({"extra": ""})]
    wrong = []
    for pin in pins:
        version = next((package.version for package in metadata.distributions(name=pin.name)), None)
        if version is None or not pin.specifier.contains(version, prereleases=True):
            wrong.append(f"{pin.name}{pin.specifier} ({version or 'missing'} here)")
    if wrong:
        others = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        names = " ".join(f'"{entry.split()[0]}"' for entry in wrong)
        remedy = f"Run this in a cell, then restart the kernel: %pip install {names}" if IS_ALONE else _INSTALL_AGAIN
        return PROBLEM, f"the course needs {', '.join(wrong[:3])}{others}. {remedy}"
    if sys.platform == "win32":
        from ctypes.util import find_library

        if not find_library("msvcp140_1.dll"):
            return (
                PROBLEM,
                "TensorFlow needs Microsoft's Visual C++ Redistributable (x64). Install it, then restart the computer",
            )
    return OK, f"all {len(pins)} are installed in the versions that the lessons need"


def check_kernel() -> Finding:
    """Check that Jupyter runs notebooks in this Python, and not in another one that it knows of."""
    from jupyter_client.kernelspec import KernelSpecManager

    kernel = KernelSpecManager().get_kernel_spec("python3")
    program = Path(kernel.argv[0])
    # A bare `python` means the one that starts the kernel.
    if program.is_absolute() and program.parent != Path(sys.executable).parent:
        return PROBLEM, f"notebooks run in another Python ({program}). Delete the folder {kernel.resource_dir}"
    return OK, "notebooks run in this Python"


def check_memory() -> Finding:
    """Compare the free memory, or the limit of a container such as Binder's, with what training needs."""
    import psutil

    limit_file = Path("/sys/fs/cgroup/memory.max")
    limit = limit_file.read_text(encoding="ascii").strip() if limit_file.exists() else "max"
    available = min(psutil.virtual_memory().available, float("inf" if limit == "max" else limit))
    # Lesson 06 takes up to 1.6 GB with MNIST, and JupyterLab and a browser run beside it.
    status, found = _compare(available, 2.0, "Close other programs and notebooks that you do not need")
    others = [process.info for process in psutil.process_iter(["cmdline", "memory_info"]) if process.pid != os.getpid()]
    kernels = [info["memory_info"] for info in others if "ipykernel" in str(info["cmdline"]) and info["memory_info"]]
    if kernels:
        total = sum(memory.rss for memory in kernels) / 1e9
        found += f". {counted(len(kernels), 'notebook')} running in the background: {total:.1f} GB"
    return status, found


def check_disk() -> Finding:
    """Compare the free disk space with what the digits, the pages that `run` writes and saved notebooks need."""
    return _compare(shutil.disk_usage(workspace_folder()).free, 0.5, "Delete files that you do not need")


def _compare(num_bytes: float, gigabytes: float, remedy: str) -> Finding:
    found = f"{num_bytes / 1e9:.1f} GB free"
    return (OK, found) if num_bytes >= gigabytes * 1e9 else (PROBLEM, f"{found}, {gigabytes} GB needed. {remedy}")


def check_folders() -> Finding:
    """Check that lessons can write to the workspace and that notebooks can be saved."""
    beside = workspace_folder().parent / "notebooks"  # where the course is read-only, the lessons are a copy
    lessons = beside if beside.exists() else NOTEBOOKS
    for folder in (workspace_folder(), lessons):
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            return (
                PROBLEM,
                f"lessons cannot write to {folder} ({error.strerror}). Copy the course to a folder of your own",
            )
    for folder in (lessons, Path.cwd()):  # where this notebook is, perhaps a copy
        if shadows := shadowing_files(folder):
            return PROBLEM, f"{shadows[0]} would be used instead of the installed {shadows[0].stem}. Rename it"
    return OK, f"{workspace_folder()} and the notebooks folder are writable"


def shadowing_files(folder: Path) -> list[Path]:
    """Return the files in a folder that notebooks import, or Matplotlib reads, instead of what is installed."""
    elsewhere = [entry for entry in sys.path if entry and Path(entry).absolute() != folder.absolute()]
    modules = sorted([*folder.glob("*.py"), *(package.parent for package in folder.glob("*/__init__.py"))])
    names = {*sys.stdlib_module_names, *(path.stem for path in modules if PathFinder.find_spec(path.stem, elsewhere))}
    return [*(path for path in modules if path.stem in names), *folder.glob("matplotlibrc")]


def check_settings() -> Finding:
    """Look for a person's own settings of IPython, Matplotlib, Keras and TensorFlow."""
    import matplotlib
    from IPython.core.application import ENV_CONFIG_DIRS, SYSTEM_CONFIG_DIRS
    from IPython.paths import get_ipython_dir

    folders = [Path(get_ipython_dir(), "profile_default"), *map(Path, [*ENV_CONFIG_DIRS, *SYSTEM_CONFIG_DIRS])]
    found = [file for folder in folders for each in ("*_config.*", "startup/*.*py") for file in folder.glob(each)]
    found.append(Path(matplotlib.matplotlib_fname()))
    names = [str(path) for path in found if not path.is_relative_to(matplotlib.get_data_path())]
    names += [name for name in ("MPLBACKEND", "PYTHONSTARTUP") if os.environ.get(name)]
    sentences = [os.environ[NOT_USED]] if NOT_USED in os.environ else []
    if names:
        sentences.append(f"Lessons may look or behave differently because of {', '.join(sorted(names))}.")
    return (NOTE, " ".join(sentences)) if sentences else (OK, "no settings of your own change the lessons")


def check_digits() -> Finding:
    """Look for MNIST, or a dataset of the student's own, where lessons look for it, and read all of it."""
    from course_utils.data import DatasetError, chosen_file, load_dataset

    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            return OK, f"{load_dataset(allow_download=False, allow_embedded=False).name}, complete"
    except DatasetError:
        if chosen_file():
            raise
    ignored = printed.getvalue().replace(os.environ.get(NOT_USED, "\0"), "").split()
    return NOTE, " ".join([*ignored, "MNIST is not here yet: lessons will download it, or use smaller digits"])


#: In the order in which to fix what they find.
CHECKS: dict[str, Callable[[], Finding]] = {
    "Python": check_python,
    "packages": check_packages,
    "kernel": check_kernel,
    "memory": check_memory,
    "disk": check_disk,
    "folders": check_folders,
    "settings": check_settings,
    "digits": check_digits,
}
