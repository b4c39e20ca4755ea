"""The digits: where they come from, what they are called, and how they are saved."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import numpy as np

from course_utils.environment import as_path, is_switched_on, path_setting
from course_utils.notices import show_notice
from course_utils.personal_settings import NOT_USED, OWN_FOLDER
from course_utils.readers import ARRAY_NAMES, DatasetError, file_error, read_arrays, shown
from course_utils.workspace import atomic_path, workspace_folder, write_remedy

# SHA-256 of the bytes of the four arrays, in the order of ARRAY_NAMES: content identifies a dataset, not its file.
_CONTENT_SHA256 = {
    "MNIST": "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
    "UCI digits": "f46ec5972dbd949839b859f105f86ffb626b2dadcfc3bf9f3eb8959dab164498",
}
_DIGITS = tuple("0123456789")
_TEN_CLASSES = "expected ten classes with the labels 0 to 9: the course's network has ten outputs"
OWN_DIGITS = "my_digits.npz"  # which lesson 09 keeps in the workspace
_LEAST_IMAGES = {"train": 1_000, "test": 100}  # as many as the lessons select and count
_latest: Dataset | None = None

_HOW_TO_GET_MNIST = (
    "To get MNIST: put mnist.npz, the course's mnist.pickle, or MNIST as IDX or CSV files anywhere and set the "
    "environment variable MNIST_PATH to the file; or copy mnist.pickle into the workspace folder; or connect to the "
    "internet, restart the kernel and run all cells again."
)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test images of ten classes, read-only; two datasets with the same arrays are equal.

    Parameters
    ----------
    name
        What these images are: ``"MNIST"``, ``"UCI digits"``, ``"digits from <file name>"`` or ``"<file name>"``.
    train_images, test_images
        uint8 arrays of shape (n, 28, 28): 0 is the background, 255 full ink.
    train_labels, test_labels
        uint8 arrays of shape (n,): the class of each image, 0 to 9; anything else is a `DatasetError`.
    class_names
        What each of the ten labels stands for; digits unless the file has other names.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...] = _DIGITS

    def __post_init__(self) -> None:
        for name in ARRAY_NAMES:
            array = getattr(self, name)
            view = array.view(np.ndarray)  # the array itself stays as writeable as it was
            view.flags.writeable = False
            object.__setattr__(self, name, view)
        if len(self.class_names) != 10 or len(set(self.class_names)) != 10:
            raise DatasetError(f"class_names has {len(set(self.class_names))} different names, {_TEN_CLASSES}")
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            if len(images) != len(labels):
                raise DatasetError(
                    f"{part}_images has {len(images):,} images, but {part}_labels has {len(labels):,} labels"
                )
            if labels.max(initial=0) > 9:
                remedy = (
                    "; subtract 1 from labels that go from 1 to 10" if (labels.min(), labels.max()) == (1, 10) else ""
                )
                raise DatasetError(f"{part}_labels holds the label {labels.max()}, {_TEN_CLASSES}{remedy}")

    @property
    def slug(self) -> str:
        """The name in lower-case ASCII letters, digits and underscores, for file names: ``"uci_digits"``."""
        return re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_")[:60] or "digits"

    def __repr__(self) -> str:
        return f"<Dataset {self.name}: {len(self.train_images):,} training and {len(self.test_images):,} test images>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dataset):
            return NotImplemented
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in ARRAY_NAMES)


def load_dataset(
    path: str | os.PathLike[str] | None = None, *, allow_download: bool = True, allow_embedded: bool = True
) -> Dataset:
    """Load the digits of the course from the first source that has them.

    In this order: `path`, or else the file that `chosen_file` finds; ``mnist.pickle`` in the workspace; Keras' cache; a
    download into Keras' cache; the small digits that come with scikit-learn. A file that was chosen is used or an error
    is raised. ``mnist.pickle`` and the cache count only if they hold MNIST, by content.

    Parameters
    ----------
    path
        A file that `load_pickle` reads and all lessons can use: at least 1,000 training and 100 test images, in shades
        of grey, with each of ten classes in both parts.
    allow_download
        Whether to try the network, once. ``COURSE_OFFLINE=1`` in the environment forbids it too.
    allow_embedded
        Whether to fall back on scikit-learn's digits. They are not MNIST, and a printed banner says so.

    Returns
    -------
    Dataset
        Named ``"MNIST"`` or ``"UCI digits"`` by content, any other after its file.

    Raises
    ------
    DatasetError
        The named file cannot be used, or nothing was found and `allow_embedded` is false.
    """
    global _latest
    if NOT_USED in os.environ:
        print(os.environ[NOT_USED])
    _latest = _first_dataset(path, allow_download, allow_embedded)
    return _latest


def chosen_file() -> Path | None:
    """Return the file that ``MNIST_PATH`` names, or else the student's own ``.npz`` archive in the workspace."""
    if named := path_setting("MNIST_PATH"):
        return named
    with suppress(OSError):  # without a workspace there is nothing in it
        return next((file for file in sorted(workspace_folder().glob("[!.]*.npz")) if file.name != OWN_DIGITS), None)
    return None


