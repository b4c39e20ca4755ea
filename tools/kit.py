"""``kit``: one zip for a USB stick, from which the course is installed without a network.

It holds the edition for students, the wheels of ``requirements.lock`` for the platforms asked for, MNIST, the lessons
as pages, and what is in ``kit_files``: a page to start from, and the installers. ``kit.json`` says which wheels are for
whom, and has the SHA-256 of every file that is installed.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version
from tqdm import tqdm

from tools.editions import ZIP_NAME, make_student_edition, read_lessons, without_solutions
from tools.bootstrap import lock_entries, probe_python
from tools.run import html_page
from course_utils.data import DatasetError, load_dataset, save_pickle
from course_utils.workspace import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence

KIT_NAME = "digit-course-kit.zip"
KIT_FOLDER = "digit-course-kit"
FILES = Path(__file__).with_name("kit_files")
DIGITS = "mnist.pickle"


class KitError(Exception):
    """A kit cannot be made; the message says why, and what to do."""


class Platform(NamedTuple):
    """What packages call a platform: in markers (PEP 508), and in the names of wheels (PEP 425, 600)."""

    sys_platform: str
    platform_system: str
    platform_machine: str
    os_name: str
    tags: tuple[str, ...]


def _linux(machine: str, *older: str) -> Platform:
    # glibc 2.28: Debian 10, Ubuntu 20.04, Red Hat 8 and all that came later.
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(28, 4, -1)]
    return Platform("linux", "Linux", machine, "posix", (*tags, *(f"{name}_{machine}" for name in older)))


PLATFORMS = {
    "linux-x86_64": _linux("x86_64", "manylinux2014", "manylinux2010", "manylinux1"),
    "linux-arm64": _linux("aarch64", "manylinux2014"),
    "macos-arm64": Platform("darwin", "Darwin", "arm64", "posix", ("macosx_12_0_arm64",)),
    "macos-x86_64": Platform("darwin", "Darwin", "x86_64", "posix", ("macosx_12_0_x86_64",)),
    "windows-x86_64": Platform("win32", "Windows", "AMD64", "nt", ("win_amd64",)),
}
PYTHONS = ("3.11", "3.12", "3.13")


def make_kit(
    root: Path, build: Path, platforms: Sequence[str] | None = None, pythons: Sequence[str] | None = None
) -> Path:
    """Write ``digit-course-kit.zip``, whole or not at all.

    Parameters
    ----------
    root
        Folder of the course.
    build
        Folder to write to. Wheels are kept in ``build/wheels``, so that the next kit fetches only what it lacks.
    platforms
        Names in `PLATFORMS`; that of this computer by default.
    pythons
        Versions in `PYTHONS`; the running one by default.

    Returns
    -------
    pathlib.Path
        The zip.

    Raises
    ------
    KitError
        A name is unknown, or wheels cannot be had.
    EditionError
        The edition for students cannot be made.
    OSError
        Something cannot be read or written.
    """
    targets = _targets(platforms, pythons)
    build.mkdir(parents=True, exist_ok=True)
    files = {ZIP_NAME: make_student_edition(root, build)}
    print("The edition for students is made", flush=True)
    if digits := _digits(build):
        files[DIGITS] = digits
    wheels: dict[str, dict[str, list[str]]] = {}
    for system, python in targets:
        found = fetch_wheels(lock_entries(root=root), system, python, build / "wheels" / f"{system}-{python}")
        size = sum(path.stat().st_size for path in found) / 1e6
        print(f"{system}, Python {python}: {len(found)} wheels, {size:,.0f} MB", flush=True)
        wheels.setdefault(system, {})[python] = sorted(path.name for path in found)
        files |= {f"wheels/{path.name}": path for path in found}
    manifest = {
        "course": ZIP_NAME,
        "digits": DIGITS if digits else None,
        "wheels": wheels,
        "sha256": {name: _sha256(path) for name, path in sorted(files.items())},
    }
    texts = {"kit.json": json.dumps(manifest, indent=1) + "\n", **_scripts(wheels, digits), **_pages(root)}
    with atomic_path(build / KIT_NAME) as temporary:
        _write_zip(temporary, files, texts)
    return build / KIT_NAME


def fetch_wheels(entries: Sequence[str], system: str, python: str, folder: Path) -> list[Path]:
    """Bring a folder to hold exactly the wheels that a lock pins for a platform, with the hashes that it pins.

    Parameters
    ----------
    entries
        The lock, as `lock_entries` gives it.
    system, python
        A name in `PLATFORMS`, a version in `PYTHONS`.
    folder
        Created when missing; what is there and right is not fetched again.

    Returns
    -------
    list of pathlib.Path
        The wheels.

    Raises
    ------
    KitError
        pip could not fetch them.
    """
    pinned = pins_for(entries, system, python)
    folder.mkdir(parents=True, exist_ok=True)
    found = _right_wheels(pinned, folder)
    missing = [text for pin, text in pinned.items() if pin not in found]
    if missing:
        _download(missing, system, python, folder)
        found = _right_wheels(pinned, folder)
    return list(found.values())


def pins_for(entries: Sequence[str], system: str, python: str) -> dict[tuple[str, Version], str]:
    """Select what a lock pins for a platform.

    Returns
    -------
    dict
        Entries without their markers, which pip would compare with the computer that it runs on, by name and version.
    """
    environment = {
        **PLATFORMS[system]._asdict(),
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    pinned = {}
    for entry in entries:
        first, _, hashes = entry.partition("\n")
        pin = Requirement(first.rstrip(" \\"))
        if pin.marker is None or pin.marker.evaluate(environment):
            version = Version(str(pin.specifier).removeprefix("=="))
            pinned[canonicalize_name(pin.name), version] = f"{pin.name}{pin.specifier} \\\n{hashes}"
    return pinned


def _right_wheels(pinned: dict[tuple[str, Version], str], folder: Path) -> dict[tuple[str, Version], Path]:
    """Return the wheels of a folder that a lock pins, and delete the others."""
    found = {}
    for path in folder.glob("*.whl"):
        name, version, *_ = parse_wheel_filename(path.name)
        if _sha256(path) in pinned.get((name, version), ""):
            found[name, version] = path
        else:
            path.unlink()
    return found


def _download(entries: Sequence[str], system: str, python: str, folder: Path) -> None:
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(entries), encoding="utf-8")
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--progress-bar", "off"]
    options += ["--implementation", "cp", "--python-version", python]
    options += [word for tag in PLATFORMS[system].tags for word in ("--platform", tag)]
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--retries", "1", *options]
    said = []
    with (
        subprocess.Popen(
            [*command, "-d", str(folder), "-r", str(requirements)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as pip,
        # disable=None: no bar in a log.
        tqdm(total=len(entries), desc=f"{system}, Python {python}", unit="wheel", disable=None, leave=False) as bar,
    ):
        for line in pip.stdout or ():
            said.append(line.rstrip())
            bar.update(line.startswith("Collecting "))
    requirements.unlink()
    if pip.returncode:
        reason = "\n".join(f"    {line}" for line in said if line.startswith("ERROR"))
        raise KitError(
            f"The packages for {system} with Python {python} could not be fetched:\n{reason}\n"
            "No kit was written. Connect to the network and run the same command again; what came is kept."
        )


def _targets(platforms: Sequence[str] | None, pythons: Sequence[str] | None) -> list[tuple[str, str]]:
    this = probe_python([sys.executable])
    platforms = platforms or ([this.system] if this else [platform.system()])
    pythons = pythons or [".".join(platform.python_version_tuple()[:2])]
    for names, known, what in ((platforms, PLATFORMS, "platform"), (pythons, PYTHONS, "version of Python")):
        for name in names:
            if name not in known:
                raise KitError(f"{name!r} is no {what} that a kit can be made for. There are: {', '.join(known)}.")
    targets = [(system, python) for system in dict.fromkeys(platforms) for python in dict.fromkeys(pythons)]
    impossible = ("macos-x86_64", "3.13")
    if impossible in targets and len(targets) == 1:
        raise KitError("TensorFlow has no build for Python 3.13 on Intel Macs. Make the kit with --python 3.12.")
    return [target for target in targets if target != impossible]


def _digits(build: Path) -> Path | None:
    try:
        dataset = load_dataset(allow_embedded=False)
    except DatasetError as error:
        print(f"The kit goes without MNIST: lessons will take the small digits. {error}", flush=True)
        return None
    if dataset.name != "MNIST":
        print(f"The kit goes without MNIST: MNIST_PATH names {dataset.name}.", flush=True)
        return None
    print("MNIST is there, and has the expected content", flush=True)
    return save_pickle(dataset, build / DIGITS)


def _scripts(wheels: dict[str, dict[str, list[str]]], digits: Path | None) -> dict[str, str]:
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(FILES.iterdir()) if path.is_file()}
    # A double click on macOS opens a Terminal for a file of this name only.
    texts["install.command"] = texts["install.sh"]
    for_whom = "".join(
        f"<li>{system}, with Python {' or '.join(versions)}</li>" for system, versions in sorted(wheels.items())
    )
    page = Template(texts["START HERE.html"])
    texts["START HERE.html"] = page.substitute(
        for_whom=for_whom,
        digits="MNIST is on this stick and is copied along."
        if digits
        else "MNIST is not on this stick: lessons use smaller digits and say so, unless you have a network later.",
    )
    return texts


def _pages(root: Path) -> dict[str, str]:
    """Convert the lessons, as they are recorded, to pages for students: no solutions, no notes."""
    return {
        f"pages/{name}.html": html_page(without_solutions(lesson), name, root / "notebooks")
        for name, lesson in tqdm(read_lessons(root).items(), desc="pages", disable=None, leave=False)
    }


def _write_zip(path: Path, files: dict[str, Path], texts: dict[str, str]) -> None:
    size = sum(file.stat().st_size for file in files.values())
    # Stored, not deflated: wheels are compressed already.
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive,
        tqdm(total=size, desc=KIT_NAME, unit="B", unit_scale=True, disable=None, leave=False) as bar,
    ):
        for name, text in texts.items():
            entry = zipfile.ZipInfo(f"{KIT_FOLDER}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, also when made on Windows
            is_script = name.endswith((".sh", ".command"))
            entry.external_attr = (0o100755 if is_script else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            # cmd.exe wants the line ends of Windows.
            archive.writestr(entry, re.sub("\n", "\r\n", text) if name.endswith(".bat") else text)
        for name, file in files.items():
            archive.write(file, f"{KIT_FOLDER}/{name}")
            bar.update(file.stat().st_size)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
