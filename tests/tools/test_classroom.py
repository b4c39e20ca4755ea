"""A real JupyterHub serves the course, installed once and read-only, to three users of this machine."""

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from jupyter_client import BlockingKernelClient

from tools.mutants import copy_course

USERS = ("digitsone", "digitstwo", "digitsthree")
CONFIG = """
load_subconfig({config!r})
c.JupyterHub.bind_url, c.JupyterHub.hub_bind_url, c.ConfigurableHTTPProxy.api_url = {addresses}
c.Authenticator.allowed_users = set({users})
c.JupyterHub.services = [{{"name": "test", "api_token": "known-to-the-test"}}]
SCOPES = ["admin:users", "admin:servers", "tokens"]
c.JupyterHub.load_roles = [{{"name": "test", "services": ["test"], "scopes": SCOPES}}]
"""
ANSWER = """
import os
from course_utils.check_setup import check_folders
from course_utils.course import ROOT
from course_utils.data import load_dataset
from course_utils.exercises import lesson_02
right, given = lesson_02.count_white_pixels.example(load_dataset())
lesson_02.count_white_pixels.check(*({answer}), **given)
print(os.getuid(), check_folders()[0], os.access(ROOT, os.W_OK), *(os.access(path, os.R_OK) for path in {others}))
"""


@pytest.fixture
def hub(request):
    """Install the course for three new users and start a hub; return its folder and a function that calls its API."""
    if not request.config.getoption("long"):
        pytest.skip("half a minute, as root: --long runs it")
    pytest.importorskip("jupyterhub")
    if sys.platform != "linux" or not shutil.which("configurable-http-proxy") or os.geteuid():
        pytest.skip("needs Linux, root and configurable-http-proxy")
    if subprocess.run(["runuser", "-u", "nobody", "--", sys.executable, "-c", ""]).returncode:
        pytest.skip(f"not all users may start {sys.executable}")
    with TemporaryDirectory(prefix="digits-class-", ignore_cleanup_errors=True) as temporary, ExitStack() as stack:
        folder = Path(temporary)
        folder.chmod(0o755)
        copy_course(folder / "course")
        for user in USERS:
            subprocess.run(["useradd", "--create-home", "--home-dir", folder / user, user], check=True)
            stack.callback(subprocess.run, ["userdel", "--force", user], check=True)
        with ExitStack() as free:
            sockets = [free.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
            addresses = [f"http://127.0.0.1:{each.getsockname()[1]}" for each in sockets]
        config = str(folder / "course" / "tools" / "classroom" / "jupyterhub_config.py")
        (folder / "hub").mkdir(mode=0o700)
        text = CONFIG.format(config=config, addresses=addresses, users=USERS)
        (folder / "hub" / "jupyterhub_config.py").write_text(text, encoding="utf-8")
        environment = {"PYTHONPATH": str(folder / "course"), "COURSE_SHARE_PROGRESS": "1", "COURSE_OFFLINE": "1"}
        log = stack.enter_context((folder / "hub" / "log").open("w", encoding="utf-8"))
        command = [sys.executable, "-m", "jupyterhub"]
        process = subprocess.Popen(command, cwd=folder / "hub", env=os.environ | environment, stdout=log, stderr=log)
        stack.enter_context(process)
        stack.callback(process.terminate)

        def ask(path, data=None, token="known-to-the-test"):
            content = None if data is None else json.dumps(data).encode()
            request = urllib.request.Request(f"{addresses[0]}/{path}", content, {"Authorization": f"token {token}"})
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read() or b"null")

        while process.poll() is None and "is now running" not in Path(log.name).read_text(encoding="utf-8"):
            time.sleep(0.2)
        yield folder, ask


def files(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_uid) for path in folder.rglob("*")}


def test_students_have_their_own_copy_and_ticks_and_share_them_only_by_choice(hub):
    folder, ask = hub
    before = files(folder / "course")
    kept = {user: folder / user / "my-course" / "workspace" / "progress.json" for user in USERS}
    for user, answer, share in zip(USERS, ("right", "[7]", "right"), (True, True, False), strict=True):
        ask(f"hub/api/users/{user}/server", {"share": share})
        while not (ask(f"hub/api/users/{user}")["servers"].get("") or {}).get("ready"):
            time.sleep(0.2)
        token = ask(f"hub/api/users/{user}/tokens", {})["token"]
        lesson = ask(f"user/{user}/api/contents/notebooks/02_preprocess.ipynb", token=token)["content"]
        assert not any("solution" in cell["metadata"].get("tags", ()) for cell in lesson["cells"])
        kernel = ask(f"user/{user}/api/kernels", {"path": "notebooks/02_preprocess.ipynb"}, token)["id"]
        client = BlockingKernelClient()
        client.load_connection_file(str(next((folder / user).rglob(f"kernel-{kernel}.json"))))
        client.start_channels()
        others, said = [str(path) for path in kept.values() if path.exists()], []
        client.execute_interactive(ANSWER.format(answer=answer, others=others), output_hook=said.append, timeout=120)
        client.stop_channels()
        printed = "".join(message["content"].get("text", "") for message in said).splitlines()[-1:]
        assert printed == [f"{pwd.getpwnam(user).pw_uid} ok {' '.join(['False'] * (1 + len(others)))}"], said
    read = [json.loads(path.read_text(encoding="utf-8")) for path in kept.values()]
    assert ["02.1" in each for each in read] == [True, False, True]
    assert [[*each.get("mistakes", ["not shared"])] for each in read] == [[], ["02.1"], ["not shared"]]
    assert files(folder / "course") == before
