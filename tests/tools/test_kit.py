"""The kit is made from a lock of two small packages; with ``--long``, a whole kit is installed without a network."""

import ast
import hashlib
import html
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from course_utils.course import LESSONS, ROOT, CourseError, lesson_file
from course_utils.data import load_dataset
from tests.course_utils.test_data import CLOTHES, save_named
from tools.editions import find_leaks, read_lessons, student_notebook
from tools.kit import _digits, fetch_wheels, make_kit, this_platform
from tools.mutants import copy_course

THIS_PYTHON = "{}.{}".format(*sys.version_info)
STUDENT_ZIP = "digit-course-student.zip"


def make_wheel(name, folder):
    """Write the wheel of an empty package, and return its entry for a lock."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    return f"{name}==1.0 \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Return a course whose lock pins two packages, which pip finds without a network."""
    root, wheels = copy_course(tmp_path_factory.mktemp("kit") / "course"), tmp_path_factory.mktemp("wheels")
    (root / "requirements.lock").write_text(make_wheel("ink", wheels) + make_wheel("paper", wheels), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", wheels.as_uri())
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("COURSE_OFFLINE", "1")
        yield root


@pytest.fixture(scope="module")
def stick(course, tmp_path_factory):
    """Return a kit, unpacked as onto a stick."""
    build = tmp_path_factory.mktemp("build")
    make_kit(root=course, build=build)
    return unzip(build / "digit-course-kit.zip", tmp_path_factory.mktemp("a stick"))


def unzip(kit, folder):
    with zipfile.ZipFile(kit) as archive:
        archive.extractall(folder)
        for entry in archive.infolist():
            (folder / entry.filename).chmod(entry.external_attr >> 16 & 0o777)
    return folder / "digit-course-kit"


def run(command, home, prefix=()):
    """Run a command as somebody who has only a home folder and a Python."""
    home.mkdir(exist_ok=True)
    python = Path(sys.base_prefix) / ("" if os.name == "nt" else "bin")
    names = {"SYSTEMROOT", "COMSPEC", "PATHEXT", "TEMP"} & os.environ.keys()
    environment = {"HOME": str(home), "USERPROFILE": str(home), "PATH": os.pathsep.join([str(python), os.defpath])}
    environment |= {name: os.environ[name] for name in names}
    options = {"cwd": home, "env": environment, "stdin": subprocess.DEVNULL, "encoding": "utf-8"}
    return subprocess.run([*prefix, *map(str, command)], capture_output=True, **options)


def install(kit, home, *arguments, prefix=()):
    command = ["cmd", "/c", kit / "install.bat"] if os.name == "nt" else ["sh", kit / "install.sh"]
    return run([*command, *arguments], home, prefix)


def refusal(kit, home, *arguments):
    """Return the message of an installer that must refuse, and check that it has written nothing."""
    done = install(kit, home, *arguments)
    assert (done.returncode, "Traceback" in done.stderr, [*home.iterdir()]) == (1, False, []), done.stderr
    return done.stderr


def manifest_of(kit):
    return json.loads((kit / "kit.json").read_text(encoding="utf-8"))


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (STUDENT_ZIP, flip),
        ("wheels/ink-1.0-py3-none-any.whl", flip),
        ("wheels/ink-1.0-py3-none-any.whl", Path.unlink),
        ("kit.json", lambda path: path.write_text("{", encoding="utf-8")),
    ],
)
def test_a_damaged_kit_names_the_file_and_installs_nothing(name, damage, stick, tmp_path):
    kit, home = shutil.copytree(stick, tmp_path / "kit"), tmp_path / "home"
    assert install(kit, home, "--check").returncode == 0
    damage(kit / name)
    for arguments in ((), ("--check",)):
        assert f"The kit is damaged: {name} is" in refusal(kit, home, *arguments)


@pytest.mark.parametrize(("system", "python"), [("beos-x86_64", THIS_PYTHON), (this_platform(), "3.99")])
def test_a_kit_for_other_computers_says_for_which(system, python, stick, tmp_path):
    kit = shutil.copytree(stick, tmp_path / "kit")
    manifest = manifest_of(kit) | {"wheels": {system: {python: ["ink-1.0-py3-none-any.whl"]}}}
    (kit / "kit.json").write_text(json.dumps(manifest), encoding="utf-8")
    message = refusal(kit, tmp_path / "home")
    assert f"This kit is for {system} with Python {python}. " in message
    assert f"Python {sys.version.split()[0]} for {this_platform()}" in message


def test_unpacking_changes_nothing_that_is_there(stick, tmp_path):
    installer, manifest = runpy.run_path(str(stick / "install.py")), manifest_of(stick)
    course, photo = tmp_path / "digit-course", tmp_path / "photos" / "one.jpg"
    photo.parent.mkdir()
    photo.touch()
    with pytest.raises(installer["KitError"], match="holds other things"):
        installer["unpack"](manifest, photo.parent)
    assert [*photo.parent.iterdir()] == [photo]

    installer["unpack"](manifest, course)
    assert not list(course.rglob("*.part"))
    notebook = course / "notebooks" / lesson_file("00")
    notebook.write_text("my own words", encoding="utf-8")
    (course / "LICENSE").unlink()
    installer["unpack"](manifest, course)
    assert notebook.read_text(encoding="utf-8") == "my own words"
    assert (course / "LICENSE").exists()

    (course / "course_utils" / "data.py").write_text("", encoding="utf-8")
    with pytest.raises(installer["KitError"], match=r"another edition of the course \(course_utils/data.py differs\)"):
        installer["unpack"](manifest, course)
    assert (course / "course_utils" / "data.py").read_text(encoding="utf-8") == ""


