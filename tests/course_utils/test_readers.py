"""The reader of files that nobody vouches for: the right arrays or a DatasetError, and nothing executed."""

import io
import os
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from course_utils import reading
from course_utils.readers import DatasetError, read_arrays

KERAS_NAMES = ("x_train", "y_train", "x_test", "y_test")
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def make_arrays(train_count=3, test_count=2):
    generator = np.random.default_rng(5)
    images = generator.integers(0, 256, (train_count + test_count, 28, 28), np.uint8)
    labels = generator.integers(0, 10, train_count + test_count, np.uint8)
    return images[:train_count], labels[:train_count], images[train_count:], labels[train_count:]


ARRAYS = make_arrays()


def pairs(arrays):
    return [(arrays[0], arrays[1]), (arrays[2], arrays[3])]


def npz_bytes(arrays=ARRAYS, save=np.savez_compressed, **more):
    stream = io.BytesIO()
    save(stream, **dict(zip(KERAS_NAMES, arrays, strict=True)), **more)
    return stream.getvalue()


def changed(index, array):
    """Return the good arrays with one of them exchanged."""
    arrays = list(ARRAYS)
    arrays[index] = array
    return arrays


def snapshot(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def assert_read(path, expected=ARRAYS):
    arrays = read_arrays(path)
    assert len(arrays) == 4
    for array, wanted in zip(arrays, expected, strict=True):
        np.testing.assert_array_equal(array, wanted)
        assert array.dtype == np.uint8
        assert array.flags.c_contiguous
        assert not array.flags.writeable


def assert_refused(path, match=None):
    """Check that a file is refused, by its name and with advice, and that nothing on disk changed."""
    before = snapshot(path.parent)
    with pytest.raises(DatasetError, match=match) as caught:
        read_arrays(path)
    message = str(caught.value)
    assert path.name in message
    assert message.isprintable()
    assert len(message) < 600
    assert message.count(". ") >= 1, "what is wrong, then what to do"
    assert any(str(path) in note for note in caught.value.__notes__)
    assert snapshot(path.parent) == before
    return caught.value


@pytest.fixture
def file(tmp_path):
    def write(content, name="digits.pickle"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


# --- what is right ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_pickles_of_every_protocol(file, protocol):
    assert_read(file(pickle.dumps(pairs(ARRAYS), protocol=protocol)))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_pickles_written_with_numpy_1(file, protocol):
    content = pickle.dumps(pairs(ARRAYS), protocol=protocol)
    older = content.replace(b"numpy._core.", b"numpy.core.")
    for name in (b"multiarray", b"numeric"):  # protocol 4 and later write the length before the name
        older = older.replace(
            bytes([len(b"numpy._core." + name)]) + b"numpy.core." + name,
            bytes([len(b"numpy.core." + name)]) + b"numpy.core." + name,
        )
    older = older if protocol < 4 else older.replace(b"\x95" + content[3:11], b"\x95" + struct.pack("<Q", len(older)))
    assert b"numpy.core." in older
    assert b"numpy._core." not in older
    assert_read(file(older))


def python_2_pickle(protocol):
    """Write what Python 2 wrote: its str is bytes, which today's pickle cannot write."""

    def text(value):
        return b"S" + repr(value)[1:].encode() + b"\n" if protocol == 0 else b"U" + bytes([len(value)]) + value

    def data(value):
        return text(value) if protocol == 0 else b"T" + struct.pack("<i", len(value)) + value

    def array(value):
        shape = b"(" + b"".join(b"L%dL\n" % length for length in value.shape) + b"t"
        return (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\nt" + text(b"b") + b"tR(I1\n" + shape
            + b"cnumpy\ndtype\n(" + text(b"u1") + b"I0\nI1\ntR(I3\n" + text(b"|") + b"NNNI-1\nI-1\nI0\ntbI00\n"
            + data(value.tobytes()) + b"tb"
        )  # fmt: skip

    start = b"" if protocol == 0 else b"\x80\x02"
    one, two, three, four = map(array, ARRAYS)
    return start + b"(lp0\n(" + one + two + b"ta(" + three + four + b"ta."


@pytest.mark.parametrize("protocol", [0, 2])
def test_pickles_written_by_python_2(file, protocol):
    content = python_2_pickle(protocol)
    theirs = pickle.loads(content, encoding="latin1")
    np.testing.assert_array_equal(theirs[0][0], ARRAYS[0])  # so the content is a pickle indeed
    assert_read(file(content))


@pytest.mark.parametrize("layout", [tuple, list])
def test_pairs_may_be_tuples_or_lists(file, layout):
    assert_read(file(pickle.dumps(layout(layout(pair) for pair in pairs(ARRAYS)))))


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("order", [np.asfortranarray, lambda array: array[::-1][::-1], lambda array: array[::2]])
def test_pickled_arrays_of_any_memory_order(file, protocol, order):
    arrays = [order(array) for array in make_arrays(6, 4)]
    assert_read(file(pickle.dumps(pairs(arrays), protocol=protocol)), arrays)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_that_are_one_object(file, protocol):
    arrays = ARRAYS[0], ARRAYS[1], ARRAYS[0], ARRAYS[1]
    assert_read(file(pickle.dumps(pairs(arrays), protocol=protocol)), arrays)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", [np.ascontiguousarray, np.asfortranarray])
def test_archives(file, save, order):
    assert_read(file(npz_bytes([order(array) for array in ARRAYS], save)))


def test_archive_with_other_members_too(file):
    assert_read(file(npz_bytes(more=np.array([print], dtype=object))))


def test_the_first_bytes_tell_the_type_not_the_name(file):
    assert_read(file(npz_bytes(), "digits.pickle"))
    assert_read(file(pickle.dumps(pairs(ARRAYS)), "digits.npz"))


# --- what is wrong ---------------------------------------------------------------------------------------------------


def test_missing_path(tmp_path):
    error = assert_refused(tmp_path / "nowhere" / "mnist.npz", "there is no file")
    assert str(tmp_path / "nowhere") in str(error)


def test_folder(tmp_path):
    assert_refused(tmp_path, "is a folder")


def test_empty_file(file):
    assert_refused(file(b""), "is empty")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    pipe = os.open(tmp_path / "pipe", os.O_RDWR)
    try:
        os.write(pipe, b"something to read, or a reader that fails this test would hang")
        with pytest.raises(DatasetError, match="not an ordinary file"):
            read_arrays(tmp_path / "pipe")
    finally:
        os.close(pipe)


def test_file_that_is_too_large(file, monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 2000)
    assert_refused(file(bytes(2001)), "larger than")


@pytest.mark.parametrize(
    "content",
    [
        b"hello, this is a text\n",
        b"<html><body>Please log in</body></html>",
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"PK\x03\x04 but no archive",
        b"\x80",
        b".",
        b"\x80\x63].",
        bytes(range(256)),
    ],
)
def test_neither_archive_nor_pickle(file, content):
    assert_refused(file(content))


@pytest.mark.parametrize(
    ("content", "match"), [(b"\x1f\x8b\x08rest", "unpack it first"), (b"\x93NUMPY\x01\x00rest", "single .npy")]
)
def test_types_that_people_confuse(file, content, match):
    assert_refused(file(content), match)


@pytest.mark.parametrize("content", [pickle.dumps(pairs(ARRAYS), protocol=p) for p in (0, 2, 4, 5)] + [npz_bytes()])
def test_truncated_anywhere(file, content):
    match = "broken" if content.startswith(b"PK") else "cut off"
    for length in {*range(4, len(content), 97), *range(len(content) - 60, len(content))}:
        assert_refused(file(content[:length]), match)


@pytest.mark.parametrize("value", [[], 5, None, pairs(ARRAYS)[:1], ARRAYS])
def test_pickle_of_something_else(file, value):
    assert_refused(file(pickle.dumps(value)), "does not hold")


@pytest.mark.parametrize("value", [[[1, 2], [3, 4]], [(b"a", b"b"), (b"c", b"d")], pairs([[1], [2], [3], [4]])])
def test_pickle_of_pairs_of_something_else(file, value):
    assert_refused(file(pickle.dumps(value)), "train_images is not a NumPy array")


BAD_ARRAYS = [
    (0, ARRAYS[0].astype(np.float32), "train_images has dtype float32, expected uint8"),
    (2, ARRAYS[2].astype(">f8"), "test_images has dtype float64, expected uint8"),
    (1, ARRAYS[1].astype(np.int64), "train_labels has dtype int64, expected uint8"),
    (3, ARRAYS[3].astype(">i4"), "test_labels has dtype int32, expected uint8"),
    (1, ARRAYS[1] > 4, "train_labels has dtype bool, expected uint8"),
    (3, ARRAYS[3].astype("S1"), "test_labels has dtype .*, expected uint8"),
    (0, ARRAYS[0].reshape(-1, 784), r"train_images has shape \(3, 784\), expected shape \(n, 28, 28\)"),
    (2, ARRAYS[2][..., None], r"test_images has shape \(2, 28, 28, 1\), expected shape \(n, 28, 28\)"),
    (0, ARRAYS[0][:, :27], r"train_images has shape \(3, 27, 28\), expected shape \(n, 28, 28\)"),
    (1, ARRAYS[1][:, None], r"train_labels has shape \(3, 1\), expected shape \(n,\)"),
    (3, np.array(4, np.uint8), r"test_labels has shape \(\), expected shape \(n,\)"),
    (0, ARRAYS[0][:0], "train_images is empty"),
    (3, ARRAYS[3][:0], "test_labels is empty"),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("index", "array", "match"), BAD_ARRAYS)
def test_pickle_with_a_wrong_array(file, index, array, match, protocol):
    assert_refused(file(pickle.dumps(pairs(changed(index, array)), protocol=protocol)), match)


@pytest.mark.parametrize(("index", "array", "match"), BAD_ARRAYS)
def test_archive_with_a_wrong_array(file, index, array, match):
    assert_refused(file(npz_bytes(changed(index, array))), match)


def test_archive_without_an_array(file):
    stream = io.BytesIO()
    np.savez(stream, x_train=ARRAYS[0], train_labels=ARRAYS[1], x_test=ARRAYS[2])
    assert_refused(file(stream.getvalue()), "no array y_train and no y_test")


def test_archive_with_one_pixel_changed_on_the_way(file):
    content = bytearray(npz_bytes(save=np.savez))
    content[content.index(ARRAYS[0][1].tobytes())] ^= 1
    assert_refused(file(bytes(content)), "broken")


# --- hostile pickles (attacks by technique: robustness/) -------------------------------------------------------------


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def write_code(canary):
    return f"open({str(canary)!r}, 'w').close()"


def line(text):
    return b"V" + text.encode("raw-unicode-escape") + b"\n"


def with_global(module, name, rest=b"."):
    return b"\x80\x04\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)]) + name.encode() + (
        b"\x93" + rest
    )  # fmt: skip


IMAGES = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\nt" + line("b") + b"tR"
UINT8 = b"cnumpy\ndtype\n(" + line("u1") + b"I00\nI01\ntR"
NOT_FOR_ARRAYS = {
    "attribute behind a dot": with_global("numpy", "ndarray.tofile"),
    "numpy.load": with_global("numpy", "load"),
    "encode behind a dot": with_global("_codecs", "encode.__self__"),
    "control characters in a name": with_global("\x1b[31m\n\x07", "x" * 200),
    "another codec": b"c_codecs\nencode\n(" + line("a") + line("rot13") + b"tR.",
    "call of the array class": b"cnumpy\nndarray\n(I10\ntR.",
    "call of something that is no function": b"]K\x01\x85R.",
    "_reconstruct of another class": (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\nt" + line("b") + b"tR."
    ),
    "_reconstruct with a huge shape": (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I999999999999\nt" + line("b") + b"tR."
    ),
    "NEWOBJ": b"\x80\x02cnumpy\nndarray\n)\x81.",
    "NEWOBJ_EX": b"\x80\x04cnumpy\nndarray\n)}\x92.",
    "persistent id": b"P42\n.",
    "binary persistent id": b"K\x01Q.",
    "extension without a name": b"\x80\x02\x82\xf1.",
    "out-of-band buffer": b"\x80\x05\x97.",
    "state for a list": b"]K\x01b.",
    "state for a class": b"cnumpy\nndarray\n(I1\ntb.",
    "dictionary": pickle.dumps({"train_images": 1}),
    "set": pickle.dumps({1}, protocol=4),
    "append to an array": IMAGES + b"K\x01a.",
    "dtype with fields": (
        b"cnumpy\ndtype\n(" + line("V1") + b"I00\nI01\ntR(I3\n" + line("|") + b"N(" + line("a") + b"tNI-1\nI-1\nI0\ntb."
    ),
}  # fmt: skip
COSTLY = {
    "BINBYTES8 that claims 2**62 bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".",
    "BINUNICODE8 that claims 2**64 - 1 bytes": b"\x80\x04\x8d" + struct.pack("<Q", 2**64 - 1) + b".",
    "BINSTRING of negative length": b"T" + struct.pack("<i", -1) + b".",
    "LONG_BINPUT with index 2**31": b"]r" + struct.pack("<I", 2**31) + b".",
    "PUT with a huge index": b"]p" + b"9" * 900 + b"\n.",
    "GET of what was never stored": b"j" + struct.pack("<I", 2**31) + b".",
    "number of many digits": b"I" + b"9" * 100_000 + b"\n.",
    "nested lists": b"]" * 5_000 + b"a" * 4_999 + b".",
    "nested tuples": b")" + b"\x85" * 9_000 + b".",
    "very deeply nested tuples": b")" + b"\x85" * 1_000_000 + b".",
    "many marks": b"(" * 1_000_000 + b".",
    "stack from nothing": b"R.",
    "list that holds itself": b"]q\x00h\x00a.",
    "doubling lists": b"]q\x00" + b"]q\x01(h\x00h\x00eq\x00" * 1_500 + b".",
    "unknown protocol": b"\x80\xff].",
    "no end": b"]]]]",
}  # fmt: skip


@pytest.mark.parametrize("content", NOT_FOR_ARRAYS.values(), ids=NOT_FOR_ARRAYS)
def test_pickles_that_ask_for_more_than_plain_arrays_are_refused(file, content):
    assert_refused(file(content), "refused")


@pytest.fixture
def peak_memory():
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


@pytest.mark.parametrize("content", COSTLY.values(), ids=COSTLY)
def test_pickles_that_would_cost_memory_are_refused_cheaply(file, content, peak_memory):
    assert_refused(file(content))
    assert peak_memory() < 30e6


def raw_array(shape, data=b"C\x03\x01\x02\x03", dtype=UINT8):
    lengths = b"".join(b"I%d\n" % length for length in shape)
    return b"\x80\x04" + IMAGES + b"(I1\n(" + lengths + b"t" + dtype + b"I00\n" + data + b"tb"


def with_labels(labels):
    """Return a pickle of good arrays around training labels made by hand."""
    images, _, test_images, test_labels = (pickle.dumps(array, protocol=3)[:-1] for array in ARRAYS)
    return b"((" + images + labels + b"t(" + test_images + test_labels + b"tt."


ANOTHER_NUMBER = "train_labels claims shape .*, but another number of bytes"


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (raw_array([2**62]), "more bytes than"),
        (raw_array([-3]), "train_labels is an array without a proper"),
        (raw_array([10**80]), "train_labels is an array without a proper"),
        (raw_array([3] * 2000), "train_labels has 2000 axes"),
        (raw_array([4]), ANOTHER_NUMBER),
        (raw_array([2]), ANOTHER_NUMBER),
        (raw_array([3], data=b"N"), ANOTHER_NUMBER),
        (raw_array([3], data=b"(K\x01K\x02K\x03t"), ANOTHER_NUMBER),
        (raw_array([3], data=line("abcd")), ANOTHER_NUMBER),
        (raw_array([3], data=line("ab\u0234")), "text where the bytes"),
        (raw_array([3], data=b"X\x04\x00\x00\x00\xf0\x9f\x98\x80"), "text where the bytes"),
        (raw_array([3], data=b"X\x03\x00\x00\x00\x41\x80\x80"), "broken"),
        (raw_array([3], dtype=b"N"), "refused"),
        (IMAGES, "train_labels is an array without a proper"),
    ],
)
def test_arrays_that_are_not_what_they_claim(file, labels, match):
    read_arrays(file(with_labels(raw_array([3]))))  # with honest labels it is fine
    assert_refused(file(with_labels(labels)), match)


