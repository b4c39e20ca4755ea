"""What the cases of lesson 09 use."""

import numpy as np
from scipy.ndimage import shift  # noqa: F401 - a case moves images with it

from course_utils.preprocessing import preprocess_images


def acc(model, images, labels):
    """Return the share of correctly classified images; preprocess only what is uint8."""
    vectors = preprocess_images(images) if images.dtype == np.uint8 else images.reshape(len(images), 784)
    return (model.predict(vectors, verbose=0).argmax(axis=1) == labels).mean()


def moved(change):
    """Return a function with the parameters of the exercise."""
    return lambda images, num_pixels: change(images, num_pixels)


def there(images):
    return np.roll(images, 3, axis=2)


def overwrites(images, num_pixels):
    images[:] = np.roll(images, num_pixels, axis=2)
    return images


def starter(images, num_pixels):
    """Move images to the right."""
    return ...
