"""Save the trained network of lesson 06, and find one for the lessons after it."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow
from numpy.typing import NDArray

from course_utils.course import REFERENCE, CourseError, counted
from course_utils.data import Dataset
from course_utils.model import build_model, compile_model
from course_utils.parameters import check_parameters
from course_utils.preprocessing import one_hot, preprocess_images
from course_utils.workspace import atomic_path, workspace_folder, write_remedy

SEED = 9
BATCH_SIZE = 128
_SHORT_TRAINING_STEPS = 360  # 30 epochs of the embedded digits: a few seconds on a small laptop
_ALIGNMENT = 64  # bytes; TensorFlow aborts the process when it computes with an array at another address
_HISTORY = "history.json"

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


def steps_per_execution(num_images: int, batch_size: int) -> int:
    """Return how many batches TensorFlow can process per call so that an epoch is a whole number of calls.

    Parameters
    ----------
    num_images, batch_size : int
        An epoch has ``ceil(num_images / batch_size)`` steps.

    Returns
    -------
    int
        The largest divisor of the number of steps up to 100: 67 for MNIST (469 = 7 x 67). A limit keeps the progress
        of a slow machine visible.

    Raises
    ------
    CourseError
        If the batch size is not a whole number of at least 1.
    """
    check_parameters(batch_size=batch_size)
    num_steps = math.ceil(num_images / batch_size)
    return max(divisor for divisor in range(1, 101) if num_steps % divisor == 0)


def as_tensor(array: NDArray[np.float32] | tensorflow.Tensor) -> tensorflow.Tensor:
    """Copy an array into a TensorFlow tensor once, so that Keras need not copy it for every `fit` and `evaluate`.

    For MNIST's training vectors each copy is 188 MB, and ``tensorflow.constant`` would make two.

    Parameters
    ----------
    array : ndarray or tensor of float32, any shape
        Later changes to it do not reach the tensor. A tensor, as when a cell is run twice, is copied as well.

    Returns
    -------
    tensorflow.Tensor
        The same numbers in the same shape.
    """
    array = np.asarray(array)
    memory = np.empty(array.nbytes + _ALIGNMENT, dtype=np.uint8)
    begin = -memory.ctypes.data % _ALIGNMENT
    aligned = memory[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)
    aligned[...] = array
    return tensorflow.experimental.dlpack.from_dlpack(aligned.__dlpack__())


def save_trained_model(trained: TrainedModel, dataset: Dataset) -> str:
    """Save a trained network and its history in the workspace, in the folder of its dataset.

    Parameters
    ----------
    trained : TrainedModel
        What to save. It replaces an earlier one for the same dataset.
    dataset : Dataset
        What it was trained on.

    Returns
    -------
    str
        The path of the file, relative to the workspace folder: an archive as Keras saves it, with ``history.json``.

    Raises
    ------
    CourseError
        If the file cannot be written; an earlier file is unchanged.
    """
    path = workspace_folder() / dataset.slug / "model.keras"
    try:
        save_with_json(path, trained.model, _HISTORY, trained.history)
    except OSError as error:
        raise CourseError(
            f"The trained network cannot be saved in {path} ({os.strerror(error.errno) if error.errno else error}). "
            f"{write_remedy(error)} Then run this cell again: the trained network is not lost."
        ) from error
    return f"{path.parent.name}/{path.name}"


def load_trained_model(dataset: Dataset, workspace: Path | None = None) -> TrainedModel:
    """Load the network trained in lesson 06, or the recorded one, or train one quickly; a printed line says which.

    Parameters
    ----------
    dataset : Dataset
        The digits of the lesson: the network must have been trained on the same.
    workspace : pathlib.Path, optional
        Where to look for it, instead of the folder that the lessons share.

    Returns
    -------
    TrainedModel
        The one that lesson 06 left in the workspace. If it is missing, or trained for fewer epochs than the lessons
        describe, then for MNIST the one recorded with the course, and for other digits a network trained here for
        about 360 steps, which takes seconds.
    """
    is_mnist = dataset.name == "MNIST"
    recorded = json.loads((REFERENCE / "mnist.json").read_text(encoding="utf-8"))["history"]
    num_needed = len(recorded["loss"]) if is_mnist else _short_epochs(dataset)
    yours = f"Your workspace has no {'trained network' if is_mnist else f'network trained on {dataset.name}'}"
    path = (workspace or workspace_folder()) / dataset.slug / "model.keras"
    if path.exists():
        try:
            trained = read_trained_model(path)
        except Exception as error:  # a damaged archive makes its readers raise nearly anything
            yours = f"The network in {path.parent.name}/ of your workspace cannot be read ({type(error).__name__})"
        else:
            epochs = counted(len(trained.history["loss"]), "epoch")
            if len(trained.history["loss"]) >= num_needed:
                print(f"Using the network that you trained in lesson 06 ({epochs}).")
                return trained
            accuracy = trained.history["val_accuracy"][-1]
            yours = f"Your network of lesson 06 stopped after {epochs}, with test accuracy {accuracy:.4f}"
    if not is_mnist:
        return train_in_seconds(dataset, build_model, why=yours)
    model = build_model()
    model.load_weights(REFERENCE / "mnist.weights.h5")
    compile_model(model)
    print(f"{yours}: using the one recorded with the course ({counted(num_needed, 'epoch')}).")
    return TrainedModel(model, recorded)


def save_with_json(path: Path, model: keras.Model, name: str, content: Any) -> None:  # noqa: ANN401
    """Save a network with one more JSON member in its archive, whole or not at all; two files could get mixed up."""
    path.parent.mkdir(exist_ok=True)
    with atomic_path(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(name, json.dumps(content))


def read_trained_model(path: Path) -> TrainedModel:
    """Read what `save_trained_model` wrote; many kinds of exception if the file is missing or damaged."""
    with tempfile.TemporaryDirectory() as folder:
        # A copy, since another process may replace the file while it is read.
        copy = shutil.copy(path, folder)
        with zipfile.ZipFile(copy) as archive:
            history = json.loads(archive.read(_HISTORY))
        return TrainedModel(keras.saving.load_model(copy), history)


def train_in_seconds(dataset: Dataset, build: Callable[[], keras.Model], why: str) -> TrainedModel:
    """Print `why` and train a network from `build` for about 360 steps, with the recipe of lesson 06."""
    num_images, num_epochs = len(dataset.train_images), _short_epochs(dataset)
    print(f"{why}: training one now ({counted(num_epochs, 'epoch')}) ...")
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


def _short_epochs(dataset: Dataset) -> int:
    return max(1, _SHORT_TRAINING_STEPS // math.ceil(len(dataset.train_images) / BATCH_SIZE))
