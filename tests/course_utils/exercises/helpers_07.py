"""What the cases of lesson 07 use: the confusion matrix of made-up predictions."""

import numpy as np


def table(test_labels, predictions):
    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (test_labels, predictions), 1)
    return confusion


def mistakes(test_labels, predictions):
    return table(test_labels, predictions) * (1 - np.eye(10, dtype=int))
