"""Install the digit course from the folder that this file is in, without a network.

Like the set-up of the course this is read by whatever Python there is: standard library only, and no syntax newer than
Python 3.8. The set-up itself comes out of the course in the kit, once that has the hash that it should have.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

KIT = Path(__file__).resolve().parent


class KitError(Exception):
    """The course cannot be installed from this kit; the message says why, and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Install the course, and return the exit status: 0 when it can begin."""
    parser = argparse.ArgumentParser(description="Install the digit course from this kit, without a network.")
    home = Path.home() / "digit-course"
    parser.add_argument("folder", nargs="?", type=Path, default=home, help="where to install it; else %(default)s")
    parser.add_argument("--check", action="store_true", help="only look whether every file of the kit is whole")
    arguments = parser.parse_args(argv)
    try:
        kit = read_kit()
        if arguments.check:
            check_files(kit, list(kit["sha256"]))
            print("Every file is whole.")
            return 0
        return install(kit, arguments.folder.expanduser().absolute())
    except (KitError, OSError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Start it again at any time; what is done already is kept.", file=sys.stderr)
        return 130


def read_kit() -> dict[str, Any]:
    """Return what ``kit.json`` says."""
    try:
        return json.loads((KIT / "kit.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged("kit.json") from error


def install(kit: dict[str, Any], folder: Path) -> int:
    """Install the course into a folder; what is there already is kept."""
    check_files(kit, [kit["course"]])
    # The course's own set-up, straight out of its zip.
    sys.path.insert(0, str(KIT / kit["course"] / "digit-course"))
    from tools.bootstrap import ENVIRONMENT_GIGABYTES

    python = choose_python(kit)
    wheels = kit["wheels"][python.system]["{}.{}".format(*python.version)]
    check_files(kit, [f"wheels/{name}" for name in wheels] + ([kit["digits"]] if kit["digits"] else []))
    check_folder(kit, folder)
    if not (folder / ".venv").exists():
        check_space(folder, ENVIRONMENT_GIGABYTES)
    unpack(kit, folder)
    print(f"The course is in {folder}", flush=True)
    cache = folder / "build" / "uv-cache"
    # The cache beside the environment, so that files are moved from one to the other rather than copied.
    environment = dict(os.environ, COURSE_WHEELS=str(KIT / "wheels"), UV_CACHE_DIR=str(cache))
    try:
        done = subprocess.run([python.path, "-m", "course_utils", "setup"], cwd=str(folder), env=environment)
    finally:
        shutil.rmtree(str(cache), ignore_errors=True)
    if done.returncode:
        return done.returncode
    scripts = folder / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    print("\nA look at this computer:\n", flush=True)
    done = subprocess.run([str(scripts / "python"), "-m", "course_utils", "doctor"], cwd=str(folder))
    print(f'\nInstalled. This command opens the first lesson, now and later:\n\n    "{scripts / "digit-course"}" lab\n')
    return done.returncode


def check_files(kit: dict[str, Any], names: Sequence[str]) -> None:
    """Compare files of the kit with their hashes, and raise `KitError` at the first one that differs."""
    size = sum((KIT / name).stat().st_size for name in names if (KIT / name).exists())
    print(f"Checking {len(names)} file{'s' * (len(names) > 1)} of the kit, {size / 1e6:.0f} MB", flush=True)
    for number, name in enumerate(names, start=1):
        digest = hashlib.sha256()
        try:
            with (KIT / name).open("rb") as stream:
                for block in iter(lambda: stream.read(1 << 20), b""):
                    digest.update(block)
        except OSError as error:
            raise damaged(name, f"cannot be read ({error.strerror or error})") from error
        if digest.hexdigest() != kit["sha256"][name]:
            raise damaged(name)
        if sys.stdout.isatty():
            print(f"\r{number} of {len(names)}", end="\n" if number == len(names) else "", flush=True)


def damaged(name: str, how: str = "is not what it was when the kit was made") -> KitError:
    """Build the error for a file of the kit."""
    return KitError(
        f"The kit is damaged: {name} {how}. Nothing was installed. Copy the kit to the stick again, or take another "
        "stick."
    )


def choose_python(kit: dict[str, Any]) -> Any:  # noqa: ANN401 - an Interpreter, whose class is in the zip
    """Return a Python of this computer for which the kit has packages."""
    from tools.bootstrap import pythons_here

    seen = []
    for python in pythons_here():
        versions = kit["wheels"].get(python.system)
        if versions is None:
            obstacle = f"the kit has nothing for {python.system}, only for {', '.join(kit['wheels'])}"
        elif "{}.{}".format(*python.version) not in versions:
            obstacle = f"the kit has packages for Python {' and '.join(versions)}"
        else:
            obstacle = python.obstacle
        if obstacle is None:
            return python
        seen.append(f"\n  {python.name}: {obstacle}")
    raise KitError(
        f"Nothing was installed, since no Python on this computer goes with this kit.{''.join(seen)}\n"
        "Install a Python that does, or ask for a kit that goes with yours."
    )


def check_folder(kit: dict[str, Any], folder: Path) -> None:
    """Make sure that a folder holds nothing else, and no other edition of the course."""
    other = None
    with zipfile.ZipFile(str(KIT / kit["course"])) as course:
        if not folder.exists() or not any(folder.iterdir()):
            return
        if not (folder / "requirements.lock").exists():
            other = "holds other things"
        for name in course.namelist():
            path = folder / name.partition("/")[2]
            # Notebooks are there to be changed.
            if path.suffix != ".ipynb" and path.exists() and path.read_bytes() != course.read(name):
                other = f"holds another edition of the course (its {path.relative_to(folder)} differs)"
    if other:
        raise KitError(
            f"{folder} {other}, and nothing in it was touched. Name another folder after the command, for example "
            f"{folder}-2"
        )


def check_space(folder: Path, gigabytes: float) -> None:
    """Make sure that the disk has room for the course."""
    existing = next(each for each in [folder, *folder.parents] if each.exists())
    free = shutil.disk_usage(str(existing)).free / 1e9
    if free < gigabytes + 0.3:
        raise KitError(
            f"{free:.1f} GB are free where {folder} would be, and the course takes {gigabytes + 0.3:.1f} GB. Nothing "
            "was installed. Make room, or name a folder on another disk after the command."
        )


def unpack(kit: dict[str, Any], folder: Path) -> None:
    """Unpack what is not there yet, each file whole or not at all, and put the digits where lessons look for them."""
    with zipfile.ZipFile(str(KIT / kit["course"])) as course:
        for name in course.namelist():
            write_new(folder / name.partition("/")[2], course.read(name))
    if kit["digits"]:
        write_new(folder / "workspace" / kit["digits"], (KIT / kit["digits"]).read_bytes())


def write_new(path: Path, content: bytes) -> None:
    """Write a file unless it is there."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
