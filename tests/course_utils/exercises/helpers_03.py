"""What the cases of lesson 03 use."""

import numpy as np


def filled(value):
    """Return a function that makes rows of zeros, as the lesson does, and lets `value(rows, labels)` fill them."""

    def one_hot(labels, num_classes):
        rows = np.zeros((len(labels), num_classes))
        value(rows, labels)
        return rows

    return one_hot


def on_eye(change):
    return lambda labels, num_classes: change(np.eye(num_classes)[labels], labels)


def changes_labels(labels, num_classes):
    rows = np.eye(num_classes)[labels]
    labels[:] = 0
    return rows


def no_return(labels, num_classes):
    np.eye(num_classes)[labels]


def ellipsis_left(labels, num_classes):
    rows = np.eye(num_classes)[labels]
    rows.sum()
    return ...


def starter(labels, num_classes):
    rows = ...
    return rows


def returns_in_loop(labels, num_classes):
    rows = np.zeros((len(labels), num_classes))
    for number, label in enumerate(labels):
        rows[number, label] = 1
        return rows


def single_row(labels, num_classes):
    row = np.zeros(num_classes)
    row[labels] = 1
    return row


def overflows(labels, num_classes):
    rows = np.zeros(len(labels) * num_classes)
    rows[(np.arange(len(labels)).astype("uint8") * np.uint8(num_classes % 256) + labels).astype(int)] = 1
    return rows.reshape(len(labels), num_classes)


def asserts(labels, num_classes):
    assert num_classes == 10


def leaves(labels, num_classes):
    raise SystemExit


def prints(labels, num_classes):
    print("a student may print")
    return [[1 if place == label else 0 for place in range(num_classes)] for label in labels]


def by_keras(labels, num_classes):
    import keras

    return keras.ops.one_hot(labels, num_classes)
