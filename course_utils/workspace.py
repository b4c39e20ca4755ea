"""Where the lessons leave things for each other, and how a file is written whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def workspace_folder() -> Path:
    """Return the folder that the lessons share, creating it when it is missing.

    Returns
    -------
    pathlib.Path
        The folder named by the environment variable ``COURSE_WORKSPACE``, or else ``workspace`` beside the
        notebooks.

    Raises
    ------
    OSError
        The folder cannot be created; the message says what to set instead.
    """
    chosen = os.environ.get("COURSE_WORKSPACE")
    folder = Path(chosen).expanduser() if chosen else Path(__file__).resolve().parent.parent / "workspace"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"The workspace folder {folder} cannot be created ({error.strerror}). Set the environment variable "
            "COURSE_WORKSPACE to a folder that you may write to."
        ) from error
    return folder


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Let a file appear whole or not at all.

    Write to the path that the ``with`` statement gives. When the block ends well, that file takes the place of
    `path` in one step; when it ends with an exception, it is removed and `path` is what it was before.

    Parameters
    ----------
    path
        The file to create or replace. Its folder must exist.

    Yields
    ------
    pathlib.Path
        A path in the same folder that does not exist yet, and whose name has the same ending.

    Raises
    ------
    OSError
        The file cannot be written or put in place.
    """
    target = Path(path)
    # In the same folder, since only within one file system is a rename a single step. The file is left for the
    # caller to create, so that it gets the permissions of an ordinary file and a shared folder stays shared.
    temporary = target.with_name(f".{uuid.uuid4().hex[:12]}-{target.name}")
    try:
        yield temporary
        # Without this a power cut may leave the new name on a file whose bytes never reached the disk.
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
