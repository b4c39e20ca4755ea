"""What the cases use of lesson 06: made-up predictions of the UCI digits, and the ten trainings that were recorded."""

import numpy as np

from course_utils.evaluation import accuracy_interval


def table(test_labels, predictions):
    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (test_labels, predictions), 1)
    return confusion


def mistakes(test_labels, predictions):
    return table(test_labels, predictions) * (1 - np.eye(10, dtype=int))


def with_wilson(p=0.9844, half_width=0.001):
    sizes = np.arange(50_000, 70_000)
    widths = [np.subtract(*accuracy_interval(p * size, size)[::-1]) / 2 for size in sizes]
    return sizes[np.argmin(np.abs(np.array(widths) - half_width))]
