"""The commands of the course: ``python -m tools COMMAND``, which the Makefile calls as well.

This module imports only the standard library, because the packages that a command needs may not be installed yet.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from course_utils.course import BUILD, ROOT, CourseError
from course_utils.environment import path_setting
from tools.bootstrap import ensure_environment

LEAST_COVERAGE = 75  # percent of course_utils and tools; measured 90 with MNIST, lessons' kernels not counted
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def show_setup() -> int:
    """Say where the course is set up."""
    print(f"The course is set up in {sys.prefix}. To open it: make lab (or: python -m tools lab)")
    return 0


def test(arguments: Sequence[str] = ()) -> int:
    """Run pytest with these arguments; without any, run everything on all cores and report the coverage."""
    import pytest

    os.chdir(ROOT)  # only there does pytest use its `testpaths`
    BUILD.mkdir(exist_ok=True)
    os.environ["COVERAGE_FILE"] = str(BUILD / ".coverage")
    # The scheduler would start with the files that have most tests, but the lessons that train take longest.
    everything = ["--numprocesses=auto", "--no-loadscope-reorder", "--cov=course_utils", "--cov=tools"]
    everything += [f"--cov-report=html:{BUILD / 'coverage'}", f"--cov-fail-under={LEAST_COVERAGE}"]
    return int(pytest.main([*arguments] or everything))


def test_browser(arguments: Sequence[str] = ()) -> int:
    """Run the browser tests, one browser for each core; without a browser, skip them and say why."""
    return test(["tests/browser", "--numprocesses=auto", "-rs", *arguments])


def ci() -> int:
    """Run all tests, then the browser tests; a missing browser is installed first where this is allowed."""
    command = [sys.executable, "-m", "tools"]
    statuses = [subprocess.run([*command, "test"], cwd=ROOT).returncode]
    if not _has_browser() and shutil.which("apt-get"):
        apt = [*(["sudo", "--non-interactive"] if os.geteuid() else []), "apt-get", "--quiet=2"]
        for step in (["update"], ["install", "--no-install-recommends", "chromium"]):
            subprocess.run([*apt, *step], env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if _has_browser():
        os.environ.setdefault("COURSE_BROWSER", "required")
    statuses.append(subprocess.run([*command, "test-browser"], cwd=ROOT).returncode)
    return max(statuses)


def _has_browser() -> bool:
    # Starting it distinguishes a browser from a stub that would install one.
    found = filter(None, map(shutil.which, BROWSERS))
    return any(subprocess.run([path, "--version"], capture_output=True).returncode == 0 for path in found)


def count(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


class Command(NamedTuple):
    """What a command does, the function that does it, and the arguments for `ArgumentParser.add_argument`."""

    text: str
    function: str
    options: Sequence[tuple[str, dict[str, Any]]] = ()


LESSON = ("lessons", {"nargs": "*", "metavar": "LESSON", "help": "number, such as 04; all by default"})
LESSONS = ("lessons", {**LESSON[1], "help": "numbers of the lessons in it, such as 01 02 04; all by default"})
OF_KIT = ("--lessons", {**LESSONS[1], "nargs": "+", "default": ()})
EPOCHS = (
    "--epochs",
    {"dest": "num_epochs", "type": count, "metavar": "N", "help": "instead of the number of epochs in the lessons"},
)
NAMES = ("names", {"nargs": "*", "metavar": "NAME", "help": "only these"})
LONG = ("--long", {"action": "store_true", "help": "all of them; a sample by default"})
WORKERS = ("--workers", {"dest": "num_workers", "type": count, "metavar": "N", "help": "training runs at a time"})
SCHEDULER = ("--scheduler", {"metavar": "ADDRESS", "help": "use the workers of this Dask scheduler"})
QUICK = ("--quick", {"action": "store_true", "help": "use few images and repetitions, as a trial"})
KEEP = ("--keep", {"action": "store_true", "help": "replace the committed results"})
STUDENTS = ("--without-solutions", {"dest": "with_solutions", "action": "store_false", "help": "as students get it"})
FILES = ("files", {"nargs": "*", "metavar": "FILE", "help": "progress.json of students, or folders of such files"})
BY_FILE = ("--by-file", {"action": "store_true", "help": "add a line for each file, which may name its owner"})
UPGRADE = ("--upgrade", {"action": "store_true", "help": "use the newest versions"})
PLATFORMS = ("--platforms", {"nargs": "+", "default": (), "metavar": "NAME", "help": "such as macos-arm64"})
PYTHONS = ("--pythons", {"nargs": "+", "default": (), "metavar": "3.N", "help": "such as 3.12, for each platform"})

COMMANDS = {
    "setup": Command("only set up the environment, before a workshop without a network", "tools.commands:show_setup"),
    "run": Command("execute all lessons; write pages and a summary to build/", "tools.run:run", [EPOCHS]),
    "lab": Command("open JupyterLab on your copy of the lessons", "tools.working_copy:open_working_copy"),
    "lab-source": Command("open JupyterLab on the source of the lessons, to edit it", "tools.lab:open_lab"),
    "pad": Command("write the drawing pad as one web page, build/pad.html", "tools.pad_page:write_pad_page"),
    "check-setup": Command("check whether this computer has what the course needs", "course_utils.check_setup:report"),
    "test": Command("run all tests, notebooks included", "tools.commands:test"),
    "test-browser": Command("test lessons and widgets in a real browser", "tools.commands:test_browser"),
    "ci": Command("do what CI does: test and test-browser", "tools.commands:ci"),
    "site": Command("make a web site of the course, build/site/", "tools.site.build:make_site", [STUDENTS]),
    "student": Command("make the students' edition, and a zip", "tools.editions:make_student_edition", [LESSONS]),
    "notebooks": Command("make lessons to hand out one by one", "tools.editions:make_single_lessons", [LESSONS]),
    "kit": Command("make a zip that installs without a network", "tools.kit:make_kit", [PLATFORMS, PYTHONS, OF_KIT]),
    "instructor": Command("make the instructors' edition", "tools.editions:make_instructor_edition", [LESSONS]),
    "slides": Command("make slides of lessons", "tools.slides:make_slides", [LESSON]),
    "progress": Command("show what a class has solved", "tools.progress:progress", [FILES, BY_FILE]),
    "record": Command("execute lessons and keep their outputs", "tools.record:record", [LESSON]),
    "check": Command("execute lessons and compare with the recorded outputs", "tools.record:check", [LESSON]),
    "measure": Command("measure how far numbers move between machines (hours)", "tools.measure:measure", [LESSON]),
    "mutants": Command("plant faults and check that the outputs show them", "tools.mutants:mutants", [NAMES, LONG]),
    "experiments": Command(
        "train with many seeds and variants (half an hour)",
        "tools.experiments:experiments",
        [NAMES, WORKERS, SCHEDULER],
    ),
    "bench": Command("measure speed and memory", "benchmarks.measure:bench", [QUICK, KEEP]),
    "lock": Command("write both locks from pyproject.toml", "tools.lock:write_lock", [UPGRADE]),
}
#: These need the packages of requirements-dev.lock.
DEVELOPMENT = {"test", "test-browser", "ci", "slides", "mutants", "experiments"}
#: These pass their arguments on to another program, which has its own ``--help``.
PASSES_ON = {"lab", "lab-source", "test", "test-browser"}


def main(argv: list[str]) -> int:
    """Run a command, in an environment that is set up first when needed, and return its exit status."""
    name, arguments = _parse(argv)
    stopped = []

    def stop(*_: object) -> None:
        stopped.append(True)
        logging.disable()  # asyncio would log the end of a kernel
        sys.unraisablehook = lambda _: None
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    for variable in ("MNIST_PATH", "COURSE_WORKSPACE"):
        if path := path_setting(variable):
            # Kernels work in notebooks/, where a relative path would mean something else.
            os.environ[variable] = str(path.absolute())
    try:
        if problem := ensure_environment(argv, development=name in DEVELOPMENT, install=name != "check-setup"):
            from course_utils.check_setup import report

            return report(problem)
        module, _, function = COMMANDS[name].function.partition(":")
        return getattr(importlib.import_module(module), function)(**arguments)
    except BaseException as error:
        # The library that Ctrl-C interrupts may turn it into an error of its own.
        return _explain(KeyboardInterrupt() if stopped else error)
    finally:
        signal.signal(signal.SIGINT, before)


def _explain(error: BaseException) -> int:
    """Print an error that a person can act on, and return the exit status; raise any other error again."""
    status = 1
    if isinstance(error, KeyboardInterrupt):
        text, status = "\nStopped. You can run the same command again at any time.", 130
    elif isinstance(error, BrokenPipeError):  # as in `python -m tools check-setup | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain when it ends
        return 141
    elif isinstance(error, CourseError):
        text = "\n".join([str(error), *getattr(error, "__notes__", [])])
    elif isinstance(error, SyntaxError):
        text = f"{error.filename}, line {error.lineno}: {error.msg}. Correct it, or restore it from Git."
    elif isinstance(error, OSError):
        from course_utils.workspace import write_remedy

        text = f"{error}. {write_remedy(error)}"
    else:
        raise error
    print(text, file=sys.stderr)
    return status


def _parse(argv: list[str]) -> tuple[str, dict[str, Any]]:
    parser = argparse.ArgumentParser(
        prog="python -m tools",
        description="From raw MNIST pixels to a trained network, in twelve lessons. Whichever command you run first "
        "sets up an environment in .venv, from requirements.lock.",
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)
    for name, command in COMMANDS.items():
        usage = f"python -m tools {name} [-- ARGUMENTS]" if name in PASSES_ON else None
        subparser = subparsers.add_parser(name, help=command.text, usage=usage)
        for option, settings in command.options:
            subparser.add_argument(option, **settings)
    passed_on: dict[str, Any] = {}
    if PASSES_ON.intersection(argv[:1]) and argv[1:2] not in (["-h"], ["--help"]):
        passed_on = {"arguments": argv[2:] if argv[1:2] == ["--"] else argv[1:]}
        argv = argv[:1]
    arguments = vars(parser.parse_args(argv)) | passed_on
    return arguments.pop("command"), arguments
