"""The commands start anywhere, and what they set up is what pyproject.toml, the locks and environment.yml agree on."""

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import uv
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools.bootstrap import Interpreter, list_fonts, lock_entry, probe_python

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# What everyone has, and what tests need besides.
LOCK, DEVELOPMENT = (ROOT / name for name in ("requirements.lock", "requirements-dev.lock"))
LOCKS = [LOCK.read_text(encoding="utf-8"), DEVELOPMENT.read_text(encoding="utf-8")]
COMMANDS = [
    "setup",
    "run",
    "lab",
    "pad",
    "doctor",
    "test",
    "test-browser",
    "student",
    "kit",
    "instructor",
    "record",
    "check",
    "measure",
    "mutants",
    "seeds",
    "bench",
    "lock",
]

MACHINES = {
    "Linux x86-64": ("linux", "Linux", "x86_64", "posix"),
    "Linux ARM": ("linux", "Linux", "aarch64", "posix"),
    "Apple silicon": ("darwin", "Darwin", "arm64", "posix"),
    "Intel Mac": ("darwin", "Darwin", "x86_64", "posix"),
    "Windows": ("win32", "Windows", "AMD64", "nt"),
}
SUPPORTED = [
    (machine, python)
    for machine in MACHINES
    for python in ("3.11", "3.12", "3.13")
    if (machine, python) != ("Intel Mac", "3.13")  # TensorFlow has no build for it
]


def markers(machine: str, python: str) -> dict[str, str]:
    platform, system, processor, os_name = MACHINES[machine]
    return {
        "sys_platform": platform,
        "platform_system": system,
        "platform_machine": processor,
        "os_name": os_name,
        "python_version": python,
        "python_full_version": f"{python}.5",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }


