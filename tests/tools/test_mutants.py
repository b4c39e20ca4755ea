"""The list of faults belongs to the course as it is; whether they are noticed is for `make mutants` to say."""

import pytest

from course_utils.course import NOTEBOOKS, ROOT, CourseError
from tools.mutants import Fault, mutants, read_faults

FAULTS = read_faults()


def test_each_fault_has_a_name_of_its_own_and_lessons_that_exist():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 81
    assert all((NOTEBOOKS / lesson).is_file() for fault in FAULTS for lesson in fault.lessons)
    with pytest.raises(CourseError, match="No fault has 'softmaxx'"):
        mutants(["softmax left out", "softmaxx"])


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
