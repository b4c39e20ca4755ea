"""The environment that every command of the course runs in, built from the locks when it is not there.

It has two layers: ``requirements.lock`` is what the lessons and those who teach need; ``requirements-dev.lock`` is what
tests need besides, and is added when a command first asks for it.

Only the standard library is imported here, and nothing newer than Python 3.8 is used: this is what a bare Python,
perhaps an outdated one, runs first.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from course_utils.workspace import atomic_path, one_at_a_time, write_remedy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
LOCK = "requirements.lock"
DEVELOPMENT_LOCK = "requirements-dev.lock"

#: On disk, of ``requirements.lock`` alone (Linux x86-64, bytecode included).
ENVIRONMENT_GIGABYTES = 2.2

PROBE = """
import json, platform, struct, sys, sysconfig
try:
    import ensurepip, venv
    pip = True
except ImportError:
    pip = False
print(json.dumps(dict(
    path=sys.executable, version=sys.version_info[:3], platform=sys.platform, machine=platform.machine(),
    has_pip=pip, is_standard=platform.python_implementation() == "CPython" and struct.calcsize("P") == 8
        and not sysconfig.get_config_var("Py_GIL_DISABLED"),
)))
"""


class SetupError(Exception):
    """The environment cannot be had; the message says in plain words why, and what to do."""


class Interpreter(NamedTuple):
    """A Python that was really started, and what it said about itself."""

    path: str
    version: tuple[int, int, int]
    platform: str
    machine: str
    has_pip: bool
    is_standard: bool

    @property
    def name(self) -> str:
        """Version and place, as a person would tell them."""
        return "Python {}.{}.{} ({})".format(*self.version, self.path)

    @property
    def obstacle(self) -> str | None:
        """Why the course cannot be set up with this Python, and what helps; ``None`` when it can."""
        supported = ((3, 11), (3, 12)) if self.is_intel_mac else ((3, 11), (3, 12), (3, 13))
        release = "{}.{}".format(*self.version)
        if self.version[:2] not in supported:
            if self.is_intel_mac and self.version >= (3, 13):
                return f"TensorFlow has no build for Python {release} on Intel Macs; Python 3.12 is its newest"
            return "the course needs Python 3.11, 3.12 or 3.13"
        if not self.is_standard:
            return "it is not the standard 64-bit CPython that TensorFlow is built for"
        if not self.has_pip:
            return f"it lacks venv; on Debian and Ubuntu: sudo apt install python{release}-venv"
        return None

    @property
    def is_intel_mac(self) -> bool:
        return self.platform == "darwin" and self.machine == "x86_64"

    @property
    def system(self) -> str:
        """System and processor that this Python was built for, in a person's words, such as ``macos-arm64``."""
        system = {"darwin": "macos", "win32": "windows"}.get(self.platform, self.platform)
        machine = {"AMD64": "x86_64", "ARM64": "arm64", "aarch64": "arm64"}.get(self.machine, self.machine)
        return f"{system}-{machine}"


