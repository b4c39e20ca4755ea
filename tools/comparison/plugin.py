"""A pytest plugin: nbval executes the notebooks, and our own comparison judges their outputs.

With ``--nbval``, every code cell is a test: nbval runs it, and `compare` compares its outputs with the recorded ones.

- Each notebook has its own kernel and its own empty folder, which is removed afterwards.
- `tolerance` decides how far a number may move; the ini option ``measured_outputs`` names the file with the
  measurements, relative to pytest's root folder.
- Text on stderr is a failure, even if it was recorded; so is a cell that was never recorded.
- If a cell fails while executing, the rest of its notebook is skipped.
- A ``conftest.py`` may define `Hooks`: the environment of a kernel, and cells that are executed but not compared.

Built on nbval 0.11.0: `IPyNbFile`, `IPyNbCell.runtest`, `RunningKernel`. It needs nothing outside its folder.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel, start_new_kernel
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

from .compare import Difference, compare
from .outputs import cell_label
from .pictures import picture_of_difference
from .tolerance import Measured

_MOST_DIFFERENCES = 12
_measured = pytest.StashKey[Measured]()


class Hooks:
    """What a ``conftest.py`` or another plugin may define."""

    @pytest.hookspec(firstresult=True)
    def pytest_notebook_environment(self, config: pytest.Config, folder: Path) -> dict[str, str] | None:
        """Return all environment variables for a kernel that may write to `folder`; by default, those of pytest."""

    @pytest.hookspec(firstresult=True)
    def pytest_notebook_cell_compared(self, config: pytest.Config, cell: NotebookNode) -> bool | None:
        """Return whether the outputs of a cell can be reproduced here; by default, they can."""

    @pytest.hookspec(firstresult=True)
    def pytest_notebook_end(self, config: pytest.Config, path: Path) -> str | None:
        """Return code that must run without an error after the last cell; by default, nothing runs."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("measured_outputs", "JSON file of how far numbers in notebooks move", default="measured_outputs.json")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(Hooks)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_measured] = Measured(config.rootpath / config.getini("measured_outputs"))


# --- notebooks and cells as pytest sees them --------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Any:  # noqa: ANN401 - a hook wrapper
    collectors = yield
    ours = NotebookFile.from_parent(parent, path=file_path) if file_path.suffix == ".ipynb" else None
    return [ours if isinstance(collector, IPyNbFile) else collector for collector in collectors]


class NotebookFile(IPyNbFile):
    """A notebook with its own kernel and folder."""

    stopped_by: str | None = None  # the cell that failed while executing

    def collect(self) -> Iterator[NotebookCell]:
        for item in super().collect():
            name, values = cell_label(self.nb, item.cell), {"cell_num": item.cell_num, "cell": item.cell}
            yield NotebookCell.from_parent(self, name=name, options=item.options, **values)
        if source := self.ihook.pytest_notebook_end(config=self.config, path=self.path):
            cell = new_code_cell(source, id="end", execution_count=1)
            values = {"options": defaultdict(bool), "cell_num": len(self.nb.cells), "cell": cell}
            yield NotebookCell.from_parent(self, name="after the last cell (end)", **values)

    def setup(self) -> None:
        self.workspace = tempfile.TemporaryDirectory(prefix="workspace-", ignore_cleanup_errors=True)
        folder = Path(self.workspace.name)
        environment = self.ihook.pytest_notebook_environment(config=self.config, folder=folder) or dict(os.environ)
        self.kernel = _Kernel(self.path.parent, environment, self.config.option.nbval_kernel_startup_timeout)

    def teardown(self) -> None:
        if self.kernel is not None and self.kernel.is_alive():
            self.kernel.stop()
        self.workspace.cleanup()