def test_the_site_shows_the_lessons_without_solutions(stick):
    lessons, texts = read_lessons(), {}
    assert {f"{path.stem}.ipynb" for path in (stick / "site/notebooks").glob("*.html")} == lessons.keys()
    for path in stick.glob("site/**/*.*"):
        if path.suffix in (".html", ".js"):
            texts[path.name] = html.unescape(re.sub(r"<[^>]*>", "", path.read_text(encoding="utf-8")))
            assert str(ROOT) not in texts[path.name]
    assert find_leaks(lessons, {name: text.encode() for name, text in texts.items()}) == []
    for name, lesson in lessons.items():
        shown = "".join(texts[name.replace(".ipynb", ".html")].split())
        code = [cell for cell in student_notebook(lesson).cells if cell.cell_type == "code" and cell.id != "progress"]
        assert all("".join(cell.source.split()) in shown for cell in code)


def test_the_start_page_and_the_installers_are_complete(stick):
    page = (stick / "START HERE.html").read_text(encoding="utf-8")
    assert f"{this_platform()}, with Python {THIS_PYTHON}" in page
    assert "$" not in page
    assert all((stick / name).is_file() for name in re.findall(r'href="([^"]+)"', page))
    ast.parse((stick / "install.py").read_text(encoding="utf-8"), feature_version=(3, 8))
    batch = (stick / "install.bat").read_bytes()
    assert batch.count(b"\r\n") == batch.count(b"\n") > 10
    assert b"\r" not in (stick / "install.command").read_bytes()
    if os.name != "nt":
        assert all(os.access(stick / name, os.X_OK) for name in ("install.sh", "install.command"))


def test_your_own_data_set_keeps_its_name_in_the_kit(tmp_path, monkeypatch):
    monkeypatch.setenv("MNIST_PATH", str(save_named(tmp_path / "clothes.npz", CLOTHES)))
    (build := tmp_path / "build").mkdir()
    file = _digits(build)
    assert (file.name, load_dataset(file)) == ("clothes.npz", load_dataset())
    assert load_dataset(file).class_names == CLOTHES


def test_intact_wheels_are_not_downloaded_again(course, tmp_path, monkeypatch):
    lock = (course / "requirements.lock").read_text(encoding="utf-8")
    fetched = {path: path.read_bytes() for path in fetch_wheels(lock, this_platform(), THIS_PYTHON, tmp_path)}
    assert len(fetched) == 2
    flip(next(iter(fetched)))
    (tmp_path / "stale-1.0-py3-none-any.whl").touch()
    assert set(fetch_wheels(lock, this_platform(), THIS_PYTHON, tmp_path)) == fetched.keys()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == fetched
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "nothing").as_uri())
    assert set(fetch_wheels(lock, this_platform(), THIS_PYTHON, tmp_path)) == fetched.keys()


def test_without_wheels_the_previous_kit_stays(course, tmp_path, monkeypatch):
    (tmp_path / "digit-course-kit.zip").write_bytes(b"the one before")
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "nothing").as_uri())
    with pytest.raises(CourseError, match="Connect to the network"):
        make_kit(root=course, build=tmp_path)
    assert (tmp_path / "digit-course-kit.zip").read_bytes() == b"the one before"


def test_a_whole_kit_installs_and_its_lessons_run_without_a_network(request, tmp_path):
    if not request.config.getoption("long"):
        pytest.skip("some minutes, and needs the network to make the kit: --long runs it")
    offline = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if run([*offline, "true"], tmp_path / "home").returncode:
        pytest.skip("taking the network away needs Linux's unshare and the right to use it")
    make_kit(build=ROOT / "build")
    kit, home = unzip(ROOT / "build" / "digit-course-kit.zip", tmp_path), tmp_path / "home"
    done = install(kit, home, prefix=offline)
    assert done.returncode == 0, done.stdout + done.stderr
    course = home / "digit-course"
    python = re.search(r'"(.+)" -m tools lab$', done.stdout, re.MULTILINE)[1]
    assert "with pip" not in done.stdout
    assert not (course / "build" / "uv-cache").exists()
    networks = run([python, "-c", "import socket; print(socket.if_nameindex())"], home, offline)
    assert networks.stdout == "[(1, 'lo')]\n"
    lessons = [course / "notebooks" / lesson_file(number) for number in LESSONS]
    done = run([python, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", *lessons], home, offline)
    assert done.returncode == 0, done.stderr
    text = lessons[6].read_text(encoding="utf-8")
    assert ("THIS IS NOT MNIST" in text) != (kit / "mnist.npz").exists()