def venv_python() -> Path:
    """Path of the interpreter in ``.venv``, whether it exists or not."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ensure_environment(argv: Sequence[str], *, development: bool = False) -> None:
    """Return in an interpreter that can run the course, or go on in one that can and never return.

    Parameters
    ----------
    argv
        The command line after ``python -m course_utils``, to be run again by the interpreter of ``.venv``.
    development
        Whether the packages of ``requirements-dev.lock`` are needed, too.

    Raises
    ------
    SetupError
        When no environment can be had: no suitable Python, no network, no space.
    """
    locks = (LOCK, DEVELOPMENT_LOCK) if development else (LOCK,)
    for name in locks:
        if not (ROOT / name).is_file():
            raise SetupError(
                f"{ROOT} is not the folder of the course: {name} is missing. Clone the course and start there."
            )
    if _in_venv():
        if venv_is_ready(locks):
            return
    # Where another copy of the course is installed, its kernels would import that copy.
    elif holds_locked_versions() and _installed_course() in (None, ROOT.as_uri()):
        if _installed_course() is None:
            _install_course(Path(sys.executable))
        if development and not holds_locked_versions(development=True):
            _add_development_packages(Path(sys.executable))
            importlib.invalidate_caches()
        return
    if not venv_is_ready(locks):
        lock_file = ROOT / "build" / "setup.lock"
        lock_file.parent.mkdir(exist_ok=True)
        with one_at_a_time(lock_file, "Another command is setting up this folder; waiting until it is done."):
            # Another process may have done it while this one waited.
            if not venv_is_ready():
                build_environment(find_python())
            if not venv_is_ready(locks):
                _add_development_packages(venv_python())
                write_stamp(_read_stamp()["python"], locks)
    _continue_in_venv(argv)


def prefer_environment(argv: Sequence[str]) -> str | None:
    """Go on in an interpreter that can run the course, if there is one already; nothing is set up.

    Parameters
    ----------
    argv
        As for `ensure_environment`.

    Returns
    -------
    str or None
        ``None`` in such an interpreter; elsewhere what is missing, and what to do.
    """
    again = "Run: python -m course_utils setup"
    if not (ROOT / LOCK).is_file():
        return f"{LOCK} is missing in {ROOT}, so this is not the folder of the course, or not all of it."
    if _in_venv():
        return None if venv_is_ready() else f".venv is unfinished, outdated, or was moved here. {again}"
    if holds_locked_versions() and _installed_course() in (None, ROOT.as_uri()):
        return None
    if venv_is_ready():
        if probe_python([str(venv_python())]) is not None:
            _continue_in_venv(argv)
        return f"the Python in .venv does not start. Delete the folder .venv. {again}"
    try:
        found = find_python()
    except SetupError as error:
        return str(error)
    return f"the course is not set up here{' any more' if VENV.exists() else ''}. {again} ({found.name} will do)"


def venv_is_ready(locks: Sequence[str] = (LOCK,)) -> bool:
    """Whether ``.venv`` was set up to its end, in this folder (it cannot be moved), from the locks as they are now."""
    try:
        stamp = _read_stamp()
        return (
            venv_python().exists()
            and all(stamp["locks"].get(name) == _sha256(name) for name in locks)
            and ROOT.samefile(stamp["folder"])
            # Only from within is it known: a system's upgrade changes the Python that the link in .venv leads to.
            and (not _in_venv() or tuple(stamp["python"]) == sys.version_info[:2])
        )
    except (OSError, ValueError, KeyError):
        return False


def holds_locked_versions(*, development: bool = False) -> bool:
    """Whether this interpreter has every direct dependency at a version that the locks pin, as conda's has."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return False
    import tomllib
    from importlib import metadata

    try:
        from packaging.requirements import Requirement
    except ImportError:
        return False
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = sum(extras.values() if development else [extras["setup"]], project["dependencies"])
    text = "".join(lock_entries(LOCK) + (lock_entries(DEVELOPMENT_LOCK) if development else []))
    pins = set(re.findall(r"^([a-z0-9-]+)==([^ \\\n]+)", text, re.MULTILINE))
    for requirement in map(Requirement, declared):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            return False
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if (name, version) not in pins or not requirement.specifier.contains(version, prereleases=True):
            return False
    return True


def find_python() -> Interpreter:
    """Return the Python to build ``.venv`` with: this one if it fits, else one found on this machine.

    Raises
    ------
    SetupError
        When none fits; the message names what was found and what to install.
    """
    seen = []
    for interpreter in pythons_here():
        if interpreter.obstacle is None:
            return interpreter
        seen.append(f"\n  {interpreter.name}: {interpreter.obstacle}")
    raise SetupError(
        f"No Python on this machine can run the course.{''.join(seen)}\nMend that or install Python 3.12 (python.org, "
        "or your system's package manager), then run the same command again. A Python that is not on the PATH can be "
        "named: make PYTHON=/path/to/python3.12, or /path/to/python3.12 -m course_utils."
    )


def pythons_here() -> Iterator[Interpreter]:
    """Find Pythons on this machine, each once: this one, then others by their names, best first."""
    # The interpreter of a stale .venv is about to be deleted: its base builds the new one.
    this = getattr(sys, "_base_executable", None) or sys.executable
    # 3.12 first: of the three it is the one that works everywhere, Intel Macs included.
    commands = [[this], ["python3.12"], ["python3.13"], ["python3.11"], ["python3"], ["python"]]
    if os.name == "nt":
        commands[1:1] = [["py", "-3.12"], ["py", "-3.13"], ["py", "-3.11"]]
    found = set()
    for command in commands:
        interpreter = probe_python(command)
        if interpreter is not None and interpreter.path not in found:
            found.add(interpreter.path)
            yield interpreter


