"""A workshop in one shared folder: processes load, download, pickle and train at the same moment; sixteen if --long."""

import contextlib
import hashlib
import io
import os

import numpy as np
import pytest

from course_utils import data, download
from course_utils.data import ARRAY_NAMES, load_dataset, load_pickle, save_pickle
from course_utils.exercises import progress
from tests.robustness.writers import CONTEXT

WAIT_SECONDS = 600


@pytest.fixture
def workshop(house, serve, capsys):
    """Serve the embedded digits as if they were MNIST; return what runs a function in many processes at once."""
    digits = load_dataset(allow_download=False)
    capsys.readouterr()
    arrays, stream = [getattr(digits, name) for name in ARRAY_NAMES], io.BytesIO()
    np.savez(stream, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))
    serve(lambda handler: handler.send(stream.getvalue()))
    known = {
        "MNIST_URL": download.MNIST_URL,
        "MNIST_ARCHIVE_SHA256": hashlib.sha256(stream.getvalue()).hexdigest(),
        "content": hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest(),
        "environment": {name: os.environ[name] for name in ("COURSE_WORKSPACE", "KERAS_HOME", "NO_PROXY")},
    }

    def all_together(work, count):
        together = CONTEXT.Barrier(count)
        receivers, processes = [], []
        for number in range(count):
            receiver, sender = CONTEXT.Pipe(duplex=False)
            processes.append(CONTEXT.Process(target=_take_part, args=(work, known, number, together, sender)))
            processes[-1].start()
            receivers.append(receiver)
        for receiver in receivers:
            assert receiver.poll(WAIT_SECONDS), "a process hangs"
        outcomes = [receiver.recv() for receiver in receivers]
        for process in processes:
            process.join()
        return outcomes

    return all_together


def _take_part(work, known, number, together, sender):
    os.environ |= known["environment"]
    os.environ.pop("MNIST_PATH", None)
    os.environ.pop("COURSE_OFFLINE", None)
    download.MNIST_URL, download.MNIST_ARCHIVE_SHA256 = known["MNIST_URL"], known["MNIST_ARCHIVE_SHA256"]
    data._CONTENT_SHA256 = {"MNIST": known["content"]}
    together.wait(WAIT_SECONDS)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            sender.send(work(number))
    except BaseException as error:
        sender.send(f"{type(error).__name__}: {error}")


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _load_pickle_and_solve(number):
    dataset = load_dataset()
    save_pickle(dataset, data.workspace_folder() / "digits.pickle")
    progress.record(f"06.{number}", is_right=True)
    return load_pickle(data.workspace_folder() / "digits.pickle").name


def test_all_download_pickle_and_solve(house, workshop, is_long):
    count = 16 if is_long else 3
    assert workshop(_load_pickle_and_solve, count) == ["MNIST"] * count
    assert files(house / "keras") == ["datasets/mnist.npz"]
    assert files(house / "workspace") == [".progress.json.lock", "digits.pickle", "progress.json"]
    assert progress.done_exercises() == {f"06.{number}" for number in range(count)}


def _train(number):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    from course_utils.model import build_model, compile_model
    from course_utils.preprocessing import one_hot, preprocess_images
    from course_utils.training import TrainedModel, read_trained_model, save_trained_model

    dataset = load_dataset()
    keras.utils.set_random_seed(number)
    model = build_model()
    compile_model(model)
    labels, vectors = one_hot(dataset.train_labels), preprocess_images(dataset.train_images)
    history = model.fit(vectors, labels, batch_size=128, epochs=1, verbose=0).history
    save_trained_model(TrainedModel(model, history), dataset)
    found = read_trained_model(data.workspace_folder() / dataset.slug / "model.keras")
    losses = [each.evaluate(vectors, labels, verbose=0)[0] for each in (model, found.model)]
    return history["loss"][0], losses[0], found.history["loss"][0], losses[1]


def test_every_network_found_is_one_of_those_trained_with_its_own_history(house, workshop, is_long):
    if not is_long:
        pytest.skip("only with --long")
    outcomes = workshop(_train, 16)
    assert all(isinstance(outcome, tuple) for outcome in outcomes), outcomes
    trained = {history: loss for history, loss, _, _ in outcomes}
    assert len(trained) == 16
    for _, _, history, loss in outcomes:
        assert trained[history] == pytest.approx(loss, rel=1e-6)
    assert files(house / "workspace") == ["mnist/model.keras"]
