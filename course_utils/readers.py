"""Read a file of digits that nobody vouches for: four plain arrays come out, or a `DatasetError`.

Nothing in the file is executed, and a size is believed only after it was compared with the bytes that are there.
"""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from math import prod
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format

from course_utils.safe_pickle import PickledArray, PickleRefusedError, follow_pickle, quoted

# Of a file, and of the arrays in it: nearly twice MNIST. Text in Fortran order is held four times while it is read, and
# that is to stay below 500 MB on a small laptop.
MAX_BYTES = 96 * 1024 * 1024
ARRAY_NAMES = ("train_images", "train_labels", "test_images", "test_labels")

_KERAS_NAMES = ("x_train", "y_train", "x_test", "y_test")
_MAX_MEMBERS = 100
_TOO_LARGE = "its arrays claim far more bytes than digits need"
_REMEDY = "Nothing was loaded or changed. Get a fresh copy of the file, or use another one."


class DatasetError(ValueError):
    """Digits cannot be loaded, saved or believed; the message says which, why and what to do."""


def file_error(path: Path, problem: str, remedy: str = _REMEDY) -> DatasetError:
    """Build the error for a file: its name, what is wrong, what to do.

    The message has the file's name only, so that it reads the same on every machine; a traceback shows the place.
    """
    error = DatasetError(f"{path.name}: {problem}. {remedy}")
    error.add_note(f"The file: {path.absolute()}")
    return error


def check_array(name: str, dtype: str, shape: tuple[int, ...]) -> None:
    """Check that what an array is said to be is what the course expects of it.

    Parameters
    ----------
    name
        One of `ARRAY_NAMES`.
    dtype
        Name of the data type, such as ``"uint8"``.
    shape
        Length along each axis.

    Raises
    ------
    DatasetError
        The dtype or the shape is another one, or there is nothing in the array.
    """
    if name.endswith("images"):
        axes, expected, content = (28, 28), "(n, 28, 28)", "the pixel values 0 to 255"
    else:
        axes, expected, content = (), "(n,)", "the digits 0 to 9"
    if dtype != "uint8":
        raise DatasetError(f"{name} has dtype {dtype}, expected uint8, {content}")
    if not shape or shape[1:] != axes:
        shown = f"shape {shape}" if len(shape) <= 8 else f"{len(shape)} axes"
        raise DatasetError(f"{name} has {shown}, expected shape {expected}")
    if shape[0] == 0:
        raise DatasetError(f"{name} is empty, expected shape {expected} with at least one digit")


