"""``record`` and ``check``: execute the lessons, report what changed, and keep the new outputs or not."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from nbformat import NotebookNode
from tqdm import tqdm

from course_utils.course import BUILD, LESSONS, NOTEBOOKS, CourseError, lesson_file
from course_utils.workspace import atomic_path
from tools import reference
from tools.clean_outputs import belongs_to_one_machine, clean_outputs, parse_notebook, to_text
from tools.comparison.compare import compare
from tools.comparison.outputs import cell_label, code_cells
from tools.comparison.tolerance import Measured
from tools.execution import LessonError, choose_digits, execute_notebook
from tools.folders import read_bytes, reading, shown, write_folder

_CHANGES_SHOWN_PER_CELL = 8


def check(lessons: Sequence[str] = ()) -> int:
    """Execute lessons by number, and return 1 if recording them would change anything."""
    return record(lessons, write=False)


def record(lessons: Sequence[str] = (), *, write: bool = True, folder: Path = NOTEBOOKS, build: Path = BUILD) -> int:
    """Execute lessons by number, each alone in an empty workspace, and compare their outputs with the recorded ones.

    An output that equals the recorded one within the tolerance of its cell is not replaced, so that recording twice
    changes nothing. After the last lesson all notebooks are written, or none, and the reference weights if their recipe
    has changed; if somebody has edited a notebook meanwhile, all go to ``build/recorded`` instead. Without `write`, the
    result is 1 if something would change.
    """
    paths = [folder / lesson_file(number) for number in lessons or LESSONS]
    contents = {path: read_bytes(path) for path in paths}
    notebooks = {path: parse_notebook(content, path) for path, content in contents.items()}
    texts: dict[Path, str] = {}
    changed = False
    failures: list[str] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        digits, environment = choose_digits(Path(temporary))
        if write and digits != "MNIST":
            raise LessonError("Recording needs MNIST, which was not found. Set MNIST_PATH to the file mnist.npz.")
        if digits != "MNIST":
            print(f"With {digits} instead of MNIST, cells tagged depends-on-dataset are not compared.")
        for path in (bar := tqdm(paths, unit="lesson", disable=None, leave=False)):
            title = path.stem.replace("_", " ")
            workspace = Path(temporary) / path.stem
            workspace.mkdir()
            try:
                before = notebooks[path]
                show = functools.partial(_show, bar, title)
                after, drift = _execute(before, path, workspace, environment, show)
                changes = _keep_equal_outputs(before, after, path.stem, compare_all=digits == "MNIST")
            except LessonError as error:
                failures.append(str(error))
                continue
            texts[path] = to_text(clean_outputs(after))
            changes += [f": {sentence}" for sentence in drift]
            if not changes and texts[path].encode() != contents[path]:
                changes.append(": the file is not in the form that record writes")
            changed |= bool(changes)
            for change in changes or [": as recorded"]:
                tqdm.write(title + change)
        if failures:
            raise LessonError("\n".join([*failures, "Nothing was written."]))
        edited = [path for path, content in contents.items() if not path.exists() or path.read_bytes() != content]
        if edited and write:
            write_folder(build / "recorded", {path.name: text.encode() for path, text in texts.items()})
        if edited:
            raise CourseError(
                f"{', '.join(map(shown, edited))} changed meanwhile, so the report is about the previous version. "
                + f"Nothing was replaced; the new outputs are in {shown(build / 'recorded')}. " * write
                + "Run the same command again."
            )
        if write:
            _write_all({path: text for path, text in texts.items() if text.encode() != contents[path]})
            if reference.RECIPE_LESSON in texts and not reference.is_current():
                reference.rewrite(Path(temporary) / reference.RECIPE_LESSON.stem)
                print("The reference weights had another recipe and have been replaced. Now record 00 and 07 to 11.")
            if reference.PICTURE_LESSON in texts:
                reference.rewrite_picture()
        if not reference.is_current():
            changed = True
            print(
                "The reference weights do not come from the recipe in lesson 06 and its helpers. Undo the change to "
                "the recipe, or record 06, then 00 and 07 to 11: make record LESSON=06"
            )
    return int(changed and not write)


def _execute(
    notebook: NotebookNode,
    path: Path,
    workspace: Path,
    environment: dict[str, str],
    on_cell: Callable[[int, int], None],
) -> tuple[NotebookNode, list[str]]:
    find_drift = f"__import__('tools.drift', fromlist=['']).find_drift({path.name[:2]!r}, globals())"
    execution = execute_notebook(
        notebook,
        path.stem,
        workspace=workspace,
        folder=path.resolve().parent,
        environment=environment,
        expressions={"drift": find_drift},
        on_cell=on_cell,
    )
    executed = clean_outputs(execution.notebook)
    for cell in code_cells(executed):
        where = f"{path.stem}, {cell_label(executed, cell)}"
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                raise LessonError(f"{where} writes to stderr: {output.text.strip()[:200]}")
    return executed, execution.values["drift"]


def _show(bar: tqdm, title: str, number: int, num_cells: int) -> None:
    bar.set_description(f"{title}, cell {number} of {num_cells}")


def _keep_equal_outputs(old: NotebookNode, executed: NotebookNode, lesson: str, *, compare_all: bool) -> list[str]:
    """Restore the recorded outputs where the new ones equal them, and say where they differ."""
    changes: list[str] = []
    with reading(reference.MEASURED):
        measured = Measured(reference.MEASURED)
    recorded = {cell.id: cell for cell in clean_outputs(old).cells if cell.cell_type == "code"}
    for cell in code_cells(executed):
        label = cell_label(executed, cell)
        before = recorded[cell.id]
        is_compared = compare_all or "depends-on-dataset" not in cell.metadata.get("tags", [])
        if found := is_compared and next(belongs_to_one_machine(cell), ""):
            raise LessonError(
                f"{lesson}, {label}: the output contains {found}, which differs between computers or runs. Show "
                "something else, such as the name of a file."
            )
        if before.execution_count is None:
            changes.append(f", {label}: recorded for the first time")
            continue
        differences = []
        if is_compared:
            try:
                differences = compare(before.outputs, cell.outputs, measured.tolerance(lesson, cell)).differences
            except ValueError as error:
                raise LessonError(f"{lesson}, {label}: {error}") from error
        if differences:
            shown = [difference.sentence for difference in differences[:_CHANGES_SHOWN_PER_CELL]]
            more = len(differences) - len(shown)
            changes.append(f", {label}: {'; '.join(shown)}" + (f"; and {more} more" if more else ""))
        else:
            cell.outputs = before.outputs
    return changes


def _write_all(texts: dict[Path, str]) -> None:
    # All new files lie beside the old ones before the first of them is moved into place.
    with ExitStack() as files:
        for path, text in texts.items():
            files.enter_context(atomic_path(path)).write_bytes(text.encode())