def test_one_wide_character_does_not_make_all_others_wide(file, peak_memory):
    text = b"a" * 5_000_000 + "\U0001f600".encode()
    path = file(with_labels(raw_array([len(text)], data=b"X" + struct.pack("<I", len(text)) + text)))
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    with pytest.raises(DatasetError, match="text where the bytes"):
        read_arrays(path)
    assert peak_memory() - before < 15e6


def test_the_same_bytes_named_again_and_again_cannot_fill_the_memory(file, monkeypatch, peak_memory):
    monkeypatch.setattr(reading, "MAX_BYTES", 3_000_000)
    images = np.asfortranarray(np.zeros((3_000, 28, 28), np.uint8))
    labels = np.zeros(3_000, np.uint8)
    assert_refused(file(pickle.dumps([(images, labels), (images, labels)], protocol=2)), "more bytes than")
    text = b"\x80\x02" + b"X" + struct.pack("<I", 2_000_000) + b"a" * 2_000_000 + b"q\x00"
    encode = b"c_codecs\nencode\n(h\x00" + line("latin1") + b"tR"
    assert_refused(file(text + encode * 1_000 + b"."))
    assert peak_memory() < 50e6


# --- hostile archives ------------------------------------------------------------------------------------------------


def archive(members, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return stream.getvalue()


def npy(header, data=b"", version=(1, 0)):
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(text)) + text + data


