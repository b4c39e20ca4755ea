"""Trainings that were recorded with the course: the recipe with many seeds, and with one thing changed (lesson 06)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from course_utils.data import Dataset
from course_utils.model import build_cnn, compile_model
from course_utils.training import REFERENCE_FOLDER, History, TrainedModel, train_in_seconds

RESULTS = REFERENCE_FOLDER / "experiments.json"
HOLD_OUT = 5_000
SEEDS = range(10)
FEW_SEEDS = SEEDS[:3]


@dataclass(frozen=True, order=True)
class Run:
    """What distinguishes one training from the others; all else is the recipe of lesson 05.

    Attributes
    ----------
    network : str
        ``"mlp"`` for the network of lesson 04, ``"cnn"`` for that of lesson 08.
    seed : int
        Decides the first weights, the order of the images and the neurons that dropout silences.
    dropout : tuple of float
        The rate of each dropout layer in turn; an empty tuple leaves the network as it is built.
    hold_out : int
        How many of the training images, the last ones, are held out. With 0 the network is watched on the test images
        and trained for `num_epochs`, as in the handout. Otherwise it is watched on those held out, the training stops
        early, and the test images are used once, at the end.
    num_epochs : int
        Length of the training, at most.
    dataset : str
        The name of the digits.
    """

    network: str = "mlp"
    seed: int = 9
    dropout: tuple[float, ...] = (0.5, 0.2)
    hold_out: int = 0
    num_epochs: int = 30
    dataset: str = "MNIST"

    def __str__(self) -> str:
        rates = f", dropout {'/'.join(map(str, self.dropout))}" if self.dropout else ""
        hold_out = f", {self.hold_out:,} images held out" if self.hold_out else ""
        return f"{self.network}, seed {self.seed}{rates}{hold_out}, {self.num_epochs} epochs of {self.dataset}"


@dataclass(frozen=True)
class Result:
    """What came out of one training.

    Attributes
    ----------
    run : Run
        Its description.
    recipe : str
        Tells by which code it was trained; results of another recipe cannot be compared.
    test_accuracy, test_loss : float
        Measured at the end on all test images.
    mistakes : list of int
        Positions of the test images that were read wrongly, ascending.
    history : dict of str to list of float
        ``accuracy``, ``loss``, ``val_accuracy``, ``val_loss``: one number for each epoch. Without held-out images there
        is also ``val_accuracy_even``, the accuracy on every second test image: 0, 2, 4, ...
    """

    run: Run
    recipe: str
    test_accuracy: float
    test_loss: float
    mistakes: list[int]
    history: History


#: In the order in which they are trained: the most important first. Dropout is varied in the first hidden layer, where
#: the handout has 0.5, and once switched off in both.
EXPERIMENTS: dict[str, list[Run]] = {
    "recipe": [Run(seed=seed) for seed in SEEDS],
    "hold-out": [Run(seed=seed, hold_out=HOLD_OUT) for seed in SEEDS],
    "dropout": [
        Run(seed=seed, dropout=dropout)
        for dropout in [(0.0, 0.2), (0.25, 0.2), (0.5, 0.2), (0.75, 0.2), (0.0, 0.0)]
        for seed in FEW_SEEDS
    ],
    "cnn": [Run(network="cnn", dropout=())],
}

#: Files beside the results with the weights of a training, for lesson 08.
WEIGHTS = {EXPERIMENTS["cnn"][0]: "cnn.weights.h5"}


def load_results(runs: Iterable[Run], path: Path = RESULTS) -> list[Result]:
    """Return the recorded results of these trainings.

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
    LookupError
        If one of them was not recorded; the message says which command does that.
    """
    recorded = read_results(path)
    try:
        return [recorded[run] for run in runs]
    except KeyError as error:
        raise LookupError(
            f"No result was recorded for {error.args[0]}. An instructor records it with: python -m course_utils seeds"
        ) from error


def read_results(path: Path = RESULTS) -> dict[Run, Result]:
    """Read all results of a file.

    Parameters
    ----------
    path : Path
        A file that `tools.experiments` has written; one that is not there holds nothing.

    Returns
    -------
    dict of Run to Result
        In the order of the file.
    """
    results = {}
    for row in json.loads(path.read_text(encoding="utf-8")) if path.exists() else []:
        description = row.pop("run")
        run = Run(**{**description, "dropout": tuple(description["dropout"])})
        results[run] = Result(run, **row)
    return results


def load_trained_cnn(dataset: Dataset) -> TrainedModel:
    """Give the network of lesson 08 after a training as long as that of lesson 05.

    Parameters
    ----------
    dataset : Dataset
        The digits of the lesson: the network must have been trained on the same.

    Returns
    -------
    TrainedModel
        For MNIST the one recorded with the course; else one trained on the spot for some 360 steps, which takes
        seconds. A printed line tells which.

    Raises
    ------
    LookupError
        If none was recorded; the message says which command does that.
    """
    if dataset.name != "MNIST":
        return train_in_seconds(dataset, build_cnn, why=f"No CNN was recorded for {dataset.name}")
    (run,) = EXPERIMENTS["cnn"]
    (result,) = load_results([run])
    model = build_cnn()
    model.load_weights(REFERENCE_FOLDER / WEIGHTS[run])
    compile_model(model)
    print(f"Using the CNN recorded with the course ({run.num_epochs} epochs).")
    return TrainedModel(model, result.history)
