"""Networks of hotels, trains and institutes: within the stated time there are other digits and a reason, never a hang.

With ``--long`` the times are the real ones; otherwise they are shortened, and only the outcome counts.
"""

import gzip
import hashlib
import shutil
import socket
import ssl
import subprocess
import threading
import time

import numpy as np
import pytest

from course_utils import download
from course_utils.data import load_dataset
from course_utils.download import keras_file

pytestmark = pytest.mark.usefixtures("house")
ARCHIVE = b"PK\x03\x04 as if it were MNIST" + np.random.default_rng(1).bytes(300_000)
TOLERANCE_SECONDS = 30  # for a machine that is busy; what hangs here, hangs for a minute


@pytest.fixture(autouse=True)
def expected(monkeypatch):
    monkeypatch.setattr(downloading, "MNIST_ARCHIVE_SHA256", hashlib.sha256(ARCHIVE).hexdigest())


@pytest.fixture
def stated(monkeypatch, is_long):
    """Return a function that tells how many seconds something may take: as stated, or less when time is short."""

    def seconds(*names):
        if not is_long:
            for name in names:
                monkeypatch.setattr(downloading, f"_{name}_SECONDS", 0.8)
        return sum(getattr(downloading, f"_{name}_SECONDS") for name in names)

    return seconds


def assert_goes_on_without(reason, seconds, capfd):
    """Check that there are other digits in time, and that a banner tells why not MNIST, and nothing else."""
    start = time.monotonic()
    assert load_dataset().name == "UCI digits"
    assert time.monotonic() - start < seconds + TOLERANCE_SECONDS
    printed = capfd.readouterr()
    words = " ".join(printed.out.split())
    assert "THIS IS NOT MNIST Why: " in words
    assert reason in words.partition("Why: ")[2].partition(" Instead you work with ")[0]
    assert "To get MNIST: " in words
    assert all(line.startswith("MNIST") for line in printed.err.replace("\r", "\n").split("\n") if line.strip())
    assert not keras_file().exists()


def stop(handler):
    handler.server.stop.wait(60)


def stall(handler):
    handler.send(ARCHIVE[:1000], length=len(ARCHIVE))
    stop(handler)


def drip(handler, content=b"HTTP/1.0 200 OK\r\nX-Header: " + b"x" * 10_000, seconds=0.1):
    handler.server.bytes_sent = 0
    end = time.monotonic() + 60
    while handler.server.bytes_sent < len(content) and time.monotonic() < end:
        handler.wfile.write(content[handler.server.bytes_sent :][:1])
        handler.wfile.flush()
        handler.server.bytes_sent += 1
        if handler.server.stop.wait(seconds):
            break


def crawl(handler):
    handler.send(b"", length=len(ARCHIVE))
    drip(handler, ARCHIVE, 0.01)


def pour(handler):
    handler.send(b"PK", length=10**9)
    while not handler.server.stop.is_set():
        handler.wfile.write(bytes(100_000))


def redirect(handler, to="/login"):
    if handler.path == to and to == "/login":
        handler.send(b"<html>Please log in</html>", Content_Type="text/html")
    else:
        handler.send(b"", status=302, Location=to)


# What the server does; words of the reason; of which stated times the sum may be needed; how many requests.
BAD_ANSWERS = {
    "403": (lambda handler: handler.send(b"no", status=403), "refused the download (status 403)", [], 1),
    "404": (lambda handler: handler.send(b"no", status=404), "refused the download (status 404)", [], 1),
    "500": (lambda handler: handler.send(b"no", status=500), "refused the download (status 500)", [], 1),
    "login page": (
        lambda handler: handler.send(b"<html>Please log in</html>", Content_Type="text/html"),
        "perhaps the network wants you to log in",
        [],
        1,
    ),
    "way to a login page": (redirect, "perhaps the network wants you to log in", [], 2),
    "way in circles": (lambda handler: redirect(handler, "/mnist.npz"), "leads in circles", [], 31),
    "way to nowhere": (lambda handler: redirect(handler, "http://127.0.0.1:1/"), "no network connection", [], 1),
    "wrong bytes": (lambda handler: handler.send(b"PK\x03\x04 something else"), "wrong hash", [], 1),
    "nothing": (lambda handler: handler.send(b""), "wrong hash", [], 1),
    "packed on the way": (
        lambda handler: handler.send(gzip.compress(ARCHIVE), Content_Encoding="gzip"),
        "something else came in place of the file",
        [],
        1,
    ),
    "no HTTP": (lambda handler: handler.wfile.write(b"220 mail.example ESMTP\r\n"), "no network connection", [], 1),
    "hangs up": (lambda handler: None, "no network connection", [], 1),
    "breaks off": (lambda handler: handler.send(ARCHIVE[:1000], length=len(ARCHIVE)), "broke off", [], 3),
    "breaks off before the first byte": (lambda handler: handler.send(b"", length=9_999), "broke off", [], 1),
    "never answers": (stop, "no answer from 127.0.0.1 within", ["ANSWER"], 1),
    "answers a letter at a time": (drip, "no answer from 127.0.0.1 within", ["ANSWER"], 1),
    "stalls half-way": (stall, "stalled", ["STALL"] * 3, 3),
    "crawls": (crawl, "too slow", ["SLOW"], 1),
    "never ends": (pour, "far larger", [], 1),
}


