"""Follow a pickle without unpickling it: what comes out are inert values, or a `PickleRefusedError`.

``pickle.load`` runs whatever a file tells it to run. So there is no unpickler here: `follow_pickle` takes a pickle
for what it is, a list of instructions for a small stack machine, and follows only those that plain arrays need, on
inert values. A name such as ``os.system`` is never looked up, a size is believed only after it was compared with the
bytes that are there, and array bytes are never copied, so a hostile file costs no more than its own length.
"""

from __future__ import annotations

import codecs
import pickle
import re
import struct
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

_MAX_INSTRUCTIONS = 10_000  # four arrays need about a hundred; this bounds the stack, the memo and the nesting too
_DAMAGED = "it is damaged or not a pickle at all"


class PickleRefusedError(ValueError):
    """A pickle is broken, or asks for more than plain arrays need; the message tells what "it" does."""


def quoted(text: str) -> str:
    """Show words of a file so that they can neither flood nor steer a terminal."""
    shown = ascii(text[:80])  # one character may become ten
    return shown if len(text) <= 80 and len(shown) <= 90 else f"{shown[:80]}...{shown[0]}"


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
            return quoted(self.code)
        kind, size = found.groups()
        return kinds[kind] if kind in "bO" else f"{kinds[kind]}{8 * int(size)}"


@dataclass
class PickledArray:
    """What a pickle says about an array; nothing of it has been checked.

    Attributes
    ----------
    shape
        Length along each axis, if the file is honest.
    dtype
        Name of the data type, such as ``"uint8"``; None if the file gives none.
    is_fortran
        Whether the first index runs fastest.
    data
        What stands for the bytes: see `content`.
    """

    shape: tuple[object, ...] = ()
    dtype: str | None = None
    is_fortran: object = False
    data: object = None

    def content(self) -> memoryview | None:
        """Return the bytes of the array; None if the file has something else in their place.

        Raises
        ------
        PickleRefusedError
            Text stands there that is not the bytes of an array.
        """
        data = _latin1(self.data) if isinstance(self.data, _Text) else self.data
        return data if isinstance(data, memoryview) else None


class _Tape:
    """The bytes of a pickle, read from front to back."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.view = memoryview(content)
        self.position = 0

    def take(self, count: int) -> memoryview:
        start, self.position = self.position, self.position + count
        if self.position > len(self.content):
            raise PickleRefusedError("it ends in the middle, so it was cut off, or it is not a pickle of arrays at all")
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


def follow_pickle(content: bytes) -> object:
    """Follow the instructions of a pickle with inert values only (``pickletools`` documents every instruction).

    Parameters
    ----------
    content
        All bytes of the pickle, of any protocol.

    Returns
    -------
    object
        Lists, tuples, numbers, `PickledArray` and other inert values.

    Raises
    ------
    PickleRefusedError
        It is cut off, damaged, too long, or asks for anything that plain arrays do not need.
    ValueError
        A number, or text in it, is damaged.
    """
    tape = _Tape(content)
    stack: list[object] = []
    marks: list[int] = []
    memo: dict[int, object] = {}

    def pop() -> object:
        if len(stack) <= (marks[-1] if marks else 0):
            raise PickleRefusedError(_DAMAGED)
        return stack.pop()

    def pop_to_mark() -> list[object]:
        if not marks:
            raise PickleRefusedError(_DAMAGED)
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
            raise PickleRefusedError(f"it refers to something that it never stored, so {_DAMAGED}")
        return memo[index]

    for _ in range(_MAX_INSTRUCTIONS):
        instruction = bytes(tape.take(1))
        match instruction:
            case pickle.PROTO:
                if (protocol := tape.number("<B")) > 5:
                    raise PickleRefusedError(f"its pickle protocol {protocol} is unknown, or it is damaged")
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
                raise PickleRefusedError(
                    f"its byte {tape.position - 1} is the instruction {instruction!r}, which no pickle of plain arrays "
                    "has: it is not a pickle, or it would build or run something else, and was refused unexecuted"
                )
    raise PickleRefusedError("it has far more instructions than four arrays need, and was refused")


def _short_text(value: object) -> str:
    """Return text that is a name or a number; Python 2 writes it as bytes."""
    match value:
        case _Text(raw, encoding) if len(raw) <= 1000:
            return str(raw, encoding)
        case memoryview() if len(value) <= 1000:
            return str(value, "latin-1")
        case _:
            raise PickleRefusedError("it has something else where a short text belongs")


def _known(module: str, name: str) -> _Known:
    if (module, name) not in _KNOWN_NAMES:
        raise PickleRefusedError(
            f"it asks for {quoted(f'{module}.{name}')}, which no pickle of plain arrays needs: a hostile file "
            "would do so, and it was refused unexecuted"
        )
    return _KNOWN_NAMES[module, name]


def _call(function: object, arguments: object) -> object:
    """Say what a call would have given, for the calls that pickles of arrays make."""
    match function, arguments:
        case _Known.RECONSTRUCT, (_Known.NDARRAY, (0,), _):
            return PickledArray()
        case _Known.FROMBUFFER, (memoryview() as data, _DType() as dtype, tuple() as shape, order):
            return PickledArray(shape, dtype.name, _short_text(order) == "F", data)
        case _Known.DTYPE, (code, _, _):
            return _DType(_short_text(code))
        case _Known.ENCODE, (_Text() as text, encoding) if _short_text(encoding) == "latin1":
            return text  # encoded in PickledArray.content, once and for all that is wanted
        case _Known.BYTES, ():
            return memoryview(b"")
        case _:
            raise PickleRefusedError("it makes a call that no pickle of plain arrays makes, and was refused unexecuted")


def _set_state(target: object, state: object) -> None:
    match target, state:
        case PickledArray(), (1, tuple() as shape, _DType() as dtype, is_fortran, data):
            target.shape, target.dtype, target.is_fortran, target.data = shape, dtype.name, is_fortran, data
        case _DType(), (3 | 4, _, None, None, None, *_):  # byte order, which uint8 does not have; no fields
            pass
        case _:
            raise PickleRefusedError("it sets a state that no plain array has, and was refused unexecuted")


def _extend(items: tuple[object, ...], target: object) -> None:
    if not isinstance(target, list):
        raise PickleRefusedError("it appends to something that is no list, and was refused")
    target.extend(items)


def _latin1(text: _Text) -> memoryview:
    # One character above U+00FF would make Python use four bytes for each of the others: look before decoding.
    if text.encoding == "utf-8":
        is_wide = len(text.raw) > 0 and np.frombuffer(text.raw, np.uint8).max() > 0xC3
    else:
        is_wide = re.search(rb"\\U|\\u(?!00)", text.raw) is not None
    if is_wide:
        raise PickleRefusedError("it has text where the bytes of an array belong")
    return memoryview(str(text.raw, text.encoding).encode("latin-1"))