def applies(requirement: Requirement, environment: dict[str, str], extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({**environment, "extra": extra})


def declared(*, development: bool = True) -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    lines = sum(extras.values() if development else [extras["setup"]], PROJECT["dependencies"])
    return [Requirement(line) for line in lines]


def pins(*locks: str) -> list[Requirement]:
    lines = [line.rstrip(" \\") for lock in locks for line in lock.splitlines()]
    return [Requirement(line) for line in lines if "==" in line and line[:1].isalnum()]


def locked(environment: dict[str, str], *locks: str) -> dict[str, str]:
    """Name and version of everything that locks install on a machine; a package pinned twice there is an error."""
    versions: dict[str, str] = {}
    for pin in pins(*(locks or LOCKS)):
        if applies(pin, environment):
            assert pin.name not in versions, f"{pin.name} is pinned twice for {environment}"
            versions[pin.name] = next(iter(pin.specifier)).version
    return versions


# --- pyproject.toml, the lock and environment.yml agree --------------------------------------------------------------


@pytest.mark.parametrize("development", [False, True])
@pytest.mark.parametrize(("machine", "python"), SUPPORTED)
def test_locks_satisfy_every_declared_dependency(machine, python, development):
    environment = markers(machine, python)
    versions = locked(environment, *(LOCKS if development else LOCKS[:1]))
    for requirement in declared(development=development):
        if applies(requirement, environment):
            name = canonicalize_name(requirement.name)
            assert name in versions, f"{requirement} is not in the lock for {machine}: make lock"
            assert requirement.specifier.contains(versions[name]), f"{requirement} against {versions[name]}: make lock"


@pytest.mark.parametrize(("machine", "python"), SUPPORTED)
def test_every_machine_gets_exactly_one_tensorflow(machine, python):
    builds = {"tensorflow", "tensorflow-cpu"} & locked(markers(machine, python)).keys()
    assert builds == {"tensorflow-cpu" if machine == "Linux x86-64" else "tensorflow"}


@pytest.mark.parametrize("development", [False, True])
def test_locks_hold_what_the_declared_dependencies_need_and_nothing_else(development):
    # Only for this machine: what packages need is known of the installed ones.
    versions = locked({}, *(LOCKS if development else LOCKS[:1]))
    direct = declared(development=development)
    needed, waiting = set(), [requirement for requirement in direct if applies(requirement, {})]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ["", *requirement.extras]:
            if (name, extra) not in needed:
                needed.add((name, extra))
                further = map(Requirement, metadata.requires(name) or [])
                waiting += [one for one in further if applies(one, {}, extra) and (not extra or not applies(one, {}))]
    assert {name for name, _ in needed} == versions.keys()


def test_installed_versions_are_the_locked_ones():
    assert {name: metadata.version(name) for name in locked({})} == locked({})


def test_every_pin_has_hashes():
    entries = re.split(r"\n(?=\S)", "".join(LOCKS).strip())
    assert len(entries) == len(pins(*LOCKS)) > 100
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


def test_locks_name_no_address_and_no_index():
    assert not re.search(r"://|@ |--(?!hash=)|^-", "".join(LOCKS), re.MULTILINE)


def test_lock_entry_is_complete_and_only_that():
    first, *others = lock_entry("uv").splitlines()
    assert first.startswith("uv==")
    assert all(line.startswith("    --hash=sha256:") for line in others)
    before, after = LOCKS[0].split(lock_entry("uv"))
    assert before.endswith("\n")
    assert re.match(r"[a-z0-9]+[a-z0-9-]*==|$", after)


def test_conda_environment_installs_the_lock_with_a_supported_python():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python = next(line for line in environment["dependencies"] if str(line).startswith("python"))
    assert Version(python.split("=")[1]) in SpecifierSet(PROJECT["requires-python"])
    assert environment["name"] == PROJECT["name"]
    by_pip = [line["pip"] for line in environment["dependencies"] if isinstance(line, dict)]
    # Any package named here as well would be a second declaration.
    assert by_pip == [["--require-hashes", "-r requirements.lock"]]
    assert [line for line in environment["dependencies"] if isinstance(line, str)] == [python, "pip"]


def test_supported_pythons_are_the_declared_ones():
    supported = {python for _, python in SUPPORTED}
    assert {
        f"3.{minor}" for minor in range(8, 20) if f"3.{minor}" in SpecifierSet(PROJECT["requires-python"])
    } == supported
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    assert set(matrix["python"]) == supported


# --- which Python, and when to set up --------------------------------------------------------------------------------


def interpreter(version, platform="linux", machine="x86_64", has_pip=True, is_standard=True):
    return Interpreter("/usr/bin/python3", version, platform, machine, has_pip, is_standard)


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (interpreter((3, 11, 0)), None),
        (interpreter((3, 13, 9), "darwin", "arm64"), None),
        (interpreter((3, 12, 0), "darwin", "x86_64"), None),
        (interpreter((3, 13, 0), "darwin", "x86_64"), "Python 3.12"),
        (interpreter((3, 10, 13)), "3.11, 3.12 or 3.13"),
        (interpreter((3, 14, 0)), "3.11, 3.12 or 3.13"),
        (interpreter((3, 12, 0), has_pip=False), "apt install python3.12-venv"),
        (interpreter((3, 12, 0), is_standard=False), "64-bit CPython"),
    ],
)
def test_an_unsuitable_python_is_told_apart_in_words(candidate, said):
    assert (candidate.obstacle is None) if said is None else (said in candidate.obstacle)


def test_probe_tells_of_this_python():
    found = probe_python([sys.executable])
    assert (found.version, found.platform, found.obstacle) == (sys.version_info[:3], sys.platform, None)


def test_probe_passes_over_what_does_not_start(tmp_path):
    shim = tmp_path / "python3"
    shim.write_text("#!/bin/sh\necho 'version not installed' >&2\nexit 127\n", encoding="utf-8")
    shim.chmod(0o755)
    assert probe_python([str(shim)]) is None
    assert probe_python([str(tmp_path / "nothing")]) is None


@pytest.fixture
def course(tmp_path):
    """Return a copy of what the commands need before anything is set up."""
    copy = tmp_path / "course"
    shutil.copytree(
        ROOT / "course_utils", copy / "course_utils", ignore=shutil.ignore_patterns("__pycache__", "reference")
    )
    for name in ("pyproject.toml", LOCK.name, DEVELOPMENT.name):
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture
def course_with_venv(course):
    """Return the same with a `.venv` that counts as set up, though nothing is installed in it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", course / ".venv"], check=True)
    ask(course, f"write_stamp({sys.version_info[:2]})")
    return course


def start(course, *arguments, python=sys.executable):
    """Start `python -m course_utils`; no packages of this interpreter (-S), and no way to download others."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    command = [str(python), "-S", "-m", "course_utils", *arguments]
    return subprocess.run(
        command, cwd=course, env={**os.environ, **offline}, capture_output=True, text=True, timeout=300
    )


