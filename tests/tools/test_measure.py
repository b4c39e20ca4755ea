"""Each number that moves is recorded, and a simulated machine really computes differently."""

import json

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools import measure
from tools.comparison.tolerance import Measured, fingerprint

LOOK = """import os
import numpy as np
from course_utils.preprocessing import preprocess_images
print(os.environ["TF_ENABLE_ONEDNN_OPTS"], os.environ.get("COURSE_SETTINGS_NOT_USED"))
print(abs(preprocess_images(np.full((1, 28, 28), 255, np.uint8)) - 1).max())"""


def lesson(loss: str, other: str):
    texts = {"fit": (f"loss {loss} in epoch 1", {"tolerance": {"numbers": "measured"}}), "other": (other, {})}
    cells = [
        new_code_cell("run()", id=name, metadata=metadata, outputs=[new_output("stream", text=text)])
        for name, (text, metadata) in texts.items()
    ]
    return new_notebook(cells=cells)


def test_the_spread_is_the_largest_distance_of_two_values(tmp_path):
    runs = [lesson("0.49", "3 images"), lesson("0.53", "3 images"), lesson("0.50", "4 images")]
    cells, problems = measure.spread(lesson("0.50", "3 images"), runs)
    source = fingerprint(runs[0].cells[0])
    assert cells == {"fit": {"source": source, "spread": {"output 1, line 1, number 1 (loss)": 0.04}}}
    assert [problem.split(":")[0] for problem in problems] == ["cell 2 (other)"]
    file = tmp_path / "measured.json"
    measure.write("06_train", cells, file)
    measure.write("05_learn", cells, file)
    measure.write("06_train", {}, file)
    assert list(json.loads(file.read_text(encoding="utf-8"))["cells"]) == ["05_learn"]
    assert Measured(file).tolerance("05_learn", runs[0].cells[0]).spread == cells["fit"]["spread"]


@pytest.mark.parametrize(
    ("name", "shown"), [("without oneDNN", "0 None\n0.0"), ("rounding seed 1", "1 None\n1.1920929e-07")]
)
def test_a_simulated_machine_computes_differently(name, shown, tmp_path):
    notebook = new_notebook(cells=[new_code_cell(LOOK, id="look")])
    executed = measure._execute(notebook, "lesson", name, tmp_path, {})
    assert [output.text.strip() for output in executed.cells[0].outputs] == [shown]
