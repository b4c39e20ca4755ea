"""Read a file of digits that may come from anyone: four plain arrays come out, or a `DatasetError`.

Nothing in it is executed, and a size counts only after it was compared with the bytes that are there.
"""

from __future__ import annotations

import io
import os
import re
import warnings
import zipfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.lib import format as npy_format

from course_utils.course import CourseError
from course_utils.safe_pickle import Inert, PickleRefusedError, load_inert, quoted

# Of a file, and of the arrays in it: nearly twice MNIST. Text in Fortran order is held four times while it is read, and
# that is to stay below 500 MB on a small laptop.
MAX_BYTES = 90 * 1024 * 1024
ARRAY_NAMES = ("train_images", "train_labels", "test_images", "test_labels")

_KERAS_NAMES = ("x_train", "y_train", "x_test", "y_test")
_MAX_NAME = 40  # characters of the name of a class
_NO_NAMES = f"class_names must be a list of names, each of 1 to {_MAX_NAME} characters"
_TOO_LARGE = "its arrays claim far more bytes than digits need"
_REMEDY = "Nothing was loaded or changed. Get a fresh copy of the file, or use another one."


class DatasetError(CourseError, ValueError):
    """Digits cannot be loaded, saved or trusted; the message says which, why and what to do."""


def file_error(path: Path, problem: str, remedy: str = _REMEDY) -> DatasetError:
    """Build the error for a file; the message has only its name, so that it reads the same on every machine."""
    error = DatasetError(f"{path.name}: {problem}. {remedy}")
    error.add_note(f"The file: {path.absolute()}")
    return error


def check_array(name: str, dtype: str, shape: tuple[int, ...]) -> None:
    """Raise a `DatasetError` unless dtype and shape are what the course expects of one of `ARRAY_NAMES`."""
    is_image = name.endswith("images")
    axes = (28, 28) if is_image else ()
    expected, content = ("(n, 28, 28)", "the pixel values 0 to 255") if is_image else ("(n,)", "the labels 0 to 9")
    if dtype != "uint8":
        raise DatasetError(f"{name} has dtype {dtype}, expected uint8, {content}")
    if not shape or shape[1:] != axes:
        shown = f"shape {shape}" if len(shape) <= 8 else f"{len(shape)} axes"
        raise DatasetError(f"{name} has {shown}, expected shape {expected}")
    if shape[0] == 0:
        raise DatasetError(f"{name} is empty, expected shape {expected} with at least one digit")


def read_arrays(path: str | os.PathLike[str]) -> tuple[np.ndarray, ...]:
    """Read ``train_images, train_labels, test_images, test_labels``: uint8, in C order, read-only.

    The first bytes tell an ``.npz`` archive with Keras' keys from a pickle of
    ``[(train_images, train_labels), (test_images, test_labels)]``. Whatever is wrong, a `DatasetError` says it.
    """
    path = Path(path)
    content = _read_file(path)
    is_archive = content.startswith((b"PK\x03\x04", b"PK\x05\x06"))
    try:
        return _read_npz(content) if is_archive else _read_pickle(content)
    except (DatasetError, PickleRefusedError) as error:
        raise file_error(path, str(error)) from error
    # A broken file can make zipfile, zlib and NumPy's header parser fail in more ways than they document.
    except Exception as error:
        kind = "an .npz archive" if is_archive else "a pickle"
        reason = quoted(str(error) or type(error).__name__)
        raise file_error(path, f"it is broken and cannot be read as {kind} ({reason})") from error


def read_class_names(path: str | os.PathLike[str]) -> tuple[str, ...] | None:
    """Return what the array ``class_names`` of an ``.npz`` archive holds; None where there is no such array."""
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo("class_names.npy")
            if member.file_size > 10_000:
                raise DatasetError("class_names is far larger than ten names")
            names = _read_checked(archive, member, "class_names", _check_names)
        if not all(0 < len(name) <= _MAX_NAME for name in names):
            raise DatasetError(_NO_NAMES)
        return tuple(name if name.isprintable() else quoted(name) for name in names.tolist())
    except (KeyError, zipfile.BadZipFile):  # an archive without names, or a pickle
        return None
    except DatasetError as error:
        raise file_error(path, str(error)) from error
    except Exception as error:
        reason = quoted(str(error) or type(error).__name__)
        raise file_error(path, f"class_names cannot be read as names ({reason})") from error


def _read_file(path: Path) -> bytes:
    """Read all of an ordinary file, once, so that what is checked is what is used."""
    look = "Check the spelling and the folder"
    try:
        if not path.exists():
            raise file_error(path, f"there is no file {path}", f"{look}.")
        if path.is_dir():
            raise file_error(path, f"{path} is a folder, not a file", "Name the .npz or .pickle file in it.")
        if not path.is_file():  # opening a pipe or a device could wait forever
            raise file_error(path, f"{path} is not an ordinary file", f"{look}.")
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size  # read() sets aside as much memory as it is asked for
            content = stream.read(min(size, MAX_BYTES) + 1)
    except OSError as error:
        problem = f"{path} cannot be opened ({error.strerror})"
        raise file_error(path, problem, f"{look}, and who may read it.") from error
    if not content:
        raise file_error(path, "the file is empty")
    if len(content) > MAX_BYTES:
        problem = f"the file is larger than {MAX_BYTES // 1024**2} MB, too large for this course"
        remedy = "MNIST is 11 MB as .npz and 55 MB as a pickle of protocol 4: save it as one of these."
        raise file_error(path, problem, remedy)
    return content


