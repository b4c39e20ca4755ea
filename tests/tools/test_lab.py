"""JupyterLab starts as promised whatever settings a computer has, and opens a working copy of the lessons."""

import ast
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress

import nbformat
import pytest
from jupyter_client import BlockingKernelClient

from course_utils.course import LESSONS, ROOT, lesson_file
from tools.editions import student_notebook
from tools.mutants import copy_course
from tools.working_copy import update

# Files in a home folder; each line used to decide how, or whether, the lab started.
SERVER = """\
c.ServerApp.ip = '0.0.0.0'
c.ServerApp.preferred_dir = '/'
c.ServerApp.base_url = '/elsewhere'
c.ServerApp.kernel_spec_manager_class = 'missing.Specs'
c.ServerApp.contents_manager_class = 'missing.Contents'
c.ServerApp.certfile = '/missing.pem'
c.IdentityProvider.token = ''
"""
HOME = {
    ".jupyter/jupyter_server_config.py": SERVER,
    ".jupyter/jupyter_server_config.json": "{ not JSON",
    ".jupyter/jupyter_lab_config.py": "c.LabApp.default_url = '/tree'",
    ".jupyter/jupyter_server_config.d/other.json": '{"ServerApp": {"jpserver_extensions": {"missing": true}}}',
    ".local/share/jupyter/kernels/python3/kernel.json": '{"argv": ["missing"], "display_name": "", "language": "R"}',
    ".ipython/profile_default/startup/00.py": "print('personal'); answer = 'personal'",
    ".ipython/profile_default/ipython_config.py": "c.InteractiveShell.ast_node_interactivity = 'all'",
}
VARIABLES = {
    "JUPYTER_PREFER_ENV_PATH": "0",
    "JUPYTER_TOKEN": "known-to-all",
    "JUPYTER_PORT": "not a number",
    "JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS": "true",
    "JUPYTERLAB_SETTINGS_DIR": "/dev/null",
}


def start(home, folder, *arguments):
    """Start JupyterLab for a person with this home folder, and write its output to the file `log` there."""
    for name, content in HOME.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(content, encoding="utf-8")
    (home / "tmp").mkdir()
    own = {"HOME": str(home), "TMPDIR": str(home / "tmp"), "PYTHONPATH": str(ROOT)}
    code = "import sys; from pathlib import Path; from tools.lab import open_lab; "
    command = [sys.executable, "-c", f"{code} open_lab(sys.argv[1:], folder=Path.cwd())", "--no-browser", *arguments]
    with (home / "log").open("w", encoding="utf-8") as log:
        return subprocess.Popen(command, env={**os.environ, **VARIABLES, **own}, cwd=folder, stdout=log, stderr=log)


