"""One training, in a process of its own: the handout's recipe, as those who use each library would write it.

``python -m benchmarks.contenders REQUEST`` trains as a `Request` says, given in JSON, and prints an `Answer` in JSON.
All have the same float32 vectors and batches, Adam with its usual settings, and no look at the test images in between.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.machine import peak_memory
from course_utils.data import Dataset, load_dataset
from course_utils.preprocessing import NUM_CLASSES, one_hot, preprocess_images

WIDTHS = (784, 512, 256, NUM_CLASSES)
DROPOUT = (0.5, 0.2)


@dataclass(frozen=True)
class Request:
    """What to train.

    Attributes
    ----------
    contender : str
        A key of `CONTENDERS`.
    num_images : int
        How many of the training images, the first ones.
    num_epochs, batch_size, seed : int
        As in lesson 05.
    as_in_lesson : bool
        For Keras and the course: look at the test images after each epoch, and let nothing depend on the order in
        which threads finish, so that two histories can be compared bit for bit.
    """

    contender: str
    num_images: int = 60_000
    num_epochs: int = 3
    batch_size: int = 128
    seed: int = 9
    as_in_lesson: bool = False


class Trained(NamedTuple):
    """Wall time of each epoch in seconds, accuracy on the test images at the end, and what Keras noted."""

    seconds: list[float]
    test_accuracy: float | None = None
    history: dict[str, list[float]] | None = None


def train_course(request: Request, dataset: Dataset) -> Trained:
    """Train as lesson 05 does."""
    from course_utils.training import as_tensor, steps_per_execution

    train_vectors = as_tensor(preprocess_images(dataset.train_images))
    test_vectors = as_tensor(preprocess_images(dataset.test_images))
    num_steps = steps_per_execution(len(train_vectors), request.batch_size)
    return _fit(request, dataset, train_vectors, test_vectors, num_steps, deterministic=True)


def train_keras(request: Request, dataset: Dataset) -> Trained:
    """Train as the handout does: `compile` and `fit` with nothing but the recipe, on arrays."""
    import_plain_keras()
    train_vectors, test_vectors = preprocess_images(dataset.train_images), preprocess_images(dataset.test_images)
    return _fit(request, dataset, train_vectors, test_vectors, 1, deterministic=request.as_in_lesson)


def import_plain_keras() -> None:
    """Undo what `import course_utils` prepares for TensorFlow and Keras, and import them as everybody else does."""
    os.environ.pop("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", None)
    sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("course_utils")]
    import keras  # noqa: F401


def _fit(
    request: Request,
    dataset: Dataset,
    train_vectors: ArrayLike,
    test_vectors: ArrayLike,
    steps_per_execution: int,
    *,
    deterministic: bool,
) -> Trained:
    import keras
    import tensorflow

    from course_utils.model import build_model, compile_model

    keras.utils.set_random_seed(request.seed)
    if deterministic:
        tensorflow.config.experimental.enable_op_determinism()
    model = build_model()
    compile_model(model, steps_per_execution)
    one_hot_test_labels = one_hot(dataset.test_labels)
    clock = [perf_counter()]
    history = model.fit(
        train_vectors,
        one_hot(dataset.train_labels),
        validation_data=(test_vectors, one_hot_test_labels) if request.as_in_lesson else None,
        batch_size=request.batch_size,
        epochs=request.num_epochs,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: clock.append(perf_counter()))],
    ).history
    _, test_accuracy = model.evaluate(test_vectors, one_hot_test_labels, verbose=0)
    return Trained(_differences(clock), test_accuracy, history if request.as_in_lesson else None)


def train_pytorch(request: Request, dataset: Dataset) -> Trained:
    """Train in a plain PyTorch loop; each batch takes its rows from one tensor."""
    import torch
    from torch import nn

    torch.manual_seed(request.seed)
    layers: list[nn.Module] = []
    for num_inputs, num_outputs in pairwise(WIDTHS):
        layers += [nn.Linear(num_inputs, num_outputs), nn.ReLU()]
    # The loss takes the softmax, and expects labels.
    model = nn.Sequential(*layers[:2], nn.Dropout(DROPOUT[0]), *layers[2:4], nn.Dropout(DROPOUT[1]), layers[4])
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    vectors = torch.from_numpy(preprocess_images(dataset.train_images))
    labels = torch.from_numpy(dataset.train_labels.astype(np.int64))
    clock = [perf_counter()]
    for _ in range(request.num_epochs):
        order = torch.randperm(len(vectors)).split(request.batch_size)
        mean_loss = torch.zeros(())
        for rows in order:
            optimizer.zero_grad()
            loss = loss_function(model(vectors[rows]), labels[rows])
            loss.backward()
            optimizer.step()
            mean_loss += loss.detach() / len(order)
        clock.append(perf_counter())
    model.eval()
    with torch.no_grad():
        predictions = model(torch.from_numpy(preprocess_images(dataset.test_images))).argmax(dim=1).numpy()
    return Trained(_differences(clock), float((predictions == dataset.test_labels).mean()))


def train_sklearn(request: Request, dataset: Dataset) -> Trained:
    """Train scikit-learn's `MLPClassifier`, which has no dropout; its penalty on large weights is switched off."""
    from sklearn.neural_network import MLPClassifier

    classifier = MLPClassifier(WIDTHS[1:-1], alpha=0, batch_size=request.batch_size, random_state=request.seed)
    train_vectors = preprocess_images(dataset.train_images)
    clock = [perf_counter()]
    for _ in range(request.num_epochs):
        classifier.partial_fit(train_vectors, dataset.train_labels, classes=np.arange(NUM_CLASSES))
        clock.append(perf_counter())
    return Trained(_differences(clock), classifier.score(preprocess_images(dataset.test_images), dataset.test_labels))


