"""Read and replace files and folders: errors name the file, and nothing is left half written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from course_utils.course import ROOT, CourseError


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what is wrong with a file into a CourseError that names the file."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise CourseError(f"{shown(path)} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    except OSError as error:
        raise CourseError(f"{shown(path)} cannot be read: {error.strerror}. Restore it from Git.") from error
    except (ValueError, SyntaxError) as error:
        raise CourseError(f"{shown(path)} cannot be read: {error}. Correct it, or restore it from Git.") from error


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, or raise CourseError."""
    with reading(path):
        return path.read_bytes()


def read_text(path: Path) -> str:
    """Return the text of a file, or raise CourseError."""
    with reading(path):
        return path.read_text(encoding="utf-8")


def shown(path: Path) -> str:
    """Return a path as messages show it: relative to the course, if it lies inside."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder to write to, and replace `path` by it when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the old one: within one file system, moving a folder is a rename.
    with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent, ignore_cleanup_errors=True) as temporary:
        new, old = Path(temporary, "new"), Path(temporary, "old")
        new.mkdir()
        yield new
        try:
            if path.exists():
                path.rename(old)
            new.rename(path)
        except BaseException:  # also Ctrl-C between the two
            if old.exists() and not path.exists():
                old.rename(path)
            raise


def write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Replace a folder with one that holds these files."""
    with replace_folder(folder) as temporary:
        for name, content in files.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_bytes(content)
