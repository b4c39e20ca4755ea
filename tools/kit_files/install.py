"""Install the digit course from the folder that this file is in, without a network.

Any Python from 3.8 on can start this: standard library only, and no newer syntax.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

KIT = Path(__file__).resolve().parent
GIGABYTES = 2.5
# What a Python says about itself: its path, version, system and processor. The line is marked, because other
# programs may print something whenever Python starts.
PROBE = (
    "import json, platform, struct, sys; print('\\nPython:', json.dumps([sys.executable, platform.python_version(), "
)
PROBE += "sys.platform, platform.machine() if struct.calcsize('P') == 8 else '32-bit']))"
NAMES = {"darwin": "macos", "win32": "windows", "AMD64": "x86_64", "ARM64": "arm64", "aarch64": "arm64"}
COMMANDS = ("python3.12", "python3.13", "python3.11", "python3", "py -3.12", "py -3.13", "py -3.11")


class KitError(Exception):
    """The course cannot be installed from this kit; the message says why, and what to do."""


def main() -> int:
    """Install the course, and return the exit status."""
    parser = argparse.ArgumentParser(description="Install the digit course from this kit, without a network.")
    home = Path.home() / "digit-course"
    parser.add_argument("folder", nargs="?", type=Path, default=home, help="where to install it (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="only check whether every file of the kit is intact")
    arguments = parser.parse_args()
    try:
        kit = read_kit()
        if not arguments.check:
            return install(kit, arguments.folder.expanduser().absolute())
        check_files(kit, list(kit["sha256"]))
        print("Every file is intact.")
        return 0
    except (KitError, OSError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. You can run it again at any time: it keeps what is done.", file=sys.stderr)
        return 130


def install(kit: dict, folder: Path) -> int:
    """Install the course into a folder, and keep what is there already."""
    python, wheels = choose_python(kit)
    names = [kit["course"], kit["digits"], *(f"wheels/{name}" for name in wheels)]
    check_files(kit, [name for name in names if name])
    unpack(kit, folder)
    print(f"The course is unpacked in {folder}", flush=True)
    # The cache is on the disk of the environment, so that uv links files instead of copying them.
    cache = folder / "build" / "uv-cache"
    environment = dict(os.environ, COURSE_WHEELS=str(KIT / "wheels"), UV_CACHE_DIR=str(cache))
    done = subprocess.run([python, "-m", "tools", "setup"], cwd=str(folder), env=environment)
    shutil.rmtree(str(cache), ignore_errors=True)
    if done.returncode == 0:
        course_python = str(folder / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        done = subprocess.run([course_python, "-m", "tools", "check-setup"], cwd=str(folder))
        print(f'\nInstalled. This command opens the course, now and later:\n\n    "{course_python}" -m tools lab\n')
    return done.returncode


def read_kit() -> dict:
    """Return what ``kit.json`` says: names of files, wheels by system and Python version, hashes."""
    try:
        return json.loads((KIT / "kit.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged("kit.json") from error


def check_files(kit: dict, names: list[str]) -> None:
    """Compare files of the kit with their hashes, and raise `KitError` at the first one that differs."""
    print(f"Checking {len(names)} files of the kit", flush=True)
    for name in names:
        try:
            content = (KIT / name).read_bytes()
        except OSError as error:
            raise damaged(name) from error
        if hashlib.sha256(content).hexdigest() != kit["sha256"][name]:
            raise damaged(name)


def damaged(name: str) -> KitError:
    """Return the error for a file of the kit."""
    return KitError(f"The kit is damaged: {name} is missing or changed. Nothing was installed. Copy the kit again.")


def choose_python(kit: dict) -> tuple[str, list[str]]:
    """Return a Python of this computer that the kit has wheels for (this one, if it has), and the wheels' names."""
    seen = {}
    for command in [[sys.executable], *(command.split() for command in COMMANDS)]:
        try:
            printed = subprocess.check_output([*command, "-c", PROBE]).decode("utf-8", "replace")
            path, version, *system = json.loads(re.findall("^Python: (.*)", printed, re.MULTILINE)[0])
        except (OSError, ValueError, LookupError, subprocess.CalledProcessError):
            continue  # it is not there, or a shim with nothing behind it
        name = "-".join(NAMES.get(part, part) for part in system)
        wheels = kit["wheels"].get(name, {}).get(".".join(version.split(".")[:2]))
        if wheels:
            return path, wheels
        seen[path] = f"\n  Python {version} for {name} ({path})"
    supported = ", ".join(f"{name} with Python {' or '.join(versions)}" for name, versions in kit["wheels"].items())
    raise KitError(
        f"Nothing was installed. This kit is for {supported}. This computer has:{''.join(seen.values())}\n"
        "Install a Python that this kit is for, or ask for a kit for this computer."
    )


def unpack(kit: dict, folder: Path) -> None:
    """Unpack what is not there yet, each file whole or not at all; refuse a folder that holds anything else."""
    with zipfile.ZipFile(str(KIT / kit["course"])) as archive:
        files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    there = [name for name in files if (folder / name).exists() and not name.endswith(".ipynb")]  # students edit those
    differs = [name for name in there if (folder / name).read_bytes() != files[name]]
    if differs or (not there and folder.exists() and any(folder.iterdir())):
        what = f"another edition of the course ({differs[0]} differs)" if differs else "other things"
        raise KitError(f"{folder} holds {what}; nothing in it was changed. Choose another folder, such as {folder}-2")
    free = shutil.disk_usage(str(next(each for each in folder.parents if each.exists()))).free / 1e9
    if not (folder / ".venv").exists() and free < GIGABYTES:
        raise KitError(
            f"Nothing was installed: the course takes {GIGABYTES} GB, but only {free:.1f} GB are free. Free some "
            "space, or choose a folder on another disk."
        )
    if kit["digits"]:
        files["workspace/" + kit["digits"]] = (KIT / kit["digits"]).read_bytes()
    for name, content in files.items():
        if not (folder / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            part = folder / f"{name}.part"
            part.write_bytes(content)
            part.replace(folder / name)


if __name__ == "__main__":
    sys.exit(main())
