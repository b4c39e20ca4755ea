"""A whole workshop in one shared folder: sixteen processes load, download, pickle and train at the same moment."""

import contextlib
import hashlib
import io
import multiprocessing
import os
import time

import numpy as np
import pytest

from course_utils import data, downloading
from course_utils.data import ARRAY_NAMES, load_dataset, load_pickle, save_pickle
from course_utils.exercises import core

NUM_PROCESSES = 16
MOST_SECONDS = 600  # for a machine that is busy
FORKING = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")


@pytest.fixture(scope="module", autouse=True)
def ready_server():
    """Let new processes start from one that has everything imported already."""
    if os.name == "posix":
        FORKING.set_forkserver_preload([__name__, "pytest", "course_utils.training"])


@pytest.fixture
def digits(house, capsys):
    dataset = load_dataset(allow_download=False)
    capsys.readouterr()
    return dataset


@pytest.fixture
def workshop(house, digits, serve, monkeypatch):
    """Serve the embedded digits as if they were MNIST; give what every process must know of them, and the server."""
    stream = io.BytesIO()
    arrays = [getattr(digits, name) for name in ARRAY_NAMES]
    np.savez(stream, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))
    archive = stream.getvalue()

    def send_slowly(handler):
        handler.send(b"", length=len(archive))
        for start in range(0, len(archive), 100_000):
            handler.wfile.write(archive[start:][:100_000])
            time.sleep(0.05)

    server = serve(send_slowly)
    return server, {
        "url": downloading.MNIST_URL,
        "archive_sha256": hashlib.sha256(archive).hexdigest(),
        "content_sha256": tuple(hashlib.sha256(array).hexdigest() for array in arrays),
        "environment": {name: os.environ[name] for name in ("COURSE_WORKSPACE", "KERAS_HOME", "NO_PROXY")},
    }


def _take_part(work, known, number, together, connection):
    os.environ |= known["environment"]
    os.environ.pop("MNIST_PATH", None)
    os.environ.pop("COURSE_OFFLINE", None)
    downloading.MNIST_URL, downloading.MNIST_ARCHIVE_SHA256 = known["url"], known["archive_sha256"]
    data._CONTENT_SHA256 = {"MNIST": known["content_sha256"]}
    printed = io.StringIO()
    together.wait(MOST_SECONDS)
    try:
        with contextlib.redirect_stdout(printed):
            outcome = work(number)
    except BaseException as error:
        outcome = f"{type(error).__name__}: {error}"
    connection.send((outcome, printed.getvalue()))


def all_together(work, known, num_processes=NUM_PROCESSES):
    """Let so many processes do the same work at the same moment; return what each returned and what it printed."""
    together = FORKING.Barrier(num_processes)
    receivers, processes = [], []
    for number in range(num_processes):
        receiver, sender = FORKING.Pipe(duplex=False)
        process = FORKING.Process(target=_take_part, args=(work, known, number, together, sender))
        process.start()
        receivers.append(receiver)
        processes.append(process)
    results = []
    for receiver, process in zip(receivers, processes, strict=True):
        assert receiver.poll(MOST_SECONDS), "a process hangs"
        results.append(receiver.recv())
        process.join()
    return [outcome for outcome, _ in results], [printed for _, printed in results]


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# --- download and pickle ----------------------------------------------------------------------------------------------


def _load_and_pickle(number):
    dataset = load_dataset()
    save_pickle(dataset, data.workspace_folder() / "digits.pickle")
    return load_pickle(data.workspace_folder() / "digits.pickle").name


def test_one_download_for_all_and_no_torn_pickle(house, workshop):
    server, known = workshop
    outcomes, printed = all_together(_load_and_pickle, known)
    assert outcomes == ["MNIST"] * NUM_PROCESSES
    assert server.requests == 1
    assert files(house / "keras" / "datasets") == [".mnist.npz.lock", "mnist.npz"]
    assert files(house / "workspace") == ["digits.pickle"]
    waiting = "Another program is downloading MNIST; waiting for it ...\n"
    assert set(printed) <= {"", waiting}
    assert printed.count(waiting) >= 1, "whoever waits is told"


def test_one_failure_for_all(house, workshop, monkeypatch):
    server, known = workshop

    def refuse_slowly(handler):
        time.sleep(2)
        handler.send(b"no", status=403)

    server.answer = refuse_slowly
    known["content_sha256"] = None
    start = time.monotonic()
    outcomes, printed = all_together(_load, known)
    assert outcomes == ["UCI digits"] * NUM_PROCESSES
    assert all("refused the download (status 403)" in " ".join(text.split()) for text in printed)
    # Whoever came too late to wait may have asked anew; one after the other would have been sixteen.
    assert server.requests < NUM_PROCESSES / 2
    assert time.monotonic() - start < MOST_SECONDS


def _load(number):
    data._CONTENT_SHA256 = {}
    return load_dataset().name


# --- exercises --------------------------------------------------------------------------------------------------------


def _solve(number):
    core._record(f"exercise-{number}", is_right=True)
    return "solved"


def test_progress_of_all_is_kept(house, workshop):
    outcomes, _ = all_together(_solve, workshop[1])
    assert outcomes == ["solved"] * NUM_PROCESSES
    assert core.done_exercises() == {f"exercise-{number}" for number in range(NUM_PROCESSES)}


# --- training ---------------------------------------------------------------------------------------------------------


def _train(number):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    from course_utils.model import build_model, compile_model
    from course_utils.preprocessing import one_hot, preprocess_images
    from course_utils.training import TrainedModel, load_trained_model, save_trained_model

    dataset = load_dataset()
    keras.utils.set_random_seed(number)
    model = build_model()
    compile_model(model)
    train_vectors, test_vectors = preprocess_images(dataset.train_images), preprocess_images(dataset.test_images)
    history = model.fit(train_vectors, one_hot(dataset.train_labels), batch_size=128, epochs=1, verbose=0).history
    save_trained_model(TrainedModel(model, history), dataset)
    found = load_trained_model(dataset)
    loss, _ = found.model.evaluate(test_vectors, one_hot(dataset.test_labels), verbose=0)
    return (
        history["loss"][0],
        found.history["loss"][0],
        loss,
        model.evaluate(test_vectors, one_hot(dataset.test_labels), verbose=0)[0],
    )


def test_all_train_and_every_network_found_is_one_of_theirs_with_its_own_history(house, workshop, is_long, figures):
    server, known = workshop
    count = NUM_PROCESSES if is_long else 3
    start = time.monotonic()
    outcomes, _ = all_together(_train, known, count)
    assert all(isinstance(outcome, tuple) for outcome in outcomes), outcomes
    trained = {history: loss for history, _, _, loss in outcomes}
    assert len(trained) == count
    for _, history, loss, _ in outcomes:
        assert trained[history] == pytest.approx(loss, rel=1e-6)
    assert server.requests == 1
    assert files(house / "workspace") == ["mnist/model.keras"]
    figures.append(f"{count} processes downloaded once and trained at once, in {time.monotonic() - start:.0f} s")
