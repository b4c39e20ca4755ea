"""The kit for a stick: everything in it, nothing damaged, and on a machine without a network a lesson runs from it.

Here the course is cut down to two lessons and the lock to the packages that the first of them needs, whose wheels are
made again from what is installed, so that no network is needed; all else is what ``make kit`` does. A whole kit is
installed, and all its lessons are run, when the environment variable COURSE_KIT names one.
"""

import ast
import hashlib
import html
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.commands import KIT_PLATFORMS
from tools.editions import STUDENT_FILES
from tools.bootstrap import lock_entries, probe_python
from tools.kit import PLATFORMS, PYTHONS, KitError, fetch_wheels, make_kit, pins_for

ROOT = Path(__file__).resolve().parents[1]
FIRST_LESSON = "00_start_here"
LESSONS = [ROOT / "notebooks" / f"{name}.ipynb" for name in (FIRST_LESSON, "02_preprocess")]
# With what these need: the set-up, the doctor, a kernel, and the small digits.
PACKAGES = ["uv", "flit-core", "packaging", "psutil", "nbclient", "nbformat", "ipykernel", "requests", "scikit-learn"]
PACKAGES += ["pillow", "numpy"]
THIS_SYSTEM = probe_python([sys.executable]).system
THIS_PYTHON = "{}.{}".format(*sys.version_info)


# --- a small course, and its wheels ----------------------------------------------------------------------------------


def with_dependencies(names):
    needed, waiting = set(), list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in needed:
            needed.add(name)
            further = map(Requirement, metadata.requires(name) or [])
            waiting += [each.name for each in further if each.marker is None or each.marker.evaluate({"extra": ""})]
    return sorted(needed)


