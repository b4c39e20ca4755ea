"""Exercises of lesson 08: a kernel for left borders, a training on shuffled pixels, and McNemar's test."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2

from course_utils.data import Dataset
from course_utils.exercises.answers import close_in_digits
from course_utils.exercises.core import Array, Exercise, Given, Number, Row, num_steps, slips_of
from course_utils.exercises.lesson_09 import can_be_predictions, predict
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
    yield shape == (9,), "`{name}` has its nine weights in one row, expected shape (3, 3).", ask
    yield shape == (3, 3, 1, 1), "`{name}` has the shape that Conv2D takes, expected (3, 3).", "Is `reshape` needed?"
    response = "`{name}` has the shape of the sums that a kernel gives, expected its weights, of shape (3, 3)."
    yield shape == (26, 26), response, "Which nine numbers slide over the image?"
    yield shape != (3, 3), f"`{{name}}` has the shape {shape}, expected (3, 3).", ask
    kernel = _scaled(my_kernel.astype(float))
    yield not kernel.any(), "All weights are 0: this kernel responds to nothing.", "Where should ink count as plus?"
    total, (left, _, right), (_, _, below) = kernel.sum(), kernel.sum(axis=0), kernel.sum(axis=1)
    rows, size = kernel.sum(axis=1), np.abs(my_kernel.astype(float)).max()
    # Where only the right column of a patch is ink, or only its left column is paper; upper borders likewise.
    at_left, at_upper = (right, total - left), (below, total - rows[0])
    plain = f"The nine weights add up to {size * total:.3g}, so the kernel responds to plain ink."
    yield not _is_zero(total), plain, "What must the weights add up to, so that nine equal pixels give 0?"
    upper = f"This kernel responds to {'upper' if max(at_upper) > 0 else 'lower'} borders and not to left ones."
    along = "Do the weights have to change from row to row, or from column to column?"
    yield _is_zero(*at_left) and not _is_zero(*at_upper), upper, along
    as_well = "It responds to upper or lower borders as well: along these the three columns see the same, and a row of "
    as_well += f"your kernel adds up to {size * max(rows, key=abs):.3g}."
    yield not _is_zero(*at_upper), as_well, "What must each row add up to?"
    nothing = "At a straight left border it gives 0."
    yield _is_zero(*at_left), nothing, "Which column of your kernel makes ink on the right count as plus?"
    turned = "The sign is the wrong way round: it is negative at left borders and positive at right ones."
    yield max(at_left) < 1e-5, turned, "Is ink on the left or on the right of a left border?"
    where = "only the right column is ink" if right < 0 else "only the left column is paper"
    negative = f"At a left border where {where} it gives {size * min(at_left):.3g}, which should not be negative."
    order = "Which column sees ink first when the kernel comes from the left, and which last?"
    yield min(at_left) < -1e-5, negative, order


def _strongest_place(my_kernel: NDArray, image: NDArray) -> str:
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
    response = (windows * _scaled(my_kernel.astype(float))).sum(axis=(2, 3))
    row, column = np.unravel_index(response.argmax(), response.shape)
    return f"In the lesson's image its response is strongest at row {row}, column {column}."


left_borders = Exercise(
    "10.1",
    "Make a kernel for left borders",
    Array(
        "my_kernel",
        "weights of shape (3, 3)",
        mistakes=_kernel_mistakes,
        example=lambda: np.array([[-1, 0, 1]] * 3),
    ),
    given={"image": Given(lambda dataset: preprocess_images(dataset.test_images[:1]).reshape(28, 28))},
    hints=[
        "The lesson's kernel has its minuses above and its pluses below. Where should they be for a left border?",
        "Each of the three rows must add up to 0, and begin with a minus.",
    ],
    comment=_strongest_place,
)

# --- 10.2 ------------------------------------------------------------------------------------------------------------

_GUESSING = 0.3  # far above one in ten, far below what the worst honest training gave
_NUM_EPOCHS = 10


def _training_mistakes(
    model: keras.Model,
    plan: NDArray,
    num_images: int,
    batch_size: int,
    accuracy: Callable[[str, str], float],
) -> Iterator[Row]:
    which, again = "Which vectors went into `fit`?", "How often did `fit` run since the starter cell, and how long?"
    returned = "`few_cnn` is what `fit` returns, expected the network."
    yield not hasattr(model, "predict"), returned, "What stands before the `=`?"
    dense = "`few_cnn` has no convolution: no weights with four axes."
    yield all(weights.ndim < 4 for weights in model.get_weights()), dense, "Which helper builds a CNN?"
    loss = getattr(model.loss, "name", getattr(model.loss, "__name__", model.loss))
    other_loss = f"`few_cnn` was compiled with the loss {loss}, expected categorical_crossentropy."
    yield loss not in (None, "categorical_crossentropy"), other_loss, "What does the starter cell compile it with?"
    taken = num_steps(model)
    yield taken == 0, "`few_cnn` has not been trained since it was compiled.", "On which network was `fit` called?"
    wanted = [_NUM_EPOCHS * rounded(num_images / batch_size) for rounded in (math.ceil, math.floor)]
    is_other, steps = taken not in (None, *wanted), f"`few_cnn` took {taken} steps"
    few = f"{steps}, as with {len(plan)} images: few_vectors[plan] picks images, not pixels."
    yield is_other and taken == _NUM_EPOCHS * math.ceil(len(plan) / batch_size), few, "Which axis counts pixels?"
    shuffled, in_place = accuracy("test", "shuffled"), accuracy("test", "in place")
    tidy = "`few_cnn` was trained on pixels in their places: it reads those far better than the shuffled ones."
    yield in_place > max(shuffled, _GUESSING), tidy, which
    backwards = "`few_cnn` was trained on pixels that were shuffled by the plan read backwards."
    yield shuffled < _GUESSING < accuracy("test", "backwards"), backwards, which
    guesses = "`few_cnn` reads the shuffled test images hardly better than by guessing."
    belong = "Do the images in `fit` still belong to their labels, with the pixels of all shuffled by `plan`?"
    yield shuffled < _GUESSING, guesses, belong
    knows = "`few_cnn` knows the test images better than those that it should learn from."
    yield shuffled > accuracy("train", "shuffled") + 0.05, knows, which
    of_keras = f"{steps}, as in batches of 32, expected batches of {batch_size}."
    is_default = is_other and taken == _NUM_EPOCHS * math.ceil(num_images / 32)
    yield is_default, of_keras, "Which argument of `fit` sets them?"
    num_epochs = (taken or 0) * _NUM_EPOCHS / wanted[0]
    epochs = f"{steps}, as in {num_epochs:.0f} epoch{'s' * (num_epochs > 1)}, expected {_NUM_EPOCHS}."
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

    @cache
    def accuracy(images: str, order: str) -> float:
        is_train = images == "train"
        vectors, rows = (train_vectors, one_hot_train_labels) if is_train else (test_vectors, one_hot_test_labels)
        return (predict(model, vectors[:, places[order]]).argmax(axis=1) == rows.argmax(axis=1)).mean()

    labels, share = one_hot_test_labels.argmax(axis=1), "How do you make a share of right answers?"
    rows = _training_mistakes(model, plan, len(train_vectors), batch_size, accuracy)
    if row := next((row for row in rows if row[0]), None):
        yield row
        return
    shuffled = predict(model, test_vectors[:, plan])
    is_right = shuffled.argmax(axis=1) == labels
    right = float(is_right.mean())
    if close_in_digits(shuffled_accuracy, right):
        return
    about, new = "What did it learn from, and what must it be asked about?", "Which images are new to it?"
    yield np.shape(shuffled_accuracy) == (2,), "evaluate gives two numbers, loss and accuracy.", "Which one is wanted?"
    yield shuffled, "`{name}` holds probabilities, expected one number.", share
    yield shuffled.argmax(axis=1), "`{name}` holds the digits that the network reads, expected one number.", share
    yield from slips_of(is_right, "images read correctly", "share")
    yield 1 - right, "`{name}` is the share of wrong answers.", "Which of them does an accuracy count?"
    tidy = "`{name}` is the accuracy on test images with their pixels in their places."
    yield accuracy("test", "in place"), tidy, about
    backwards = "`{name}` is the accuracy on pixels shuffled by the plan read backwards."
    yield accuracy("test", "backwards"), backwards, about
    yield accuracy("train", "shuffled"), "`{name}` is the accuracy on the images that it learned from.", new
    losses = -np.log(np.maximum(shuffled[np.arange(len(labels)), labels], 1e-7))
    yield losses.mean(), "`{name}` is the test loss.", "Which of the two numbers of evaluate is the accuracy?"
    for name, values in getattr(getattr(model, "history", None), "history", {}).items():
        yield values[-1], f"`{{name}}` is {name} of the last epoch, as `fit` returns it.", new
    if isinstance(shuffled_accuracy, float):
        if not close_in_digits(shuffled_accuracy, 1 - right):  # told above
            yield from number_slips(shuffled_accuracy, right, whole=False)
        outside = "`{name}` is {value}, but an accuracy lies between 0 and 1."
        yield not 0 <= shuffled_accuracy <= 1 and shuffled_accuracy != 100 * right, outside, share
        more = "more" if shuffled_accuracy > right else "less"
        measured = f"`{{name}}` is {{value}}, {more} than comes out if `few_cnn` is measured again."
        yield True, measured, "Was it trained further after you measured, or measured on other images?"
    yield True, "`{name}` is {value}, expected one number.", share


def _trained(train_vectors: NDArray, one_hot_train_labels: NDArray, plan: NDArray, batch_size: int) -> keras.Model:
    from course_utils.model import build_cnn, compile_model

    compile_model(model := build_cnn())
    model.fit(train_vectors[:, plan], one_hot_train_labels, batch_size=batch_size, epochs=_NUM_EPOCHS, verbose=0)
    return model


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
    comment=lambda shuffled_accuracy: f"{shuffled_accuracy:.1%}: shuffling has taken from the CNN what it is built on.",
)

# --- 10.3 ------------------------------------------------------------------------------------------------------------


def _count_mistakes(count: float | NDArray, who: str, is_right: NDArray, is_other_right: NDArray) -> Iterator[Row]:
    only, both_ways = is_right & ~is_other_right, "How do you say: this one, and *not* the other?"
    yield np.flatnonzero(only), "`{name}` holds the positions of the images, expected how many.", "How many are they?"
    yield from slips_of(only, f"images that only {who} reads", "number")
    yield is_right.sum(), f"`{{name}}` counts all images that {who} reads, also those that both read.", both_ways
    yield (~is_other_right).sum(), "`{name}` counts all mistakes of the other, also those that both make.", both_ways
    yield (~is_right).sum(), f"`{{name}}` counts all mistakes of {who}.", both_ways
    yield is_other_right.sum(), "`{name}` counts all images that the other one reads.", both_ways
    yield (is_right ^ is_other_right).sum(), "`{name}` counts the images that exactly one reads, whichever.", both_ways
    yield (
        (is_other_right & ~is_right).sum(),
        "`{name}` counts those that only the other reads.",
        "Where does `~` stand?",
    )
    yield (is_right & is_other_right).sum(), "`{name}` counts the images that both read.", both_ways
    yield (~is_right & ~is_other_right).sum(), "`{name}` counts the images that neither reads.", both_ways
    yield (is_right | is_other_right).sum(), "`{name}` counts the images that at least one reads.", both_ways
    difference = "`{name}` is the difference of two counts."
    yield abs(int(is_right.sum()) - int(is_other_right.sum())), difference, "Which images are behind each of them?"
    if isinstance(count, float):
        outside = f"`{{name}}` is {{value}}, but there are {len(only):,} test images."
        yield not 0 <= count <= len(only), outside, "What did you count, and over what?"


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
    right, num_tosses = _p_value(own, recorded), max(1, own + recorded)
    yield 1 - right, "`{name}` is 1 minus the p-value.", "Is a small p-value a sign of chance, or against it?"
    one_sided = "`{name}` is one-sided: it counts only coins that are uneven in one direction."
    for side in ("less", "greater"):
        yield _p_value(own, recorded, side), one_sided, "Did you know beforehand which network would be better?"
    yield 2 * right, "`{name}` is twice the p-value.", "Does the test count both directions already?"
    for count in (own, recorded):
        every = "`{name}` comes from a coin that is tossed for every test image."
        yield binomtest(count, len(labels), 0.5).pvalue, every, "Which images tell the two networks apart?"
    for distance in (abs(own - recorded), max(0, abs(own - recorded) - 1)):
        approximate = "`{name}` is the p-value of the chi-squared approximation, expected the exact one."
        yield chi2.sf(distance**2 / num_tosses, 1), approximate, "Which distribution does mcnemar of the lesson use?"
    one, other = (int((predictions == labels).sum()) for predictions in (own_predictions, recorded_predictions))
    all_counts = "`{name}` compares all that each network reads, or all its mistakes, also those in common."
    yield _p_value(one, other), all_counts, counts
    yield _p_value(len(labels) - one, len(labels) - other), all_counts, counts
    yield own / num_tosses, "`{name}` is the share of your CNN in those that only one reads, not a p-value.", counts
    yield recorded / num_tosses, "`{name}` is the share of the recorded CNN in those that only one reads.", counts
    if isinstance(own_p_value, float):
        yield own_p_value == 0, "A p-value is never exactly 0.", "Was it rounded?"
        outside = "`{name}` is {value}, but a p-value lies between 0 and 1."
        is_percentage = abs(own_p_value - 100 * right) < 0.1 * right
        yield not 0 <= own_p_value <= 1 and not is_percentage, outside, "What does mcnemar of the lesson return?"


def _made_predictions(dataset: Dataset, first: int, last: int) -> NDArray:
    labels, places = dataset.test_labels.astype(int), np.arange(len(dataset.test_labels))
    return np.where((places >= first) & (places < last), (labels + 1) % 10, labels)


_MORE_OR_LESS = (
    "`{name}` is {value}, {more} than there are.",
    "In which images is one network right and the other wrong, if each is compared with test_labels?",
)


own_against_recorded = Exercise(
    "10.3",
    "Compare your CNN with the recorded one",
    Number(
        "num_only_own",
        "a number of images",
        whole=True,
        expected=lambda own_predictions, recorded_predictions, test_labels: _only_right(
            own_predictions, recorded_predictions, test_labels
        ),
        mistakes=lambda num_only_own, own_predictions, recorded_predictions, test_labels: _count_mistakes(
            num_only_own, "your CNN", own_predictions == test_labels, recorded_predictions == test_labels
        ),
        otherwise=_MORE_OR_LESS,
    ),
    Number(
        "num_only_recorded",
        "a number of images",
        whole=True,
        expected=lambda own_predictions, recorded_predictions, test_labels: _only_right(
            recorded_predictions, own_predictions, test_labels
        ),
        mistakes=lambda num_only_recorded, own_predictions, recorded_predictions, test_labels: _count_mistakes(
            num_only_recorded, "the recorded CNN", recorded_predictions == test_labels, own_predictions == test_labels
        ),
        otherwise=_MORE_OR_LESS,
    ),
    Number(
        "own_p_value",
        "a number between 0 and 1",
        expected=lambda own_predictions, recorded_predictions, test_labels: _p_value(
            _only_right(own_predictions, recorded_predictions, test_labels),
            _only_right(recorded_predictions, own_predictions, test_labels),
        ),
        mistakes=_p_mistakes,
        otherwise=(
            "`{name}` is {value}, {more} than McNemar's p-value of the right counts.",
            "Which two numbers does the lesson's function mcnemar take?",
        ),
    ),
    given={
        "test_labels": Given(rows_of="test_labels"),
        "own_predictions": Given(
            test=lambda own_predictions, dataset: (
                dataset is None or can_be_predictions(own_predictions, dataset.test_labels)
            ),
            example=lambda dataset: _made_predictions(dataset, 0, 20),
        ),
        "recorded_predictions": Given(
            test=lambda recorded_predictions, dataset: (
                dataset is None or can_be_predictions(recorded_predictions, dataset.test_labels)
            ),
            example=lambda dataset: _made_predictions(dataset, 12, 25),
        ),
    },
    hints=[
        'is_right["CNN"] says where the recorded one is right; own_predictions == test_labels says it of yours.',
        "mcnemar of the lesson takes the two counts, each as a whole number.",
    ],
    comment=lambda num_only_own, num_only_recorded, own_p_value: (
        f"p = {own_p_value:.2g}: a fair coin would {'often' if own_p_value >= 0.05 else 'rarely'} be as uneven as "
        f"{num_only_own:.0f} against {num_only_recorded:.0f}."
    ),
)
