"""The networks of the course, as built in the open: 784-512-256-10 in lesson 04, a convolutional one in lesson 10."""

from __future__ import annotations

import logging

import keras

from course_utils import tensorflow_autotune_stall
from course_utils.preprocessing import NUM_CLASSES

NUM_PIXELS = 28 * 28
DROPOUT_RATES = (0.5, 0.2)

tensorflow_autotune_stall.work_around()
# TensorFlow warns that predicting with several networks in a row builds several graphs, as lessons 07 to 10 must.
logging.getLogger("tensorflow").setLevel(logging.ERROR)


def build_model() -> keras.Sequential:
    """Build the multi-layer perceptron of the 2020 handout, with fresh random weights, not yet compiled.

    Returns
    -------
    keras.Sequential
        Input (n, 784) float32 in [0, 1]; output (n, 10) float32, rows of class probabilities. Hidden layers of 512 and
        256 neurons with ReLU, each followed by dropout at `DROPOUT_RATES`; softmax at the end; 535,818 parameters. The
        layers have names, so that a summary prints the same each time.
    """
    return keras.Sequential(
        [
            keras.Input((NUM_PIXELS,), name="pixels"),
            keras.layers.Dense(512, activation="relu", name="hidden_1"),
            keras.layers.Dropout(DROPOUT_RATES[0], name="dropout_1"),
            keras.layers.Dense(256, activation="relu", name="hidden_2"),
            keras.layers.Dropout(DROPOUT_RATES[1], name="dropout_2"),
            keras.layers.Dense(NUM_CLASSES, activation="softmax", name="probabilities"),
        ],
        name="mlp",
    )


def build_cnn() -> keras.Sequential:
    """Build the small convolutional network of lesson 10, with fresh random weights, not yet compiled.

    Returns
    -------
    keras.Sequential
        Input and output are those of `build_model`, so that one can replace the other. Inside, the pixels become a
        picture again; three layers of 16, 32 and 64 kernels of 3 x 3 with ReLU, the first two followed by pooling over
        2 x 2; dropout of 0.5; softmax at the end; 29,066 parameters.
    """
    return keras.Sequential(
        [
            keras.Input((NUM_PIXELS,), name="pixels"),
            keras.layers.Reshape((28, 28, 1), name="picture"),
            keras.layers.Conv2D(16, 3, activation="relu", name="convolution_1"),
            keras.layers.MaxPooling2D(2, name="pooling_1"),
            keras.layers.Conv2D(32, 3, activation="relu", name="convolution_2"),
            keras.layers.MaxPooling2D(2, name="pooling_2"),
            keras.layers.Conv2D(64, 3, activation="relu", name="convolution_3"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dropout(0.5, name="dropout"),
            keras.layers.Dense(NUM_CLASSES, activation="softmax", name="probabilities"),
        ],
        name="cnn",
    )


def compile_model(model: keras.Model, steps_per_execution: int = 1) -> None:
    """Choose loss, optimizer and metric as in the handout: categorical cross-entropy, Adam, accuracy.

    Parameters
    ----------
    model : keras.Model
        Changed in place.
    steps_per_execution : int
        Batches that TensorFlow works through before it returns to Python: the results stay the same and training gets
        faster (lesson 06).
    """
    model.compile(
        loss="categorical_crossentropy",
        optimizer="adam",
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )
