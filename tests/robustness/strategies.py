"""Files to read, for hypothesis: genuine in every form, damaged, hostile, and made up of the pieces of such files."""

import builtins
import functools
import importlib
import io
import os
import pathlib
import pickle
import pickletools
import re
import shutil
import socket
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

import course_utils.workspace
from tests.robustness import attacks
from tests.robustness.attacks import call, named, short, text

KERAS_NAMES = ("x_train", "y_train", "x_test", "y_test")
EDGES = [0, 1, 2, 3, 28, 255, 256, 784, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]
sizes = st.sampled_from(EDGES) | st.integers(0, 2**64 - 1)


# --- genuine files ----------------------------------------------------------------------------------------------------

#: Other places in memory for the same array; what `pickle` and `numpy.save` write differs.
ORDERS = (
    np.ascontiguousarray,
    np.asfortranarray,
    lambda array: array[::-1][::-1],
    lambda array: np.repeat(array, 2, axis=0)[::2],
    lambda array: array.newbyteorder(">") if hasattr(array, "newbyteorder") else array.view(array.dtype.newbyteorder()),
)


@st.composite
def digits(draw):
    """Draw four arrays as a dataset has them, a few images each."""
    generator = np.random.default_rng(draw(st.integers(0, 999)))
    found = []
    for count in (draw(st.integers(1, 4)), draw(st.integers(1, 3))):
        found += [
            generator.integers(0, 256, (count, 28, 28), np.uint8),
            generator.integers(0, 10, count, np.uint8),
        ]
    if draw(st.booleans()):
        found[0] &= np.uint8(0x0F)  # text of few escapes
    return found


