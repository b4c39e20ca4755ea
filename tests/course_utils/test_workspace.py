"""The workspace folder, and files that are written completely or not at all."""

import os
import time

import pytest

from course_utils import workspace
from course_utils.course import ROOT, CourseError
from course_utils.workspace import atomic_path, workspace_folder


def test_workspace_is_the_folder_of_the_environment_or_stands_beside_the_notebooks(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path / "a" / "b"))
    assert workspace_folder() == tmp_path / "a" / "b"
    assert workspace_folder().is_dir()
    monkeypatch.setenv("COURSE_WORKSPACE", "")
    assert workspace_folder() == ROOT / "workspace"


def test_each_user_of_a_read_only_course_has_a_workspace_at_home(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_WORKSPACE", raising=False)
    monkeypatch.setattr(workspace, "IN_HOME", tmp_path / "my-course")
    monkeypatch.setattr(workspace, "is_read_only", lambda: True)  # root may write everywhere
    assert workspace_folder() == tmp_path / "my-course" / "workspace"


def test_workspace_that_cannot_be_created_says_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path / "file" / "workspace"))
    with pytest.raises(CourseError, match=r"file.*workspace.*Set .*COURSE_WORKSPACE") as caught:
        workspace_folder()
    assert isinstance(caught.value, OSError)


@pytest.mark.parametrize("before", [None, b"old"])
def test_atomic_path_puts_the_whole_file_in_place_only_at_the_end(tmp_path, before):
    target, ordinary = tmp_path / "history.weights.h5", tmp_path / "ordinary"
    ordinary.touch()
    if before is not None:
        target.write_bytes(before)
    with atomic_path(str(target)) as temporary:
        temporary.write_bytes(b"new")
        assert temporary.parent == tmp_path
        assert temporary.suffixes == target.suffixes
        assert (target.read_bytes() if target.exists() else None) == before
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode == ordinary.stat().st_mode
    assert set(tmp_path.iterdir()) == {target, ordinary}


def test_atomic_path_leaves_the_old_file_when_interrupted_before_the_first_byte(tmp_path):
    target = tmp_path / "mnist.pickle"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic_path(target):
        raise KeyboardInterrupt
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_killed_process_left_is_removed_by_the_next_write_and_nothing_else(tmp_path):
    target = tmp_path / "mnist[1].pickle"
    abandoned, in_use = (tmp_path / f".{prefix}-{target.name}" for prefix in ("0123456789ab", "ba9876543210"))
    others = [tmp_path / f".0123456789ab-{target.name}.txt", tmp_path / f".my-{target.name}", tmp_path / "mnist.old"]
    for path in (abandoned, in_use, *others):
        path.write_bytes(b"half")
    for path in (abandoned, *others):
        os.utime(path, (0, time.time() - 700))
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"new")
    assert set(tmp_path.iterdir()) == {target, in_use, *others}
