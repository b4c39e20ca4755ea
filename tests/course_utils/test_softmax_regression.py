"""The linear baseline: it learns, its order of images follows the seed, and its probabilities are ones."""

import numpy as np

from course_utils import softmax_regression
from course_utils.data import _embedded_digits
from course_utils.preprocessing import one_hot, preprocess_images

DIGITS = _embedded_digits()
VECTORS, ROWS = preprocess_images(DIGITS.train_images), one_hot(DIGITS.train_labels)


def test_it_classifies_nine_of_ten_small_digits_and_repeats_itself():
    weights, biases = softmax_regression.train(VECTORS, ROWS, num_epochs=10, seed=1)
    probabilities = softmax_regression.predict(weights, biases, preprocess_images(DIGITS.test_images))
    assert (probabilities.argmax(axis=1) == DIGITS.test_labels).mean() > 0.9
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5) and weights.dtype == np.float32
    again, other = (softmax_regression.train(VECTORS, ROWS, num_epochs=10, seed=seed)[0] for seed in (1, 2))
    assert np.array_equal(weights, again) and not np.array_equal(weights, other)


def test_one_step_goes_against_the_gradient_of_the_mean_loss():
    weights, biases = softmax_regression.train(VECTORS, ROWS, num_epochs=1, batch_size=len(VECTORS), learning_rate=0.1)
    errors = 0.1 - ROWS
    assert np.allclose(weights, -0.1 * VECTORS.T @ errors / len(errors), atol=1e-6)
    assert np.allclose(biases, -0.1 * errors.mean(axis=0), atol=1e-6)
