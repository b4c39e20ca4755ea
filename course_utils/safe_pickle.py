"""Load a pickle that may come from anyone: no name in it is looked up, no call in it is made.

`pickle.Unpickler` follows the pickle, and every name in it becomes an `Inert`, which only remembers how it was used.
First, `_check` compares every size with the bytes that are there, so that a small file cannot fill memory. It uses
the table of `pickletools` and not `genops`, which fails on text of Python 2 and makes wide text four times as large.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.course import CourseError

_MAX_INSTRUCTIONS = 1_000  # four arrays need up to 200; this bounds the stack, the memo and the nesting too
_MAX_TEXT_LINE = 80 * 1024**2  # the Unpickler copies it up to four times, and that is to stay below 500 MB
_ALLOWED = {
    "PROTO", "FRAME", "STOP", "NONE", "NEWTRUE", "NEWFALSE", "INT", "LONG", "BININT", "BININT1", "BININT2",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BYTEARRAY8",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "MARK", "EMPTY_LIST", "LIST", "APPEND", "APPENDS",
    "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "PUT", "BINPUT", "MEMOIZE", "GET", "BINGET",
    "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
}  # fmt: skip
_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes if opcode.name in _ALLOWED}
_SIZE_BYTES = {getattr(pickletools, f"TAKEN_FROM_ARGUMENT{size}"): int(size[0]) for size in ("1", "4", "4U", "8U")}
_NAMES = {
    *("numpy.ndarray", "numpy.dtype", "_codecs.encode", "builtins.bytes", "__builtin__.bytes"),
    *("numpy.core.multiarray._reconstruct", "numpy.core.numeric._frombuffer"),  # NumPy 1
    *("numpy._core.multiarray._reconstruct", "numpy._core.numeric._frombuffer"),  # NumPy 2
}


class PickleRefusedError(CourseError):
    """A pickle is broken, or asks for more than plain arrays need; the message says what "it" does."""


@dataclass(eq=False, repr=False)
class Inert:
    """A stand-in for what a pickle names: it keeps name, arguments of a call and state, and does nothing else."""

    name: str
    arguments: tuple[Any, ...] | None = None
    state: Any = None

    def __call__(self, *arguments: object) -> Inert:
        return Inert(self.name, arguments)

    def __setstate__(self, state: object) -> None:
        self.state = state


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Inert:
        if f"{module}.{name}" not in _NAMES:
            raise PickleRefusedError(
                f"it asks for {quoted(f'{module}.{name}')}, which plain arrays never need. It may be an attack. "
                "Nothing in it was run"
            )
        return Inert(name)


def load_inert(content: bytes) -> object:
    """Return what a pickle holds: lists, tuples, numbers, text, bytes, and an `Inert` for anything else."""
    try:
        _check(content)
        return _InertUnpickler(io.BytesIO(content), encoding="latin1").load()
    except (PickleRefusedError, MemoryError):
        raise
    except Exception as error:  # a broken pickle makes its reader raise nearly anything
        reason = "it is damaged, or asks for more than plain arrays need. Nothing in it was run"
        raise PickleRefusedError(reason) from error


def quoted(text: str) -> str:
    """Return words from a file in a form that can neither flood nor control a terminal."""
    shown = ascii(text[:80])  # one character may become ten
    return shown if len(text) <= 80 and len(shown) <= 90 else f"{shown[:80]}...{shown[0]}"


def _check(content: bytes) -> None:
    view, position, frame_end = memoryview(content), 0, 0

    def take(count: int) -> memoryview:
        nonlocal position
        if not 0 <= count <= len(content) - position:
            raise PickleRefusedError("it ends in the middle: it was cut off, or is not a file of arrays at all")
        position += count
        return view[position - count : position]

    for _ in range(_MAX_INSTRUCTIONS):
        start, code = position, bytes(take(1))
        opcode = _OPCODES.get(code.decode("latin-1"))
        if opcode is None:
            raise PickleRefusedError(
                "it is not a file of plain arrays: it is of another kind, or would build or run something else. "
                "Nothing in it was run"
            )
        size = opcode.arg.n if opcode.arg else 0
        if size == pickletools.UP_TO_NEWLINE:
            end = content.find(b"\n", position)
            if opcode.name == "GLOBAL":  # module and name have a line each
                end = content.find(b"\n", end + 1)
            size = end + 1 - position
            if size > (_MAX_TEXT_LINE if opcode.name in ("STRING", "UNICODE") else 1_000):
                raise ValueError("too long a line")
        elif size < 0:
            size = int.from_bytes(take(_SIZE_BYTES[size]), "little")
        argument = take(size)
        # When an instruction crosses the end of a frame, the Unpickler continues at a different byte from pickletools.
        if start < frame_end and (position > frame_end or opcode.name == "FRAME"):
            raise ValueError("an instruction that crosses the end of a frame")
        match opcode.name:
            case "STOP":
                return
            case "FRAME":
                frame_end = position + int.from_bytes(argument, "little")
            case "PUT" if int(bytes(argument)) > _MAX_INSTRUCTIONS:
                raise ValueError("a memo, which is an array, that is too large")
            # One character above U+00FF would make Python use four bytes for each of the others.
            case "UNICODE" if re.search(rb"\\U|\\u(?!00)", argument):
                raise ValueError("text beyond Latin-1")
            case "BINUNICODE" if np.asarray(argument).max(initial=0) > 0xC3:
                raise ValueError("text beyond Latin-1")
    raise ValueError("too many instructions")
