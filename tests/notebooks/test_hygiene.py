"""Nothing in a notebook may hide from the comparison of outputs, or belong to one machine only."""

from __future__ import annotations

import ast
import copy
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbval.plugin import comment_markers, metadata_tags

from tools.comparison.compare import Tolerance, without_durations
from tools.execution import NOTEBOOKS_FOLDER
from tools.clean_outputs import cell_label, code_cells, memory_addresses, normalise, texts, to_text

LESSONS = sorted(NOTEBOOKS_FOLDER.glob("*.ipynb"))
SPREAD = NOTEBOOKS_FOLDER.parent / "course_utils" / "reference" / "spread.json"

# Cells that nbval may treat in another way than all others: (lesson, cell id) and why.
REASONS_TO_IGNORE: dict[tuple[str, str], str] = {}
TAGS = {"parameters", "depends-on-dataset", "hide-input", "exercise", "solution", "instructor", *metadata_tags}
MOST_LINES = 12

PATH = re.compile(r"(?<![\w.])/(?:home|tmp|work|root|Users|private|var|opt|mnt|usr)(?:/|\b)|\b[A-Za-z]:\\|file://")
URL = re.compile(r"\bhttps?://\S*")
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
DATE = re.compile(
    rf"\b(?:19|20)\d\d-\d\d-\d\d|\b\d\d?:\d\d:\d\d\b|\b\d\d?\.? {MONTH} \d{{4}}\b|\b{MONTH} \d\d?, \d{{4}}\b"
)
DURATION = re.compile(
    r"(?<![\w.])\d[\d.,]* ?(?:ns|us|µs|ms|s|secs?|seconds?|min|minutes?|h|hours?)(?:/\w+)?(?!\w)|\bit/s\b"
)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)|\b(?:src|href)=[\"']([^\"']+)")


@dataclass
class Lesson:
    """A notebook, the text of its file, where it lies, and the spreads measured for its cells."""

    path: Path
    text: str
    spread: dict[str, dict[str, float]] | None

    def __post_init__(self) -> None:
        self.notebook = nbformat.reads(self.text, as_version=4)

    @classmethod
    def read(cls, path: Path) -> Lesson:
        table = json.loads(SPREAD.read_text(encoding="utf-8")) if SPREAD.exists() else None
        return cls(path, path.read_text(encoding="utf-8"), table and table["spread"].get(path.stem, {}))

    @property
    def cells(self) -> Iterator[tuple[str, NotebookNode]]:
        """The code cells with anything in them, each with what to call it."""
        return ((cell_label(self.notebook, cell), cell) for cell in code_cells(self.notebook))


# --- the rules: each gives what is wrong -----------------------------------------------------------------------------


def every_cell_is_executed(lesson: Lesson) -> list[str]:
    return [f"{label} is not executed" for label, cell in lesson.cells if cell.execution_count is None]


def cells_are_executed_in_order(lesson: Lesson) -> list[str]:
    return [
        f"{label} has execution count {cell.execution_count}, expected {number}"
        for number, (label, cell) in enumerate(lesson.cells, start=1)
        if cell.execution_count not in (None, number)
    ]


def no_cell_is_empty(lesson: Lesson) -> list[str]:
    return [f"cell ({cell.id}) is empty" for cell in lesson.notebook.cells if not cell.source.strip()]


def nothing_is_on_stderr(lesson: Lesson) -> list[str]:
    return [
        f"{label} recorded stderr"
        for label, cell in lesson.cells
        if any(o.get("name") == "stderr" for o in cell.outputs)
    ]


def errors_are_announced(lesson: Lesson) -> list[str]:
    found = []
    for label, cell in lesson.cells:
        fails = any(output.output_type == "error" for output in cell.outputs)
        announced = bool({"raises-exception", "nbval-raises-exception"} & set(cell.metadata.get("tags", [])))
        if fails and not announced:
            found.append(f"{label} recorded an error and is not tagged raises-exception")
        if announced and not fails:
            found.append(f"{label} is tagged raises-exception and recorded no error")
    return found


def no_path_is_recorded(lesson: Lesson) -> list[str]:
    return _found_in_outputs(lesson, PATH, "a path")


def no_address_is_recorded(lesson: Lesson) -> list[str]:
    objects = [f"{label} shows {text}" for label, cell in lesson.cells for text in memory_addresses(cell)]
    return objects + _found_in_outputs(lesson, ADDRESS, "an address") + _found_in_outputs(lesson, URL, "a web address")


