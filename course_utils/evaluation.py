"""How good a network is, and how certain we can be about that: built in the open in lesson 07."""

from __future__ import annotations

import math

Z_95 = 1.959964  # the standard normal distribution has 95% of its mass within this many standard deviations


def accuracy_interval(num_correct: int, num_images: int) -> tuple[float, float]:
    """Give the 95% confidence interval of an accuracy measured on a finite number of images.

    Parameters
    ----------
    num_correct : int
        Images that were classified correctly.
    num_images : int
        Images that were classified.

    Returns
    -------
    (low, high) : tuple of float
        Wilson's score interval, in fractions of 1.

    Raises
    ------
    ValueError
        If there are no images, or more correct ones than images.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
    Statistical Association 22 (1927) 209-212.
    """
    if not 0 <= num_correct <= num_images or num_images == 0:
        raise ValueError(f"{num_correct} correct of {num_images} images is not an accuracy: check the two counts.")
    fraction = num_correct / num_images
    denominator = 1 + Z_95**2 / num_images
    centre = (fraction + Z_95**2 / (2 * num_images)) / denominator
    half_width = Z_95 / denominator * math.sqrt(fraction * (1 - fraction) / num_images + (Z_95 / (2 * num_images)) ** 2)
    return max(0.0, centre - half_width), min(1.0, centre + half_width)  # rounding may go beyond