@pytest.mark.parametrize(("answer", "reason", "times", "requests"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_answer_is_told_and_not_asked_for_again(
    monkeypatch, serve, capfd, stated, answer, reason, times, requests
):
    monkeypatch.setattr(downloading, "_MAX_DOWNLOAD_BYTES", 1_000_000)
    server = serve(answer)
    assert_goes_on_without(reason, stated(*times), capfd)
    assert_goes_on_without(reason, 0, capfd)
    assert server.requests == requests, "one failure is enough for a process"
    assert getattr(server, "bytes_sent", 0) < 5_000, "hung up on, not waited for"


def test_a_steady_network_is_waited_for_however_long_it_takes(monkeypatch, serve):
    monkeypatch.setattr(downloading, "_SLOW_SECONDS", 0.2)
    monkeypatch.setattr(downloading, "_SLOW_BYTES", 1_000)
    monkeypatch.setattr(downloading, "_STALL_SECONDS", 5)

    def send_steadily(handler):
        handler.send(b"", length=len(ARCHIVE))
        for start in range(0, len(ARCHIVE), 20_000):
            handler.wfile.write(ARCHIVE[start:][:20_000])
            time.sleep(0.1)

    serve(send_steadily)
    downloading.download_mnist()
    assert keras_file().read_bytes() == ARCHIVE


def test_refused_connection(capfd):
    assert_goes_on_without("no network connection to 127.0.0.1", 0, capfd)


def test_a_name_that_nobody_knows(monkeypatch, capfd):
    monkeypatch.setattr(downloading, "MNIST_URL", "http://no-such-host.invalid/mnist.npz")
    assert_goes_on_without("no-such-host.invalid", downloading._ANSWER_SECONDS, capfd)


def test_a_resolver_that_never_answers_holds_nothing_up(monkeypatch, capfd, stated):
    answered = threading.Event()

    def wait_for_ever(*_, **__):
        answered.wait(60)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", wait_for_ever)  # a real one would need another machine's network
    assert_goes_on_without("no answer from 127.0.0.1", stated("ANSWER"), capfd)
    answered.set()


def test_a_connection_that_is_never_made_holds_nothing_up(monkeypatch, capfd, stated):
    # A queue of one that is full: further connections are neither accepted nor refused, as behind a silent firewall.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        monkeypatch.setattr(downloading, "MNIST_URL", f"http://127.0.0.1:{listener.getsockname()[1]}/mnist.npz")
        assert_goes_on_without("no answer from 127.0.0.1", stated("ANSWER"), capfd)
        for each in waiting:
            each.close()


# --- proxies and secure connections ----------------------------------------------------------------------------------


@pytest.fixture
def through_proxy(monkeypatch):
    """Return a function that names a proxy on this machine as the way to everything."""

    def name(port):
        monkeypatch.delenv("NO_PROXY")
        monkeypatch.setenv("HTTP_PROXY", f"http://user:secret@127.0.0.1:{port}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{port}")
        monkeypatch.setattr(downloading, "MNIST_URL", "https://mnist.example/mnist.npz")

    return name


def test_a_proxy_that_is_not_there(capfd, through_proxy):
    port = downloading.MNIST_URL.rpartition(":")[2].partition("/")[0]  # where nobody listens
    through_proxy(port)
    reason = "no connection to mnist.example through the proxy 127.0.0.1, which HTTPS_PROXY"
    assert_goes_on_without(reason, 0, capfd)


@pytest.mark.parametrize(
    ("answer", "words", "times"),
    [(stop, "no answer from", ["ANSWER"]), (lambda handler: None, "no network connection to", [])],
)
def test_a_proxy_that_leads_nowhere(serve, capfd, stated, through_proxy, answer, words, times):
    server = serve(stop)
    server.RequestHandlerClass = type("Proxy", (server.RequestHandlerClass,), {"do_CONNECT": answer})
    through_proxy(server.server_address[1])
    assert_goes_on_without(f"{words} mnist.example", stated(*times), capfd)


def test_a_proxy_that_wants_a_password_names_itself_and_not_the_password(serve, capfd, through_proxy):
    server = serve(stop)
    answer = {"do_CONNECT": lambda handler: handler.send(b"", status=407)}
    server.RequestHandlerClass = type("Proxy", (server.RequestHandlerClass,), answer)
    through_proxy(server.server_address[1])
    assert_goes_on_without("no connection to mnist.example through the proxy 127.0.0.1, which", 0, capfd)


@pytest.fixture
def certificate(tmp_path):
    if not (openssl := shutil.which("openssl")):
        pytest.skip("there is no openssl to make a certificate with")
    paths = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", paths[0], "-out", paths[1]]
    subprocess.run(command, check=True, capture_output=True)
    return paths


@pytest.fixture
def serve_securely(monkeypatch, serve, certificate):
    def start(answer):
        server = serve(answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate[1], certificate[0])
        server.socket = context.wrap_socket(server.socket, server_side=True)
        monkeypatch.setattr(downloading, "MNIST_URL", f"https://127.0.0.1:{server.server_address[1]}/mnist.npz")
        return server

    return start


def test_whoever_answers_in_place_of_the_server_is_not_believed(serve_securely, capfd):
    server = serve_securely(lambda handler: handler.send(ARCHIVE))
    assert_goes_on_without("no secure connection to 127.0.0.1", 0, capfd)
    assert server.requests == 0


def test_an_institute_that_inspects_connections_is_believed_when_its_certificate_is_named(
    monkeypatch, serve_securely, certificate
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[1]))
    serve_securely(lambda handler: handler.send(ARCHIVE))
    downloading.download_mnist()
    assert keras_file().read_bytes() == ARCHIVE


def test_a_login_page_without_encryption_where_a_secure_connection_belongs(monkeypatch, serve, capfd):
    server = serve(lambda handler: handler.send(b"<html>Please log in</html>"))
    monkeypatch.setattr(downloading, "MNIST_URL", f"https://127.0.0.1:{server.server_address[1]}/mnist.npz")
    assert_goes_on_without("no secure connection to 127.0.0.1", 0, capfd)
