"""Files to read, for hypothesis: genuine in every form, damaged, hostile, and made up of the pieces of such files."""

import builtins
import functools
import io
import os
import pickle
import pickletools
import re
import struct
import subprocess
import warnings
import zipfile
import zlib

import numpy as np
from hypothesis import strategies as st

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
    lambda array: array.view(array.dtype.newbyteorder()),
)


@st.composite
def digits(draw):
    """Draw four arrays as a dataset has them, a few images each."""
    generator = np.random.default_rng(draw(st.integers(0, 999)))
    found = []
    for count in (draw(st.integers(1, 4)), draw(st.integers(1, 3))):
        found += [generator.integers(0, 256, (count, 28, 28), np.uint8), generator.integers(0, 10, count, np.uint8)]
    if draw(st.booleans()):
        found[0] &= np.uint8(0x0F)  # text of few escapes
    return found


def pickle_of_python_2(arrays, protocol):
    """Write what Python 2 wrote: its str is bytes, which today's pickle cannot write."""

    def string(value):
        return (
            b"S" + repr(value)[1:].encode() + b"\n" if protocol == 0 else b"T" + struct.pack("<i", len(value)) + value
        )

    def array(value):
        shape = b"(" + b"".join(b"L%dL\n" % length for length in value.shape) + b"t"
        return (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\nt" + string(b"b") + b"tR(I1\n" + shape
            + b"cnumpy\ndtype\n(" + string(b"u1") + b"I0\nI1\ntR(I3\n" + string(b"|") + b"NNNI-1\nI-1\nI0\ntbI00\n"
            + string(value.tobytes()) + b"tb"
        )  # fmt: skip

    one, two, three, four = map(array, arrays)
    return (b"" if protocol == 0 else b"\x80\x02") + b"(lp0\n(" + one + two + b"ta(" + three + four + b"ta."


def as_numpy_1_wrote(content):
    """Write the names of NumPy 1 in a pickle of NumPy 2; protocols 4 and 5 have lengths before them."""
    if content[:1] != b"\x80" or content[1] < 4:
        return content.replace(b"numpy._core.", b"numpy.core.")
    for name in (b"multiarray", b"numeric"):
        new, old = b"numpy._core." + name, b"numpy.core." + name
        content = content.replace(bytes([len(new)]) + new, bytes([len(old)]) + old)
    return b"\x80" + content[1:2] + content[11:]  # without the first frame, which has another length now


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
    stream = io.BytesIO()
    writer = draw(st.sampled_from([pickle.Pickler, pickle._Pickler]))
    writer(stream, draw(st.integers(0, 5))).dump(outer([inner(arrays[:2]), inner(arrays[2:])]))
    change = draw(st.sampled_from([bytes, pickletools.optimize, as_numpy_1_wrote]))
    return change(stream.getvalue()) + draw(st.sampled_from([b"", b"\n", b"whatever follows"])), arrays


def npy(array, version=(1, 0)):
    """Write an array as ``numpy.save`` does."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version)
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
few_bytes = st.binary(min_size=1, max_size=9)


@st.composite
def damaged(draw, files):
    """Draw a genuine file with bytes gone wrong, and the arrays that could still be found in it."""
    content, arrays = draw(files)
    arrays = list(arrays)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(places)
        position = int(place * len(content)) if isinstance(place, float) else place % max(len(content), 1)
        before, rest = content[:position], content[position:]
        match draw(st.sampled_from(["bit", "overwrite", "insert", "delete", "truncate", "repeat", "splice"])):
            case "bit" if rest:
                content = before + bytes([rest[0] ^ 1 << draw(st.integers(0, 7))]) + rest[1:]
            case "overwrite":
                content = before + (value := draw(few_bytes)) + rest[len(value) :]
            case "insert":
                content = before + draw(few_bytes | instructions) + rest
            case "delete":
                content = before + rest[draw(st.integers(1, 900)) :]
            case "truncate":
                content = before
            case "repeat":
                content = before + before[-draw(st.integers(1, 900)) :] + rest
            case "splice":
                other, more = draw(genuine)
                arrays += more
                content = before + other[draw(st.integers(0, len(other))) :]
    return content, arrays


# --- pickles made up of instructions ----------------------------------------------------------------------------------

KNOWN = [("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"), ("builtins", "bytes"),
         ("numpy._core.multiarray", "_reconstruct"), ("numpy._core.numeric", "_frombuffer")]  # fmt: skip
CALLABLES = [(module.__name__, name) for module in (builtins, os, subprocess, io, pickle, np) for name in dir(module)]
CALLABLES += [("numpy._core.multiarray", "scalar"), ("numpy.lib._npyio_impl", "NpzFile"), ("_codecs", "decode"),
              ("course_utils.data", "save_pickle"), ("course_utils.workspace", "atomic_path"), ("nt", "system"),
              ("importlib", "import_module"), ("shutil", "rmtree"), ("socket", "socket")]  # fmt: skip


words = st.sampled_from(["u1", "|", "b", "C", "F", "latin1", "O8", "f8", "V1", "abc", "\xff", "\u0234", "\U0001f600"])
strings = words.map(text) | words.map(short)
integers = st.integers(-(2**70), 2**70)
numbers = integers.map(lambda value: b"I%d\n" % value) | integers.map(lambda value: b"L%dL\n" % value)
globals_ = (st.sampled_from(KNOWN) | st.sampled_from(CALLABLES)).flatmap(
    lambda names: st.sampled_from([named(*names), attacks.stacked(*names)])
)


@st.composite
def any_instruction(draw):
    """Draw one of all instructions, with an argument of its form; the size that it names may be true."""
    opcode = draw(st.sampled_from(pickletools.opcodes))
    code, size = opcode.code.encode("latin-1"), opcode.arg.n if opcode.arg else 0
    if size == pickletools.UP_TO_NEWLINE:
        line = draw(words.map(lambda word: word.encode()) | integers.map(lambda value: b"%d" % value))
        return code + (line + b"\n") * (1 + (opcode.name in ("GLOBAL", "INST")))
    if size >= 0:
        return code + draw(st.binary(min_size=size, max_size=size))
    data = draw(st.binary(max_size=30) | words.map(lambda word: word.encode()))
    width = {getattr(pickletools, f"TAKEN_FROM_ARGUMENT{name}"): int(name[0]) for name in ("1", "4", "4U", "8U")}[size]
    length = draw(st.just(len(data)) | st.integers(0, 40) | sizes) % 2 ** (8 * width)
    return code + length.to_bytes(width, "little") + data


building = st.sampled_from([bytes([code]) for code in b"(tl]ae)\x85\x86\x87Rb}N\x94"])
# Whole pieces of genuine pickles, so that what is made up gets far into the reader.
pieces = st.sampled_from(
    [
        *(attacks.labels(), attacks.RECONSTRUCT, attacks.UINT8, b"(I2\nt"),
        pickle.dumps(np.zeros((2, 28, 28), np.uint8), 2)[2:-1],
        pickle.dumps(np.zeros(2, np.uint8), 5)[2 + 9 : -1],
        call(named("_codecs", "encode"), text("\x01\x02"), text("latin1")),
    ]
)
memo = st.sampled_from([b"q\x00", b"q\x01", b"h\x00", b"h\x01", b"p0\n", b"g0\n"])
instructions = st.one_of(any_instruction(), building, strings, numbers, memo, globals_, pieces)


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
    known = [b"]", b"(", b"\x85", b")\x85", b"]q\x00(h\x00h\x00e", b"h\x00h\x00\x86q\x00", b"t", b"(l", b"N"]
    core = draw(st.sampled_from(known) | st.lists(building | memo, min_size=1, max_size=4).map(b"".join))
    times = draw(st.sampled_from([10, 100, 400, 1_000, 100_000, 1_000_000]))
    end = draw(st.sampled_from([b"", b".", b"a" * times + b".", b"t" * times + b".", b"s."]))
    return b"\x80\x04]q\x00" + core * times + end


made_up = st.lists(instructions, max_size=40).map(lambda drawn: b"".join(drawn) + b".") | st.binary(max_size=200)
programs = st.tuples(st.sampled_from([b"", b"\x80\x04"]), made_up).map(b"".join) | states() | nested()


@st.composite
def hostile(draw, canary):
    """Draw an attack by a known technique, or a call of anything at all, alone or within a genuine pickle."""
    if draw(st.booleans()):
        content = draw(st.sampled_from(sorted(attacks.executed(canary).values())))
    else:
        arguments = b"(" + b"".join(draw(st.lists(strings | numbers | st.just(text(str(canary))), max_size=4)))
        content = draw(globals_) + draw(st.sampled_from([arguments + b"tR", arguments + b"t\x81", b")}\x92", b")b"]))
    content = content.removesuffix(b".")
    match draw(st.sampled_from(["alone", "in an array", "instead", "between"])):
        case "alone":
            return content + b"."
        case "in an array":
            part = draw(st.sampled_from(["shape", "dtype", "is_fortran", "data"]))
            return attacks.with_labels(attacks.labels(**{part: content}))
        case "instead":
            return attacks.with_labels(content)
    # Between any two instructions of a genuine pickle, and taken off the stack again.
    whole, _ = draw(pickles(also_of_python_2=False))  # pickletools cannot read their text
    position = draw(st.sampled_from([position for _, _, position in pickletools.genops(whole)]))
    return whole[:position] + content + draw(st.sampled_from([b"0", b"", b"\x94"])) + whole[position:]


# --- archives that lie ------------------------------------------------------------------------------------------------

NAMES = ("../x_train.npy", "x_train", "x_train.npy\0.txt", "x_train.npy/", "é.npy", "y_test.npy")
HEADER = "{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def usually(good, *others):
    """Draw what is right in most cases, so that another oddity gets its chance."""
    return st.just(good) | st.just(good) | st.just(good) | st.sampled_from(others)


@st.composite
def headers(draw):
    """Draw a .npy file with a header that a person, or an enemy, may have written."""
    lengths = draw(st.lists(st.integers(-3, 3) | st.sampled_from(EDGES), max_size=4))
    many = draw(st.sampled_from(EDGES))
    descrs = "'>u1' '>u2' '|O' '<f8' [('a','|u1')] '(9999,9999)u1' '|V1' 'u1,u1' ('|u1',{'x':1}) 'M8[as]' '|S0' [] None"
    shapes = [f"({many},)", f"({many}, 28, 28)", str(tuple(lengths)), str((*lengths, 28, 28))]
    odd_shapes = ["2", "(2L,)", "(" * 90 + ")" * 90, "(1e9,)", "(2, " * 500, "1e999"]
    header = HEADER.format(
        descr=draw(usually("'|u1'", *descrs.split())),
        order=draw(usually("False", "True", "0", "None", "[[]]")),
        shape=draw(usually("(2,)", *shapes, *odd_shapes)),
    )
    odd = ["", "{}", "__import__('os').system('x')", "lambda: 0", "{'shape': 9**9**9}", "'" + "\\U0001f600" * 900 + "'"]
    deep = ["(" * 9_000, "-" * 9_000 + "1", "[" * 200 + "]" * 200, "1" * 9_999, " " * 70_000]
    header = draw(usually(header, *odd, *deep)).encode("latin-1", "replace")
    version = draw(usually((1, 0), (2, 0), (3, 0), (9, 9)))
    size = min(draw(usually(len(header) + 1, *EDGES)), 2**16 - 1)
    content = draw(st.just(bytes(2)) | st.just(bytes(2 * 784)) | st.binary(max_size=20) | st.just(pickle.dumps([1])))
    start = b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", size)
    return start + header + b"\n" + content


BOMB_BYTES = 700_000 * 784 + 128


@functools.cache
def bomb():
    """Deflate an honest array of 549 MB to half a megabyte."""
    packer = zlib.compressobj(9, wbits=-15)
    start = npy(np.zeros((0, 28, 28), np.uint8)).replace(b"(0, 28, 28), }     ", b"(700000, 28, 28), }")
    content = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers to what came before, so a block can be repeated.
    block = packer.compress(bytes(700_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    return content + block * 784 + packer.flush()


DIRECTORY, MEMBER, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


@st.composite
def lying_archives(draw):
    """Draw an archive whose members are odd, or whose fields are not true."""
    images, labels = npy(np.zeros((2, 28, 28), np.uint8)), npy(np.zeros(2, np.uint8))
    contents = [images, labels, images, labels]
    members = [zipfile.ZipInfo(f"{name}.npy") for name in KERAS_NAMES]
    lies = []  # signature of the record, which of these, offset and layout of the field, and its value
    for _ in range(draw(st.integers(0, 2))):
        index = draw(st.integers(0, 3))
        kinds = ["header"] * 4 + ["array"] * 3 + ["bomb"] * 2 + ["twice", "name", "nested", "zip64", "link"]
        match draw(st.sampled_from(kinds)):
            case "header":
                contents[index] = draw(headers())
            case "twice":
                members.append(zipfile.ZipInfo(members[index].filename))
                contents.append(draw(headers() | st.sampled_from([images, labels, b""])))
            case "name":
                members[index].filename = draw(st.sampled_from(NAMES))
            case "array":
                shape = draw(st.sampled_from([(2,), (2, 28, 28), (0,), ()]))
                contents[index] = npy(np.zeros(shape, draw(st.sampled_from(["O", "O", ">f4", ">i2", "u1"]))))
            case "nested":
                contents[index] = draw(genuine)[0]
            case "bomb":  # stored as it is, and then it is said to be deflated
                contents[index] = bomb()
                size = draw(usually(BOMB_BYTES, 1_000, 10**6, 128_000 * 784 + 128, 2**32 - 1))
                lies += [(DIRECTORY, index, 10, "<H", 8), (DIRECTORY, index, 24, "<I", size)]
                lies += [(MEMBER, index, 8, "<H", 8), (MEMBER, index, 22, "<I", size)]
            case "zip64":  # sizes that do not fit stand in a field of their own
                values = b"".join(struct.pack("<Q", draw(sizes)) for _ in range(3))
                members[index].extra = struct.pack("<HH", 1, draw(st.sampled_from([24, 16, 8, 0, 99]))) + values
                lies += [(DIRECTORY, index, 24, "<I", 2**32 - 1)]
            case "link":
                members[index].external_attr = 0o120777 << 16
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as archive:
        warnings.simplefilter("ignore")  # the same name twice
        for member, content in zip(members, contents, strict=True):
            archive.writestr(member, content, zipfile.ZIP_STORED if content is bomb() else zipfile.ZIP_DEFLATED)
    content = bytearray(stream.getvalue())
    for _ in range(draw(st.integers(0, 3))):
        signature, length = draw(st.sampled_from([(DIRECTORY, 46), (MEMBER, 30), (END, 22)]))
        offset, layout = draw(st.integers(2, length // 2 - 2)) * 2, draw(st.sampled_from(["<H", "<I"]))
        value = draw(sizes | st.sampled_from([0, 1, 8, 9, 12, 14, 99, len(content)]))
        lies.append((signature, draw(st.integers(0, 3)), offset, layout, value))
    for signature, index, offset, layout, value in lies:
        starts = [found.start() for found in re.finditer(re.escape(signature), content)]
        if starts:
            value &= 2 ** (8 * struct.calcsize(layout)) - 1
            struct.pack_into(layout, content, starts[index % len(starts)] + offset, value)
    return bytes(content)