def no_date_is_recorded(lesson: Lesson) -> list[str]:
    return _found_in_outputs(lesson, DATE, "a date or time")


def no_duration_is_recorded(lesson: Lesson) -> list[str]:
    return _found_in_outputs(lesson, DURATION, "a duration")


def nothing_is_ignored_without_a_reason(lesson: Lesson) -> list[str]:
    return [
        f"{label} has {marker}, without a reason in REASONS_TO_IGNORE"
        for label, cell in lesson.cells
        for marker in _ignore_markers(cell)
        if (lesson.path.stem, cell.id) not in REASONS_TO_IGNORE
    ]


def tags_are_known(lesson: Lesson) -> list[str]:
    return [
        f"{cell_label(lesson.notebook, cell)} has the unknown tag {tag!r}"
        for cell in lesson.notebook.cells
        for tag in cell.metadata.get("tags", [])
        if tag not in TAGS
    ]


def tolerances_are_measured(lesson: Lesson) -> list[str]:
    # Declared tolerances are about twice the largest spread: no less than the spread, no more than three times it.
    found = []
    for label, cell in lesson.cells:
        try:
            Tolerance.of(cell)
        except ValueError as error:
            found.append(f"{label}: {error}")
            continue
        for kind, declared in cell.metadata.get("tolerance", {}).items():
            spread = (lesson.spread or {}).get(cell.id, {}).get(kind, 0)
            if not spread:
                found.append(f"{label} declares tolerance {kind} {declared}, and {SPREAD.name} has no spread for it")
            elif not spread <= declared <= 3 * spread:
                found.append(f"{label} declares tolerance {kind} {declared}, where the measured spread is {spread}")
    return found


def file_is_in_normal_form(lesson: Lesson) -> list[str]:
    normal = to_text(normalise(lesson.notebook))
    if lesson.text == normal:
        return []
    for number, (found, expected) in enumerate(zip(lesson.text.split("\n"), normal.split("\n"), strict=False), start=1):
        if found != expected:
            return [f"line {number} of the file is {found!r}, in normal form {expected!r}; run make record"]
    return ["the file ends otherwise than in normal form; run make record"]


def cell_ids_are_slugs(lesson: Lesson) -> list[str]:
    return [
        f"cell id {cell.id!r} is no short slug"
        for cell in lesson.notebook.cells
        if not re.fullmatch(r"[a-z][a-z0-9-]{1,39}", cell.id) or re.fullmatch(r"[0-9a-f-]{8,}", cell.id)
    ]


def cells_are_short(lesson: Lesson) -> list[str]:
    lines = ((label, len(cell.source.splitlines())) for label, cell in lesson.cells)
    return [f"{label} has {count} lines, more than {MOST_LINES}" for label, count in lines if count > MOST_LINES]


def parameters_have_their_cell(lesson: Lesson) -> list[str]:
    setting = [(label, cell) for label, cell in lesson.cells if _sets(cell.source, "num_epochs")]
    found = [
        f"{label} sets num_epochs and is not tagged parameters"
        for label, cell in setting
        if "parameters" not in cell.metadata.get("tags", [])
    ]
    tagged = [label for label, cell in lesson.cells if "parameters" in cell.metadata.get("tags", [])]
    return found + [f"{label} is a second cell tagged parameters" for label in tagged[1:]]


def links_lead_somewhere(lesson: Lesson) -> list[str]:
    found = []
    for cell in lesson.notebook.cells:
        if cell.cell_type == "markdown":
            for match in LINK.finditer(cell.source):
                target = (match[1] or match[2]).split("#")[0]
                outside = re.match(r"(?:https?|mailto|attachment|data):", target)
                if target and not outside and not (lesson.path.parent / target).exists():
                    found.append(f"{cell_label(lesson.notebook, cell)} links to {target}, which does not exist")
    return found


RULES: list[Callable[[Lesson], list[str]]] = [
    every_cell_is_executed,
    cells_are_executed_in_order,
    no_cell_is_empty,
    nothing_is_on_stderr,
    errors_are_announced,
    no_path_is_recorded,
    no_address_is_recorded,
    no_date_is_recorded,
    no_duration_is_recorded,
    nothing_is_ignored_without_a_reason,
    tags_are_known,
    tolerances_are_measured,
    file_is_in_normal_form,
    cell_ids_are_slugs,
    cells_are_short,
    parameters_have_their_cell,
    links_lead_somewhere,
]


