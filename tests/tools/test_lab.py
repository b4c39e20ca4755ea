"""The real JupyterLab, on a computer where others have left their settings; and the copy of the lessons it opens."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from jupyter_client import BlockingKernelClient

from course_utils.course import LESSONS, NOTEBOOKS, ROOT, lesson_file
from tools.editions import STUDENT_LIST, student_notebook
from tools.working_copy import update

# What stands in somebody's home, by the name of the file; each alone once decided how, or whether, the lab started.
SERVER = """\
c.ServerApp.ip = '0.0.0.0'
c.ServerApp.preferred_dir = '/'
c.ServerApp.root_dir = '/'
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


class Lab:
    """A JupyterLab that `code` starts for a person with this home."""

    def __init__(self, home, code, folder):
        self.home, self.folder = home, folder
        for name, content in HOME.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(content, encoding="utf-8")
        (home / "tmp").mkdir()
        environment = {
            **os.environ,
            **VARIABLES,
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            "PYTHONPATH": str(ROOT),
        }
        self.log = home / "log"
        with self.log.open("w", encoding="utf-8") as log:
            command = [sys.executable, "-c", f"from pathlib import Path\nfrom tools.lab import open_lab\n{code}"]
            self.process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)

    def wait(self):
        """Return the address that is printed, when the server there answers."""
        deadline = time.monotonic() + 120
        while self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
            if found := re.search(r"^ +(http\S+)$", self.log.read_text(encoding="utf-8"), re.MULTILINE):
                self.address = found[1]
                try:
                    return self.ask("api/status") and self
                except OSError:
                    continue
        raise AssertionError(self.log.read_text(encoding="utf-8"))

    def ask(self, resource, **content):
        url, token = self.address.split("lab/tree")[0] + resource, self.address.partition("token=")[2]
        headers = {"Authorization": f"token {token}"} if token else {}
        data = json.dumps(content).encode() if content else None
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other") / "Kurs Übung+#1"
    (folder / "notebooks").mkdir(parents=True)
    shutil.copy(NOTEBOOKS / lesson_file("00"), folder / "notebooks")
    lab = Lab(tmp_path_factory.mktemp("home"), "open_lab(['--no-browser'], folder=Path.cwd())", folder)
    yield lab.wait()
    if lab.process.poll() is None:
        lab.stop()


def test_nothing_of_a_persons_jupyter_decides_how_the_lab_starts(lab):
    url = urlsplit(lab.address)
    assert (url.scheme, url.hostname) == ("http", "127.0.0.1")
    assert unquote(url.path) == f"/lab/tree/notebooks/{lesson_file('00')}"
    assert re.fullmatch("token=[0-9a-f]{48}", url.query)
    assert [one["name"] for one in lab.ask("api/contents")["content"]] == ["notebooks"]
    (file,) = (lab.home / "tmp").glob("*/runtime/jpserver-*[0-9].json")
    info = json.loads(file.read_text(encoding="utf-8"))
    assert (info["hostname"], info["root_dir"], info["secure"]) == ("127.0.0.1", str(lab.folder), False)
    settings = lab.ask("lab/api/settings/@jupyterlab/notebook-extension:tracker")
    assert settings["schema"]["properties"]["kernelShutdown"]["default"] is True  # the course's own


def test_without_the_token_there_is_no_answer(lab):
    stranger = Lab.__new__(Lab)
    stranger.address = lab.address.partition("?")[0]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        stranger.ask("api/contents")


def test_a_kernel_is_this_python_without_personal_start_up_files_and_says_nothing_in_the_terminal(lab):
    kernel = lab.ask("api/kernels", name="python3")
    (connection,) = (lab.home / "tmp").glob(f"*/runtime/kernel-{kernel['id']}.json")
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels(iopub=False, stdin=False, hb=False, control=False)
    shell = "[__import__('sys').prefix, 'answer' in globals(), get_ipython().ast_node_interactivity]"
    answer = client.execute("", reply=True, timeout=60, silent=True, user_expressions={"shell": shell})
    client.stop_channels()
    found = answer["content"]["user_expressions"]["shell"]["data"]["text/plain"]
    assert ast.literal_eval(found) == [sys.prefix, False, "last_expr"]
    assert lab.log.read_text(encoding="utf-8").count("\n") == 5  # two sentences, and the address between them


def test_it_leaves_only_what_was_changed_in_it(lab):
    assert lab.stop() == 0
    assert not list((lab.home / "tmp").iterdir())
    assert {path.name for path in lab.folder.iterdir()} == {"notebooks", ".jupyter"}


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("--ip=0.0.0.0", "hostname '0.0.0.0', not '127.0.0.1'"),
        ("--IdentityProvider.token=", "token '', not"),
        ("--config={folder}/mine.py", "mine.py"),
    ],
)
def test_what_would_start_otherwise_than_promised_is_refused_by_name(tmp_path, argument, named):
    (tmp_path / "mine.py").write_text("c.ServerApp.certfile = __file__\n", encoding="utf-8")
    argument = argument.format(folder=tmp_path)
    lab = Lab(tmp_path, f"open_lab(['--no-browser', {argument!r}], folder=Path.cwd())", tmp_path)
    assert lab.process.wait(120) == 1
    printed = lab.log.read_text(encoding="utf-8")
    assert "JupyterLab was not started" in printed
    assert named in printed
    assert argument in printed


# --- the copy to work in ---------------------------------------------------------------------------------------------

FIRST = f"notebooks/{lesson_file('01')}"
BESIDE = FIRST.replace(".ipynb", "-new1.ipynb")


@pytest.fixture(scope="module")
def courses(tmp_path_factory):
    """Return two versions of the course, of which the second has another lesson 01, by its number."""
    roots = {number: tmp_path_factory.mktemp(f"course{number}") for number in (1, 2)}
    for number, root in roots.items():
        shutil.copytree(NOTEBOOKS, root / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        (root / STUDENT_LIST).parent.mkdir(parents=True)
        shutil.copy(ROOT / STUDENT_LIST, root / STUDENT_LIST)
        lesson = nbformat.read(root / FIRST, as_version=4)
        lesson.cells[0].source += f"\n\nVersion {number}"
        nbformat.write(lesson, root / FIRST)
    return roots


def test_the_copy_is_what_students_get(courses, tmp_path):
    update(tmp_path, courses[1])
    assert {path.name for path in (tmp_path / "notebooks").glob("*.ipynb")} == set(map(lesson_file, LESSONS))
    for number in LESSONS:
        given, source = (
            nbformat.read(folder / "notebooks" / lesson_file(number), as_version=4) for folder in (tmp_path, courses[1])
        )
        assert given == student_notebook(source)
    assert (tmp_path / "notebooks" / "pictures" / "prediction_grid.png").exists()
    ignored = subprocess.run(["git", "check-ignore", "my-course/notebooks/x.ipynb", ".jupyter/x"], cwd=ROOT)
    assert ignored.returncode == 0


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
        "again": lesson.unlink,  # what a student does who wants to start over
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
