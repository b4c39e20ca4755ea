"""Commands stand in one table, each has a target of make, and errors are printed in one place."""

import ast
import errno
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from course_utils.course import ROOT, CourseError
from tools import commands
from tools.commands import COMMANDS, PASSES_ON, _parse, main

ARGUMENTS = {
    "run": ["--epochs", "3"],
    "lab": ["--no-browser", "--port=9"],
    "test": ["--", "-k", "data"],
    "student": ["01", "02"],
    "notebooks": ["01"],
    "kit": ["--platforms", "macos-arm64", "linux-arm64", "--pythons", "3.12", "--lessons", "01", "02"],
    "slides": ["03"],
    "progress": ["--by-file", "one.json", "folder"],
    "record": ["04"],
    "mutants": ["loss", "--long"],
    "experiments": ["cnn", "--workers", "2"],
    "bench": ["--quick", "--keep"],
    "lock": ["--upgrade"],
}
STUDENT = ("lab", "setup", "check-setup")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_function_that_takes_its_arguments(name):
    module, _, function = COMMANDS[name].function.partition(":")
    # This reads the source, because importing all modules would import TensorFlow.
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    (definition,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    by_position, by_name = definition.args.args, definition.args.kwonlyargs
    possible = {argument.arg for argument in by_position + by_name}
    needed = {argument.arg for argument in by_position[: len(by_position) - len(definition.args.defaults)]}
    needed |= {each.arg for each, default in zip(by_name, definition.args.kw_defaults, strict=True) if default is None}
    for arguments in ([], ARGUMENTS.get(name, [])):
        parsed_name, parsed = _parse([name, *arguments])
        assert parsed_name == name
        assert name not in PASSES_ON or parsed["arguments"] == [each for each in arguments if each != "--"]
        assert needed <= parsed.keys() <= possible


def test_help_and_mistakes_need_no_packages():
    def start(*arguments):
        command = [sys.executable, "-S", "-m", "tools", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert set(re.findall(r"^    ([a-z-]+)", start("--help").stdout, re.MULTILINE)) == COMMANDS.keys()
    assert "--epochs N" in start("run", "--help").stdout
    for wrong, message in (("rum", "rum"), ("run --epochs 0", "1 or more"), ("run --epochs x", "'x'")):
        done = start(*wrong.split())
        assert done.returncode == 2
        assert message in done.stderr


@pytest.mark.parametrize(
    ("error", "status", "printed"),
    [
        (CourseError("There is no lesson 77."), 1, "There is no lesson 77.\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, r"No space left.*another disk"),
        (SyntaxError("invalid syntax", ("data.py", 3, 1, "x = (")), 1, r"^data\.py, line 3: invalid syntax"),
        (RuntimeError("Kernel died"), 130, "run the same command again"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_errors_become_a_message_and_a_status(monkeypatch, capsys, error, status, printed):
    def fail():
        with suppress(KeyboardInterrupt):  # a library turns it into an error of its own
            if status == 130:
                signal.raise_signal(signal.SIGINT)
        raise error

    monkeypatch.setattr(commands, "ensure_environment", lambda *_, **__: None)
    monkeypatch.setattr(commands, "show_setup", fail)
    assert main(["setup"]) == status
    assert re.search(printed, capsys.readouterr().err)


INTERRUPTED = """import sys
from pathlib import Path
from nbformat.v4 import new_code_cell, new_notebook
import nbformat
from tools import commands
from tools.record import record
folder = Path(sys.argv[1])
cell = new_code_cell("open('started', 'w').close(); import time; time.sleep(60)")
nbformat.write(new_notebook(cells=[cell]), folder / "01_load_and_pickle.ipynb")
commands.ensure_environment = lambda *_, **__: None
commands.show_setup = lambda: record(["01"], write=False, folder=folder)
sys.exit(commands.main(["setup"]))"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C works differently on Windows")
def test_ctrl_c_ends_in_one_line(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, tmp_path], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    while not (tmp_path / "started").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.strip()) == (130, "Stopped. You can run the same command again at any time.")


@pytest.mark.parametrize(("file", "names"), [("Makefile", COMMANDS), ("tools/student/Makefile", STUDENT)])
def test_make_has_a_target_with_a_line_of_help_for_every_command(file, names):
    targets = re.findall(r"^([a-z-]+):(.*)", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert {name for name, _ in targets} == {"help", *names}
    assert all(re.match(r" ## \S", rest) for _, rest in targets)
    if shutil.which("make"):
        listed = subprocess.check_output(["make", "--no-print-directory", "-f", file], cwd=ROOT, text=True)
        assert set(re.findall(r"^make ([a-z-]+) +\S", listed, re.MULTILINE)) == {"help", *names}
