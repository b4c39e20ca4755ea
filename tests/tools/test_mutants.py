"""The list of faults belongs to the course as it is; whether they are noticed is for `make mutants` to say."""

import pytest

from tools import mutants
from tools.execution import LessonError
from tools.faults import FAULTS, TRAIN, Fault
from tools.reference import ROOT


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return mutants._copy(tmp_path_factory.mktemp("course"))


def test_there_are_many_faults_each_with_a_name_of_its_own():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 30


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_can_be_planted_and_touches_a_lesson(fault, copy):
    path = copy / fault.file
    before = path.read_bytes()
    mutants._plant(fault, copy)
    assert path.read_bytes() != before
    assert mutants.lessons_touched(fault, copy)
    path.write_bytes(before)


@pytest.mark.parametrize("text", ["no such line", "import"])
def test_a_fault_that_fits_nowhere_or_twice_is_refused(text):
    with pytest.raises(LessonError, match="must stand there once"):
        mutants._plant(Fault("x", TRAIN, text, ""), ROOT, dry_run=True)
