"""The download: the network is good, the settings may not be (bad networks: tests/robustness)."""

import gzip
import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from course_utils import download
from course_utils.download import download_mnist

ARCHIVE = b"PK\x03\x04 as if it were MNIST" + np.random.default_rng(1).bytes(300_000)
# Read before a test puts another address in its place.
ADDRESS, ARCHIVE_SHA256 = download.MNIST_URL, download.MNIST_ARCHIVE_SHA256


@pytest.fixture(autouse=True)
def expected(house, monkeypatch):
    monkeypatch.setattr(download, "MNIST_ARCHIVE_SHA256", hashlib.sha256(ARCHIVE).hexdigest())


def test_the_whole_file_and_nothing_else(house, serve, capfd):
    serve(lambda handler: handler.send(gzip.compress(ARCHIVE), Content_Encoding="gzip"))
    target = house / "keras" / "mnist.npz"
    assert download_mnist(target) is None
    assert target.read_bytes() == ARCHIVE
    assert list(target.parent.iterdir()) == [target]
    assert target.stat().st_mode & 0o044 == 0o044, "others may read it"
    printed = capfd.readouterr()
    assert printed.out == ""
    assert all(line.startswith("MNIST") for line in printed.err.replace("\r", "\n").split("\n") if line.strip())


def test_address_and_hash_are_those_of_the_installed_keras():
    source = (Path(find_spec("keras").origin).parent / "src" / "datasets" / "mnist.py").read_text(encoding="utf-8")
    assert ADDRESS.removesuffix("mnist.npz") in source
    assert ARCHIVE_SHA256 in source


PROXY = "the address of the proxy that HTTPS_PROXY or the system's settings name is not valid"
WRONG_SETTINGS = [
    ("HTTPS_PROXY", "user:secret@127.0.0.1:9", "the connection to mnist.example failed through the proxy"),
    ("HTTPS_PROXY", "secret://user:secret@127.0.0.1:9", "the connection to mnist.example failed through the proxy"),
    ("HTTPS_PROXY", "http://user:[secret@127.0.0.1:9", PROXY),
    ("ALL_PROXY", "http://user:secret@", PROXY),
    ("REQUESTS_CA_BUNDLE", "nowhere/secret.pem", "REQUESTS_CA_BUNDLE names no file of certificates"),
]


@pytest.mark.parametrize(("variable", "value", "reason"), WRONG_SETTINGS)
def test_a_wrong_setting_is_named_without_its_value(house, monkeypatch, capsys, variable, value, reason):
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(download, "MNIST_URL", "https://mnist.example/mnist.npz")
    found = download_mnist(house / "keras" / "mnist.npz")
    assert found.startswith(reason)
    assert "secret" not in found + "".join(capsys.readouterr())


@pytest.mark.skipif(os.name != "posix", reason="needs a limit that only POSIX systems have")
def test_a_disk_that_is_full_and_a_folder_that_is_none(house, serve):
    import resource

    serve(lambda handler: handler.send(ARCHIVE))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        reason = download_mnist(house / "keras" / "mnist.npz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert reason == "the download could not be stored in Keras' cache (File too large)"
    assert not list((house / "keras").iterdir())
    (house / "file").touch()
    assert "stored in Keras' cache (Not a directory)" in download_mnist(house / "file" / "keras" / "mnist.npz")
