"""Exercises of lesson 05: a gradient by nudging, the largest learning rate, a line of the backward pass."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Array, Exercise, Function, Given, Number, Row, close
from course_utils.preprocessing import one_hot, preprocess_images

_CENTRE, _EDGE, _NUM_IMAGES, _BIAS = 14 * 28 + 14, 4 * 28 + 20, 1000, 3.0
_GIVEN = {
    "batch_vectors": Given(
        lambda rows: preprocess_images(rows).astype(float), rows_of="train_images", most=_NUM_IMAGES
    ),
    "batch_labels": Given(lambda rows: one_hot(rows).astype(float), rows_of="train_labels", most=_NUM_IMAGES),
}


def _probabilities(sums_of_one: NDArray) -> NDArray:
    """Return the probability of a 1 where the nine other sums are 0."""
    return 1 / (1 + 9 * np.exp(-sums_of_one))


def _loss(sums_of_one: NDArray, is_one: NDArray) -> float:
    return float((np.logaddexp(np.log(9), sums_of_one) - is_one * sums_of_one).mean())


# --- 05.1 ------------------------------------------------------------------------------------------------------------


def _gradient_at(bias: float, batch_vectors: NDArray, batch_labels: NDArray, weight: float = -4.0) -> float:
    return float((_probabilities(bias + weight * batch_vectors[:, _CENTRE]) - batch_labels[:, 1]).mean())


def _bias_mistakes(batch_vectors: NDArray, batch_labels: NDArray) -> Iterator[Row]:
    centre, is_one = batch_vectors[:, _CENTRE], batch_labels[:, 1]
    gradient = _gradient_at(_BIAS, batch_vectors, batch_labels)

    def loss(bias: float, weight: float = -4.0) -> float:
        return _loss(weight * centre + bias, is_one)

    distance, which = "By which distance do you divide the difference?", "Which number do you nudge, and from where?"
    yield gradient / 2, "is half the gradient.", distance
    yield -gradient, "has the wrong sign.", "Which of the two losses is subtracted from the other?"
    yield -2 * gradient, "has the wrong sign and is twice as large as the gradient.", distance
    yield -gradient / 2, "has the wrong sign and is half as large as the gradient.", distance
    yield 0.0, "is 0, as if the loss were flat there.", "Is the nudge so small that both losses are equal?"
    yield _BIAS, "is the bias itself, expected the slope of the loss.", which
    yield -4.0, "is the weight itself, expected the slope of the loss.", which
    yield gradient * len(centre), "is the sum over all images, not the mean.", "What is the loss a mean of?"
    yield loss(_BIAS), "is the loss where the bias is 3, expected its slope there.", "How does it change nearby?"
    yield loss(0), "is the loss where the bias is 0, expected a slope.", "How does the loss change nearby?"
    for bias, weight in list(product((_BIAS, 0.0, 1.0, 2.0, 4.0, -3.0, -4.0), (-4.0, -2.0, 0.0, 2.0, 4.0)))[1:]:
        there = f"is the gradient where the bias is {bias:g} and the weight is {weight:g}."
        yield _gradient_at(bias, batch_vectors, batch_labels, weight), there, "Which two does the task ask for?"
    slope = ((_probabilities(-2 * centre) - is_one) * centre).mean()
    yield slope, "is the lesson's slope, for weight -2 and no bias.", which
    yield 100 * gradient, "is a hundred times too large.", distance
    errors = _probabilities(_BIAS - 4 * centre) - is_one
    yield (errors * centre).mean(), "is the gradient with respect to the weight, not the bias.", which
    yield (errors.mean()) / 10, "is a tenth of the gradient: a mean over all ten digits.", "Which digit is asked for?"
    for digit in sorted({*range(10)} - {1}):
        other = ((1 - errors - is_one) / 9 - batch_labels[:, digit]).mean()
        yield other, f"is the mean error of digit {digit}, expected that of 1.", which
    yield (errors + is_one).mean(), "is the mean probability of a 1; the labels are missing.", which
    yield np.abs(errors).mean(), "is the mean size of the errors: their signs were lost.", "Can errors cancel?"
    for nudge in (1.0, 0.5, 0.1, 0.05, 0.01, 0.001, 1e-4, 1e-5, 1e-6):
        up, down, here = loss(_BIAS + nudge), loss(_BIAS - nudge), loss(_BIAS)
        size = f"a nudge of {nudge:g}"
        for one_sided, side in (((up - here) / nudge, "up"), ((here - down) / nudge, "down")) if nudge > 1e-4 else ():
            message = f"comes from {size} in one direction only, {side}: that is the slope at a point nearby."
            yield _unless_close(one_sided, gradient), message, "Can you nudge in both directions?"
        message = f"comes from {size}, which is too far for the slope at a point."
        yield _unless_close((up - down) / (2 * nudge), gradient), message, "What if the nudge is smaller?"
        yield (up - down) / nudge, "is twice the gradient: the two biases are two nudges apart.", distance
        if not 1e-5 < nudge < 0.5:
            continue
        order = "In what order does Python calculate, and what do parentheses change?"
        yield up - down / (2 * nudge), "In `{name}`, only the second loss is divided.", order
        yield (up - down) / 2 * nudge, "is divided by 2, and then multiplied by the nudge.", order
        yield (up - down) / 2, f"is half the difference of two losses, with {size}.", distance
        for difference in (up - down, up - here, here - down):
            yield difference, f"is how much the loss changes with {size}, not yet divided.", distance
            yield -difference, f"is how much the loss changes with {size}, undivided and negative.", distance


def _unless_close(value: float, right: float) -> float:
    """Return the value that a mistake gives, or NaN, which matches nothing, if that is close enough to be right."""
    return value if abs(value - right) > 5e-4 * abs(right) else np.nan


nudge_a_bias = Exercise(
    "05.1",
    "Find a gradient by nudging",
    Number(
        "bias_gradient",
        expected=lambda batch_vectors, batch_labels: _gradient_at(_BIAS, batch_vectors, batch_labels),
        mistakes=_bias_mistakes,
    ),
    given=_GIVEN,
    hints=[
        "As in the lesson, nudge up and down. Divide the difference of the losses by the distance between the biases.",
        "`loss_with_bias(3 + nudge)` is one of the two losses, and the two biases are `2 * nudge` apart.",
    ],
    comment="By the formula, it is the mean error: a bias is a weight whose input is always 1.",
)

# --- 05.2 ------------------------------------------------------------------------------------------------------------

_START, _NUM_STEPS, _MARGIN, _SLOW = (-3.0, 3.0), 100, 0.001, 10.0


def _final_loss(learning_rate: float, pixels: NDArray, is_one: NDArray, num_steps: int = _NUM_STEPS) -> float:
    """Return the largest loss among the last ten steps: a path that jumps may come near the lowest by chance."""
    weights, losses = np.array(_START), []
    for _ in range(num_steps):
        weights = weights - learning_rate * ((_probabilities(pixels @ weights) - is_one) @ pixels) / len(pixels)
        losses.append(_loss(pixels @ weights, is_one))
    return max(losses[-10:])


def _arrives(rate: float, batch_vectors: NDArray, batch_labels: NDArray) -> bool:
    pixels, is_one = batch_vectors[:, [_CENTRE, _EDGE]], batch_labels[:, 1]
    return rate > 0 and _final_loss(rate, pixels, is_one) < _final_loss(_SLOW, pixels, is_one, 3 * _NUM_STEPS) + _MARGIN


def _is_largest(largest_rate: float | NDArray, batch_vectors: NDArray, batch_labels: NDArray) -> bool:
    if not isinstance(largest_rate, float):
        return False
    rates = (largest_rate, largest_rate / 0.9 + 1e-3)  # a tenth too small is close enough
    return [_arrives(rate, batch_vectors, batch_labels) for rate in rates] == [True, False]


def _rate_mistakes(largest_rate: float | NDArray, batch_vectors: NDArray, batch_labels: NDArray) -> Iterator[Row]:
    rate, given = largest_rate, (batch_vectors, batch_labels)
    if not isinstance(rate, float):
        yield np.size(rate) == 2, "holds two numbers, expected one learning rate.", "Is it a point or a rate?"
        return
    yield rate <= 0, "is not above 0: such a step does not go downhill.", "In which direction does a step go?"
    slow = "With {value}, 100 steps are too short to reach the bottom."
    jumps = "With {value}, the path jumps across the valley and does not reach the bottom."
    if not _arrives(rate, *given):
        yield rate < _SLOW, slow, "What happens with a larger learning rate?"
        yield True, jumps, "What is the loss at each of the last ten points?"
    larger = "With {value}, the path reaches the bottom, but a rate 10% larger reaches it as well."
    yield True, larger, "Up to which learning rate does the path still reach the bottom?"


def _example_rate(batch_vectors: NDArray, batch_labels: NDArray) -> float:
    rates = _SLOW * 1.05 ** np.arange(25)
    return float(max(rate for rate in rates if _arrives(rate, batch_vectors, batch_labels)))


largest_rate = Exercise(
    "05.2",
    "Find the largest learning rate",
    Number("largest_rate", is_right=_is_largest, mistakes=_rate_mistakes, example=_example_rate),
    given=_GIVEN,
    hints=[
        "`path[-10:]` are the last ten points. How large is `loss_of_two` there, and how large with learning rate 10?",
        "Try 10, 20, 40. Then look between the last one that reaches the bottom and the first one that does not.",
    ],
    comment="Just below the limit the path zigzags, so the best learning rate is smaller than the largest.",
)

# --- 05.3 ------------------------------------------------------------------------------------------------------------


def _errors_of_first(second_errors: NDArray, second_weights: NDArray, first_hidden: NDArray) -> NDArray:
    return (second_errors @ second_weights.T) * (first_hidden > 0)


def _error_mistakes(
    result: NDArray, right: NDArray, second_errors: NDArray, second_weights: NDArray, first_hidden: NDArray
) -> Iterator[Row]:
    errors, weights, hidden = second_errors, second_weights, first_hidden
    passed, mask = errors @ weights.T, hidden > 0
    relu = "What is the slope of ReLU where it gave 0, and where it gave more?"
    line, shape = "Which line of `backward` does the same, one layer on?", "What shape does `first_hidden` have?"
    yield passed, "lets errors pass where ReLU gave 0: the slope of ReLU is missing.", relu
    yield mask, "gives only the slope of ReLU.", "Where do the errors of the second layer come in?"
    yield passed * hidden, "multiplies by what ReLU gave, not by its slope.", relu
    yield passed * ~mask, "lets errors pass where ReLU gave 0 and stops the others.", relu
    yield -right, "has the wrong sign.", "Is anything subtracted in the backward pass?"
    yield -passed, "has the wrong sign, and the slope of ReLU is missing.", relu
    yield np.maximum(0, passed), "applies ReLU to the errors, expected its slope at the values.", relu
    decides = "Which numbers decide what ReLU stops?"
    for positive in (passed * (passed > 0), np.maximum(0, errors) @ weights.T):
        yield positive * mask, "loses the negative errors.", decides
    yield np.maximum(0, errors) @ weights.T, "loses the negative errors.", decides
    for slope, what in ((hidden * (1 - hidden), "sigmoid"), (1 - hidden**2, "tanh")):
        yield passed * slope, f"multiplies by the slope of {what}, expected that of ReLU.", relu
    for limit in (0.1, 0.5, 1.0):
        yield passed * (hidden > limit), f"stops errors where ReLU gave {limit:g} or less.", relu
    yield passed + mask, "adds the slope of ReLU to the errors.", "What does the chain rule do along a path?"
    already = "images; the errors have already been divided by it"
    for number, what in (
        (len(hidden), already),
        (hidden.shape[1], "neurons"),
        (errors.shape[1], "neurons that follow"),
    ):
        divided = f"divides by the number of {what}."
        yield right / number, divided, line
        yield passed / number, divided + " The slope of ReLU is missing, too.", line
    yield right * len(hidden), "multiplies by the number of images.", line
    yield right.mean(axis=0), "is a mean over the images, expected a row for each.", shape
    yield right.sum(axis=0), "is a sum over the images, expected a row for each.", shape
    yield passed.sum(axis=0), "is a sum over the images, expected a row for each.", shape
    yield hidden.T @ errors, "is the gradient of `second_weights`, expected the errors of the layer.", line
    yield errors.T @ hidden, "is the gradient of `second_weights`, with rows and columns swapped.", line
    yield hidden @ weights, "gives the sums of the second layer, as in the forward pass.", line
    yield errors, "returns the errors of the second layer.", "How do they reach the first?"
    yield hidden, "returns what the first layer gave.", line
    yield weights, "returns `second_weights`.", line
    yield right.T, "has a row for each neuron, expected one for each image.", shape
    yield passed.T, "has a row for each neuron, and the slope of ReLU is missing.", shape
    yield right != 0, "says where an error arrives, not how large it is.", "Did you compare something?"
    yield np.sign(right), "gives only the signs of the errors.", line
    yield np.abs(right), "has lost the signs of the errors.", line
    yield right**2, "squares the errors.", line
    if errors.shape[1] == weights.shape[0]:
        yield (errors @ weights) * mask, "uses `second_weights` as in the forward pass.", shape
        yield errors @ weights, "uses `second_weights` as in the forward pass, without ReLU.", shape
        yield (
            errors * mask,
            "gives the errors of the second layer where ReLU gave more than 0.",
            "Where are the weights?",
        )
        second = "stops errors of the second layer, expected those of the first."
        for stopped in ((errors * mask) @ weights.T, passed * (errors > 0)):
            yield stopped, second, "Which numbers does `backward` multiply by the slope?"
        for wrong_way in (weights @ errors, weights.T @ errors, errors.T @ weights, errors.T @ weights.T):
            for other in (wrong_way, wrong_way * mask):
                yield other, "does not multiply the two matrices as the backward pass does.", line
        by_entry = "multiplies entry by entry, expected the matrix product."
        for wrong in (errors * weights.T, errors * weights):
            yield wrong * mask, by_entry, "Which operator does `backward` use for it?"
            yield wrong, by_entry, "Which operator does `backward` use for it?"
    factor = (result * right).sum() / (right**2).sum()
    yield factor != 0 and close(result, factor * right), f"is {factor:.3g} times the right errors.", line


_random = np.random.default_rng(6187)  # gives each call zeros and small numbers in `first_hidden`
_CALLS = [
    tuple(np.round(_random.normal(size=size), 1) for size in ((rows, second), (first, second), (rows, first)))
    for rows, second, first in ((3, 3, 3), (2, 3, 4), (3, 2, 5))
]

errors_of_first = Exercise(
    "05.3",
    "Write the missing line of a backward pass",
    Function(
        "errors_of_first",
        "a function of second_errors, second_weights and first_hidden",
        expected=_errors_of_first,
        calls=[(errors, weights, np.maximum(0, hidden)) for errors, weights, hidden in _CALLS],
        returns=Array("result", "a row for each image, a number for each neuron", mistakes=_error_mistakes),
    ),
    hints=[
        "In `backward`, the line for `hidden_errors` does the same for the output.",
        "The shape must be that of `first_hidden`, and ReLU lets errors pass where it gave more than 0.",
    ],
    comment="With this line, backpropagation goes through as many layers as you like.",
)
