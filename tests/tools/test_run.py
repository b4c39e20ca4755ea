"""`run` executes the lessons and writes their results."""

import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils.course import lesson_file
from course_utils.data import Dataset, save_pickle
from tools.execution import LessonError
from tools.run import run

CELLS = {
    "04": [
        new_markdown_cell("# A first lesson"),
        new_code_cell("import os; from pathlib import Path; workspace = Path(os.environ['COURSE_WORKSPACE'])"),
        new_code_cell("(workspace / 'left.txt').exists(), os.environ.get('COURSE_OFFLINE'), Path.cwd().name"),
        new_code_cell("(workspace / 'left.txt').write_text('by lesson 04', encoding='utf-8');"),
    ],
    "06": [
        new_markdown_cell("# Training"),
        new_code_cell("num_epochs = 30", metadata={"tags": ["parameters"]}),
        new_code_cell("class history: history = {'val_accuracy': [0.5, 0.875], 'val_loss': [1.5, 0.25]}"),
    ],
    "07": [
        new_markdown_cell("# Evaluation"),
        new_code_cell("import os; from pathlib import Path"),
        new_code_cell("(Path(os.environ['COURSE_WORKSPACE']) / 'left.txt').read_text(encoding='utf-8')"),
    ],
}
NAMES = [Path(lesson_file(number)).stem for number in CELLS]


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    """Write three tiny lessons instead of the course, and digits that are neither MNIST nor embedded."""
    folder = tmp_path_factory.mktemp("course") / "lessons"
    folder.mkdir()
    for number, cells in CELLS.items():
        nbformat.write(new_notebook(cells=cells), folder / lesson_file(number))
    images, labels = np.full((1_000, 28, 28), 7, np.uint8), (np.arange(1_000) % 10).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COURSE_OFFLINE", raising=False)
        file = save_pickle(Dataset("tiny", images, labels, images[:100], labels[:100]), folder.parent / "own.pickle")
        patch.setenv("MNIST_PATH", str(file))
        yield folder


@pytest.fixture(scope="module")
def finished(lessons):
    """Return the build folder of a run, in which an earlier run had left files, and what was printed."""
    build = lessons.parent / "build"
    for name in ("workspace/left.txt", "html/notebooks/09_renamed.html", "notebooks/09_renamed.ipynb"):
        (build / name).parent.mkdir(parents=True)
        (build / name).touch()
    with redirect_stdout(io.StringIO()) as printed:
        assert run(2, lessons=list(CELLS), notebooks=lessons, build=build) == 0
    return build, printed.getvalue().splitlines()


def test_the_summary_and_what_is_printed(finished):
    build, printed = finished
    summary = json.loads((build / "summary.json").read_text(encoding="utf-8"))
    measured = summary.pop("lessons")
    assert summary == {
        "dataset": "digits from own.pickle",
        "train_images": 1_000,
        "test_images": 100,
        "num_epochs": 2,
        "test_accuracy": 0.875,
        "test_loss": 0.25,
    }
    assert list(measured) == [line.split()[0] for line in printed[: len(CELLS)]] == NAMES
    assert all(10 < each["peak_rss_mb"] < 10_000 and each["seconds"] > 0 for each in measured.values())
    assert re.fullmatch(r"digits from own.pickle: test accuracy 0.8750, test loss 0.2500, \d min \d+ s", printed[-1])


def test_lessons_share_a_fresh_workspace_and_earlier_results_are_replaced(finished):
    build, _ = finished
    for folder, suffix in (("html/notebooks", "html"), ("notebooks", "ipynb")):
        assert sorted(path.name for path in (build / folder).iterdir()) == [f"{name}.{suffix}" for name in NAMES]
    first, last = (nbformat.read(build / "notebooks" / lesson_file(number), as_version=4) for number in ("04", "07"))
    # The digits are not MNIST, so no lesson may use the network; kernels work in the folder of the lessons.
    assert first.cells[2].outputs[0].data["text/plain"] == "(False, '1', 'lessons')"
    assert last.cells[2].outputs[0].data["text/plain"] == "'by lesson 04'"


def test_a_failing_cell_is_named_and_earlier_results_stay(finished, tmp_path):
    build, _ = finished
    earlier = {path: path.read_bytes() for path in build.rglob("*.*") if "workspace" not in path.parts}
    assert {path.parent.name for path in earlier} > {"build", "html", "notebooks"}
    cells = [new_code_cell("1 + 1"), new_code_cell("undefined_name")]
    nbformat.write(new_notebook(cells=cells), tmp_path / lesson_file("04"))
    with pytest.raises(LessonError, match=r"04_.*cell 2.*NameError.*undefined_name"):
        run(lessons=["04"], notebooks=tmp_path, build=build)
    assert {path: path.read_bytes() for path in build.rglob("*.*") if "workspace" not in path.parts} == earlier
