"""The dataset, its files, and the order in which sources are tried."""

import gzip
import hashlib
import os
import pickle
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from course_utils import data, download
from course_utils.data import Dataset, DatasetError, keras_file, load_dataset, load_pickle, save_pickle
from course_utils.readers import ARRAY_NAMES
from course_utils.workspace import workspace_folder

pytestmark = pytest.mark.usefixtures("house")
# Read before the fixture hides it from the tests.
REAL_MNIST = os.environ.get("MNIST_PATH")


def make_arrays(seed=5):
    generator = np.random.default_rng(seed)
    images, labels = generator.integers(0, 256, (7, 28, 28), np.uint8), generator.integers(0, 10, 7, np.uint8)
    return images[:4], labels[:4], images[4:], labels[4:]


def make_course_arrays(seed=5):
    """Make the least that all lessons work with."""
    images = np.random.default_rng(seed).integers(0, 256, (1_100, 28, 28), np.uint8)
    labels = (np.arange(1_100) % 10).astype(np.uint8)
    return images[:1_000], labels[:1_000], images[1_000:], labels[1_000:]


def make_dataset(seed=5, name="made up"):
    return Dataset(name, *make_arrays(seed))


def save_npz(dataset, path):
    arrays = [getattr(dataset, name) for name in ARRAY_NAMES]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))
    return path


