"""A pytest plugin: nbval executes the notebooks, and our own comparison judges their outputs.

With ``--nbval``, every code cell of a notebook is one test. nbval starts the kernel and runs the cell; then
`tools.comparison.compare` compares the outputs with the recorded ones, within the tolerance that the cell
declares. On top of that:

- each notebook has a kernel and an empty workspace of its own, removed afterwards;
- which digits there are is found out once per session. With anything but MNIST, cells tagged ``depends-on-dataset`` are
  executed and not compared;
- stderr is a failure, recorded or not; so is a cell that was never recorded;
- after a cell that fails while executing, the rest of its notebook is skipped: what it would say is no news.

Built on nbval 0.11.0: `IPyNbFile`, `IPyNbCell.runtest` and its call of `compare_outputs`, `RunningKernel`.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from queue import Empty

import nbformat
import pytest
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel, start_new_kernel
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError, find_comment_markers, find_metadata_tags

from tools.comparison.compare import Difference, Tolerance, compare_outputs
from tools.execution import choose_digits, kernel_environment
from tools.clean_outputs import cell_label
from course_utils.data import DatasetError

_MOST_DIFFERENCES = 12

_digits = pytest.StashKey[tuple[str, dict[str, str]]]()
_folder = pytest.StashKey[tempfile.TemporaryDirectory]()


# --- which digits there are, once per session ------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # a process of pytest-xdist: the first process has already looked
        if digits := config.workerinput.get("digits"):
            config.stash[_digits] = tuple(digits)
    elif config.option.nbval and not config.option.collectonly and _asks_for_notebooks(config):
        _find_digits(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _folder in config.stash:
        config.stash[_folder].cleanup()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    node.workerinput["digits"] = node.config.stash.get(_digits, None)


def pytest_report_header(config: pytest.Config) -> str | None:
    if _digits not in config.stash:
        return None
    name, _ = config.stash[_digits]
    if name == "MNIST":
        return "digits: MNIST, recorded outputs compared strictly"
    embedded = " (embedded)" if name == "UCI digits" else ""
    return (
        f"digits: {name}{embedded} - outputs of cells tagged depends-on-dataset are not compared, all others strictly"
    )


def _find_digits(config: pytest.Config) -> None:
    config.stash[_folder] = tempfile.TemporaryDirectory(prefix="digits-", ignore_cleanup_errors=True)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the header says it in a line
            config.stash[_digits] = choose_digits(Path(config.stash[_folder].name))
    except DatasetError as error:
        raise pytest.UsageError(str(error)) from error


def _asks_for_notebooks(config: pytest.Config) -> bool:
    paths = [Path(argument.split("::")[0]) for argument in config.args]
    return any(path.suffix == ".ipynb" or (path.is_dir() and any(path.rglob("*.ipynb"))) for path in paths)


# --- notebooks and cells as pytest sees them -------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector):
    collectors = yield
    return [
        NotebookFile.from_parent(parent, path=file_path) if isinstance(collector, IPyNbFile) else collector
        for collector in collectors
    ]


class NotebookFile(IPyNbFile):
    """A notebook with a kernel of its own, in a workspace of its own."""

    stopped_by: str | None = None  # the cell after which nothing more can be said

    def collect(self):
        self.nb = nbformat.read(self.path, as_version=4)
        for number, cell in enumerate(cell for cell in self.nb.cells if cell.cell_type == "code"):
            options = defaultdict(bool, find_metadata_tags(cell.metadata))
            options.update(find_comment_markers(cell.source))
            options.setdefault("check", self.compare_outputs)
            name = cell_label(self.nb, cell)
            yield NotebookCell.from_parent(self, name=name, cell_num=number, cell=cell, options=options)

    def setup(self) -> None:
        if _digits not in self.config.stash:  # the command line did not look as if there were notebooks
            _find_digits(self.config)
        _, environment = self.config.stash[_digits]
        self.workspace = tempfile.TemporaryDirectory(prefix="workspace-", ignore_cleanup_errors=True)
        self.kernel = MortalKernel(
            cwd=self.path.parent,
            env=kernel_environment(Path(self.workspace.name), environment),
            startup_timeout=self.config.option.nbval_kernel_startup_timeout,
        )

    def teardown(self) -> None:
        super().teardown()
        self.workspace.cleanup()


class NotebookCell(IPyNbCell):
    """A code cell: executed by nbval, compared by us."""

    def __init__(self, **arguments) -> None:
        super().__init__(**arguments)
        self.output_timeout = 60  # nbval gives up after 5 seconds, which a busy machine may take

    def runtest(self) -> None:
        if self.parent.stopped_by:
            pytest.skip(f"not executed, since {self.parent.stopped_by} failed")
        self.compared = False
        try:
            super().runtest()
        except OutputsDifferError:
            raise
        except Exception:
            self.parent.stopped_by = self.name
            raise
        if self.cell.source.strip() and self.cell.execution_count is None:
            raise OutputsDifferError([Difference("The cell has never been recorded; run make record.", "")])
        if not self.compared:
            self._check_what_needs_no_recording()

    def compare_outputs(self, test, ref, skip_compare=None) -> bool:
        """Raise if nbval's new outputs (``test``) are not the recorded ones (``ref``) within the cell's tolerance."""
        name, _ = self.config.stash[_digits]
        if name != "MNIST" and "depends-on-dataset" in self.cell.metadata.get("tags", []):
            return True
        self.compared = True
        try:
            differences = compare_outputs(ref, test, Tolerance.of(self.cell))
        except ValueError as error:
            differences = [Difference(str(error), "")]
        if differences:
            raise OutputsDifferError(differences)
        return True

    def repr_failure(self, excinfo) -> str:
        error = excinfo.value
        if isinstance(error, OutputsDifferError):
            told = [difference.sentence for difference in error.differences[:_MOST_DIFFERENCES]]
            if len(error.differences) > len(told):
                told.append(f"and {len(error.differences) - len(told)} more")
            lines = [*told, *self._write_pictures(error.differences)]
        elif isinstance(error, NbCellError):
            lines = [str(error), error.inner_traceback or ""]
        elif isinstance(error, KernelDiedError):
            lines = [str(error)]
        else:
            return str(excinfo.getrepr(style="short"))
        source = [f"    {line}" for line in self.cell.source.splitlines()]
        return "\n".join([*lines, f"The source of {self.name}:", *source])

    def reportinfo(self):
        return self.path, None, f"{self.path.name}: {self.name}"

    def _check_what_needs_no_recording(self) -> None:
        # Compared with themselves, outputs differ in nothing but what is never allowed.
        differences = compare_outputs(self.test_outputs, self.test_outputs, Tolerance())
        if self.options["check_exception"] and all(output.output_type != "error" for output in self.test_outputs):
            differences.append(Difference("tagged raises-exception, and nothing was raised", ""))
        if differences:
            raise OutputsDifferError(differences)

    def _write_pictures(self, differences: list[Difference]) -> list[str]:
        folder = self.config.rootpath / "build" / "nbval"
        lines = []
        for count, difference in enumerate((one for one in differences if one.pictures), start=1):
            stem = f"{self.parent.path.stem}-{self.cell.id}" + (f"-{count}" if count > 1 else "")
            names = []
            for part in ("expected", "actual", "difference"):
                file = folder / f"{stem}-{part}.png"
                folder.mkdir(parents=True, exist_ok=True)
                getattr(difference.pictures, part).save(file)
                names.append(file.relative_to(self.config.rootpath).as_posix())
            lines.append(f"see {', '.join(names)}")
        return lines


class OutputsDifferError(Exception):
    """The new outputs of a cell are not the recorded ones."""

    def __init__(self, differences: list[Difference]) -> None:
        super().__init__("\n".join(difference.sentence for difference in differences))
        self.differences = differences


# --- the kernel ------------------------------------------------------------------------------------------------------


class KernelDiedError(Exception):
    """The kernel ended while a cell was running."""


class MortalKernel(RunningKernel):
    """nbval's kernel in a given environment; waiting for an answer ends when the kernel does."""

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

    def get_message(self, stream: str, timeout: float | None = None) -> dict:
        deadline = time.monotonic() + (timeout if timeout is not None else float("inf"))
        while True:
            try:
                return super().get_message(stream, timeout=min(1, max(0, deadline - time.monotonic())))
            except Empty:
                if not self.is_alive():
                    raise KernelDiedError("the kernel died; perhaps there was not enough memory") from None
                if time.monotonic() >= deadline:
                    raise
