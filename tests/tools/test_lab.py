"""JupyterLab opens on a notebook for this person on this machine alone, whatever their configuration says."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from threading import Timer

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
    code = "from pathlib import Path; from tools.lab import open_lab; "
    code += f"open_lab(['--no-browser', '--port=0'], folder=Path({str(tmp_path)!r}), notebook='lesson.ipynb')"
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")} | folders
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        give_up = Timer(300, server.kill)
        give_up.start()
        try:
            printed = ""
            while not (found := re.search(r"http://\S+token=[0-9a-f]{32,}", printed)):
                line = server.stdout.readline()
                assert line, f"JupyterLab ended without an address:\n{printed}"
                printed += line
            wait_until_it_answers(server, int(re.search(r":(\d+)/", found.group()).group(1)))
            yield found.group()
        finally:
            give_up.cancel()
            server.send_signal(signal.SIGTERM)
            server.stdout.read()


def wait_until_it_answers(server, port):
    """Wait: the address is printed a moment before the server listens."""
    while server.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=60).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
    pytest.fail("JupyterLab ended")


def fetch(address):
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.geturl(), answer.read().decode("utf-8")


def test_only_this_machine_and_only_with_the_token(address):
    server, port = re.match(r"(http://127\.0\.0\.1:(\d+))/", address).groups()
    token = address.split("?")[1]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(f"{server}/api/contents")
    assert "/login" in fetch(f"{server}/lab")[0]
    assert "lesson.ipynb" in fetch(f"{server}/api/contents?{token}")[1]
    settings = fetch(f"{server}/lab/api/settings/@jupyterlab/apputils-extension:notification?{token}")[1]
    defaults = {name: value["default"] for name, value in json.loads(settings)["schema"]["properties"].items()}
    assert (defaults["fetchNews"], defaults["checkForUpdates"]) == ("false", False)
    # Nothing else listens: another of this machine's own addresses gets no answer.
    if sys.platform == "linux":
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", int(port)), timeout=60)
