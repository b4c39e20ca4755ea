"""For tests of exercises: a workspace of their own, and what a check says."""

import pytest


@pytest.fixture(autouse=True)
def workspace(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("workspace")
    monkeypatch.setenv("COURSE_WORKSPACE", str(folder))
    return folder


@pytest.fixture
def says(capsys):
    """``says(exercise, *answers, **given)``: the one paragraph that the check prints."""

    def check(exercise, *answers, **given):
        capsys.readouterr()
        assert exercise.check(*answers, **given) is None
        printed = capsys.readouterr()
        assert printed.err == ""
        assert printed.out.count("\n") == 1, "a check prints exactly one paragraph"
        return printed.out.strip()

    return check