def wheel_again(name, folder):
    """Make a wheel of an installed package, and return its path."""
    distribution = metadata.distribution(name)
    stem = f"{re.sub('[-.]', '_', name)}-{distribution.version}"
    tags = [line.split("-") for line in re.findall(r"^Tag: (\S+)", distribution.read_text("WHEEL"), re.MULTILINE)]
    pythons, abis, platforms = (".".join(dict.fromkeys(part)) for part in zip(*tags, strict=True))
    if platforms != "any":  # what is built for this machine alone may be newer than a kit allows
        platforms = PLATFORMS[THIS_SYSTEM].tags[0]
    scripts = {entry.name for entry in distribution.entry_points}
    members = {}
    for file in distribution.files:
        path = Path(os.path.normpath(distribution.locate_file(file)))
        if path.suffix == ".pyc" or path.name in ("RECORD", "INSTALLER", "REQUESTED") or path.stem in scripts:
            continue
        if ".." not in file.parts:
            members[file.as_posix()] = path
        elif path.parent == Path(sysconfig.get_path("scripts")):
            members[f"{stem}.data/scripts/{path.name}"] = path
        else:
            members[f"{stem}.data/data/{path.relative_to(sys.prefix).as_posix()}"] = path
    record = f"{next(str(file.parent) for file in distribution.files if file.name == 'WHEEL')}/RECORD"
    wheel = folder / f"{stem}-{pythons}-{abis}-{platforms}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        for member, path in members.items():
            archive.write(path, member)
        archive.writestr(record, "".join(f"{member},,\n" for member in [*members, record]))
    return wheel


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return a course whose lock is short, and the folder with its wheels."""
    folder = tmp_path_factory.mktemp("source")
    root, wheels = folder / "course", folder / "wheels"
    shutil.copytree(ROOT / "course_utils", root / "course_utils", ignore=shutil.ignore_patterns("__pycache__"))
    lessons = [path.relative_to(ROOT) for path in LESSONS]
    for name in (*STUDENT_FILES, "docs/students.md", "Makefile", *lessons):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    wheels.mkdir()
    lock = ""
    for name in with_dependencies(PACKAGES):
        digest = hashlib.sha256(wheel_again(name, wheels).read_bytes()).hexdigest()
        lock += f"{name}=={metadata.version(name)} \\\n    --hash=sha256:{digest}\n"
    (root / "requirements.lock").write_text(lock, encoding="utf-8")
    return root, wheels


@pytest.fixture(scope="module")
def offline(course):
    """Let pip find these wheels and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", course[1].as_uri())
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("COURSE_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def stick(course, offline, tmp_path_factory):
    """Return a kit, unpacked as onto a stick."""
    folder = tmp_path_factory.mktemp("a stick")
    return unzip(make_kit(course[0], folder / "build"), folder)


def unzip(kit, folder):
    with zipfile.ZipFile(kit) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return folder / "digit-course-kit"


@pytest.fixture
def copy(stick, tmp_path):
    """Return a kit of one's own to damage; what is not changed in place takes no room."""
    return Path(shutil.copytree(stick, tmp_path / "kit", copy_function=os.link))


def change(path, content):
    path.unlink()  # it is a link to a file of others
    path.write_bytes(content)


# --- a machine without a network -------------------------------------------------------------------------------------


def without_network():
    """Return what to put before a command so that it has no network but the machine's own; nothing where that fails."""
    prefix = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    try:
        return prefix if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0 else []
    except OSError:
        return []


def run(command, home):
    """Run a command as somebody with nothing but a home folder and a Python."""
    home.mkdir(exist_ok=True)
    python = Path(sys.base_prefix) / ("" if os.name == "nt" else "bin")
    names = ("SYSTEMROOT", "COMSPEC", "PATHEXT", "TEMP")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    environment.update(HOME=str(home), USERPROFILE=str(home), PATH=os.pathsep.join([str(python), os.defpath]))
    return subprocess.run(
        [*without_network(), *map(str, command)],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        timeout=1800,
    )


def install(kit, home, *arguments):
    command = ["cmd", "/c", kit / "install.bat"] if os.name == "nt" else ["sh", kit / "install.sh"]
    return run([*command, *arguments], home)


def python_of(course):
    return course / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


RUN_FIRST_LESSON = f"""
import pathlib
from tools.execution import execute_notebook
here = pathlib.Path.cwd() / "digit-course"
execution = execute_notebook(here / "notebooks" / "{FIRST_LESSON}.ipynb", workspace=here / "workspace")
for cell in execution.notebook.cells:
    texts = [output.get("text") or output["data"]["text/plain"] for output in cell.get("outputs", [])]
    print(cell.id, "".join(texts))
"""


def test_a_kit_installs_and_the_first_lesson_runs_and_a_second_time_keeps_what_was_written(stick, tmp_path):
    home = tmp_path / "home"
    done = install(stick, home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^ok +packages +all \d+ have", done.stdout, re.MULTILINE)
    assert "with pip instead" not in done.stdout
    folder = home / "digit-course"
    command = re.search(r'"(.+)" lab$', done.stdout, re.MULTILINE).group(1)
    assert run([command, "--help"], home).returncode == 0
    assert not (folder / "build" / "uv-cache").exists()

    lesson = run([python_of(folder), "-c", RUN_FIRST_LESSON], home)
    assert lesson.returncode == 0, lesson.stderr
    assert "check-computer ok       Python\nok       packages\nok       kernel\n" in lesson.stdout
    assert re.search("<Dataset (MNIST|UCI digits): ", lesson.stdout)

    notebook = folder / "notebooks" / f"{FIRST_LESSON}.ipynb"
    notebook.write_text("my own words", encoding="utf-8")
    (folder / "LICENSE").unlink()
    again = install(stick, home)
    assert again.returncode == 0, again.stdout + again.stderr
    assert notebook.read_text(encoding="utf-8") == "my own words"
    assert (folder / "LICENSE").exists()

    (folder / "course_utils" / "data.py").write_text("", encoding="utf-8")
    other = install(stick, home)
    assert (other.returncode, "Traceback" in other.stderr) == (1, False)
    assert "another edition of the course" in other.stderr
    assert (folder / "course_utils" / "data.py").read_text(encoding="utf-8") == ""


# --- a kit that cannot be installed ----------------------------------------------------------------------------------


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    change(path, content)


def cut(path):
    change(path, path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
@pytest.mark.parametrize("name", ["digit-course-student.zip", "wheels/packaging-*.whl", "kit.json"])
def test_a_damaged_kit_says_which_file_and_installs_nothing(damage, name, copy, tmp_path):
    path = next(copy.glob(name))
    if path.name == "kit.json" and damage is flip:
        change(path, path.read_bytes().replace(b"{", b"[", 1))
    else:
        damage(path)
    done = install(copy, tmp_path / "home")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"The kit is damaged: {path.relative_to(copy).as_posix()} " in done.stderr
    assert list((tmp_path / "home").iterdir()) == []


def test_the_whole_stick_can_be_checked(copy, tmp_path):
    assert install(copy, tmp_path / "home", "--check").returncode == 0
    path = sorted((copy / "wheels").iterdir())[-1]
    flip(path)
    done = install(copy, tmp_path / "home", "--check")
    assert done.returncode == 1
    assert path.name in done.stderr


@pytest.mark.parametrize(
    ("wheels", "said"),
    [
        ({"beos-x86_64": {THIS_PYTHON: []}}, "only for beos-x86_64"),
        ({THIS_SYSTEM: {"3.99": []}}, "the kit has packages for Python 3.99"),
    ],
)
def test_a_kit_for_others_says_for_whom(wheels, said, copy, tmp_path):
    manifest = json.loads((copy / "kit.json").read_text(encoding="utf-8"))
    change(copy / "kit.json", json.dumps({**manifest, "wheels": wheels}).encode())
    done = install(copy, tmp_path / "home")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert said in done.stderr
    assert sys.version.split()[0] in done.stderr
    assert list((tmp_path / "home").iterdir()) == []


def test_a_folder_with_other_things_is_left_alone(stick, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").touch()
    done = install(stick, tmp_path / "home", tmp_path / "photos")
    assert done.returncode == 1
    assert "holds other things" in done.stderr
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["one.jpg"]


# --- what is in it ---------------------------------------------------------------------------------------------------


def test_every_file_that_is_installed_has_its_hash(stick):
    manifest = json.loads((stick / "kit.json").read_text(encoding="utf-8"))
    installed = {path.relative_to(stick).as_posix() for path in stick.glob("wheels/*")} | {"digit-course-student.zip"}
    installed |= {"mnist.pickle"} & {path.name for path in stick.iterdir()}
    assert manifest["sha256"].keys() == installed
    for name, digest in manifest["sha256"].items():
        assert hashlib.sha256((stick / name).read_bytes()).hexdigest() == digest
    assert manifest["wheels"].keys() == {THIS_SYSTEM}
    assert len(manifest["wheels"][THIS_SYSTEM][THIS_PYTHON]) == len(with_dependencies(PACKAGES))


def test_pages_show_the_lessons_and_no_solution(stick):
    assert [path.stem for path in sorted((stick / "pages").iterdir())] == [path.stem for path in LESSONS]
    for path in LESSONS:
        page = (stick / "pages" / f"{path.stem}.html").read_text(encoding="utf-8")
        shown = "".join(html.unescape(re.sub(r"<[^>]*>", "", page)).split())
        cells = nbformat.read(path, as_version=4).cells
        public = "".join(
            "".join(cell.source.split()) for cell in cells if "solution" not in cell.metadata.get("tags", [])
        )
        for cell in cells:
            lines = ["".join(line.split()) for line in cell.source.splitlines()]
            if "solution" in cell.metadata.get("tags", []):
                assert not [line for line in lines if len(line) > 12 and line in shown and line not in public], cell.id
            elif cell.cell_type == "code":
                assert all(line in shown for line in lines), cell.id


def test_the_page_to_start_from_says_for_whom_the_kit_is(stick):
    page = (stick / "START HERE.html").read_text(encoding="utf-8")
    assert f"{THIS_SYSTEM}, with Python {THIS_PYTHON}" in page
    assert "$" not in page
    for name in re.findall(r'href="([^"]+)"', page):
        assert (stick / name).is_file()


def test_scripts_start_where_they_are_double_clicked(stick):
    kit = stick.parent / "build" / "digit-course-kit.zip"
    with zipfile.ZipFile(kit) as archive:
        modes = {
            name: archive.getinfo(f"digit-course-kit/{name}").external_attr >> 16
            for name in ("install.sh", "install.command")
        }
    assert all(mode & 0o111 == 0o111 for mode in modes.values())
    assert (stick / "install.bat").read_bytes().count(b"\r\n") > 10
    assert b"\r" not in (stick / "install.command").read_bytes()
    ast.parse((stick / "install.py").read_text(encoding="utf-8"), feature_version=(3, 8))


# --- making it -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", PLATFORMS)
def test_a_platform_gets_what_the_lock_pins_for_it(system, python):
    pinned = pins_for(lock_entries(), system, python)
    names = {name for name, _ in pinned}
    assert len(names) == len(pinned)
    if (system, python) != ("macos-x86_64", "3.13"):
        assert {"tensorflow", "tensorflow-cpu"} & names == {
            "tensorflow-cpu" if system == "linux-x86_64" else "tensorflow"
        }
    assert ("pywinpty" in names) == (system == "windows-x86_64")
    assert all(re.fullmatch(r"\S+==\S+ \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n)+", text) for text in pinned.values())


def test_the_command_knows_the_platforms():
    assert tuple(PLATFORMS) == KIT_PLATFORMS


def test_wheels_that_are_there_and_right_are_not_fetched_again(course, offline, tmp_path, monkeypatch):
    entries = [entry for entry in lock_entries(root=course[0]) if entry.startswith(("packaging==", "traitlets=="))]
    first = fetch_wheels(entries, THIS_SYSTEM, THIS_PYTHON, tmp_path)
    assert len(first) == len(entries) == 2
    flip(first[0])
    (tmp_path / "stale-1.0-py3-none-any.whl").touch()
    assert {path.name for path in fetch_wheels(entries, THIS_SYSTEM, THIS_PYTHON, tmp_path)} == {p.name for p in first}
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "nothing").as_uri())
    assert len(fetch_wheels(entries, THIS_SYSTEM, THIS_PYTHON, tmp_path)) == 2


def test_without_wheels_there_is_no_kit_and_the_one_before_stays(course, offline, tmp_path, monkeypatch):
    (tmp_path / "digit-course-kit.zip").write_bytes(b"the one before")
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "nothing").as_uri())
    with pytest.raises(KitError, match="Connect to the network"):
        make_kit(course[0], tmp_path)
    assert (tmp_path / "digit-course-kit.zip").read_bytes() == b"the one before"


