"""The environment is set up once, and pyproject.toml, the locks and environment.yml agree on its packages."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from course_utils.course import ROOT
from tools import bootstrap, interpreters
from tools.bootstrap import DEVELOPMENT_LOCK, LOCK
from tools.kit import IMPOSSIBLE, PLATFORMS, PYTHONS, pins_for
from tools.lock import COURSE_EXTRAS, lock_entries
from tools.mutants import copy_course

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENTRIES = {lock: lock_entries(ROOT / lock) for lock in (LOCK, DEVELOPMENT_LOCK)}
STDLIB_ONLY = ("tools/bootstrap.py", "tools/interpreters.py", "tools/settings.py")
SUPPORTED = [(system, python) for system in PLATFORMS for python in PYTHONS if (system, python) != IMPOSSIBLE]


# --- pyproject.toml, the locks and environment.yml agree -------------------------------------------------------------


@pytest.mark.parametrize("locks", [[LOCK], [LOCK, DEVELOPMENT_LOCK]], ids=len)
@pytest.mark.parametrize(("system", "python"), SUPPORTED)
def test_locks_satisfy_every_declared_dependency(system, python, locks):
    pinned = pins_for("".join(entry for lock in locks for entry in ENTRIES[lock]), system, python)
    versions = dict(pinned.keys())
    assert len(versions) == len(pinned), "a package is pinned twice"
    assert all(re.fullmatch(r"\S+==\S+ \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n)+", pin) for pin in pinned.values())
    environment = {**PLATFORMS[system]._asdict(), "python_version": python, "python_full_version": f"{python}.0"}
    extras = PROJECT["optional-dependencies"]
    names = extras if len(locks) == 2 else (option.removeprefix("--extra=") for option in COURSE_EXTRAS)
    declared = sum([extras[name] for name in names], PROJECT["dependencies"])
    for requirement in map(Requirement, declared):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            version = versions.get(canonicalize_name(requirement.name))
            assert version is not None, f"{requirement} is not locked: make lock"
            assert version in requirement.specifier, f"{requirement} against {version}: make lock"
    tensorflow = "tensorflow-cpu" if system == "linux-x86_64" else "tensorflow"
    assert {"tensorflow", "tensorflow-cpu"} & versions.keys() == {tensorflow}
    assert ("pywinpty" in versions) == (system == "windows-x86_64")


@pytest.mark.parametrize("lock", ENTRIES)
def test_no_lock_contains_an_address(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "".join(ENTRIES[lock]) == text
    assert not re.search(r"://|@ |--(?!hash=)|^-", text, re.MULTILINE)


def test_supported_pythons_are_the_same_everywhere():
    supported = SpecifierSet(PROJECT["requires-python"])
    assert tuple(f"3.{minor}" for minor in range(8, 20) if f"3.{minor}" in supported) == PYTHONS
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    assert tuple(workflow["jobs"]["test"]["strategy"]["matrix"]["python"]) == PYTHONS
    python, *others = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    assert Version(python.removeprefix("python=")) in supported
    assert others == ["pip", {"pip": ["--require-hashes", f"-r {LOCK}"]}]  # no second list of packages


# --- which Python ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "system", "other", "expected"),
    [
        ((3, 11), ("linux", "x86_64"), {}, ""),
        ((3, 13), ("darwin", "arm64"), {}, ""),
        ((3, 12), ("darwin", "x86_64"), {}, ""),
        ((3, 13), ("darwin", "x86_64"), {}, "Python 3.11 to 3.12"),
        ((3, 10), ("linux", "x86_64"), {}, "Python 3.11 to 3.13"),
        ((3, 14), ("linux", "x86_64"), {}, "Python 3.11 to 3.13"),
        ((3, 12), ("win32", "x86"), {"maxsize": 2**31 - 1}, "64-bit"),
        ((3, 13), ("linux", "x86_64"), {"version": "3.13.0 experimental free-threading build"}, "standard"),
    ],
)
def test_an_unsuitable_python_is_explained(monkeypatch, version, system, other, expected):
    fake = {"version_info": (*version, 0), "platform": system[0], "maxsize": 2**63 - 1, "version": "", **other}
    monkeypatch.setattr(interpreters, "sys", SimpleNamespace(**fake))
    monkeypatch.setattr(interpreters.platform, "machine", lambda: system[1])
    assert bool(interpreters.obstacle()) == bool(expected)
    assert expected in interpreters.obstacle()


def test_modules_that_a_python_lacks_are_named(monkeypatch):
    monkeypatch.setattr(interpreters.importlib.util, "find_spec", lambda name: name if name != "_ctypes" else None)
    assert (
        interpreters.obstacle() == "it was built without ctypes; install another one, such as the one from python.org"
    )


def test_missing_and_unsuitable_pythons_are_skipped(tmp_path, monkeypatch):
    if os.name == "nt":
        pytest.skip("shell scripts stand in for Pythons")
    # On some computers another program prints whenever Python starts.
    (tmp_path / "sitecustomize.py").write_text("print('welcome', end='')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    unsuitable = f'#!/bin/sh\nexec "{sys.executable}" -c "print(\'\\nobstacle: it is too small\')"\n'
    good = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
    for name, text in {"python3.12": "#!/bin/sh\nexit 127\n", "python3.13": unsuitable, "python3.11": good}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "_base_executable", str(tmp_path / "missing"))
    assert interpreters.find_python() == ["python3.11"]
    (tmp_path / "python3.11").unlink()
    with pytest.raises(SystemExit, match=r"python3\.13: it is too small\nInstall Python 3\.12"):
        interpreters.find_python()


@pytest.mark.parametrize("file", [*STDLIB_ONLY, "tools/__main__.py", "tools/student/__main__.py"])
def test_an_old_python_can_read_the_files_that_it_needs(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"), feature_version=(3, 8))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert file not in STDLIB_ONLY or {module.partition(".")[0] for module in modules} <= sys.stdlib_module_names | {
        "tools"
    }


# --- when to set up --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """Return a Python without any package."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder / bootstrap.VENV_PYTHON.relative_to(bootstrap.VENV)


