"""The dataset, its files, and the order of the sources that it is looked for in."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_utils import data, download
from course_utils.data import Dataset, DatasetError, load_dataset, load_pickle, save_pickle
from course_utils.workspace import workspace_folder

pytestmark = pytest.mark.usefixtures("house")
# Read before the fixture hides it from the tests.
REAL_MNIST = os.environ.get("MNIST_PATH")
NAMES = ("train_images", "train_labels", "test_images", "test_labels")
UCI_SHA256 = "e0a75dd92db20ee090713b76848bf6255780b0c14636c989ecd662264bd02097"


def make_arrays(seed=5, train_count=4, test_count=3):
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (train_count + test_count, 28, 28), np.uint8)
    labels = generator.integers(0, 10, train_count + test_count, np.uint8)
    return images[:train_count], labels[:train_count], images[train_count:], labels[train_count:]


def make_dataset(seed=5, name="made up"):
    return Dataset(name, *make_arrays(seed))


def save_npz(dataset, path):
    arrays = [getattr(dataset, name) for name in NAMES]
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))
    return path


def snapshot(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def mnist(house, monkeypatch):
    """Let a small made-up dataset be what is recognised as MNIST; return it and its archive."""
    dataset = make_dataset(seed=1)
    content = b"".join(getattr(dataset, name).tobytes() for name in NAMES)
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
    for name, array in zip(NAMES, arrays, strict=True):
        kept = getattr(dataset, name)
        assert np.shares_memory(kept, array)
        assert array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            kept[0] = 1
        with pytest.raises(AttributeError):
            setattr(dataset, name, array)
    with pytest.raises(AttributeError):
        dataset.name = "MNIST"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("MNIST", "mnist"),
        ("digits from my Data-2.npz", "digits_from_my_data_2_npz"),
        ("../..", "digits"),
        ("数字", "digits"),
        ("x" * 500, "x" * 60),
    ],
)
def test_slug_is_short_and_safe_in_names_of_files(name, slug):
    assert make_dataset(name=name).slug == slug


def test_datasets_are_equal_by_content():
    assert make_dataset(name="one") == make_dataset(name="another")
    assert make_dataset(1) != make_dataset(2)
    assert make_dataset() != "made up"
    with pytest.raises(TypeError, match="unhashable type: 'Dataset'"):
        hash(make_dataset())
    arrays = make_arrays()
    arrays[3][-1] = (arrays[3][-1] + 1) % 10
    assert Dataset("made up", *arrays) != make_dataset()


@pytest.mark.parametrize(
    ("index", "change", "match"),
    [
        (0, lambda a: a.tolist(), "train_images is a list, expected a NumPy array"),
        (0, lambda a: a / 255, "train_images has dtype float64, expected uint8"),
        (1, lambda a: a.astype(int), "train_labels has dtype int64, expected uint8"),
        (2, lambda a: a.reshape(-1, 784), r"test_images has shape \(3, 784\), expected shape \(n, 28, 28\)"),
        (3, lambda a: np.eye(10, dtype=np.uint8)[a], r"test_labels has shape \(3, 10\), expected shape \(n,\)"),
        (0, lambda a: a[:0], "train_images is empty"),
        (0, lambda a: a[:3], "train_images has 3 images, but train_labels 4 labels"),
        (3, lambda a: a[:2], "test_images has 3 images, but test_labels 2 labels"),
        (1, lambda a: a + np.uint8(10), "train_labels holds the label .*, expected the digits 0 to 9"),
        (3, lambda a: np.append(a[1:], np.uint8(10)), "test_labels holds the label 10, expected the digits 0 to 9"),
    ],
)
def test_dataset_refuses_what_is_not_digits(index, change, match):
    arrays = list(make_arrays())
    arrays[index] = change(arrays[index])
    with pytest.raises(DatasetError, match=match):
        Dataset("made up", *arrays)


# --- pickles ---------------------------------------------------------------------------------------------------------


def test_pickle_has_the_layout_of_the_handout_a_pinned_protocol_and_can_be_loaded(tmp_path):
    dataset = make_dataset()
    path = save_pickle(dataset, str(tmp_path / "mine.pickle"))
    content = path.read_bytes()
    assert content[:2] == b"\x80\x04"
    (train_images, train_labels), (test_images, test_labels) = pickle.loads(content)
    assert Dataset("", train_images, train_labels, test_images, test_labels) == dataset
    again = load_pickle(str(path))
    assert again == dataset
    assert again.name == "digits from mine.pickle"
    with pytest.raises(ValueError):
        again.train_images.flags.writeable = True
    assert list(tmp_path.iterdir()) == [path]


def test_save_pickle_of_views_in_any_memory_order(tmp_path):
    images, labels, *test = make_arrays()
    dataset = Dataset("made up", np.asfortranarray(images), labels[::-1], *test)
    assert load_pickle(save_pickle(dataset, tmp_path / "a.pickle")) == dataset


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("nowhere/mnist.pickle", "Create its folder"),
        ("file/mnist.pickle", "Create its folder"),
        ("folder", "Choose a file in a folder that you may write to"),
    ],
)
def test_save_pickle_where_there_can_be_no_file(tmp_path, path, remedy):
    (tmp_path / "folder" / "content").mkdir(parents=True)
    (tmp_path / "file").touch()
    before = snapshot(tmp_path)
    with pytest.raises(DatasetError, match=remedy) as caught:
        save_pickle(make_dataset(), tmp_path / path)
    assert Path(path).name in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)
    assert snapshot(tmp_path) == before


# --- the order of the sources ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pickle", "npz"])
def test_a_named_file_comes_first_and_content_gives_the_name(house, monkeypatch, mnist, capsys, kind):
    path = mnist[1] if kind == "npz" else save_pickle(mnist[0], house / "whatever.bin")
    save_pickle(make_dataset(7), workspace_folder() / "mnist.pickle")
    monkeypatch.setenv("MNIST_PATH", str(path))
    assert (load_dataset().name, load_dataset()) == ("MNIST", mnist[0])
    mine = save_npz(make_dataset(7), house / "mine.npz")
    assert load_dataset(str(mine)).name == "digits from mine.npz"
    assert load_dataset(mine) == make_dataset(7)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("fault", ["missing", "truncated", "folder", "no digits"])
def test_a_named_file_that_is_broken_is_an_error_and_nothing_else_is_loaded(house, monkeypatch, mnist, fault):
    save_pickle(mnist[0], workspace_folder() / "mnist.pickle")
    path = house / "named.npz"
    if fault == "truncated":
        path.write_bytes(mnist[1].read_bytes()[:-100])
    elif fault == "folder":
        path.mkdir()
    elif fault == "no digits":
        images, labels, *test = make_arrays()
        path.write_bytes(pickle.dumps([(images, labels + np.uint8(10)), tuple(test)]))
    before = snapshot(house)
    for load in (load_dataset, load_pickle):
        with pytest.raises(DatasetError, match=r"^named\.npz: "):
            load(path)
    monkeypatch.setenv("MNIST_PATH", str(path))
    with pytest.raises(DatasetError, match=r"^named\.npz: ") as caught:
        load_dataset()
    assert any("MNIST_PATH" in note for note in caught.value.__notes__)
    assert snapshot(house) == before


def test_home_folder_may_be_written_as_a_tilde_and_has_the_cache_of_keras(house, monkeypatch, mnist, capsys):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(house))
    monkeypatch.setenv("USERPROFILE", str(house))
    save_npz(mnist[0], house / ".keras" / "datasets" / "mnist.npz")
    assert load_dataset() == mnist[0]
    monkeypatch.setenv("MNIST_PATH", "~/stick/any name.npz")
    assert load_dataset() == mnist[0]
    assert capsys.readouterr() == ("", "")


def test_workspace_comes_before_the_cache(house, mnist, capsys):
    save_pickle(mnist[0], workspace_folder() / "mnist.pickle")
    (house / "keras" / "datasets").mkdir(parents=True)
    (house / "keras" / "datasets" / "mnist.npz").write_bytes(b"never looked at")
    assert load_dataset().name == "MNIST"
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("content", ["foreign", "broken", "embedded"])
def test_what_is_not_mnist_in_the_workspace_is_passed_over(house, uci_digits, mnist, capsys, content):
    path = workspace_folder() / "mnist.pickle"
    if content == "foreign":
        save_pickle(make_dataset(7), path)
    elif content == "embedded":
        save_pickle(uci_digits, path)
    else:
        path.write_bytes(b"\x80\x04]")
    save_npz(mnist[0], house / "keras" / "datasets" / "mnist.npz")
    before = snapshot(house)
    assert load_dataset().name == "MNIST"
    printed = capsys.readouterr()
    assert printed.out.startswith("mnist.pickle in the workspace is ")
    assert printed.out.count("\n") == 1
    assert str(house) not in printed.out
    assert printed.err == ""
    assert snapshot(house) == before


@pytest.mark.skipif(os.name != "posix", reason="needs a workspace that cannot exist")
def test_no_workspace_and_no_cache_are_no_obstacle(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_WORKSPACE", "/dev/null/workspace")
    monkeypatch.setenv("KERAS_HOME", "/dev/null/keras")
    assert load_dataset().name == "UCI digits"


def test_nothing_found_and_nothing_embedded(house):
    with pytest.raises(DatasetError, match=r"MNIST was not found: the connection to .*MNIST_PATH.*workspace"):
        load_dataset(allow_embedded=False)
    with pytest.raises(DatasetError, match=r"allow_download=False.*MNIST_PATH"):
        load_dataset(allow_embedded=False, allow_download=False)


# --- the embedded digits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offline", "allow_download", "reason"),
    [
        ("1", True, "COURSE_OFFLINE"),
        ("", False, "allow_download=False"),
        ("0", True, "the connection to 127.0.0.1 failed"),
    ],
)
def test_banner_says_what_it_is_why_and_how_to_get_mnist(house, monkeypatch, capsys, offline, allow_download, reason):
    monkeypatch.setenv("COURSE_OFFLINE", offline)
    assert load_dataset(allow_download=allow_download).name == "UCI digits"
    printed = capsys.readouterr()
    words = " ".join(printed.out.split())
    for part in ("THIS IS NOT MNIST", "UCI digits", reason, "MNIST_PATH", "mnist.npz", "mnist.pickle", "workspace"):
        assert part in words
    assert len(printed.out.splitlines()) <= 12
    assert max(map(len, printed.out.splitlines())) <= 80
    assert str(house) not in printed.out
    assert printed.err == ""


def test_embedded_digits_look_like_mnist_and_are_the_same_on_every_machine(uci_digits):
    assert repr(uci_digits) == "<Dataset UCI digits: 1,500 training and 297 test images>"
    assert hashlib.sha256(uci_digits.train_images.tobytes()).hexdigest() == UCI_SHA256
    margin = np.ones((28, 28), bool)
    margin[4:24, 4:24] = False
    assert not uci_digits.test_images[:, margin].any()
    assert np.bincount(uci_digits.test_labels, minlength=10).min() > 0.09 * 297


def test_embedded_images_keep_their_labels(uci_digits):
    from sklearn.datasets import load_digits

    small_images, labels = load_digits(return_X_y=True)
    for image, label in zip(uci_digits.test_images[:40], uci_digits.test_labels[:40], strict=True):
        # The mean of each field of an 8x8 grid, as rough as it is, finds the image that it was made from.
        blocks = image[4:24, 4:24].repeat(2, 0).repeat(2, 1).reshape(8, 5, 8, 5).mean(axis=(1, 3))
        nearest = np.abs(small_images - blocks.ravel() * 16 / 255).sum(axis=1).argmin()
        assert labels[nearest] == label


def test_embedded_digits_are_known_by_content(tmp_path, uci_digits):
    assert load_pickle(save_pickle(uci_digits, tmp_path / "a.pickle")).name == "UCI digits"
    arrays = [getattr(uci_digits, name).copy() for name in NAMES]
    arrays[3][-1] = (arrays[3][-1] + 1) % 10
    nearly = Dataset("UCI digits", *arrays)
    assert load_pickle(save_pickle(nearly, tmp_path / "b.pickle")).name == "digits from b.pickle"


# --- the download ----------------------------------------------------------------------------------------------------


def test_download_replaces_a_broken_file_in_the_cache_once(house, mnist, serve, capsys):
    dataset, archive = mnist
    server = serve(lambda handler: handler.send(archive.read_bytes()))
    (house / "keras" / "datasets").mkdir(parents=True)
    (house / "keras" / "datasets" / "mnist.npz").write_bytes(archive.read_bytes()[:100])
    for printed in ("mnist.npz in Keras' cache is broken or cannot be read, so it was passed over.\n", ""):
        loaded = load_dataset()
        assert (loaded.name, loaded) == ("MNIST", dataset)
        assert capsys.readouterr().out == printed
    assert server.requests == 1


def test_no_request_when_the_network_is_switched_off(monkeypatch, mnist, serve):
    server = serve(lambda handler: handler.send(mnist[1].read_bytes()))
    assert load_dataset(allow_download=False).name == "UCI digits"
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert load_dataset().name == "UCI digits"
    assert server.requests == 0
    monkeypatch.delenv("COURSE_OFFLINE")
    assert load_dataset().name == "MNIST"


# --- import, and the real MNIST --------------------------------------------------------------------------------------


def test_import_and_a_file_need_nothing_but_numpy(tmp_path):
    path = save_pickle(make_dataset(), tmp_path / "a.pickle")
    program = f"""
import sys
from course_utils.data import load_dataset
load_dataset({str(path)!r})
heavy = {{"tensorflow", "keras", "sklearn", "scipy", "pooch", "requests", "PIL", "matplotlib", "tqdm"}}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.skipif(not REAL_MNIST, reason="MNIST_PATH is not set, so there is no MNIST to test with")
def test_real_mnist(monkeypatch, capsys):
    monkeypatch.setenv("MNIST_PATH", REAL_MNIST)
    dataset = load_dataset()
    assert repr(dataset) == "<Dataset MNIST: 60,000 training and 10,000 test images>"
    assert dataset.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    monkeypatch.delenv("MNIST_PATH")
    save_pickle(dataset, workspace_folder() / "mnist.pickle")
    again = load_dataset()
    assert again.name == "MNIST"
    assert again == dataset
    assert capsys.readouterr() == ("", "")
