"""JupyterLab opens on a notebook for this person on this machine alone, whatever their configuration says."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import nbformat
import pytest


@pytest.fixture
def address(tmp_path):
    """Start JupyterLab against a careless configuration, and return the address that it prints."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.py").write_text(
        "c.ServerApp.ip = '0.0.0.0'\nc.IdentityProvider.token = ''\nc.ServerApp.open_browser = True\n", encoding="utf-8"
    )
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "lesson.ipynb")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    code = (
        "from pathlib import Path; from tools.lab import open_lab; "
        f"open_lab(Path({str(tmp_path)!r}), 'lesson.ipynb', ['--no-browser', '--port={port}'])"
    )
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")} | folders
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        give_up = threading.Timer(120, server.kill)
        give_up.start()
        try:
            printed = ""
            while not (found := re.search(r"http://\S+token=[0-9a-f]{32,}", printed)):
                line = server.stdout.readline()
                assert line, f"JupyterLab ended without an address:\n{printed}"
                printed += line
            wait_until_it_answers(port)
            yield found.group()
        finally:
            give_up.cancel()
            server.send_signal(signal.SIGTERM)
            server.stdout.read()


def wait_until_it_answers(port):
    """Wait: the address is printed a moment before the server listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
    return None


def fetch(address):
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.geturl(), answer.read().decode("utf-8")


def test_only_this_machine_and_only_with_the_token(address):
    assert address.startswith("http://127.0.0.1:")
    port = int(re.search(r":(\d+)/", address).group(1))
    bare = f"http://127.0.0.1:{port}"
    token = address.split("?")[1]

    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(f"{bare}/api/contents")
    assert "/login" in fetch(f"{bare}/lab")[0]
    assert "lesson.ipynb" in fetch(f"{bare}/api/contents?{token}")[1]
    notifications = json.loads(fetch(f"{bare}/lab/api/settings/@jupyterlab/apputils-extension:notification?{token}")[1])
    defaults = {name: value["default"] for name, value in notifications["schema"]["properties"].items()}
    assert defaults["fetchNews"] == "false"
    assert defaults["checkForUpdates"] is False
    # Nothing else listens: another of this machine's own addresses gets no answer.
    if sys.platform == "linux":
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=5)
