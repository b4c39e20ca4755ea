"""What cannot be preprocessed is rejected; lessons 02 and 03 show that the rest is right."""

import numpy as np
import pytest

from course_utils.preprocessing import one_hot, preprocess_images

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4) * 11


@pytest.mark.parametrize("images", [IMAGES[0], IMAGES.astype(np.float32) / 255, preprocess_images(IMAGES)])
def test_preprocessed_images_are_rejected(images):
    with pytest.raises(ValueError, match="as loaded"):
        preprocess_images(images)


@pytest.mark.parametrize("labels", [[10], [-1], [[1, 2]]])
def test_labels_that_are_not_classes_are_rejected(labels):
    with pytest.raises(ValueError, match="classes from 0 to 9"):
        one_hot(np.array(labels))
