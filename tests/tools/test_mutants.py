"""Every fault fits the present course, and one of them is tried; `make mutants` tries them all."""

import ast
import re

import pytest
from nbformat.v4 import new_output

from course_utils.course import LESSONS, NOTEBOOKS, ROOT, CourseError, lesson_file
from tools.clean_outputs import read_notebook, texts
from tools.comparison.compare import compare, plain_text
from tools.comparison.outputs import code_cells
from tools.comparison.tolerance import Tolerance
from tools.mutants import Fault, copy_course, first_failure, mechanical_faults, mutants, read_faults

FAULTS = read_faults()
MODULE = """SEED = 9
RATES = (0.5, 0.2)
IS_SHUFFLED = True
def train(model, num_epochs=5):
    model.compile(loss="categorical_crossentropy", optimizer=own, metrics=["accuracy"])
    model.fit(vectors, batch_size=size, verbose=0)
"""
CHANGES = {
    "SEED = 10",
    "RATES = (0.55, 0.2)",
    "RATES = (0.5, 0.22)",
    "IS_SHUFFLED = False",
    "def train(model, num_epochs=6):",
    "model.compile(loss='mean_squared_error', optimizer=own, metrics=[\"accuracy\"])",
    'model.compile(loss="categorical_crossentropy", **{}, metrics=["accuracy"])',
    'model.compile(loss="categorical_crossentropy", optimizer=own, **{})',
    "model.fit(vectors, batch_size=size + 1, verbose=0)",
    "model.fit(vectors, batch_size=size, verbose=1)",
    "model.fit(vectors, batch_size=size, verbose=0, shuffle=False)",
}


def test_mechanical_faults_change_one_thing_each():
    made = [faulty for _, faulty in mechanical_faults(MODULE, has_constants=True)]
    changed = [set(faulty.splitlines()) - set(MODULE.splitlines()) for faulty in made]
    assert {line.strip() for lines in changed for line in lines} == CHANGES
    assert all(len(lines) == 1 for lines in changed)
    assert all(map(ast.parse, made))


def test_each_fault_has_a_name_of_its_own_and_lessons_that_exist():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 170
    assert all((NOTEBOOKS / lesson).is_file() for fault in FAULTS for lesson in fault.lessons)
    with pytest.raises(CourseError, match="No fault has 'softmaxx'"):
        mutants(["softmax left out", "softmaxx"])


@pytest.mark.parametrize("number", LESSONS)
def test_each_parameter_of_a_lesson_has_a_fault(number):
    cells = code_cells(read_notebook(NOTEBOOKS / lesson_file(number)))
    names = " ".join(fault.name for fault in FAULTS)
    for cell in (cell for cell in cells if "parameters" in cell.metadata.get("tags", [])):
        chosen = {line.partition(" =")[0] for line in cell.source.splitlines()} - {"resume"}
        assert all(f"{number} {cell.id}: {name}" in names for name in chosen)


@pytest.mark.parametrize("number", LESSONS)
def test_each_digit_of_a_recorded_output_counts(number, pytestconfig):
    for cell in code_cells(read_notebook(NOTEBOOKS / lesson_file(number))):
        for text in map(plain_text, texts(cell)):
            for match in list(re.finditer(r"\d", text))[:: None if pytestconfig.getoption("long") else 10]:
                changed = text[: match.start()] + str((int(match[0]) + 5) % 10) + text[match.end() :]
                both = [[new_output("stream", text=each)] for each in (text, changed)]
                assert compare(*both, Tolerance()).differences, changed


def test_a_fault_shows_in_the_cell_that_it_concerns(tmp_path):
    fault = next(fault for fault in FAULTS if fault.name == "dropout rates swapped")
    copy = copy_course(tmp_path / "course")
    with fault.planted(copy):
        assert "(chosen)" in first_failure(copy, fault.lessons)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_can_be_planted(fault, tmp_path):
    path = tmp_path / fault.file
    path.parent.mkdir(parents=True)
    before = (ROOT / fault.file).read_bytes()
    path.write_bytes(before)
    with fault.planted(tmp_path):
        assert path.read_bytes() != before
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["no such line", "import"])
def test_a_fault_that_fits_nowhere_or_twice_is_refused(text, tmp_path):
    (tmp_path / "model.py").write_text("import keras\nimport numpy\n", encoding="utf-8")
    with pytest.raises(CourseError, match="must occur once"), Fault("x", "model.py", text, "", ()).planted(tmp_path):
        pass
