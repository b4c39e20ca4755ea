"""What the cases of lesson 10 use."""

from functools import cache

import numpy as np
from scipy.stats import binomtest

from course_utils.exercises.lesson_09 import linear_network
from course_utils.exercises.lesson_10 import shuffled_pixels
from course_utils.preprocessing import one_hot, preprocess_images
from tests.course_utils.exercises.conftest import DIGITS

TRAIN, TEST = preprocess_images(DIGITS.train_images), preprocess_images(DIGITS.test_images)
PLAN = shuffled_pixels.given["plan"].value({})
PLACES = {"plan": PLAN, "tidy": np.arange(784), "back": np.argsort(PLAN), "other": PLAN[::-1]}
LEFT = np.array([[-1, 0, 1]] * 3)
UPPER = LEFT.T


@cache
def net(places="plan", steps=120, loss="categorical_crossentropy", on_test=False, dense=False):
    """Return a network that knows the digits with their pixels moved, as if it had been trained in so many steps."""
    from keras.layers import Conv2D, Flatten, Reshape

    vectors, labels = (TEST, DIGITS.test_labels) if on_test else (TRAIN, DIGITS.train_labels)
    layers = [] if dense else [Reshape((28, 28, 1)), Conv2D(1, 1, kernel_initializer="ones"), Flatten()]
    network = linear_network(vectors[:, PLACES[places]], one_hot(labels), *layers)
    network.compile("adam", loss)
    network.optimizer.iterations.assign(steps)
    return network


def on(vectors, labels=DIGITS.test_labels):
    return (net().predict(vectors, verbose=0).argmax(axis=1) == labels).mean()


def p(one=5, other=12, *side):
    return float(binomtest(one, one + other, 0.5, *side).pvalue)


OWN, CNN = "own_predictions == test_labels", "recorded_predictions == test_labels"
