"""Contracts of course_utils as a whole: what may import what, and how quiet an import is."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import course_utils

PACKAGE = Path(course_utils.__file__).parent
# In the order that data takes; each may import those before it.
ROOMS = ["workspace", "safe_pickle", "reading", "downloading", "data", "handwriting", "my_digits", "preprocessing"]
ROOMS += ["model", "resuming", "training", "experiments", "evaluation", "plotting", "widgets"]


def run_python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)


def course_imports(path: Path) -> set[str]:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        imported |= {name.split(".")[1] for name in names if name.startswith("course_utils.")}
    return imported


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_before_its_own(room):
    later = {*ROOMS[ROOMS.index(room) + 1 :], "authoring", "doctor"}
    modules = sorted((PACKAGE / room).glob("*.py")) or [PACKAGE / f"{room}.py"]
    assert not set.union(*map(course_imports, modules)) & later


def test_plotting_never_loads_anything():
    assert not course_imports(PACKAGE / "plotting.py") & {"workspace", "reading", "downloading", "data", "training"}


@pytest.mark.parametrize("room", ["data", "preprocessing", "plotting", "widgets"])
def test_what_lessons_01_and_02_import_needs_no_tensorflow(room):
    code = f"import sys, course_utils.{room}; print(sorted({{'tensorflow', 'keras', 'sklearn'}} & set(sys.modules)))"
    assert run_python(code).stdout.strip() == "[]"


def test_importing_tensorflow_after_the_course_prints_nothing():
    result = run_python("import course_utils, keras; keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])")
    assert result.stdout + result.stderr == ""


def test_asking_many_networks_in_a_row_prints_nothing():
    code = """
import course_utils, keras, numpy
for _ in range(8):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).predict(numpy.zeros((40, 2)), verbose=0)
"""
    result = run_python(code)
    assert result.stdout + result.stderr == ""


def test_keras_comes_without_scikit_learn_which_can_still_be_imported():
    code = """
import sys, course_utils, keras
print("sklearn" in sys.modules)
import sklearn.datasets
"""
    assert run_python(code).stdout.strip() == "False"


def test_keras_wrappers_are_there_for_who_imports_scikit_learn_first():
    code = "import course_utils, sklearn.base, keras; print(keras.wrappers.SKLearnClassifier.__bases__[0].__module__)"
    assert run_python(code).stdout.strip() == "sklearn.base"


def test_keras_feeds_arrays_through_a_pipeline_that_nothing_tunes():
    code = """
import course_utils, keras, numpy
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
dataset = ArrayDataAdapter(numpy.zeros((4, 2)), batch_size=2).get_tf_dataset()
print(dataset.options().autotune.enabled, len(list(dataset)))
"""
    assert run_python(code).stdout.split() == ["False", "2"]


def test_what_tensorflow_says_is_handed_on_when_its_import_fails(tmp_path):
    (tmp_path / "tensorflow.py").write_text("import os\nos.write(2, b'the reason')\nraise ImportError('no such CPU')\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import course_utils, tensorflow"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert result.returncode == 1
    assert "the reason" in result.stderr
    assert "no such CPU" in result.stderr