def _read_npz(content: bytes) -> tuple[np.ndarray, ...]:
    # zipfile builds an object per entry before it can be asked how many there are.
    if content.count(b"PK\x01\x02") > 100:
        raise DatasetError("the archive has too many entries to be one of digits")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if missing := [key for key in _KERAS_NAMES if f"{key}.npy" not in members]:
            raise DatasetError(f"the archive has no array {' and no '.join(missing)}")
        wanted = [members[f"{key}.npy"] for key in _KERAS_NAMES]
        if sum(member.file_size for member in wanted) > MAX_BYTES:
            raise DatasetError(_TOO_LARGE)
        if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in wanted):
            raise DatasetError("its arrays are packed in another way than NumPy packs them")
        return tuple(_read_member(archive, *pair) for pair in zip(wanted, ARRAY_NAMES, strict=True))


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> np.ndarray:
    array = np.ascontiguousarray(_read_checked(archive, member, name, check_array))
    array.flags.writeable = False
    return array


def _check_names(name: str, dtype: str, shape: tuple[int, ...]) -> None:
    if not dtype.startswith("str") or len(shape) != 1:
        raise DatasetError(_NO_NAMES)


def _read_checked(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, check: Callable[[str, str, tuple[int, ...]], None]
) -> np.ndarray:
    with warnings.catch_warnings(), archive.open(member) as stream:
        warnings.simplefilter("ignore")  # NumPy warns of odd headers; here they end in an error or do not matter
        version = npy_format.read_magic(stream)
        read_header = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}[version]
        shape, _, dtype = read_header(stream)
        check(name, dtype.name, shape)
        # Before the array is allocated: a header may claim any shape.
        if prod(shape) * dtype.itemsize != member.file_size - stream.tell():
            raise DatasetError(f"{name} claims shape {shape}, but another number of bytes follows")
        stream.seek(0)
        return npy_format.read_array(stream, allow_pickle=False)


def _read_pickle(content: bytes) -> tuple[np.ndarray, ...]:
    if content.startswith(b"\x1f\x8b"):
        raise DatasetError("it is compressed with gzip: unpack it first")
    if content.startswith(b"\x93NUMPY"):
        raise DatasetError("it is a single .npy array, where four are needed")
    match load_inert(content):
        case [[_, _] as train, [_, _] as test]:
            arrays = zip(ARRAY_NAMES, [*train, *test], strict=True)
        case _:
            raise DatasetError("it does not hold [(train_images, train_labels), (test_images, test_labels)]")
    parts = {name: _check_pickled(name, array) for name, array in arrays}
    # All four together: a file could name the same bytes four times.
    if sum(prod(shape) for shape, _, _ in parts.values()) > MAX_BYTES:
        raise DatasetError(_TOO_LARGE)
    return tuple(_build(name, *part) for name, part in parts.items())


def _check_pickled(name: str, array: object) -> tuple[tuple[int, ...], Any, Any]:
    """Return shape, order and data of an array in the form that NumPy pickles it; the data is unchecked."""
    match array:
        case Inert("_reconstruct", (Inert("ndarray"), (0,), _), (1, shape, dtype, is_fortran, data)):
            order = "F" if is_fortran else "C"
        case Inert("_frombuffer", (data, dtype, shape, "C" | "F" as order)):  # protocol 5
            pass
        case _:
            raise DatasetError(f"{name} is not a NumPy array")
    match dtype, shape:
        case Inert("dtype", (str(code), *_), None | (_, _, None, None, None, *_)), tuple():  # no fields
            is_shape = all(type(length) is int and 0 <= length < 2**63 for length in shape)
        case _:
            is_shape = False
    if not is_shape:
        raise DatasetError(f"{name} is an array without a proper dtype and shape")
    check_array(name, np.dtype(code).name if re.fullmatch(r"[biufcO]\d{1,2}", code) else quoted(code), shape)
    return shape, order, data


def _build(name: str, shape: tuple[int, ...], order: Literal["C", "F"], data: object) -> np.ndarray:
    match data:
        case Inert("encode", (str(data), "latin1")) | str(data):  # protocols 0 to 2 have no bytes
            data = data.encode("latin-1")
    if not isinstance(data, bytes | bytearray) or len(data) != prod(shape):
        raise DatasetError(f"{name} claims shape {shape}, but another number of bytes follows")
    array = np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(shape, order=order))
    array.flags.writeable = False
    return array
