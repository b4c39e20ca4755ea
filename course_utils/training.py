"""What lesson 05 leaves behind, and where lessons 06 and 07 find a trained network."""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import keras
import numpy as np
import tensorflow
from numpy.typing import ArrayLike, NDArray

from course_utils.data import Dataset
from course_utils.model import build_model, compile_model
from course_utils.preprocessing import one_hot, preprocess_images
from course_utils.workspace import atomic_path, workspace_folder, write_remedy

_HISTORY = "history.json"  # beside the members that Keras writes into the archive
REFERENCE_FOLDER = Path(__file__).parent / "reference"
SEED = 9
BATCH_SIZE = 128
# Training steps that a small laptop takes in a few seconds: 30 epochs of the embedded digits.
NUM_STEPS_IN_SECONDS = 360
TRIAL_SECONDS = 2
ALIGNMENT = 64  # bytes: where an array must begin for TensorFlow to work on it as it is

History = dict[str, list[float]]


class TrainedModel(NamedTuple):
    """A trained network and how its training went.

    Attributes
    ----------
    model : keras.Model
        Compiled, ready for ``evaluate`` and ``predict``.
    history : dict of str to list of float
        ``accuracy``, ``loss``, ``val_accuracy``, ``val_loss``: one number for each epoch.
    """

    model: keras.Model
    history: History


def steps_per_execution(num_images: int, batch_size: int, most: int = 100) -> int:
    """Find how many batches TensorFlow can take at once so that an epoch is a whole number of such rounds.

    Parameters
    ----------
    num_images, batch_size : int
        An epoch has ``ceil(num_images / batch_size)`` steps.
    most : int
        Upper limit, which keeps the progress of a slow machine visible.

    Returns
    -------
    int
        The largest divisor of the number of steps that is not over the limit: 67 for MNIST (469 = 7 x 67).
    """
    num_steps = math.ceil(num_images / batch_size)
    return max(divisor for divisor in range(1, most + 1) if num_steps % divisor == 0)


def as_tensor(array: NDArray[np.float32] | tensorflow.Tensor) -> tensorflow.Tensor:
    """Make a TensorFlow tensor of an array, once and for all, so that Keras need not copy it each time.

    Given an array, `fit` and `evaluate` copy it into a tensor, and `tensorflow.constant` copies it twice on the way.
    For MNIST's training vectors each copy is 188 MB.

    Parameters
    ----------
    array : ndarray or tensor of float32, any shape
        Not needed any more afterwards; what happens to it does not reach the tensor. A tensor, such as a cell that is
        run twice gives, is copied as well.

    Returns
    -------
    tensorflow.Tensor
        The same numbers in the same shape.
    """
    array = np.asarray(array)
    memory = np.empty(array.nbytes + ALIGNMENT, dtype=np.uint8)
    begin = -memory.ctypes.data % ALIGNMENT
    aligned = memory[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)
    aligned[...] = array
    return tensorflow.experimental.dlpack.from_dlpack(aligned.__dlpack__())


def estimate_epoch_seconds(
    train_vectors: ArrayLike,
    one_hot_train_labels: ArrayLike,
    *,
    test_vectors: ArrayLike,
    one_hot_test_labels: ArrayLike,
    batch_size: int,
) -> float:
    """Find out from a trial of two seconds how long an epoch will take on this computer.

    What TensorFlow needs to get started comes before them, and does not count. A network of its own learns from a part
    of the images again and again, and is asked about as large a part of the test images. Random numbers are drawn in
    it: a training that shall be repeatable sets its seed afterwards.

    Parameters
    ----------
    train_vectors, test_vectors : array or tensor of float32, shape (n, 784)
        The images of the training.
    one_hot_train_labels, one_hot_test_labels : array or tensor of float32, shape (n, 10)
        Their labels.
    batch_size : int
        As in the training.

    Returns
    -------
    float
        Seconds.
    """
    num_steps = steps_per_execution(len(train_vectors), batch_size)
    share = min(1, num_steps * batch_size / len(train_vectors))
    num_train, num_test = (math.ceil(share * len(vectors)) for vectors in (train_vectors, test_vectors))
    model = build_model()
    compile_model(model, num_steps)
    finished: list[float] = []

    def stop_in_time(epoch: int, logs: dict[str, float] | None = None) -> None:
        finished.append(monotonic())
        model.stop_training = len(finished) > 1 and finished[-1] - finished[0] > TRIAL_SECONDS

    model.fit(
        train_vectors[:num_train],
        one_hot_train_labels[:num_train],
        validation_data=(test_vectors[:num_test], one_hot_test_labels[:num_test]),
        batch_size=batch_size,
        epochs=1_000_000,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=stop_in_time)],
    )
    keras.utils.clear_session()  # or the optimizer of the training itself would be called adam_1
    return (finished[-1] - finished[0]) / (len(finished) - 1) / share


