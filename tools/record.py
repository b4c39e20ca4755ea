"""``record`` and ``check``: execute the lessons, say in words what changed, and keep the new outputs or not."""

from __future__ import annotations

import copy
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

from tools import reference
from tools.comparison.compare import Tolerance, compare_outputs
from tools.execution import NOTEBOOKS_FOLDER, LessonError, choose_digits, execute_notebook
from tools.clean_outputs import cell_label, code_cells, memory_addresses, normalise, to_text
from course_utils.data import DatasetError
from course_utils.workspace import atomic_path, write_remedy

_CHANGES_TOLD_PER_CELL = 8


def record(lessons: Sequence[str] | None, write: bool, *, folder: Path = NOTEBOOKS_FOLDER) -> int:
    """Execute lessons, each alone, in an empty workspace, and compare them with what is recorded.

    Where a new output is equal to the recorded one within the tolerance of its cell, the recorded one is kept, so that
    a second recording changes nothing. Notebooks are written after the last lesson, all of them or none.

    Parameters
    ----------
    lessons : sequence of str or None
        Which ones: the beginnings of file names, such as ``"04"``. None means all.
    write : bool
        Whether to write the notebooks, and the reference weights if the recipe that makes them has changed
        (``record``), or only to tell what would change (``check``).
    folder : Path
        The folder of the notebooks.

    Returns
    -------
    int
        Exit status. When recording: 0 if the notebooks are written, or were as they should be. When checking: 0 if
        nothing changed. Otherwise 1, after a message.
    """
    try:
        paths = find_lessons(lessons, folder)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
            return _record(paths, write, Path(temporary))
    except (LessonError, DatasetError) as error:
        print(f"{error}\nNothing was written.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error}. {write_remedy(error)}\nEvery notebook is whole, as it was or new.", file=sys.stderr)
        return 1


def find_lessons(lessons: Sequence[str] | None, folder: Path = NOTEBOOKS_FOLDER) -> list[Path]:
    """Find the notebooks of lessons.

    Parameters
    ----------
    lessons : sequence of str or None
        Beginnings of file names; None means all.
    folder : Path
        The folder of the notebooks.

    Returns
    -------
    list of Path
        The notebooks in the order of the course.

    Raises
    ------
    LessonError
        If a beginning fits no notebook.
    """
    paths = sorted(folder.glob("[!.]*.ipynb"))
    for lesson in lessons or []:
        if not any(path.name.startswith(lesson) for path in paths):
            there = ", ".join(path.stem for path in paths) or "none"
            raise LessonError(f"There is no lesson {lesson!r}. Lessons are: {there}.")
    return [path for path in paths if lessons is None or path.name.startswith(tuple(lessons))]


def _record(paths: list[Path], write: bool, temporary: Path) -> int:
    digits, environment = choose_digits(temporary)
    has_mnist = digits == "MNIST"
    if write and not has_mnist:
        raise LessonError("The lessons are recorded with MNIST, which was not found; set MNIST_PATH to mnist.npz.")
    if not has_mnist:
        print(f"Without MNIST ({digits} instead), outputs of cells tagged depends-on-dataset are not compared.")

    texts: dict[Path, str] = {}
    changed = failed = False
    with _reference_restored_on_failure() as keep_reference:
        for path, notebook in tqdm(_read(paths), desc="lessons", unit="lesson", disable=None, leave=False):
            workspace = temporary / path.stem
            workspace.mkdir()
            try:
                executed = _execute(path, notebook, workspace, environment)
                changes, recorded = _merge(notebook, executed, path.stem, compare_all=has_mnist)
                if path == reference.RECIPE_LESSON and not reference.is_current():
                    changes.append("the reference weights were made by another recipe" + ", and are made anew" * write)
                    if write:
                        reference.rewrite(workspace)
            except LessonError as error:
                failed = True
                tqdm.write(str(error))
                continue
            texts[path] = to_text(recorded)
            if not changes and texts[path] != path.read_text(encoding="utf-8"):
                changes.append("the file is not in normal form")
            changed |= bool(changes)
            for line in changes or ["as recorded"]:
                tqdm.write(f"{_title(path)}{line}" if line.startswith(", ") else f"{_title(path)}: {line}")
        if failed:
            raise LessonError("A lesson failed, see above.")
        if write:
            _write_all(texts)
            if reference.PICTURE_LESSON in texts:
                reference.rewrite_picture()
        keep_reference()
    return int(changed and not write)


