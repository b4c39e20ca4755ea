"""A pytest plugin: nbval executes the notebooks, and our own comparison judges their outputs.

With ``--nbval``, every code cell is one test: nbval runs it, and `compare` compares its outputs with the recorded ones.

- Each notebook has a kernel and an empty workspace of its own, removed afterwards.
- The digits are looked for once per session. With anything but MNIST, cells tagged ``depends-on-dataset`` are executed
  and not compared.
- stderr is a failure, recorded or not; so is a cell that was never recorded.
- After a cell that fails while executing, the rest of its notebook is skipped.

Built on nbval 0.11.0: `IPyNbFile`, `IPyNbCell.runtest`, `RunningKernel`.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel, start_new_kernel
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

from course_utils.course import CourseError
from tools.comparison.compare import Difference, Tolerance, compare
from tools.comparison.outputs import cell_label
from tools.execution import choose_digits, kernel_environment

_MOST_DIFFERENCES = 12

# --- what belongs to this course: digits, looked for once per session, and the environment of kernels -----------------

_digits = pytest.StashKey[tuple[str, dict[str, str]]]()  # name of the dataset, environment of every kernel


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # a process of pytest-xdist: the first process has already looked
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


def pytest_report_header(config: pytest.Config) -> str | None:
    if _digits not in config.stash:
        return None
    name, _ = config.stash[_digits]
    if name == "MNIST":
        return "digits: MNIST, recorded outputs compared strictly"
    return f"digits: {name} - outputs of cells tagged depends-on-dataset are not compared, all others strictly"


def _find_digits(config: pytest.Config) -> None:
    folder = tempfile.TemporaryDirectory(prefix="digits-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the header says it in a line
            config.stash[_digits] = choose_digits(Path(folder.name))
    except CourseError as error:
        raise pytest.UsageError(str(error)) from error


def _is_comparable(item: NotebookCell) -> bool:
    return item.config.stash[_digits][0] == "MNIST" or "depends-on-dataset" not in item.cell.metadata.get("tags", [])


# --- notebooks and cells as pytest sees them --------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Any:  # noqa: ANN401 - a hook wrapper
    collectors = yield
    ours = NotebookFile.from_parent(parent, path=file_path) if file_path.suffix == ".ipynb" else None
    return [ours if isinstance(collector, IPyNbFile) else collector for collector in collectors]


class NotebookFile(IPyNbFile):
    """A notebook with a kernel of its own, in a workspace of its own."""

    stopped_by: str | None = None  # the cell that failed while executing

    def collect(self) -> Iterator[NotebookCell]:
        for item in super().collect():
            name, values = cell_label(self.nb, item.cell), {"cell_num": item.cell_num, "cell": item.cell}
            yield NotebookCell.from_parent(self, name=name, options=item.options, **values)

    def setup(self) -> None:
        self.workspace = tempfile.TemporaryDirectory(prefix="workspace-", ignore_cleanup_errors=True)
        if _digits not in self.config.stash:  # the command line did not look as if there were notebooks
            _find_digits(self.config)
        environment = kernel_environment(Path(self.workspace.name), self.config.stash[_digits][1])
        self.kernel = _Kernel(self.path.parent, environment, self.config.option.nbval_kernel_startup_timeout)

    def teardown(self) -> None:
        if self.kernel is not None and self.kernel.is_alive():
            self.kernel.stop()
        self.workspace.cleanup()


class NotebookCell(IPyNbCell):
    """A code cell: executed by nbval, compared by us."""

    def runtest(self) -> None:
        if self.parent.stopped_by:
            pytest.skip(f"not executed, since {self.parent.stopped_by} failed")
        self.output_timeout = 60  # nbval gives up after 5 seconds, which a busy machine may take
        is_compared, self.options["check"] = self.options["check"] and _is_comparable(self), False
        try:
            super().runtest()
        except Exception:
            self.parent.stopped_by = self.name
            raise
        if differences := self._differences(is_compared):
            raise _OutputsDifferError(differences)

    def _differences(self, is_compared: bool) -> list[Difference]:
        if self.cell.source.strip() and self.cell.execution_count is None:
            return [Difference("The cell has never been recorded; run make record.", "")]
        # Compared with themselves, outputs differ in nothing but what is never allowed.
        recorded = self.cell.outputs if is_compared else self.test_outputs
        try:
            differences = compare(recorded, self.test_outputs, Tolerance.of(self.cell)).differences
        except ValueError as error:
            return [Difference(str(error), "")]
        if self.options["check_exception"] and all(output.output_type != "error" for output in self.test_outputs):
            differences.append(Difference("tagged raises-exception, and nothing was raised", ""))
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
            for part in ("expected", "actual", "difference"):
                files.append(folder / f"{self.path.stem}-{self.cell.id}-{count}-{part}.png")
                getattr(pictures, part).save(files[-1])
            lines.append("see " + ", ".join(file.relative_to(self.config.rootpath).as_posix() for file in files))
        return lines


class _OutputsDifferError(Exception):
    """The outputs of a cell are not the recorded ones; the one argument is the list of differences."""


# --- the kernel -------------------------------------------------------------------------------------------------------


class _Kernel(RunningKernel):
    """nbval's kernel in a given environment; waiting for a reply ends when the kernel does."""

    def __init__(self, cwd: Path, env: dict[str, str], startup_timeout: float) -> None:
        # As nbval does it, plus the environment: a kernel inherits its parent's otherwise.
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
        # nbval keeps cells out of the history, where IPython looks for the semicolon that hides a result.
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
