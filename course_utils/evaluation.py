"""How good a network is, and how certain we can be of it: built in the open in lesson 07."""

from __future__ import annotations


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
    from scipy.stats import binomtest  # here, since it takes a long time to import

    interval = binomtest(num_correct, num_images).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