def members(**changes):
    stream = io.BytesIO(npz_bytes())
    with zipfile.ZipFile(stream) as source:
        good = {name: source.read(name) for name in source.namelist()}
    return good | {f"{name}.npy": content for name, content in changes.items()}


LABELS = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }"


def test_members_written_by_hand_are_as_good(file):
    assert_read(file(archive(members(y_train=npy(LABELS, ARRAYS[1].tobytes())))))
    assert_read(file(archive(members(y_train=npy(LABELS, ARRAYS[1].tobytes(), version=(2, 0))))))


@pytest.mark.parametrize(
    "member",
    [
        npy(LABELS.replace("3,", "99999999999999,"), b"123"),
        npy(LABELS.replace("3,", "200000000,"), b"123"),
        npy(LABELS.replace("3,", "-3,"), b"123"),
        npy(LABELS.replace("3,", "3," * 200), b"123"),
        npy(LABELS.replace("3,", "4,"), b"123"),
        npy(LABELS, b"1234"),
        npy(LABELS, b"12"),
        npy(LABELS.replace("|u1", "|O"), pickle.dumps([1, 2, 3])),
        npy(LABELS.replace("'|u1'", "[('a', '|u1')]"), b"123"),
        npy(LABELS.replace("'|u1'", "'(1000000,1000000)u1'"), b"123"),
        npy(LABELS.replace("3,", "(" * 3000), b"123"),
        npy(LABELS + " " * 20_000, b"123"),
        npy("__import__('os').system('exit')", b"123"),
        npy(LABELS, b"123", version=(9, 0)),
        b"\x93NUMPY",
        b"",
    ],
)
def test_archive_with_a_hostile_member(file, member, peak_memory):
    assert_refused(file(archive(members(y_train=member))))
    assert peak_memory() < 30e6


