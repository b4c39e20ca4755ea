"""What the course writes, for tests that kill the writer, fill the disk, or take the permissions away.

A writer writes version after version to the same folder, with the course's own code: one for each way to put files in
place. Checkpoints are written in the same way as the network; reference weights, pages and kits as the edition.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np

from course_utils.data import Dataset, load_pickle, save_pickle

#: New processes start from one that has imported what they need already: all tests share it.
CONTEXT = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
PRELOADED = ["tools.editions", "tests.robustness.writers"]

LESSONS = tuple(f"0{number}_lesson.ipynb" for number in range(4))


class Writer(NamedTuple):
    write: Callable[[Path, int], None]
    files: tuple[str, ...]  # what is in the folder afterwards
    folders: tuple[str, ...] = ()  # of them, what may be missing after a kill, until it is written the next time
    complaint: str | None = ""  # what the error says when nothing can be written; None if a lesson goes on without


def check_whole(path):
    """Fail unless a file was written to its end."""
    match path.suffix:
        case ".pickle":
            load_pickle(path)
        case ".npz" | ".keras" | ".zip":
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        case ".json" | ".ipynb":
            json.loads(path.read_text(encoding="utf-8"))
        case _:
            assert path.read_text(encoding="utf-8").endswith("end\n")


# --- what students write ----------------------------------------------------------------------------------------------


def write_pickle(folder, version):
    images, labels = np.full((1_000, 28, 28), version % 250, np.uint8), np.full(1_000, version % 10, np.uint8)
    save_pickle(Dataset("made up", images, labels, images, labels), folder / "mnist.pickle")


def write_own_digit(folder, version):
    from course_utils.my_digits import keep_digit

    os.environ["COURSE_WORKSPACE"] = str(folder)
    assert len(keep_digit(np.full((28, 28), version % 250, np.uint8), version % 10).labels) >= version, "one was lost"


def write_progress(folder, version):
    from course_utils.exercises import progress

    os.environ["COURSE_WORKSPACE"] = str(folder)
    _, failure = progress.record(f"06.{version}", is_right=True)
    assert failure or {"06.1", f"06.{version}"} <= progress.done_exercises(), "one was lost"


def write_network(folder, version):
    from course_utils.model import build_model, compile_model
    from course_utils.training import TrainedModel, save_trained_model

    os.environ["COURSE_WORKSPACE"] = str(folder)
    compile_model(model := build_model())
    dataset = Dataset("MNIST", *[np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8)] * 2)
    save_trained_model(TrainedModel(model, {"loss": [float(version)]}), dataset)


# --- what authors write -----------------------------------------------------------------------------------------------


def _notebook(version):
    cell = nbformat.v4.new_markdown_cell(f"# {version}\n" + "text " * 2_000, id="title")
    return nbformat.v4.new_notebook(cells=[cell])


def write_recorded(folder, version):
    """Write as `record` does at its end."""
    from tools import record

    for name in LESSONS:
        if not (folder / name).exists():
            nbformat.write(_notebook(0), folder / name)
    record._write_all({folder / name: nbformat.writes(_notebook(version)) for name in LESSONS})


def write_edition(folder, version):
    """Write as `student` does, with made-up files."""
    from tools import editions

    editions.read_lessons = lambda _: {}
    editions.STUDENT_FILES, editions.STUDENT_FOLDERS = {}, ("course_utils",)
    content = f"{version}\n".encode() * 10_000 + b"end\n"
    editions.name_strangers = lambda _: None
    editions.folder_files = lambda *_: {f"course_utils/{n}.py": content for n in range(40)}
    editions.make_student_edition(folder, folder)


EDITION = ("digit-course-student.zip", "student")
WRITERS = {
    "pickle": Writer(write_pickle, ("mnist.pickle",), complaint="mnist.pickle: .*cannot be written"),
    "own digits": Writer(
        write_own_digit, ("my_digits.lock", "my_digits.npz"), complaint="my_digits.npz: your digits cannot be saved"
    ),
    "progress": Writer(write_progress, ("progress.json",), complaint=None),
    "network": Writer(write_network, ("mnist",), complaint="The trained network cannot be saved .* run this cell"),
    "recorded notebooks": Writer(write_recorded, LESSONS),
    "edition": Writer(write_edition, EDITION, ("student",)),
}