def ask(url, token, data=None):
    request = urllib.request.Request(url, data, {"Authorization": f"token {token}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_personal_jupyter_files_do_not_affect_the_lab(tmp_path):
    home, folder = tmp_path / "home", tmp_path / "Kurs Übung+#1"
    home.mkdir()
    (folder / ".jupyter").mkdir(parents=True)
    (folder / ".jupyter" / "jupyter_server_config.py").write_text(SERVER, encoding="utf-8")
    server = start(home, folder)
    try:
        url, token = wait_for_address(server, home / "log")
        assert ask(f"{url}api/contents", token)["content"] == []  # an empty folder, not the home folder
        with pytest.raises(urllib.error.HTTPError, match="403"):
            ask(f"{url}api/contents", "known-to-all")
        (written,) = (home / "tmp").glob("*/runtime/jpserver-*[0-9].json")
        info = json.loads(written.read_text(encoding="utf-8"))
        assert (info["hostname"], info["root_dir"], info["secure"]) == ("127.0.0.1", str(folder), False)
        settings = ask(f"{url}lab/api/settings/@jupyterlab/notebook-extension:tracker", token)
        assert settings["schema"]["properties"]["kernelShutdown"]["default"] is True
        kernel = ask(f"{url}api/kernels", token, b'{"name": "python3"}')["id"]
        (connection,) = (home / "tmp").glob(f"*/runtime/kernel-{kernel}.json")
        shell = "[__import__('sys').prefix, 'answer' in globals(), get_ipython().ast_node_interactivity]"
        assert evaluate(connection, shell) == [sys.prefix, False, "last_expr"]
        assert (home / "log").read_text(encoding="utf-8").count("\n") == 5  # two sentences, the address between them
    finally:
        server.terminate()
        assert server.wait(60) == 0
    assert not list((home / "tmp").iterdir())
    assert [path.name for path in folder.iterdir()] == [".jupyter"]


def wait_for_address(server, log):
    """Wait for the server to answer, and return the address and the token that it prints."""
    address = r" +(http://127\.0\.0\.1:\d+/)lab/tree/notebooks/00_start_here\.ipynb\?token=([0-9a-f]{48})\n"
    for _ in range(600):
        time.sleep(0.2)
        if server.poll() is not None:
            break
        if found := re.search(address, log.read_text(encoding="utf-8")):
            with suppress(urllib.error.URLError):
                assert ask(f"{found[1]}api/status", found[2])
                return found.groups()
    raise AssertionError(log.read_text(encoding="utf-8"))


def evaluate(connection, expression):
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels(iopub=False, stdin=False, hb=False, control=False)
    answer = client.execute("", reply=True, timeout=60, silent=True, user_expressions={"it": expression})
    client.stop_channels()
    return ast.literal_eval(answer["content"]["user_expressions"]["it"]["data"]["text/plain"])


@pytest.mark.parametrize(
    ("argument", "named"),
    [("--ip=0.0.0.0", "hostname '0.0.0.0', not '127.0.0.1'"), ("--config=mine.py", "secure True, not False")],
)
def test_a_lab_that_would_break_a_promise_is_refused(tmp_path, argument, named):
    (tmp_path / "mine.py").write_text("c.ServerApp.certfile = __file__\n", encoding="utf-8")
    assert start(tmp_path, tmp_path, argument).wait(120) == 1
    printed = (tmp_path / "log").read_text(encoding="utf-8")
    assert re.search(f"JupyterLab was not started: .*{re.escape(named)}.*{re.escape(argument)}", printed)


# --- the copy to work in ---------------------------------------------------------------------------------------------

FIRST = f"notebooks/{lesson_file('01')}"
BESIDE = FIRST.replace(".ipynb", "-new1.ipynb")


@pytest.fixture(scope="module")
def courses(tmp_path_factory):
    """Return two versions of the course, by number, that differ in lesson 01."""
    roots = {number: tmp_path_factory.mktemp("courses") / str(number) for number in (1, 2)}
    for number, root in roots.items():
        copy_course(root)
        lesson = nbformat.read(root / FIRST, as_version=4)
        lesson.cells[0].source += f"\n\nVersion {number}"
        nbformat.write(lesson, root / FIRST)
    return roots


def test_the_copy_is_what_students_get(courses, tmp_path):
    update(tmp_path, courses[1])
    for number in LESSONS:
        name = f"notebooks/{lesson_file(number)}"
        given, source = (nbformat.read(folder / name, as_version=4) for folder in (tmp_path, courses[1]))
        assert given == student_notebook(source)
    assert (tmp_path / "notebooks" / "pictures" / "prediction_grid.png").exists()
    ignored = subprocess.check_output(["git", "check-ignore", "my-course/x.ipynb", ".jupyter/x"], cwd=ROOT)
    assert len(ignored.splitlines()) == 2


@pytest.mark.parametrize(
    ("steps", "kept", "beside", "says"),
    [
        ("1 1", "Version 1", None, ""),
        ("1 2", "Version 2", None, ""),
        ("1 work 1", "work", None, ""),
        ("1 work 2", "work", "Version 2", "has changed since you began it. Your work is kept"),
        ("1 work 2 2", "work", "Version 2", ""),
        ("1 work 2 again 1", "Version 1", "Version 2", ""),
        ("1 again 1", "Version 1", None, ""),
        ("1 forget 1", "Version 1", None, ""),
        ("1 work forget 2", "work", "Version 2", BESIDE.rpartition("/")[2]),
        ("1 garble work 1", "work", "Version 1", BESIDE.rpartition("/")[2]),
    ],
)
def test_work_is_never_overwritten(courses, tmp_path, capsys, steps, kept, beside, says):
    lesson, record = tmp_path / FIRST, tmp_path / ".given.json"
    actions = {
        "work": lambda: lesson.write_text("work", encoding="utf-8"),
        "again": lesson.unlink,  # what students do to start over
        "forget": record.unlink,
        "garble": lambda: record.write_text("{", encoding="utf-8"),
    }
    for step in steps.split():
        capsys.readouterr()
        actions[step]() if step in actions else update(tmp_path, courses[int(step)])
    assert kept in lesson.read_text(encoding="utf-8")
    assert (tmp_path / BESIDE).exists() == bool(beside)
    assert not beside or beside in (tmp_path / BESIDE).read_text(encoding="utf-8")
    printed = capsys.readouterr().out
    assert says in printed
    assert bool(printed) == bool(says)
