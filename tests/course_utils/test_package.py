"""What a module may import, and what an import does: nothing to the process, nothing on the screen."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import course_utils

PACKAGE = Path(course_utils.__file__).parent
# Each may import those before it.
ORDER = "personal_settings course environment notices workspace safe_pickle readers download handwriting data"
ORDER += " parameters preprocessing softmax_regression tensorflow_autotune_stall model training checkpoint experiments"
ORDER += " evaluation photo my_digits plotting widgets exercises"


def run_python(code: str) -> str:
    """Return what is printed by a new Python that inherits none of the variables set by the course."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "KERAS_"))}
    options = {"env": environment, "capture_output": True, "text": True, "encoding": "utf-8", "check": True}
    done = subprocess.run([sys.executable, "-c", code], **options)
    return done.stdout + done.stderr


def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("module", ORDER.split())
def test_a_module_imports_only_modules_to_its_left(module):
    later = ORDER.split()[ORDER.split().index(module) + 1 :]
    forbidden = (*(f"course_utils.{name}." for name in [*later, "check_setup"]), "tools.", "tests.")
    for path in sorted((PACKAGE / module).glob("*.py")) or [PACKAGE / f"{module}.py"]:
        assert not [name for name in imported_modules(path) if f"{name}.".startswith(forbidden)]


def test_every_module_has_its_place_in_the_order():
    modules = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert modules == {*ORDER.split(), "check_setup", "__init__"}


def test_importing_the_package_loads_nothing_and_lessons_01_to_03_need_no_tensorflow():
    code = """
import os, sys
before = {*sys.modules}
finders = [*sys.meta_path]
import course_utils
print({name.partition(".")[0] for name in {*sys.modules} - before} - sys.stdlib_module_names, sys.meta_path == finders)
import course_utils.data, course_utils.exercises, course_utils.plotting, course_utils.preprocessing
from course_utils.widgets import explore_digits, explore_one_hot, explore_preprocessing
print({"tensorflow", "keras", "sklearn", "pooch", "requests"} & {*sys.modules})
"""
    assert run_python(code) == "{'course_utils'} True\nset()\n"


def test_importing_keras_and_predicting_with_many_networks_prints_nothing():
    code = """
import course_utils.model, keras, numpy
for _ in range(8):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).predict(numpy.zeros((40, 2)), verbose=0)
"""
    assert run_python(code) == ""
