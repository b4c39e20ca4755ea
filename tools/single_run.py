"""Do one training run of ``experiments``: the recipe of lesson 06 with the changes of a `Run`, in its own process.

A seed belongs to a whole process, in which other threads, such as those of a Dask worker, also draw random numbers. So
every run gets a fresh Python; its task and its outcome are files in a temporary folder.
"""

from __future__ import annotations

import os
import pickle
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

from course_utils.course import ROOT, CourseError
from course_utils.data import load_dataset
from course_utils.experiments import WEIGHTS, Result, Run
from course_utils.preprocessing import one_hot, preprocess_images
from course_utils.training import BATCH_SIZE, History, steps_per_execution
from tools.recipe import recipe_fingerprint

if TYPE_CHECKING:
    import keras
    import numpy as np

PATIENCE = 5  # epochs without a lower loss on the held-out images, after which the training stops


#: A result, and its weights if these are kept.
Trained: TypeAlias = "tuple[Result, list[np.ndarray] | None]"


def train_apart(run: Run, expected: dict[str, str]) -> Trained:
    """Train in a fresh process on one core, with the software that is `expected`."""
    with TemporaryDirectory() as name:
        task, outcome = Path(name, "task.pickle"), Path(name, "outcome.pickle")
        task.write_bytes(pickle.dumps((run, expected)))
        environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1"}
        command = [sys.executable, "-c", f"from tools.single_run import answer; answer({name!r})"]
        subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not outcome.exists():
            raise CourseError(
                f"A training run on {platform.node()} was stopped or ran out of memory. Allow 2 GB for each run. "
                "Finished runs are recorded. Run the same command again, with fewer workers if memory is short."
            )
        found = pickle.loads(outcome.read_bytes())  # noqa: S301 - from the process started above
    if isinstance(found, CourseError):
        raise found
    return found


def train(run: Run) -> Trained:
    """Do one training run in this process, which must do nothing else meanwhile."""
    code = recipe(run.network)  # now, since somebody may edit the files meanwhile
    dataset = load_dataset(allow_embedded=run.dataset != "MNIST")
    if dataset.name != run.dataset:
        raise CourseError(f"This training run needs {run.dataset}, but {platform.node()} has {dataset.name}.")
    train_vectors, test_vectors = preprocess_images(dataset.train_images), preprocess_images(dataset.test_images)
    one_hot_test_labels = one_hot(dataset.test_labels)
    model, history = _fit(run, train_vectors, one_hot(dataset.train_labels), test_vectors, one_hot_test_labels)
    test_loss, test_accuracy = model.evaluate(test_vectors, one_hot_test_labels, verbose=0)
    is_wrong = model.predict(test_vectors, verbose=0).argmax(axis=1) != dataset.test_labels
    result = Result(run, code, test_accuracy, test_loss, is_wrong.nonzero()[0].tolist(), history)
    return result, model.get_weights() if run in WEIGHTS else None


def _fit(
    run: Run,
    train_vectors: np.ndarray,
    one_hot_train_labels: np.ndarray,
    test_vectors: np.ndarray,
    one_hot_test_labels: np.ndarray,
) -> tuple[keras.Model, History]:
    import keras
    import tensorflow

    from course_utils.model import compile_model

    keras.utils.set_random_seed(run.seed)
    tensorflow.config.experimental.enable_op_determinism()
    model = network_builder(run.network)()
    for number, rate in enumerate(run.dropout, 1):
        model.get_layer(f"dropout_{number}").rate = rate
    num_images = len(train_vectors) - run.hold_out
    compile_model(model, steps_per_execution(num_images, BATCH_SIZE))
    val_accuracy_even: list[float] = []

    def evaluate_even(epoch: int, logs: dict[str, float] | None = None) -> None:
        val_accuracy_even.append(model.evaluate(test_vectors[::2], one_hot_test_labels[::2], verbose=0)[1])

    if run.hold_out:
        validation_data = (train_vectors[num_images:], one_hot_train_labels[num_images:])
        callback = keras.callbacks.EarlyStopping(monitor="val_loss", patience=PATIENCE, restore_best_weights=True)
    else:
        validation_data = (test_vectors, one_hot_test_labels)
        callback = keras.callbacks.LambdaCallback(on_epoch_end=evaluate_even)
    history = model.fit(
        train_vectors[:num_images],
        one_hot_train_labels[:num_images],
        validation_data=validation_data,
        batch_size=BATCH_SIZE,
        epochs=run.num_epochs,
        verbose=0,
        callbacks=[callback],
    ).history
    return model, history if run.hold_out else {**history, "val_accuracy_even": val_accuracy_even}


def software(network: str) -> dict[str, str]:
    """Return what two machines must have in common for their results to be comparable."""
    versions = {name: metadata.version(name) for name in ("numpy", "keras")}
    python = ".".join(platform.python_version_tuple()[:2])
    return {"the course's own code": recipe(network), "Python": python, **versions}


def recipe(network: str) -> str:
    """Return the fingerprint of the code that trains a network (``"mlp"`` or ``"cnn"``)."""
    from course_utils.model import compile_model

    functions = (_fit, network_builder(network), compile_model, preprocess_images, one_hot)
    return recipe_fingerprint(functions, f"{BATCH_SIZE=} {PATIENCE=}")[:12]


def network_builder(network: str) -> Callable[[], keras.Model]:
    """Return the function of `course_utils.model` that builds the network of a `Run`."""
    from course_utils import model

    return getattr(model, "build_model" if network == "mlp" else f"build_{network}")


def answer(name: str) -> None:
    """Do the task in a folder and write the outcome there, in the fresh Python of `train_apart`."""
    folder = Path(name)
    run, expected = pickle.loads((folder / "task.pickle").read_bytes())  # noqa: S301 - from `train_apart`
    found = software(run.network)
    different = [f"{name} ({found[name]}, not {value})" for name, value in expected.items() if found[name] != value]
    outcome: Trained | CourseError
    try:
        if different:
            raise CourseError(
                f"{platform.node()} differs in {', '.join(different)}, so its results would not be comparable. Set up "
                "the same version of the course there, and restart its worker."
            )
        outcome = train(run)
    except CourseError as error:
        outcome = error
    (folder / "outcome.pickle").write_bytes(pickle.dumps(outcome))