def test_archive_with_pickled_code_inside(tmp_path, file):
    canary = tmp_path / "canary"
    content = npz_bytes(changed(1, np.array([Call(exec, write_code(canary))], dtype=object)))
    with np.load(io.BytesIO(content), allow_pickle=True) as trusting:
        trusting["y_train"]
    assert canary.exists()
    canary.unlink()
    assert_refused(file(content), "dtype object")
    assert not canary.exists()


def test_zip_bomb_is_refused_before_it_is_unpacked(file, monkeypatch, peak_memory):
    monkeypatch.setattr(reading, "MAX_BYTES", 1_000_000)
    bomb = npy(LABELS.replace("3,", "50_000_000,").replace("_", ""), bytes(50_000_000))
    path = file(archive(members(y_train=bomb)))
    assert path.stat().st_size < 200_000
    del bomb
    tracemalloc.reset_peak()
    assert_refused(path, "more bytes than")
    assert peak_memory() < 5e6


def test_arrays_that_are_too_large_only_together_are_refused_before_they_are_unpacked(file, monkeypatch, peak_memory):
    images, labels = np.zeros((2_000, 28, 28), np.uint8), np.zeros(2_000, np.uint8)
    path = file(npz_bytes([images, labels, images, labels]))
    read_arrays(path)
    monkeypatch.setattr(reading, "MAX_BYTES", 2 * images.nbytes)
    del images, labels
    tracemalloc.reset_peak()
    assert_refused(path, "more bytes than")
    assert peak_memory() < 1e6


def test_archive_with_thousands_of_entries(file):
    assert_refused(file(archive(members() | {f"{number}": b"" for number in range(3_000)})), "too many entries")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_archive_packed_in_another_way(file, method):
    assert_refused(file(archive(members(), method)), "packed in another way")