def ask(course, expression, python=sys.executable):
    code = f"from tools.bootstrap import *; print({expression})"
    answer = subprocess.run([str(python), "-c", code], cwd=course, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def venv_python(course):
    return course / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@pytest.mark.parametrize("python", ["any other", "that of .venv"])
def test_a_command_goes_on_in_the_environment_that_is_set_up(course_with_venv, python):
    venv = venv_python(course_with_venv)
    done = start(course_with_venv, "setup", python=sys.executable if python == "any other" else venv)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert str(course_with_venv / ".venv") in done.stdout


def test_a_finished_setup_counts_for_the_layers_that_it_has(course_with_venv):
    both = "(LOCK, DEVELOPMENT_LOCK)"
    assert ask(course_with_venv, f"venv_is_ready(), venv_is_ready({both})") == "True False"
    ask(course_with_venv, f"write_stamp({sys.version_info[:2]}, {both})")
    assert ask(course_with_venv, f"venv_is_ready(), venv_is_ready({both})") == "True True"


@pytest.mark.parametrize(("changed", "ready"), [(LOCK, "False False"), (DEVELOPMENT, "True False")])
def test_a_setup_from_another_lock_does_not_count(course_with_venv, changed, ready):
    both = "(LOCK, DEVELOPMENT_LOCK)"
    ask(course_with_venv, f"write_stamp({sys.version_info[:2]}, {both})")
    with (course_with_venv / changed.name).open("a") as lock:
        lock.write("another==1.0\n")
    assert ask(course_with_venv, f"venv_is_ready(), venv_is_ready({both})") == ready


def test_a_list_of_fonts_that_lacks_matplotlibs_own_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    power_of_ten = "from matplotlib.figure import Figure; Figure().text(0, 0, '$10^3$').get_window_extent()"

    def complaints():
        return subprocess.run([sys.executable, "-c", power_of_ten], capture_output=True, text=True).stderr

    list_fonts(Path(sys.executable))
    (listed,) = tmp_path.glob("fontlist-*.json")
    fonts = json.loads(listed.read_text(encoding="utf-8"))
    fonts["ttflist"] = [font for font in fonts["ttflist"] if font["name"] == "DejaVu Sans"]
    listed.write_text(json.dumps(fonts), encoding="utf-8")
    assert "STIXGeneral" in complaints()
    list_fonts(Path(sys.executable))
    assert complaints() == ""


@pytest.fixture
def wheels(tmp_path):
    """Return a folder with one wheel: a package that is called pytest, to be found without a network."""
    files = {
        "pytest.py": "def main(arguments):\n    print('tested', *arguments)\n    return 0\n",
        "pytest-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: pytest\nVersion: 1.0\n",
        "pytest-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files["pytest-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in [*files, "pytest-1.0.dist-info/RECORD"])
    (tmp_path / "wheels").mkdir()
    with zipfile.ZipFile(tmp_path / "wheels" / "pytest-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return tmp_path / "wheels"


def test_what_tests_need_is_added_when_a_command_first_asks_for_it(course_with_venv, wheels, monkeypatch):
    digest = hashlib.sha256(next(wheels.iterdir()).read_bytes()).hexdigest()
    (course_with_venv / LOCK.name).write_text("", encoding="utf-8")
    (course_with_venv / DEVELOPMENT.name).write_text(f"pytest==1.0 --hash=sha256:{digest}\n", encoding="utf-8")
    ask(course_with_venv, f"write_stamp({sys.version_info[:2]})")
    # Where the installer is in an environment that was really set up.
    program = Path(uv.find_uv_bin())
    shutil.copy(program, venv_python(course_with_venv).with_name(program.name))
    purelib = subprocess.check_output(
        [venv_python(course_with_venv), "-c", "import sysconfig; print(sysconfig.get_path('purelib'), end='')"],
        text=True,
    )
    shutil.copytree(Path(uv.__file__).parent, Path(purelib) / "uv")
    monkeypatch.setenv("COURSE_WHEELS", str(wheels))

    assert "Adding" not in start(course_with_venv, "setup").stdout
    first, second = (start(course_with_venv, "test", "-k", "data") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout.splitlines()[0].startswith("Adding what tests need, from requirements-dev.lock.")
    assert first.stdout.splitlines()[-1:] == second.stdout.splitlines() == ["tested -k data"]
    assert ask(course_with_venv, "venv_is_ready()") == "True"


def test_what_tests_need_cannot_be_had(course_with_venv):
    done = start(course_with_venv, "test")
    assert done.returncode == 1
    assert "needs the network" in done.stderr
    assert ask(course_with_venv, "venv_is_ready(), venv_is_ready((LOCK, DEVELOPMENT_LOCK))") == "True False"


def test_a_setup_that_was_moved_does_not_count(course_with_venv):
    moved = course_with_venv.rename(course_with_venv.parent / "moved")
    assert ask(moved, "venv_is_ready()") == "False"


def test_a_setup_whose_python_has_gone_does_not_count(course_with_venv):
    venv_python(course_with_venv).unlink()
    assert ask(course_with_venv, "venv_is_ready()") == "False"


def test_a_setup_for_another_python_does_not_count_from_within(course_with_venv):
    ask(course_with_venv, "write_stamp((3, 99))")
    assert ask(course_with_venv, "venv_is_ready()", python=venv_python(course_with_venv)) == "False"


def test_a_setup_that_fails_says_why_and_does_not_count(course_with_venv):
    venv_python(course_with_venv).unlink()
    done = start(course_with_venv, "run")
    assert done.returncode == 1
    assert "could not get uv" in done.stderr
    assert "needs the network" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert venv_python(course_with_venv).exists()
    assert ask(course_with_venv, "venv_is_ready()") == "False"


def test_an_environment_with_the_locked_versions_needs_no_setup(course):
    assert ask(course, "holds_locked_versions(), holds_locked_versions(development=True)") == "True True"


@pytest.mark.parametrize(
    ("file", "pin", "holds"),
    [
        ("pyproject.toml", "keras>=", "False False"),
        (LOCK.name, "\nkeras==", "False False"),
        ("pyproject.toml", "nbval==", "True False"),
        (DEVELOPMENT.name, "\nnbval==", "True False"),
    ],
)
def test_an_environment_with_another_version_is_not_enough(course, file, pin, holds):
    text = (course / file).read_text(encoding="utf-8")
    assert text.count(pin) == 1
    (course / file).write_text(text.replace(pin, f"{pin}9"), encoding="utf-8")
    assert ask(course, "holds_locked_versions(), holds_locked_versions(development=True)") == holds


def test_a_folder_without_lock_is_told(course):
    for lock, command in ((DEVELOPMENT, "test"), (LOCK, "run")):
        (course / lock.name).unlink()
        done = start(course, command)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"{lock.name} is missing" in done.stderr


# --- the front door --------------------------------------------------------------------------------------------------


def test_help_needs_no_packages_and_lists_every_command(course):
    done = start(course, "--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^ +{command}\s+\w", done.stdout, re.MULTILINE), command
        assert start(course, command, "--help").returncode == 0


def test_a_wrong_command_or_number_is_told_before_any_setup(course):
    for wrong, said in ((["rum"], "rum"), (["run", "--epochs", "0"], "1 or more"), (["run", "--epochs", "x"], "'x'")):
        done = start(course, *wrong)
        assert done.returncode == 2
        assert said in done.stderr
    assert not (course / ".venv").exists()


def test_what_an_old_python_reads_is_syntax_that_it_knows(course):
    code = "import sys, tools.commands, course_utils.check_setup; "
    code += "print([module.__file__ for name, module in sys.modules.items() if name.startswith('course_utils')])"
    files = ast.literal_eval(subprocess.check_output([sys.executable, "-S", "-c", code], cwd=course, text=True))
    assert len(files) >= 5
    for file in files:
        ast.parse(Path(file).read_text(encoding="utf-8"), feature_version=(3, 8))
    ast.parse((ROOT / "course_utils/__main__.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_make_has_a_target_with_a_line_of_help_for_every_command():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):(.*)", makefile, re.MULTILINE)
    assert {name for name, _ in targets} == {"help", *COMMANDS}
    for name, rest in targets:
        assert re.match(r" ## \S", rest), name


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_make_help_lists_the_targets():
    for arguments in ([], ["help"]):
        listed = subprocess.check_output(["make", "--no-print-directory", *arguments], cwd=ROOT, text=True)
        assert re.findall(r"^make ([a-z-]+) +\S", listed, re.MULTILINE)[0] == "help"
        assert set(re.findall(r"^make ([a-z-]+) +\S", listed, re.MULTILINE)) == {"help", *COMMANDS}
