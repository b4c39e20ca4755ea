"""Where the lessons leave things for each other, and how files are written whole or not at all, by one at a time.

Only the standard library, and nothing newer than Python 3.8, since the set-up of the environment imports this too.
"""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import shutil
import sys
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

# Nobody writes to a temporary file that was left alone for so long: whoever made it was killed.
_ABANDONED_SECONDS = 600


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


def write_remedy(error: OSError, num_bytes: int | None = None) -> str:
    """Tell what helps when a file cannot be written.

    Parameters
    ----------
    error
        What writing raised.
    num_bytes
        Size of what was to be written, if it is known.

    Returns
    -------
    str
        One sentence for a message.
    """
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "Create its folder first, or check the spelling."
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        room = "room" if num_bytes is None else f"room for {num_bytes / 1e6:.0f} MB more"
        return f"Make {room}, or choose another disk."
    return "Choose a file in a folder that you may write to, and close programs that have the file open."


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Let a file appear whole or not at all.

    Write to the path that the ``with`` statement gives. When the block ends well, that file takes the place of
    `path` in one step; when it ends with an exception, it is removed and `path` is what it was before. A process
    that is killed leaves the temporary file behind, hidden; whoever writes the same file ten minutes later removes it.

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
    temporary = _temporary_beside(target)
    try:
        yield temporary
        # Without this a power cut may leave the new name on a file whose bytes never reached the disk.
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Let a folder appear whole or not at all, in place of what it was before.

    Write into the folder that the ``with`` statement gives; all is as with `atomic_path` for a file. Only where the
    system cannot exchange two folders in one step (Windows, some network drives), there is a moment with neither.

    Parameters
    ----------
    path
        The folder to create or replace. The folder that it is in must exist.

    Yields
    ------
    pathlib.Path
        An empty folder beside it.

    Raises
    ------
    OSError
        It cannot be written or put in place; what was there before is still there.
    """
    target = Path(path)
    temporary, old = _temporary_beside(target), _temporary_beside(target)
    temporary.mkdir()
    try:
        yield temporary
        if not _exchange(temporary, target):
            with suppress(FileNotFoundError):
                target.rename(old)
            try:
                temporary.rename(target)
            except OSError:
                with suppress(FileNotFoundError):
                    old.rename(target)
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders take each other's places in one step, where there are two and the system can do that."""
    swap = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
    try:
        system = ctypes.CDLL(None)
        if sys.platform == "darwin":
            return system.renamex_np(os.fsencode(one), os.fsencode(other), swap) == 0
        at_working_folder = -100
        return system.renameat2(at_working_folder, os.fsencode(one), at_working_folder, os.fsencode(other), swap) == 0
    except (AttributeError, OSError, TypeError):
        return False


def _temporary_beside(target: Path) -> Path:
    """Return a name in the folder of `target` that nobody has, after removing what killed processes left there."""
    for left in target.parent.glob(f".{'[0-9a-f]' * 12}-{glob.escape(target.name)}"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    return target.with_name(f".{uuid.uuid4().hex[:12]}-{target.name}")


@contextmanager
def one_at_a_time(lock_file: Path, waiting: str = "") -> Iterator[IO[str]]:
    """Let one process after the other run the block; the system frees the lock even when its holder is killed.

    Parameters
    ----------
    lock_file
        A file for this purpose; it is created, and stays.
    waiting
        What is printed, once, when another process has the lock; for what takes an instant, nothing.

    Yields
    ------
    file
        The lock file, open: empty, unless this process had to wait and the one before it left a word there.

    Raises
    ------
    OSError
        The lock file cannot be written.
    """
    with lock_file.open("a+", encoding="utf-8") as file:
        if _try_lock(file.fileno()):
            file.truncate(0)
        else:
            if waiting:
                print(waiting, flush=True)
            while not _try_lock(file.fileno()):
                time.sleep(0.1)
        file.seek(0)
        yield file


def _try_lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            # The byte that is locked cannot be read by others, and the first ones may hold a word for them.
            os.lseek(descriptor, 2**30, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        # A file system without locks, as some network drives: go on unprotected rather than not at all.
        return True
    return True
