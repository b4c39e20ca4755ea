"""The reader of files that may come from anyone: the right arrays or a `DatasetError`, and nothing executed."""

import gzip
import io
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from course_utils import readers
from course_utils.readers import DatasetError, read_arrays
from tests.robustness.attacks import UINT8, call, labels, named, stacked, text, with_labels
from tests.robustness.strategies import KERAS_NAMES, as_numpy_1_wrote, npy

_random = np.random.default_rng(5)
ARRAYS = [
    array
    for count in (3, 2)
    for array in (_random.integers(0, 256, (count, 28, 28), np.uint8), _random.integers(0, 10, count, np.uint8))
]


def pairs(arrays):
    return [(arrays[0], arrays[1]), (arrays[2], arrays[3])]


def npz_bytes(arrays=ARRAYS, save=np.savez_compressed, **more):
    stream = io.BytesIO()
    save(stream, **dict(zip(KERAS_NAMES, arrays, strict=True)), **more)
    return stream.getvalue()


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    return stream.getvalue()


def assert_read(path):
    for array, expected in zip(read_arrays(path), ARRAYS, strict=True):
        np.testing.assert_array_equal(array, expected)
        assert (array.dtype, array.flags.c_contiguous, array.flags.writeable) == (np.uint8, True, False)


def assert_refused(path, match=None):
    """Check that a file is refused, by its name and with advice."""
    with pytest.raises(DatasetError, match=match) as caught:
        read_arrays(path)
    message = str(caught.value)
    assert path.name in message
    assert message.isprintable()
    assert len(message) < 600
    assert message.count(". ") >= 1, "what is wrong, then what to do"
    assert any(str(path) in note for note in caught.value.__notes__)


@pytest.fixture
def file(tmp_path):
    def write(content, name="digits.pickle"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def peak_memory():
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


# --- what is right (every form, drawn at random: tests/robustness) ---------------------------------------------------


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_every_protocol_of_numpy_2_and_1(file, protocol):
    for order in (np.ascontiguousarray, np.asfortranarray):
        content = pickle.dumps(pairs([order(array) for array in ARRAYS]), protocol)
        assert_read(file(content))
        older = as_numpy_1_wrote(content)
        assert (b"numpy.core." in older, b"numpy._core." in older) == (True, False)
        assert_read(file(older))


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def table(images, digits, end="\n", quote=""):
    lines = np.column_stack([digits, images.reshape(-1, 784)]).astype(str)
    return "".join(",".join(f"{quote}{number}{quote}" for number in line) + end for line in lines).encode()


IDX = dict(zip(("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"), ARRAYS, strict=True))
PACKED = {f"{name}-ubyte.gz": gzip.compress(idx(array)) for name, array in IDX.items()}
UNPACKED = {f"{name}-ubyte": idx(array) for name, array in IDX.items()}
TABLES = {"mnist_train.csv": table(*ARRAYS[:2]), "mnist_test.csv": table(*ARRAYS[2:])}
HEADER = ("label," + ",".join(f"pixel{number}" for number in range(784)) + "\n").encode()
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("files", "named"),
    [
        *((UNPACKED, name) for name in [".", *UNPACKED]),
        *((PACKED, name) for name in [".", *PACKED]),
        (PACKED | UNPACKED | {"LICENSE": b"text", "empty": b""}, "."),
        ({name.replace("-idx", ".idx").upper(): content for name, content in UNPACKED.items()}, "."),
        *((TABLES, name) for name in TABLES),
        ({name: BOM + HEADER + content for name, content in TABLES.items()}, "mnist_train.csv"),
        ({name: HEADER.replace(b"pixel", b"1x") + content for name, content in TABLES.items()}, "mnist_test.csv"),
        ({name: gzip.compress(content) for name, content in TABLES.items()}, "mnist_train.csv"),
        ({"a train": table(*ARRAYS[:2], "\r\n"), "a test": table(*ARRAYS[2:], quote='"') + b"\n"}, "a train"),
        ({"digits.gz": gzip.compress(npz_bytes())}, "digits.gz"),
        ({"digits.gz": gzip.compress(pickle.dumps(pairs(ARRAYS), 4))}, "digits.gz"),
    ],
)
def test_files_as_people_have_them(tmp_path, files, named):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert_read(tmp_path / named)