def read_arrays(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Read the four arrays of a dataset from an ``.npz`` archive or a pickle, told apart by their first bytes.

    Parameters
    ----------
    path
        An archive with Keras' keys (``x_train``, ``y_train``, ``x_test``, ``y_test``), or the course pickle:
        ``[(train_images, train_labels), (test_images, test_labels)]``, of any pickle protocol.

    Returns
    -------
    tuple of numpy.ndarray
        ``train_images`` (n, 28, 28), ``train_labels`` (n,), ``test_images`` and ``test_labels``: uint8, in C order,
        read-only.

    Raises
    ------
    DatasetError
        Whatever is wrong with the file. Nothing in it was executed, and nothing on disk was changed.
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


def _read_file(path: Path) -> bytes:
    """Read all of an ordinary file, once, so that what is checked is what is used."""
    look = "Check the spelling and the folder"
    try:
        if not path.exists():
            raise file_error(path, f"there is no file {path}", f"{look}.")
        if path.is_dir():
            raise file_error(path, f"{path} is a folder, not a file", "Name the .npz or .pickle file in it.")
        if not path.is_file():  # opening a pipe or a device could wait for ever
            raise file_error(path, f"{path} is not an ordinary file", f"{look}.")
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size  # read() sets aside as much memory as it is asked for
            content = stream.read(min(size, MAX_BYTES) + 1)
    except OSError as error:
        raise file_error(
            path, f"{path} cannot be opened ({error.strerror})", f"{look}, and who may read it."
        ) from error
    if not content:
        raise file_error(path, "the file is empty")
    if len(content) > MAX_BYTES:
        raise file_error(
            path,
            f"the file is larger than {MAX_BYTES // 1024**2} MB, too large for this course",
            "MNIST is 11 MB as .npz and 55 MB as a pickle of protocol 4: save it as one of these.",
        )
    return content


# --- .npz ------------------------------------------------------------------------------------------------------------


def _read_npz(content: bytes) -> tuple[np.ndarray, ...]:
    # zipfile builds an object per entry before it can be asked how many there are.
    if content.count(b"PK\x01\x02") > _MAX_MEMBERS:
        raise DatasetError("the archive has too many entries to be one of digits")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {member.filename: member for member in archive.infolist()}
        missing = [key for key in _KERAS_NAMES if f"{key}.npy" not in members]
        if missing:
            raise DatasetError(f"the archive has no array {' and no '.join(missing)}")
        wanted = [members[f"{key}.npy"] for key in _KERAS_NAMES]
        if sum(member.file_size for member in wanted) > MAX_BYTES:
            raise DatasetError(_TOO_LARGE)
        if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in wanted):
            raise DatasetError("its arrays are packed in another way than NumPy packs them")
        return tuple(_read_member(archive, *pair) for pair in zip(wanted, ARRAY_NAMES, strict=True))


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> np.ndarray:
    with warnings.catch_warnings(), archive.open(member) as stream:
        warnings.simplefilter("ignore")  # NumPy warns of odd headers; here they end in an error or do not matter
        version = npy_format.read_magic(stream)
        read_header = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}.get(version)
        if read_header is None:
            raise DatasetError(f"{name} has an unknown .npy version")
        shape, _, dtype = read_header(stream)
        check_array(name, dtype.name, shape)
        # Before the array is allocated: a header may claim any shape.
        if prod(shape) != member.file_size - stream.tell():
            raise DatasetError(f"{name} claims shape {shape}, but another number of bytes follows")
        stream.seek(0)
        array = np.ascontiguousarray(npy_format.read_array(stream, allow_pickle=False))
    array.flags.writeable = False
    return array


# --- pickle ----------------------------------------------------------------------------------------------------------


def _read_pickle(content: bytes) -> tuple[np.ndarray, ...]:
    if content.startswith(b"\x1f\x8b"):
        raise DatasetError("it is compressed with gzip: unpack it first")
    if content.startswith(b"\x93NUMPY"):
        raise DatasetError("it is a single .npy array, where four are needed")
    match follow_pickle(content):
        case [[train_images, train_labels], [test_images, test_labels]]:
            arrays = dict(zip(ARRAY_NAMES, (train_images, train_labels, test_images, test_labels), strict=True))
        case _:
            raise DatasetError("it does not hold [(train_images, train_labels), (test_images, test_labels)]")
    for name, array in arrays.items():
        if not isinstance(array, PickledArray):
            raise DatasetError(f"{name} is not a NumPy array")
        is_shape = all(type(length) is int and 0 <= length < 2**63 for length in array.shape)
        if array.dtype is None or not is_shape:
            raise DatasetError(f"{name} is an array without a proper dtype and shape")
        check_array(name, array.dtype, array.shape)
    # All four together: a file could name the same bytes four times.
    if sum(prod(array.shape) for array in arrays.values()) > MAX_BYTES:
        raise DatasetError(_TOO_LARGE)
    return tuple(_build(name, array) for name, array in arrays.items())


def _build(name: str, pickled: PickledArray) -> np.ndarray:
    data = pickled.content()
    if data is None or len(data) != prod(pickled.shape):
        raise DatasetError(f"{name} claims shape {pickled.shape}, but another number of bytes follows")
    order = "F" if pickled.is_fortran else "C"
    array = np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(pickled.shape, order=order))
    array.flags.writeable = False
    return array
