"""Checks of the exercises of lesson 08: a kernel, a training on shuffled pixels, McNemar's test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from course_utils.exercises.core import Exercise, Wrong, as_array, as_integer, as_number, close, recognise

# --- 08.1 ------------------------------------------------------------------------------------------------------------

_PAPER_LEFT = np.array([[0, 1, 1]] * 3)
_LEFT_BORDERS = {
    "where only the right column is ink": np.array([[0, 0, 1]] * 3),
    "where only the left column is paper": _PAPER_LEFT,
}
_UPPER_BORDERS = {
    "where only the lower row is ink": np.array([[0, 0, 1]] * 3).T,
    "where only the upper row is paper": _PAPER_LEFT.T,
}


def _check_left_borders(my_kernel: object, *, image: NDArray) -> str:
    weights = as_array(my_kernel, "my_kernel")
    if weights.shape != (3, 3):
        raise Wrong(
            f"`my_kernel` has the shape {weights.shape}, expected (3, 3).",
            "How does the lesson write its kernel, as a list of three rows?",
        )
    weights = weights.astype(float)
    if not weights.any():
        raise Wrong("All weights are 0: this kernel responds to nothing.", "Where should ink count as plus?")
    responses = [_sum(weights, border) for border in _LEFT_BORDERS.values()]
    at_upper = [_sum(weights, border) for border in _UPPER_BORDERS.values()]
    if _is_zero(responses, weights) and not _is_zero(at_upper, weights):
        raise Wrong(
            f"This kernel responds to {'upper' if max(at_upper) > 0 else 'lower'} borders and not to left ones.",
            "Do the weights have to change from row to row, or from column to column?",
        )
    if not _is_zero([weights.sum()], weights):
        raise Wrong(
            f"The nine weights add up to {weights.sum():.3g}, so the kernel responds to plain ink.",
            "What must the weights add up to, so that nine equal pixels give 0?",
        )
    if not _is_zero(at_upper, weights):
        raise Wrong(
            "It responds to upper or lower borders as well: along these the three columns see the same, and a row of "
            f"your kernel adds up to {max(weights.sum(axis=1), key=abs):.3g}.",
            "What must each row add up to?",
        )
    if _is_zero(responses, weights):
        raise Wrong(
            "At a straight left border it gives 0.", "Which column of your kernel makes ink on the right count as plus?"
        )
    if max(responses) <= 0:
        raise Wrong(
            "The sign is turned round: it is negative at left borders and positive at right ones.",
            "Is ink on the left or on the right of a left border?",
        )
    if min(responses) < 0 and not _is_zero([min(responses)], weights):
        where = list(_LEFT_BORDERS)[responses.index(min(responses))]
        raise Wrong(
            f"At a left border {where} it gives {min(responses):.3g}, which should not be negative.",
            "Which column sees ink first when the kernel comes from the left, and which last?",
        )
    return _strongest_place(weights, np.asarray(image))


def _sum(weights: NDArray, patch: NDArray) -> float:
    return float((weights * patch).sum())


def _is_zero(sums: list[float], weights: NDArray) -> bool:
    return bool(np.abs(sums).max() < 1e-5 * np.abs(weights).max())


def _strongest_place(weights: NDArray, image: NDArray) -> str:
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
    response = (windows * weights).sum(axis=(2, 3))
    row, column = np.unravel_index(response.argmax(), response.shape)
    return f"In the lesson's image its response is strongest at row {row}, column {column}."


left_borders = Exercise(
    "08.1",
    "Make a kernel for left borders",
    _check_left_borders,
    "The lesson's kernel has its minuses above and its pluses below. Where should they be for a left border?",
    "Each of the three rows must add up to 0, and begin with a minus.",
)

# --- 08.2 ------------------------------------------------------------------------------------------------------------

_GUESSING = 0.3  # far above one in ten, far below what the worst honest training gave


def _check_shuffled_pixels(
    shuffled_accuracy: object,
    *,
    model: object,
    plan: NDArray,
    train_vectors: NDArray,
    one_hot_train_labels: NDArray,
    test_vectors: NDArray,
    one_hot_test_labels: NDArray,
) -> str:
    _explain_no_number(shuffled_accuracy)
    given = as_number(shuffled_accuracy, "shuffled_accuracy")

    def accuracy_on(vectors: NDArray, one_hot_labels: NDArray) -> float:
        return float((_answers(model, vectors) == one_hot_labels.argmax(axis=1)).mean())

    shuffled = accuracy_on(test_vectors[:, plan], one_hot_test_labels)
    in_place = accuracy_on(test_vectors, one_hot_test_labels)
    backwards = accuracy_on(test_vectors[:, np.argsort(plan)], one_hot_test_labels)
    learned = accuracy_on(train_vectors[:, plan], one_hot_train_labels)
    if max(in_place, backwards) > max(shuffled, _GUESSING):
        raise Wrong(
            "`few_cnn` was trained on pixels in their places: it reads those far better than the shuffled ones."
            if in_place > backwards
            else "`few_cnn` was trained on pixels that were shuffled by the plan read backwards.",
            "Which vectors went into fit?",
        )
    if shuffled < _GUESSING:
        raise Wrong(
            f"`few_cnn` reads only {shuffled:.1%} of the shuffled test images, not much more than by guessing.",
            "Was it trained, and do the images that went into fit still belong to their labels, with the pixels of all "
            "of them shuffled by `plan`?",
        )
    if close(given, shuffled, relative=0, absolute=0.6 / len(test_vectors)):
        return f"{shuffled:.1%}: shuffling has taken from the CNN what it is built on."
    recognise(
        given,
        [
            (100 * shuffled, "That is a percentage; an accuracy lies between 0 and 1.", "What is a share?"),
            (1 - shuffled, "That is the share of wrong answers.", "Which of them does an accuracy count?"),
            (
                in_place,
                "That is the accuracy on test images with their pixels in their places.",
                "What did the network learn from, and what must it be asked about?",
            ),
            (learned, "That is the accuracy on the images that it learned from.", "Which images are new to it?"),
        ],
    )
    raise Wrong(
        f"Measured again, `few_cnn` reads {shuffled:.4f} of all shuffled test images, not {given:.4g}.",
        "Was it trained further after you measured, or measured on other images?",
    )


def _explain_no_number(answer: object) -> None:
    if isinstance(answer, (list, tuple)) and len(answer) == 2:
        raise Wrong("evaluate gives two numbers, loss and accuracy.", "Which of the two is wanted?")
    if hasattr(answer, "history"):
        raise Wrong("That is what fit returns, the history of the training.", "Which function measures a network?")


def _answers(model: object, vectors: NDArray) -> NDArray:
    return np.asarray(model.predict(vectors, batch_size=500, verbose=0)).argmax(axis=1)


shuffled_pixels = Exercise(
    "08.2",
    "Train a CNN on shuffled pixels",
    _check_shuffled_pixels,
    "few_vectors[:, plan] has the pixels of all images shuffled; few_vectors[plan] would be other images.",
    "fit takes few_vectors[:, plan] and few_one_hot, evaluate takes test_vectors[:, plan] and one_hot_test_labels.",
)

# --- 08.3 ------------------------------------------------------------------------------------------------------------


def _check_own_against_recorded(
    num_only_own: object,
    num_only_recorded: object,
    own_p_value: object,
    *,
    own_predictions: NDArray,
    recorded_predictions: NDArray,
    test_labels: NDArray,
) -> str:
    labels = np.asarray(test_labels)
    is_own, is_recorded = np.asarray(own_predictions) == labels, np.asarray(recorded_predictions) == labels
    only_own, only_recorded = int((is_own & ~is_recorded).sum()), int((is_recorded & ~is_own).sum())
    given = as_integer(num_only_own, "num_only_own"), as_integer(num_only_recorded, "num_only_recorded")
    if given != (only_own, only_recorded):
        _explain_counts(given, is_own, is_recorded)
    if hasattr(own_p_value, "pvalue"):
        raise Wrong("`own_p_value` is the whole result of the test.", "Which of its attributes is the p-value?")
    p_value = as_number(own_p_value, "own_p_value")
    right = _p_value(only_own, only_recorded)
    if not close(p_value, right, relative=1e-3, absolute=1e-12):
        _explain_p_value(p_value, right, only_own, only_recorded, len(labels))
    told = f"p = {right:.2g}: a fair coin would often be" if right >= 0.05 else f"p = {right:.2g}: a coin is rarely"
    return f"{told} as uneven as {only_own} against {only_recorded}."


def _p_value(one: int, other: int, alternative: str = "two-sided") -> float:
    return float(binomtest(one, max(1, one + other), 0.5, alternative=alternative).pvalue)


def _explain_counts(given: tuple[int, int], is_own: NDArray, is_recorded: NDArray) -> None:
    only_own, only_recorded = int((is_own & ~is_recorded).sum()), int((is_recorded & ~is_own).sum())
    recognise(
        np.array(given),
        [
            (
                [only_recorded, only_own],
                "The two counts are exchanged.",
                "Is your network right in the first, or wrong?",
            ),
            (
                [is_own.sum(), is_recorded.sum()],
                "These are all images that each network reads, also those that both read.",
                "How does one say: this one, and *not* the other?",
            ),
            (
                [(~is_own).sum(), (~is_recorded).sum()],
                "These are the mistakes of each network, also those that both make.",
                "How does one say: this one, and *not* the other?",
            ),
            (
                [(is_own ^ is_recorded).sum()] * 2,
                "That is how many images exactly one of them reads, both counts together.",
                "Which of these does only your network read?",
            ),
        ],
    )
    which, expected, count = (
        ("num_only_own", only_own, given[0]) if given[0] != only_own else ("num_only_recorded", only_recorded, given[1])
    )
    hint = "too many" if count > expected else "too few"
    raise Wrong(
        f"`{which}` is {count:,}, {hint}.",
        "In which images is one network right and the other wrong, if each is compared with test_labels?",
    )


def _explain_p_value(given: float, right: float, only_own: int, only_recorded: int, num_images: int) -> None:
    recognise(
        given,
        [
            (100 * right, "That is a percentage; a p-value lies between 0 and 1.", "What is a share?"),
            (1 - right, "That is 1 minus the p-value.", "Is a small p-value a sign of chance, or against it?"),
            *(
                (
                    _p_value(only_own, only_recorded, side),
                    "That p-value is one-sided: it counts only coins that are uneven in one direction.",
                    "Did you know beforehand which network would be better?",
                )
                for side in ("less", "greater")
            ),
            *(
                (
                    binomtest(count, num_images, 0.5).pvalue,
                    "That tosses a coin for every test image.",
                    "Which images tell the two networks apart?",
                )
                for count in (only_own, only_recorded)
            ),
        ],
    )
    if not 0 <= given <= 1:
        raise Wrong(f"A p-value is a share; {given:.4g} is none.", "What does the lesson's function mcnemar return?")
    raise Wrong(
        f"The two counts are right, but with them McNemar's p-value is not {given:.3g}.",
        "Which two numbers does the lesson's function mcnemar take?",
    )


own_against_recorded = Exercise(
    "08.3",
    "Compare your CNN with the recorded one",
    _check_own_against_recorded,
    'is_right["CNN"] says where the recorded one is right; own_predictions == test_labels says it of yours.',
    "mcnemar of the lesson takes the two counts, each as a whole number.",
)