def save_trained_model(trained: TrainedModel, dataset: Dataset) -> str:
    """Keep a trained network and its history in the workspace, in the folder of its dataset.

    Parameters
    ----------
    trained : TrainedModel
        What to keep; an earlier one for the same dataset is replaced, whole.
    dataset : Dataset
        What it was trained on: a network trained on other digits is never taken for one trained on MNIST.

    Returns
    -------
    str
        Where the file is, as seen from the workspace folder: the network as Keras saves it, and in the same archive
        ``history.json``.

    Raises
    ------
    OSError
        If the file cannot be written; what was there before is still there.
    """
    path = _model_path(dataset)
    try:
        path.parent.mkdir(exist_ok=True)
        with atomic_path(path) as temporary:
            trained.model.save(temporary)
            # Within, since two files could come to be of two trainings.
            with zipfile.ZipFile(temporary, "a") as archive:
                archive.writestr(_HISTORY, json.dumps(trained.history, indent=1))
    except OSError as error:
        raise OSError(
            f"The trained network cannot be kept in {path} ({os.strerror(error.errno) if error.errno else error}). "
            f"{write_remedy(error)} Then run this cell again: nothing that was trained is lost."
        ) from error
    return f"{path.parent.name}/{path.name}"


def load_trained_model(dataset: Dataset) -> TrainedModel:
    """Give the network trained in lesson 05; without one, the reference or a quickly trained one, saying so.

    Parameters
    ----------
    dataset : Dataset
        The digits of the lesson: the network must have been trained on the same.

    Returns
    -------
    TrainedModel
        From the workspace if lesson 05 left one there; else, for MNIST, the weights recorded with the course; else a
        network trained on the spot for some 360 steps, which takes seconds. A printed line tells which of the three.
    """
    path = _model_path(dataset)
    if path.exists():
        try:
            trained = read_trained_model(path)
        except Exception as error:  # a damaged archive makes its readers raise nearly anything
            print(
                f"The network in {path.parent.name}/ of your workspace cannot be read ({type(error).__name__}): "
                "train again."
            )
        else:
            print(f"Using the network that you trained in lesson 05 ({len(trained.history['loss'])} epochs).")
            return trained
    if dataset.name == "MNIST":
        return _load_reference()
    return train_in_seconds(dataset, build_model, why=f"No network trained on {dataset.name} in the workspace")


def read_trained_model(path: Path) -> TrainedModel:
    """Read what `save_trained_model` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    TrainedModel
        The network and its history.

    Raises
    ------
    Exception
        Of many kinds, if the file is missing or damaged or has no history.
    """
    while True:
        history = _read_history(path)
        model = keras.saving.load_model(path)
        # Another process may have put another network in place in between.
        if _read_history(path) == history:
            return TrainedModel(model, history)


def _read_history(path: Path) -> History:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(_HISTORY))


def _model_path(dataset: Dataset) -> Path:
    return workspace_folder() / dataset.slug / "model.keras"


def _load_reference() -> TrainedModel:
    model = build_model()
    model.load_weights(REFERENCE_FOLDER / "mnist.weights.h5")
    compile_model(model)
    history = json.loads((REFERENCE_FOLDER / "mnist.json").read_text(encoding="utf-8"))["history"]
    print(
        f"No network of yours in the workspace: using the one recorded with the course ({len(history['loss'])} epochs)."
    )
    return TrainedModel(model, history)


def train_in_seconds(dataset: Dataset, build: Callable[[], keras.Model], why: str) -> TrainedModel:
    """Train a network for some 360 steps, after a line that says so.

    Parameters
    ----------
    dataset : Dataset
        What to train it on.
    build : callable
        Builds the network, not yet compiled.
    why : str
        How the line begins: what is not there.

    Returns
    -------
    TrainedModel
        With the seed and the batch size of lesson 05.
    """
    num_images = len(dataset.train_images)
    num_epochs = max(1, NUM_STEPS_IN_SECONDS // math.ceil(num_images / BATCH_SIZE))
    print(f"{why}: training one now ({num_epochs} epochs) ...")
    keras.utils.set_random_seed(SEED)
    model = build()
    compile_model(model, steps_per_execution(num_images, BATCH_SIZE))
    history = model.fit(
        preprocess_images(dataset.train_images),
        one_hot(dataset.train_labels),
        validation_data=(preprocess_images(dataset.test_images), one_hot(dataset.test_labels)),
        batch_size=BATCH_SIZE,
        epochs=num_epochs,
        verbose=0,
    ).history
    return TrainedModel(model, history)
