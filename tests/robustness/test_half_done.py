"""Writers that are killed, or that cannot write: every file is complete, and an error leaves it unchanged.

Normally one writer of a file and one of a folder are tried a few times; with ``--long`` all of them, often.
"""

import contextlib
import io
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.robustness.writers import CONTEXT, WRITERS, check_whole

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL, limits and permissions of POSIX")
SAMPLE = {"pickle", "edition"}
WAIT_SECONDS = 300
LEFT_BY_A_KILL = re.compile(r"\.[0-9a-f]{12}-.+|\.student-.+")


@pytest.fixture(params=WRITERS)
def writer(request, is_long):
    if not is_long and request.param not in SAMPLE:
        pytest.skip("only with --long")
    return WRITERS[request.param]


@pytest.fixture
def folder():
    """Give a folder that other users can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent) / "folder"
        folder.mkdir()
        yield folder
        folder.chmod(0o755)


def visible(folder):
    """Return what a listing shows; locks and the remains of a killed process are hidden."""
    return tuple(sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")))


def contents(folder):
    """Return the content of every file by name, without those that are hidden or in a hidden folder."""
    paths = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        relative.as_posix(): path.read_bytes()
        for relative, path in paths.items()
        if not any(part.startswith(".") for part in relative.parts) and path.suffix != ".lock"
    }


def run_process(target, *arguments):
    """Run a function in a process of its own and return what it sends."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=target, args=(*arguments, sender))
    process.start()
    assert receiver.poll(WAIT_SECONDS)
    process.join()
    return receiver.recv()


def _write_on(write, folder, start, sender):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with contextlib.redirect_stdout(io.StringIO()):
        for version in range(start, start + 1_000_000):
            write(folder, version)
            sender.send(version)


def _write_once(write, folder, version, prepare, sender):
    message = None
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            prepare()
            write(folder, version)
        except Exception as error:
            message = str(error)
    sender.send(message)


def nothing():
    pass


# --- killed -----------------------------------------------------------------------------------------------------------


def kill_while_writing(write, folder, start):
    """Let a process write version after version, kill it after a while, and return the last one that it finished."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_write_on, args=(write, folder, start, sender))
    process.start()
    sender.close()
    assert receiver.poll(WAIT_SECONDS), "the writer has not written anything"
    version = receiver.recv()
    time.sleep(random.uniform(0, 0.15))
    process.kill()
    process.join()
    with contextlib.suppress(EOFError, OSError):
        while receiver.poll():
            version = receiver.recv()
    return version


def test_a_writer_that_is_killed_leaves_whole_files(writer, folder, is_long, figures):
    kills, in_the_middle, version = 20 if is_long else 2, 0, 0
    for _ in range(kills):
        version = kill_while_writing(writer.write, folder, version + 1)
        found = [path for path in folder.rglob("*") if not any(part.startswith(".") for part in path.parts)]
        for path in found:
            if path.is_file() and path.name != "my_digits.lock":
                check_whole(path)
        assert set(writer.files) - set(visible(folder)) <= set(writer.folders)
        assert set(visible(folder)) <= set(writer.files)
        left = [path for path in folder.rglob(".*") if not path.name.endswith(".lock")]
        assert all(LEFT_BY_A_KILL.fullmatch(path.name) for path in left)
        in_the_middle += bool(left)
        for path in left:
            os.utime(path, (0, 0))  # as if it had been long ago
    assert run_process(_write_once, writer.write, folder, version + 1, nothing) is None
    assert visible(folder) == writer.files
    left = [path for path in folder.rglob(".*") if path.is_file() and not path.name.endswith(".lock")]
    assert not [path for path in left if path.parent.name[0] != "."], "files that killed writers left are removed"
    figures.append(f"{writer.files[0]}: killed {kills} times, {in_the_middle} times in the middle of a file")


# --- no space, no permission ------------------------------------------------------------------------------------------


def allow_only_small_files():
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))


def become_nobody():
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)


def assert_nothing_changes(writer, folder, prepare):
    before = contents(folder)
    message = run_process(_write_once, writer.write, folder, 2, prepare)
    assert contents(folder) == before
    assert visible(folder) == writer.files
    assert (message is None) == (writer.complaint is None)
    assert writer.complaint is None or re.search(writer.complaint, message, re.DOTALL), message


@pytest.fixture
def written(writer, folder):
    assert run_process(_write_once, writer.write, folder, 1, nothing) is None
    return folder


@pytest.mark.parametrize("prepare", [allow_only_small_files, become_nobody])
def test_what_may_not_grow_or_not_be_written_leaves_the_old(writer, written, prepare):
    if prepare is become_nobody:
        for path in (written, *(path for path in written.rglob("*") if path.is_dir())):
            path.chmod(0o555)
    assert_nothing_changes(writer, written, prepare)


def test_a_full_disk_leaves_the_old(writer, written):
    size = sum(len(content) for content in contents(written).values())
    saved = written.with_name("saved")
    shutil.copytree(written, saved)
    options = f"size={2 * size + 200_000}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", written], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        shutil.copytree(saved, written, dirs_exist_ok=True)
        with contextlib.suppress(OSError), (written / ".filler.lock").open("wb", buffering=0) as stream:
            while stream.write(bytes(4096)):
                pass
        assert_nothing_changes(writer, written, nothing)
    finally:
        subprocess.run(["umount", written], check=True)
