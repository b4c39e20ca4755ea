"""The progress file: which exercises were solved, and how often each failed since it was last right.

With ``COURSE_SHARE_PROGRESS=1``, it also says what was wrong in the last answer to each exercise that is not right yet.
``tools/progress.py`` makes a table of that; it counts only files that were written with this setting.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from course_utils.environment import is_switched_on
from course_utils.workspace import atomic_path, workspace_folder

LOCK_SECONDS = 3.0
MOST_BYTES = 100_000
MOST_CHARACTERS = 200  # of a mistake


class Progress(NamedTuple):
    """The content of a progress file."""

    done: set[str]
    failures: dict[str, int]
    #: What is wrong now, by exercise; None in a file that is not shared.
    mistakes: dict[str, str] | None = None
    #: Whether the whole file could be understood.
    is_whole: bool = True


def done_exercises() -> set[str]:
    """Return the keys of the solved exercises, from ``progress.json`` in the workspace."""
    try:
        return read_progress(_file()).done
    except OSError:
        return set()


def record(key: str, *, is_right: bool, text: str = "") -> tuple[int, str]:
    """Keep what a check found; return how often the exercise has failed, and a remark if something went wrong."""
    failures: dict[str, int] = {}
    remark, lock = "", None
    try:
        file = _file().resolve()  # a symbolic link stays one: its target is written
        lock = FileLock(file.with_name(".progress.json.lock"), timeout=LOCK_SECONDS)
        try:
            lock.acquire()
        except NotImplementedError:  # a network drive without locks: go on unprotected rather than not at all
            lock = None
        done, failures, mistakes, is_whole = read_progress(file)
        if not is_whole:
            aside = file.with_name("progress.broken.json")
            file.replace(aside)
            remark = f"(progress.json was damaged. What could be read was kept; the old file is now {aside.name}.)"
        done |= {key} if is_right else set()
        failures[key] = 0 if is_right else failures.get(key, 0) + 1
        kept = {name: count for name, count in sorted(failures.items()) if count}
        content: dict[str, object] = {**dict.fromkeys(sorted(done), "done"), "failures": kept}
        if is_switched_on("COURSE_SHARE_PROGRESS"):
            first_sentence = re.split(r"(?<=[.?]) ", text)[0][:MOST_CHARACTERS]
            latest = {**(mistakes or {}), key: "" if is_right else first_sentence}
            content["mistakes"] = {name: mistake for name, mistake in sorted(latest.items()) if mistake}
        with atomic_path(file) as temporary:
            temporary.write_text(json.dumps(content, indent=1), "utf-8")
    except Timeout:
        remark = "(This was not saved: another program kept progress.json locked. Run the check again.)"
    except OSError as error:
        remark = f"(This was not saved in progress.json: {error.strerror or 'the workspace cannot be written'}.)"
    finally:
        if lock is not None:
            lock.release()
    return failures.get(key, 0), remark


def _file() -> Path:
    return workspace_folder() / "progress.json"


def read_progress(file: Path) -> Progress:
    """Return what a file says, or as much of it as can be read."""
    if not file.is_file():
        return Progress(set(), {})
    with file.open("rb") as stream:
        content = stream.read(MOST_BYTES)
    is_utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:4]
    text = content.decode("utf-16" if is_utf16 else "utf-8-sig", errors="replace")
    mistakes = None
    try:
        content = json.loads(text)
        is_whole = isinstance(content, dict)
        if is_whole and isinstance(content.get("mistakes"), dict):
            mistakes = {key: str(mistake)[:MOST_CHARACTERS] for key, mistake in content["mistakes"].items()}
    except (ValueError, RecursionError):
        is_whole = False
    # Searched by pattern, not parsed, so that a damaged file still yields what is in it.
    done = set(re.findall(r'"(\d\d\.\d+)"\s*:\s*"done"', text))
    failures = {key: int(count) for key, count in re.findall(r'"(\d\d\.\d+)"\s*:\s*(\d{1,6})(?=\s*[,}])', text)}
    return Progress(done, failures, mistakes, is_whole)
