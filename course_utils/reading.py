"""Read a file of digits that nobody vouches for: four plain arrays come out, or a `DatasetError`.

``pickle.load`` runs whatever a file tells it to run. So there is no unpickler here: `_follow_pickle` takes a pickle
for what it is, a list of instructions for a small stack machine, and follows only those that plain arrays need, on
inert values. A name such as ``os.system`` is never looked up, a size is believed only after it was compared with the
bytes that are there, and array bytes are never copied, so a hostile file costs no more than its own length.
"""

from __future__ import annotations

import codecs
import io
import os
import pickle
import re
import struct
import warnings
import zipfile
from dataclasses import dataclass
from enum import Enum, auto
from math import prod
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format

MAX_BYTES = 128 * 1024 * 1024  # of a file, and of the arrays in it: twice MNIST, and a small laptop still copes
IMAGE_SIDE = 28
ARRAY_NAMES = ("train_images", "train_labels", "test_images", "test_labels")

_KERAS_NAMES = ("x_train", "y_train", "x_test", "y_test")
_MAX_INSTRUCTIONS = 10_000  # four arrays need about a hundred; this bounds the stack, the memo and the nesting too
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
    expected = "(n, 28, 28)" if name.endswith("images") else "(n,)"
    if dtype != "uint8":
        hint = ", the pixel values 0 to 255" if name.endswith("images") else ", the digits 0 to 9"
        raise DatasetError(f"{name} has dtype {dtype}, expected uint8{hint}")
    if shape[1:] != ((IMAGE_SIDE, IMAGE_SIDE) if name.endswith("images") else ()) or not shape:
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
    except DatasetError as error:
        raise file_error(path, str(error)) from error
    # A broken file can make zipfile, zlib and NumPy's header parser fail in more ways than they document.
    except Exception as error:
        kind = "an .npz archive" if is_archive else "a pickle"
        raise file_error(path, f"it is broken and cannot be read as {kind} ({_quoted(str(error))})") from error


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


def _quoted(text: str) -> str:
    """Show words of a file so that they can neither flood nor steer a terminal."""
    return ascii(text if len(text) <= 80 else text[:77] + "...")


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


class _Known(Enum):
    """The few functions and classes that pickles of arrays name. They are labels: nothing here can be called."""

    NDARRAY = auto()
    DTYPE = auto()
    RECONSTRUCT = auto()  # protocols 0 to 4 build an empty array with it, then set its state
    FROMBUFFER = auto()  # protocol 5 builds the array in one call
    ENCODE = auto()  # protocols 0 to 2 have no bytes, so they encode text
    BYTES = auto()  # the same, for no bytes at all


_KNOWN_NAMES = {
    ("numpy", "ndarray"): _Known.NDARRAY,
    ("numpy", "dtype"): _Known.DTYPE,
    ("_codecs", "encode"): _Known.ENCODE,
    ("__builtin__", "bytes"): _Known.BYTES,
    ("builtins", "bytes"): _Known.BYTES,
    ("numpy.core.multiarray", "_reconstruct"): _Known.RECONSTRUCT,  # NumPy 1
    ("numpy._core.multiarray", "_reconstruct"): _Known.RECONSTRUCT,  # NumPy 2
    ("numpy.core.numeric", "_frombuffer"): _Known.FROMBUFFER,
    ("numpy._core.numeric", "_frombuffer"): _Known.FROMBUFFER,
}


@dataclass
class _Text:
    """Text that is decoded only where it is needed: array bytes come as text in protocols 0 to 2."""

    raw: memoryview
    encoding: str


@dataclass
class _DType:
    code: str

    @property
    def name(self) -> str:
        kinds = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex", "O": "object"}
        found = re.fullmatch(r"[|<>=]?([biufcO])(\d{1,2})", self.code)
        if not found:
            return _quoted(self.code)
        kind, size = found.groups()
        return kinds[kind] if kind in "bO" else f"{kinds[kind]}{8 * int(size)}"


@dataclass
class _Array:
    """What a pickle says about an array."""

    shape: tuple[object, ...] = ()
    dtype: _DType | None = None
    is_fortran: object = False
    data: object = None

    def check(self, name: str) -> None:
        is_shape = all(type(length) is int and 0 <= length < 2**63 for length in self.shape)
        if self.dtype is None or not is_shape:
            raise DatasetError(f"{name} is an array without a proper dtype and shape")
        check_array(name, self.dtype.name, self.shape)

    def build(self, name: str) -> np.ndarray:
        data = _latin1(self.data) if isinstance(self.data, _Text) else self.data
        if not isinstance(data, memoryview) or len(data) != prod(self.shape):
            raise DatasetError(f"{name} claims shape {self.shape}, but another number of bytes follows")
        order = "F" if self.is_fortran else "C"
        array = np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(self.shape, order=order))
        array.flags.writeable = False
        return array