def test_a_table_of_too_many_digits(file, monkeypatch):
    monkeypatch.setattr(readers, "MAX_BYTES", 2 * 785)
    assert_refused(file(LINES), "more bytes than")


@pytest.mark.parametrize("name", ["train.csv", "digits"])
def test_every_seventh_digit_of_a_single_table_is_for_testing(file, name):
    images, digits = _random.integers(0, 256, (15, 28, 28), np.uint8), np.arange(15, dtype=np.uint8) % 10
    file(b"pixel0" + HEADER[12:] + b"\n" + table(images, digits).replace(b"\n", b",0\n"), "test.csv")
    train_images, train_labels, test_images, test_labels = read_arrays(file(HEADER + table(images, digits), name))
    assert (train_labels.tolist(), test_labels.tolist()) == ([0, 1, 2, 3, 4, 5, 7, 8, 9, 0, 1, 2, 4], [6, 3])
    assert (test_images == images[[6, 13]]).all()
    assert (train_images[6] == images[7]).all()


# --- what is wrong ---------------------------------------------------------------------------------------------------


def test_idx_files_that_are_not_the_four_of_mnist(tmp_path, monkeypatch):
    for name, content in UNPACKED.items():
        (tmp_path / name).write_bytes(content)
    labels_file = tmp_path / "t10k-labels-idx1-ubyte"
    for content, match in (
        (idx(ARRAYS[3])[:-1], "test_labels claims shape .*, but a different number of bytes"),
        (idx(ARRAYS[3]) + b"\0", "test_labels claims shape"),
        (b"<html>", "does not have MNIST's four IDX files: .* Put these four, and no others"),
    ):
        labels_file.write_bytes(content)
        assert_refused(tmp_path, match)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(ARRAYS[2].reshape(2, 784, 1)))
    labels_file.write_bytes(idx(ARRAYS[3]))
    assert_refused(tmp_path, r"test_images has shape \(2, 784, 1\), expected shape \(n, 28, 28\)")
    monkeypatch.setattr(readers, "MAX_BYTES", 1000)
    assert_refused(tmp_path, "more bytes than")


def test_paths_and_files_that_cannot_be_read(tmp_path, file, monkeypatch):
    assert_refused(tmp_path / "nowhere" / "mnist.npz", f"there is no file .*{tmp_path.name}")
    assert_refused(tmp_path, "folder does not have MNIST's four IDX files")
    assert_refused(file(b""), "is empty")
    monkeypatch.setattr(readers, "MAX_BYTES", 2000)
    assert_refused(file(bytes(2001)), "larger than")


