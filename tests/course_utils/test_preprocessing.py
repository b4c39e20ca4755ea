"""Contracts of course_utils.preprocessing."""

import numpy as np
import pytest

from course_utils.preprocessing import one_hot, preprocess_images

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4) * 11


def test_each_image_becomes_a_row_read_line_by_line():
    vectors = preprocess_images(IMAGES)
    assert vectors.shape == (2, 12)
    assert vectors[1, 2 * 4 + 3] == pytest.approx(IMAGES[1, 2, 3] / 255)


def test_pixels_end_as_float32_between_0_and_1():
    vectors = preprocess_images(np.array([[[0, 255]]], dtype=np.uint8))
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[0.0, 1.0]]


def test_the_images_stay_as_they_were():
    before = IMAGES.copy()
    preprocess_images(IMAGES)[:] = 7
    assert np.array_equal(IMAGES, before)


@pytest.mark.parametrize("images", [IMAGES[0], IMAGES.astype(np.float32) / 255, preprocess_images(IMAGES)])
def test_images_already_preprocessed_are_refused(images):
    with pytest.raises(ValueError, match="as loaded"):
        preprocess_images(images)


def test_one_hot_has_a_single_one_where_the_label_says():
    rows = one_hot(np.array([3, 0, 9], dtype=np.uint8))
    assert rows.shape == (3, 10)
    assert rows.dtype == np.float32
    assert rows.argmax(axis=1).tolist() == [3, 0, 9]
    assert rows.sum(axis=1).tolist() == [1, 1, 1]


def test_one_hot_is_what_keras_makes_of_the_labels():
    import keras

    labels = np.array([5, 0, 4, 1, 9, 2])
    assert np.array_equal(one_hot(labels), keras.utils.to_categorical(labels, 10))


@pytest.mark.parametrize("labels", [[10], [-1], [[1, 2]]])
def test_labels_that_are_no_classes_are_refused(labels):
    with pytest.raises(ValueError, match="classes from 0 to 9"):
        one_hot(np.array(labels))
