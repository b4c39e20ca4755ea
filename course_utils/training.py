"""What lesson 05 leaves behind, and where lessons 06 and 07 find a trained network."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

import keras

from course_utils.data import Dataset
from course_utils.model import build_model, compile_model
from course_utils.preprocessing import one_hot, preprocess_images
from course_utils.workspace import atomic_path, workspace_folder

REFERENCE_FOLDER = Path(__file__).parent / "reference"
SEED = 9
BATCH_SIZE = 128
NUM_STEPS_IN_SECONDS = (
    360  # training steps that a small laptop takes in a few seconds: 30 epochs of the embedded digits
)

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
        Where the two files are, as seen from the workspace folder.

    Raises
    ------
    OSError
        If the folder cannot be written; what was there before is still there.
    """
    folder = _model_folder(dataset)
    folder.mkdir(exist_ok=True)
    with atomic_path(folder / "model.keras") as temporary:
        trained.model.save(temporary)
    with atomic_path(folder / "history.json") as temporary:
        temporary.write_text(json.dumps(trained.history, indent=1), encoding="utf-8")
    return f"{folder.name}/model.keras and {folder.name}/history.json"


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
    folder = _model_folder(dataset)
    if (folder / "model.keras").exists() and (folder / "history.json").exists():
        try:
            history = json.loads((folder / "history.json").read_text(encoding="utf-8"))
            trained = TrainedModel(keras.saving.load_model(folder / "model.keras"), history)
        except (ValueError, OSError, KeyError, TypeError) as error:
            print(
                f"The network in {folder.name}/ of your workspace cannot be read ({type(error).__name__}): train again."
            )
        else:
            print(f"Using the network that you trained in lesson 05 ({len(history['loss'])} epochs).")
            return trained
    return _load_reference() if dataset.name == "MNIST" else _train_in_seconds(dataset)


def _model_folder(dataset: Dataset) -> Path:
    return workspace_folder() / dataset.slug


def _load_reference() -> TrainedModel:
    model = build_model()
    model.load_weights(REFERENCE_FOLDER / "mnist.weights.h5")
    compile_model(model)
    history = json.loads((REFERENCE_FOLDER / "mnist.json").read_text(encoding="utf-8"))["history"]
    print(
        f"No network of yours in the workspace: using the one recorded with the course ({len(history['loss'])} epochs)."
    )
    return TrainedModel(model, history)


def _train_in_seconds(dataset: Dataset) -> TrainedModel:
    num_images = len(dataset.train_images)
    num_epochs = max(1, NUM_STEPS_IN_SECONDS // math.ceil(num_images / BATCH_SIZE))
    print(f"No network trained on {dataset.name} in the workspace: training one now ({num_epochs} epochs) ...")
    keras.utils.set_random_seed(SEED)
    model = build_model()
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
