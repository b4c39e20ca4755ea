"""Everything that the course writes, for tests that kill the writer, fill the disk, or take the right to write away.

A writer writes version after version to the same place; what is found there afterwards must be one version, whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np

from course_utils import download
from tools import editions, environment, kit, record, run
from course_utils.data import Dataset, load_pickle, save_pickle
from course_utils.exercises import core
from course_utils.my_digits import keep_digit, load_my_digits
from course_utils.workspace import atomic_path


class Writer(NamedTuple):
    """How one thing is written, and how it is read again.

    Attributes
    ----------
    write
        Takes a folder and a version; writes it there with the course's own code.
    read
        Takes the folder; returns the version, after checking that it is whole.
    complaint
        What a message must say when it cannot be written; None for what is left out silently.
    files
        What is in the folder afterwards.
    """

    write: Callable[[Path, int], None]
    read: Callable[[Path], int]
    complaint: str | None
    files: tuple[str, ...]


def only(values):
    """Return the one value that all are."""
    (value,) = set(values)
    return value


# --- the digits -------------------------------------------------------------------------------------------------------


def write_pickle(folder, version):
    images = np.full((1_000, 28, 7), version, np.uint32).view(np.uint8)
    labels = np.full(1_000, version % 10, np.uint8)
    save_pickle(Dataset("made up", images, labels, images, labels), folder / "mnist.pickle")


def read_pickle(folder):
    dataset = load_pickle(folder / "mnist.pickle")
    images = dataset.train_images, dataset.test_images
    version = only(value for array in images for value in np.unique(array.view(np.uint32)).tolist())
    assert only([*dataset.train_labels, *dataset.test_labels]) == version % 10
    return version


def write_download(folder, version):
    """Download anew what the test serves; the folder has its address and hash."""
    os.environ["KERAS_HOME"] = str(folder)
    downloading.MNIST_URL, downloading.MNIST_ARCHIVE_SHA256 = (folder.parent / "served").read_text("utf-8").split()
    downloading._failure = None
    downloading.keras_file().unlink(missing_ok=True)
    downloading.download_mnist()


def write_own_digit(folder, version):
    os.environ["COURSE_WORKSPACE"] = str(folder)
    keep_digit(np.full((28, 28), version % 250, np.uint8), version % 10)


def read_own_digits(folder):
    """Return how many there are: one for each version."""
    os.environ["COURSE_WORKSPACE"] = str(folder)
    images, labels = load_my_digits()
    versions = range(1, len(labels) + 1)
    assert [only(np.unique(image)) for image in images] == [version % 250 for version in versions]
    assert labels.tolist() == [version % 10 for version in versions]
    return len(labels)


# --- the network ------------------------------------------------------------------------------------------------------


def _network(version):
    from course_utils.model import build_model
    from course_utils.training import TrainedModel

    model = build_model()
    model.set_weights([np.full_like(weights, version) for weights in model.get_weights()])
    return TrainedModel(model, {"loss": [float(version)]})


def _one_digit():
    return Dataset("MNIST", *[np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8)] * 2)


def write_network(folder, version):
    from course_utils.training import save_trained_model

    os.environ["COURSE_WORKSPACE"] = str(folder)
    save_trained_model(_network(version), _one_digit())


def read_network(folder):
    from course_utils.training import read_trained_model

    model, history = read_trained_model(folder / "mnist" / "model.keras")
    return int(only([*_values(model), *history["loss"]]))


def _values(model):
    return [value for weights in model.get_weights() for value in np.unique(weights).tolist()]


def _begin_training(folder, version, *, resume):
    from course_utils.model import compile_model
    from course_utils.checkpoint import keep_each_epoch

    os.environ["COURSE_WORKSPACE"] = str(folder)
    model = _network(version).model
    compile_model(model)
    model.optimizer.build(model.trainable_variables)
    training = keep_each_epoch(_one_digit(), seed=9, batch_size=1, resume=resume)
    training.set_model(model)
    training.set_params({"steps": 1, "epochs": 2})
    training.on_train_begin()
    return training


def _state(training):
    """Return what a training needs besides the weights: what the optimizer remembers, and the random state."""
    return [variable for variable in training.model.optimizer.variables if variable.shape] + training._random_state()


def write_unfinished(folder, version):
    """Write as the callback of lesson 05 does after an epoch, without the epoch."""
    training = _begin_training(folder, version, resume=False)
    for variable in _state(training):
        variable.assign(np.full_like(variable.numpy(), version))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        training.on_epoch_end(0, {"loss": float(version)})
    if printed.getvalue():  # a training goes on where its epochs cannot be kept
        raise OSError(printed.getvalue())


def read_unfinished(folder):
    """Return the version that the next training goes on with."""
    training = _begin_training(folder, 0, resume=True)
    state = [value for variable in _state(training) for value in np.unique(variable.numpy()).tolist()]
    return int(only([*_values(training.model), *state, *training.history["loss"]]))


def write_reference(folder, version):
    from tools import reference

    reference.FOLDER = folder / "reference"
    reference.WEIGHTS, reference.RECORD = reference.FOLDER / "mnist.weights.h5", reference.FOLDER / "mnist.json"
    reference.recipe_fingerprint = lambda: str(version)
    write_network(folder.parent / "ready", version)
    reference.rewrite(folder.parent / "ready")


def read_reference(folder):
    """Return the version of the weights; a record that is one behind says itself that it is not theirs."""
    model = _network(0).model
    model.load_weights(folder / "reference" / "mnist.weights.h5")
    version = int(only(_values(model)))
    kept = json.loads((folder / "reference" / "mnist.json").read_text("utf-8"))
    assert [float(kept["recipe"])] == kept["history"]["loss"]
    assert int(kept["recipe"]) in (version, version - 1)
    return version


# --- exercises --------------------------------------------------------------------------------------------------------


def write_progress(folder, version):
    os.environ["COURSE_WORKSPACE"] = str(folder)
    key = f"exercise-{version}"
    core._record(key, is_right=True)


def read_progress(folder):
    os.environ["COURSE_WORKSPACE"] = str(folder)
    solved = {
        int(key.partition("-")[2]) for key in json.loads((folder / "progress.json").read_text("utf-8")) if "-" in key
    }
    assert solved == set(range(1, len(solved) + 1))
    return len(solved)


# --- what authors write -----------------------------------------------------------------------------------------------


def _notebook(version):
    cells = [nbformat.v4.new_markdown_cell(f"# {version}\n" + "text " * 2_000, id="title")]
    return nbformat.v4.new_notebook(cells=cells)


def _version_of(path):
    return int(nbformat.read(path, as_version=4).cells[0].source.split()[1])


def write_recorded(folder, version):
    """Write as `make record` does at its end."""
    texts = {folder / f"0{number}_lesson.ipynb": nbformat.writes(_notebook(version)) for number in range(4)}
    for path in texts:
        path.touch()
    record._write_all(texts)


def read_recorded(folder):
    """Return the version of the first; a process that was killed may not have come to the others."""
    versions = [_version_of(path) for path in sorted(folder.glob("[!.]*.ipynb"))]
    assert len(versions) == 4
    assert max(versions) - min(versions) <= 1
    return max(versions)


def write_pages(folder, version):
    """Write as `make run` does at its end; the pages are made up, or kills would only meet the making of pages."""
    run.html_page = lambda *_: f"<title>{version}</title>" + "page " * 20_000
    notebooks = {f"0{number}_lesson": _notebook(version) for number in range(4)}
    run._write(folder, notebooks, folder, {"version": version})


def read_pages(folder):
    """Return the version of the pages; each of the three results is of one version."""
    texts = only(_version_of(path) for path in (folder / "notebooks").iterdir())
    pages = only(
        int(path.read_text("utf-8").partition("<title>")[2].partition("<")[0]) for path in (folder / "html").iterdir()
    )
    summary = json.loads((folder / "summary.json").read_text("utf-8"))["version"]
    assert len(list((folder / "notebooks").iterdir())) == len(list((folder / "html").iterdir())) == 4
    assert texts >= pages >= summary >= texts - 1, (texts, pages, summary)
    return texts


def _bytes_of(version):
    return b"%d" % version * 1_000


def _version_in(content):
    version = int(content[: len(content) // 1_000])
    assert content == _bytes_of(version)
    return version


def write_edition(folder, version):
    files = {
        f"{part}/{number}.txt": _bytes_of(version) for part in ("notebooks", "course_utils") for number in range(20)
    }
    editions._replace_folder(folder / "student", files)
    with atomic_path(folder / editions.ZIP_NAME) as temporary:
        editions._write_zip(temporary, files)


def read_edition(folder):
    with zipfile.ZipFile(folder / editions.ZIP_NAME) as archive:
        zipped = only(_version_in(archive.read(name)) for name in archive.namelist())
        assert len(archive.namelist()) == 40
    paths = list((folder / "student").rglob("*.txt"))
    assert len(paths) == 40
    assert only(_version_in(path.read_bytes()) for path in paths) in (zipped, zipped + 1)
    return zipped


def write_kit(folder, version):
    """Write as `make kit` does; edition and pages are made up, or kills would only meet the making of them."""
    ready, wheels = folder.parent / "ready", folder / "wheels" / "linux-x86_64-3.12"
    if not wheels.exists():
        wheels.mkdir(parents=True)
        lock = ""
        for number in range(50):
            content = random.Random(number).randbytes(100_000)
            (wheels / f"package_{number}-1.0-py3-none-any.whl").write_bytes(content)
            lock += f"package-{number}==1.0 \\\n    --hash=sha256:{hashlib.sha256(content).hexdigest()}\n"
        (ready / "requirements.lock").write_text(lock, encoding="utf-8")
        (ready / kit.ZIP_NAME).write_bytes(content)
    kit.probe_python = lambda *_: None
    kit.make_student_edition = lambda *_: ready / kit.ZIP_NAME
    kit._digits = lambda *_: None
    kit._pages = lambda *_: {"pages/00_lesson.html": _bytes_of(version).decode()}
    kit.make_kit(ready, folder, ["linux-x86_64"], ["3.12"])


def read_kit(folder):
    """Return the version of the pages; every other file has the hash that the kit says it has."""
    with zipfile.ZipFile(folder / kit.KIT_NAME) as archive:
        contents = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    hashes = json.loads(contents["kit.json"])["sha256"]
    assert len(hashes) == 51
    assert all(hashlib.sha256(contents[name]).hexdigest() == digest for name, digest in hashes.items())
    return _version_in(contents["pages/00_lesson.html"])


def write_stamp(folder, version):
    environment.VENV = folder
    environment.write_stamp((3, version))


def read_stamp(folder):
    return json.loads((folder / "course-setup.json").read_text("utf-8"))["python"][1]


def write_locks(folder, version):
    """Write as `make lock` does, with versions of packages that nobody had to look for."""

    def find(purpose, command, **_):
        pins = 200 if "--extra" in command else 300
        text = "".join(f"package-{pin}=={version} \\\n    --hash=sha256:{version:064}\n" for pin in range(pins))
        (folder / command[command.index("-o") + 1]).write_text(text, encoding="utf-8")

    environment.ROOT, environment._step = folder, find
    environment.write_lock()


def read_locks(folder):
    """Return the version of the course's lock; that of development may be one behind, which its tests tell."""
    locks = [
        [int(entry.partition("==")[2].split()[0]) for entry in environment.lock_entries(name, folder)]
        for name in (environment.LOCK, environment.DEVELOPMENT_LOCK)
    ]
    assert [len(pins) for pins in locks] == [200, 100]
    course, development = map(only, locks)
    assert development in (course, course - 1)
    return course


