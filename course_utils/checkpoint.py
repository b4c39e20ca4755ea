"""A training that survives: every finished epoch is kept on disk, and the next `fit` goes on from there.

Keras' own `keras.callbacks.BackupAndRestore` writes the weights to one file and the number of the epoch to another,
keeps no history, and forgets which random numbers dropout would have drawn next. So here it is Keras' history itself
that keeps network, optimizer, random state and history in one file, which appears whole or not at all.

What comes after going on is, bit for bit on the same machine, what would have come without the interruption: after
`keras.utils.set_random_seed` Keras shuffles the images into an order that depends on the seed alone, the same one in
every epoch; everything else that changes while training is in the file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import keras

from course_utils.data import ARRAY_NAMES, Dataset
from course_utils.workspace import atomic_path, workspace_folder, write_remedy

FILE_NAME = "unfinished.keras"
_TRAINING = "training.json"  # beside the members that Keras writes into the archive
Logs = dict[str, float] | None


def keep_each_epoch(dataset: Dataset, *, seed: int, batch_size: int, resume: bool = True) -> keras.callbacks.History:
    """Keep what is learned in each epoch in the workspace, and go on from there if a training was not finished.

    Parameters
    ----------
    dataset : Dataset
        The digits to learn from; what is kept lies in the folder of the dataset.
    seed, batch_size : int
        The recipe. What another seed, batch size, number of steps, network, loss or optimizer has left, or a training
        on other digits, is not gone on with, and a line says so.
    resume : bool
        False goes on with nothing.

    Returns
    -------
    keras.callbacks.History
        For ``model.fit(..., callbacks=[...])``, which returns it; its lists begin with the epochs before the
        interruption. After the last epoch that `fit` was asked for, the file is removed: a finished training is for
        `course_utils.training.save_trained_model` to keep. Where the file cannot be written, a line says so, and the
        training goes on.

    Raises
    ------
    OSError
        If there is no workspace folder and it cannot be created.
    """
    digits = hashlib.sha256()
    for name in ARRAY_NAMES:
        digits.update(getattr(dataset, name))
    recipe = {"seed": seed, "batch size": batch_size, "digits": digits.hexdigest()}
    return _KeptHistory(workspace_folder() / dataset.slug / FILE_NAME, recipe, resume)


class _KeptHistory(keras.callbacks.History):
    def __init__(self, path: Path, recipe: dict[str, Any], resume: bool) -> None:
        super().__init__()
        self._path = path
        self._recipe = recipe
        self._resume = resume

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        self.history = {}
        recipe = self._recipe | {
            "number of steps": self.params["steps"],
            "network": _nameless(self.model.get_config()),
            "loss": self.model.loss,
            "optimizer": _nameless(self.model.optimizer.get_config()),
            "version of Keras": keras.__version__,
        }
        # What comes back from the file has no tuples: compare like with like.
        self._recipe = json.loads(json.dumps(recipe, default=str))
        if self._resume:
            self._go_on()
        # What is learned on top of a finished training does not follow from the recipe.
        self._keeps = bool(self.epoch) or int(self.model.optimizer.iterations) == 0
        if not self._keeps:
            print("This network has been trained before, and learns on from there. For a fresh one, run all cells.")

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        # Keras has read it by now, and would begin every later training of this network there, too.
        self.model._initial_epoch = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        super().on_epoch_end(epoch, logs)
        if self._keeps and len(self.epoch) < self.params["epochs"]:
            self._keep()

    def on_train_end(self, logs: Logs = None) -> None:
        if self._keeps and len(self.epoch) >= self.params["epochs"]:
            self._path.unlink(missing_ok=True)

    def _keep(self) -> None:
        training = {
            "recipe": self._recipe,
            "history": self.history,
            "random state": [variable.numpy().tolist() for variable in self._random_state()],
        }
        try:
            self._path.parent.mkdir(exist_ok=True)
            with atomic_path(self._path) as temporary:
                self.model.save(temporary)
                with zipfile.ZipFile(temporary, "a") as archive:
                    archive.writestr(_TRAINING, json.dumps(training))
        except OSError as error:
            self._keeps = False
            reason = os.strerror(error.errno) if error.errno else error
            print(
                f"The epochs cannot be kept in the workspace ({reason}); the training goes on without. "
                f"{write_remedy(error)}"
            )

    def _go_on(self) -> None:
        """Put network and history into the state of the last epoch that was kept, or say why not."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                # Of a file that others may replace or remove: who trains in the same workspace at the same time.
                copy = shutil.copy(self._path, folder)
                with zipfile.ZipFile(copy) as archive:
                    if damaged := archive.testzip():
                        raise zipfile.BadZipFile(damaged)
                    training = json.loads(archive.read(_TRAINING))
            except FileNotFoundError:
                return
            except Exception as error:  # a damaged archive makes its readers raise nearly anything
                print(f"The unfinished training in the workspace cannot be read ({type(error).__name__}): left aside.")
                return
            num_epochs = len(training["history"]["loss"])
            other = [name for name, value in self._recipe.items() if training["recipe"].get(name) != value]
            if other:
                print(f"The unfinished training in the workspace is another one ({', '.join(other)}): left aside.")
            elif num_epochs >= self.params["epochs"]:
                print(f"The unfinished training in the workspace has {num_epochs} epochs already: left aside.")
            else:
                self._restore(copy, training)
                print(
                    f"Going on after {num_epochs} finished epochs. (To begin anew: resume = False, then run all cells.)"
                )

    def _restore(self, path: str, training: dict[str, Any]) -> None:
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.load_weights(path)
        for variable, value in zip(self._random_state(), training["random state"], strict=True):
            variable.assign(value)
        self.history = training["history"]
        self.epoch = list(range(len(self.history["loss"])))
        self.model._initial_epoch = len(self.epoch)

    def _random_state(self) -> list[keras.Variable]:
        """Return what dropout draws its random numbers from; Keras does not save it."""
        return [variable for variable in self.model.non_trainable_variables if variable.name == "seed_generator_state"]


def _nameless(config: Any) -> Any:  # noqa: ANN401
    """Drop names, which Keras numbers: a second optimizer of the same kernel is ``adam_1``."""
    if isinstance(config, dict):
        return {key: _nameless(value) for key, value in config.items() if key != "name"}
    return [_nameless(value) for value in config] if isinstance(config, list | tuple) else config
