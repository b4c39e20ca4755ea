"""Checks of the exercises of lesson 04: numbers of parameters, softmax, a network from its description."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Exercise, Wrong, as_array, close, describe

NUM_PIXELS, NUM_CLASSES = 784, 10

# --- 04.1 ------------------------------------------------------------------------------------------------------------


def _num_parameters(first: int, second: int) -> int:
    return NUM_PIXELS * first + first + first * second + second + second * NUM_CLASSES + NUM_CLASSES


def _check_hidden_sizes(my_hidden_sizes: object, *, num_parameters: int) -> str:
    sizes = as_array(my_hidden_sizes, "my_hidden_sizes", expected="two whole numbers, such as (512, 256)")
    if sizes.shape != (2,):
        has_inputs = sizes.ndim == 1 and NUM_PIXELS in sizes[:1]
        raise Wrong(
            f"Two numbers are wanted, one for each hidden layer; this has the shape {sizes.shape}"
            f"{', and begins with the 784 pixels' if has_inputs else ''}.",
            "Which two of the numbers in 784-a-b-10 may you choose?",
        )
    if np.any(sizes != np.floor(sizes)) or np.any(sizes < 1):
        raise Wrong(
            f"A layer has a whole number of neurons, at least one; given are {sizes[0]:g} and {sizes[1]:g}.",
            "If you choose the first size, for which of them does the second one come out whole?",
        )
    first, second = (int(size) for size in sizes)
    total = _num_parameters(first, second)
    if total == num_parameters:
        return f"There is more than one way to spend {num_parameters:,} parameters."
    _explain_sizes(first, second, num_parameters)
    raise Wrong(
        f"784-{first}-{second}-10 has {total:,} parameters: {abs(total - num_parameters):,} too "
        f"{'many' if total > num_parameters else 'few'}.",
        "How many more are there with one neuron more in the second hidden layer, and with one more in the first?",
    )


def _explain_sizes(first: int, second: int, wanted: int) -> None:
    if first > NUM_PIXELS and first % (NUM_PIXELS + 1) == 0:
        raise Wrong(
            f"{first:.7g} is a number of parameters, that of a first layer of {first // (NUM_PIXELS + 1):.7g} neurons; "
            "wanted are the numbers of neurons.",
            "What is written first in keras.layers.Dense(...)?",
        )
    if max(first, second) > wanted:
        raise Wrong(
            f"One layer alone would have more neurons than the network may have parameters, {wanted:,}.",
            "How many parameters has one neuron that looks at 784 pixels?",
        )
    weights = NUM_PIXELS * first + first * second + second * NUM_CLASSES
    total = f"784-{first}-{second}-10 has {_num_parameters(first, second):,} parameters."
    mistakes = [
        (
            _num_parameters(second, first) == wanted,
            f"The sizes are the right ones in the wrong order: {total}",
            "Which of the two layers is connected with the 784 pixels?",
        ),
        (
            weights == wanted,
            f"The biases are forgotten: there are {wanted:,} weights, but {total}",
            "What does each neuron have besides a weight for each of its inputs?",
        ),
        (
            weights + 3 == wanted,
            f"One bias was counted for each layer: {total}",
            "Does a layer have one bias, or each of its neurons?",
        ),
        (
            weights + first + second == wanted,
            f"The biases of the output layer are forgotten: {total}",
            "How many neurons has the last layer, and does each of them have a bias?",
        ),
        (
            NUM_PIXELS * first + first + first * second + second == wanted,
            f"The output layer is forgotten: the two hidden layers alone have {wanted:,}, but {total}",
            "How many weights lead from the second hidden layer to the ten outputs?",
        ),
        (
            wanted in (first + second, NUM_PIXELS + first + second + NUM_CLASSES),
            f"The neurons were counted, not the parameters: {total}",
            "How many numbers does one neuron learn that looks at 784 pixels?",
        ),
    ]
    for applies, diagnosis, question in mistakes:
        if applies:
            raise Wrong(diagnosis, question)


find_hidden_sizes = Exercise(
    "04.1",
    "Find hidden sizes for a number of parameters",
    _check_hidden_sizes,
    "Write the number of parameters of 784-a-b-10 as in the lesson: (784 a + a) + (a b + b) + (10 b + 10).",
    "Let the computer try: two loops, over a and over b from 1 to 200, and an if with the formula.",
)

# --- 04.2 ------------------------------------------------------------------------------------------------------------


def _softmax(sums: NDArray) -> NDArray:
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _check_softmax(batch_probabilities: object, *, batch_sums: NDArray) -> str:
    given, sums = as_array(batch_probabilities, "batch_probabilities"), np.asarray(batch_sums, dtype=float)
    if given.shape == sums.shape[:1] and np.array_equal(given, sums.argmax(axis=1)):
        raise Wrong(
            "These are the positions of the largest sums: answers, not probabilities.",
            "How many numbers does softmax give for one image?",
        )
    if given.shape == sums.shape[1:] and any(close(given, row, absolute=1e-3) for row in _softmax(sums)):
        raise Wrong(
            f"This is the row of one image only; the batch has {len(sums)}.",
            "Which operation works on all rows at once?",
        )
    if given.shape != sums.shape:
        raise Wrong(
            f"The shape is {given.shape}, expected {sums.shape}: a row for each image, a column for each class.",
            "Which step of yours changed the shape? Look at .shape after each.",
        )
    if close(given, _softmax(sums), relative=0, absolute=1e-3):
        return "Each row adds up to 1, whatever the other images in the batch are."
    _explain_softmax(given, sums)
    row_sums = ", ".join(f"{total:.3g}" for total in given.sum(axis=1)[:5])
    if given.min() < 0 or given.max() > 1:
        raise Wrong(
            f"Probabilities lie between 0 and 1; these go from {given.min():.3g} to {given.max():.3g}.",
            "Which step makes every number positive, and which one makes them shares of a total?",
        )
    raise Wrong(
        f"The rows add up to {row_sums}, and not every number is the share that softmax gives.",
        "What does the lesson do with its three sums, step by step?",
    )


def _explain_softmax(given: NDArray, sums: NDArray) -> None:
    right, powers = _softmax(sums), np.exp(sums)
    one_hot = np.eye(sums.shape[1])[sums.argmax(axis=1)]
    mistakes = [
        (
            powers / powers.sum(axis=0),
            "This is softmax over the batch instead of the classes: the columns add up to 1, the rows do not.",
            "Along which axis do the classes of one image lie, and what does sum(axis=0) add up?",
        ),
        (
            powers / powers.sum(),
            "All numbers of the batch together add up to 1: they were divided by one total for the whole batch.",
            "Should the probabilities of one image depend on the other images?",
        ),
        (
            powers / powers.sum(axis=1) if len(sums) == sums.shape[1] else right,
            "Each number was divided by the total of another row: the totals lie along the columns.",
            "What is the shape of sum(axis=1), and what does keepdims=True change?",
        ),
        (
            powers / np.where(sums.sum(axis=1, keepdims=True) == 0, np.nan, sums.sum(axis=1, keepdims=True)),
            "The powers of e were divided by the total of the sums, not by the total of the powers.",
            "The total of what has to be 1 in the end?",
        ),
        (
            right.T,  # close() is False for another shape
            "Rows and columns are exchanged: each column holds the probabilities of one image.",
            "Which axis counts the images in batch_sums?",
        ),
        (powers, "These are the powers of e, not yet divided by their total.", "What must each row add up to?"),
        (
            np.exp(sums - sums.max(axis=1, keepdims=True)),
            "The largest number of each row is 1: the powers were made smaller, but not divided by their total.",
            "What must each row add up to?",
        ),
        (
            1 / (1 + np.exp(-sums)),
            "Each number was squeezed between 0 and 1 on its own (a sigmoid), so the rows do not add up to 1.",
            "Where do the other classes of the same image come in?",
        ),
        (
            sums / np.where(sums.sum(axis=1, keepdims=True) == 0, np.nan, sums.sum(axis=1, keepdims=True)),
            "The sums themselves were divided by their total, so there are negative probabilities.",
            "Which function makes any number positive?",
        ),
        (
            2.0**sums / (2.0**sums).sum(axis=1, keepdims=True),
            "The rows add up to 1, but 2 was raised to the sums, not e.",
            "Which function did the lesson use?",
        ),
        (
            10.0**sums / (10.0**sums).sum(axis=1, keepdims=True),
            "The rows add up to 1, but 10 was raised to the sums, not e.",
            "Which function did the lesson use?",
        ),
        (
            _softmax(-sums),
            "The largest sum got the smallest probability: a minus sign is too many.",
            "Should a larger sum get a larger or a smaller share?",
        ),
        (_softmax(right), "Softmax was applied twice, so the shares are too even.", "What goes into softmax?"),
        (np.log(right), "These are the logarithms of the probabilities.", "Can a probability be negative?"),
        (100 * right, "These are percentages: the rows add up to 100.", "What is certainty, as a probability?"),
        (
            one_hot,
            "Each row has a single 1: these are answers, without any doubt left in them.",
            "How sure is the network of the second-largest sum?",
        ),
        (right.round(2), "Rounded too early: the rows no longer add up to 1.", "Where may one round?"),
        (right.round(1), "Rounded too early: the rows no longer add up to 1.", "Where may one round?"),
    ]
    for mistaken, diagnosis, question in mistakes:
        if close(given, mistaken, relative=1e-3, absolute=1e-3):
            raise Wrong(diagnosis, question)


softmax_of_a_batch = Exercise(
    "04.2",
    "Apply softmax to a batch",
    _check_softmax,
    "The rows are images, the columns classes: each row must add up to 1. sum(axis=1) adds along a row.",
    "sum(axis=1, keepdims=True) gives a column of totals, and each row is divided by its own.",
)

# --- 04.3 ------------------------------------------------------------------------------------------------------------

_SIZES, _DROPOUT = (64, 32, NUM_CLASSES), 0.3


def _check_described(small_network: object) -> str:
    import keras

    network = small_network
    if not isinstance(network, keras.Model):
        _explain_no_network(network, keras)
    if not network.built:
        raise Wrong(
            "The network does not know yet how many inputs it has, and so it has no weights.",
            "What stands first in the lesson's list of layers?",
        )
    if tuple(network.input_shape[1:]) != (NUM_PIXELS,):
        raise Wrong(
            f"The input has the shape {network.input_shape}, expected {(None, NUM_PIXELS)}: a vector of pixels.",
            "What does one row of test_vectors look like?",
        )
    parts = list(_parts(network, keras))
    sizes = tuple(value for kind, value in parts if kind == "dense")
    if sizes != _SIZES:
        _explain_layers(sizes)
    if any(kind == "no bias" for kind, _ in parts):
        raise Wrong("A layer has no biases (use_bias=False).", "What is left of a neuron if all its inputs are 0?")
    _explain_activations(parts)
    _explain_dropout(parts)
    strange = [value for kind, value in parts if kind == "other"]
    if strange:
        raise Wrong(f"There is something more in it: {strange[0]}.", "Which sentence of the description asks for that?")
    return f"Its {network.count_params():,} parameters are a tenth of those of the lesson's network."


def _parts(network: object, keras: ModuleType) -> Iterator[tuple[str, object]]:
    """Take a network apart into what its layers do, whichever way they are written."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _parts(layer, keras)
        elif type(layer) is keras.layers.Dropout:
            yield "dropout", layer.rate
        elif type(layer) is keras.layers.Dense:
            yield "dense", layer.units
            if not layer.use_bias:
                yield "no bias", layer.units
            yield from _activation(layer.activation)
        elif type(layer) is not keras.layers.InputLayer:
            has_more = layer.weights or hasattr(layer, "seed_generator")  # learns, or draws random numbers
            yield from [("other", type(layer).__name__)] if has_more else _activation(layer)