def snapshot(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def mnist(house, monkeypatch):
    """Let a small made-up dataset be what is recognised as MNIST; return it and its archive."""
    dataset = make_dataset(seed=1)
    content = b"".join(getattr(dataset, name).tobytes() for name in ARRAY_NAMES)
    archive = save_npz(dataset, house / "stick" / "any name.npz")
    monkeypatch.setitem(data._CONTENT_SHA256, "MNIST", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(download, "MNIST_ARCHIVE_SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    return dataset, archive


@pytest.fixture
def uci_digits(house, capsys):
    dataset = load_dataset(allow_download=False)
    capsys.readouterr()  # the banner
    return dataset


# --- Dataset ---------------------------------------------------------------------------------------------------------


def test_dataset_shares_the_arrays_and_cannot_be_changed():
    arrays = make_arrays()
    dataset = Dataset("made up", *arrays)
    for name, array in zip(ARRAY_NAMES, arrays, strict=True):
        kept = getattr(dataset, name)
        assert np.shares_memory(kept, array)
        assert array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            kept[0] = 1
        with pytest.raises(AttributeError):
            setattr(dataset, name, array)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("digits from my Data-2.npz", "digits_from_my_data_2_npz"), ("数字", "digits"), ("x" * 500, "x" * 60)],
)
def test_slug_is_short_and_safe_in_file_names(name, slug):
    assert make_dataset(name=name).slug == slug


def test_datasets_are_equal_by_content():
    assert make_dataset(name="one") == make_dataset(name="another")
    arrays = make_arrays()
    arrays[3][-1] = (arrays[3][-1] + 1) % 10
    assert Dataset("made up", *arrays) != make_dataset()


CLOTHES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def save_named(path, names, change=lambda arrays: None):
    arrays = dict(zip(("x_train", "y_train", "x_test", "y_test"), map(np.copy, make_course_arrays()), strict=True))
    change(arrays)
    np.savez_compressed(path, **arrays, class_names=names)
    return path


def put(name, value):
    return lambda arrays: arrays.update({name: value(arrays[name])})


def test_ten_classes_of_any_kind_keep_their_names(house):
    dataset = load_dataset(save_named(house / "fashion.npz", CLOTHES))
    assert (dataset.name, dataset.slug, dataset.class_names) == ("fashion", "fashion", CLOTHES)
    assert load_dataset(save_named(house / "mine.npz", [*"0123456789"])).name == "digits from mine.npz"
    save_named(workspace_folder() / "shoes.npz", CLOTHES)
    for other in ("my_digits.npz", ".part-a.npz"):
        (workspace_folder() / other).touch()
    assert load_dataset().name == "shoes", "one's own in the workspace is found"
    assert make_dataset().class_names == tuple("0123456789")


@pytest.mark.parametrize(
    ("names", "change", "match"),
    [
        (CLOTHES[:5], None, "5 different names, expected ten classes with the labels 0 to 9"),
        (["shoe"] * 10, None, "1 different names"),
        ([*CLOTHES[:9], ""], None, "1 to 40 characters"),
        ([*CLOTHES[:9], "x" * 200], None, "1 to 40 characters"),
        ([*CLOTHES[:9], "x" * 2000], None, "1 to 40 characters"),
        (np.array([print] * 10), None, "must be a list of names"),
        (CLOTHES, put("y_train", lambda labels: labels + np.uint8(16)), "holds the label 25, expected ten classes"),
        (CLOTHES, put("y_test", lambda labels: labels + np.uint8(1)), "subtract 1 from labels that go from 1 to 10"),
        (CLOTHES, put("y_train", lambda labels: labels % 2), "train_labels has only the labels 0, 1, expected ten"),
        (CLOTHES, put("x_train", lambda images: images // 128), "train_images are only 0 and 1, expected 0 to 255"),
        (CLOTHES, put("x_test", lambda images: images[:, 6:22, 6:22]), r"\(100, 16, 16\), .* With Image from PIL"),
        (CLOTHES, lambda arrays: arrays.pop("y_test"), "no array y_test. Save it from NumPy"),
        (CLOTHES, put("x_test", lambda images: images[:99]), "99 images, but test_labels has 100 labels"),
        (CLOTHES, lambda arrays: arrays.update(x_test=arrays["x_test"][:99], y_test=arrays["y_test"][:99]), "need 100"),
    ],
)
def test_a_dataset_that_lessons_cannot_use_is_rejected_at_once(house, names, change, match):
    path = save_named(house / "other.npz", names, change or (lambda arrays: None))
    with pytest.raises(DatasetError, match=match):
        load_dataset(path)


# --- pickles ---------------------------------------------------------------------------------------------------------


def test_pickle_has_the_layout_of_the_handout_a_pinned_protocol_and_can_be_loaded(tmp_path):
    images, labels, *test = make_arrays()
    dataset = Dataset("made up", np.asfortranarray(images), labels[::-1], *test)
    path = save_pickle(dataset, str(tmp_path / "mine.pickle"))
    content = path.read_bytes()
    assert content[:2] == b"\x80\x04"
    (train_images, train_labels), (test_images, test_labels) = pickle.loads(content)
    assert Dataset("", train_images, train_labels, test_images, test_labels) == dataset
    again = load_pickle(str(path))
    assert (again, again.name) == (dataset, "digits from mine.pickle")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("path", "remedy"),
    [("nowhere/mnist.pickle", "Create its folder"), ("folder", "Make sure that you may write to its folder")],
)
def test_save_pickle_to_a_path_that_cannot_be_written(tmp_path, path, remedy):
    (tmp_path / "folder" / "content").mkdir(parents=True)
    before = snapshot(tmp_path)
    with pytest.raises(DatasetError, match=f"{Path(path).name}.*{remedy}"):
        save_pickle(make_dataset(), tmp_path / path)
    assert snapshot(tmp_path) == before


# --- the order of the sources ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pickle", "npz"])
def test_a_named_file_comes_first_and_content_gives_the_name(house, monkeypatch, mnist, capsys, kind):
    path = mnist[1] if kind == "npz" else save_pickle(mnist[0], house / "whatever.bin")
    save_pickle(make_dataset(7), workspace_folder() / "mnist.pickle")
    monkeypatch.setenv("MNIST_PATH", str(path))
    assert (load_dataset().name, load_dataset()) == ("MNIST", mnist[0])
    other = Dataset("made up", *make_course_arrays())
    mine = load_dataset(str(save_npz(other, house / "mine.npz")))
    assert (mine.name, mine) == ("digits from mine.npz", other)
    assert capsys.readouterr() == ("", "")


def test_a_named_file_without_digits_is_an_error_and_nothing_else_is_loaded(house, monkeypatch, mnist):
    save_pickle(mnist[0], workspace_folder() / "mnist.pickle")
    path = house / "named.npz"
    images, labels, *test = make_arrays()
    path.write_bytes(pickle.dumps([(images, labels + np.uint8(10)), tuple(test)]))
    before = snapshot(house)
    with pytest.raises(DatasetError, match=r"^named\.npz: "):
        load_dataset(path)
    monkeypatch.setenv("MNIST_PATH", str(path))
    with pytest.raises(DatasetError, match=r"^named\.npz: ") as caught:
        load_dataset()
    assert any("MNIST_PATH" in note for note in caught.value.__notes__)
    assert snapshot(house) == before


def test_paths_are_understood_as_people_paste_them_and_home_has_the_cache_of_keras(house, monkeypatch, mnist, capsys):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(house))
    monkeypatch.setenv("USERPROFILE", str(house))
    save_npz(mnist[0], house / ".keras" / "datasets" / "mnist.npz")
    assert load_dataset() == mnist[0]
    at = house / "stick" / "me@school.npz"
    shutil.copy(mnist[1], at)
    pasted = ["~/stick/any name.npz", f'"{mnist[1]}"', f"'{mnist[1]}'", f" {mnist[1]} ", mnist[1].as_uri()]
    pasted += [f"{house}//stick/{at.name}", at.as_uri().replace("%40", "@")]
    for path in pasted:
        monkeypatch.setenv("MNIST_PATH", path)
        assert load_dataset() == mnist[0]
    assert capsys.readouterr() == ("", "")


def test_a_password_in_mnist_path_is_not_shown(monkeypatch):
    monkeypatch.setenv("MNIST_PATH", "https://user:se/cret@a.example/mnist.npz")
    with pytest.raises(DatasetError, match=r"no file .*https:/a\.example/mnist\.npz") as caught:
        load_dataset()
    assert "cret" not in str(caught.value) + "".join(caught.value.__notes__)


@pytest.mark.parametrize("content", ["broken", "embedded"])
def test_a_workspace_pickle_that_is_not_mnist_is_ignored(house, uci_digits, mnist, capsys, content):
    path = workspace_folder() / "mnist.pickle"
    if content == "embedded":
        save_pickle(uci_digits, path)
    else:
        path.write_bytes(b"\x80\x04]")
    save_npz(mnist[0], keras_file())
    before = snapshot(house)
    assert load_dataset().name == "MNIST"
    printed, errors = capsys.readouterr()
    assert printed.startswith("mnist.pickle in the workspace is ")
    assert (printed.count("\n"), errors) == (1, "")
    assert snapshot(house) == before


@pytest.mark.skipif(os.name != "posix", reason="needs a workspace that cannot exist")
def test_digits_are_loaded_without_a_workspace_or_cache(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_WORKSPACE", "/dev/null/workspace")
    monkeypatch.setenv("KERAS_HOME", "/dev/null/keras")
    assert load_dataset().name == "UCI digits"
    words = " ".join(capsys.readouterr().out.split())
    assert "the download could not be stored in Keras' cache (Not a directory)" in words


@pytest.mark.parametrize(
    ("offline", "allow_download", "reason"),
    [
        ("1", True, "COURSE_OFFLINE"),
        ("", False, "allow_download=False"),
        *((no, True, "the connection to 127.0.0.1 failed") for no in ("0", "false", "No", " off ", "")),
    ],
)
def test_without_mnist_a_banner_says_why_and_how_to_get_it(house, monkeypatch, capsys, offline, allow_download, reason):
    monkeypatch.setenv("COURSE_OFFLINE", offline)
    assert load_dataset(allow_download=allow_download).name == "UCI digits"
    printed, errors = capsys.readouterr()
    words = " ".join(printed.split())
    for part in ("THIS IS NOT MNIST", "UCI digits", reason, "MNIST_PATH", "mnist.npz", "mnist.pickle", "workspace"):
        assert part in words
    assert len(printed.splitlines()) <= 12
    assert max(map(len, printed.splitlines())) <= 80
    assert str(house) not in printed
    assert errors == ""
    with pytest.raises(DatasetError, match=rf"MNIST was not found: .*{reason}.*MNIST_PATH.*workspace"):
        load_dataset(allow_download=allow_download, allow_embedded=False)


def test_embedded_digits_are_the_same_on_every_machine_and_known_by_content(tmp_path, uci_digits):
    assert repr(uci_digits) == "<Dataset UCI digits: 1,500 training and 297 test images>"
    assert load_pickle(save_pickle(uci_digits, tmp_path / "a.pickle")).name == "UCI digits"
    arrays = [getattr(uci_digits, name).copy() for name in ARRAY_NAMES]
    arrays[3][-1] = (arrays[3][-1] + 1) % 10
    nearly = Dataset("UCI digits", *arrays)
    assert load_pickle(save_pickle(nearly, tmp_path / "b.pickle")).name == "digits from b.pickle"


# --- the download ----------------------------------------------------------------------------------------------------


def test_download_replaces_a_broken_file_in_the_cache_once(mnist, serve, capsys):
    dataset, archive = mnist
    server = serve(lambda handler: handler.send(archive.read_bytes()))
    keras_file().parent.mkdir(parents=True)
    keras_file().write_bytes(archive.read_bytes()[:100])
    for printed in ("mnist.npz in Keras' cache is damaged or cannot be read, so it was ignored.\n", ""):
        loaded = load_dataset()
        assert (loaded.name, loaded) == ("MNIST", dataset)
        assert capsys.readouterr().out == printed
    assert server.requests == 1


@pytest.mark.skipif(not REAL_MNIST, reason="MNIST_PATH is not set, so there is no MNIST to test with")
def test_real_mnist(house, capsys):
    dataset = load_dataset(REAL_MNIST)
    for name, array in zip(("train-images", "train-labels", "t10k-images", "t10k-labels"), ARRAY_NAMES, strict=True):
        array = getattr(dataset, array)
        header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        (house / f"{name}-idx{array.ndim}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes(), 1))
    as_idx = load_dataset(house / "t10k-labels-idx1-ubyte.gz")
    assert (as_idx.name, as_idx) == ("MNIST", dataset)
    assert repr(dataset) == "<Dataset MNIST: 60,000 training and 10,000 test images>"
    assert dataset.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    save_pickle(dataset, workspace_folder() / "mnist.pickle")
    again = load_dataset()
    assert (again.name, again) == ("MNIST", dataset)
    assert capsys.readouterr() == ("", "")
