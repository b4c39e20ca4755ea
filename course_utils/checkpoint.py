"""A checkpoint after every epoch: a training that was stopped, killed or finished continues from its last epoch.

`keras.callbacks.BackupAndRestore` cannot do it: it keeps neither the history nor the state of dropout's random numbers,
and writes weights and epoch number to two files. Here one file has all of it, so a continued training gives, bit for
bit on the same machine, what it would have given in one go. (The order of the images needs no keeping:
after `keras.utils.set_random_seed` it depends on the seed alone, and is the same in every epoch.)
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

from course_utils.course import counted
from course_utils.data import ARRAY_NAMES, Dataset
from course_utils.parameters import check_parameters
from course_utils.training import save_with_json
from course_utils.workspace import workspace_folder, write_remedy

_TRAINING = "training.json"
_WHERE = "The training in the workspace"
Logs = dict[str, float] | None


def keep_each_epoch(dataset: Dataset, *, seed: int, batch_size: int, resume: bool = True) -> keras.callbacks.History:
    """Keep a checkpoint of each epoch in the workspace, and continue from there if it has epochs of this training.

    Parameters
    ----------
    dataset : Dataset
        The digits to learn from; the checkpoint lies in the folder of the dataset, and has the name of the network.
    seed, batch_size : int
        The recipe. A checkpoint with another seed, batch size, number of steps, network, loss, optimizer or other
        digits is not used, and a printed line says so.
    resume : bool
        False starts over.

    Returns
    -------
    keras.callbacks.History
        For ``model.fit(..., callbacks=[...])``, which returns it; its lists begin with the epochs of the checkpoint.
        With as many epochs as `fit` was asked for, there is nothing left to learn; with more, it is not touched, and
        the shorter training begins afresh. If it cannot be written, a printed line says so, and training continues.

    Raises
    ------
    CourseError
        If a parameter cannot be used, or the batch is larger than the data.
    """
    check_parameters(dataset, seed=seed, batch_size=batch_size, resume=resume)
    digits = hashlib.sha256()
    for name in ARRAY_NAMES:
        digits.update(getattr(dataset, name))
    recipe = {"seed": seed, "batch size": batch_size, "digits": digits.hexdigest()}
    return _CheckpointHistory(workspace_folder() / dataset.slug, recipe, resume)


class _CheckpointHistory(keras.callbacks.History):
    def __init__(self, folder: Path, recipe: dict[str, Any], resume: bool) -> None:
        super().__init__()
        self._folder = folder
        self._recipe = recipe
        self._resume = resume

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        self.history: dict[str, list[float]] = {}
        recipe = self._recipe | {
            "number of steps": self.params["steps"],
            "network": _nameless(self.model.get_config()),
            "loss": self.model.loss,
            "optimizer": _nameless(self.model.optimizer.get_config()),
            "version of Keras": keras.__version__,
        }
        # What is read from the file has lists for tuples: compare like with like.
        self._recipe = json.loads(json.dumps(recipe, default=str))
        self._path = self._folder / f"checkpoint_{self.model.name}.keras"
        self._keeps = True
        if self._resume:
            self._continue()
        # What is learned on top of a finished training does not follow from the recipe.
        if not self.epoch and int(self.model.optimizer.iterations) > 0:
            self._keeps = False
            print("This network has been trained before, and learns on from there. For a fresh one, run all cells.")

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        # Keras has read it by now, and would start every later training of this network there as well.
        self.model._initial_epoch = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        super().on_epoch_end(epoch, logs)
        if self._keeps:
            self._save()

    def on_train_end(self, logs: Logs = None) -> None:
        self.model._initial_epoch = None  # where no epoch was left

    def _save(self) -> None:
        random_state = [variable.numpy().tolist() for variable in self._random_state()]
        training = {"recipe": self._recipe, "history": self.history, "random state": random_state}
        try:
            save_with_json(self._path, self.model, _TRAINING, training)
        except OSError as error:
            self._keeps = False
            reason = os.strerror(error.errno) if error.errno else error
            problem = f"The epochs cannot be saved in the workspace ({reason}); the training continues without."
            print(problem, write_remedy(error))

    def _continue(self) -> None:
        """Put network and history into the state of the checkpoint, or say why not."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                # A copy, since another training in the same workspace may replace or remove the file.
                copy = shutil.copy(self._path, folder)
                with zipfile.ZipFile(copy) as archive:
                    if damaged := archive.testzip():
                        raise zipfile.BadZipFile(damaged)
                    training = json.loads(archive.read(_TRAINING))
            except FileNotFoundError:
                return
            except Exception as error:  # a damaged archive makes its readers raise nearly anything
                print(f"{_WHERE} cannot be read ({type(error).__name__}): left aside.")
                return
            num_epochs, num_wanted = len(training["history"]["loss"]), self.params["epochs"]
            finished = counted(num_epochs, "finished epoch")
            if other := [name for name, value in self._recipe.items() if training["recipe"].get(name) != value]:
                print(f"{_WHERE} is another one ({', '.join(other)}): left aside.")
            elif num_epochs > num_wanted:
                self._keeps = False
                print(f"{_WHERE} has {finished}, not {num_wanted}: it stays there, and a fresh one begins.")
            else:
                self.model.optimizer.build(self.model.trainable_variables)
                self.model.load_weights(copy)
                for variable, value in zip(self._random_state(), training["random state"], strict=True):
                    variable.assign(value)
                self.history = training["history"]
                self.epoch = list(range(num_epochs))
                self.model._initial_epoch = num_epochs
                now = "Going on" if num_epochs < num_wanted else "Nothing is left to learn"
                print(f"{now} after {finished}. (To start over: resume = False, then run all cells.)")

    def _random_state(self) -> list[keras.Variable]:
        """Return the variables from which dropout draws its random numbers; Keras does not save them."""
        return [variable for variable in self.model.non_trainable_variables if variable.name == "seed_generator_state"]


def _nameless(config: Any) -> Any:  # noqa: ANN401
    """Drop names, which Keras numbers: a second optimizer of the same kernel is ``adam_1``."""
    if isinstance(config, dict):
        return {key: _nameless(value) for key, value in config.items() if key != "name"}
    return [_nameless(value) for value in config] if isinstance(config, list | tuple) else config
