"""The download: the whole file or none, and within seconds a reason in plain words."""

import hashlib
import os
import socket
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest

from course_utils import downloading
from course_utils.downloading import DownloadError, download_mnist, keras_file

pytestmark = pytest.mark.usefixtures("house")
ARCHIVE = b"PK\x03\x04 as if it were MNIST"


@pytest.fixture(autouse=True)
def expected(monkeypatch):
    monkeypatch.setattr(downloading, "MNIST_ARCHIVE_SHA256", hashlib.sha256(ARCHIVE).hexdigest())


def assert_fails(reason, capfd):
    """Check that the download fails with a reason, and leaves no file and nothing on the screen but its bar."""
    with pytest.raises(DownloadError, match=reason):
        download_mnist()
    printed = capfd.readouterr()
    assert printed.out == ""
    assert only_the_bar(printed.err)
    assert not [path for path in keras_file().parents[1].rglob("*") if path.is_file()]


def only_the_bar(printed):
    return all(line.strip().startswith("MNIST") for line in printed.replace("\r", "\n").splitlines() if line.strip())


def test_the_whole_file_and_nothing_else(house, serve, capfd):
    serve(lambda handler: handler.send(ARCHIVE))
    download_mnist()
    file = house / "keras" / "datasets" / "mnist.npz"
    assert keras_file() == file
    assert list(file.parent.iterdir()) == [file]
    assert file.read_bytes() == ARCHIVE
    assert file.stat().st_mode & 0o044 == 0o044
    printed = capfd.readouterr()
    assert printed.out == ""
    assert only_the_bar(printed.err)


def stall(handler):
    handler.send(ARCHIVE, length=100_000)
    handler.server.stop.wait(30)


def crawl(handler):
    handler.send(b"", length=100_000)
    for handler.server.crawled in range(1_000):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        if handler.server.stop.wait(0.01):
            break


def pour(handler):
    handler.send(b"", length=10**9)
    while not handler.server.stop.is_set():
        handler.wfile.write(bytes(100_000))


BAD_ANSWERS = {
    "wrong bytes": (lambda handler: handler.send(b"PK\x03\x04 something else"), "wrong hash"),
    "login page": (lambda handler: handler.send(b"<html>Please log in</html>"), "wrong hash"),
    "403": (lambda handler: handler.send(b"no", status=403), "status 403"),
    "404": (lambda handler: handler.send(b"no", status=404), "status 404"),
    "500": (lambda handler: handler.send(b"no", status=500), "status 500"),
    "breaks off": (lambda handler: handler.send(ARCHIVE, length=100_000), "broke off"),
    "never answers": (lambda handler: handler.server.stop.wait(30), "no answer from 127.0.0.1"),
    "stalls": (stall, "stalled"),
    "crawls": (crawl, "too slow"),
    "never ends": (pour, "far larger"),
}


@pytest.mark.parametrize(("answer", "reason"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_answer_is_told_and_not_asked_for_again(monkeypatch, serve, capfd, answer, reason):
    monkeypatch.setattr(downloading, "_ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(downloading, "_STALL_SECONDS", 0.5)
    monkeypatch.setattr(downloading, "_SLOW_SECONDS", 0.3)
    monkeypatch.setattr(downloading, "_MAX_DOWNLOAD_BYTES", 1_000_000)
    server = serve(answer)
    assert_fails(reason, capfd)
    assert_fails(reason, capfd)
    assert server.requests == 1, "one failure is enough for a process"
    assert getattr(server, "crawled", 0) < 900, "hung up on, not waited for"


def test_refused_connection(house, capfd):
    assert_fails("no network connection to 127.0.0.1", capfd)
    assert not (house / "keras").exists()


def test_a_name_that_nobody_knows(monkeypatch, capfd):
    monkeypatch.setattr(downloading, "MNIST_URL", "http://no-such-host.invalid/mnist.npz")
    assert_fails("no-such-host.invalid", capfd)


def test_a_resolver_that_never_answers_holds_nothing_up(monkeypatch, capfd):
    answered = threading.Event()

    def wait_for_ever(*_, **__):
        answered.wait(30)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", wait_for_ever)  # a real one would need another machine's network
    monkeypatch.setattr(downloading, "_ANSWER_SECONDS", 0.2)
    assert_fails("no answer from 127.0.0.1", capfd)
    answered.set()


@pytest.mark.skipif(os.name != "posix", reason="needs a folder that cannot exist")
def test_a_cache_that_cannot_be_written(monkeypatch, serve, capfd):
    monkeypatch.setenv("KERAS_HOME", "/dev/null/keras")
    serve(lambda handler: handler.send(ARCHIVE))
    assert_fails("could not be stored in Keras' cache", capfd)


def test_address_and_hash_are_those_of_the_installed_keras():
    package = Path(find_spec("keras").origin).parent
    source = (package / "src" / "datasets" / "mnist.py").read_text(encoding="utf-8")
    program = "from course_utils.downloading import *; print(MNIST_URL, MNIST_ARCHIVE_SHA256)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    address, archive_hash = done.stdout.split()
    assert address.removesuffix("mnist.npz") in source
    assert archive_hash in source
