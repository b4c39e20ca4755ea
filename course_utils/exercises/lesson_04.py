"""Exercises of lesson 04: numbers of parameters, softmax, a network from its description."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Answer, Array, Exercise, Given, Row

# --- 04.1 ------------------------------------------------------------------------------------------------------------


def _num_parameters(first: float, second: float) -> float:
    return 784 * first + first + first * second + second + second * 10 + 10


def _is_spent(my_hidden_sizes: NDArray, num_parameters: int) -> bool:
    is_pair = my_hidden_sizes.shape == (2,) and (my_hidden_sizes >= 1).all()
    return bool(is_pair and _num_parameters(*my_hidden_sizes) == num_parameters) and _is_whole(my_hidden_sizes)


def _is_whole(sizes: NDArray) -> bool:
    return bool((sizes == np.floor(sizes)).all())


def _size_mistakes(my_hidden_sizes: NDArray, num_parameters: int) -> Iterator[Row]:
    sizes, two = my_hidden_sizes, "Which two of the numbers in 784-a-b-10 may you choose?"
    yield sizes.shape == (), "`{name}` is a single number, expected two, one for each hidden layer.", two
    longer = "`{name}` has the sizes of other layers as well, expected those of the two hidden layers only."
    yield sizes.ndim == 1 and len(sizes) > 2 and sizes[0] == 784, longer, two
    yield sizes.shape != (2,), "`{name}` is {value}, expected two numbers, one for each hidden layer.", two
    whole = "A layer has a whole number of neurons, at least one."
    yield not _is_whole(sizes) or (sizes < 1).any(), whole, "For which first size does the second come out whole?"
    first, second = (float(size) for size in sizes)
    weights = 784 * first + first * second + second * 10
    parameters = "The first number in `{name}` is a number of parameters, expected a number of neurons."
    yield first > 784 and first % 785 == 0, parameters, "What is written first in keras.layers.Dense(...)?"
    too_many = "One layer alone would have more neurons than the network may have parameters."
    yield max(first, second) > num_parameters, too_many, "How many parameters has one neuron that sees 784 pixels?"
    wrong_order = "The sizes in `{name}` are right, but in the wrong order."
    yield _num_parameters(second, first) == num_parameters, wrong_order, "Which layer is connected with the 784 pixels?"
    no_biases = "The biases are missing in your count: only the weights make the wanted number."
    yield weights == num_parameters, no_biases, "What does each neuron have besides a weight for each of its inputs?"
    one_bias = "Your count has one bias for each layer."
    yield weights + 3 == num_parameters, one_bias, "Does a layer have one bias, or each of its neurons?"
    no_last_biases = "The biases of the output layer are missing in your count."
    yield weights + first + second == num_parameters, no_last_biases, "How many neurons has the last layer?"
    no_output = "The output layer is missing in your count."
    hidden = 784 * first + first + first * second + second
    yield hidden == num_parameters, no_output, "How many weights lead from the second hidden layer to the ten outputs?"
    neurons = "The neurons were counted, not the parameters."
    is_sum = num_parameters in (first + second, 784 + first + second + 10)
    yield is_sum, neurons, "How many numbers does one neuron learn that sees 784 pixels?"
    more = "many" if _num_parameters(first, second) > num_parameters else "few"
    general = f"784-{first:g}-{second:g}-10 has too {more} parameters."
    yield True, general, "How many more are there with one neuron more in the second hidden layer, or in the first?"


find_hidden_sizes = Exercise(
    "04.1",
    "Find hidden sizes for a number of parameters",
    Array(
        "my_hidden_sizes",
        "two whole numbers, such as (512, 256)",
        is_right=_is_spent,
        mistakes=_size_mistakes,
        example=lambda num_parameters: next(
            (a, b) for a in range(1, 200) for b in range(1, 200) if _num_parameters(a, b) == num_parameters
        ),
    ),
    given={"num_parameters": Given(lambda: 100_000)},
    hints=[
        "Write the number of parameters of 784-a-b-10 as in the lesson: (784 a + a) + (a b + b) + (10 b + 10).",
        "Let the computer try: two loops, over a and over b from 1 to 200, and an if with the formula.",
    ],
    comment="There is more than one way to spend 100,000 parameters.",
)

# --- 04.2 ------------------------------------------------------------------------------------------------------------


def _softmax(sums: NDArray) -> NDArray:
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _softmax_mistakes(batch_probabilities: NDArray, batch_sums: NDArray) -> Iterator[Row]:
    found, sums, right, powers = batch_probabilities, batch_sums, _softmax(batch_sums), np.exp(batch_sums)
    every_row, to_one = "Which operation works on all rows at once?", "What must each row add up to?"
    base, ask = (
        "The rows of `{name}` add up to 1, but {} was raised to the sums, not e.",
        "Which function is in the lesson?",
    )
    positions = "`{name}` holds the positions of the largest sums: answers, not probabilities."
    yield sums.argmax(axis=1), positions, "How many numbers does softmax give for one image?"
    for row in right:
        yield row, "`{name}` is the row of one image only; the batch has three.", every_row
    yield sums, "`{name}` holds the sums as they were.", "Which function makes any number positive?"
    over_batch = "`{name}` is softmax over the batch instead of the classes: its columns add up to 1."
    yield powers / powers.sum(axis=0), over_batch, "Along which axis do the classes of one image lie?"
    one_total = "All numbers in `{name}` together add up to 1: there was one total for the whole batch."
    yield powers / powers.sum(), one_total, "Should the probabilities of one image depend on the other images?"
    other_row = "Each number in `{name}` was divided by the total of another row."
    yield (
        powers / powers.sum(axis=1),
        other_row,
        "What is the shape of sum(axis=1), and what does keepdims=True change?",
    )
    total = "The powers of e were divided by the total of the sums, not by the total of the powers."
    yield powers / sums.sum(axis=1, keepdims=True), total, "The total of what has to be 1 in the end?"
    yield powers / len(sums), "The powers of e were divided by their number, not by their total.", to_one
    yield powers / powers.max(axis=1, keepdims=True), "The largest number in each row of `{name}` is 1.", to_one
    yield powers, "`{name}` holds the powers of e, not yet divided by their total.", to_one
    sigmoid = "Each number in `{name}` lies between 0 and 1 on its own (a sigmoid); the rows do not add up to 1."
    yield 1 / (1 + np.exp(-sums)), sigmoid, "Where do the other classes of the same image come in?"
    negative = "The sums themselves were divided by their total, so there are negative probabilities."
    yield sums / sums.sum(axis=1, keepdims=True), negative, "Which function makes any number positive?"
    yield np.abs(sums) / np.abs(sums).sum(axis=1, keepdims=True), "The sums lost their signs.", ask
    yield 2.0**sums / (2.0**sums).sum(axis=1, keepdims=True), base.replace("{}", "2"), ask
    yield 10.0**sums / (10.0**sums).sum(axis=1, keepdims=True), base.replace("{}", "10"), ask
    minus = "In `{name}` the largest sum got the smallest probability: there is a minus sign too many."
    yield _softmax(-sums), minus, "Should a larger sum get a larger or a smaller share?"
    yield _softmax(right), "Softmax was applied twice, so the shares are too even.", "What goes into softmax?"
    yield np.log(right), "`{name}` holds the logarithms of the probabilities.", "Can a probability be negative?"
    certain = "Each row of `{name}` has a single 1: these are answers, without any doubt left in them."
    yield np.eye(sums.shape[1])[sums.argmax(axis=1)], certain, "How sure is the network of the second-largest sum?"
    outside = "Probabilities lie between 0 and 1, and some numbers in `{name}` do not."
    is_outside = found.shape == sums.shape and (found.min() < 0 or found.max() > 1) and not _is_known(found, right)
    yield is_outside, outside, "Which step makes every number positive, and which one makes shares of a total?"


def _is_known(found: NDArray, right: NDArray) -> bool:
    return any(np.allclose(found, other) for other in (100 * right, -right))


softmax_of_a_batch = Exercise(
    "04.2",
    "Apply softmax to a batch",
    Array(
        "batch_probabilities",
        "a row for each image, a column for each class",
        expected=lambda batch_sums: _softmax(batch_sums),
        mistakes=_softmax_mistakes,
        otherwise=(
            "`{name}` has the right shape, but not every number is the share that softmax gives.",
            "What does the lesson do with its three sums, step by step?",
        ),
    ),
    given={"batch_sums": Given(lambda: np.array([[2.0, 1.0, -1.0], [0.0, 3.0, 1.0], [-1.0, 0.0, 2.0]]))},
    hints=[
        "The rows are images, the columns classes: each row must add up to 1. sum(axis=1) adds along a row.",
        "sum(axis=1, keepdims=True) gives a column of totals, and each row is divided by its own.",
    ],
    comment="Each row adds up to 1, whatever the other images in the batch are.",
)

# --- 04.3 ------------------------------------------------------------------------------------------------------------

_SIZES, _RATE = (64, 32, 10), 0.3
_WRONG_SIZES: dict[tuple[int, ...], tuple[str, str]] = {
    (64, 32): ("The output layer is missing.", "Where do the ten probabilities come from?"),
    (32, 64, 10): ("The two hidden layers are swapped.", "Which of them comes right after the pixels?"),
    (784, 64, 32, 10): ("There is a dense layer of 784 neurons for the inputs.", "Do neurons have to compute pixels?"),
    (64, 10): ("The second hidden layer is missing.", "How many hidden layers does the description have?"),
    (32, 10): ("The first hidden layer is missing.", "How many hidden layers does the description have?"),
    (512, 256, 10): ("These are the sizes of the lesson's network.", "Which sizes does the description give?"),
}


def _network_mistakes(small_network: Any) -> Iterator[Row]:  # noqa: ANN401 - whatever the student has built
    import keras

    network = small_network
    yield network is None, "`{name}` is None, as compile() and summary() give back.", "Which name holds the network?"
    layers = "`{name}` is a list of layers, not yet a network."
    yield isinstance(network, list | tuple), layers, "What did the lesson do with its list of layers?"
    is_model = isinstance(network, keras.Model)
    is_layer = isinstance(network, keras.layers.Layer) and not is_model
    yield is_layer, "`{name}` is a single layer, not a network.", "What does keras.Sequential take?"
    yield isinstance(network, type), "`{name}` is a class, not a network.", "Where does the list of layers go?"
    yield not is_model, "`{name}` is {value}, expected a Keras network.", "What does keras.Sequential([...]) give?"
    is_own = not isinstance(network, keras.Sequential) and not hasattr(network, "operations")
    own = "`{name}` is a class of your own; the check can only look into keras.Sequential and functional networks."
    yield is_own, own, "How did the lesson put its layers together?"
    unbuilt = "`{name}` does not know yet how many inputs it has, and so it has no weights."
    yield not network.built, unbuilt, "What stands first in the lesson's list of layers?"
    several = len(network.inputs) != 1 or len(network.outputs) != 1
    yield (
        several,
        "`{name}` has several inputs or outputs, expected one of each.",
        "What does the description start with?",
    )
    shape = (
        f"The input of `{{name}}` has the shape {network.inputs[0].shape}, expected (None, 784): a vector of pixels."
    )
    yield tuple(network.inputs[0].shape[1:]) != (784,), shape, "What does one row of test_vectors look like?"
    parts = list(_parts(network))
    strange = [name for kind, name in parts if kind == "other"]
    described = "Which sentence of the description asks for that?"
    yield bool(strange), f"`{{name}}` has a layer that was not asked for: {', '.join(strange[:2])}.", described
    sizes = tuple(value for kind, value in parts if kind == "dense")
    general = "The dense layers are not those of the description.", "How many neurons has each dense layer, in order?"
    message, hint = _WRONG_SIZES.get(sizes, general)
    yield sizes != _SIZES, f"{message} `{{name}}` is {'-'.join(map(str, (784, *sizes)))}.", hint
    no_bias = "A layer of `{name}` has no biases (use_bias=False)."
    yield ("no bias", True) in parts, no_bias, "What is left of a neuron if all its inputs are 0?"
    yield from _activation_mistakes(parts)
    yield from _dropout_mistakes(parts)
    chain = "`{name}` has the right layers, but they are not connected one after the other."
    yield not _is_chain(network), chain, "Which layer takes the output of which?"


def _is_chain(network: Any) -> bool:  # noqa: ANN401 - a Keras model
    """Tell whether the layers, one after the other, compute what the network computes."""
    inputs = np.random.default_rng(0).random((2, 784), dtype=np.float32)
    result: Any = inputs
    try:
        for layer in network.layers:
            result = result if type(layer).__name__ == "InputLayer" else layer(result)
        return np.allclose(result, network(inputs), atol=1e-5)
    except Exception:  # a layer that takes several inputs
        return False


def _parts(network: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - a Keras model
    """Take a network apart into what its layers do, whichever way they are written."""
    import keras

    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _parts(layer)
        elif type(layer) is keras.layers.Dropout:
            yield "dropout", layer.rate
        elif type(layer) is keras.layers.Dense:
            yield "dense", layer.units
            yield "no bias", not layer.use_bias
            yield from _activation(layer.activation)
        elif type(layer) is not keras.layers.InputLayer:
            has_more = layer.weights or hasattr(layer, "seed_generator")  # learns, or draws random numbers
            yield from [("other", type(layer).__name__)] if has_more else _activation(layer)


def _activation(function: Callable) -> list[tuple[str, str]]:
    """Name an activation by what it does to a few numbers."""
    sums = np.array([[-1.0, 0.5, 9.0]], dtype="float32")
    known = {
        "linear": sums,
        "relu": np.maximum(0, sums),
        "softmax": _softmax(sums),
        "sigmoid": 1 / (1 + np.exp(-sums)),
        "tanh": np.tanh(sums),
    }
    try:
        result = np.asarray(function(sums))
    except Exception:  # a layer that takes other inputs than a vector
        return [("other", type(function).__name__)]
    for name, expected in known.items():
        if result.shape == sums.shape and np.allclose(result, expected, atol=1e-5):
            return [("activation", name)] if name != "linear" else []
    function = getattr(function, "activation", function)
    return [("activation", getattr(function, "__name__", type(function).__name__))]


def _activation_mistakes(parts: list[tuple[str, Any]]) -> Iterator[Row]:
    found: list[list[str]] = [[]]
    for kind, value in parts:
        if kind == "dense":
            found.append([])
        elif kind == "activation":
            found[-1].append(value)
    pixels, *hidden, last = found
    yield (
        bool(pixels),
        f"Before the first dense layer stands {pixels[:1]}.",
        "What does the description do with pixels?",
    )
    for number, names in enumerate(hidden, start=1):
        linear = f"Hidden layer {number} has no activation: it only adds up."
        yield not names, linear, "What are two layers in a row worth without a bend between them?"
        other = f"Hidden layer {number} has the activation {' and '.join(names)}, expected relu."
        yield names != ["relu"], other, "What does relu do with negative sums, and what does this one?"
    sums = "The last layer has no activation: it gives sums of any size, not probabilities."
    yield not last, sums, "Which activation makes ten numbers add up to 1?"
    sigmoid = "The last layer has a sigmoid: each number lies between 0 and 1, but the ten do not add up to 1."
    yield last == ["sigmoid"], sigmoid, "Can an image be a 3 and an 8 at the same time?"
    twice = "Softmax is applied twice at the end, so the ten probabilities are nearly alike."
    yield last == ["softmax", "softmax"], twice, "What does softmax need as its input?"
    other = f"The last layer has the activation {' and '.join(last)}, and its numbers do not add up to 1."
    yield last != ["softmax"], other, "Which activation makes probabilities?"


def _dropout_mistakes(parts: list[tuple[str, Any]]) -> Iterator[Row]:
    # How many dense layers stand before each dropout: whether relu comes before or after it makes no difference.
    kinds = [kind for kind, _ in parts]
    places = [kinds[:index].count("dense") for index, kind in enumerate(kinds) if kind == "dropout"]
    yield not places, "There is no dropout.", "Which layer makes sure that no neuron can rely on any other?"
    yield len(places) > 1, "There is more than one dropout layer.", "Which layer's outputs are dropped?"
    where = ("the pixels", "the first hidden layer", "the second hidden layer", "the probabilities")[places[0]]
    misplaced = f"The dropout comes after {where}, not after the first hidden layer."
    yield places != [1], misplaced, "Whose outputs does a dropout layer set to zero?"
    rate = next(value for kind, value in parts if kind == "dropout")
    kept = f"The dropout rate is {rate:g}: that is the share that is kept, not the share that is dropped."
    yield abs(rate - (1 - _RATE)) < 1e-6, kept, "What share became 0 in the lesson with Dropout(0.5)?"
    percent = f"The dropout rate is {rate:g}, expected a share between 0 and 1."
    yield rate > 1, percent, "What does Dropout(0.5) mean in the lesson?"
    yield (
        abs(rate - _RATE) > 1e-6,
        f"The dropout rate is {rate:g}, not that of the description.",
        "What share is dropped?",
    )


def _described_network() -> Any:  # noqa: ANN401 - a Keras model
    import keras

    dense = keras.layers.Dense
    dropout = keras.layers.Dropout(_RATE)
    layers = [keras.Input((784,)), dense(64, "relu"), dropout, dense(32, "relu"), dense(10, "softmax")]
    return keras.Sequential(layers)


build_as_described = Exercise(
    "04.3",
    "Build a network from its description",
    Answer("small_network", "a Keras network", mistakes=_network_mistakes, example=_described_network),
    hints=[
        "Begin with the lesson's list of layers: keras.Input, Dense, Dropout, Dense, Dense.",
        "The shape is 784-64-32-10. keras.layers.Dropout takes the share that is set to zero.",
    ],
    comment="Its 52,650 parameters are a tenth of those of the lesson's network.",
)
