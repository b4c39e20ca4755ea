"""The download where the network is good (bad networks: tests/robustness)."""

import gzip
import hashlib
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