def _found_in_outputs(lesson: Lesson, pattern: re.Pattern, what: str) -> list[str]:
    return [
        f"{label} recorded {what}: {match.group()!r}"
        for label, cell in lesson.cells
        for text in texts(cell)
        for match in pattern.finditer(without_durations(text))
    ]


def _ignore_markers(cell: NotebookNode) -> list[str]:
    comments = [line.strip().lstrip("#").strip() for line in cell.source.splitlines() if line.strip().startswith("#")]
    # nbval wants the exact text; a marker with a typing error is meant to be one all the same.
    in_comments = [f"# {text}" for text in comments if text in comment_markers or text.upper().startswith("NBVAL")]
    return [f"the tag {tag}" for tag in cell.metadata.get("tags", []) if tag in metadata_tags] + in_comments


def _sets(source: str, name: str) -> bool:
    names = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
    return any(node.id == name and isinstance(node.ctx, ast.Store) for node in names)


# --- the rules, applied ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_lesson(rule, path):
    assert not (found := rule(Lesson.read(path))), f"{path.name}: " + "; ".join(found)


def test_there_are_lessons():
    assert LESSONS


def test_every_reason_to_ignore_is_in_use():
    used = {(path.stem, cell.id) for path in LESSONS for _, cell in Lesson.read(path).cells if _ignore_markers(cell)}
    assert set(REASONS_TO_IGNORE) <= used


# --- the rules bite: one fault each in a notebook that is otherwise as it should be ----------------------------------


def _good_notebook() -> NotebookNode:
    keras = "Epoch 1/30\n469/469 - 3s - 6ms/step - accuracy: 0.9148 - loss: 0.2899\n"
    return new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        cells=[
            new_markdown_cell("# Train\n\nBack to [this lesson](lesson.ipynb#train).", id="title"),
            new_code_cell("num_epochs = 30", id="parameters", metadata={"tags": ["parameters"]}, execution_count=1),
            new_code_cell(
                "fit()",
                id="fit",
                metadata={"tolerance": {"absolute": 0.002}},
                execution_count=2,
                outputs=[new_output("stream", name="stdout", text=keras)],
            ),
            new_code_cell(
                "result",
                id="result",
                execution_count=3,
                outputs=[new_output("execute_result", {"text/plain": "'10,000 images'"}, execution_count=3)],
            ),
        ],
    )


def _lesson(notebook: NotebookNode, folder: Path) -> Lesson:
    (folder / "lesson.ipynb").touch()
    return Lesson(folder / "lesson.ipynb", to_text(notebook), {"fit": {"absolute": 0.001}})


