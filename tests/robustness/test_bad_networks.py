"""Networks of hotels, trains and institutes: the course uses other digits, says why, and never hangs.

A server that keeps a client waiting stops after a minute: a download without a limit then ends for another reason.
With ``--long`` the limits are the real ones, otherwise shorter.
"""

import gzip
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from course_utils import download
from course_utils.data import keras_file, load_dataset

# Read before a test puts another address in its place.
ADDRESS, ARCHIVE_SHA256 = download.MNIST_URL, download.MNIST_ARCHIVE_SHA256
ARCHIVE = b"PK\x03\x04 as if it were MNIST" + np.random.default_rng(1).bytes(300_000)


@pytest.fixture(autouse=True)
def expected(house, monkeypatch, is_long):
    monkeypatch.setattr(download, "MNIST_ARCHIVE_SHA256", hashlib.sha256(ARCHIVE).hexdigest())
    monkeypatch.setattr(download, "_NUM_BYTES", len(ARCHIVE))
    if not is_long:
        monkeypatch.setattr(download, "_ANSWER_SECONDS", 0.8)


def test_the_whole_file_and_nothing_else(house, serve, capfd):
    serve(lambda handler: handler.send(gzip.compress(ARCHIVE), Content_Encoding="gzip"))
    target = house / "keras" / "mnist.npz"
    assert download.download_mnist(target) is None
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


def assert_goes_on_without(reason, capfd):
    """Check that there are other digits, and that a banner says why not MNIST, and nothing else."""
    assert load_dataset().name == "UCI digits"
    printed = capfd.readouterr()
    words = " ".join(printed.out.split())
    assert "THIS IS NOT MNIST Why: " in words
    assert reason in words.partition("Why: ")[2].partition(" Instead you work with ")[0]
    assert "secret" not in words
    assert all(line.startswith("MNIST") for line in printed.err.replace("\r", "\n").split("\n") if line.strip())
    assert not keras_file().exists()


def never_answer(handler):
    handler.server.stop.wait(60)


def stall(handler):
    handler.send(ARCHIVE[:200_000], length=len(ARCHIVE))
    never_answer(handler)


def drip(handler, content=b"HTTP/1.0 200 OK\r\nX-Header: " + b"x" * 1_000):
    for byte in content:
        handler.wfile.write(bytes([byte]))
        if handler.server.stop.wait(0.1):
            break


def crawl(handler):
    handler.send(ARCHIVE[:5_000], length=len(ARCHIVE))
    drip(handler, ARCHIVE[5_000:6_000])


def pour(handler):
    handler.send(b"PK", length=10**9)
    while not handler.server.stop.is_set():
        handler.wfile.write(bytes(100_000))


def redirect(handler, to="/login"):
    if handler.path == "/login":
        handler.send(b"<html>Please log in</html>", Content_Type="text/html")
    else:
        handler.send(b"", status=302, Location=to)


BAD_ANSWERS = {
    "403": (lambda handler: handler.send(b"no", status=403), "127.0.0.1 refused the download (status 403)"),
    "login page": (redirect, "(wrong hash); the network may want you to log in"),
    "redirects in circles": (lambda handler: redirect(handler, "/mnist.npz"), "the connection to 127.0.0.1 failed"),
    "redirects to nowhere": (lambda handler: redirect(handler, "http://127.0.0.1:1/"), "the connection to"),
    "no HTTP": (lambda handler: handler.wfile.write(b"220 mail.example ESMTP\r\n"), "the connection to"),
    "hangs up": (lambda handler: None, "the connection to 127.0.0.1 failed"),
    "breaks off": (lambda handler: handler.send(ARCHIVE[:1000], length=len(ARCHIVE)), "the connection to"),
    "never answers": (never_answer, "no answer from 127.0.0.1 within"),
    "answers a letter at a time": (drip, "no answer from 127.0.0.1 within"),
    "stalls half-way": (stall, "the connection to 127.0.0.1 failed"),
    "crawls": (crawl, "too slow"),
    "never ends": (pour, "far larger than MNIST"),
}