def _activation(function: Callable) -> list[tuple[str, str]]:
    """Name an activation by what it does to a few numbers."""
    sums = np.array([[-1.0, 0.5, 9.0]], dtype="float32")
    result = np.asarray(function(sums))
    known = {
        "relu": np.maximum(0, sums),
        "softmax": _softmax(sums),
        "sigmoid": 1 / (1 + np.exp(-sums)),
        "tanh": np.tanh(sums),
    }
    if result.shape == sums.shape and np.allclose(result, sums, atol=1e-5):
        return []
    for name, expected in known.items():
        if result.shape == sums.shape and np.allclose(result, expected, atol=1e-5):
            return [("activation", name)]
    function = getattr(function, "activation", function)
    return [("activation", getattr(function, "__name__", type(function).__name__))]


def _explain_no_network(network: object, keras: ModuleType) -> None:
    if network is None:
        raise Wrong(
            "This is None, which is what compile() and summary() give back.",
            "Which name holds the network itself?",
        )
    if isinstance(network, list | tuple):
        raise Wrong(
            f"This is a {type(network).__name__} of {len(network)} layers, not yet a network.",
            "What did the lesson do with its list of layers?",
        )
    if isinstance(network, keras.layers.Layer):
        raise Wrong("This is a single layer, not a network.", "What does keras.Sequential take?")
    if isinstance(network, type):
        raise Wrong("This is a class, not a network made with it.", "Where does the list of layers go?")
    raise Wrong(f"This is {describe(network)}, not a Keras network.", "What does keras.Sequential([...]) give?")


