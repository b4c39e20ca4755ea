"""What the cases use of lesson 06. Trainings take a moment: a small network that over-fits within some epochs."""

from functools import cache

import keras
import numpy as np

from course_utils.preprocessing import one_hot, preprocess_images
from tests.course_utils.exercises.cases import example
from tests.course_utils.exercises.conftest import DIGITS

VECTORS, ROWS = preprocess_images(DIGITS.train_images), one_hot(DIGITS.train_labels)
TEST, TEST_ROWS = preprocess_images(DIGITS.test_images), one_hot(DIGITS.test_labels)
N = len(VECTORS) - 500
SHORT = {"epochs": 2, "callbacks": []}  # for what is said before anyone asks when it stopped


def network(loss="categorical_crossentropy", metrics=("accuracy",)):
    keras.utils.set_random_seed(9)
    layers = [keras.Input((784,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential(layers)
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(0.02), metrics=list(metrics))
    model.optimizer.build(model.trainable_variables)
    return model


@cache
def shared():
    """Return one network for all cases, since each new one is compiled for a second, and what it starts from."""
    model = network()
    return model, [np.array(variable) for variable in model.variables + model.optimizer.variables]


def fresh():
    model, start = shared()
    keras.utils.set_random_seed(9)
    for variable, value in zip(model.variables + model.optimizer.variables, start, strict=True):
        variable.assign(value)
    return model


def stopper(**options):
    return keras.callbacks.EarlyStopping(**{"patience": 3, "restore_best_weights": True, **options})


def fit(model=None, vectors=VECTORS, rows=ROWS, **options):
    """Train as the task asks, but for what the options say."""
    usual = {"validation_split": 500 / len(VECTORS), "batch_size": 128, "epochs": 60, "callbacks": [stopper()]}
    return (model or fresh()).fit(vectors, rows, **{**usual, "verbose": 0, **options})


def held_out(vectors, rows, /, **options):
    return fit(validation_split=0.0, validation_data=(vectors, rows), **options)


def batches():
    return [(VECTORS[i : min(i + 128, N)], ROWS[i : min(i + 128, N)]) for i in range(0, N, 128)]


def from_dataset():
    import tensorflow as tf

    learned = tf.data.Dataset.from_tensor_slices((VECTORS[:N], ROWS[:N])).batch(128)
    return held_out(VECTORS[N:], ROWS[N:], vectors=learned, rows=None, batch_size=None, shuffle=False)


def from_generator():
    endless = (batch for _ in range(1000) for batch in batches())
    options = {"rows": None, "batch_size": None, "steps_per_epoch": 8, "shuffle": False}
    return held_out(VECTORS[N:], ROWS[N:], vectors=endless, **options)


def trained_twice(which):
    model = fresh()
    return [fit(model, **SHORT), fit(model, **SHORT)][which]


def recompiled():
    """Return a training of a network that has learned, whose optimizer does not know of it."""
    model = fresh()
    fit(model, epochs=10, callbacks=[])
    model.optimizer.iterations.assign(0)
    return fit(model, **SHORT)


def changed(num_epochs=None, steps=None, **columns):
    """Return the right history with other columns."""
    right, history = example("06.1")[0][0], keras.callbacks.History()
    history.set_model(right.model)
    history.history, history.params = {**right.history, **columns}, dict(right.params)
    history.epoch = list(range(num_epochs or len(right.epoch)))
    history.params["steps"] = steps or right.params["steps"]
    return history


LEARNED = {"vectors": VECTORS[:N], "rows": ROWS[:N]}