@pytest.mark.parametrize(("answer", "reason"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_answer_is_explained_and_not_requested_again(serve, capfd, answer, reason):
    server = serve(answer)
    assert_goes_on_without(reason, capfd)
    requests = server.requests
    assert_goes_on_without(reason, capfd)
    assert server.requests == requests, "one failure is enough for a process"


def test_a_steady_network_is_waited_for_however_long_it_takes(monkeypatch, serve):
    monkeypatch.setattr(download, "_BYTES_PER_SECOND", 1_000)
    monkeypatch.setattr(download, "_ANSWER_SECONDS", 2)

    def send_steadily(handler):
        handler.send(b"", length=len(ARCHIVE))
        for start in range(0, len(ARCHIVE), 10_000):
            handler.wfile.write(ARCHIVE[start:][:10_000])
            time.sleep(0.1)

    serve(send_steadily)
    assert download.download_mnist(keras_file()) is None
    assert keras_file().read_bytes() == ARCHIVE


def test_a_resolver_that_never_answers(monkeypatch, capfd, is_long, figures):
    answered, start = threading.Event(), time.monotonic()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(60) and [])
    assert_goes_on_without("no answer from 127.0.0.1", capfd)
    assert not is_long or time.monotonic() - start < 15
    figures.append(f"a resolver that never answers: other digits after {time.monotonic() - start:.1f} s")
    answered.set()


# --- proxies and secure connections ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (never_answer, "no answer from mnist.example within"),
        (lambda handler: handler.send(b"", status=407), "the connection to mnist.example failed through the proxy"),
    ],
    ids=["never answers", "wants a password"],
)
def test_a_proxy_that_does_not_help(monkeypatch, serve, capfd, answer, words):
    server = serve(answer)
    server.RequestHandlerClass = type("Proxy", (server.RequestHandlerClass,), {"do_CONNECT": answer})
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{server.server_address[1]}")
    monkeypatch.setattr(download, "MNIST_URL", "https://mnist.example/mnist.npz")
    assert_goes_on_without(words, capfd)


PROXY = "the proxy address set by HTTPS_PROXY or the system settings is not valid"
WRONG_SETTINGS = [
    ("HTTPS_PROXY", "user:secret@127.0.0.1:9", "the connection to mnist.example failed through the proxy"),
    ("HTTPS_PROXY", "secret://user:secret@127.0.0.1:9", "the connection to mnist.example failed through the proxy"),
    ("HTTPS_PROXY", "http://user:[secret@127.0.0.1:9", PROXY),
    ("ALL_PROXY", "http://user:secret@", PROXY),
    ("REQUESTS_CA_BUNDLE", "nowhere/secret.pem", "REQUESTS_CA_BUNDLE does not name a certificate file"),
]


@pytest.mark.parametrize(("variable", "value", "reason"), WRONG_SETTINGS)
def test_a_wrong_setting_is_named_without_its_value(monkeypatch, capfd, variable, value, reason):
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(download, "MNIST_URL", "https://mnist.example/mnist.npz")
    assert_goes_on_without(reason, capfd)


@pytest.mark.skipif(os.name != "posix", reason="needs a limit that only POSIX systems have")
def test_a_full_disk_and_a_file_in_place_of_a_folder(house, serve):
    import resource

    serve(lambda handler: handler.send(ARCHIVE))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        reason = download.download_mnist(house / "keras" / "mnist.npz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert reason == "the download could not be stored in Keras' cache (File too large)"
    assert not list((house / "keras").iterdir())
    (house / "file").touch()
    assert "stored in Keras' cache (Not a directory)" in download.download_mnist(house / "file" / "keras" / "mnist.npz")


@pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl to make a certificate with")
def test_a_certificate_is_trusted_only_when_it_is_named(monkeypatch, serve, tmp_path, capfd):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server = serve(lambda handler: handler.send(ARCHIVE))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setattr(download, "MNIST_URL", f"https://127.0.0.1:{server.server_address[1]}/mnist.npz")
    assert_goes_on_without("no secure connection to 127.0.0.1", capfd)
    assert server.requests == 0
    for bundle in (key, tmp_path):
        download.download_mnist.cache_clear()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        assert_goes_on_without("no secure connection to 127.0.0.1 with the certificates in REQUESTS_CA_BUNDLE", capfd)
    download.download_mnist.cache_clear()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert download.download_mnist(keras_file()) is None