LINES = table(*ARRAYS[:2])
OTHER_FILES = {
    b"Dear all,\nhere are the digits.\n": "its first line has 2 columns, expected 785",
    b"5 153:3 154:18\n": "it is text. The course reads mnist.npz",
    b"\x89PNG\r\n\x1a\n" + bytes(50): "it is a picture",
    b"\x01\x02\x03": "it is of another kind",
    b"PK\x03\x04 but no archive": "broken and cannot be read as an .npz archive",
    b"\x80": "cut off",
    b"\x80\x63].": "Nothing in it was run",
    stacked("numpy", "ndarray.tofile") + b".": "asks for 'numpy.ndarray.tofile'",
    stacked("\x1b[31m\n\x07", "x" * 200) + b".": r"asks for '\\x1b\[31m\\n\\x07.xxx",
    b"\x1f\x8b\x08rest": "broken",
    gzip.compress(pickle.dumps(pairs(ARRAYS)))[:-9]: "broken",
    gzip.compress(b""): "empty",
    b"\x93NUMPY\x01\x00rest": "single .npy",
    zipped(train=LINES): "it is a zip archive with 'train' in it. If it contains digits, unpack it",
    zipped(a=zipped(train=LINES), b=b"", c=b""): "it is a zip archive with 'a' and 'b' in it. If it contains digits",
    b"BZh91AY": "it is a compressed file. If it contains digits, unpack it",
    bytes(257) + b"ustar": "it is a compressed file",
    b"\n<!DOCTYPE html><title>Log in</title>": "it is a web page. It may be a login page",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:4d": "it is a Git LFS pointer.*git lfs pull",
    b'{"cells": []}': "it is a JSON file or a notebook",
    b"[[0, 0], [1, 2]]": "it is a JSON file",
    b"% Handwritten digits\n@RELATION mnist_784\n": "it is an ARFF file",
    b"PAR1\x15\x04": "it is a Parquet",
    b"SQLite format 3\0": "it is a database",
    LINES.replace(b",", b";"): "it is a table without commas. Save it again as CSV",
    b"\x89HDF\r\n\x1a\n": "it is an HDF5 file",
    bytes([0, 0, 13, 3]): "IDX file of numbers other",
    BOM + pickle.dumps([], 0): "it is text, as an editor saves it",
    gzip.compress(pickle.dumps([ARRAYS[:2]] * 3, 2)): "three parts, like mnist.pkl of deeplearning.net. Use mnist.npz",
    LINES[: len(LINES) // 2]: "cannot be read as a table of whole numbers .*columns changed from 785",
    LINES.replace(b",", b",-", 1): "could not convert string '-",
    LINES.replace(b",", b",0.", 1): "could not convert string '0.",
    HEADER: "train_images is empty",
    HEADER[6:] + LINES: "it has pixels but no labels, like Kaggle's test.csv. Use train.csv",
    HEADER[6:-1] + b",class\n" + LINES: "its last column is not a pixel. Move the label to the first",
    b"ImageId,Label\n1,2\n": "has 2 columns",
    pickle.dumps(pairs(ARRAYS), 0).replace(b"\n", b"\r\n"): "copied as text, which damaged it. Download it again",
    pickle.dumps(pairs(ARRAYS), 4).replace(b"\n", b"\r\n"): "copied as text",
    npz_bytes(save=np.savez).replace(b"\n", b"\r\n"): "copied as text",
    npz_bytes().decode("utf-8", "replace").encode(): "copied as text",
}


@pytest.mark.parametrize(("content", "match"), OTHER_FILES.items(), ids=OTHER_FILES.values())
def test_files_of_other_types(file, content, match):
    assert_refused(file(content), match)


@pytest.mark.parametrize("content", [pickle.dumps(pairs(ARRAYS), p) for p in (0, 2, 4)] + [npz_bytes()])
def test_truncated_anywhere(file, content):
    match = "broken" if content.startswith(b"PK") else "cut off"
    for length in {*range(4, len(content), 997), *range(len(content) - 30, len(content))}:
        assert_refused(file(content[:length]), match)


def test_pickle_of_something_else(file):
    for value in ([], 5, None, pairs(ARRAYS)[:1], tuple(ARRAYS)):
        assert_refused(file(pickle.dumps(value)), "does not hold")
    for value in ([[1, 2], [3, 4]], pairs([[1], [2], [3], [4]])):
        assert_refused(file(pickle.dumps(value)), "train_images is not a NumPy array")


BAD_ARRAYS = [
    (0, ARRAYS[0].astype(np.float32), "train_images has dtype float32, expected uint8.* multiply by 255 first"),
    (1, ARRAYS[1].astype(np.int64), r"train_labels has dtype int64, expected uint8.* labels.astype\('uint8'\)"),
    (3, ARRAYS[3].astype("S1"), "test_labels has dtype .*, expected uint8"),
    (0, ARRAYS[0].reshape(-1, 784), r"train_images has shape \(3, 784\), expected shape \(n, 28, 28\).*\.reshape\(-1"),
    (0, ARRAYS[0][..., None], r"train_images has shape \(3, 28, 28, 1\), expected shape \(n, 28, 28\)"),
    (1, np.eye(10, dtype=np.uint8)[ARRAYS[1]], r"shape \(3, 10\), expected shape \(n,\).* one-hot, use labels.argmax"),
    (3, np.array(4, np.uint8), r"test_labels has shape \(\), expected shape \(n,\)"),
    (0, ARRAYS[0][:0], "train_images is empty"),
]


@pytest.mark.parametrize(("index", "array", "match"), BAD_ARRAYS)
def test_files_with_a_wrong_array(file, index, array, match):
    arrays = [*ARRAYS[:index], array, *ARRAYS[index + 1 :]]
    for protocol in range(6):
        assert_refused(file(pickle.dumps(pairs(arrays), protocol)), match)
    assert_refused(file(npz_bytes(arrays)), match)


# --- hostile pickles (attacks by technique: tests/robustness) --------------------------------------------------------

NUMPY_ARRAY = named("numpy", "ndarray")
FOUR_BYTES = b"X\x04\x00\x00\x00"
# A text of seven bytes; when a frame ends after the first two, the Unpickler drops them, and finds ] and r instead.
CROSSING = b"X\x07" + bytes(4) + b"]r" + struct.pack("<I", 2**22) + b"."
COSTLY_OR_ODD = {
    "call of something that is no function": b"]K\x01\x85R.",
    "persistent id": b"P42\n.",
    "state for a list": b"]K\x01b.",
    "BINBYTES that claims 2**32 - 1 bytes": b"B" + b"\xff" * 4 + b".",
    "BYTEARRAY8 that claims 2**62 bytes": b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b".",
    "BINSTRING of negative length": b"T" + struct.pack("<i", -1) + b".",
    "LONG_BINPUT with index 2**22": b"]r" + struct.pack("<I", 2**22) + b".",
    "PUT with index 2**22": b"]p%d\n." % 2**22,
    "LONG_BINPUT behind the end of a frame": b"\x80\x04\x95\x02" + bytes(7) + CROSSING,
    "LONG_BINPUT behind the end of two frames": b"\x80\x04\x95\x0b" + bytes(7) + b"\x95" + bytes(8) + CROSSING,
    "number of many digits": b"I0x" + b"9" * 5_000_000 + b"\n.",
    "very deeply nested tuples": b")" + b"\x85" * 1_000_000 + b".",
    "stack from nothing": b"R.",
    "list that holds itself": b"]q\x00h\x00a.",
    "doubling tuples": b")" + b"q\x00h\x00\x86" * 300 + b".",
    "unknown protocol": b"\x80\xff].",
}


@pytest.mark.parametrize("content", COSTLY_OR_ODD.values(), ids=COSTLY_OR_ODD)
def test_pickles_that_ask_for_more_than_plain_arrays_are_refused_cheaply(file, content, peak_memory):
    assert_refused(file(content), "Nothing in it was run|cut off|does not hold|not a NumPy array")
    assert peak_memory() < 10e6


BAD_SIZE = "train_labels claims shape .*, but a different number of bytes"


@pytest.mark.parametrize(
    ("odd", "match"),
    [
        (labels(shape=b"(L%dL\nt" % 2**62), "more bytes than"),
        (labels(shape=b"(I-3\nt"), "without a proper dtype and shape"),
        (labels(shape=b"(L%dL\nt" % 10**80), "without a proper dtype and shape"),
        (labels(shape=b"(" + b"I3\n" * 200 + b"t"), "train_labels has 200 axes"),
        (labels(shape=b"(I4\nt"), BAD_SIZE),
        (labels(data=b"N"), BAD_SIZE),
        (labels(data=b"(K\x01K\x02t"), BAD_SIZE),
        (labels(data=call(named("_codecs", "encode"), text("ab"), text("rot13"))), BAD_SIZE),
        (labels(data=text("a\u0234")), "more than plain arrays need"),
        (labels(data=FOUR_BYTES + b"\xf0\x9f\x98\x80"), "more than plain arrays need"),
        (labels(data=FOUR_BYTES + b"\x41\x41\x80\x80"), "damaged"),
        (labels(dtype=b"N"), "without a proper dtype and shape"),
        (labels(dtype=UINT8 + b"(I3\n" + text("|") + b"N(" + text("a") + b"tNI-1\nI-1\nI0\ntb"), "without a proper"),
        (labels().replace(NUMPY_ARRAY, named("numpy", "dtype"), 1), "not a NumPy array"),
    ],
)
def test_arrays_that_are_not_what_they_claim(file, odd, match):
    read_arrays(file(with_labels(labels())))  # with honest labels it is fine
    assert_refused(file(with_labels(odd)), match)


def test_one_wide_character_does_not_make_all_others_wide(file, peak_memory):
    content = b"a" * 5_000_000 + "\U0001f600".encode()
    path = file(with_labels(labels(data=b"X" + struct.pack("<I", len(content)) + content)))
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    assert_refused(path, "more than plain arrays need")
    assert peak_memory() - before < 15e6


def test_the_same_bytes_named_again_and_again_cannot_fill_the_memory(file, monkeypatch, peak_memory):
    monkeypatch.setattr(readers, "MAX_BYTES", 3_000_000)
    images, digits = np.asfortranarray(np.zeros((3_000, 28, 28), np.uint8)), np.zeros(3_000, np.uint8)
    assert_refused(file(pickle.dumps([(images, digits), (images, digits)], 2)), "more bytes than")
    start = b"\x80\x02" + b"X" + struct.pack("<I", 2_000_000) + b"a" * 2_000_000 + b"q\x00"
    encode = b"c_codecs\nencode\n(h\x00" + text("latin1") + b"tR"
    assert_refused(file(start + encode * 150 + b"."))
    assert peak_memory() < 50e6


# --- hostile archives (archives that lie: tests/robustness) ----------------------------------------------------------


def archive(train_labels, method=zipfile.ZIP_DEFLATED, **more):
    """Return an archive of the good arrays, except that one member has this content."""
    contents = {name: npy(array) for name, array in zip(KERAS_NAMES, ARRAYS, strict=True)}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as target:
        for name, content in (contents | {"y_train": train_labels} | more).items():
            target.writestr(f"{name}.npy", content)
    return stream.getvalue()


def test_archives_that_are_too_large_are_refused_before_they_are_unpacked(file, monkeypatch, peak_memory):
    images, digits = np.zeros((2_000, 28, 28), np.uint8), np.zeros(2_000, np.uint8)
    path = file(npz_bytes([images, digits, images, digits]))
    read_arrays(path)
    monkeypatch.setattr(readers, "MAX_BYTES", 2 * images.nbytes)
    del images, digits
    tracemalloc.reset_peak()
    assert_refused(path, "more bytes than")
    assert peak_memory() < 1e6


def test_archives_that_numpy_would_not_write(file):
    content = bytearray(npz_bytes(save=np.savez))
    content[content.index(ARRAYS[0][1].tobytes())] ^= 1
    assert_refused(file(bytes(content)), "broken")  # one bit of a pixel
    assert_refused(file(archive(b"", **{str(number): b"" for number in range(3_000)})), "too many entries")
    assert_refused(file(archive(npy(ARRAYS[1]), zipfile.ZIP_LZMA)), "not compressed as NumPy")
    stream = io.BytesIO()
    np.savez(stream, x_train=ARRAYS[0], train_labels=ARRAYS[1], x_test=ARRAYS[2])
    assert_refused(file(stream.getvalue()), "no array y_train and no y_test")