def _read(paths: list[Path]) -> list[tuple[Path, NotebookNode]]:
    return [(path, nbformat.read(path, as_version=4)) for path in paths]


def _execute(path: Path, notebook: NotebookNode, workspace: Path, environment: dict[str, str]) -> NotebookNode:
    with tqdm(total=len(code_cells(notebook)), desc=_title(path), unit="cell", disable=None, leave=False) as bar:

        def show(number: int, _: int) -> None:
            bar.set_description(f"{_title(path)}, cell {number}", refresh=False)
            bar.update(number - 1 - bar.n)

        executed = normalise(
            execute_notebook(path, workspace=workspace, environment=environment, on_cell=show).notebook
        )
    for cell in code_cells(executed):
        where = f"{path.stem}, {cell_label(executed, cell)}"
        if addresses := memory_addresses(cell):
            raise LessonError(f"{where}: the output shows a memory address, {addresses[0]}; show something that lasts.")
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                raise LessonError(f"{where}: something is written to stderr: {output.text.strip()[:200]}")
    return executed


def _merge(
    old: NotebookNode, executed: NotebookNode, lesson: str, *, compare_all: bool
) -> tuple[list[str], NotebookNode]:
    """Put the recorded outputs back wherever the new ones are equal to them, and tell where they are not."""
    changes: list[str] = []
    merged = copy.deepcopy(executed)
    recorded = {cell.id: cell for cell in normalise(old).cells if cell.cell_type == "code"}
    for cell in code_cells(merged):
        label = cell_label(merged, cell)
        before = recorded[cell.id]
        if before.execution_count is None:
            changes.append(f", {label}: recorded for the first time")
            continue
        if not compare_all and "depends-on-dataset" in cell.metadata.get("tags", []):
            cell.outputs = before.outputs
            continue
        try:
            differences = compare_outputs(before.outputs, cell.outputs, Tolerance.of(cell))
        except ValueError as error:
            raise LessonError(f"{lesson}, {label}: {error}") from error
        if differences:
            told = [difference.short for difference in differences[:_CHANGES_TOLD_PER_CELL]]
            more = len(differences) - len(told)
            changes.append(f", {label}: {'; '.join(told)}" + (f"; and {more} more" if more else ""))
        else:
            cell.outputs = before.outputs
    return changes, normalise(merged)


def _write_all(texts: dict[Path, str]) -> None:
    # All new files lie beside the old ones before the first takes its place.
    with ExitStack() as files:
        for path, text in texts.items():
            if text.encode() != path.read_bytes():
                files.enter_context(atomic_path(path)).write_bytes(text.encode())


@contextmanager
def _reference_restored_on_failure() -> Iterator:
    """Put the reference weights back unless the function that this yields has been called."""
    before = {path: path.read_bytes() for path in (reference.WEIGHTS, reference.RECORD) if path.exists()}
    kept = False

    def keep() -> None:
        nonlocal kept
        kept = True

    try:
        yield keep
    finally:
        for path in (reference.WEIGHTS, reference.RECORD):
            if not kept and path in before and path.read_bytes() != before[path]:
                with atomic_path(path) as temporary:
                    temporary.write_bytes(before[path])
            elif not kept and path not in before:
                path.unlink(missing_ok=True)


def _title(path: Path) -> str:
    """Return ``"05 train"`` for ``05_train.ipynb``."""
    return path.stem.replace("_", " ")