def _say(text: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells[3].outputs[0].data.update({"text/plain": text})


def _set(index: int, **values) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells[index].update(values)


def _meta(index: int, **values) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells[index].metadata.update(nbformat.from_dict(values))


def _output(output: NotebookNode) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells[3].outputs.append(output)


ERROR = new_output("error", ename="ValueError", evalue="no", traceback=["no"])
ALT_TEXT = new_output("display_data", {"image/png": ""}, metadata={"image/png": {"alt": "see /home/me/figure"}})
FAULTS = [
    (every_cell_is_executed, _set(3, execution_count=None, outputs=[])),
    (cells_are_executed_in_order, _set(3, execution_count=4)),
    (cells_are_executed_in_order, _set(1, execution_count=2)),
    (no_cell_is_empty, _set(1, source=" \n")),
    (no_cell_is_empty, _set(0, source="")),
    (nothing_is_on_stderr, _output(new_output("stream", name="stderr", text="W0000\n"))),
    (errors_are_announced, _output(ERROR)),
    (errors_are_announced, _meta(3, tags=["raises-exception"])),
    (no_path_is_recorded, _say("'/home/me/course'")),
    (no_path_is_recorded, _say("PosixPath('/tmp/tmpab12/mnist.pickle')")),
    (no_path_is_recorded, _say("/root")),
    (no_path_is_recorded, _say("at /Users/me/course")),
    (no_path_is_recorded, _say(r"C:\Users\me")),
    (no_path_is_recorded, _output(new_output("stream", name="stdout", text="saved to /work/mnist.pickle\n"))),
    (no_path_is_recorded, _output(ALT_TEXT)),
    (no_address_is_recorded, _say("<Line2D object at 0x7f3e2a5b9d10>")),
    (no_address_is_recorded, _say("id 0x7f3e2a5b9d10")),
    (no_address_is_recorded, _say("from https://example.org/mnist.npz")),
    (no_date_is_recorded, _say("2020-03-01")),
    (no_date_is_recorded, _say("at 12:30:59")),
    (no_date_is_recorded, _say("1 March 2020")),
    (no_date_is_recorded, _say("March 1, 2020")),
    (no_duration_is_recorded, _say("trained in 61.3 s")),
    (no_duration_is_recorded, _say("12ms")),
    (no_duration_is_recorded, _say("took 2 minutes")),
    (no_duration_is_recorded, _say("469/469 - 3s - 6ms per step")),
    (nothing_is_ignored_without_a_reason, _meta(3, tags=["nbval-ignore-output"])),
    (nothing_is_ignored_without_a_reason, _meta(3, tags=["nbval-skip"])),
    (nothing_is_ignored_without_a_reason, _meta(3, tags=["raises-exception"])),
    (nothing_is_ignored_without_a_reason, _set(3, source="# NBVAL_IGNORE_OUTPUT\nresult")),
    (nothing_is_ignored_without_a_reason, _set(3, source="#nbval_skip\nresult")),
    (tags_are_known, _meta(3, tags=["depends-on-datset"])),
    (tolerances_are_measured, _meta(3, tolerance={"absolute": 0.1})),
    (tolerances_are_measured, _meta(2, tolerance={"absolute": 0.1})),
    (tolerances_are_measured, _meta(2, tolerance={"absolute": 0.0005})),
    (tolerances_are_measured, _meta(2, tolerance={"absolute": 0.002, "picture": 9})),
    (tolerances_are_measured, _meta(2, tolerance={"absolut": 0.002})),
    (tolerances_are_measured, _meta(2, tolerance={"absolute": -1})),
    (file_is_in_normal_form, _meta(3, collapsed=True)),
    (file_is_in_normal_form, _meta(3, execution={"iopub.status.busy": "2020-03-01T12:30:59"})),
    (file_is_in_normal_form, lambda notebook: notebook.metadata.kernelspec.update(display_name="my venv")),
    (file_is_in_normal_form, lambda notebook: notebook.metadata.language_info.update(version="3.11.9")),
    (file_is_in_normal_form, lambda notebook: notebook.metadata.update(widgets={})),
    (file_is_in_normal_form, _set(3, source="result\n")),
    (cell_ids_are_slugs, _set(3, id="4796dc6c")),
    (cell_ids_are_slugs, _set(3, id="Result_1")),
    (cells_are_short, _set(3, source="\n".join(["result"] * 13))),
    (parameters_have_their_cell, _meta(1, tags=[])),
    (parameters_have_their_cell, _set(3, source="num_epochs = 3")),
    (parameters_have_their_cell, _meta(3, tags=["parameters"])),
    (links_lead_somewhere, _set(0, source="[next](06_evalute.ipynb)")),
    (links_lead_somewhere, _set(0, source='<img src="../nowhere.png">')),
]


def test_good_notebook_passes_every_rule(tmp_path):
    assert {rule.__name__: rule(_lesson(_good_notebook(), tmp_path)) for rule in RULES} == {
        rule.__name__: [] for rule in RULES
    }


@pytest.mark.parametrize(("rule", "fault"), FAULTS, ids=[rule.__name__ for rule, _ in FAULTS])
def test_fault_is_seen(rule, fault, tmp_path):
    notebook = copy.deepcopy(_good_notebook())
    fault(notebook)
    assert rule(_lesson(notebook, tmp_path))


def test_every_rule_has_a_fault():
    assert {rule for rule, _ in FAULTS} == set(RULES)


def test_tolerance_without_table_is_a_fault(tmp_path):
    lesson = _lesson(_good_notebook(), tmp_path)
    lesson.spread = None
    assert tolerances_are_measured(lesson)


@pytest.mark.parametrize("change", [str.rstrip, lambda text: text.replace("\n ", "\n  ")])
def test_file_not_as_nbformat_writes_it_is_a_fault(change, tmp_path):
    lesson = _lesson(_good_notebook(), tmp_path)
    lesson.text = change(lesson.text)
    assert file_is_in_normal_form(lesson)


def test_table_of_spreads_is_read(tmp_path, monkeypatch):
    spread = {"lesson": {"fit": {"absolute": 0.001}}}
    (tmp_path / "spread.json").write_text(json.dumps({"environments": [], "spread": spread}), encoding="utf-8")
    monkeypatch.setattr(sys.modules[__name__], "SPREAD", tmp_path / "spread.json")
    (tmp_path / "lesson.ipynb").write_text(to_text(_good_notebook()), encoding="utf-8")
    assert not tolerances_are_measured(Lesson.read(tmp_path / "lesson.ipynb"))
