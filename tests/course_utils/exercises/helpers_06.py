"""What the cases of lesson 06 use. Few runs, of a small network, and each is made once; a case changes a copy."""

from functools import cache

import keras
import numpy as np

from course_utils.exercises import lesson_06
from course_utils.preprocessing import one_hot, preprocess_images
from tests.course_utils.exercises.conftest import DIGITS

VECTORS, ROWS = preprocess_images(DIGITS.train_images), one_hot(DIGITS.train_labels)
TEST, TEST_ROWS = preprocess_images(DIGITS.test_images), one_hot(DIGITS.test_labels)
N = len(VECTORS) - 500
EVERY = {"epochs": 5, "validation_split": 0.0}  # trains on all images, as 06.3 asks


def network(loss="categorical_crossentropy", metrics=("accuracy",)):
    keras.utils.set_random_seed(9)
    layers = [keras.Input((784,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(0.02), metrics=list(metrics))
    return model


def stopper(**options):
    return keras.callbacks.EarlyStopping(**{"patience": 3, "restore_best_weights": True, **options})


def fit(early=None, model=None, vectors=VECTORS, rows=ROWS, **options):
    """Train as 06.1 asks, but for what the options say, and return both answers."""
    early = early or stopper()
    usual = {"validation_split": 500 / len(VECTORS), "batch_size": 128, "epochs": 60, "callbacks": [early]}
    return early, (model or network()).fit(vectors, rows, **{**usual, "verbose": 0, **options})


@cache
def trained():
    return fit()


@cache
def scaled():
    return fit(**EVERY)[1]


@cache
def not_paired():
    return fit(rows=ROWS[::-1], **EVERY)[1]


def changed(history, model=None, epochs=None, params=(), **columns):
    """Return a copy of a history with other columns; a column that is None is left out."""
    copy = keras.callbacks.History()
    copy.set_model(model or history.model)
    copy.history = {name: values for name, values in {**history.history, **columns}.items() if values is not None}
    copy.epoch, copy.params = list(range(epochs or len(history.epoch))), {**history.params, **dict(params)}
    return copy


def measured_on(vectors, rows, **options):
    """Return the right training, with a `val_loss` that is lowest, in the right epoch, on these images."""
    early, history = trained()
    best, loss = int(np.argmin(history.history["val_loss"])), lesson_06._losses(history.model, vectors, rows).mean()
    val_loss = [float(loss) + 0.01 * abs(epoch - best) for epoch in history.epoch]
    return early, changed(history, **{"val_loss": val_loss, **options})


def said_of(early=None, **changes):
    """Return the right answers, one of them changed."""
    right, history = trained()
    return early or right, changed(history, **changes)


def other_stopper(**options):
    """Return a training run that another callback ended."""
    early, history = stopper(**options), trained()[1]
    early.set_model(history.model)
    early.stopped_epoch = len(history.epoch) - 1
    return early, history


def from_dataset():
    import tensorflow as tf

    learned = tf.data.Dataset.from_tensor_slices((VECTORS[:N], ROWS[:N])).batch(128)
    options = {"validation_split": 0.0, "validation_data": (VECTORS[N:], ROWS[N:]), "batch_size": None}
    return fit(vectors=learned, rows=None, shuffle=False, **options)


def taken(history, num_steps, rate=0.001):
    """Return a history whose network has taken `num_steps` steps, whatever the history says, with a learning rate."""
    model = keras.models.clone_model(history.model)
    model.compile(loss=history.model.loss, optimizer=keras.optimizers.Adam(rate))
    model.set_weights(history.model.get_weights())
    model.optimizer.iterations.assign(num_steps)
    return changed(history, model=model)


def trained_on(vectors):
    return fit(vectors=vectors, **EVERY)[1]


def short(history, *shares):
    """Return a history of few epochs whose val_loss ends where the network stands."""
    val_loss = [share * history["val_loss"][-1] for share in shares]
    return {name: [0.3] * len(shares) for name in history} | {"val_loss": val_loss}
