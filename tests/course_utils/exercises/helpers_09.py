"""What the cases use of lesson 09."""

import numpy as np

from course_utils.preprocessing import preprocess_images


def acc(model, images, labels):
    """Return the share of images that the network reads; preprocess only what is uint8."""
    vectors = preprocess_images(images) if images.dtype == np.uint8 else images.reshape(len(images), 784)
    return (model.predict(vectors, verbose=0).argmax(axis=1) == labels).mean()
