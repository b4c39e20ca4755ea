"""Nothing in a notebook may hide from the comparison of outputs, or belong to one machine only."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.course import LESSONS, NOTEBOOKS, lesson_file
from tools.clean_outputs import belongs_to_one_machine, clean_outputs, to_text
from tools.comparison.outputs import cell_label, code_cells
from tools.comparison.pictures import PICTURE_TOLERANCE
from tools.comparison.tolerance import Measured, Tolerance, fingerprint
from tools.reference import MEASURED

TAGS = {"parameters", "depends-on-dataset", "hide-input", "exercise", "solution", "instructor", "raises-exception"}
MOST_LINES = 12
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)|\b(?:src|href)=[\"']([^\"']+)")


@dataclass
class Lesson:
    """A notebook, its text and folder, and what was measured of its cells."""

    notebook: NotebookNode
    text: str
    folder: Path
    measured: dict[str, dict]

    @property
    def cells(self) -> list[tuple[str, NotebookNode]]:
        """The code cells that are not empty, each with its label."""
        return [(cell_label(self.notebook, cell), cell) for cell in code_cells(self.notebook)]


# --- the rules: each yields what is wrong -----------------------------------------------------------------------------


def cells_are_executed_in_order(lesson):
    for number, (label, cell) in enumerate(lesson.cells, start=1):
        if cell.execution_count != number:
            yield f"{label} has execution count {cell.execution_count}, expected {number}"


def cells_are_short_and_not_empty(lesson):
    yield from (f"cell ({cell.id}) is empty" for cell in lesson.notebook.cells if not cell.source.strip())
    for label, cell in lesson.cells:
        if (count := len(cell.source.splitlines())) > MOST_LINES:
            yield f"{label} has {count} lines, more than {MOST_LINES}"


def errors_are_announced_and_stderr_is_empty(lesson):
    for label, cell in lesson.cells:
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"{label} recorded stderr"
        fails = any(output.output_type == "error" for output in cell.outputs)
        if fails != ("raises-exception" in cell.metadata.get("tags", [])):
            yield f"{label} must be tagged raises-exception if it records an error, and only then"


def nothing_recorded_belongs_to_one_machine(lesson):
    for label, cell in lesson.cells:
        yield from (f"{label} recorded {found}" for found in belongs_to_one_machine(cell))


def tags_are_known_and_nothing_is_ignored(lesson):
    for cell in lesson.notebook.cells:
        label = cell_label(lesson.notebook, cell)
        yield from (f"{label} has the unknown tag {tag!r}" for tag in {*cell.metadata.get("tags", [])} - TAGS)
        if "solution" in cell.metadata.get("tags", []) and not cell.source.startswith("# Solution"):
            yield f"{label} must begin with # Solution, so that a check knows that the answer is not one's own"
        # nbval wants the exact text; a marker with a typing error is meant to be one all the same.
        if cell.cell_type == "code" and (match := re.search(r"^\s*#\s*NBVAL\w*", cell.source, re.I | re.M)):
            yield f"{label} has a marker for nbval: {match.group()}"


def tolerances_are_measured(lesson):
    declared = {cell.id: cell for _, cell in lesson.cells if cell.metadata.get("tolerance")}
    yield from (f"{MEASURED.name} has {name}, which declares no tolerance" for name in {*lesson.measured} - {*declared})
    for label, cell in lesson.cells:
        try:
            tolerance = Tolerance.of(cell)
        except ValueError as error:
            yield f"{label}: {error}"
            continue
        measured = lesson.measured.get(cell.id, {"source": None, "spread": {}})
        pictures = {place: distance for place, distance in measured["spread"].items() if place.startswith("picture")}
        if (tolerance.numbers or tolerance.picture_not_compared) and measured["source"] != fingerprint(cell):
            yield f"{label} is not measured as it stands; run make measure"
        if tolerance.numbers and not measured["spread"].keys() - pictures.keys():
            yield f"{label} declares that its numbers move, and none did"
        if tolerance.picture_not_compared and max(pictures.values(), default=0) <= PICTURE_TOLERANCE:
            yield f"{label}: its picture could be compared; it moved by {pictures}"


def file_is_clean(lesson):
    if lesson.text != to_text(clean_outputs(lesson.notebook)):
        yield "the file is not in its clean form; run make record"


def cell_ids_are_slugs(lesson):
    for cell in lesson.notebook.cells:
        if not re.fullmatch(r"[a-z][a-z0-9-]{1,39}", cell.id) or re.fullmatch(r"[0-9a-f-]{8,}", cell.id):
            yield f"cell id {cell.id!r} is not a short slug"


def parameters_have_one_cell(lesson):
    tagged = [label for label, cell in lesson.cells if "parameters" in cell.metadata.get("tags", [])]
    yield from (f"{label} is a second cell tagged parameters" for label in tagged[1:])
    for label, cell in lesson.cells:
        names = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)]
        if label not in tagged and any(name.id == "num_epochs" and isinstance(name.ctx, ast.Store) for name in names):
            yield f"{label} sets num_epochs and is not tagged parameters"


def links_lead_somewhere(lesson):
    for cell in (cell for cell in lesson.notebook.cells if cell.cell_type == "markdown"):
        for match in LINK.finditer(cell.source):
            target = (match[1] or match[2]).split("#")[0]
            outside = re.match(r"(?:https?|mailto|attachment|data):", target)
            if target and not outside and not (lesson.folder / target).exists():
                yield f"{cell_label(lesson.notebook, cell)} links to {target}, which does not exist"


def the_neighbours_and_sections_are_linked(lesson):
    first, *_, last = lesson.notebook.cells
    if not (number := re.match(r"# (\d\d) · ", first.source)):
        return
    neighbours = [lesson_file(other) for other in LESSONS if abs(int(other) - int(number[1])) == 1]
    for cell in (first, last):
        yield from (f"{cell.id} does not link to {name}" for name in neighbours if f"]({name})" not in cell.source)
    for name in neighbours:
        if name[:2] > number[1] and not re.search(rf"\*\*Next:\*\* \[.+\]\({name}\)", lesson.text):
            yield f"Key points do not end with **Next:** and a link to {name}"
    if len(lesson.notebook.cells) > 50:
        texts_of = [cell.source for cell in lesson.notebook.cells if cell.cell_type == "markdown"]
        headings = re.findall(r"^## (.+)$", "\n".join(texts_of), re.MULTILINE)
        anchors = [heading.replace(" ", "-") for heading in headings]  # as JupyterLab has them
        yield from (f"the top does not link to #{each}" for each in anchors if f"](#{each})" not in first.source)


# --- one fault each, in a notebook that is otherwise as it should be --------------------------------------------------


def good_notebook() -> NotebookNode:
    keras = "Epoch 1/30\n469/469 - 3s - 6ms/step - accuracy: 0.9148 - loss: 0.2899\n"
    cells = [
        new_markdown_cell("# Train\n\nBack to [this lesson](lesson.ipynb#train).", id="title"),
        new_code_cell("num_epochs = 30", id="parameters", metadata={"tags": ["parameters"]}, execution_count=1),
        new_code_cell(
            "fit()", id="fit", metadata=tolerance(numbers="measured"), execution_count=2, outputs=[printed(keras)]
        ),
        new_code_cell("result", id="result", execution_count=3, outputs=[printed("10,000 images")]),
    ]
    return clean_outputs(new_notebook(cells=cells))


def printed(text: str, name: str = "stdout") -> NotebookNode:
    return new_output("stream", name=name, text=text)


def tolerance(**values) -> dict:
    return {"tolerance": values}


def tags(*values) -> dict:
    return {"tags": list(values)}


ERROR = new_output("error", ename="ValueError", evalue="no", traceback=["no"])
ALT_TEXT = new_output("display_data", {"image/png": ""}, metadata={"image/png": {"alt": "see /home/me/figure"}})
OF_MINE = ["PosixPath('/tmp/tmpab12')", r"C:\Users\me", "<Line2D object at 0x7f3e>", "id 0x7f3e2a5b9d10"]
OF_MINE += ["https://example.org/mnist.npz", "2020-03-01", "at 12:30:59", "March 1, 2020", "trained in 61.3 s", "12ms"]
OF_MINE += ["took 2 minutes", "469/469 - 3s - 6ms per step"]
# For each rule: the cell of the good notebook that gets a fault, and what that cell contains instead.
FAULTS = {
    cells_are_executed_in_order: [(3, {"execution_count": None, "outputs": []}), (3, {"execution_count": 4})],
    cells_are_short_and_not_empty: [
        (1, {"source": " \n"}),
        (0, {"source": ""}),
        (3, {"source": "\n".join(["result"] * 13)}),
    ],
    errors_are_announced_and_stderr_is_empty: [
        (3, {"outputs": [printed("W0000\n", "stderr")]}),
        (3, {"outputs": [ERROR]}),
        (3, {"metadata": tags("raises-exception")}),
    ],
    nothing_recorded_belongs_to_one_machine: [
        (3, {"outputs": [output]}) for output in [ALT_TEXT, *map(printed, OF_MINE)]
    ],
    tags_are_known_and_nothing_is_ignored: [
        (3, {"metadata": tags("depends-on-datset")}),
        (3, {"metadata": tags("solution")}),
        (3, {"metadata": tags("nbval-ignore-output")}),
        (3, {"source": "#nbval_skip\nresult"}),
    ],
    tolerances_are_measured: [
        (2, {"metadata": {}}),
        (2, {"source": "fit(3)"}),
        (2, {"metadata": tolerance(absolute=0.002)}),
        (2, {"metadata": tolerance(numbers="measured", picture_not_compared="it moves")}),
        (2, {"metadata": tolerance(numbers="measured", absolute=0.1, reason="both")}),
        (2, {"metadata": tolerance(absolut=0.002)}),
        (3, {"metadata": tolerance(numbers="measured")}),
    ],
    file_is_clean: [(3, {"metadata": {"collapsed": True}}), (3, {"source": "result\n"})],
    cell_ids_are_slugs: [(3, {"id": "4796dc6c"}), (3, {"id": "Result_1"})],
    parameters_have_one_cell: [
        (1, {"metadata": {}}),
        (3, {"source": "num_epochs = 3"}),
        (3, {"metadata": tags("parameters")}),
    ],
    the_neighbours_and_sections_are_linked: [(0, {"source": "# 02 · Preprocess\n\n[03](03_one_hot_encode.ipynb)"})],
    links_lead_somewhere: [(0, {"source": "[next](07_evalute.ipynb)"}), (0, {"source": '<img src="../nowhere.png">'})],
}


def problems_of(lesson: Lesson) -> list[str]:
    return [problem for rule in FAULTS for problem in rule(lesson)]


@pytest.mark.parametrize("number", LESSONS)
def test_lesson(number):
    name = lesson_file(number)
    text = (NOTEBOOKS / name).read_text(encoding="utf-8")
    measured = Measured(MEASURED).cells.get(name.removesuffix(".ipynb"), {})
    assert not (found := problems_of(Lesson(nbformat.reads(text, 4), text, NOTEBOOKS, measured))), "\n".join(found)


@pytest.mark.parametrize("rule", FAULTS, ids=lambda rule: rule.__name__)
def test_each_fault_is_seen(rule, tmp_path):
    (tmp_path / "lesson.ipynb").touch()
    for index, values in [(0, {}), *FAULTS[rule]]:
        notebook = good_notebook()
        measured = {"source": fingerprint(notebook.cells[2]), "spread": {"output 1, line 2, number 1": 0.1}}
        notebook.cells[index].update(nbformat.from_dict(values))
        lesson = Lesson(notebook, to_text(notebook), tmp_path, {"fit": measured})
        assert bool([*rule(lesson)]) == bool(values), values or problems_of(lesson)
