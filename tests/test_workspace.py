"""The workspace folder, and files that appear whole or not at all."""

from pathlib import Path

import pytest

from course_utils.workspace import atomic_path, workspace_folder


def test_workspace_is_the_folder_of_the_environment_created_with_parents(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path / "a" / "b"))
    assert workspace_folder() == tmp_path / "a" / "b"
    assert workspace_folder().is_dir()


@pytest.mark.parametrize("value", [None, ""])
def test_workspace_stands_beside_the_notebooks_by_default(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("COURSE_WORKSPACE", raising=False)
    else:
        monkeypatch.setenv("COURSE_WORKSPACE", value)
    folder = workspace_folder()
    assert folder.name == "workspace"
    assert folder.is_dir()
    assert (folder.parent / "course_utils").is_dir()


def test_workspace_that_cannot_be_created_says_what_to_set(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path / "file" / "workspace"))
    with pytest.raises(OSError, match=r"file.*workspace.*Set .*COURSE_WORKSPACE"):
        workspace_folder()


@pytest.mark.parametrize("before", [None, b"old"])
def test_atomic_path_puts_the_whole_file_in_place_only_at_the_end(tmp_path, before):
    target = tmp_path / "history.weights.h5"
    if before is not None:
        target.write_bytes(before)
    with atomic_path(str(target)) as temporary:
        temporary.write_bytes(b"new")
        assert temporary.parent == tmp_path
        assert temporary.suffixes == target.suffixes
        assert (target.read_bytes() if target.exists() else None) == before
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("written", [b"half", None])
def test_atomic_path_leaves_the_old_file_when_interrupted(tmp_path, failure, written):
    target = tmp_path / "mnist.pickle"
    target.write_bytes(b"old")
    with pytest.raises(failure), atomic_path(target) as temporary:
        if written:
            temporary.write_bytes(written)
        raise failure
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_atomic_path_removes_what_cannot_be_put_in_place(tmp_path):
    target = tmp_path / "a folder"
    (target / "with content").mkdir(parents=True)
    with pytest.raises(OSError), atomic_path(target) as temporary:
        temporary.write_bytes(b"new")
    assert list(tmp_path.iterdir()) == [target]


def test_atomic_path_gives_the_permissions_of_an_ordinary_file(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.write_bytes(b"")
    with atomic_path(tmp_path / "shared") as temporary:
        Path(temporary).write_bytes(b"")
    assert (tmp_path / "shared").stat().st_mode == ordinary.stat().st_mode
