"""The download: the whole file or none, going on where an earlier one stopped (bad networks: robustness/)."""

import hashlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from course_utils import download
from course_utils.download import DownloadError, download_mnist, keras_file

pytestmark = pytest.mark.usefixtures("house")
ARCHIVE = b"PK\x03\x04 as if it were MNIST" + np.random.default_rng(1).bytes(300_000)


@pytest.fixture(autouse=True)
def expected(monkeypatch):
    monkeypatch.setattr(downloading, "MNIST_ARCHIVE_SHA256", hashlib.sha256(ARCHIVE).hexdigest())


@pytest.fixture
def part():
    """Return a function that leaves a part of the file in the cache, as a download that was cut off."""

    def leave(content):
        path = keras_file().with_name("mnist.npz.part")
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        return path

    return leave


def visible(folder):
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def assert_downloads():
    download_mnist()
    assert keras_file().read_bytes() == ARCHIVE
    assert visible(keras_file().parent) == [keras_file()]


def test_the_whole_file_and_nothing_else(house, serve, capfd):
    server = serve(lambda handler: handler.send(ARCHIVE))
    assert keras_file() == house / "keras" / "datasets" / "mnist.npz"
    assert_downloads()
    assert server.ranges == [None]
    assert keras_file().stat().st_mode & 0o044 == 0o044
    printed = capfd.readouterr()
    assert printed.out == ""
    assert all(line.startswith("MNIST") for line in printed.err.replace("\r", "\n").split("\n") if line.strip())


# --- going on ---------------------------------------------------------------------------------------------------------


def test_a_download_that_breaks_off_goes_on_at_once(serve):
    server = serve(lambda handler: handler.send_range(ARCHIVE, most=120_000))
    assert_downloads()
    assert server.ranges == [None, "bytes=120000-", "bytes=240000-"]


def test_what_an_earlier_process_had_is_not_asked_for_again(serve, part):
    part(ARCHIVE[:200_000])
    server = serve(lambda handler: handler.send_range(ARCHIVE))
    assert_downloads()
    assert server.ranges == ["bytes=200000-"]


def test_what_an_earlier_process_had_in_full_needs_no_network(part):
    part(ARCHIVE)
    assert_downloads()


def send_another_part(handler):
    """Answer with a part that was not asked for, and whose end nobody should wait for."""
    if handler.headers["Range"]:
        handler.send(ARCHIVE[50:90], length=len(ARCHIVE) - 50, status=206, Content_Range="bytes 50-")
        handler.server.stop.wait(60)
    else:
        handler.send(ARCHIVE)


@pytest.mark.parametrize(
    ("content", "answer", "ranges"),
    [
        pytest.param(b"PK" + bytes(100), None, ["bytes=102-", None], id="part of another file"),
        pytest.param(ARCHIVE + b"more", None, [f"bytes={len(ARCHIVE) + 4}-", None], id="part that is too long"),
        pytest.param(
            ARCHIVE[:100], lambda handler: handler.send(ARCHIVE), ["bytes=100-"], id="server that sends all anyway"
        ),
        pytest.param(ARCHIVE[:100], send_another_part, ["bytes=100-", None], id="server that sends another part"),
    ],
)
def test_a_part_never_stands_in_the_way(serve, part, content, answer, ranges):
    part(content)
    server = serve(answer or (lambda handler: handler.send_range(ARCHIVE)))
    assert_downloads()
    assert server.ranges == ranges


def test_a_login_page_does_not_take_the_place_of_what_was_downloaded(serve, part):
    kept = part(ARCHIVE[:200_000])
    serve(lambda handler: handler.send(b"<html>Please log in</html>"))
    with pytest.raises(DownloadError, match="log in"):
        download_mnist()
    assert kept.read_bytes() == ARCHIVE[:200_000]


@pytest.mark.skipif(os.name != "posix", reason="needs a folder that cannot exist")
def test_a_cache_that_cannot_be_written(monkeypatch, serve):
    monkeypatch.setenv("KERAS_HOME", "/dev/null/keras")
    server = serve(lambda handler: handler.send(ARCHIVE))
    with pytest.raises(DownloadError, match="could not be stored in Keras' cache"):
        download_mnist()
    assert server.requests == 0


def test_address_and_hash_are_those_of_the_installed_keras():
    package = Path(find_spec("keras").origin).parent
    source = (package / "src" / "datasets" / "mnist.py").read_text(encoding="utf-8")
    program = "from course_utils.download import *; print(MNIST_URL, MNIST_ARCHIVE_SHA256)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    address, archive_hash = done.stdout.split()
    assert address.removesuffix("mnist.npz") in source
    assert archive_hash in source