def latest_dataset() -> Dataset | None:
    """Return what `load_dataset` returned last in this process, so that checks know what the lesson works with."""
    return _latest


def _first_dataset(path: str | os.PathLike[str] | None, allow_download: bool, allow_embedded: bool) -> Dataset:
    if path is not None:
        return _named_dataset(as_path(path))
    if chosen := chosen_file():
        try:
            return _named_dataset(chosen)
        except DatasetError as error:
            named = path_setting("MNIST_PATH")
            error.add_note("MNIST_PATH names this file." if named else "It is used because it is in the workspace.")
            raise

    with suppress(OSError):  # without a workspace there is nothing in it
        if dataset := _find_mnist(workspace_folder() / "mnist.pickle", "the workspace"):
            return dataset
    if dataset := _find_mnist(keras_file(), "Keras' cache"):
        return dataset
    reason = _why_no_download(allow_download)
    if reason is None:
        return load_pickle(keras_file())

    if not allow_embedded:
        raise DatasetError(f"MNIST was not found: {reason}. {_HOW_TO_GET_MNIST}")
    text = (
        f"Why: {reason}.",
        "Instead you work with UCI digits, 1,797 small handwritten digits that come with scikit-learn. Everything "
        "runs, but all numbers and pictures differ from those in the text.",
        _HOW_TO_GET_MNIST,
    )
    frame = "=" * 80
    plain = [frame, "THIS IS NOT MNIST".center(80).rstrip(), *(fill(line, 80) for line in text), frame]
    show_notice("\n".join(plain), "This is not MNIST", *text, kind="warning")
    return _embedded_digits()


def _named_dataset(path: Path) -> Dataset:
    """Load a dataset if all lessons work with it: enough images, of ten classes, in shades of grey."""
    dataset = load_pickle(path)
    for part, least in _LEAST_IMAGES.items() if dataset.name not in _CONTENT_SHA256 else ():
        images, labels = getattr(dataset, f"{part}_images"), getattr(dataset, f"{part}_labels")
        classes = np.unique(labels).tolist()
        if len(labels) < least:
            problem = f"{part}_images has only {len(labels):,} images, and the lessons need {least:,}"
        elif len(classes) < 10:
            problem = f"{part}_labels has only the labels {', '.join(map(str, classes))}, {_TEN_CLASSES}"
        elif images.max() < 2:
            problem = f"the pixels of {part}_images are only 0 and 1, expected 0 to 255: multiply them by 255"
        else:
            continue
        raise file_error(path, problem, "Choose another dataset, or correct this one.")
    return dataset


