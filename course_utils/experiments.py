"""Training runs recorded with the course: the recipe with many seeds, and with one thing changed (lesson 08)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course_utils.course import REFERENCE, CourseError, counted
from course_utils.data import Dataset
from course_utils.model import DROPOUT_RATES, build_cnn, compile_model
from course_utils.training import History, TrainedModel, train_in_seconds

RESULTS = REFERENCE / "experiments.json"


@dataclass(frozen=True, order=True)
class Run:
    """What distinguishes one training run from the others; all else is the recipe of lesson 06.

    With `hold_out` 0 the network is validated on the test images and trained for `num_epochs`, as in the handout.
    Otherwise it is validated on the last `hold_out` training images, training stops early, and the test images are used
    once, at the end.
    """

    network: str = "mlp"  # or "cnn"
    seed: int = 9
    dropout: tuple[float, ...] = DROPOUT_RATES  # the rate of each dropout layer; () leaves the network as it is built
    hold_out: int = 0
    num_epochs: int = 30
    dataset: str = "MNIST"

    def __str__(self) -> str:
        rates = f", dropout {'/'.join(map(str, self.dropout))}" if self.dropout else ""
        hold_out = f", {self.hold_out:,} images held out" if self.hold_out else ""
        epochs = counted(self.num_epochs, "epoch")
        return f"{self.network}, seed {self.seed}{rates}{hold_out}, {epochs} of {self.dataset}"


@dataclass(frozen=True)
class Result:
    """The outcome of one training run; results of different recipes cannot be compared.

    Without held-out images, `history` also has ``val_accuracy_even``, the accuracy on every second test image.
    """

    run: Run
    recipe: str  # fingerprint of the code that trained it
    test_accuracy: float
    test_loss: float
    mistakes: list[int]  # positions of the misclassified test images, ascending
    history: History


#: In the order of training, the most important first. Dropout is varied in the first hidden layer, where the handout
#: has 0.5, and once switched off in both.
EXPERIMENTS: dict[str, list[Run]] = {
    "recipe": [Run(seed=seed) for seed in range(10)],
    "hold-out": [Run(seed=seed, hold_out=5_000) for seed in range(10)],
    "dropout": [
        Run(seed=seed, dropout=dropout)
        for dropout in [(0.0, 0.2), (0.25, 0.2), (0.5, 0.2), (0.75, 0.2), (0.0, 0.0)]
        for seed in range(3)
    ],
    "cnn": [Run(network="cnn", dropout=(), seed=seed) for seed in range(10)],
}

#: The run whose weights are kept for lesson 10, in a file beside the results.
CNN = Run(network="cnn", dropout=())
WEIGHTS = {CNN: "cnn.weights.h5"}


def load_results(runs: Iterable[Run], path: Path = RESULTS) -> list[Result]:
    """Load the recorded results of training runs.

    Parameters
    ----------
    runs : iterable of Run
        For instance ``EXPERIMENTS["recipe"]``.
    path : Path
        The file that holds them.

    Returns
    -------
    list of Result
        In the order of `runs`.

    Raises
    ------
    CourseError
        If one of them was not recorded; the message names the command that records it.
    """
    recorded = read_results(path)
    try:
        return [recorded[run] for run in runs]
    except KeyError as error:
        raise CourseError(
            f"No result was recorded for {error.args[0]}. An instructor records it with: python -m tools experiments"
        ) from error


def read_results(path: Path = RESULTS) -> dict[Run, Result]:
    """Read all results that `tools.experiments` wrote to a file; none if the file does not exist."""
    results = {}
    for row in json.loads(path.read_text(encoding="utf-8")) if path.exists() else []:
        description = row.pop("run")
        run = Run(**{**description, "dropout": tuple(description["dropout"])})
        results[run] = Result(run, **row)
    return results


def load_trained_cnn(dataset: Dataset) -> TrainedModel:
    """Load the network of lesson 10, trained for as long as that of lesson 06; a printed line says which one.

    Parameters
    ----------
    dataset : Dataset
        The digits of the lesson: the network must have been trained on the same.

    Returns
    -------
    TrainedModel
        For MNIST the one recorded with the course, otherwise one trained for about 360 steps, which takes seconds.
    """
    if dataset.name != "MNIST":
        return train_in_seconds(dataset, build_cnn, why=f"No CNN was recorded for {dataset.name}")
    (result,) = load_results([CNN])
    model = build_cnn()
    model.load_weights(REFERENCE / WEIGHTS[CNN])
    compile_model(model)
    print(f"Using the CNN recorded with the course ({CNN.num_epochs} epochs).")
    return TrainedModel(model, result.history)
