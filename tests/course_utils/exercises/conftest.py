"""For tests of exercises: a workspace of their own, the digits that come with scikit-learn, and what a check says."""

import re

import pytest

from course_utils import data
from course_utils.exercises import core

DIGITS = data._embedded_digits()


@pytest.fixture(autouse=True)
def workspace(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("workspace")
    monkeypatch.setenv("COURSE_WORKSPACE", str(folder))
    monkeypatch.setattr(data, "_latest", DIGITS)
    monkeypatch.setattr(core, "SECONDS_UNTIL_NOTICE", 600.0)  # a busy machine must not change what is said
    return folder


@pytest.fixture
def says(capsys):
    """``says(exercise, *answers, **given)``: the one paragraph that the check prints."""

    def check(exercise, *answers, **given):
        capsys.readouterr()
        assert exercise.check(*answers, **given) is None
        printed = capsys.readouterr()
        assert printed.err == ""
        assert re.fullmatch(r"(?:[✓✗] )?\d\d\.\d [^\n]+\n", printed.out), "a check prints exactly one paragraph"
        return printed.out.strip()

    return check
