"""A classifier without a hidden layer, trained by gradient descent: built in the open in lesson 05.

It is the linear baseline that a network must beat.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def train(
    vectors: NDArray[np.float32],
    one_hot_labels: NDArray[np.float32],
    num_epochs: int = 5,
    batch_size: int = 128,
    learning_rate: float = 0.5,
    seed: int = 9,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Train softmax regression on the cross-entropy, from weights of 0, in shuffled mini-batches.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, num_pixels)
        Pixels between 0 and 1.
    one_hot_labels : ndarray of float32, shape (n, num_classes)
        A row with a single 1 for each vector.
    num_epochs, batch_size, learning_rate
        As chosen in lesson 05; the last batch of an epoch may be smaller.
    seed : int
        Decides the order of the vectors.

    Returns
    -------
    (weights, biases) : tuple of ndarray of float32, shapes (num_pixels, num_classes) and (num_classes,)
        For `predict`. With the defaults, on the 60,000 images of MNIST, as in lesson 05.
    """
    random = np.random.default_rng(seed)
    weights: NDArray = np.zeros((vectors.shape[1], one_hot_labels.shape[1]), np.float32)
    biases: NDArray = np.zeros(one_hot_labels.shape[1], np.float32)
    for _ in range(num_epochs):
        order = random.permutation(len(vectors))
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            errors = (predict(weights, biases, vectors[batch]) - one_hot_labels[batch]) / len(batch)
            weights = weights - learning_rate * (vectors[batch].T @ errors)
            biases = biases - learning_rate * errors.sum(axis=0)
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
