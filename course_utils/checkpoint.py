"""A checkpoint after every epoch: training that was stopped, killed or finished continues from its last epoch.

`keras.callbacks.BackupAndRestore` cannot do this: it saves neither the history nor the state of dropout's random number
generator, and it writes weights and epoch number to two files. Here one file holds everything, so training that is
resumed gives, bit for bit on the same machine, what uninterrupted training gives. (The order of the images need not be
saved: after `keras.utils.set_random_seed` it depends on the seed alone, and is the same in every epoch.)
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
_WHERE = "The checkpoint in the workspace"
Logs = dict[str, float] | None


def keep_each_epoch(dataset: Dataset, *, seed: int, batch_size: int, resume: bool = True) -> keras.callbacks.History:
    """Save a checkpoint after each epoch, and continue from the one in the workspace if it fits this training.

    Parameters
    ----------
    dataset : Dataset
        The digits to learn from. The checkpoint is in the folder of the dataset and is named after the network.
    seed, batch_size : int
        The recipe. A checkpoint with another seed, batch size, number of steps, network, loss, optimizer or other
        digits is not used, and a printed line says so.
    resume : bool
        False starts over.

    Returns
    -------
    keras.callbacks.History
        For ``model.fit(..., callbacks=[...])``, which returns it; its lists begin with the epochs of the checkpoint.
        If the checkpoint has as many epochs as `fit` asks for, nothing is left to train; if it has more, it is kept,
        and training starts afresh. If it cannot be written, a printed line says so, and training continues.

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
        # JSON has lists where Python has tuples: compare like with like.
        self._recipe = json.loads(json.dumps(recipe, default=str))
        self._path = self._folder / f"checkpoint_{self.model.name}.keras"
        self._keeps = True
        if self._resume:
            self._continue()
        # What is learned on top of finished training does not follow from the recipe.
        if not self.epoch and int(self.model.optimizer.iterations) > 0:
            self._keeps = False
            print("This network has been trained before and continues from there. To train a fresh one, run all cells.")

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
            problem = f"The checkpoint cannot be saved in the workspace ({reason}); training continues without one."
            print(problem, write_remedy(error))

    def _continue(self) -> None:
        """Restore network and history from the checkpoint, or print why not."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                # A copy, since training in another notebook may replace or remove the file.
                copy = shutil.copy(self._path, folder)
                with zipfile.ZipFile(copy) as archive:
                    if damaged := archive.testzip():
                        raise zipfile.BadZipFile(damaged)
                    training = json.loads(archive.read(_TRAINING))
            except FileNotFoundError:
                return
            except Exception as error:  # a damaged archive makes its readers raise nearly anything
                print(f"{_WHERE} cannot be read ({type(error).__name__}), so it is not used.")
                return
            num_epochs, num_wanted = len(training["history"]["loss"]), self.params["epochs"]
            finished = counted(num_epochs, "finished epoch")
            if other := [name for name, value in self._recipe.items() if training["recipe"].get(name) != value]:
                print(f"{_WHERE} comes from a run with a different {' and '.join(other)}, so it is not used.")
            elif num_epochs > num_wanted:
                self._keeps = False
                print(f"{_WHERE} has {finished}, more than {num_wanted}. It is kept, and this training starts afresh.")
            else:
                self.model.optimizer.build(self.model.trainable_variables)
                self.model.load_weights(copy)
                for variable, value in zip(self._random_state(), training["random state"], strict=True):
                    variable.assign(value)
                self.history = training["history"]
                self.epoch = list(range(num_epochs))
                self.model._initial_epoch = num_epochs
                now = "Continuing" if num_epochs < num_wanted else "Nothing is left to train"
                print(f"{now} after {finished}. (To start over, set resume = False, then run all cells.)")

    def _random_state(self) -> list[keras.Variable]:
        """Return the variables from which dropout draws its random numbers; Keras does not save them."""
        return [variable for variable in self.model.non_trainable_variables if variable.name == "seed_generator_state"]


def _nameless(config: Any) -> Any:  # noqa: ANN401
    """Drop names, which Keras numbers: a second optimizer of the same kernel is ``adam_1``."""
    if isinstance(config, dict):
        return {key: _nameless(value) for key, value in config.items() if key != "name"}
    return [_nameless(value) for value in config] if isinstance(config, list | tuple) else config
