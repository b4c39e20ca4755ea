"""A machine with nothing set, and a server of its own, for the tests of where the digits come from."""

import http.server
import socket
import threading

import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_utils import download


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """Give a test a workspace of its own; return the folder."""
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    return tmp_path


@pytest.fixture
def shell():
    """Start an IPython shell, without which nothing can be displayed."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


@pytest.fixture
def house(tmp_path, monkeypatch):
    """Give a test a machine with no data, no network and nothing set; yield its folder."""
    for name in ("MNIST_PATH", "COURSE_OFFLINE", *(f"{p}_proxy" for p in ("http", "https", "all"))):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    download.download_mnist.cache_clear()
    with socket.socket() as taken:  # a port where nobody listens, and nobody else will
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(download, "MNIST_URL", f"http://127.0.0.1:{taken.getsockname()[1]}/mnist.npz")
        yield tmp_path


class Server(http.server.ThreadingHTTPServer):
    """A server on this machine that counts requests and answers them with a function of the handler."""

    daemon_threads = True

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.requests = 0
        self.stop = threading.Event()

    def handle_error(self, *_):
        pass  # clients that hang up are expected here


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests += 1
        self.server.answer(self)

    def send(self, content, *, length=None, status=200, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *_):
        pass


@pytest.fixture
def serve(house, monkeypatch):
    """Return a function that starts a server in place of the one that has MNIST."""
    servers = []

    def start(answer):
        server = Server(answer)
        servers.append(server)
        monkeypatch.setattr(download, "MNIST_URL", f"http://127.0.0.1:{server.server_address[1]}/mnist.npz")
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    yield start
    for server in servers:
        server.stop.set()
        server.shutdown()
        server.server_close()
