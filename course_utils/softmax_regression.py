"""A classifier without a hidden layer, trained by gradient descent: built in the open in lesson 05.

It is the linear baseline that a network must beat.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BATCH_SIZE = 128
LEARNING_RATE = 0.5
SEED = 9


def train(
    vectors: NDArray[np.float32], one_hot_labels: NDArray[np.float32], num_epochs: int = 5
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Train softmax regression on the cross-entropy, from weights of 0, in shuffled mini-batches.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, num_pixels)
        Pixels between 0 and 1.
    one_hot_labels : ndarray of float32, shape (n, num_classes)
        A row with a single 1 for each vector.
    num_epochs : int
        Passes over the vectors, in an order that the seed of lesson 05 decides; a last batch may be smaller.

    Returns
    -------
    (weights, biases) : tuple of ndarray of float32, shapes (num_pixels, num_classes) and (num_classes,)
        For `predict`. With the default, and MNIST, they are those of lesson 05.
    """
    random = np.random.default_rng(SEED)
    weights: NDArray = np.zeros((vectors.shape[1], one_hot_labels.shape[1]), np.float32)
    biases: NDArray = np.zeros(one_hot_labels.shape[1], np.float32)
    for _ in range(num_epochs):
        order = random.permutation(len(vectors))
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            errors = (predict(weights, biases, vectors[batch]) - one_hot_labels[batch]) / len(batch)
            weights = weights - LEARNING_RATE * (vectors[batch].T @ errors)
            biases = biases - LEARNING_RATE * errors.sum(axis=0)
    return weights, biases


def predict(weights: NDArray, biases: NDArray, vectors: NDArray) -> NDArray:
    """Return the probabilities that softmax regression gives to each class.

    Parameters
    ----------
    weights, biases : ndarray, shapes (num_pixels, num_classes) and (num_classes,)
        From `train`.
    vectors : ndarray, shape (n, num_pixels)
        Pixels between 0 and 1.

    Returns
    -------
    ndarray, shape (n, num_classes)
        Rows that add up to 1.
    """
    sums = vectors @ weights + biases
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