def save_pickle(dataset: Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a dataset as ``[(train_images, train_labels), (test_images, test_labels)]``, whole or not at all.

    Parameters
    ----------
    dataset
        The digits to write. The file holds no names: `load_pickle` recognises MNIST by content.
    path
        The file to create or replace, in a folder that exists.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    DatasetError
        The file cannot be written. What was there before is untouched.
    """
    path = as_path(path)
    pairs = [(dataset.train_images, dataset.train_labels), (dataset.test_images, dataset.test_labels)]
    try:
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            pickle.dump(pairs, stream, protocol=4)  # which every Python can read
    except OSError as error:
        problem = f"{path} cannot be written ({error.strerror or error})"
        raise file_error(path, problem, write_remedy(error)) from error
    return path


def load_pickle(path: str | os.PathLike[str]) -> Dataset:
    """Read a dataset that `save_pickle` wrote, or another form of it, without executing anything the file asks for.

    Parameters
    ----------
    path
        The pickle, which may come from a stranger. The following are also accepted, also with gzip: an ``.npz``
        archive with Keras' keys, in which an array ``class_names`` says what the labels stand for; the folder of
        MNIST's four IDX files, or one of them; and a CSV file with the label and 784 pixels in each line, such as
        ``mnist_train.csv`` with ``mnist_test.csv`` beside it. If only one is there, every seventh is a test image.

    Returns
    -------
    Dataset
        Named ``"MNIST"`` or ``"UCI digits"`` if it holds these, ``"digits from <file name>"`` if it holds others, and
        after its file (``"fashion"`` for ``fashion.npz``) if it names its classes.

    Raises
    ------
    DatasetError
        The file is missing, broken or hostile, or holds something else.
    """
    path = as_path(path)
    arrays = read_arrays(path)
    content = hashlib.sha256()
    for array in arrays[:4]:
        content.update(array.data)
    name = shown(path.absolute().name)
    other = Path(name).stem if arrays[4:] not in ((), (_DIGITS,)) else f"digits from {name}"
    names = {expected: name for name, expected in _CONTENT_SHA256.items()}
    try:
        return Dataset(names.get(content.hexdigest(), other), *arrays)
    except DatasetError as error:
        raise file_error(path, str(error), error.remedy) from error


def keras_file() -> Path:
    """Return where Keras keeps MNIST, whether it is there or not: in the folder ``KERAS_HOME`` or ``~/.keras``."""
    # Like Keras: Path.expanduser would raise an error where there is no home folder.
    home = Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"))  # noqa: PTH111
    return (home.parent if home.name == OWN_FOLDER else home) / "datasets" / "mnist.npz"


def _find_mnist(file: Path, place: str) -> Dataset | None:
    """Return MNIST if it is there; say so if something else is there in its place."""
    try:
        if not file.exists():
            return None
        dataset = load_pickle(file)
        if dataset.name == "MNIST":
            return dataset
        problem = "is not MNIST"
    except (DatasetError, OSError):
        problem = "is damaged or cannot be read"
    said = f"{file.name} in {place} {problem}, so it was ignored."
    show_notice(said, "A file was ignored", said, kind="warning")
    return None


def _why_no_download(allow_download: bool) -> str | None:
    """Download MNIST into Keras' cache; return why it is not there now, or None when it is."""
    if not allow_download:
        return "the download was switched off (allow_download=False)"
    if is_switched_on("COURSE_OFFLINE"):
        return os.environ.get("COURSE_OFFLINE_REASON") or "COURSE_OFFLINE is set, so nothing is downloaded"
    from course_utils.download import download_mnist  # here, since most lessons never need the network

    return download_mnist(keras_file())


def _embedded_digits() -> Dataset:
    """Return scikit-learn's digits in the form of MNIST.

    The 8x8 images (0 to 16) are enlarged to 20x20, the box that MNIST's digits were fitted into, and placed in 28x28 as
    your own drawings and photos are: a network trained on digits placed otherwise misclassifies one in four of those.
    Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
    1998; scikit-learn bundles the 1,797 test images.
    """
    from PIL import Image
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from course_utils.handwriting import prepare_drawing

    small_images, labels = load_digits(return_X_y=True)
    # Pillow resamples bytes in integer arithmetic, so every machine gets the same pixels; hence bytes first.
    small_images = ((small_images.astype(np.uint16) * 255 + 8) // 16).astype(np.uint8).reshape(-1, 8, 8)
    enlarged = [Image.fromarray(image).resize((20, 20), Image.Resampling.BICUBIC) for image in small_images]
    images = np.array([prepare_drawing(np.pad(np.asarray(image), 4)) for image in enlarged])
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels.astype(np.uint8), train_size=1_500, stratify=labels, random_state=9
    )
    return Dataset("UCI digits", train_images, train_labels, test_images, test_labels)
