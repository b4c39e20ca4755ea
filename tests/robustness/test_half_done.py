"""Writers that are killed, or that cannot write: what was there before, or the new, whole, and never a mixture."""

import contextlib
import hashlib
import io
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import nbformat
import pytest

from tools import editions, record, run
from tests.robustness.writers import WRITERS, write_download

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL, limits and permissions of POSIX")
FORKING = multiprocessing.get_context("forkserver") if os.name == "posix" else None
LEFT_BY_A_KILL = re.compile(r"\.[0-9a-f]{12}-.+")


@pytest.fixture(scope="module", autouse=True)
def ready_server():
    """Let new processes start from one that has everything imported already."""
    FORKING.set_forkserver_preload([__name__, "pytest", "course_utils.training"])


@pytest.fixture
def folder():
    """Give a folder that other users can reach, as those of pytest cannot."""
    parent = Path(tempfile.mkdtemp())
    parent.chmod(0o755)
    (parent / "ready").mkdir()
    folder = parent / "folder"
    folder.mkdir()
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(parent)


def found(folder):
    """Return what a listing shows; hidden are the locks, and what a killed process left."""
    return tuple(sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")))


def hidden(folder):
    paths = folder.rglob(".*")
    return [path for path in paths if LEFT_BY_A_KILL.fullmatch(path.name) or not path.name.endswith(".lock")]


# --- killed -----------------------------------------------------------------------------------------------------------


def _write_on(write, folder, start, connection):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    for version in range(start, start + 1_000_000):
        write(folder, version)
        connection.send(version)


def kill_while_writing(write, folder, start, seconds):
    """Let a process write version after version, kill it after a while, and return the last one that it ended."""
    receiver, sender = FORKING.Pipe(duplex=False)
    process = FORKING.Process(target=_write_on, args=(write, folder, start, sender))
    process.start()
    sender.close()
    assert receiver.poll(120), "the writer has not written anything"
    version = receiver.recv()
    time.sleep(seconds)
    process.kill()
    process.join()
    with contextlib.suppress(EOFError, OSError):
        while receiver.poll():
            version = receiver.recv()
    return version


@pytest.mark.parametrize("name", WRITERS)
def test_a_writer_that_is_killed_leaves_the_old_or_the_new(name, folder, is_long, figures):
    writer = WRITERS[name]
    kills, in_the_middle, version = 40 if is_long else 4, 0, 0
    for number in range(kills):
        version = kill_while_writing(writer.write, folder, version + 1, random.uniform(0, 0.15))
        left = hidden(folder)
        in_the_middle += bool(left)
        assert writer.read(folder) in (version, version + 1)
        version = writer.read(folder)
        assert all(LEFT_BY_A_KILL.fullmatch(path.name) for path in left)
        assert set(found(folder)) <= set(writer.files)
        for path in left:
            if number % 2:
                os.utime(path, (0, 0))  # as if it had been long ago
    for path in hidden(folder):
        os.utime(path, (0, 0))
    process = FORKING.Process(target=writer.write, args=(folder, version + 1))
    process.start()
    process.join()
    assert writer.read(folder) == version + 1
    assert found(folder) == writer.files
    assert hidden(folder) == [], "what killed writers left is removed"
    figures.append(f"{name}: killed {kills} times, {in_the_middle} times in the middle of a file")


def size(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@pytest.fixture
def served(folder, serve):
    """Serve a file so slowly that a download takes a while."""
    archive = b"PK\x03\x04" + random.Random(1).randbytes(3_000_000)

    def send_slowly(handler):
        start = int(handler.headers.get("Range", "bytes=0-")[6:-1])
        rest = archive[start:]
        headers = {"Content_Range": f"bytes {start}-{len(archive) - 1}/{len(archive)}"} if start else {}
        handler.send(b"", length=len(rest), status=206 if start else 200, **headers)
        for position in range(0, len(rest), 100_000):
            handler.wfile.write(rest[position:][:100_000])
            time.sleep(0.01)

    server = serve(send_slowly)
    server.archive = archive
    address = f"http://127.0.0.1:{server.server_address[1]}/mnist.npz"
    (folder.parent / "served").write_text(f"{address} {hashlib.sha256(archive).hexdigest()}", encoding="utf-8")
    return server


def test_a_download_that_is_killed_is_gone_on_with(folder, served, is_long, figures):
    file, part = folder / "datasets" / "mnist.npz", folder / "datasets" / "mnist.npz.part"
    kills = 60 if is_long else 5
    for _ in range(kills):
        process = FORKING.Process(target=write_download, args=(folder, 1))
        process.start()
        # A process that finds all there asks for nothing and is done.
        enough = size(part) + random.randrange(3_000_000 // kills)
        while process.is_alive() and size(part) <= enough:
            time.sleep(0.001)
        process.kill()
        process.join()
        assert not file.exists() or file.read_bytes() == served.archive
        assert set(found(folder / "datasets")) <= {"mnist.npz", "mnist.npz.part"}
    process = FORKING.Process(target=write_download, args=(folder, 1))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert found(folder / "datasets") == ("mnist.npz",)
    resumed = sum(each is not None for each in served.ranges)
    assert resumed, "what came before a kill was thrown away"
    figures.append(f"the download: killed {kills} times, gone on with {resumed} times")


# --- no room, no right ------------------------------------------------------------------------------------------------


def _try_to_write(writer, folder, version, prepare, connection):
    prepare(folder)
    message = None
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # otherwise a file of pytest's, which may not grow either
            writer.write(folder, version)
    except Exception as error:
        message = str(error)
    connection.send(message)


def try_to_write(writer, folder, version, prepare):
    """Write in a process of its own that something is in the way of; return its complaint."""
    receiver, sender = FORKING.Pipe(duplex=False)
    process = FORKING.Process(target=_try_to_write, args=(writer, folder, version, prepare, sender))
    process.start()
    assert receiver.poll(120)
    process.join()
    return receiver.recv()


def nothing(folder):
    pass


def allow_only_small_files(folder):
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))


def become_nobody(folder):
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)


