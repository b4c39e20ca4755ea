"""A lesson runs in its own kernel, in an environment that is the same for everybody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_utils.course import ROOT
from tools.execution import LessonError, execute_notebook, kernel_environment


@pytest.mark.parametrize(
    ("source", "expressions", "message"),
    [
        ("import os; os._exit(1)", {}, r"06_train, cell 1 \(boom\): the kernel stopped"),
        ("1", {"accuracy": "accurracy"}, r"06_train: accuracy = accurracy gave NameError"),
    ],
)
def test_what_stops_a_lesson_is_named(tmp_path, source, expressions, message):
    notebook = new_notebook(cells=[new_code_cell(source, id="boom")])
    with pytest.raises(LessonError, match=message):
        execute_notebook(notebook, "06_train", workspace=tmp_path, expressions=expressions)


def test_kernels_work_in_another_folder_and_find_the_same_digits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_PATH", "data.npz")
    assert kernel_environment(tmp_path)["MNIST_PATH"] == str(tmp_path.resolve() / "data.npz")
    monkeypatch.delenv("MNIST_PATH")
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    (tmp_path / "own.npz").touch()
    assert kernel_environment(tmp_path / "other")["MNIST_PATH"] == str(tmp_path.resolve() / "own.npz")


CONFIG = """c = get_config()
c.InteractiveShell.ast_node_interactivity = "all"
c.InlineBackend.figure_formats = {"svg"}"""
PERSONAL_FILES = {
    ".ipython/profile_default/ipython_kernel_config.py": CONFIG,
    ".ipython/profile_default/startup/00-mine.py": "images = 'mine'",
    ".config/matplotlib/matplotlibrc": "axes.facecolor: red",
    ".keras/keras.json": '{"floatx": "float16", "backend": "torch"}',
    "startup.py": "labels = 'mine'",
}
PERSONAL_VARIABLES = {"TF_XLA_FLAGS": "--unknown", "KERAS_BACKEND": "torch", "MPLBACKEND": "svg", "PYTHONOPTIMIZE": "2"}
LOOK = """import os, matplotlib, IPython.core.application as ipython
ipython.ENV_CONFIG_DIRS + ipython.SYSTEM_CONFIG_DIRS
from pathlib import Path
1
globals().get("images"), globals().get("labels"), matplotlib.rcParams["axes.facecolor"], matplotlib.get_backend()
from matplotlib import pyplot
pyplot.figure();
{name for name in os.environ if name.startswith(("TF_", "XLA_", "KERAS_B", "PYTHONO", "MPLB"))}, __debug__
(Path(os.environ["KERAS_HOME"]) / "keras.json").exists()"""


def test_personal_settings_do_not_reach_a_lesson(tmp_path, monkeypatch):
    notebook = new_notebook(cells=[new_code_cell(line) for line in LOOK.splitlines()])
    outputs = []
    for home in ("clean", "personal"):
        for name, text in PERSONAL_FILES.items() if home == "personal" else ():
            (tmp_path / home / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / home / name).write_text(text, encoding="utf-8")
        monkeypatch.setenv("HOME", str(tmp_path / home))
        if home == "personal":
            monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / home / "startup.py"))
            for name, value in PERSONAL_VARIABLES.items():
                monkeypatch.setenv(name, value)
        executed = execute_notebook(notebook, "lesson", workspace=tmp_path).notebook
        outputs.append([sorted(output.get("data", {}).items()) for cell in executed.cells for output in cell.outputs])
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == 6
    assert outputs[0][0] == [("text/plain", "[]")], "what is set for all users of a computer is not read either"


@pytest.mark.parametrize("name", ["keras.py", "random.py", "numpy/__init__.py", "matplotlibrc"])
def test_a_file_that_shadows_a_library_is_named(name, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    for file in (name, "my_notes.py"):
        (tmp_path / file).touch()
    with pytest.raises(LessonError, match=rf"{name.partition('/')[0]} would be used instead"):
        execute_notebook(new_notebook(), "lesson", workspace=tmp_path, folder=tmp_path)


KEPT = "PIP_INDEX_URL PIP_CERT PIP_CACHE_DIR UV_DEFAULT_INDEX UV_NATIVE_TLS UV_CACHE_DIR HTTPS_PROXY SSL_CERT_FILE"
FOREIGN = "PIP_TARGET PIP_PREFIX PIP_CONSTRAINT UV_REQUIRE_HASHES UV_TARGET UV_PYTHON PYTEST_ADDOPTS JUPYTER_CONFIG_DIR"
FOREIGN += " PYTEST_DISABLE_PLUGIN_AUTOLOAD PYTHONSAFEPATH PYTHONWARNINGS XLA_FLAGS KERAS_BACKEND IPYTHONDIR NO_COLOR"
START = """import os; from tools import settings
settings.prepare_output(); settings.drop_personal(); settings.give_home(settings.Path(os.environ["NEW"]))
print(*sorted(set(os.environ) & set(os.environ["NAMES"].split()))); print("→", os.path.expanduser("~"))"""


def test_commands_pass_on_only_the_settings_that_people_need(tmp_path):
    names = f"{KEPT} {FOREIGN}"
    environment = {**os.environ, **dict.fromkeys(names.split(), "x"), "NAMES": names, "NEW": str(tmp_path / "home")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", "PYTHONWARNINGS": ""}
    environment |= dict.fromkeys(("HOME", "USERPROFILE"), str(Path(__file__, "in a file")))
    done = subprocess.run([sys.executable, "-c", START], env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [" ".join(sorted(KEPT.split())), f"? {tmp_path / 'home'}"]
    assert Path(tmp_path / "home").is_dir()