@pytest.fixture
def course(tmp_path):
    """Return a copy of the course, with no environment."""
    copy = copy_course(tmp_path / "Kurs Übung+#1")
    shutil.copy(ROOT / DEVELOPMENT_LOCK, copy)
    return copy


@pytest.fixture
def course_with_venv(course):
    """Return the same with a complete `.venv`, in which packages only record how they are called."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", course / ".venv"], check=True)
    shutil.copy(course / LOCK, course / ".venv" / LOCK)
    site, calls = next((course / ".venv").rglob("site-packages")), str(course / "calls")
    for name, text in {
        "uv/__main__.py": f"import os, sys\nopen({calls!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        "print(os.environ.get('HOLDS', 'Would make no changes'))",
        "matplotlib/__init__.py": "",
        "matplotlib/font_manager.py": "def _load_fontmanager(try_read_cache):\n    assert not try_read_cache",
        "pytest.py": "def main(arguments):\n    print('tested', *arguments)\n    return 0",
    }.items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(text, encoding="utf-8")
    return course


def venv_python(course):
    return course / bootstrap.VENV_PYTHON.relative_to(ROOT)


def start(course, python, *arguments, **variables):
    """Run a command that can download nothing."""
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull, **variables}
    command = [python, "-m", "tools", *arguments]
    return subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, timeout=300)


def ask(course, python, expression):
    code = f"from tools import bootstrap; globals().update(vars(bootstrap)); print({expression})"
    return subprocess.check_output([python, "-c", code], cwd=course, text=True).strip()


def test_a_command_continues_in_the_existing_environment(course_with_venv, bare_python):
    for python in (bare_python, venv_python(course_with_venv)):
        done = start(course_with_venv, python, "setup")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 1
        assert str(course_with_venv / ".venv") in done.stdout
    calls = (course_with_venv / "calls").read_text(encoding="utf-8").splitlines()
    assert all("--dry-run" in call for call in calls), "it looks, and installs nothing"


def change_version(file):
    file.write_text(file.read_text(encoding="utf-8").replace("version = 3.", "version = 3.99"), encoding="utf-8")


CHANGES = {
    "the lock has changed": lambda course: (course / LOCK).write_bytes(
        b"another==1.0\n" + (course / LOCK).read_bytes()
    ),
    "it was not finished": lambda course: (course / ".venv" / LOCK).unlink(),
    "it was moved": lambda course: course.rename(course.parent / "moved"),
    "its Python has changed": lambda course: change_version(course / ".venv" / "pyvenv.cfg"),
}


@pytest.mark.parametrize("is_repair", [True, False], ids=["packages were changed", "the lock has changed"])
def test_setup_updates_an_environment_instead_of_making_a_new_one(course_with_venv, bare_python, is_repair):
    if not is_repair:
        CHANGES["the lock has changed"](course_with_venv)
    done = start(course_with_venv, bare_python, "setup", **({"HOLDS": "Would install 1 package"} if is_repair else {}))
    assert (done.returncode, done.stderr) == (0, "")
    assert "- install packages" in done.stdout
    assert "create .venv" not in done.stdout
    assert (course_with_venv / LOCK).read_bytes() == (course_with_venv / ".venv" / LOCK).read_bytes()
    python = [venv_python(course_with_venv), "-c", "import course_utils; print(course_utils.__file__)"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    file = subprocess.check_output(python, cwd=course_with_venv.parent, env=environment, text=True)
    assert file.startswith(str(course_with_venv)), "it is linked"


def test_the_packages_that_tests_need_are_added_once(course_with_venv, bare_python):
    first, second = (
        start(course_with_venv, bare_python, "test", "-k", "data", COURSE_WHEELS="/kit #1") for _ in range(2)
    )
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout.splitlines()[-1:] == second.stdout.splitlines() == ["tested -k data"]
    [install] = map(str.strip, (course_with_venv / "calls").read_text(encoding="utf-8").splitlines())
    assert "--require-hashes" in install
    kit = Path("/kit #1").absolute().as_uri()
    assert install.endswith(f"--no-index --find-links {kit} -r {LOCK} -r {DEVELOPMENT_LOCK}")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_incomplete_or_outdated_environment_is_not_used(course_with_venv, change):
    course = course_with_venv
    assert ask(course, venv_python(course), "_venv_has([LOCK]), _venv_has([LOCK, DEVELOPMENT_LOCK])") == "True False"
    change(course)
    course = next(path for path in (course, course.parent / "moved") if path.exists())
    assert ask(course, venv_python(course), "_venv_has([LOCK])") == "False"


def test_a_failed_setup_says_why_and_is_not_used(course_with_venv, bare_python):
    venv_python(course_with_venv).unlink()
    done = start(course_with_venv, bare_python, "check-setup")
    assert (done.returncode, venv_python(course_with_venv).exists()) == (1, False), "it sets nothing up"
    assert "python -m tools setup" in done.stdout
    done = start(course_with_venv, bare_python, "run")
    assert done.returncode == 1
    assert re.search(r"Setup failed: could not install packages with pip.*; see above\. Fix this", done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert ask(course_with_venv, bare_python, "VENV_PYTHON.exists(), _venv_has([LOCK])") == "True False"


PIP_CONF = """[global]
prefix = /x
target = /x
constraint = /x
index-url = https://a.example/
[install]
user = true
index-url = https://b.example/'
"""


def test_only_the_network_settings_in_pips_files_are_kept(tmp_path, monkeypatch):
    (tmp_path / "pip.conf").write_text(PIP_CONF, encoding="utf-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    left = "[f'{name}={os.environ[name]}' for name in sorted(os.environ) if name.startswith('PIP_')]"
    found = ask(ROOT, sys.executable, f"_use_files_of_pip(sys.executable), {left}")
    assert f"PIP_CONFIG_FILE={os.devnull}" in found
    assert "PIP_INDEX_URL=https://b.example/'" in found
    assert not re.search("PREFIX|TARGET|CONSTRAINT|USER", found)


def test_without_write_permission_you_are_sent_to_the_owner(monkeypatch):
    monkeypatch.setattr(bootstrap, "_holds", lambda *_: False)
    monkeypatch.setattr(bootstrap, "_venv_has", lambda *_: False)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    monkeypatch.setattr(bootstrap, "give_home", lambda _: None)
    with pytest.raises(SystemExit, match=r"You cannot write to .*Ask its owner to set up the course"):
        bootstrap.ensure_environment(["lab"])


def test_any_environment_with_the_locked_versions_is_used(course):
    done = start(course, sys.executable, "setup")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr
    assert sys.prefix in done.stdout
    assert not (course / ".venv").exists()
    kernel_path = ask(course, sys.executable, "ensure_environment([]), os.environ['PYTHONPATH'].split(os.pathsep)[0]")
    assert str(course) in kernel_path
    text = (course / LOCK).read_text(encoding="utf-8")
    (course / LOCK).write_text(re.sub(r"^tqdm==", "tqdm==9", text, flags=re.MULTILINE), encoding="utf-8")
    assert ask(course, sys.executable, "_holds('-r', LOCK)") == "False"