def assert_old_and_told(writer, folder, message):
    assert writer.read(folder) == 1
    assert found(folder) == writer.files
    assert hidden(folder) == []
    if writer.complaint is None:
        assert message is None
    else:
        assert re.search(writer.complaint, message, re.DOTALL)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_may_not_grow_leaves_the_old(name, folder):
    writer = WRITERS[name]
    assert try_to_write(writer, folder, 1, nothing) is None
    message = try_to_write(writer, folder, 2, allow_only_small_files)
    assert_old_and_told(writer, folder, message)
    if writer.complaint:
        assert "Make room" in message


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_old(name, folder):
    writer = WRITERS[name]
    assert try_to_write(writer, folder, 1, nothing) is None
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    with small_disk(folder, size):
        assert try_to_write(writer, folder, 1, nothing) is None
        fill(folder)
        assert_old_and_told(writer, folder, try_to_write(writer, folder, 2, nothing))


@contextlib.contextmanager
def small_disk(folder, size):
    """Mount a disk with room for twice so many bytes, where this is possible."""
    options = f"size={2 * size + 200_000}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(folder):
    with contextlib.suppress(OSError), (folder / ".filler.lock").open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)):
            pass


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_may_not_be_written_leaves_the_old(name, folder):
    writer = WRITERS[name]
    assert try_to_write(writer, folder, 1, nothing) is None
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        path.chmod(0o555)
    message = try_to_write(writer, folder, 2, become_nobody)
    assert_old_and_told(writer, folder, message)


def test_a_cache_on_a_full_disk_is_told(folder, served):
    with small_disk(folder, 1_000_000):
        receiver, sender = FORKING.Pipe(duplex=False)
        process = FORKING.Process(target=_tell, args=(folder, sender))
        process.start()
        assert receiver.poll(120)
        message = receiver.recv()
        process.join()
        assert "could not be stored in Keras' cache (No space left on device)" in message
        assert not (folder / "datasets" / "mnist.npz").exists()


def _tell(folder, connection):
    try:
        write_download(folder, 1)
    except Exception as error:
        connection.send(str(error))


def test_what_a_killed_recorder_left_is_no_lesson(tmp_path):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    names = ["05_train", "06_evaluate"]
    for name in names:
        nbformat.write(nbformat.v4.new_notebook(), notebooks / f"{name}.ipynb")
    (notebooks / ".0123456789ab-05_train.ipynb").write_text("{ half", encoding="utf-8")
    assert [path.stem for path in record.find_lessons(None, notebooks)] == names
    assert list(run._lessons(notebooks)) == names
    assert list(editions.read_lessons(tmp_path)) == names
