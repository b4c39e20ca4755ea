"""The workspace folder, and files that appear whole or not at all."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course_utils.workspace import atomic_folder, atomic_path, one_at_a_time, workspace_folder


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


def test_what_a_killed_process_left_is_removed_by_the_next_one_but_nobody_elses_work(tmp_path):
    target = tmp_path / "mnist.pickle"
    abandoned, in_use = tmp_path / ".0123456789ab-mnist.pickle", tmp_path / ".ba9876543210-mnist.pickle"
    others = [tmp_path / ".0123456789ab-mnist.pickle.txt", tmp_path / ".my-mnist.pickle", tmp_path / "mnist.pickle.old"]
    for path in (abandoned, in_use, *others):
        path.write_bytes(b"half")
    for path in (abandoned, *others):
        os.utime(path, (0, time.time() - 700))
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"new")
    assert set(tmp_path.iterdir()) == {target, in_use, *others}


def folder_content(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@pytest.mark.parametrize("is_there", [True, False])
def test_atomic_folder_takes_the_place_of_the_old_one(tmp_path, is_there):
    target = tmp_path / "student"
    if is_there:
        target.mkdir()
        (target / "old.txt").write_text("old", encoding="utf-8")
    with atomic_folder(target) as temporary:
        (temporary / "new.txt").write_text("new", encoding="utf-8")
        assert target.exists() == is_there
    assert folder_content(target) == {"new.txt": "new"}
    assert list(tmp_path.iterdir()) == [target]


def test_atomic_folder_leaves_the_old_one_when_interrupted(tmp_path):
    target = tmp_path / "student"
    target.mkdir()
    (target / "old.txt").write_text("old", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt), atomic_folder(target) as temporary:
        (temporary / "new.txt").write_text("half", encoding="utf-8")
        raise KeyboardInterrupt
    assert folder_content(target) == {"old.txt": "old"}
    assert list(tmp_path.iterdir()) == [target]


def test_one_at_a_time_waits_says_so_and_gets_the_word_that_was_left(tmp_path, capsys):
    lock_file = tmp_path / "lock"
    lock_file.write_text("a word of long ago", encoding="utf-8")
    program = f"""
import sys
from pathlib import Path
from course_utils.workspace import one_at_a_time
with one_at_a_time(Path({str(lock_file)!r}), "waiting") as file:
    print("has it", repr(file.read()), flush=True)
    sys.stdin.readline()
    print("a word", file=file)
"""
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "has it ''\n"
    waiting = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert waiting.stdout.readline() == "waiting\n"
    holder.communicate("\n", timeout=60)
    assert waiting.stdout.readline() == "has it 'a word\\n'\n"
    waiting.kill()
    waiting.communicate(timeout=60)
    with one_at_a_time(lock_file, "waiting") as file:
        assert file.read() == ""
    assert capsys.readouterr().out == "", "a killed holder keeps nobody waiting"