class NotebookCell(IPyNbCell):
    """A code cell: executed by nbval, compared by us."""

    def runtest(self) -> None:
        if self.parent.stopped_by:
            pytest.skip(f"not executed, because {self.parent.stopped_by} failed")
        self.output_timeout = 60  # nbval gives up after 5 seconds, too early for a busy machine
        comparable = self.ihook.pytest_notebook_cell_compared(config=self.config, cell=self.cell) is not False
        is_compared, self.options["check"] = self.options["check"] and comparable, False
        # A recorded error is expected, and compared like any output.
        self.options["check_exception"] |= any(output.output_type == "error" for output in self.cell.outputs)
        try:
            super().runtest()
        except Exception:
            self.parent.stopped_by = self.name
            raise
        if differences := self._differences(is_compared):
            raise _OutputsDifferError(differences)

    def _differences(self, is_compared: bool) -> list[Difference]:
        if self.cell.source.strip() and self.cell.execution_count is None:
            return [Difference("The cell has never been recorded.")]
        # Compared with themselves, outputs differ only in what is never allowed, such as text on stderr.
        recorded = self.cell.outputs if is_compared else self.test_outputs
        try:
            tolerance = self.config.stash[_measured].tolerance(self.path.stem, self.cell)
            differences = compare(recorded, self.test_outputs, tolerance).differences
        except ValueError as error:
            return [Difference(str(error))]
        if self.options["check_exception"] and all(output.output_type != "error" for output in self.test_outputs):
            differences.append(Difference("an error was expected, but none was raised"))
        return differences

    def repr_failure(self, excinfo: pytest.ExceptionInfo) -> str:
        error = excinfo.value
        if isinstance(error, _OutputsDifferError):
            [differences] = error.args
            lines = [difference.sentence for difference in differences[:_MOST_DIFFERENCES]]
            if more := len(differences) - len(lines):
                lines.append(f"and {more} more")
            lines += self._write_pictures(differences)
        elif isinstance(error, NbCellError | RuntimeError):
            lines = [str(error), getattr(error, "inner_traceback", None) or ""]
        else:
            return str(excinfo.getrepr(style="short"))
        source = [f"    {line}" for line in self.cell.source.splitlines()]
        return "\n".join([*lines, f"The source of {self.name}:", *source])

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, f"{self.path.name}: {self.name}"

    def _write_pictures(self, differences: list[Difference]) -> list[str]:
        folder = self.config.rootpath / "build" / "nbval"
        lines = []
        for count, pictures in enumerate((one.pictures for one in differences if one.pictures), start=1):
            folder.mkdir(parents=True, exist_ok=True)
            files = []
            parts = (*pictures, picture_of_difference(*pictures))
            for name, part in zip(("expected", "actual", "difference"), parts, strict=True):
                files.append(folder / f"{self.path.stem}-{self.cell.get('id', self.cell_num)}-{count}-{name}.png")
                part.save(files[-1])
            lines.append("see " + ", ".join(file.relative_to(self.config.rootpath).as_posix() for file in files))
        return lines


class _OutputsDifferError(Exception):
    """The outputs of a cell differ from the recorded ones; the argument is the list of differences."""


# --- the kernel -------------------------------------------------------------------------------------------------------


class _Kernel(RunningKernel):
    """nbval's kernel in a given environment; when the kernel dies, so does the wait for its reply."""

    def __init__(self, cwd: Path, env: dict[str, str], startup_timeout: float) -> None:
        # As in nbval, plus the environment, which a kernel otherwise inherits.
        self.km, self.kc = start_new_kernel(
            startup_timeout=startup_timeout,
            kernel_name=CURRENT_ENV_KERNEL_NAME,
            stderr=subprocess.DEVNULL,
            cwd=str(cwd),
            env=env,
            extra_arguments=["--HistoryManager.hist_file=:memory:"],
        )
        self._ensure_iopub_up()

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        # nbval keeps cells out of the history, in which IPython looks for the semicolon that hides a result.
        return self.kc.execute(cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)

    def get_message(self, stream: str, timeout: float) -> dict:
        deadline = time.monotonic() + timeout
        while True:
            try:
                return super().get_message(stream, timeout=min(1, max(0, deadline - time.monotonic())))
            except Empty:
                if not self.is_alive():
                    raise RuntimeError("the kernel died; perhaps there was not enough memory") from None
                if time.monotonic() >= deadline:
                    raise