def _explain_layers(sizes: tuple[int, ...]) -> None:
    told = "-".join(map(str, (NUM_PIXELS, *sizes)))
    first, second, last = _SIZES
    mistakes = {
        (first, second): ("The output layer is missing", "Where do the ten probabilities come from?"),
        (second, first, last): ("The two hidden layers are swapped", "Which of them comes right after the pixels?"),
        (NUM_PIXELS, *_SIZES): (
            "There is a dense layer of 784 neurons for the inputs, with weights of its own",
            "Do the pixels have to be computed by neurons?",
        ),
        (first, last): ("The second hidden layer is missing", "How many hidden layers does the description have?"),
        (second, last): ("The first hidden layer is missing", "How many hidden layers does the description have?"),
        (512, 256, last): ("These are the sizes of the lesson's network", "Which sizes does the description give?"),
    }
    diagnosis, question = mistakes.get(
        sizes, ("The dense layers are others than described", "How many neurons has each dense layer, in order?")
    )
    raise Wrong(f"{diagnosis}: this is {told}, wanted is {'-'.join(map(str, (NUM_PIXELS, *_SIZES)))}.", question)


def _explain_activations(parts: list[tuple[str, object]]) -> None:
    found: list[list[str]] = []
    for kind, value in parts:
        if kind == "dense":
            found.append([])
        elif kind == "activation":
            if not found:
                raise Wrong(
                    f"Before the first dense layer stands {value}.", "What does the description do with pixels?"
                )
            found[-1].append(value)
    for number, names in enumerate(found[:-1], start=1):
        if not names:
            raise Wrong(
                f"Hidden layer {number} has no activation: it only adds up.",
                "What are two layers in a row worth without a bend between them?",
            )
        if names != ["relu"]:
            raise Wrong(
                f"Hidden layer {number} has the activation {' and '.join(names)}, wanted is relu.",
                "What does relu do with negative sums, and what does this one?",
            )
    if not found[-1]:
        raise Wrong(
            "The last layer has no activation: it gives sums of any size, not probabilities.",
            "Which activation makes ten numbers add up to 1?",
        )
    if found[-1] == ["sigmoid"]:
        raise Wrong(
            "The last layer has a sigmoid: each number lies between 0 and 1, but the ten do not add up to 1.",
            "Can an image be a 3 and an 8 at the same time?",
        )
    if found[-1] == ["softmax", "softmax"]:
        raise Wrong(
            "Softmax is applied twice at the end, so the ten probabilities are nearly alike.",
            "What does softmax need as its input?",
        )
    if found[-1] != ["softmax"]:
        raise Wrong(
            f"The last layer has the activation {' and '.join(found[-1])}, and its numbers do not add up to 1.",
            "Which activation makes probabilities?",
        )