@pytest.mark.parametrize(
    ("platforms", "pythons", "said"),
    [(["amiga"], None, "'amiga'"), (None, ["2.7"], "'2.7'"), (["macos-x86_64"], ["3.13"], "Intel Macs")],
)
def test_a_kit_for_what_is_not_supported_is_refused(platforms, pythons, said, course, tmp_path):
    with pytest.raises(KitError, match=said):
        make_kit(course[0], tmp_path, platforms, pythons)


# --- a whole kit -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(
    "COURSE_KIT" not in os.environ, reason="some minutes; COURSE_KIT=build/digit-course-kit.zip runs it"
)
def test_a_whole_kit_installs_and_all_lessons_run_without_a_network(tmp_path, capsys):
    if not without_network():
        pytest.skip("a machine without a network cannot be had here: it takes unshare and the right to use it")
    kit, home = unzip(os.environ["COURSE_KIT"], tmp_path), tmp_path / "home"
    start = time.monotonic()
    done = install(kit, home)
    assert done.returncode == 0, done.stdout + done.stderr
    ready = time.monotonic()
    course = home / "digit-course"
    networks = run([python_of(course), "-c", "import socket; print(socket.if_nameindex())"], home)
    assert networks.stdout == "[(1, 'lo')]\n"
    done = run([python_of(course), "-m", "course_utils", "run", "--epochs", "1"], home)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((course / "build" / "summary.json").read_text(encoding="utf-8"))
    assert summary["dataset"] == ("MNIST" if (kit / "mnist.pickle").exists() else "UCI digits")
    assert list(summary["lessons"]) == [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    with capsys.disabled():
        print(f"\na kit: installed in {ready - start:.0f} s, all lessons run in {time.monotonic() - ready:.0f} s")
