"""Exercises of lesson 10: a kernel for left edges, a run on shuffled pixels, and McNemar's test."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2

from course_utils.course import counted
from course_utils.data import Dataset
from course_utils.exercises.answers import close_in_digits
from course_utils.exercises.core import Array, Exercise, Given, Number, Row, num_steps, slips_of
from course_utils.exercises.lesson_09 import can_be_predictions, linear_network, made_predictions, predict
from course_utils.exercises.slips import number_slips
from course_utils.preprocessing import one_hot, preprocess_images

if TYPE_CHECKING:
    import keras

# --- 10.1 ------------------------------------------------------------------------------------------------------------


def _is_zero(*sums: float) -> bool:
    return max(map(abs, sums)) < 1e-5


def _scaled(kernel: NDArray) -> NDArray:
    return kernel / (np.abs(kernel).max() or 1)


def _kernel_mistakes(my_kernel: NDArray) -> Iterator[Row]:
    shape, ask = my_kernel.shape, "How does the lesson write its kernel, as a list of three rows?"
    yield shape == (9,), "has its nine weights in one row, expected shape (3, 3).", ask
    yield shape == (3, 3, 1, 1), "has the shape that Conv2D takes, expected (3, 3).", "Do you need `reshape`?"
    response = "has the shape of the sums that a kernel gives, expected its weights, of shape (3, 3)."
    yield shape == (26, 26), response, "Which nine numbers slide over the image?"
    yield shape != (3, 3), f"has the shape {shape}, expected (3, 3).", ask
    kernel, size = _scaled(my_kernel.astype(float)), np.abs(my_kernel.astype(float)).max()
    yield not kernel.any(), "All weights are 0: this kernel responds to nothing.", "Where should ink count as positive?"
    total, (left, _, right), rows = kernel.sum(), kernel.sum(axis=0), kernel.sum(axis=1)
    # Where only the right column of a patch is ink, or only its left column is paper; upper edges likewise.
    at_left, at_upper = (right, total - left), (rows[2], total - rows[0])
    plain = f"The nine weights add up to {size * total:.3g}, so the kernel responds to plain ink."
    yield not _is_zero(total), plain, "What must the weights add up to if nine equal pixels should give 0?"
    upper = f"This kernel responds to {'upper' if max(at_upper) > 0 else 'lower'} edges and not to left ones."
    along = "Do the weights have to change from row to row, or from column to column?"
    yield _is_zero(*at_left) and not _is_zero(*at_upper), upper, along
    as_well = f"upper or lower edges as well, since a row of it adds up to {size * max(rows, key=abs):.3g}"
    yield not _is_zero(*at_upper), f"The kernel responds to {as_well}.", "What must each row add up to?"
    yield _is_zero(*at_left), "At a straight left edge it gives 0.", "In which column should ink be positive?"
    wrong_sign = "The sign is the wrong way round: it is negative at left edges and positive at right ones."
    yield max(at_left) < 1e-5, wrong_sign, "Is ink on the left or on the right of a left edge?"
    where = "only the right column is ink" if right < 0 else "only the left column is paper"
    negative = f"At a left edge where {where}, it gives {size * min(at_left):.3g}, expected nothing below 0."
    yield min(at_left) < -1e-5, negative, "Which column sees ink first when the kernel comes from the left?"


def _strongest_position(my_kernel: NDArray, image: NDArray) -> str:
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
    response = (windows * _scaled(my_kernel.astype(float))).sum(axis=(2, 3))
    row, column = np.unravel_index(response.argmax(), response.shape)
    return f"In the lesson's image its response is strongest at row {row}, column {column}."


left_edges = Exercise(
    "10.1",
    "Make a kernel for left edges",
    Array(
        "my_kernel",
        "weights of shape (3, 3)",
        mistakes=_kernel_mistakes,
        example=lambda: np.array([[-1, 0, 1]] * 3),
    ),
    given={"image": Given(lambda dataset: preprocess_images(dataset.test_images[:1]).reshape(28, 28))},
    hints=[
        "The lesson's kernel has -1 above and 1 below. Where should they be for a left edge?",
        "Each of the three rows must add up to 0 and begin with a negative weight.",
    ],
    comment=_strongest_position,
)

# --- 10.2 ------------------------------------------------------------------------------------------------------------

_GUESSING = 0.3  # far above one in ten, far below what the worst honest run gave
_NUM_EPOCHS = 10


def _training_mistakes(
    model: keras.Model, plan: NDArray, num_images: int, batch_size: int, accuracy: Callable[[str, str], float]
) -> Iterator[Row]:
    which, again = "Which vectors went into `fit`?", "How often, and how long, did `fit` run after the starter cell?"
    yield not hasattr(model, "predict"), "`few_cnn` is what `fit` returns.", "Which name is before the `=`?"
    has_kernels = any(weights.ndim == 4 for weights in model.get_weights())
    yield not has_kernels, "`few_cnn` has no convolution: no weights with four axes.", "Which helper builds a CNN?"
    loss = getattr(model.loss, "name", getattr(model.loss, "__name__", model.loss))
    other_loss = f"`few_cnn` was compiled with the loss {loss}, expected categorical_crossentropy."
    yield loss not in (None, "categorical_crossentropy"), other_loss, "What does the starter cell compile it with?"
    taken = num_steps(model)
    yield taken == 0, "`few_cnn` has not been trained since it was compiled.", "On which network was `fit` called?"
    wanted = [_NUM_EPOCHS * rounded(num_images / batch_size) for rounded in (math.ceil, math.floor)]
    is_other, steps = taken not in (None, *wanted), f"`few_cnn` took {counted(taken or 0, 'step')}"
    few = f"{steps}, as with {len(plan)} images: few_vectors[plan] picks images, not pixels."
    yield is_other and taken == _NUM_EPOCHS * math.ceil(len(plan) / batch_size), few, "Which axis counts pixels?"
    shuffled, in_place = accuracy("test", "shuffled"), accuracy("test", "in place")
    tidy = "`few_cnn` was trained on pixels in order: it does far better on those than on shuffled ones."
    yield in_place > max(shuffled, _GUESSING), tidy, which
    is_back = shuffled < _GUESSING < accuracy("test", "backwards")
    yield is_back, "`few_cnn` was trained on pixels that were shuffled by the inverse of the plan.", which
    guesses = "`few_cnn` classifies the shuffled test images hardly better than by guessing."
    yield shuffled < _GUESSING, guesses, "Which plan shuffled what `fit` got, and are the labels the right ones?"
    knows = "`few_cnn` does better on the test images than on those that it should learn from."
    yield shuffled > accuracy("train", "shuffled") + 0.05, knows, which
    is_default = is_other and taken == _NUM_EPOCHS * math.ceil(num_images / 32)
    yield is_default, f"{steps}, as in batches of 32, expected batches of {batch_size}.", "What sets the batch size?"
    num_epochs = (taken or 0) * _NUM_EPOCHS / wanted[0]
    epochs = f"{steps}, as in {counted(round(num_epochs), 'epoch')}, expected {_NUM_EPOCHS}, "
    epochs += f"in batches of {batch_size}."
    yield is_other and num_epochs.is_integer(), epochs, again
    yield is_other, f"{steps}, expected {wanted[0]}: {_NUM_EPOCHS} epochs in batches of {batch_size}.", again


def _shuffled_mistakes(
    shuffled_accuracy: float | NDArray,
    model: keras.Model,
    plan: NDArray,
    train_vectors: NDArray,
    one_hot_train_labels: NDArray,
    test_vectors: NDArray,
    one_hot_test_labels: NDArray,
    batch_size: int,
) -> Iterator[Row]:
    places = {"shuffled": plan, "in place": np.arange(len(plan)), "backwards": np.argsort(plan)}
    images = {"train": (train_vectors, one_hot_train_labels), "test": (test_vectors, one_hot_test_labels)}

    @cache
    def accuracy(which: str, order: str) -> float:
        vectors, rows = images[which]
        return (predict(model, vectors[:, places[order]]).argmax(axis=1) == rows.argmax(axis=1)).mean()

    rows = _training_mistakes(model, plan, len(train_vectors), batch_size, accuracy)
    if row := next((row for row in rows if row[0]), None):
        return (yield row)
    share, new = "How do you get a share of correct predictions?", "Which images are new to it?"
    shuffled, about = predict(model, test_vectors[:, plan]), "What did it learn from, and what do you test it on?"
    is_right = shuffled.argmax(axis=1) == one_hot_test_labels.argmax(axis=1)
    right = float(is_right.mean())
    if close_in_digits(shuffled_accuracy, right):
        return
    yield (
        np.shape(shuffled_accuracy) == (2,),
        "Keras' evaluate returns two numbers, loss and accuracy.",
        "Which do you want?",
    )
    yield from slips_of(is_right, "correctly classified images", "share")
    losses = -np.log(np.maximum((shuffled * one_hot_test_labels).sum(axis=1), 1e-30))
    yield from (
        (shuffled, "holds probabilities, expected one number.", share),
        (shuffled.argmax(axis=1), "holds the predicted digits, expected one number.", share),
        (1 - right, "is the share of wrong predictions.", "Which predictions does an accuracy count?"),
        (accuracy("test", "in place"), "is the accuracy on test images with their pixels in order.", about),
        (accuracy("test", "backwards"), "is the accuracy on pixels shuffled by the inverse of the plan.", about),
        (accuracy("train", "shuffled"), "is the accuracy on the images that it learned from.", new),
        (losses.mean(), "is the test loss.", "Which of the two numbers of evaluate is the accuracy?"),
    )
    for name, values in getattr(getattr(model, "history", None), "history", {}).items():
        yield values[-1], f"is {name} of the last epoch, as `fit` returns it.", new
    if isinstance(shuffled_accuracy, float):
        if not close_in_digits(shuffled_accuracy, 1 - right):  # named above
            yield from number_slips(shuffled_accuracy, right, whole=False)
        yield not 0 <= shuffled_accuracy <= 1, "is {value}, expected a number between 0 and 1.", share
        more = "more" if shuffled_accuracy > right else "less"
        measured = f"is {{value}}, {more} than a new measurement of `few_cnn` gives."
        yield True, measured, "Did you train it further after you measured, or measure on other images?"
    yield True, "is {value}, expected one number.", share


def _trained(train_vectors: NDArray, one_hot_train_labels: NDArray, plan: NDArray) -> keras.Model:
    from keras.layers import Conv2D, Flatten, Reshape

    layers = Reshape((28, 28, 1)), Conv2D(1, 1, kernel_initializer="ones"), Flatten()
    network = linear_network(train_vectors[:, plan], one_hot_train_labels, *layers)
    network.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    network.optimizer.iterations.assign(_NUM_EPOCHS * math.ceil(len(train_vectors) / 128))
    return network


shuffled_pixels = Exercise(
    "10.2",
    "Train a CNN on shuffled pixels",
    Number(
        "shuffled_accuracy",
        "a number between 0 and 1",
        mistakes=_shuffled_mistakes,
        example=lambda model, plan, test_vectors, one_hot_test_labels: model.evaluate(
            test_vectors[:, plan], one_hot_test_labels, verbose=0
        )[1],
    ),
    given={
        "plan": Given(lambda: np.random.default_rng(0).permutation(784)),
        "train_vectors": Given(preprocess_images, rows_of="train_images", most=3000),
        "one_hot_train_labels": Given(one_hot, rows_of="train_labels", most=3000),
        "test_vectors": Given(preprocess_images, rows_of="test_images"),
        "one_hot_test_labels": Given(one_hot, rows_of="test_labels"),
        "batch_size": Given(test=lambda batch_size: int(batch_size) == batch_size > 0, example=lambda: 128),
        "model": Given(test=lambda model: hasattr(model, "predict") or hasattr(model, "history"), example=_trained),
    },
    hints=[
        "few_vectors[:, plan] has the pixels of all images shuffled; few_vectors[plan] would be other images.",
        "fit takes few_vectors[:, plan] and few_one_hot, evaluate takes test_vectors[:, plan] and one_hot_test_labels.",
    ],
    comment=lambda shuffled_accuracy: f"{shuffled_accuracy:.1%}: shuffling takes away what the CNN is built on.",
)

# --- 10.3 ------------------------------------------------------------------------------------------------------------


def _count(name: str, who: str, order: int) -> Number:
    """Describe the number of images that only one network gets right: yours, or the recorded one if `order` is -1."""

    def mistakes(own_predictions: NDArray, recorded_predictions: NDArray, test_labels: NDArray) -> Iterator[Row]:
        is_right, other = [each == test_labels for each in (own_predictions, recorded_predictions)][::order]
        only, difference = is_right & ~other, abs(int(is_right.sum()) - int(other.sum()))
        yield np.flatnonzero(only), "holds positions of images, expected their number.", "How many are there?"
        yield from slips_of(only, f"images that only {who} gets right", "number")
        for number, what in (
            (is_right.sum(), f"counts all images that {who} gets right, including those that both get right"),
            ((~other).sum(), "counts all mistakes of the other, including those that both make"),
            ((~is_right).sum(), f"counts all mistakes of {who}"),
            (other.sum(), "counts all images that the other gets right"),
            ((is_right ^ other).sum(), "counts the images that exactly one of them gets right, no matter which"),
            ((other & ~is_right).sum(), "counts the images that only the other gets right"),
            ((is_right & other).sum(), "counts the images that both get right"),
            ((~is_right & ~other).sum(), "counts the images that neither gets right"),
            ((is_right | other).sum(), "counts the images that at least one gets right"),
            (difference, "is the difference between two counts"),
        ):
            yield number, f"{what}.", "How do you write “this one, and not the other”?"

    return Number(
        name,
        "a number of images",
        whole=True,
        expected=lambda own_predictions, recorded_predictions, test_labels: (
            _only_right(own_predictions, recorded_predictions, test_labels)
            if order == 1
            else _only_right(recorded_predictions, own_predictions, test_labels)
        ),
        mistakes=mistakes,
        otherwise=("is {value}, {more} than the right number.", "On which images is one right and the other wrong?"),
    )


def _only_right(predictions: NDArray, other: NDArray, labels: NDArray) -> int:
    return int(((predictions == labels) & (other != labels)).sum())


def _p_value(one: int, other: int, alternative: str = "two-sided") -> float:
    return float(binomtest(one, max(1, one + other), 0.5, alternative=alternative).pvalue)


def _p_mistakes(
    own_p_value: float | NDArray, own_predictions: NDArray, recorded_predictions: NDArray, test_labels: NDArray
) -> Iterator[Row]:
    labels, counts = test_labels, "Which two numbers does the lesson's function mcnemar take?"
    own = _only_right(own_predictions, recorded_predictions, labels)
    recorded = _only_right(recorded_predictions, own_predictions, labels)
    right, num_tosses, apart = _p_value(own, recorded), max(1, own + recorded), abs(own - recorded)
    num_own, num_recorded = (int((each == labels).sum()) for each in (own_predictions, recorded_predictions))
    one_sided = "is one-sided: it counts only one direction", "Do you know beforehand which is better?"
    every = "comes from tossing a coin for every test image", "Which images tell the two networks apart?"
    approximate = (
        "is an approximation (chi-squared, z or t), expected the exact value",
        "Which distribution does mcnemar use?",
    )
    all_counts = "compares all images that each gets right, or all mistakes, including shared ones", counts
    for result, (what, ask) in (
        (1 - right, ("is 1 minus the p-value", "Is a small p-value a sign of chance, or against it?")),
        (_p_value(own, recorded, "less"), one_sided),
        (_p_value(own, recorded, "greater"), one_sided),
        (2 * right, ("is twice the p-value", "Does the test count both directions already?")),
        (binomtest(own, len(labels), 0.5).pvalue, every),
        (binomtest(recorded, len(labels), 0.5).pvalue, every),
        (chi2.sf(apart**2 / num_tosses, 1), approximate),
        (chi2.sf(max(0, apart - 1) ** 2 / num_tosses, 1), approximate),
        (_p_value(num_own, num_recorded), all_counts),
        (_p_value(len(labels) - num_own, len(labels) - num_recorded), all_counts),
        (own / num_tosses, ("is your CNN's share of those that only one gets right, not a p-value", counts)),
        (recorded / num_tosses, ("is the recorded CNN's share of those that only one gets right", counts)),
    ):
        yield result, f"{what}.", ask
    yield own_p_value == 0, "A p-value is never exactly 0.", "Did you round it?"


def _are_own(own_predictions: NDArray, recorded_predictions: NDArray, dataset: Dataset | None) -> bool:
    """Tell whether these can be predictions of another network than the recorded one."""
    is_copy = len(own_predictions) >= 1000 and np.array_equal(own_predictions, recorded_predictions)
    return dataset is None or (can_be_predictions(own_predictions, dataset.test_labels) and not is_copy)


own_against_recorded = Exercise(
    "10.3",
    "Compare your CNN with the recorded one",
    _count("num_only_own", "your CNN", 1),
    _count("num_only_recorded", "the recorded CNN", -1),
    Number(
        "own_p_value",
        "a number between 0 and 1",
        expected=lambda own_predictions, recorded_predictions, test_labels: _p_value(
            _only_right(own_predictions, recorded_predictions, test_labels),
            _only_right(recorded_predictions, own_predictions, test_labels),
        ),
        mistakes=_p_mistakes,
        otherwise=(
            "is {value}, {more} than McNemar's p-value of the right counts.",
            "Which two numbers does the lesson's function mcnemar take?",
        ),
    ),
    given={
        "test_labels": Given(rows_of="test_labels"),
        "own_predictions": Given(test=_are_own, example=lambda dataset: made_predictions(dataset, slice(0, 20))),
        "recorded_predictions": Given(
            test=lambda recorded_predictions, dataset: (
                dataset is None or can_be_predictions(recorded_predictions, dataset.test_labels)
            ),
            example=lambda dataset: made_predictions(dataset, slice(12, 25)),
        ),
    },
    hints=[
        'is_right["CNN"] says where the recorded one is right, and own_predictions == test_labels where yours is.',
        "The lesson's mcnemar takes the two counts, each as a whole number.",
    ],
    comment=lambda num_only_own, num_only_recorded, own_p_value: (
        f"p = {own_p_value:.2g}: tosses of a coin are {'often' if own_p_value >= 0.05 else 'rarely'} as uneven as "
        f"{num_only_own:.0f} against {num_only_recorded:.0f}."
    ),
)
