"""Where lessons leave files for each other, and how a file is written completely or not at all."""

from __future__ import annotations

import errno
import glob
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from course_utils.course import ROOT, CourseError
from course_utils.environment import path_setting

# A temporary file this old belongs to a process that was killed.
_ABANDONED_SECONDS = 600
#: Where a user works if the course is installed for everyone and only its owner may write there.
IN_HOME = Path(os.path.expanduser("~"), "my-course")  # noqa: PTH111 - works where there is no home, too


def is_read_only() -> bool:
    """Return whether the user may not write to the course's folder, as where somebody else has installed it."""
    return not os.access(ROOT, os.W_OK)


class WorkspaceError(CourseError, OSError):
    """The workspace folder cannot be created."""


def workspace_folder() -> Path:
    """Return the folder that the lessons share, creating it if it is missing.

    Returns
    -------
    pathlib.Path
        The folder named by the environment variable ``COURSE_WORKSPACE``; otherwise ``workspace`` in the folder of
        the course, or in ``~/my-course`` if that is read-only. If only the package is installed, it is beside the
        notebook.

    Raises
    ------
    WorkspaceError
        The folder cannot be created.
    """
    folder = path_setting("COURSE_WORKSPACE") or (IN_HOME if is_read_only() else ROOT) / "workspace"
    try:
        if folder.parts[0].startswith("~"):
            raise FileNotFoundError(errno.ENOENT, "no such home folder")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(
            f"The workspace folder {folder} cannot be created ({error.strerror}). Set the environment variable "
            "COURSE_WORKSPACE to a folder that you may write to."
        ) from error
    return folder


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path to write to; the file replaces `path` when the block ends without an error.

    After an error the temporary file is removed and `path` is unchanged. The temporary file of a killed process is
    removed by a later write of the same file, once it is ten minutes old.
    """
    target = Path(path)
    for left in target.parent.glob(f".{'[0-9a-f]' * 12}-{glob.escape(target.name)}"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                left.unlink()
    # In the same folder, since a rename is a single step only within one file system. The caller creates the file, so
    # that it gets the permissions of an ordinary file and a shared folder stays shared.
    temporary = target.with_name(f".{uuid.uuid4().hex[:12]}-{target.name}")
    try:
        yield temporary
        # Otherwise a power cut may leave the new name on a file whose bytes never reached the disk.
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_remedy(error: OSError) -> str:
    """Return the sentence of a message that says what to do when a file cannot be written."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "Create its folder first, or check the spelling."
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "Free some disk space, or choose another disk."
    return "Make sure that you may write to its folder, and close programs that have the file open."