def multiply(request: Request, dataset: Dataset) -> Trained:
    """Only multiply matrices as often as a training must, with NumPy in float32: whoever trains cannot be faster."""
    generator = np.random.default_rng(request.seed)

    def random(*shape: int) -> NDArray[np.float32]:
        return generator.standard_normal(shape, dtype=np.float32)

    operands = [(random(*left), random(*right)) for left, right in products(request.batch_size)]
    results = [left @ right for left, right in operands]
    clock = [perf_counter()]
    for _ in range(request.num_epochs):
        for _ in range(math.ceil(len(dataset.train_images) / request.batch_size)):
            for (left, right), result in zip(operands, results, strict=True):
                np.matmul(left, right, out=result)
        clock.append(perf_counter())
    return Trained(_differences(clock))


Shape = tuple[int, int]


def products(batch_size: int) -> list[tuple[Shape, Shape]]:
    """Return the shapes of the matrices that one step of the training has to multiply.

    Parameters
    ----------
    batch_size : int
        Rows of every layer's input.

    Returns
    -------
    list of tuple of shapes
        Left and right operand of eight products: for each layer its output and the gradient of its weights, and for
        all but the first the gradient of its input, since nobody asks for a gradient of the images.
    """
    found: list[tuple[Shape, Shape]] = []
    for num_inputs, num_outputs in pairwise(WIDTHS):
        found.append(((batch_size, num_inputs), (num_inputs, num_outputs)))
        found.append(((num_inputs, batch_size), (batch_size, num_outputs)))
        if num_inputs != WIDTHS[0]:
            found.append(((batch_size, num_outputs), (num_outputs, num_inputs)))
    return found


CONTENDERS: dict[str, Callable[[Request, Dataset], Trained]] = {
    "course": train_course,
    "Keras defaults": train_keras,
    "PyTorch eager": train_pytorch,
    "scikit-learn": train_sklearn,
    "bound": multiply,
}


def _differences(clock: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(clock)]


def answer(request: Request) -> dict[str, Any]:
    """Do one training in this process, and tell what it took.

    Parameters
    ----------
    request : Request
        What to train, and by whom.

    Returns
    -------
    dict
        The fields of `Trained`, and ``peak_mb``: the largest resident memory of the process, in units of 2**20 bytes.
    """
    dataset = load_dataset()
    train_images, train_labels = (array[: request.num_images] for array in (dataset.train_images, dataset.train_labels))
    dataset = replace(dataset, train_images=train_images, train_labels=train_labels)
    trained = CONTENDERS[request.contender](request, dataset)
    return {**trained._asdict(), "peak_mb": peak_memory()}


if __name__ == "__main__":
    print(json.dumps(answer(Request(**json.loads(sys.argv[1])))))