def probe_python(command: Sequence[str]) -> Interpreter | None:
    """Start a Python and ask what it is; ``None`` when it does not start, as a shim with nothing behind it."""
    try:
        answer = subprocess.run([*command, "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
        facts = json.loads(answer.stdout.decode("utf-8"))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return Interpreter(**{**facts, "version": tuple(facts["version"])})


def build_environment(interpreter: Interpreter) -> None:
    """Build ``.venv`` anew from ``requirements.lock``; its stamp is written last, so that half a set-up never counts.

    Parameters
    ----------
    interpreter
        The Python to build it with.

    Raises
    ------
    SetupError
        When a step fails.
    """
    started = time.monotonic()
    _say(f"Setting up .venv from requirements.lock with {interpreter.name}.")
    download = "nothing to download" if _wheels() else "a download of up to 0.6 GB"
    _say(f"This happens once: some minutes, {download}, {ENVIRONMENT_GIGABYTES} GB on disk.")
    _stamp_path().unlink(missing_ok=True)
    _step("make the folder .venv", [interpreter.path, "-m", "venv", "--clear", str(VENV)])
    python = venv_python()
    uv_requirement = VENV / "uv-requirement.txt"
    uv_requirement.write_text(lock_entry("uv"), encoding="utf-8")
    # With pip's usual five retries a student without network would wait for the message.
    _step("get uv, the installer", [*_pip(python), "--retries", "1", "-r", str(uv_requirement)], network=True)
    _install_packages(python, LOCK)
    _install_course(python)
    list_fonts(python)
    write_stamp(interpreter.version[:2])
    _say(f".venv is ready after {time.monotonic() - started:.0f} s.")


def list_fonts(python: Path) -> None:
    """Have Matplotlib list the machine's fonts anew, as it would in a student's first figure, saying so.

    Parameters
    ----------
    python
        The Python whose Matplotlib is asked.
    """
    # A list that was there before is not believed: one that was written while an environment with a running kernel
    # vanished lacks Matplotlib's own fonts, is never renewed, and makes every figure with a power of ten complain.
    program = (
        "import matplotlib, pathlib\n"
        "for fonts in pathlib.Path(matplotlib.get_cachedir()).glob('fontlist-*.json'):\n"
        "    fonts.unlink(missing_ok=True)\n"
        "import matplotlib.font_manager\n"
    )
    subprocess.run([str(python), "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write_stamp(version: Sequence[int], locks: Sequence[str] = (LOCK,)) -> None:
    """Declare ``.venv`` complete, for a Python of this version (major and minor) and with what these locks hold."""
    stamp = {"locks": {name: _sha256(name) for name in locks}, "folder": str(ROOT), "python": list(version)}
    with atomic_path(_stamp_path()) as temporary:
        temporary.write_text(json.dumps(stamp) + "\n", encoding="utf-8")


def lock_entries(lock: str | Path = LOCK, root: Path = ROOT) -> list[str]:
    """Return the entries of a lock: a line with a pin, and lines with its hashes, as pip reads them."""
    return re.findall(r"^\S.*\n(?: .*\n)*", (root / lock).read_text(encoding="utf-8"), re.MULTILINE)


def lock_entry(name: str) -> str:
    """Return what ``requirements.lock`` says of one package: its pin and its hashes, as pip reads them.

    Raises
    ------
    SetupError
        When the lock does not hold the package.
    """
    for entry in lock_entries(LOCK):
        if entry.startswith(f"{name}=="):
            return entry
    raise SetupError(f"{LOCK} does not hold {name}. Restore the file: git checkout {LOCK}")


def write_lock(*, upgrade: bool = False) -> None:
    """Write both locks anew from ``pyproject.toml``, for all platforms, with hashes; needs the network.

    The versions are found once, for everything together, so that the layers fit; then they are divided.

    Parameters
    ----------
    upgrade
        Take the newest versions that fit; otherwise a pin changes only when it must.

    Raises
    ------
    SetupError
        When no set of versions can be found; the locks are then as they were.
    """
    options = "--universal --only-binary :all: --python-version 3.11 --fork-strategy fewest"
    options += " --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet"
    command = [sys.executable, "-m", "uv", "pip", "compile", *options.split(), "pyproject.toml"]
    try:
        with atomic_path(ROOT / DEVELOPMENT_LOCK) as development, atomic_path(ROOT / LOCK) as course:
            # uv keeps the pins that it finds in its output file.
            _write_entries(development, lock_entries(LOCK) + lock_entries(DEVELOPMENT_LOCK))
            further = ["--all-extras", *(["--upgrade"] if upgrade else []), "-o", str(development)]
            _step("find versions that fit together", [*command, *further], network=True)
            shutil.copyfile(str(development), str(course))
            further = ["--extra", "setup", "-o", str(course)]
            _step("find what the course alone needs of them", [*command, *further], network=True)
            needed = lock_entries(course)
            _write_entries(development, [entry for entry in lock_entries(development) if entry not in needed])
    except OSError as error:
        raise SetupError(
            f"The locks cannot be written ({error.strerror or error}). {write_remedy(error)} Then run the same command "
            "again."
        ) from error


def _write_entries(lock: Path, entries: Sequence[str]) -> None:
    lock.write_text("".join(entries), encoding="utf-8")


def _in_venv() -> bool:
    return VENV.is_dir() and VENV.samefile(sys.prefix)


def _stamp_path() -> Path:
    return VENV / "course-setup.json"


def _read_stamp() -> dict[str, Any]:
    return json.loads(_stamp_path().read_text(encoding="utf-8"))


def _sha256(name: str) -> str:
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


def _installed_course() -> str | None:
    """Return the folder, as an address, from which this interpreter's kernels import the course; ``None`` for none."""
    from importlib import metadata

    try:
        return json.loads(metadata.distribution("digit-course").read_text("direct_url.json") or "{}").get("url", "")
    except metadata.PackageNotFoundError:
        return None


def _add_development_packages(python: Path) -> None:
    _say(f"Adding what tests need, from {DEVELOPMENT_LOCK}. This happens once: 70 MB to download, 0.25 GB on disk.")
    _install_packages(python, LOCK, DEVELOPMENT_LOCK)


def _install_packages(python: Path, *locks: str) -> None:
    files = [argument for name in locks for argument in ("-r", str(ROOT / name))]
    # Lines that say what was installed help nobody in a log; on a terminal they come with the progress bars.
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    uv = [str(python), "-m", "uv", "pip", "install", "--python", str(python), *quiet]
    # Bytecode now, once: otherwise every kernel compiles TensorFlow anew where bytecode is not written.
    uv += ["--require-hashes", "--compile-bytecode", *_wheels()]
    try:
        _step("install the packages", [*uv, *files], network=True, show=True)
    except SetupError:
        # pip knows an institute's mirror and certificates from its configuration, which uv does not read.
        _step("install the packages with pip instead, which takes longer", [*_pip(python), *files], network=True)


def _pip(python: Path) -> list[str]:
    options = ["--disable-pip-version-check", "--no-user", "--require-hashes", *_wheels()]
    return [str(python), "-m", "pip", "install", *options]


def _wheels() -> list[str]:
    """Return the options of pip and uv for a folder of wheels, as a kit has it, in place of the network."""
    folder = os.environ.get("COURSE_WHEELS")
    return ["--no-index", "--find-links", folder] if folder else []


def _install_course(python: Path) -> None:
    # With no dependencies and no build isolation nothing is downloaded: flit_core is in the lock.
    install = [str(python), "-m", "uv", "pip", "install", "--python", str(python), "--no-deps", "--no-build-isolation"]
    _step("install the course itself", [*install, "-e", str(ROOT)])


def _step(purpose: str, command: Sequence[str], *, network: bool = False, show: bool = False) -> None:
    """Run one step of the set-up; its output is shown as it comes, or only when the step fails."""
    _say(f"- {purpose}")
    output = None if show else subprocess.PIPE
    try:
        done = subprocess.run(command, cwd=str(ROOT), stdout=output, stderr=None if show else subprocess.STDOUT)
    except OSError as error:
        raise SetupError(f"Set-up stopped: could not {purpose}: {error}") from error
    if done.returncode == 0:
        return
    if done.stdout:
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        _say("\n".join("    " + line for line in lines[-12:]))
    raise SetupError(f"Set-up stopped: could not {purpose} (the lines above say why). {_advice(network)}")


def _advice(network: bool) -> str:
    free = shutil.disk_usage(str(ROOT)).free / 1e9
    if free < ENVIRONMENT_GIGABYTES:
        return (
            f"Only {free:.1f} GB are free on the disk of {ROOT}; the environment takes {ENVIRONMENT_GIGABYTES} GB. "
            "Make space and run the same command again."
        )
    if network and _wheels():
        return "COURSE_WHEELS names a folder that does not hold all packages that this computer needs."
    if network:
        return "This needs the network: connect and run the same command again; what was downloaded is kept."
    return (
        f"If another program holds or protects a file in {VENV} (JupyterLab, a shell that uses it): end it, delete "
        "that folder, and run the same command again."
    )


def _continue_in_venv(argv: Sequence[str]) -> NoReturn:
    command = [str(venv_python()), "-m", "course_utils", *argv]
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    # On Windows exec would end this process, and the shell's prompt would come back before the command is done.
    process = subprocess.Popen(command)
    while True:
        try:
            sys.exit(process.wait())
        except KeyboardInterrupt:
            continue  # the command got it as well, and decides what to do


def _say(text: str) -> None:
    print(text, flush=True)
