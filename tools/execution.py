"""Run a lesson from top to bottom in a kernel of its own."""

from __future__ import annotations

import ast
import copy
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from traitlets import default

from tools.clean_outputs import cell_label, code_cells
from course_utils.data import load_dataset, save_pickle

NOTEBOOKS_FOLDER = Path(__file__).resolve().parents[2] / "notebooks"

# They change what a kernel prints or draws on the machine of whoever has set them.
_TASTE = {"COLUMNS", "LINES", "JUPYTER_COLUMNS", "JUPYTER_LINES", "NO_COLOR", "FORCE_COLOR", "MPLBACKEND"}
_TASTE |= {"PYTHONWARNINGS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}

# Each asks the operating system for the largest resident set so far, in units of 2**20 bytes.
_PEAK_MEMORY = {
    "linux": "next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmHWM')) / 2**10",
    "darwin": "__import__('resource').getrusage(__import__('resource').RUSAGE_SELF).ru_maxrss / 2**20",
    "win32": "__import__('psutil').Process().memory_info().peak_wset / 2**20",
}


class LessonError(Exception):
    """A lesson could not be run to its end; the message names lesson, cell and reason."""


@dataclass(frozen=True)
class Execution:
    """What running a lesson gave.

    Attributes
    ----------
    notebook : NotebookNode
        The executed copy, outputs and widget state included, not normalised.
    seconds : float
        Wall time from kernel start to the end of the last cell.
    peak_rss_mb : float
        Largest resident memory of the kernel, in units of 2**20 bytes.
    values : dict
        For every name asked for, what its expression gave at the end.
    """

    notebook: NotebookNode
    seconds: float
    peak_rss_mb: float
    values: dict[str, Any] = field(default_factory=dict)


def execute_notebook(
    notebook: Path | NotebookNode,
    *,
    workspace: Path,
    environment: dict[str, str] | None = None,
    parameters: dict[str, Any] | None = None,
    expressions: dict[str, str] | None = None,
    on_cell: Callable[[int, int], None] | None = None,
    name: str | None = None,
) -> Execution:
    """Run all cells of a lesson in a new kernel of this interpreter.

    Parameters
    ----------
    notebook : Path or NotebookNode
        The lesson. A path's folder is the working directory of the kernel; a notebook object runs in ``notebooks/``.
        Neither is changed.
    workspace : Path
        The folder that the lesson sees as its workspace (``COURSE_WORKSPACE``).
    environment : dict of str to str, optional
        Environment variables added for the kernel.
    parameters : dict, optional
        Values for names that the cell tagged ``parameters`` assigns; other names are ignored. They are set by a cell
        tagged ``injected-parameters`` right after it, as papermill does.
    expressions : dict of str to str, optional
        Python expressions to evaluate in the kernel after the last cell; results must be what JSON can hold, or
        NumPy arrays and scalars, which become lists and numbers.
    on_cell : callable, optional
        Called as each code cell starts with its number (1, 2, …) and the number of code cells.
    name : str, optional
        What to call the lesson in messages; by default the file's name.

    Returns
    -------
    Execution
        The executed copy and what was measured.

    Raises
    ------
    LessonError
        If a cell fails (and is not tagged ``raises-exception``), the kernel dies, or an expression fails.
    """
    path = notebook if isinstance(notebook, Path) else None
    lesson = name or (path.stem if path else "notebook")
    executed = nbformat.read(path, as_version=4) if path else copy.deepcopy(notebook)
    if parameters:
        _inject(executed, parameters)
    numbers = {cell.id: number for number, cell in enumerate(code_cells(executed), start=1)}

    client = NotebookClient(
        executed,
        kernel_manager_class=_ThisInterpreter,
        resources={"metadata": {"path": str(path.resolve().parent if path else NOTEBOOKS_FOLDER)}},
        timeout=None,
        startup_timeout=120,
        iopub_timeout=60,
        raise_on_iopub_timeout=True,  # otherwise late outputs would be lost without a word
        record_timing=False,
    )
    start = time.perf_counter()
    # What a kernel logs about itself is no output of a lesson; what a cell writes to stderr arrives as an output.
    with client.setup_kernel(env=kernel_environment(workspace, environment), stderr=subprocess.DEVNULL):
        for index, cell in enumerate(executed.cells):
            if on_cell and cell.id in numbers:
                on_cell(numbers[cell.id], len(numbers))
            try:
                client.execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
            except CellExecutionError as error:
                where = f"{lesson}, {cell_label(executed, cell)}"
                raise LessonError(f"{where}: {error.ename}: {error.evalue}") from error
            except (CellControlSignal, DeadKernelError) as error:
                where = f"{lesson}, {cell_label(executed, cell)}"
                raise LessonError(f"{where}: the kernel stopped ({error}). Is there enough memory?") from error
        seconds = time.perf_counter() - start
        client.set_widgets_metadata()
        peak = _evaluate(client, {"peak memory": _PEAK_MEMORY[sys.platform]}, lesson)["peak memory"]
        values = _evaluate(client, expressions or {}, lesson)
    return Execution(notebook=executed, seconds=seconds, peak_rss_mb=peak, values=values)


def kernel_environment(workspace: Path, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Build the environment in which every kernel of the course runs, whoever starts it.

    Parameters
    ----------
    workspace : Path
        The folder for ``COURSE_WORKSPACE``.
    extra : dict of str to str, optional
        Variables to add; they win.

    Returns
    -------
    dict of str to str
        This process' environment without settings of personal taste that change outputs, such as ``NO_COLOR``, and
        with an absolute ``MNIST_PATH``, since kernels work in another folder.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in _TASTE}
    if inherited.get("MNIST_PATH"):
        inherited["MNIST_PATH"] = str(Path(inherited["MNIST_PATH"]).expanduser().resolve())
    return {**inherited, "COURSE_WORKSPACE": str(workspace.resolve()), **(extra or {})}


def choose_digits(folder: Path) -> tuple[str, dict[str, str]]:
    """Find out once, for all kernels to come, which digits there are.

    Parameters
    ----------
    folder : Path
        Where to put a copy of MNIST that was found elsewhere than by ``MNIST_PATH``; it must outlive the kernels.

    Returns
    -------
    tuple of str and dict
        The name of the dataset, and the environment variables with which every kernel comes to the same one without
        looking for it again, whatever its workspace holds.

    Raises
    ------
    DatasetError
        If ``MNIST_PATH`` names a file that cannot be used.
    """
    dataset = load_dataset()
    if dataset.name != "MNIST":
        return dataset.name, {"COURSE_OFFLINE": "1"}
    if os.environ.get("MNIST_PATH"):
        return dataset.name, {}
    return dataset.name, {"MNIST_PATH": str(save_pickle(dataset, folder / "mnist.pickle"))}


class _ThisInterpreter(AsyncKernelManager):
    """Starts ``python3`` kernels with the running interpreter, whatever kernels the machine has registered."""

    @default("kernel_spec_manager")
    def _only_the_native_kernel(self) -> KernelSpecManager:
        return KernelSpecManager(parent=self, kernel_dirs=[])


def _inject(notebook: NotebookNode, parameters: dict[str, Any]) -> None:
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            assigned = _assigned_names(cell.source)
            lines = [f"{name} = {value!r}" for name, value in parameters.items() if name in assigned]
            if lines:
                injected = nbformat.v4.new_code_cell(
                    "\n".join(lines), id="injected-parameters", metadata={"tags": ["injected-parameters"]}
                )
                notebook.cells.insert(index + 1, injected)
            return


def _assigned_names(source: str) -> set[str]:
    return {
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _evaluate(client: NotebookClient, expressions: dict[str, str], lesson: str) -> dict[str, Any]:
    if not expressions:
        return {}
    as_json = {
        name: f"__import__('json').dumps({expression}, default=lambda value: value.tolist())"
        for name, expression in expressions.items()
    }
    message = client.kc.execute("", silent=True, user_expressions=as_json)
    replies = client.wait_for_reply(message)["content"]["user_expressions"]
    values = {}
    for name, reply in replies.items():
        if reply["status"] != "ok":
            raise LessonError(f"{lesson}: {name} = {expressions[name]} gave {reply['ename']}: {reply['evalue']}")
        values[name] = json.loads(ast.literal_eval(reply["data"]["text/plain"]))
    return values
