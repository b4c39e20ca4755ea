"""What the cases of lesson 11 use: networks, right and wrong, and histories of training runs that never took place."""

from functools import cache

import keras
import numpy as np

from course_utils.preprocessing import one_hot, preprocess_images
from tests.course_utils.exercises.conftest import DIGITS

FEW, FEW_ROWS = preprocess_images(DIGITS.train_images[:1000]), one_hot(DIGITS.train_labels[:1000])
GOOD = {"accuracy": [0.4, 0.7, 0.8], "loss": [1.5, 0.9, 0.6]}
SPEED = keras.optimizers.Adam


@cache
def network(sizes=(512, 256, 10), rates=(0.5, 0.2), activations=("relu", "relu", "softmax"), shape=(784,), bias=True):
    layers = [keras.Input(shape)] + ([keras.layers.Flatten()] if len(shape) > 1 else [])
    for size, activation, rate in zip(sizes, activations, [*rates, None], strict=False):
        layers.append(keras.layers.Dense(size, activation, use_bias=bias))
        layers += [keras.layers.Dropout(rate)] if rate else []
    return keras.Sequential(layers)


def compiled(model=None, *, rate=0.002, loss="categorical_crossentropy", optimizer=SPEED, metric="accuracy", **parts):
    model = model or network(**parts)
    model.compile(optimizer(rate), loss, metrics=[metric])
    return model


def history(model=None, columns=None, epochs=3, steps=8, **options):
    """Return the history of a training run that never took place."""
    made = keras.callbacks.History()
    made.set_model(model or compiled(**options))
    made.history, made.epoch, made.params = GOOD if columns is None else columns, list(range(epochs)), {"steps": steps}
    return made


def fit(vectors=FEW, rows=FEW_ROWS, batch_size=128, epochs=3, **options):
    return compiled(**options).fit(vectors, rows, batch_size=batch_size, epochs=epochs, verbose=0)


def written_out():
    """Return a network with activations as layers of their own, as the handout has them."""
    parts = keras.layers
    hidden = [parts.Dense(512), parts.Activation("relu"), parts.Dropout(0.5), parts.Dense(256), parts.ReLU()]
    layers = [keras.Input((784,)), *hidden, parts.Dropout(0.2), parts.Dense(10), parts.Softmax()]
    return compiled(keras.Sequential(layers), metric="acc")


def gaussian():
    parts = keras.layers
    first = [keras.Input((784,)), parts.Dense(512, "relu"), parts.GaussianDropout(0.5)]
    last = [parts.Dense(256, "relu"), parts.Dropout(0.2), parts.Dense(10, "softmax")]
    return compiled(keras.Sequential(first + last))


def subclass():
    class Network(keras.Model):
        def call(self, pixels):
            return pixels

    return compiled(Network())


def functional():
    pixels = keras.Input((784,))
    first = keras.layers.Dropout(0.5)(keras.layers.Dense(512, "relu")(pixels))
    second = keras.layers.Dropout(0.2)(keras.layers.Dense(256, "relu")(first))
    model = keras.Model(pixels, keras.layers.Dense(10, "softmax")(second))
    return compiled(model, loss=keras.losses.CategoricalCrossentropy())


def p(model, vectors):
    return model.predict(vectors, verbose=0)


def log(*pairs, accuracy=0.927):
    return [(*pair, accuracy) for pair in pairs]


def rows_of(labels):
    return np.eye(10)[labels]
