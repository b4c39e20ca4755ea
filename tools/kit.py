"""``make kit``: one zip for a USB stick, which installs the course without a network.

It holds the students' edition, the wheels of ``requirements.lock`` for the chosen platforms, MNIST, the site without
solutions, the drawing pad as one page, and ``kit_files``: a start page and the installers. ``kit.json`` lists the
wheels for each kind of computer, and the SHA-256 of every file that is installed.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from course_utils.course import BUILD, ROOT, CourseError
from course_utils.data import DatasetError, chosen_file, load_dataset
from course_utils.readers import ARRAY_NAMES, KERAS_NAMES
from course_utils.workspace import atomic_path
from tools.chosen import choose
from tools.editions import ZIP_NAME, make_student_edition, read_lessons, zip_entry
from tools.folders import read_text
from tools.pad_page import pad_page
from tools.site.build import write_site

KIT_NAME = "digit-course-kit.zip"
KIT_FOLDER = "digit-course-kit"
FILES = Path(__file__).with_name("kit_files")
FILE_NAMES = ("START HERE.html", "install.bat", "install.py", "install.sh")


class Platform(NamedTuple):
    """The names of a platform in the markers of packages (PEP 508) and in those of wheels (PEP 425, 600)."""

    sys_platform: str
    platform_system: str
    platform_machine: str
    os_name: str
    tags: tuple[str, ...]


# glibc 2.28: Debian 10, Ubuntu 20.04, Red Hat 8 and later.
_MANYLINUX = [f"manylinux_2_{minor}" for minor in range(28, 4, -1)] + ["manylinux2014", "manylinux2010", "manylinux1"]
PLATFORMS = {
    "linux-x86_64": Platform("linux", "Linux", "x86_64", "posix", tuple(f"{name}_x86_64" for name in _MANYLINUX)),
    "linux-arm64": Platform("linux", "Linux", "aarch64", "posix", tuple(f"{name}_aarch64" for name in _MANYLINUX)),
    "macos-arm64": Platform("darwin", "Darwin", "arm64", "posix", ("macosx_12_0_arm64",)),
    "macos-x86_64": Platform("darwin", "Darwin", "x86_64", "posix", ("macosx_12_0_x86_64",)),
    "windows-x86_64": Platform("win32", "Windows", "AMD64", "nt", ("win_amd64",)),
}
PYTHONS = ("3.11", "3.12", "3.13")
IMPOSSIBLE = ("macos-x86_64", "3.13")  # TensorFlow has no build for it


def make_kit(
    platforms: Sequence[str] = (),
    pythons: Sequence[str] = (),
    *,
    lessons: Sequence[str] = (),
    root: Path = ROOT,
    build: Path = BUILD,
) -> int:
    """Write ``build/digit-course-kit.zip``; by default, for computers like this one with the same Python.

    Wheels stay in ``build/wheels``, so that the next kit downloads only what is missing.
    """
    targets = _targets(platforms or [this_platform()], pythons or ["{}.{}".format(*sys.version_info)])
    make_student_edition(root, build, lessons=lessons)
    files = {ZIP_NAME: build / ZIP_NAME}
    if digits := _digits(build):
        files[digits.name] = digits
    lock = read_text(root / "requirements.lock")
    wheels: dict[str, dict[str, list[str]]] = {}
    for system, python in targets:
        found = fetch_wheels(lock, system, python, build / "wheels" / f"{system}-{python}")
        print(f"{system}, Python {python}: {len(found)} wheels", flush=True)
        wheels.setdefault(system, {})[python] = sorted(path.name for path in found)
        files |= {f"wheels/{path.name}": path for path in found}
    manifest = {
        "course": ZIP_NAME,
        "digits": digits.name if digits else None,
        "wheels": wheels,
        "sha256": {name: _sha256(path) for name, path in sorted(files.items())},
    }
    texts = {"kit.json": json.dumps(manifest, indent=1) + "\n", "pad.html": pad_page(), **_scripts(manifest)}
    with TemporaryDirectory() as folder, atomic_path(build / KIT_NAME) as temporary:
        site = Path(folder, "site")
        write_site(choose(read_lessons(root), lessons), load_dataset(), site, with_solutions=False, root=root)
        pages = {path.relative_to(folder).as_posix(): path for path in sorted(site.rglob("*")) if path.is_file()}
        _write_zip(temporary, files | pages, texts)
    size = (build / KIT_NAME).stat().st_size / 1e6
    print(f"Unpack {build.name}/{KIT_NAME} onto the stick ({size:,.0f} MB).")
    return 0


def this_platform() -> str:
    """Return the name of this computer in `PLATFORMS`."""
    here = (sys.platform, platform.machine())
    for name, each in PLATFORMS.items():
        if (each.sys_platform, each.platform_machine) == here:
            return name
    raise CourseError(f"Unknown platform {'-'.join(here)!r}. Choose from {', '.join(PLATFORMS)}.")


def fetch_wheels(lock: str, system: str, python: str, folder: Path) -> list[Path]:
    """Make a folder hold exactly the wheels that a lock pins for a platform, and download only those it lacks."""
    pinned = pins_for(lock, system, python)
    folder.mkdir(parents=True, exist_ok=True)
    found = _intact_wheels(pinned, folder)
    if missing := [entry for pin, entry in pinned.items() if pin not in found]:
        requirements = folder / "requirements.txt"
        requirements.write_text("".join(missing), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--retries", "1"]
        command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--python-version", python]
        command += [word for tag in PLATFORMS[system].tags for word in ("--platform", tag)]
        done = subprocess.run([*command, "-d", str(folder), "-r", str(requirements)])
        requirements.unlink()
        if done.returncode:
            raise CourseError(
                f"No kit was written: the packages for {system}, Python {python} could not be downloaded (see above). "
                "Connect to the network and run the same command again; packages that arrived are kept."
            )
    return list(_intact_wheels(pinned, folder).values())


def pins_for(lock: str, system: str, python: str) -> dict[tuple[str, Version], str]:
    """Return what a lock pins for a platform, without markers, which pip would compare with this computer."""
    environment = {
        **PLATFORMS[system]._asdict(),
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    pinned: dict[tuple[str, Version], str] = {}
    for first, hashes in re.findall(r"^(\S.*?) \\\n((?: .*\n)+)", lock, re.MULTILINE):
        pin = Requirement(first)
        if pin.marker is None or pin.marker.evaluate(environment):
            version = Version(str(pin.specifier).removeprefix("=="))
            pinned[canonicalize_name(pin.name), version] = f"{pin.name}{pin.specifier} \\\n{hashes}"
    return pinned


def _intact_wheels(pinned: dict[tuple[str, Version], str], folder: Path) -> dict[tuple[str, Version], Path]:
    """Return the wheels in a folder whose hashes are pinned, and delete the others."""
    found: dict[tuple[str, Version], Path] = {}
    for path in folder.glob("*.whl"):
        name, version, *_ = parse_wheel_filename(path.name)
        if _sha256(path) in pinned.get((name, version), ""):
            found[name, version] = path
        else:
            path.unlink()
    return found


def _targets(platforms: Sequence[str], pythons: Sequence[str]) -> list[tuple[str, str]]:
    for names, known, kind in ((platforms, PLATFORMS, "platform"), (pythons, PYTHONS, "Python version")):
        for name in names:
            if name not in known:
                raise CourseError(f"Unknown {kind} {name!r}. Choose from {', '.join(known)}.")
    targets = [(system, python) for system in platforms for python in pythons if (system, python) != IMPOSSIBLE]
    if not targets:
        raise CourseError("TensorFlow does not support Python 3.13 on Intel Macs. Choose Python 3.12.")
    return targets


def _digits(build: Path) -> Path | None:
    own = chosen_file()
    try:
        dataset = load_dataset(allow_embedded=False)
    except DatasetError as error:
        if own:
            raise
        print(f"MNIST is not in this kit, so lessons will use the small digits. {error}", flush=True)
        return None
    path = build / f"{own.stem if own else 'mnist'}.npz"
    arrays = {key: getattr(dataset, name) for key, name in zip(KERAS_NAMES, ARRAY_NAMES, strict=True)}
    np.savez_compressed(path, **arrays, class_names=dataset.class_names)
    return path


def _scripts(manifest: dict[str, Any]) -> dict[str, str]:
    texts = {name: read_text(FILES / name) for name in FILE_NAMES}
    # On macOS, a double click opens a Terminal only for this ending.
    texts["install.command"] = texts["install.sh"]
    texts["START HERE.html"] = Template(texts["START HERE.html"]).substitute(
        platforms="".join(
            f"<li>{system}, with Python {' or '.join(versions)}</li>"
            for system, versions in sorted(manifest["wheels"].items())
        ),
        digits=f"The images ({manifest['digits']}) are on this stick and are installed as well."
        if manifest["digits"]
        else "MNIST is not on this stick: without a network, lessons use smaller digits and say so.",
    )
    return texts


def _write_zip(path: Path, files: dict[str, Path], texts: dict[str, str]) -> None:
    # Wheels are compressed already.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, text in texts.items():
            entry = zip_entry(f"{KIT_FOLDER}/{name}", 0o755 if name.endswith((".sh", ".command")) else 0o644)
            # cmd.exe needs Windows line endings.
            content = text.replace("\n", "\r\n") if name.endswith(".bat") else text
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
        for name, file in files.items():
            kind = zipfile.ZIP_DEFLATED if name.startswith("site/") else zipfile.ZIP_STORED
            archive.write(file, f"{KIT_FOLDER}/{name}", kind)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
