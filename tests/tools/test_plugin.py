"""The plugin judges small real notebooks, in pytest processes of its own."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from course_utils.course import ROOT
from tools.comparison.tolerance import fingerprint

WITH_MNIST = """
from pathlib import Path
from tools import digits_plugin
pytest_plugins = ["tools.comparison.plugin", "tools.digits_plugin"]

def choose_digits(folder):
    with (Path(__file__).parent / "asked").open("a") as asked:
        asked.write("once")
    return "MNIST", {"WHAT_THE_SESSION_FOUND": "MNIST"}

digits_plugin.choose_digits = choose_digits
"""
WITHOUT_PATCH = 'pytest_plugins = ["tools.comparison.plugin", "tools.digits_plugin"]\n'
ALONE = """import sys
pytest_plugins = ["comparison_elsewhere.plugin"]

def pytest_notebook_end(path):
    return f"assert os.path.basename(os.getcwd()) == '', {path.name!r}"

def pytest_sessionfinish():
    print("the course:", sorted({"course_utils", "tools"} & {*sys.modules}))
"""


def printed(text: str, name: str = "stdout"):
    return new_output("stream", name=name, text=text)


def result(text: str):
    return new_output("execute_result", {"text/plain": text})


SHOW_PICTURE = """from IPython.display import Image, display
from PIL import Image as Picture
display(Image(Picture.new("RGB", (64, 64), "{}")._repr_png_()), metadata={{"image/png": {{"alt": "a square"}}}})"""
PICTURE = new_output(
    "display_data",
    {
        "image/png": base64.b64encode(Image.new("RGB", (64, 64), "red")._repr_png_()).decode(),
        "text/plain": "<IPython.core.display.Image object>",
    },
    metadata={"image/png": {"alt": "a square"}},
)
LOOK_AROUND = """import os
from course_utils.workspace import workspace_folder
before = os.listdir(workspace_folder())
(workspace_folder() / "left behind").touch()
before, sorted(set(os.environ) & {"NO_COLOR", "COURSE_OFFLINE", "WHAT_THE_SESSION_FOUND"})"""
FRESH_WORKSPACE = result("([], ['WHAT_THE_SESSION_FOUND'])")

STDERR = "import sys\nprint('oh', file=sys.stderr)"
DIVISION = new_output("error", ename="ZeroDivisionError", evalue="division by zero")
LOOSE = {"tolerance": {"absolute": 0.001, "reason": "as an example"}}
MEASURED = {"tolerance": {"numbers": "measured"}}
IGNORED = {"tags": ["nbval-ignore-output"]}
DATASET = {"tags": ["depends-on-dataset"]}

# For each cell: source, recorded outputs, metadata, and the verdict with MNIST.
LESSONS = {
    "01_good": {
        "look-around": (LOOK_AROUND, [FRESH_WORKSPACE], {}, "passed"),
        "equal": ("print('a 1.5')", [printed("a 1.5\n")], {}, "passed"),
        "semicolon": ("1 + 1;", [], {}, "passed"),
        "number-within": ("print(0.9845)", [printed("0.9844\n")], LOOSE, "passed"),
        "announced": ("1 / 0", [DIVISION], {"tags": ["raises-exception"]}, "passed"),
        "picture": (SHOW_PICTURE.format("red"), [PICTURE], {}, "passed"),
        "empty": ("", None, {}, "passed"),
    },
    "02_differs": {
        "fresh-again": (LOOK_AROUND, [FRESH_WORKSPACE], {}, "passed"),
        "number-beyond": ("print('loss: 0.9884')", [printed("loss: 0.9844\n")], LOOSE, "failure"),
        "missing-output": ("x = 1", [printed("x\n")], {}, "failure"),
        "new-output": ("print('x')", [], {}, "failure"),
        "other-picture": (SHOW_PICTURE.format("green"), [PICTURE], {}, "failure"),
        "recorded-stderr": (STDERR, [printed("oh\n", "stderr")], {}, "failure"),
        "never-recorded": ("y = 2", None, {}, "failure"),
        "ignored-stderr": (STDERR, [], IGNORED, "failure"),
        "ignored": ("print('x')", [], IGNORED, "passed"),
        "no-exception": ("1", [result("1")], {"tags": ["raises-exception", "nbval-ignore-output"]}, "failure"),
        "wrong-tolerance": ("1", [result("1")], {"tolerance": {"absolut": 1}}, "failure"),
        "dataset": ("print('images: 1500')", [printed("images: 60000\n")], DATASET, "failure"),
        "dataset-stderr": (STDERR, [], DATASET, "failure"),
        "offline": ("import os\nos.environ.get('COURSE_OFFLINE')", [], {}, "passed"),
        "dataset-error": ("1 / 0", [], DATASET, "failure"),
    },
    "03_stops": {
        "raises": ("raise ValueError('no digits')", [], {}, "failure"),
        "after-error": ("1", [result("1")], {}, "skipped"),
    },
    "04_dies": {
        "dies": ("import os\nos._exit(1)", [], {}, "failure"),
        "after-death": ("1", [result("1")], {}, "skipped"),
    },
}
VERDICTS = {cell: verdict for cells in LESSONS.values() for cell, (*_, verdict) in cells.items()}


# In another repository, with a file of measurements.
ELSEWHERE = {
    "elsewhere": {
        "within": ("print(0.52)", [printed("0.50\n")], MEASURED, "passed"),
        "beyond": ("print(0.56)", [printed("0.50\n")], MEASURED, "failure"),
        "unmeasured": ("print(0.52)", [printed("0.50\n")], MEASURED, "failure"),
        "old-error": ("1 / 0", [DIVISION], {}, "passed"),
        "folder": ("import os\nos.path.basename(os.getcwd()) != ''", [result("True")], {}, "passed"),
    }
}


def run_pytest(folder: Path, conftest: str, lessons: dict, *arguments: str, **environment: str):
    """Return the exit status of pytest, its output, and the verdict and the report of each cell."""
    for name, cells in lessons.items():
        notebook = new_notebook()
        for count, (cell_id, (source, outputs, metadata, _)) in enumerate(cells.items(), start=1):
            executed = {} if outputs is None else {"execution_count": count, "outputs": outputs}
            notebook.cells.append(new_code_cell(source, id=cell_id, metadata=metadata, **executed))
        nbformat.write(notebook, folder / f"{name}.ipynb")
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    (folder / "pytest.ini").touch()
    (folder / "tmp").mkdir()
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "PYTHONUTF8": "1", **environment}
    variables |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder / "tmp"))
    options = ["--nbval", "--nbval-current-env", "--junitxml=report.xml", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *arguments]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, encoding="utf-8", timeout=300)
    verdicts, reports = {}, {}
    cases = ElementTree.parse(folder / "report.xml").iter("testcase") if (folder / "report.xml").exists() else ()
    for case in cases:
        cell = re.search(r"\((.*)\)", case.get("name"))[1]
        verdicts[cell] = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")
        reports[cell] = "".join(child.get("message", "") + "\n" + (child.text or "") for child in case)
    output = done.stdout + done.stderr
    return SimpleNamespace(folder=folder, status=done.returncode, output=output, verdicts=verdicts, reports=reports)


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    return run_pytest(tmp_path_factory.mktemp("strict"), WITH_MNIST, LESSONS, "-n", "1", "--dist=loadfile")


def test_verdicts(strict):
    assert strict.verdicts == VERDICTS, strict.output
    assert strict.status == pytest.ExitCode.TESTS_FAILED
    assert "digits: MNIST, recorded outputs compared strictly" in strict.output
    assert (strict.folder / "asked").read_text() == "once"
    assert not list((strict.folder / "tmp").glob("workspace-*"))


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("number-beyond", "The source of cell 2 (number-beyond):\n    print('loss: 0.9884')"),
        ("missing-output", "expected 1 output (text on stdout); found no output"),
        ("recorded-stderr", "stderr: expected no text, found “oh”"),
        ("never-recorded", "has never been recorded"),
        ("no-exception", "none was raised"),
        ("wrong-tolerance", "tolerance cannot have 'absolut': 1. Write"),
        ("number-beyond", "0.9844 → 0.9884"),
        ("raises", "ValueError: no digits"),
        ("after-error", "not executed, because cell 1 (raises) failed"),
        ("dies", "the kernel died"),
        ("after-death", "not executed, because cell 1 (dies) failed"),
    ],
)
def test_report_says(strict, cell, words):
    assert words in re.sub(r"\x1b\[[0-9;]*m|#x1B\[[0-9;]*m", "", strict.reports[cell])


def test_pictures_of_a_failure_are_kept_and_named(strict):
    for part, colour in (("expected", (255, 0, 0)), ("actual", (0, 128, 0)), ("difference", (0, 0, 0))):
        name = f"build/nbval/02_differs-other-picture-1-{part}.png"
        assert name in strict.reports["other-picture"]
        assert Image.open(strict.folder / name).convert("RGB").getpixel((0, 0)) == colour


def test_without_mnist_only_what_depends_on_it_is_not_compared(tmp_path):
    nowhere = dict.fromkeys(("COURSE_WORKSPACE", "KERAS_HOME"), str(tmp_path / "nowhere"))
    names = ("new-output", "dataset", "dataset-stderr", "offline", "dataset-error")
    digits = {"02_differs": {name: LESSONS["02_differs"][name] for name in names}}
    offline = run_pytest(tmp_path, WITHOUT_PATCH, digits, MNIST_PATH="", COURSE_OFFLINE="1", **nowhere)
    # COURSE_OFFLINE, set in the kernel, shows that it does not search for MNIST again.
    changed = {"dataset": "passed", "offline": "failure"}
    assert offline.verdicts == {name: VERDICTS[name] for name in names} | changed, offline.output
    assert re.search(r"digits: UCI digits .* not compared", offline.output)


def test_digits_that_cannot_be_read_stop_the_session(tmp_path):
    session = run_pytest(tmp_path, WITHOUT_PATCH, LESSONS, MNIST_PATH=str(tmp_path / "no.npz"))
    assert (session.status, session.verdicts) == (pytest.ExitCode.USAGE_ERROR, {})


def test_the_comparison_works_without_the_course(tmp_path):
    shutil.copytree(ROOT / "tools" / "comparison", tmp_path / "comparison_elsewhere")
    cells = {
        name: {"source": fingerprint(new_code_cell(ELSEWHERE["elsewhere"][name][0])), "spread": spread}
        for name, spread in (("within", {"output 1, line 1, number 1": 0.01}), ("beyond", {}))
    }
    measured = {"measured_by": "our command for {notebook}", "cells": {"elsewhere": cells}}
    (tmp_path / "measured_outputs.json").write_text(json.dumps(measured), encoding="utf-8")
    session = run_pytest(tmp_path, ALONE, ELSEWHERE, "-p", "no:xdist", PYTHONPATH=str(tmp_path))
    verdicts = {name: verdict for name, (*_, verdict) in ELSEWHERE["elsewhere"].items()}
    assert session.verdicts == verdicts | {"end": "failure"}, session.output
    assert "AssertionError: elsewhere.ipynb" in re.sub(r"#x1B\[[0-9;]*m", "", session.reports["end"])
    assert "the course: []" in session.output
    assert "run our command for elsewhere" in session.reports["unmeasured"]