def pickle_of_python_2(arrays, protocol):
    """Write what Python 2 wrote: its str is bytes, which today's pickle cannot write."""

    def string(value):
        return b"S" + repr(value)[1:].encode() + b"\n" if protocol == 0 else b"U" + bytes([len(value)]) + value

    def data(value):
        return string(value) if protocol == 0 else b"T" + struct.pack("<i", len(value)) + value

    def array(value):
        shape = b"(" + b"".join(b"L%dL\n" % length for length in value.shape) + b"t"
        return (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\nt" + string(b"b") + b"tR(I1\n" + shape
            + b"cnumpy\ndtype\n(" + string(b"u1") + b"I0\nI1\ntR(I3\n" + string(b"|") + b"NNNI-1\nI-1\nI0\ntbI00\n"
            + data(value.tobytes()) + b"tb"
        )  # fmt: skip

    one, two, three, four = map(array, arrays)
    return (b"" if protocol == 0 else b"\x80\x02") + b"(lp0\n(" + one + two + b"ta(" + three + four + b"ta."


@st.composite
def pickles(draw, *, also_of_python_2=True):
    """Draw a genuine pickle and its arrays."""
    arrays = draw(digits())
    if also_of_python_2 and draw(st.integers(0, 5)) == 0:
        return pickle_of_python_2(arrays, draw(st.sampled_from([0, 2]))), arrays
    arrays = [draw(st.sampled_from(ORDERS))(array) for array in arrays]
    if draw(st.booleans()):  # the same object twice
        arrays[2:] = arrays[:2]
    outer, inner = draw(st.sampled_from([list, tuple])), draw(st.sampled_from([list, tuple]))
    value = outer([inner(arrays[:2]), inner(arrays[2:])])
    protocol = draw(st.integers(0, pickle.HIGHEST_PROTOCOL))
    writer = draw(st.sampled_from([pickle.Pickler, pickle._Pickler]))
    stream = io.BytesIO()
    writer(stream, protocol).dump(value)
    content = stream.getvalue()
    if draw(st.booleans()):
        content = pickletools.optimize(content)
    if protocol < 4 and draw(st.booleans()):
        content = content.replace(b"numpy._core.", b"numpy.core.")  # NumPy 1
    return content + draw(st.sampled_from([b"", b"", b"\n", b"whatever follows"])), arrays


def npy(array, version=(1, 0)):
    """Write an array as ``numpy.save`` does."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version, allow_pickle=False)
    return stream.getvalue()


@st.composite
def archives(draw):
    """Draw a genuine archive and its arrays."""
    arrays = draw(digits())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        for name, array in draw(st.permutations(list(zip(KERAS_NAMES, arrays, strict=True)))):
            content = npy(draw(st.sampled_from(ORDERS))(array), draw(st.sampled_from([(1, 0), (2, 0)])))
            with archive.open(f"{name}.npy", "w", force_zip64=draw(st.booleans())) as member:
                member.write(content)
            if draw(st.integers(0, 4)) == 0:
                archive.writestr(f"more/{name}.npy", draw(st.binary(max_size=50)))
        archive.comment = draw(st.sampled_from([b"", b"digits"]))
    return stream.getvalue(), arrays


genuine = pickles() | archives()


# --- damage -----------------------------------------------------------------------------------------------------------

# Damage to instructions and headers tells more than damage to pixels; these stand near the ends.
places = st.floats(0, 1, exclude_max=True) | st.integers(0, 300) | st.integers(-400, -1)


@st.composite
def damaged(draw, files):
    """Draw a genuine file with bytes gone wrong, and the arrays that could still be found in it."""
    content, arrays = draw(files)
    arrays = list(arrays)
    for _ in range(draw(st.integers(1, 4))):
        if not content:
            break
        place = draw(places)
        position = int(place * len(content)) if isinstance(place, float) else place % len(content)
        before, rest = content[:position], content[position:]
        match draw(
            st.sampled_from(["bit", "overwrite", "insert", "delete", "truncate", "repeat", "instruct", "splice"])
        ):
            case "bit":
                content = before + bytes([rest[0] ^ 1 << draw(st.integers(0, 7))]) + rest[1:]
            case "overwrite":
                value = draw(st.binary(min_size=1, max_size=9))
                content = before + value + rest[len(value) :]
            case "insert":
                content = before + draw(st.binary(min_size=1, max_size=9)) + rest
            case "delete":
                content = before + rest[draw(st.integers(1, 900)) :]
            case "truncate":
                content = before
            case "repeat":
                content = before + before[-draw(st.integers(1, 900)) :] + rest
            case "instruct":
                content = before + draw(instructions) + rest
            case "splice":
                other, more = draw(genuine)
                arrays += more
                content = before + other[draw(st.integers(0, len(other))) :]
    return content, arrays


# --- pickles made up of instructions ----------------------------------------------------------------------------------

MODULES = (builtins, os, subprocess, shutil, socket, importlib, io, sys, pickle, pathlib, np, np.lib.format)
CALLABLES = sorted(
    {(module.__name__, name) for module in (*MODULES, course_utils.workspace) for name in dir(module)}
    | {("numpy._core.multiarray", "scalar"), ("numpy._core.multiarray", "fromfile"), ("_codecs", "decode")}
    | {
        ("numpy", "memmap"),
        ("numpy.lib._npyio_impl", "NpzFile"),
        ("course_utils.data", "save_pickle"),
        ("nt", "system"),
    }
)
KNOWN = [
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    ("builtins", "bytes"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.numeric", "_frombuffer"),
]

words = st.sampled_from(["u1", "|", "b", "C", "F", "latin1", "O8", "f8", "V1", "abc", "\xff", "\u0234", "\U0001f600"])
strings = (
    words.map(text)
    | words.map(short)
    | words.map(lambda word: b"X" + struct.pack("<I", len(word.encode())) + word.encode())
)
data = st.binary(max_size=30)
globals_ = (st.sampled_from(KNOWN) | st.sampled_from(CALLABLES)).flatmap(
    lambda names: st.sampled_from([named(*names), short(names[0]) + short(names[1]) + b"\x93"])
)
numbers = st.one_of(
    st.integers(-(2**70), 2**70).map(lambda value: b"I%d\n" % value),
    st.integers(-(2**70), 2**70).map(lambda value: b"L%dL\n" % value),
    st.integers(0, 255).map(lambda value: b"K" + bytes([value])),
    st.integers(0, 2**16 - 1).map(lambda value: b"M" + struct.pack("<H", value)),
    st.integers(-(2**31), 2**31 - 1).map(lambda value: b"J" + struct.pack("<i", value)),
    st.binary(max_size=255).map(lambda value: b"\x8a" + bytes([len(value)]) + value),
)
# Sizes that are true, and others.
buffers = st.one_of(
    data.map(lambda value: b"C" + bytes([len(value)]) + value),
    data.map(lambda value: b"B" + struct.pack("<I", len(value)) + value),
    st.tuples(st.sampled_from([b"\x8d", b"\x8e", b"\x96", b"\x95"]), sizes, data).map(
        lambda drawn: drawn[0] + struct.pack("<Q", drawn[1]) + drawn[2]
    ),
    st.tuples(st.sampled_from([b"B", b"T", b"X", b"\x8b"]), st.integers(0, 2**32 - 1), data).map(
        lambda drawn: drawn[0] + struct.pack("<I", drawn[1]) + drawn[2]
    ),
)
memo = st.one_of(
    st.sampled_from([b"\x94", b"q\x00", b"q\x01", b"h\x00", b"h\x01", b"p0\n", b"p1\n", b"g0\n", b"g1\n"]),
    st.tuples(st.sampled_from([b"r", b"j"]), st.integers(0, 2**32 - 1)).map(
        lambda drawn: drawn[0] + struct.pack("<I", drawn[1])
    ),
    st.tuples(st.sampled_from([b"p", b"g"]), st.integers(0, 10**40)).map(lambda drawn: drawn[0] + b"%d\n" % drawn[1]),
)
any_instruction = st.sampled_from([opcode.code.encode("latin-1") for opcode in pickletools.opcodes])
building = st.sampled_from(
    [b"(", b"t", b"l", b"]", b"a", b"e", b")", b"\x85", b"\x86", b"\x87", b"R", b"b", b"}", b"N"]
)
# Whole pieces of genuine pickles, so that what is made up gets far into the reader.
pieces = st.sampled_from(
    [
        attacks.labels(),
        attacks.RECONSTRUCT,
        attacks.UINT8,
        b"(I2\nt",
        pickle.dumps(np.zeros((2, 28, 28), np.uint8), 2)[2:-1],
        pickle.dumps(np.zeros(2, np.uint8), 5)[2 + 9 : -1],
        call(named("_codecs", "encode"), text("\x01\x02"), text("latin1")),
    ]
)
instructions = st.one_of(any_instruction, building, strings, numbers, buffers, memo, globals_, pieces)


@st.composite
def states(draw):
    """Draw a whole dataset with something odd in one of the places of an array's description."""
    odd = b"".join(draw(st.lists(instructions, min_size=1, max_size=6)))
    shape = b"(" + b"".join(draw(st.lists(numbers, max_size=5))) + b"t"
    part = draw(st.sampled_from(["labels", "shape", "odd shape", "dtype", "is_fortran", "data"]))
    if part == "labels":
        return attacks.with_labels(odd)
    changed = {"shape": {"shape": shape}, "odd shape": {"shape": odd}}.get(part, {part: odd})
    return attacks.with_labels(attacks.labels(**changed))


@st.composite
def nested(draw):
    """Draw one instruction or a few, again and again: lists in lists, marks on marks, memos that double."""
    core = draw(
        st.sampled_from(
            [b"]", b"(", b"\x85", b")\x85", b"]q\x00(h\x00h\x00e", b"h\x00h\x00\x86q\x00", b"t", b"(l", b"N"]
        )
        | st.lists(building | memo, min_size=1, max_size=4).map(b"".join)
    )
    times = draw(st.sampled_from([10, 1_000, 4_000, 100_000, 1_000_000]))
    end = draw(st.sampled_from([b"", b".", b"a" * times + b".", b"t" * times + b".", b"s."]))
    return b"\x80\x04]q\x00" + core * times + end


programs = st.one_of(
    st.lists(instructions, max_size=40).map(lambda drawn: b"".join(drawn) + b"."),
    st.lists(instructions, max_size=40).map(lambda drawn: b"\x80\x04" + b"".join(drawn) + b"."),
    states(),
    nested(),
    st.binary(max_size=200),
    st.binary(max_size=200).map(lambda value: b"\x80\x04" + value),
)


@st.composite
def hostile(draw, canary: Path):
    """Draw an attack by a known technique, or a call of anything at all, alone or within a genuine pickle."""
    if draw(st.booleans()):
        attack = draw(st.sampled_from(sorted(attacks.EXECUTED)))
        content = attacks.EXECUTED[attack](canary)
    else:
        arguments = draw(st.lists(strings | numbers | st.just(text(str(canary))), max_size=4))
        content = draw(globals_) + draw(
            st.sampled_from(
                [b"(" + b"".join(arguments) + b"tR", b"(" + b"".join(arguments) + b"t\x81", b")}\x92", b")b"]
            )
        )
    content = content.removesuffix(b".")
    match draw(st.sampled_from(["alone", "in an array", "between", "instead"])):
        case "alone":
            return content + b"."
        case "in an array":
            part = draw(st.sampled_from(["shape", "dtype", "is_fortran", "data"]))
            return attacks.with_labels(attacks.labels(**{part: content}))
        case "instead":
            return attacks.with_labels(content)
    # Between any two instructions of a genuine pickle, and taken off the stack again.
    whole, _ = draw(pickles(also_of_python_2=False))  # pickletools cannot read their text
    positions = [position for _, _, position in pickletools.genops(whole)]
    position = draw(st.sampled_from(positions))
    return whole[:position] + content + draw(st.sampled_from([b"0", b"", b"\x94"])) + whole[position:]


# --- archives that lie ------------------------------------------------------------------------------------------------

#: Where the fields are that a lie is worth: (offset, layout) in the entry of the central directory, or of the member.
DIRECTORY = {
    "version": (6, "<H"), "flags": (8, "<H"), "method": (10, "<H"), "checksum": (16, "<I"), "packed size": (20, "<I"),
    "size": (24, "<I"), "length of name": (28, "<H"), "length of extra": (30, "<H"), "length of comment": (32, "<H"),
    "disk": (34, "<H"), "attributes": (38, "<I"), "offset": (42, "<I"),
}  # fmt: skip
MEMBER = {
    "flags": (6, "<H"), "method": (8, "<H"), "checksum": (14, "<I"), "packed size": (18, "<I"), "size": (22, "<I"),
    "length of name": (26, "<H"), "length of extra": (28, "<H"),
}  # fmt: skip
END = {
    "disk": (4, "<H"), "entries here": (8, "<H"), "entries": (10, "<H"), "size": (12, "<I"), "offset": (16, "<I"),
    "length of comment": (20, "<H"),
}  # fmt: skip

NAMES = ("x_train.npy", "../x_train.npy", "x_train", "x_train.npy\0.txt", "x_train.npy/", "", "é.npy", "y_test.npy")
HEADER = "{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def usually(good, *others):
    """Draw what is right in most cases, so that another oddity gets its chance."""
    return st.just(good) | st.just(good) | st.just(good) | st.sampled_from(others)


@st.composite
def headers(draw):
    """Draw a .npy file with a header that a person, or an enemy, may have written."""
    lengths = draw(st.lists(st.integers(-3, 3) | st.sampled_from(EDGES), max_size=4))
    many = draw(st.sampled_from(EDGES))
    fields = {
        "descr": draw(
            usually("'|u1'", "'>u1'", "'>u2'", "'|O'", "'<f8'", "[('a', '|u1')]", "'(9999,9999)u1'", "'|V1'", "'u1,u1'")
            | st.sampled_from(["('|u1', {'x': 1})", "'M8[as]'", "'|S0'", "[]", "None", "1e999"])
        ),
        "order": draw(usually("False", "True", "0", "None", "[[]]")),
        "shape": draw(
            usually(f"({many},)", f"({many}, 28, 28)", "2", "(2L,)", "(" * 90 + ")" * 90, "(1e9,)", "(2, " * 500)
            | st.sampled_from([f"({many}, 28, 28)", "(2,)", str(tuple(lengths)), str((*lengths, 28, 28))])
        ),
    }
    header = draw(
        usually(
            *(HEADER.format(**fields), "", "{}", "__import__('os').system('x')", "lambda: 0", "{'shape': 9**9**9}"),
            *("(" * 9_000, "-" * 9_000 + "1", "[" * 200 + "]" * 200, "1" * 9_999, " " * 70_000),
            "'" + "\\U0001f600" * 900 + "'",
        )
    ).encode("latin-1", "replace")
    version = draw(usually((1, 0), (2, 0), (3, 0), (9, 9)))
    layout = "<H" if version == (1, 0) else "<I"
    size = min(draw(usually(len(header) + 1, *EDGES)), 2**16 - 1)
    content = draw(st.just(bytes(2)) | st.just(bytes(2 * 784)) | st.binary(max_size=20) | st.just(pickle.dumps([1])))
    return b"\x93NUMPY" + bytes(version) + struct.pack(layout, size) + header + b"\n" + content


BOMB_IMAGES = 700_000


@functools.cache
def bomb():
    """Deflate an honest array of 549 MB to half a megabyte."""
    packer = zlib.compressobj(9, wbits=-15)
    start = npy(np.zeros((0, 28, 28), np.uint8)).replace(b"(0, 28, 28), }     ", b"(700000, 28, 28), }")
    packed = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers to what came before, so a block can be repeated.
    block = packer.compress(bytes(BOMB_IMAGES)) + packer.flush(zlib.Z_FULL_FLUSH)
    return packed + block * 784 + packer.flush()


class Entry(NamedTuple):
    """A member of an archive, with fields that may lie."""

    name: str
    packed: bytes
    size: int
    checksum: int
    method: int = zipfile.ZIP_DEFLATED
    extra: bytes = b""
    attributes: int = 0o100644 << 16

    @classmethod
    def of(cls, name, content, **fields):
        return cls(name, zlib.compress(content)[2:-4], len(content), zlib.crc32(content), **fields)


def pack(entries):
    """Put an archive together without asking whether it makes sense, as zipfile would."""
    content, directory = b"", b""
    for entry in entries:
        name = entry.name.encode()
        sizes = struct.pack("<3I", entry.checksum, len(entry.packed), entry.size & 0xFFFFFFFF)
        method = struct.pack("<HHI", 0x800, entry.method, 0x210000)  # names are UTF-8; 1 January 1980
        lengths = struct.pack("<2H", len(name), len(entry.extra))
        directory += b"PK\x01\x02" + struct.pack("<2H", 20, 20) + method + sizes + lengths
        directory += struct.pack("<3H2I", 0, 0, 0, entry.attributes, len(content)) + name + entry.extra
        content += b"PK\x03\x04" + struct.pack("<H", 20) + method + sizes + lengths + name + entry.extra + entry.packed
    end = struct.pack("<4H2IH", 0, 0, len(entries), len(entries), len(directory), len(content), 0)
    return content + directory + b"PK\x05\x06" + end


@st.composite
def lying_archives(draw):
    """Draw an archive whose members are odd, or whose fields are not true."""
    images, labels = npy(np.zeros((2, 28, 28), np.uint8)), npy(np.zeros(2, np.uint8))
    contents = zip(KERAS_NAMES, (images, labels, images, labels), strict=True)
    entries = [Entry.of(f"{name}.npy", content) for name, content in contents]
    assert pack(entries).startswith(b"PK")
    for _ in range(draw(st.integers(0, 2))):
        index = draw(st.integers(0, 3))
        entry = entries[index]
        kinds = ["header"] * 4 + ["array"] * 3 + ["bomb"] * 2 + ["twice", "name", "nested", "zip64", "method", "link"]
        match draw(st.sampled_from(kinds)):
            case "header":
                entry = Entry.of(entry.name, draw(headers()))
            case "twice":
                entries.append(Entry.of(entry.name, draw(headers() | st.sampled_from([images, labels, b""]))))
            case "name":
                entry = entry._replace(name=draw(st.sampled_from(NAMES)))
            case "array":
                shape = draw(st.sampled_from([(2,), (2, 28, 28), (0,), ()]))
                stream = io.BytesIO()
                np.save(
                    stream, np.zeros(shape, draw(st.sampled_from(["O", "O", ">f4", ">i2", "u1"]))), allow_pickle=True
                )
                entry = Entry.of(entry.name, stream.getvalue())
            case "nested":
                entry = Entry.of(entry.name, draw(genuine)[0])
            case "bomb":
                claim = draw(usually(BOMB_IMAGES * 784 + 128, 1_000, 10**6, 128_000 * 784 + 128, 2**32 - 1))
                entry = entry._replace(packed=bomb(), size=claim)
            case "zip64":  # sizes that do not fit stand in a field of their own
                values = b"".join(struct.pack("<Q", draw(sizes)) for _ in range(3))
                length = draw(st.sampled_from([24, 16, 8, 0, 99]))
                entry = entry._replace(size=2**32 - 1, extra=struct.pack("<HH", 1, length) + values)
            case "method":
                entry = entry._replace(method=draw(st.sampled_from([0, 9, 12, 14, 93, 99])))
            case "link":
                entry = entry._replace(attributes=0o120777 << 16)
        entries[index] = entry
    content = bytearray(pack(entries))
    for _ in range(draw(st.integers(0, 3))):
        signature, fields = draw(
            st.sampled_from([(b"PK\x01\x02", DIRECTORY), (b"PK\x03\x04", MEMBER), (b"PK\x05\x06", END)])
        )
        starts = [found.start() for found in re.finditer(re.escape(signature), content)]
        offset, layout = fields[draw(st.sampled_from(sorted(fields)))]
        value = draw(sizes | st.sampled_from([0, 1, 8, 9, 12, 14, 99, len(content), starts[0]]))
        value &= 2 ** (8 * struct.calcsize(layout)) - 1
        struct.pack_into(layout, content, draw(st.sampled_from(starts)) + offset, value)
    return bytes(content)
