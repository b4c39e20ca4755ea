"""Images become vectors, labels become one-hot rows."""

import keras
import numpy as np
import pytest

from course_utils.preprocessing import one_hot, preprocess_images

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4) * 11


def test_each_image_becomes_a_row_of_pixels_from_0_to_1_line_by_line():
    before = IMAGES.copy()
    vectors = preprocess_images(IMAGES)
    assert vectors.dtype == np.float32
    assert vectors == pytest.approx(IMAGES.reshape(2, 12) / 255)
    vectors[:] = 7
    assert np.array_equal(IMAGES, before), "the input stays as it was"
    assert preprocess_images(np.array([[[0, 255]]], dtype=np.uint8)).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("images", [IMAGES[0], IMAGES.astype(np.float32) / 255, preprocess_images(IMAGES)])
def test_preprocessed_images_are_refused(images):
    with pytest.raises(ValueError, match="as loaded"):
        preprocess_images(images)


def test_one_hot_rows_are_those_of_keras():
    labels = np.array([5, 0, 4, 1, 9, 2], dtype=np.uint8)
    rows = one_hot(labels)
    assert rows.dtype == np.float32
    assert np.array_equal(rows, keras.utils.to_categorical(labels, 10))


@pytest.mark.parametrize("labels", [[10], [-1], [[1, 2]]])
def test_labels_that_are_not_classes_are_refused(labels):
    with pytest.raises(ValueError, match="classes from 0 to 9"):
        one_hot(np.array(labels))
