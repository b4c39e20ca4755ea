"""Which cell an answer came from, and whether that cell failed: asked of a kernel, as in JupyterLab."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools.execution import execute_notebook

START = "from course_utils.exercises.core import Exercise, Number\nanswer = 7"
CHECK = """three = Exercise("02.9", "Find three", Number("answer", expected=lambda: 3.0), hints=["Count."])
three.check(answer)"""
TICK = '"02.9" in progress.done_exercises()'
# What is run after a wrong answer was checked, and what the check says then.
ROWS = {
    "right": (["answer = 3"], "✓"),
    "solution": (["# Solution (click to open)\nanswer = 3"], "(This answer comes from the solution's cell"),
    "solution of two answers": (["# Solution\nother, answer = 1, 3"], "it earns no tick"),
    "looked at in the solution": (["answer = 3", "# Solution\nprint(other := answer == 3, answer >= 3)"], "✓"),
    "own answer after the solution": (["# Solution\nanswer = 3", "answer = 2 + 1"], "✓"),
    "syntax error": (["answer = 3)"], "The cell above did not run to the end (SyntaxError), so `answer` may"),
    "indentation": (
        ["if True:\nanswer = 3"],
        "The cell above did not run to the end (IndentationError), so `answer` may",
    ),
    "function with a syntax error": (
        ["def answer(x)\n    return 3"],
        "The cell above did not run to the end (SyntaxError)",
    ),
    "corrected": (["answer = 3)", "answer = 3"], "✓"),
    "raised": (["answer = 3 + missing"], "The cell above did not run to the end (NameError)"),
    "raised, then run again": (["answer = 1 + missing", "missing = 2", "answer = 1 + missing"], "✓"),
    "another cell failed": (["answer = 3", "missing = 1 / 0", "answered = )"], "✓"),
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Return the outputs of the check after each row, and whether there is a tick then; one kernel for all."""
    cells = ["from course_utils.exercises import progress", START, CHECK]
    for sources, _ in ROWS.values():
        cells += ["answer = 7", "progress._file().unlink(missing_ok=True)", *sources, CHECK, TICK]
    cells = [new_code_cell(source, metadata={"tags": ["raises-exception"]}) for source in cells]
    done = execute_notebook(new_notebook(cells=cells), "cells", workspace=tmp_path_factory.mktemp("workspace"))
    outputs = [cell.outputs for cell in done.notebook.cells if cell.source in (CHECK, TICK)][1:]
    return dict(zip(ROWS, zip(outputs[::2], outputs[1::2], strict=True), strict=True))


@pytest.mark.parametrize("name", ROWS)
def test_what_is_said_and_whether_there_is_a_tick(name, said):
    (output,), (tick,) = said[name]
    _, words = ROWS[name]
    assert words in output.data["text/plain"]
    assert tick.data["text/plain"] == str(words == "✓")
    word = "Right" if "✓" in output.data["text/plain"] else "Not checked"
    assert f"{word}: 02.9 Find three" in output.data["text/html"]
    assert "`" not in output.data["text/html"]
