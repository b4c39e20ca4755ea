"""The commands of the course: ``python -m course_utils COMMAND``, which the Makefile calls too.

Like ``environment.py`` this is read by a bare Python first: standard library only, and no syntax newer than Python 3.8.
Everything else is imported inside the commands, after the environment was made sure of.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bootstrap import (
    ENVIRONMENT_GIGABYTES,
    ROOT,
    SetupError,
    ensure_environment,
    prefer_environment,
)
from course_utils.workspace import write_remedy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KIT_PLATFORMS = ("linux-x86_64", "linux-arm64", "macos-arm64", "macos-x86_64", "windows-x86_64")

#: These hand everything that follows them to another program, which has its own ``--help``.
PASSING_ON = ("lab", "test", "test-browser")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of the course, in an environment that is set up first when needed.

    Parameters
    ----------
    argv
        The command and its arguments; those of this process by default.

    Returns
    -------
    int
        The exit status: 0 when all went well, 130 after Ctrl-C.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    arguments = _parse(argv)
    for name in ("MNIST_PATH", "COURSE_WORKSPACE"):
        if os.environ.get(name):
            # A relative path means one thing here and another in a kernel, which works in notebooks/.
            os.environ[name] = str(Path(os.environ[name]).expanduser().absolute())
    try:
        if arguments.command is not _doctor:
            ensure_environment(argv, development=arguments.development)
        return arguments.command(arguments)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command can be run again at any time.", file=sys.stderr)
        return 130


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m course_utils",
        description="From raw MNIST pixels to a trained network, in nine lessons. Every command sets up its "
        "environment by itself: once, in .venv, from requirements.lock.",
        epilog="Help on one command: python -m course_utils run --help",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.set_defaults(command=command, passed_on=[], development=False)
        return added

    run = add("run", _run, "execute lessons 00-08 and write pages and a summary to build/")
    run.add_argument("--epochs", type=_count, metavar="N", help="train for N epochs instead of what the lessons say")
    lab = add("lab", _lab, "open JupyterLab on lesson 00; what follows goes to JupyterLab")
    lab.usage = "python -m course_utils lab [-- --no-browser ...]"
    add("doctor", _doctor, "say whether this computer has what the course needs, and what to do where it has not")
    add("setup", _setup, "only set up the environment, e.g. before a workshop without network")
    add("pad", _pad, "write the drawing pad as one web page, build/pad.html, for a phone or a projector")
    # What the others are made of is not in the student edition.
    if Path(__file__).with_name("editions.py").is_file():
        _add_for_authors(add)

    passed_on = []
    if argv[:1] and argv[0] in PASSING_ON and argv[1:2] not in (["-h"], ["--help"]):
        argv, passed_on = argv[:1], argv[2:] if argv[1:2] == ["--"] else argv[1:]
    arguments = parser.parse_args(argv)
    arguments.passed_on = passed_on
    return arguments


def _add_for_authors(add: Callable[..., argparse.ArgumentParser]) -> None:
    test = add("test", _test, "run all tests, notebooks included, on all cores; what follows goes to pytest")
    test.usage = "python -m course_utils test [-- -k data ...]"
    test.set_defaults(development=True)
    browser = add(
        "test-browser", _test_browser, "run lessons and widgets in a real browser; what follows goes to pytest"
    )
    browser.usage = "python -m course_utils test-browser [-- -k lessons ...]"
    browser.set_defaults(development=True)
    for name, text in (
        ("record", "execute lessons and keep their outputs in notebooks/"),
        ("check", "execute lessons and compare with what is recorded"),
    ):
        lessons = add(name, _record, text)
        lessons.set_defaults(write=name == "record")
        lessons.add_argument("lessons", nargs="*", metavar="LESSON", help="its number, such as 04; all by default")
    add("measure", _measure, "measure how far numbers move between machines, the ground for tolerances (20 minutes)")
    mutants = add("mutants", _mutants, "plant faults in a copy and see that the recorded outputs tell (30 minutes)")
    mutants.set_defaults(development=True)
    mutants.add_argument("parts", nargs="*", metavar="PART", help="only faults with this in their name or file")
    seeds = add("seeds", _seeds, "train with many seeds and variants, and record what comes out (half an hour)")
    seeds.set_defaults(development=True)
    seeds.add_argument(
        "names", nargs="*", metavar="EXPERIMENT", help="recipe, hold-out, dropout or cnn; all by default"
    )
    where = seeds.add_mutually_exclusive_group()
    where.add_argument("--workers", type=_count, metavar="N", help="trainings at a time; one for each core by default")
    where.add_argument("--scheduler", metavar="ADDRESS", help="use the workers of this Dask scheduler instead")
    bench = add("bench", _bench, "measure speed and memory beside other libraries and the machine's limit (20 minutes)")
    bench.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help="setup, start, training, growth or lessons; all these by default; or laptop, tests",
    )
    bench.add_argument("--quick", action="store_true", help="with few images and repetitions, to see that it works")
    bench.add_argument("--keep", action="store_true", help="replace the committed results in benchmarks/ by these")
    bench.add_argument("--strict", action="store_true", help="end with status 1 if something became worse")
    lock = add("lock", _lock, "write requirements.lock and requirements-dev.lock anew from pyproject.toml")
    lock.add_argument("--upgrade", action="store_true", help="take the newest versions instead of keeping the present")
    add("student", _student, "make the edition for students in build/: no solutions, no notes, no outputs, and a zip")
    kit = add("kit", _kit, "make a zip in build/ for a USB stick, from which the course is installed without a network")
    kit.add_argument(
        "--platform", nargs="+", metavar="NAME", help="computers that it is for: " + ", ".join(KIT_PLATFORMS)
    )
    kit.add_argument("--python", nargs="+", metavar="3.N", help="versions of Python on them")
    kit.epilog = (
        "By default it is for computers and a Python like this one. What was fetched once is kept in build/wheels."
    )
    add("instructor", _instructor, "make the edition for instructors in build/: solutions open, notes shown")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 1 or more")
    return int(text)


def _doctor(arguments: argparse.Namespace) -> int:
    obstacle = prefer_environment(["doctor"])
    from course_utils.check_setup import OK, PROBLEM, Finding, diagnose

    setup = Finding("set-up", PROBLEM, obstacle) if obstacle else Finding("set-up", OK, "complete")
    return diagnose(setup, setup_gigabytes=ENVIRONMENT_GIGABYTES)


def _setup(arguments: argparse.Namespace) -> int:
    print(f"The course is set up in {sys.prefix}. To open it: make lab, or python -m course_utils lab")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from tools.run import run

    return run(ROOT / "notebooks", ROOT / "build", num_epochs=arguments.epochs)


def _lab(arguments: argparse.Namespace) -> int:
    from tools.lab import open_lab

    return open_lab(ROOT, "notebooks/00_start_here.ipynb", arguments.passed_on)


def _pad(arguments: argparse.Namespace) -> int:
    from tools.pad_page import write_pad_page

    try:
        path = write_pad_page(ROOT / "build")
    except OSError as error:
        print(f"The page cannot be written: {error}. {write_remedy(error, 4_000_000)}", file=sys.stderr)
        return 1
    name = path.relative_to(ROOT).as_posix()
    print(f"{name}, {path.stat().st_size / 1e6:.1f} MB: open it in any browser, or copy it to a phone.")
    return 0


def _test(arguments: argparse.Namespace) -> int:
    import pytest

    # pytest looks at its `testpaths` only when it is started in the folder of pyproject.toml.
    os.chdir(ROOT)
    return int(pytest.main(arguments.passed_on or ["--numprocesses", "auto"]))


def _test_browser(arguments: argparse.Namespace) -> int:
    # With reasons: where there is no browser, the tests are skipped.
    arguments.passed_on = ["tests/browser", "-rs", *arguments.passed_on]
    return _test(arguments)


def _record(arguments: argparse.Namespace) -> int:
    from tools.record import record

    return record(arguments.lessons or None, write=arguments.write)


def _measure(arguments: argparse.Namespace) -> int:
    from tools.measure import measure

    return measure()


def _mutants(arguments: argparse.Namespace) -> int:
    from tools.mutants import find_survivors

    return find_survivors(arguments.parts)


def _seeds(arguments: argparse.Namespace) -> int:
    from tools.experiments import seeds

    return seeds(arguments.names, num_workers=arguments.workers, scheduler=arguments.scheduler)


def _bench(arguments: argparse.Namespace) -> int:
    from benchmarks.bench import bench

    return bench(arguments.parts, quick=arguments.quick, keep=arguments.keep, strict=arguments.strict)


def _lock(arguments: argparse.Namespace) -> int:
    from tools.bootstrap import write_lock

    write_lock(upgrade=arguments.upgrade)
    return 0


def _student(arguments: argparse.Namespace) -> int:
    from tools.editions import EditionError, make_student_edition

    try:
        path = make_student_edition(ROOT, ROOT / "build")
    except (EditionError, OSError) as error:
        print(f"{error}. {write_remedy(error)}" if isinstance(error, OSError) else error, file=sys.stderr)
        return 1
    print(f"To hand out: {path.relative_to(ROOT).as_posix()}; the same, unpacked: build/student")
    return 0


def _kit(arguments: argparse.Namespace) -> int:
    from tools.editions import EditionError
    from tools.kit import KitError, make_kit

    try:
        path = make_kit(ROOT, ROOT / "build", arguments.platform, arguments.python)
    except (EditionError, KitError, OSError) as error:
        print(f"{error}. {write_remedy(error)}" if isinstance(error, OSError) else error, file=sys.stderr)
        return 1
    print(f"Unpack it onto the stick: {path.relative_to(ROOT).as_posix()}, {path.stat().st_size / 1e6:,.0f} MB")
    return 0


def _instructor(arguments: argparse.Namespace) -> int:
    from tools.editions import EditionError, make_instructor_edition

    try:
        folder = make_instructor_edition(ROOT, ROOT / "build")
    except (EditionError, OSError) as error:
        print(f"{error}. {write_remedy(error)}" if isinstance(error, OSError) else error, file=sys.stderr)
        return 1
    notebooks = (folder / "notebooks").relative_to(ROOT).as_posix()
    print(f"To teach from, in JupyterLab (make lab): {notebooks}. Change the lessons in notebooks/, not there.")
    return 0
