"""A pytest plugin that tells the comparison of notebooks about this course: its digits, and the kernels' environment.

The digits are found once per session. With anything but MNIST, cells tagged ``depends-on-dataset`` are executed but not
compared.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode

from course_utils.course import LESSONS, CourseError, lesson_file
from tools.clean_outputs import read_notebook
from tools.drift import SAME
from tools.execution import choose_digits, kernel_environment

_digits = pytest.StashKey[tuple[str, dict[str, str]]]()  # name of the dataset, environment of every kernel


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # a process of pytest-xdist: the first process has found them
        if digits := config.workerinput.get("digits"):
            config.stash[_digits] = tuple(digits)
        return
    paths = [Path(argument.split("::")[0]) for argument in config.args]
    has_notebooks = any(path.suffix == ".ipynb" or any(path.rglob("*.ipynb")) for path in paths)
    if config.option.nbval and not config.option.collectonly and has_notebooks:
        _find_digits(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - xdist has no type for it
    node.workerinput["digits"] = node.config.stash.get(_digits, None)


def pytest_report_header(config: pytest.Config) -> list[str]:
    lines = [f"ignored, because it is not a lesson: {path.name}" for path in _strangers(config.rootpath)]
    if _digits in config.stash:
        name, _ = config.stash[_digits]
        others = " - outputs of cells tagged depends-on-dataset are not compared, all others strictly"
        lines.append(f"digits: {name}{', recorded outputs compared strictly' if name == 'MNIST' else others}")
    return lines


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore copies and drafts of lessons, unless they are named."""
    is_asked = any(argument.partition("::")[0].endswith(".ipynb") for argument in config.args)
    return True if not is_asked and collection_path in _strangers(config.rootpath) else None


@pytest.hookimpl(tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> pytest.CollectReport | None:
    """Say in a sentence why a notebook cannot be read."""
    if isinstance(collector, pytest.File) and collector.path.suffix == ".ipynb":
        try:
            read_notebook(collector.path)
        except CourseError as error:
            return pytest.CollectReport(collector.nodeid, "failed", str(error), [])
    return None


def _strangers(root: Path) -> list[Path]:
    lessons = {lesson_file(number) for number in LESSONS}
    is_course = (root / "notebooks" / lesson_file("00")).exists()
    return [path for path in sorted((root / "notebooks").glob("*.ipynb")) if is_course and path.name not in lessons]


def pytest_notebook_environment(config: pytest.Config, folder: Path) -> dict[str, str]:
    return kernel_environment(folder, config.stash[_digits][1])


def pytest_notebook_cell_compared(config: pytest.Config, cell: NotebookNode) -> bool:
    return config.stash[_digits][0] == "MNIST" or "depends-on-dataset" not in cell.metadata.get("tags", [])


def pytest_notebook_end(path: Path) -> str | None:
    """Compare lessons with the helpers that do the same."""
    lesson = next((number for number in SAME if lesson_file(number) == path.name), None)
    return (
        lesson
        and f"from tools.drift import find_drift\nassert not (found := find_drift('{lesson}', globals())), found[0]"
    )


def _find_digits(config: pytest.Config) -> None:
    folder = tempfile.TemporaryDirectory(prefix="digits-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the header says this in one line
            config.stash[_digits] = choose_digits(Path(folder.name))
    except CourseError as error:
        raise pytest.UsageError(str(error)) from error