def _explain_dropout(parts: list[tuple[str, object]]) -> None:
    # How many dense layers stand before each dropout: whether relu comes before or after it makes no difference.
    places = [
        sum(other == "dense" for other, _ in parts[:index])
        for index, (kind, _) in enumerate(parts)
        if kind == "dropout"
    ]
    rates = [value for kind, value in parts if kind == "dropout"]
    if not places:
        raise Wrong("There is no dropout.", "Which layer makes sure that no neuron can rely on any other?")
    if len(places) > 1:
        raise Wrong(
            f"There are {len(places)} dropout layers, the description has one.",
            "Which layer's outputs are to be dropped?",
        )
    where = {0: "the pixels", 1: "the first hidden layer", 2: "the second hidden layer", 3: "the probabilities"}
    if places != [1]:
        raise Wrong(
            f"The dropout comes after {where[places[0]]}, not after the first hidden layer.",
            "Whose outputs does a dropout layer set to zero?",
        )
    if abs(rates[0] - (1 - _DROPOUT)) < 1e-6:
        raise Wrong(
            f"The dropout rate is {rates[0]:g}: that is the share that is kept, not the share that is dropped.",
            "What share became 0 in the lesson with Dropout(0.5), and what would it be with Dropout(0.1)?",
        )
    if abs(rates[0] - _DROPOUT) > 1e-6:
        raise Wrong(f"The dropout rate is {rates[0]:g}, wanted is {_DROPOUT:g}.", "What share is to be dropped?")


build_as_described = Exercise(
    "04.3",
    "Build a network from its description",
    _check_described,
    "Begin with the lesson's list of layers: keras.Input, Dense, Dropout, Dense, Dense.",
    "The shape is 784-64-32-10. keras.layers.Dropout takes the share that is set to zero.",
)
