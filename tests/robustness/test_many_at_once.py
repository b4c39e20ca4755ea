"""A workshop in one shared folder: processes load, download and pickle at the same moment; sixteen with --long."""

import contextlib
import hashlib
import io
import os

import numpy as np

from course_utils import data, download
from course_utils.data import ARRAY_NAMES, load_dataset, load_pickle, save_pickle
from course_utils.exercises import progress
from tests.robustness.writers import CONTEXT

WAIT_SECONDS = 600


def _take_part(known, number, together, sender):
    os.environ |= known["environment"]
    os.environ.pop("MNIST_PATH", None)
    os.environ.pop("COURSE_OFFLINE", None)
    download.MNIST_URL, download.MNIST_ARCHIVE_SHA256 = known["MNIST_URL"], known["MNIST_ARCHIVE_SHA256"]
    data._CONTENT_SHA256 = {"MNIST": known["content"]}
    together.wait(WAIT_SECONDS)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            dataset = load_dataset()
            save_pickle(dataset, data.workspace_folder() / "digits.pickle")
            progress.record(f"06.{number}", is_right=True)
            sender.send(load_pickle(data.workspace_folder() / "digits.pickle").name)
    except BaseException as error:
        sender.send(f"{type(error).__name__}: {error}")


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_all_download_pickle_and_solve(house, serve, is_long):
    digits, count = load_dataset(allow_download=False), 16 if is_long else 3
    arrays, stream = [getattr(digits, name) for name in ARRAY_NAMES], io.BytesIO()
    np.savez(stream, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))
    serve(lambda handler: handler.send(stream.getvalue()))  # the embedded digits, as if they were MNIST
    known = {
        "MNIST_URL": download.MNIST_URL,
        "MNIST_ARCHIVE_SHA256": hashlib.sha256(stream.getvalue()).hexdigest(),
        "content": hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest(),
        "environment": {name: os.environ[name] for name in ("COURSE_WORKSPACE", "KERAS_HOME", "NO_PROXY")},
    }
    together, receivers = CONTEXT.Barrier(count), []
    for number in range(count):
        receiver, sender = CONTEXT.Pipe(duplex=False)
        CONTEXT.Process(target=_take_part, args=(known, number, together, sender)).start()
        receivers.append(receiver)
    assert all(receiver.poll(WAIT_SECONDS) for receiver in receivers), "a process hangs"
    assert [receiver.recv() for receiver in receivers] == ["MNIST"] * count
    assert files(house / "keras" / "datasets") == ["mnist.npz"]
    assert files(house / "workspace") == [".progress.json.lock", "digits.pickle", "progress.json"]
    assert progress.done_exercises() == {f"06.{number}" for number in range(count)}
