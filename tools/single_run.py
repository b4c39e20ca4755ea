"""One training of ``seeds``: the recipe of lesson 05 with what a `Run` changes, measured at the end."""

from __future__ import annotations

import hashlib
import inspect
import platform
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tools.reference import bare_code
from course_utils.data import DatasetError, load_dataset
from course_utils.experiments import WEIGHTS, Result, Run
from course_utils.preprocessing import one_hot, preprocess_images
from course_utils.training import BATCH_SIZE, History, steps_per_execution

if TYPE_CHECKING:
    import keras
    import numpy as np

PATIENCE = 5  # epochs without a lower loss on the held-out images, after which the training stops


class Trained(NamedTuple):
    """A result, and the weights that it belongs to where those are kept."""

    result: Result
    weights: list[np.ndarray] | None


class Software(NamedTuple):
    """What two machines must have in common, so that their results can be compared."""

    course: str
    python: str
    numpy: str
    tensorflow: str
    keras: str


def train(run: Run) -> Trained:
    """Do one training in this process, which must do nothing else meanwhile.

    A seed is set for a whole process, so whatever another thread draws is missing here: even the threads with which a
    worker of Dask looks after its connections draw random numbers.

    Parameters
    ----------
    run : Run
        What to train.

    Returns
    -------
    Trained
        The same to the last bit on every machine that computes like this one.

    Raises
    ------
    DatasetError
        If the digits that the run asks for are not there.
    """
    code = recipe(run.network)  # now: somebody may edit the files while it trains
    dataset = load_dataset(allow_embedded=run.dataset != "MNIST")
    if dataset.name != run.dataset:
        raise DatasetError(f"This training is for {run.dataset}, but the digits found here are {dataset.name}.")
    train_vectors, test_vectors = preprocess_images(dataset.train_images), preprocess_images(dataset.test_images)
    one_hot_test_labels = one_hot(dataset.test_labels)
    model, history = _fit(run, train_vectors, one_hot(dataset.train_labels), test_vectors, one_hot_test_labels)
    test_loss, test_accuracy = model.evaluate(test_vectors, one_hot_test_labels, verbose=0)
    is_wrong = model.predict(test_vectors, verbose=0).argmax(axis=1) != dataset.test_labels
    result = Result(run, code, test_accuracy, test_loss, is_wrong.nonzero()[0].tolist(), history)
    return Trained(result, model.get_weights() if run in WEIGHTS else None)


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


def software(network: str) -> Software:
    """Tell with which code and which libraries this process trains a network.

    Parameters
    ----------
    network : str
        As in a `Run`.

    Returns
    -------
    Software
        Equal on two machines whose results can be compared.
    """
    import keras
    import numpy
    import tensorflow

    python = ".".join(platform.python_version_tuple()[:2])
    return Software(recipe(network), python, numpy.__version__, tensorflow.__version__, keras.__version__)


def recipe(network: str) -> str:
    """Give a hash of the code that trains a network; comments, docstrings and layout do not count.

    Parameters
    ----------
    network : str
        As in a `Run`.

    Returns
    -------
    str
        SHA-256 in hexadecimal, its first twelve digits.
    """
    from course_utils.model import compile_model

    functions = (_fit, network_builder(network), compile_model, preprocess_images, one_hot)
    code = [bare_code(inspect.getsource(function)) for function in functions]
    return hashlib.sha256("\n".join([*code, f"{BATCH_SIZE=} {PATIENCE=}"]).encode()).hexdigest()[:12]


def network_builder(network: str) -> Callable[[], keras.Model]:
    """Return the function of `course_utils.model` that builds the network of a `Run`."""
    from course_utils import model

    return getattr(model, "build_model" if network == "mlp" else f"build_{network}")
