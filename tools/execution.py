"""Run a lesson from top to bottom in a kernel of its own."""

from __future__ import annotations

import ast
import atexit
import copy
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
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

from course_utils.check_setup import shadowing_files
from course_utils.course import NOTEBOOKS, CourseError
from course_utils.data import chosen_file, load_dataset, save_pickle
from tools.comparison.outputs import cell_label, code_cells
from tools.folders import shown
from tools.settings import without_personal

# For each operating system, how a kernel asks for its largest resident set so far, in units of 2**20 bytes.
_PEAK_MEMORY = {
    "linux": "next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmHWM')) / 2**10",
    "darwin": "__import__('resource').getrusage(__import__('resource').RUSAGE_SELF).ru_maxrss / 2**20",
    "win32": "__import__('psutil').Process().memory_info().peak_wset / 2**20",
}


# Replaces the module that starts kernels, since no variable makes IPython ignore a computer's system-wide settings.
_LAUNCHER = """import sys
del sys.path[0]  # the lesson's folder, until the kernel runs
from IPython.core.application import ENV_CONFIG_DIRS, SYSTEM_CONFIG_DIRS
ENV_CONFIG_DIRS.clear(), SYSTEM_CONFIG_DIRS.clear()
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""


class LessonError(CourseError):
    """A lesson did not run to its end; the message names the lesson, the cell and the reason."""


@dataclass(frozen=True)
class Execution:
    """The executed copy of a lesson and what was measured; memory is the kernel's peak in units of 2**20 bytes."""

    notebook: NotebookNode
    seconds: float
    peak_rss_mb: float
    #: The final value of each expression that was asked for.
    values: dict[str, Any] = field(default_factory=dict)


def execute_notebook(
    notebook: NotebookNode,
    name: str,
    *,
    workspace: Path,
    folder: Path = NOTEBOOKS,
    environment: dict[str, str] | None = None,
    parameters: dict[str, Any] | None = None,
    expressions: dict[str, str] | None = None,
    on_cell: Callable[[int, int], None] | None = None,
) -> Execution:
    """Run all cells of a lesson in a new kernel of this interpreter, or raise LessonError; the lesson is not changed.

    The kernel works in `folder`, with `workspace` and the variables of `environment`. As with papermill, a cell after
    the one tagged ``parameters`` assigns those of the `parameters` that occur there. At the end, the values of
    `expressions` must be NumPy arrays or fit into JSON. ``on_cell(1, 20)`` is called when the first of twenty code
    cells starts; messages call the lesson `name`.
    """
    if shadows := shadowing_files(folder):
        raise LessonError(f"{shown(shadows[0])} would be used instead of the installed {shadows[0].stem}. Rename it.")
    executed = copy.deepcopy(notebook)
    _inject(executed, parameters or {})
    numbers = {cell.id: number for number, cell in enumerate(code_cells(executed), start=1)}
    client = NotebookClient(
        executed,
        kernel_manager_class=_ThisInterpreter,
        resources={"metadata": {"path": str(folder)}},
        timeout=None,
        startup_timeout=120,
        iopub_timeout=60,
        raise_on_iopub_timeout=True,  # otherwise late outputs would get lost without a word
        record_timing=False,
    )
    start = time.perf_counter()
    # This discards what the kernel logs about itself; what a cell writes to stderr still arrives as an output.
    with client.setup_kernel(env=kernel_environment(workspace, environment), stderr=subprocess.DEVNULL):
        for index, cell in enumerate(executed.cells):
            if on_cell and cell.id in numbers:
                on_cell(numbers[cell.id], len(numbers))
            try:
                client.execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
            except CellExecutionError as error:
                where = f"{name}, {cell_label(executed, cell)}"
                raise LessonError(f"{where}: {error.ename}: {error.evalue}") from error
            except (CellControlSignal, DeadKernelError) as error:
                where = f"{name}, {cell_label(executed, cell)}"
                raise LessonError(
                    f"{where}: the kernel stopped ({error}). Close other programs to free memory."
                ) from error
        seconds = time.perf_counter() - start
        client.set_widgets_metadata()
        peak = _evaluate(client, {"peak memory": _PEAK_MEMORY[sys.platform]}, name)["peak memory"]
        values = _evaluate(client, expressions or {}, name)
    return Execution(notebook=executed, seconds=seconds, peak_rss_mb=peak, values=values)


def kernel_environment(workspace: Path, extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a kernel: this process' own, with absolute paths and without personal settings."""
    inherited = without_personal(os.environ) | _settings_of_kernels()
    inherited["PYTHONPATH"] = os.pathsep.join(filter(None, [inherited["IPYTHONDIR"], inherited.get("PYTHONPATH")]))
    if path := chosen_file():  # the kernel works in another folder, with another workspace
        inherited["MNIST_PATH"] = str(path.resolve())
    return {**inherited, "COURSE_WORKSPACE": str(workspace.resolve()), **(extra or {})}


@functools.cache
def _settings_of_kernels() -> dict[str, str]:
    """Return variables that replace the personal files of IPython, Keras and Matplotlib."""
    folder = tempfile.mkdtemp(prefix="settings-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Path(folder, "matplotlibrc").touch()  # empty: everything stays at Matplotlib's defaults
    Path(folder, "ipykernel_launcher.py").write_text(_LAUNCHER, encoding="utf-8")
    return {"IPYTHONDIR": folder, "KERAS_HOME": folder, "MATPLOTLIBRC": str(Path(folder, "matplotlibrc"))}


def choose_digits(folder: Path) -> tuple[str, dict[str, str]]:
    """Find the digits once, for all kernels to come.

    Returns the name of the dataset, and environment variables that make every kernel load it without searching again.
    If MNIST was not named by a setting, it is copied to `folder`, which must exist as long as the kernels do.
    """
    dataset = load_dataset()
    if dataset.name != "MNIST":
        return dataset.name, {"COURSE_OFFLINE": "1"}
    if chosen_file():
        return dataset.name, {}
    return dataset.name, {"MNIST_PATH": str(save_pickle(dataset, folder / "mnist.pickle"))}


class _ThisInterpreter(AsyncKernelManager):
    """Starts kernels with the running interpreter, whatever kernels are registered on the machine."""

    @default("kernel_spec_manager")
    def _only_the_native_kernel(self) -> KernelSpecManager:
        return KernelSpecManager(parent=self, kernel_dirs=[])


def _inject(notebook: NotebookNode, parameters: dict[str, Any]) -> None:
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            nodes = ast.walk(ast.parse(cell.source))
            assigned = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            if lines := [f"{name} = {value!r}" for name, value in parameters.items() if name in assigned]:
                tag = "injected-parameters"
                injected = nbformat.v4.new_code_cell("\n".join(lines), id=tag, metadata={"tags": [tag]})
                notebook.cells.insert(index + 1, injected)
            return


def _evaluate(client: NotebookClient, expressions: dict[str, str], lesson: str) -> dict[str, Any]:
    as_json = {
        name: f"__import__('json').dumps({expression}, default=lambda value: value.tolist())"
        for name, expression in expressions.items()
    }
    kernel: Any = client.kc
    answer: Any = client.wait_for_reply(kernel.execute("", silent=True, user_expressions=as_json))
    values = {}
    for name, reply in answer["content"]["user_expressions"].items():
        if reply["status"] != "ok":
            raise LessonError(f"{lesson}: {name} = {expressions[name]} gave {reply['ename']}: {reply['evalue']}")
        values[name] = json.loads(ast.literal_eval(reply["data"]["text/plain"]))
    return values
