"""Exercises of lesson 08: a gain or chance, and how many test images a comparison needs."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Exercise, Given, Number, Row, close, slips_of

_Z, _DIFFERENCE, _NUM_IMAGES = 1.96, 0.002, 10_000


@cache
def _recorded() -> tuple[NDArray, float]:
    """Return the test accuracy of each seed and epoch, and the share of images on which two networks disagree."""
    from course_utils.experiments import EXPERIMENTS, load_results  # which imports Keras

    results = load_results(EXPERIMENTS["recipe"])
    differing = [len({*one.mistakes} ^ {*other.mistakes}) for one, other in combinations(results, 2)]
    accuracies = np.array([result.history["val_accuracy"] for result in results])
    return accuracies, float(np.mean(differing)) / _NUM_IMAGES


def _gains(val_accuracy: NDArray) -> NDArray:
    return val_accuracy[:, 29] - val_accuracy[:, 19]


def _gain_mistakes(mean_gain: float | NDArray, val_accuracy: NDArray) -> list[Row]:
    means, gains = val_accuracy.mean(axis=0), _gains(val_accuracy)
    earlier = means[:20].mean(), means[10:20].mean(), means[19]
    bests = val_accuracy.max(axis=1), val_accuracy[:, 20:].max(axis=1)
    before, after = val_accuracy[:, 19], val_accuracy[:, 29]
    columns, of_what = "Which column holds the first epoch, and which do you compare?", "What is it a mean of?"
    counts = ((gains > 0, "gained"), (gains < 0, "got worse"))
    typical = [(21, 30), (19, 29), (20, 29), (19, 30), (10, 30), (10, 20), (1, 30), (1, 20)]
    of_seeds = val_accuracy.mean(axis=1)
    is_between = np.size(mean_gain) == 1 and (np.abs(of_seeds[:, np.newaxis] - of_seeds - mean_gain) < 1e-9).any()
    return [
        (-gains, "holds the gains with the wrong sign, expected their mean.", "What is subtracted from what?"),
        *((means[j - 1] - means[i - 1], f"is the gain from epoch {i} to {j}.", columns) for i, j in typical),
        *((means[20:].mean() - each, "compares means over several epochs.", columns) for each in earlier),
        (after.mean(), "is the mean accuracy after thirty epochs.", "How much of it was there before?"),
        (before.mean(), "is the mean accuracy after twenty epochs.", "How much was gained from there on?"),
        ((after / before - 1).mean(), "is the relative gain.", "Did you divide or subtract?"),
        *(((best - before).mean(), "takes each seed's best epoch.", "Who chose that epoch?") for best in bests),
        (gains[gains > 0].mean(), "leaves out the seeds that got worse.", of_what),
        (np.abs(gains).mean(), "is the mean of the gains without their signs.", "Did every seed gain?"),
        *((mask.mean(), f"is the share of seeds that {did}.", of_what) for mask, did in counts),
        *((mask.sum(), f"says how many seeds {did}.", of_what) for mask, did in counts),
        *slips_of(gains, "gains", "mean"),
        (is_between and mean_gain != 0, "compares two seeds.", "Which axis of `val_accuracy` is for epochs?"),
    ]


def _error_mistakes(val_accuracy: NDArray) -> list[Row]:
    gains, before, after = _gains(val_accuracy), val_accuracy[:, 19], val_accuracy[:, 29]
    root, deviation = np.sqrt(len(gains)), gains.std(ddof=1)
    one_network = np.sqrt(after.mean() * (1 - after.mean()) / _NUM_IMAGES)
    unpaired = np.sqrt(before.var(ddof=1) + after.var(ddof=1)) / root
    scatter, of_which = "How much does a mean of ten numbers vary?", "Which ten numbers is the mean taken of?"
    under_root, one = "Is n under the root in the standard error?", "How many standard errors are asked for?"
    return [
        (deviation, "is the standard deviation: how far a single gain lies from the mean.", scatter),
        (gains.std(), "is the standard deviation, and without `ddof=1`.", scatter),
        (gains.std() / root, "lacks `ddof=1`, so it is a little too small.", "What does `ddof` do?"),
        *((deviation / np.sqrt(n), f"is divided by √{n}, not √10.", under_root) for n in (9, 30)),
        *(
            (each / 10, "was divided by the number of seeds, not by its square root.", under_root)
            for each in (deviation, gains.std())
        ),
        (gains.var(ddof=1), "is the variance of the gains.", "What is the unit of a variance?"),
        (unpaired, "treats the epochs as different runs.", "What do the two numbers of a seed share?"),
        (after.std(ddof=1) / root, "is the standard error of the accuracy after thirty epochs.", of_which),
        (before.std(ddof=1) / root, "is the standard error of the accuracy after twenty epochs.", of_which),
        *((z * deviation / root, f"is {z} standard errors.", one) for z in (1.645, _Z, 2, 2.262)),
        (gains.mean() / deviation * root, "is the gain in standard errors.", "What did you divide by what?"),
        (gains.mean(), "is the mean of the gains.", "How far off may that mean be?"),
        (gains, "holds the gains themselves.", scatter),
        (one_network, "is the standard error of one network's accuracy on 10,000 images.", of_which),
    ]


tell_gain_from_chance = Exercise(
    "08.1",
    "Tell a gain from chance",
    Number("mean_gain", expected=lambda val_accuracy: _gains(val_accuracy).mean(), mistakes=_gain_mistakes),
    Number(
        "standard_error",
        expected=lambda val_accuracy: _gains(val_accuracy).std(ddof=1) / np.sqrt(len(val_accuracy)),
        mistakes=_error_mistakes,
    ),
    given={"val_accuracy": Given(lambda: _recorded()[0])},
    hints=[
        "`val_accuracy[:, 0]` holds the first epoch of all seeds. Subtract two columns to get ten gains.",
        "The standard error of a mean of n numbers is their standard deviation, with ddof=1, divided by `np.sqrt(n)`.",
    ],
    comment="The gain is four times its standard error: hardly chance, although one of the ten got worse.",
)


def _needed(share_differing: float) -> float:
    return _Z**2 * share_differing / _DIFFERENCE**2


def _needed_mistakes(num_images_needed: float, share_differing: float) -> list[Row]:
    d, h, n, right = share_differing, _DIFFERENCE, _NUM_IMAGES, _needed(share_differing)
    variance = (p := _recorded()[0][:, -1].mean()) * (1 - p)
    missing = {"the share d is": d, "the square of z is": _Z, "the square of the difference is": 1 / h}
    missing |= {"both squares are": _Z / h, "z² is": _Z**2, "z² and the square of the difference are": _Z**2 / h}
    alone = {"computed with p (1 - p) in place of d": 1, "for two networks, each on its own images": 2}
    alone |= {"for an interval of ± 0.1 points around one accuracy": 4}
    root, fraction = "What happens to each factor when you square?", "How much is a point, as a fraction of 1?"
    same, factors = "On what share of the same images do two networks differ?", (1000, 100, 10, 5, 2, 0.5)
    return [
        *((right / k**2, f"is for a difference of {k * h:g}.", fraction) for k in factors),
        *((right / factor, f"In `{{name}}`, {what} missing.", root) for what, factor in missing.items()),
        *((k * _Z**2 * variance / h**2, f"is {what}.", same) for what, k in alone.items()),
        (right * (1 - d), "has d (1 - d) in place of d.", "Which formula does the task give for the error?"),
        (n * right, "takes d as a number of images, not as a share.", "What is divided by 10,000?"),
        (right / n, "says how many times as many images you need.", "How many is that in all?"),
        (n, "is the number of images in MNIST's test set.", "How large is the error with them?"),
        (right - n, "says how many more images you need.", "How many is that in all?"),
        (_Z * np.sqrt(d / n), "is 1.96 standard errors with 10,000 images.", "Which n is needed?"),
        *((right * (z / _Z) ** 2, f"is for z = {z}.", "Which z is asked for?") for z in (1.645, 2.576)),
        (d * n, "is the number of images on which two networks disagree.", "How many must be tested?"),
        (num_images_needed <= 0, "is {value}, not a number of images.", "Which step makes it so small?"),
    ]


def _error_with(num_images_needed: float, share_differing: float) -> tuple[str, str]:
    error = _Z * np.sqrt(share_differing / num_images_needed)
    number = f"{num_images_needed:,.0f}" if 1 <= num_images_needed < 1e12 else f"{num_images_needed:.2g}"
    verdict = "too large" if error > _DIFFERENCE else "smaller than necessary: fewer images are enough"
    message = f"1.96 standard errors with {number} image{'s' * (number != '1')} are {error:.4g}, {verdict}."
    return message, "Which equation says that they equal the difference, and how do you solve it for n?"


count_images_needed = Exercise(
    "08.2",
    "Count the test images for a comparison",
    Number(
        "num_images_needed",
        "a number of images",
        expected=_needed,
        is_right=lambda num_images_needed, share_differing: any(
            close(num_images_needed, _needed(share_differing) * (z / _Z) ** 2, 1e-3) for z in (_Z, 2)
        ),
        mistakes=_needed_mistakes,
        otherwise=_error_with,
    ),
    given={"share_differing": Given(lambda: _recorded()[1])},
    hints=[
        "The standard error of the difference is √(d / n). Write 1.96 √(d / n) = 0.002, and square both sides.",
        "n = z² d / difference², where the difference is a fraction of 1.",
    ],
    comment="That is about as many as MNIST's test set has. For half the difference, you need four times as many.",
)
