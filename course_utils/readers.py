"""Read digits from a file that may come from anyone: the result is four plain arrays, or a `DatasetError`.

The first bytes decide the format, never the name. Nothing in a file is executed, and no size in it is trusted until
it has been compared with the bytes that are there.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain, islice
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np
from numpy.lib import format as npy_format

from course_utils.course import CourseError
from course_utils.safe_pickle import Inert, load_inert, quoted

# Of a file, and of the arrays in it: nearly twice MNIST. While text in Fortran order is read, memory holds it four
# times, which must stay below 500 MB on a small laptop.
MAX_BYTES = 90 * 1024 * 1024
ARRAY_NAMES = ("train_images", "train_labels", "test_images", "test_labels")

Arrays = tuple[Any, ...]

KERAS_NAMES = ("x_train", "y_train", "x_test", "y_test")
_MAX_NAME = 40  # characters of the name of a class
_NO_NAMES = f"class_names must be a list of names, each of 1 to {_MAX_NAME} characters"
_TOO_LARGE = "its arrays claim far more bytes than digits need"
_REMEDY = "Nothing was loaded or changed. Get a fresh copy of the file, or use another one."
_LOOK = "Check the spelling, the folder and who may read it."
_AS_NPZ = "Save it from NumPy: np.savez_compressed('digits.npz', x_train=…, y_train=…, x_test=…, y_test=…)."
_AS_IMAGES = "If the values go up to 1, multiply by 255 first; then use images.reshape(-1, 28, 28).astype('uint8')."
_RESIZE = "With Image from PIL: np.array([Image.fromarray(image).convert('L').resize((28, 28)) for image in images])."
_AS_LABELS = "If the labels are one-hot, use labels.argmax(axis=1) first; then use labels.astype('uint8')."
_UNPACK = "If it contains digits, unpack it and name the file or folder that you get."
_READABLE = "The course reads mnist.npz, its own pickle, the four IDX files of MNIST, and CSV files with labels."

_IDX = b"\0\0\x08"  # of bytes; the number of axes follows
_TABLE = rb'(\xef\xbb\xbf)?"?[\w .-]{0,40}"?,"?[\w .-]{0,40}"?[,\r\n]'
_MAX_LINE = 20_000
#: What the first bytes of other files look like, what these are, and what to do.
_OTHERS = (
    (rb"BZh|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd|(?s:.{257})ustar", "a compressed file", _UNPACK),
    (rb"(\xef\xbb\xbf)?\s*<", "a web page", "It may be a login page: download the file again in a browser."),
    (rb"version https://git-lfs", "a Git LFS pointer to the file", "Run 'git lfs pull', or download the file itself."),
    (rb"\s*(\{|\[\s*[\[{\d\"])", "a JSON file or a notebook", _READABLE),
    (rb"(?i)\s*(@relation|%)", "an ARFF file", _READABLE),
    (rb"PAR1|ARROW1", "a Parquet or Feather file", _READABLE),
    (rb"SQLite format", "a database", _READABLE),
    (rb"\x89HDF", "an HDF5 file", _READABLE),
    (rb"MATLAB", "a MATLAB file", _READABLE),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF", "a picture", _READABLE),
    (rb"\0\0[\x09-\x0e]", "an IDX file of numbers other than bytes", _READABLE),
    (rb"\x93NUMPY", "a single .npy array, where four are needed", _AS_NPZ),
    (rb'"?[\w .-]{0,40}"?[;\t]', "a table without commas", "Save it again as CSV, with commas between the numbers."),
    (rb"\xff\xfe|\xfe\xff|\xef\xbb\xbf", "text, as an editor saves it", _READABLE),
    (rb"#|\w+:? \w+", "text", _READABLE),
)


class DatasetError(CourseError, ValueError):
    """Digits cannot be loaded, saved or trusted; the message says which, why and what to do."""

    def __init__(self, problem: str, remedy: str = _REMEDY) -> None:
        super().__init__(problem)
        self.remedy = remedy  # for `file_error`


def shown(name: str | Path) -> str:
    """Return the name of a file or a class in printable characters."""
    return str(name) if str(name).isprintable() else quoted(str(name))


def file_error(path: Path, problem: str, remedy: str = _REMEDY) -> DatasetError:
    """Build the error for a file; the message has only its name, so that it reads the same on every machine."""
    error = DatasetError(f"{shown(path.name)}: {problem}. {remedy}")
    error.add_note(f"The file: {shown(path.absolute())}")
    return error


def check_array(name: str, dtype: str, shape: tuple[int, ...]) -> None:
    """Raise a `DatasetError` unless dtype and shape are what the course expects of an array of this name."""
    if name == "class_names":
        if not re.fullmatch(r"str\d{1,4}", dtype) or len(shape) != 1 or shape[0] > 100:
            raise DatasetError(_NO_NAMES)
        return
    axes: tuple[int, ...] = ()
    expected, content, remedy = "(n,)", "the labels 0 to 9", _AS_LABELS
    if name.endswith("images"):
        axes, expected, content, remedy = (28, 28), "(n, 28, 28)", "the pixel values 0 to 255", _AS_IMAGES
        if prod(shape[1:]) != 28 * 28:
            remedy = _RESIZE
    if dtype != "uint8":
        raise DatasetError(f"{name} has dtype {dtype}, expected uint8, {content}", remedy)
    if not shape or shape[1:] != axes:
        shown = f"shape {shape}" if len(shape) <= 8 else f"{len(shape)} axes"
        raise DatasetError(f"{name} has {shown}, expected shape {expected}", remedy)
    if shape[0] == 0:
        raise DatasetError(f"{name} is empty, expected shape {expected} with at least one digit", _AS_NPZ)


def read_arrays(path: str | os.PathLike[str]) -> Arrays:
    """Read ``train_images, train_labels, test_images, test_labels``: uint8, in C order, read-only.

    The file is an ``.npz`` archive with Keras' keys; a pickle of
    ``[(train_images, train_labels), (test_images, test_labels)]``; one of MNIST's four IDX files, or their folder; or a
    table with a label and 784 pixels in each line (see `_read_csv`). Any of them may be packed with gzip.
    The ``class_names`` of an archive follow as a tuple. If anything is wrong, a `DatasetError` says what.
    """
    path = Path(path)
    kind, content = "a file of digits", b""
    try:
        if path.is_dir():
            return _read_idx(path)
        with _open(path) as (stream, first):
            if first.startswith(_IDX):
                return _read_idx(path.parent)
            if re.match(_TABLE, first):
                kind = "a table of whole numbers"
                return _read_csv(path, stream)
            for pattern, other, remedy in _OTHERS:
                if re.match(pattern, first):
                    raise DatasetError(f"it is {other}", remedy)
            content = _read(stream, MAX_BYTES)
        if len(content) > MAX_BYTES:
            content = b""  # or the traceback would keep it
            raise DatasetError(
                f"it is larger than {MAX_BYTES // 1024**2} MB, too large for this course",
                "MNIST is 11 MB as mnist.npz and 55 MB as the course's pickle; mnist.pkl of deeplearning.net holds "
                "fractions instead of bytes.",
            )
        is_archive = content.startswith((b"PK\x03\x04", b"PK\x05\x06"))
        kind = "an .npz archive" if is_archive else "a pickle"
        return _read_npz(content) if is_archive else _read_pickle(content)
    # A broken file can make gzip, zipfile, zlib and NumPy fail in more ways than they document.
    except Exception as error:
        if _was_copied_as_text(content):
            remedy = "Download it again, or copy it as a binary file."
            raise file_error(path, "it was copied as text, which damaged it", remedy) from error
        if isinstance(error, CourseError):
            raise file_error(path, str(error), getattr(error, "remedy", _REMEDY)) from error
        if isinstance(error, OSError) and error.strerror:
            raise file_error(path, f"{shown(path)} cannot be opened ({error.strerror})", _LOOK) from error
        reason = quoted(str(error) or type(error).__name__)
        raise file_error(path, f"it is broken and cannot be read as {kind} ({reason})") from error


@contextmanager
def _open(path: Path) -> Iterator[tuple[BinaryIO, bytes]]:
    """Open a file once, decompressing gzip, and yield its stream and first bytes."""
    if not path.exists():
        raise DatasetError(f"there is no file {shown(path)}", _LOOK)
    with path.open("rb") as file:
        stream = gzip.GzipFile(fileobj=file) if file.peek(2).startswith(b"\x1f\x8b") else file
        if not (first := stream.peek(512)[:512]):
            raise DatasetError("the file is empty")
        yield cast(BinaryIO, stream), first


def _was_copied_as_text(content: bytes) -> bool:
    """Return whether every line feed follows a carriage return, or many bytes became the replacement character."""
    num_lines = content.count(b"\n")
    return 1 < num_lines == content.count(b"\r\n") or content.count(b"\xef\xbf\xbd") > 9


def _read(stream: BinaryIO, limit: int) -> bytes:
    """Read a file to its end, or one byte more than the limit."""
    is_packed = isinstance(stream, gzip.GzipFile)
    # read() reserves as much memory as it is asked for.
    return stream.read((limit if is_packed else min(limit, os.fstat(stream.fileno()).st_size)) + 1)


def _read_idx(folder: Path) -> Arrays:
    """Read the four IDX files of a folder; those to train with have ``train`` in their names."""
    found: dict[tuple[int, bool], Path] = {}  # a file that is there compressed and uncompressed counts once
    for path in sorted(folder.iterdir()):
        with suppress(DatasetError, OSError, EOFError, zlib.error), _open(path) as (_, first):
            if first.startswith(_IDX):
                found[first[3], "train" in path.name.lower()] = path
    wanted = [(3, True), (1, True), (3, False), (1, False)]  # axes, to train with
    if found.keys() != set(wanted):
        raise DatasetError(
            "the folder does not have MNIST's four IDX files: images and labels for training, and the same for testing",
            "Put these four, and no others, into one folder, and keep the names that they were downloaded with.",
        )
    return tuple(_read_idx_file(found[key], name) for key, name in zip(wanted, ARRAY_NAMES, strict=True))


def _read_idx_file(path: Path, name: str) -> np.ndarray:
    with _open(path) as (stream, _):
        num_axes = stream.read(4)[3]
        shape = struct.unpack(f">{num_axes}I", stream.read(4 * num_axes))
        check_array(name, "uint8", shape)
        if prod(shape) > MAX_BYTES:
            raise DatasetError(_TOO_LARGE)
        return _build(name, shape, "C", _read(stream, prod(shape)))


def _read_csv(path: Path, stream: BinaryIO) -> Arrays:
    """Read tables of digits: ``mnist_train.csv`` with ``mnist_test.csv`` beside it, or one alone.

    If there is only one, every seventh digit is kept for testing, the same share as in MNIST.
    """
    rows = _read_rows(stream)
    is_for_tests = np.arange(len(rows)) % 7 == 6
    pair = [rows[~is_for_tests], rows[is_for_tests]]
    other = path.with_name(re.sub("train|test", lambda found: "test" if found[0] == "train" else "train", path.name))
    if other != path:
        with suppress(DatasetError), _open(other) as (stream, _):  # Kaggle's test.csv has no labels
            pair = [rows, _read_rows(stream)][:: -1 if "test" in path.name else 1]
    arrays = [part for table in pair for part in (table[:, 1:].reshape(-1, 28, 28), table[:, 0])]
    for name, array in zip(ARRAY_NAMES, arrays, strict=True):
        check_array(name, array.dtype.name, array.shape)
    return tuple(map(_frozen, arrays))


def _read_rows(stream: BinaryIO) -> np.ndarray:
    first = stream.readline(_MAX_LINE).removeprefix(b"\xef\xbb\xbf")
    num_columns = first.count(b",") + 1
    if num_columns == 784:
        raise DatasetError("it has pixels but no labels, like Kaggle's test.csv", "Use train.csv instead.")
    if num_columns != 785:
        problem = f"its first line has {num_columns} columns, expected 785: the label and then 784 pixels"
        raise DatasetError(problem, _READABLE)
    has_header = not re.match(rb'"?\s*\d', first)
    if has_header and not re.search(rb"\d\W*$", first):  # as names of pixels do
        raise DatasetError("its last column is not a pixel", "Move the label to the first column.")
    lines = chain([] if has_header else [first], iter(partial(stream.readline, _MAX_LINE), b""))
    most = islice(lines, MAX_BYTES // 785)
    with warnings.catch_warnings(action="ignore"):  # about a table without lines
        rows = np.loadtxt(most, np.uint8, comments=None, delimiter=",", quotechar='"', ndmin=2)
    if next(lines, None):
        raise DatasetError(_TOO_LARGE)
    return rows.reshape(-1, 785)


def _frozen(array: np.ndarray) -> np.ndarray:
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


def _read_npz(content: bytes) -> Arrays:
    # zipfile builds an object per entry before it can be asked how many there are.
    if content.count(b"PK\x01\x02") > 100:
        raise DatasetError("the archive has too many entries for a dataset")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if not any(name.endswith(".npy") for name in members):
            first = " and ".join(map(quoted, [*members][:2])) or "nothing"
            raise DatasetError(f"it is a zip archive with {first} in it", _UNPACK)
        if missing := [key for key in KERAS_NAMES if f"{key}.npy" not in members]:
            raise DatasetError(f"the archive has no array {' and no '.join(missing)}", _AS_NPZ)
        wanted = {name: members[f"{key}.npy"] for name, key in zip(ARRAY_NAMES, KERAS_NAMES, strict=True)}
        if "class_names.npy" in members:
            wanted["class_names"] = members["class_names.npy"]
        if sum(member.file_size for member in wanted.values()) > MAX_BYTES:
            raise DatasetError(_TOO_LARGE)
        if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in wanted.values()):
            raise DatasetError("its arrays are not compressed as NumPy compresses them")
        arrays = {name: _read_member(archive, member, name) for name, member in wanted.items()}
    names = [tuple(map(shown, arrays.pop(name).tolist())) for name in wanted.keys() - ARRAY_NAMES]
    if not all(0 < len(name) <= _MAX_NAME for each in names for name in each):
        raise DatasetError(_NO_NAMES)
    return (*map(_frozen, arrays.values()), *names)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> np.ndarray:
    with archive.open(member) as stream, warnings.catch_warnings(action="ignore"):  # about odd headers
        version = npy_format.read_magic(stream)
        read_header = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}[version]
        shape, _, dtype = read_header(stream)
        check_array(name, dtype.name, shape)
        # Before the array is allocated: a header may claim any shape.
        if prod(shape) * dtype.itemsize != member.file_size - stream.tell():
            raise DatasetError(f"{name} claims shape {shape}, but a different number of bytes follows")
        stream.seek(0)
        return npy_format.read_array(stream, allow_pickle=False)


def _read_pickle(content: bytes) -> Arrays:
    match load_inert(content):
        case [[_, _] as train, [_, _] as test]:
            arrays = zip(ARRAY_NAMES, [*train, *test], strict=True)
        case [[_, _], [_, _], [_, _]]:
            raise DatasetError("it is in three parts, like mnist.pkl of deeplearning.net", "Use mnist.npz instead.")
        case _:
            raise DatasetError("it does not hold [(train_images, train_labels), (test_images, test_labels)]")
    parts = {name: _check_pickled(name, array) for name, array in arrays}
    # All four together: a file could name the same bytes four times.
    if sum(prod(shape) for shape, _, _ in parts.values()) > MAX_BYTES:
        raise DatasetError(_TOO_LARGE)
    return tuple(_build(name, *part) for name, part in parts.items())


def _check_pickled(name: str, array: object) -> tuple[tuple[int, ...], Any, Any]:
    """Return shape, order and data of an array in the form in which NumPy pickles it; the data is unchecked."""
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
        raise DatasetError(f"{name} claims shape {shape}, but a different number of bytes follows")
    return _frozen(np.frombuffer(data, np.uint8).reshape(shape, order=order))