def _read_pickle(content: bytes) -> tuple[np.ndarray, ...]:
    if content.startswith(b"\x1f\x8b"):
        raise DatasetError("it is compressed with gzip: unpack it first")
    if content.startswith(b"\x93NUMPY"):
        raise DatasetError("it is a single .npy array, where four are needed")
    match _follow_pickle(content):
        case [[train_images, train_labels], [test_images, test_labels]]:
            arrays = (train_images, train_labels, test_images, test_labels)
        case _:
            raise DatasetError("it does not hold [(train_images, train_labels), (test_images, test_labels)]")
    for name, array in zip(ARRAY_NAMES, arrays, strict=True):
        if not isinstance(array, _Array):
            raise DatasetError(f"{name} is not a NumPy array")
        array.check(name)
    # All four together: a file could name the same bytes four times.
    if sum(prod(array.shape) for array in arrays) > MAX_BYTES:
        raise DatasetError(_TOO_LARGE)
    return tuple(array.build(name) for name, array in zip(ARRAY_NAMES, arrays, strict=True))


class _Tape:
    """The bytes of a pickle, read from front to back."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.view = memoryview(content)
        self.position = 0

    def take(self, count: int) -> memoryview:
        start, self.position = self.position, self.position + count
        if self.position > len(self.content):
            raise DatasetError("it ends in the middle, so it was cut off, or it is not a pickle of arrays at all")
        return self.view[start : self.position]

    def number(self, layout: str) -> int:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self) -> memoryview:
        end = self.content.find(b"\n", self.position)
        line = self.take((end if end >= 0 else len(self.content)) - self.position)
        self.take(1)
        return line

    def word(self) -> str:
        """Return a line that must be short: a number or a name."""
        return _short_text(self.line())


def _follow_pickle(content: bytes) -> object:
    """Follow the instructions of a pickle with inert values only (``pickletools`` documents every instruction)."""
    tape = _Tape(content)
    stack: list[object] = []
    marks: list[int] = []
    memo: dict[int, object] = {}

    def pop() -> object:
        if len(stack) <= (marks[-1] if marks else 0):
            raise DatasetError("it is damaged or not a pickle at all")
        return stack.pop()

    def pop_to_mark() -> list[object]:
        if not marks:
            raise DatasetError("it is damaged or not a pickle at all")
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    def pop_tuple(count: int) -> tuple[object, ...]:
        return tuple(pop() for _ in range(count))[::-1]

    def top() -> object:
        stack.append(value := pop())
        return value

    def recall(index: int) -> object:
        if index not in memo:
            raise DatasetError("it refers to something that it never stored, so it is damaged or not a pickle at all")
        return memo[index]

    for _ in range(_MAX_INSTRUCTIONS):
        instruction = bytes(tape.take(1))
        match instruction:
            case pickle.PROTO:
                if (protocol := tape.number("<B")) > 5:
                    raise DatasetError(f"its pickle protocol {protocol} is unknown, or it is damaged")
            case pickle.FRAME:
                tape.take(8)
            case pickle.STOP:
                return pop()
            case pickle.NONE:
                stack.append(None)
            case pickle.NEWTRUE:
                stack.append(True)
            case pickle.NEWFALSE:
                stack.append(False)
            case pickle.INT:
                stack.append(int(tape.word()))  # 00 and 01 are False and True
            case pickle.LONG:
                stack.append(int(tape.word().removesuffix("L")))
            case pickle.BININT:
                stack.append(tape.number("<i"))
            case pickle.BININT1:
                stack.append(tape.number("<B"))
            case pickle.BININT2:
                stack.append(tape.number("<H"))
            case pickle.LONG1:
                stack.append(int.from_bytes(tape.take(tape.number("<B")), "little", signed=True))
            case pickle.STRING:  # Python 2, in quotes and with escapes
                stack.append(memoryview(codecs.escape_decode(tape.line()[1:-1])[0]))
            case pickle.SHORT_BINBYTES | pickle.SHORT_BINSTRING:
                stack.append(tape.take(tape.number("<B")))
            case pickle.BINBYTES | pickle.BINSTRING:
                stack.append(tape.take(tape.number("<I")))
            case pickle.BINBYTES8 | pickle.BYTEARRAY8:
                stack.append(tape.take(tape.number("<Q")))
            case pickle.UNICODE:
                stack.append(_Text(tape.line(), "raw-unicode-escape"))
            case pickle.SHORT_BINUNICODE:
                stack.append(_Text(tape.take(tape.number("<B")), "utf-8"))
            case pickle.BINUNICODE:
                stack.append(_Text(tape.take(tape.number("<I")), "utf-8"))
            case pickle.BINUNICODE8:
                stack.append(_Text(tape.take(tape.number("<Q")), "utf-8"))
            case pickle.MARK:
                marks.append(len(stack))
            case pickle.EMPTY_TUPLE:
                stack.append(())
            case pickle.TUPLE1:
                stack.append(pop_tuple(1))
            case pickle.TUPLE2:
                stack.append(pop_tuple(2))
            case pickle.TUPLE3:
                stack.append(pop_tuple(3))
            case pickle.TUPLE:
                stack.append(tuple(pop_to_mark()))
            case pickle.EMPTY_LIST:
                stack.append([])
            case pickle.LIST:
                stack.append(pop_to_mark())
            case pickle.APPEND:
                _extend(pop_tuple(1), top())
            case pickle.APPENDS:
                _extend(tuple(pop_to_mark()), top())
            case pickle.PUT:
                memo[int(tape.word())] = top()
            case pickle.BINPUT:
                memo[tape.number("<B")] = top()
            case pickle.LONG_BINPUT:
                memo[tape.number("<I")] = top()
            case pickle.MEMOIZE:
                memo[len(memo)] = top()
            case pickle.GET:
                stack.append(recall(int(tape.word())))
            case pickle.BINGET:
                stack.append(recall(tape.number("<B")))
            case pickle.LONG_BINGET:
                stack.append(recall(tape.number("<I")))
            case pickle.GLOBAL:
                stack.append(_known(tape.word(), tape.word()))
            case pickle.STACK_GLOBAL:
                module, name = pop_tuple(2)
                stack.append(_known(_short_text(module), _short_text(name)))
            case pickle.REDUCE:
                function, arguments = pop_tuple(2)
                stack.append(_call(function, arguments))
            case pickle.BUILD:
                state = pop()
                _set_state(top(), state)
            case _:
                raise DatasetError(
                    f"its byte {tape.position - 1} is the instruction {instruction!r}, which no pickle of plain arrays "
                    "has: it is not a pickle, or it would build or run something else, and was refused unexecuted"
                )
    raise DatasetError("it has far more instructions than four arrays need, and was refused")


def _short_text(value: object) -> str:
    """Return text that is a name or a number; Python 2 writes it as bytes."""
    match value:
        case _Text(raw, encoding) if len(raw) <= 1000:
            return str(raw, encoding)
        case memoryview() if len(value) <= 1000:
            return str(value, "latin-1")
        case _:
            raise DatasetError("it has something else where a short text belongs")


def _known(module: str, name: str) -> _Known:
    if (module, name) not in _KNOWN_NAMES:
        raise DatasetError(
            f"it asks for {_quoted(f'{module}.{name}')}, which no pickle of plain arrays needs: a hostile file "
            "would do so, and it was refused unexecuted"
        )
    return _KNOWN_NAMES[module, name]


def _call(function: object, arguments: object) -> object:
    """Say what a call would have given, for the calls that pickles of arrays make."""
    match function, arguments:
        case _Known.RECONSTRUCT, (_Known.NDARRAY, (0,), _):
            return _Array()
        case _Known.FROMBUFFER, (memoryview() as data, _DType() as dtype, tuple() as shape, order):
            return _Array(shape, dtype, _short_text(order) == "F", data)
        case _Known.DTYPE, (code, _, _):
            return _DType(_short_text(code))
        case _Known.ENCODE, (_Text() as text, encoding) if _short_text(encoding) == "latin1":
            return text  # encoded in _Array.build, once and for all that is wanted
        case _Known.BYTES, ():
            return memoryview(b"")
        case _:
            raise DatasetError("it makes a call that no pickle of plain arrays makes, and was refused unexecuted")


def _set_state(target: object, state: object) -> None:
    match target, state:
        case _Array(), (1, tuple() as shape, _DType() as dtype, is_fortran, data):
            target.shape, target.dtype, target.is_fortran, target.data = shape, dtype, is_fortran, data
        case _DType(), (3 | 4, _, None, None, None, *_):  # byte order, which uint8 does not have; no fields
            pass
        case _:
            raise DatasetError("it sets a state that no plain array has, and was refused unexecuted")


def _extend(items: tuple[object, ...], target: object) -> None:
    if not isinstance(target, list):
        raise DatasetError("it appends to something that is no list, and was refused")
    target.extend(items)


def _latin1(text: _Text) -> memoryview:
    # One character above U+00FF would make Python use four bytes for each of the others: look before decoding.
    if text.encoding == "utf-8":
        is_wide = len(text.raw) > 0 and np.frombuffer(text.raw, np.uint8).max() > 0xC3
    else:
        is_wide = re.search(rb"\\U|\\u(?!00)", text.raw) is not None
    if is_wide:
        raise DatasetError("it has text where the bytes of an array belong")
    return memoryview(str(text.raw, text.encoding).encode("latin-1"))
