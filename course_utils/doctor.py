"""Tell in plain words whether a computer has what the course needs, and what to do where it has not."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import NamedTuple

from packaging.requirements import Requirement

from course_utils.workspace import workspace_folder

DISTRIBUTION = "digit-course"


class Finding(NamedTuple):
    """One line of the report: what was looked at, whether it is as it should be, and what was found or what to do."""

    subject: str
    ok: bool
    message: str


def examine() -> None:
    """Print a line for each thing that the course needs: ``ok``, or what is missing and what to do."""
    for finding in (check_python(), check_packages(), check_workspace()):
        print(f"{'ok' if finding.ok else 'PROBLEM':8}{finding.subject}: {finding.message}")


def check_python() -> Finding:
    """Compare this Python with the versions that the course supports (``requires-python`` in ``pyproject.toml``)."""
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", True, "one of 3.11 to 3.13")
    version = ".".join(map(str, sys.version_info[:2]))
    return Finding("Python", False, f"this is {version}. Set the course up again with Python 3.11, 3.12 or 3.13.")


def check_packages() -> Finding:
    """Compare the installed packages with the requirements that the course declares for this computer."""
    try:
        requirements = [Requirement(line) for line in metadata.requires(DISTRIBUTION) or []]
    except metadata.PackageNotFoundError:
        return Finding("packages", False, "the course is not installed here. Run `python -m course_utils setup`.")
    needed = [each for each in requirements if each.marker is None or each.marker.evaluate({"extra": ""})]
    missing = [str(requirement.name) for requirement in needed if not _is_installed(requirement)]
    if missing:
        return Finding("packages", False, f"missing or old: {', '.join(missing)}. Run `python -m course_utils setup`.")
    return Finding("packages", True, "all that the lessons import are installed")


def check_workspace() -> Finding:
    """Try to write in the folder where lessons leave the pickle, the trained network and its history."""
    probe = workspace_folder() / ".writable"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return Finding("workspace", False, f"its folder cannot be written ({error.strerror}). Move the course.")
    return Finding("workspace", True, "its folder can be written")


def _is_installed(requirement: Requirement) -> bool:
    try:
        return metadata.version(requirement.name) in requirement.specifier
    except metadata.PackageNotFoundError:
        return False