WRITERS = {
    "the pickle of the digits": Writer(
        write_pickle, read_pickle, "mnist.pickle: .*cannot be written", ("mnist.pickle",)
    ),
    "the student's own digits": Writer(
        write_own_digit,
        read_own_digits,
        "my_digits.npz: your digit cannot be kept",
        ("my_digits.lock", "my_digits.npz"),
    ),
    "the network and its history": Writer(
        write_network, read_network, "The trained network cannot be kept .* run this cell again", ("mnist",)
    ),
    "an unfinished training": Writer(
        write_unfinished, read_unfinished, "The epochs cannot be kept in the workspace", ("mnist",)
    ),
    "the reference weights": Writer(write_reference, read_reference, "", ("reference",)),
    "progress in the exercises": Writer(write_progress, read_progress, None, ("progress.json",)),
    "recorded lessons": Writer(
        write_recorded, read_recorded, "", tuple(f"0{number}_lesson.ipynb" for number in range(4))
    ),
    "pages of a run": Writer(write_pages, read_pages, "", ("html", "notebooks", "summary.json")),
    "an edition": Writer(write_edition, read_edition, "", (editions.ZIP_NAME, "student")),
    "a kit": Writer(write_kit, read_kit, "", (kit.KIT_NAME, "wheels")),
    "the locks": Writer(
        write_locks, read_locks, "The locks cannot be written", ("requirements-dev.lock", "requirements.lock")
    ),
    "the stamp of the environment": Writer(write_stamp, read_stamp, "", ("course-setup.json",)),
}
