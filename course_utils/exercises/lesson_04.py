"""Exercises of lesson 04: numbers of parameters, an error message, a network from its description."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_utils.exercises.core import Answer, Array, Exercise, Given, Row
from course_utils.preprocessing import preprocess_images


def _num_parameters(first: float, second: float) -> float:
    return 784 * first + first + first * second + second + second * 10 + 10


def _size_mistakes(my_hidden_sizes: NDArray, num_parameters: int) -> Iterator[Row]:
    sizes, wanted = my_hidden_sizes.astype(float), num_parameters
    two = "Which two of the numbers in 784-a-b-10 can you choose?"
    learns = "How many numbers does a neuron that sees 784 pixels learn?"
    yield sizes.shape == (), "is a single number, expected two, one for each hidden layer.", two
    yield sizes.size > 2 and sizes.flat[0] == 784, "has the sizes of other layers as well.", two
    yield sizes.size > 2 and sizes.shape[1:] == (2,), "has several pairs, expected one.", "Which one counts?"
    yield sizes.shape != (2,), f"has the shape {sizes.shape}, expected two numbers, one for each layer.", two
    whole = "A layer has a whole number of neurons, at least one."
    yield (sizes % 1).any() or (sizes < 1).any(), whole, "For which first size is the second one whole?"
    first, second = sizes.tolist()
    count, swapped = _num_parameters(first, second), _num_parameters(second, first)
    if count == wanted:
        return
    weights, hidden = 784 * first + first * second + second * 10, 785 * first + first * second + second
    yield first > 784 and first % 785 == 0, "begins with a number of parameters, expected neurons.", learns
    yield max(first, second) > wanted, "One layer has more neurons than the network may have parameters.", learns
    yield swapped == wanted, "The sizes in `{name}` are right, but in the wrong order.", "Which layer sees the pixels?"
    yield weights == wanted, "The biases are missing from your count.", "What does a neuron have besides its weights?"
    yield count - wanted in (first, second, 10), "The biases of one layer are missing.", "How many layers have neurons?"
    yield hidden == wanted, "The output layer is missing from your count.", "How many weights lead to the ten outputs?"
    yield wanted in (first + second, first + second + 794), "You counted the neurons, not the parameters.", learns
    general = f"784-{first:g}-{second:g}-10 has too {'many' if count > wanted else 'few'} parameters."
    yield True, general, "How many more are there with one more neuron in the second hidden layer, or in the first?"


find_hidden_sizes = Exercise(
    "04.1",
    "Find hidden sizes for a number of parameters",
    Array(
        "my_hidden_sizes",
        "two whole numbers, such as (512, 256)",
        mistakes=_size_mistakes,
        example=lambda num_parameters: next(
            (a, b) for a in range(1, 200) for b in range(1, 200) if _num_parameters(a, b) == num_parameters
        ),
    ),
    given={"num_parameters": Given(lambda: 100_000)},
    hints=[
        "Write the number of parameters of 784-a-b-10 as in the lesson: (784 a + a) + (a b + b) + (10 b + 10).",
        "Let the computer try. Write two loops, over a and b from 1 to 200, and an if with the formula.",
    ],
    comment="There is more than one way to spend 100,000 parameters.",
)


def _image_mistakes(one_image: NDArray, test_vectors: NDArray) -> Iterator[Row]:
    right, shape, images = test_vectors[:1], one_image.shape, "What does axis 0 count?"
    yield shape == (784,), "has a single axis, expected two, one for images and one for pixels.", images
    yield shape == (28, 28), "is a table of 28 rows: Keras takes them for 28 images of 28 pixels.", images
    yield shape == (784, 1), "holds 784 images of one pixel each.", images
    yield shape[1:] == (28, 28), "The image in `{name}` is not flattened, expected a vector.", "Which step flattens it?"
    yield shape[1:] == (10,), "has ten numbers per image: that is what comes out, not what goes in.", images
    yield shape[1:] == (1, 784), f"has one axis too many: its shape is {shape}.", images
    yield shape[1:] == (784,) and len(one_image) != 1, f"holds {len(one_image):,} images.", "How many do you need?"
    yield 255 * right, "Keras accepts the shape, but the pixels go up to 255.", "What is the range in `test_vectors`?"
    yield right / 255, "The pixels of `{name}` were divided by 255 twice.", "Which step scales, and what does yours do?"
    yield 1 - right, "Ink and paper of `{name}` are swapped.", "Which number stands for white paper?"
    by_column = right.reshape(28, 28).T.reshape(1, 784)
    yield by_column, "The image was flattened column by column.", "Which pixels must be side by side?"
    yield test_vectors[1:2], "is the second image.", "Where does Python start counting?"
    yield test_vectors[-1:], "is the last image.", "Which position does the first image have?"
    where = "says where there is ink, expected how dark each pixel is."
    yield (right > 0).astype(float), where, "Where are the grey levels?"


read_an_error = Exercise(
    "04.2",
    "Read an error message",
    Array(
        "one_image",
        "a batch with one vector of 784 pixels",
        expected=lambda test_vectors: test_vectors[:1],
        mistakes=_image_mistakes,
        otherwise=("The shape of `{name}` is right, but it is not the first test image.", "Where does it come from?"),
    ),
    given={"test_vectors": Given(preprocess_images, rows_of="test_images")},
    hints=[
        "Keras expects two axes: the first counts images, the second pixels. test_vectors[0] has only the second.",
        "A slice such as [3:5] keeps the axis that counts images; reshape and np.expand_dims add it.",
    ],
    comment="A batch of one image is a batch, too: Keras always expects the axis that counts images.",
)

_SIZES, _RATE = (64, 32, 10), 0.3
_WRONG_SIZES: dict[tuple[int, ...], tuple[str, str]] = {
    (64, 32): ("The output layer is missing.", "Where do the ten probabilities come from?"),
    (32, 64, 10): ("The two hidden layers are swapped.", "Which of them comes right after the pixels?"),
    (784, 64, 32, 10): ("There is a dense layer of 784 neurons for the inputs.", "Are the pixels computed by neurons?"),
    (64, 10): ("The second hidden layer is missing.", "How many hidden layers does the description have?"),
    (32, 10): ("The first hidden layer is missing.", "How many hidden layers does the description have?"),
    (512, 256, 10): ("These are the sizes of the lesson's network.", "Which sizes does the description give?"),
}


def _network_mistakes(small_network: Any) -> Iterator[Row]:
    import keras

    network, is_model = small_network, isinstance(small_network, keras.Model)
    described, ask = "Which sentence of the description asks for that?", "What does keras.Sequential([...]) give?"
    yield network is None, "is None, which compile() and summary() return.", "Which name holds the network?"
    kinds = {"a list of layers": list | tuple, "a single layer": keras.layers.Layer, "a class": type, "{value}": object}
    kind = next(words for words, each in kinds.items() if isinstance(network, each))
    yield not is_model, f"is {kind}, expected a Keras network.", ask
    own = "is of a class of your own; the check can only look into keras.Sequential and functional networks."
    yield not (isinstance(network, keras.Sequential) or hasattr(network, "operations")), own, ask
    yield not network.built, "does not know yet how many inputs it has.", "What comes first in the list?"
    yield len(network.inputs + network.outputs) != 2, "has several inputs or outputs.", described
    shape = tuple(network.inputs[0].shape)
    yield shape[1:] != (784,), f"The input has the shape {shape}, expected (None, 784).", "How long is one vector?"
    parts = list(_parts(network))
    strange = [name for kind, name in parts if kind == "other"]
    yield bool(strange), f"has a layer that was not asked for: {', '.join(strange[:2])}.", described
    sizes = tuple(value for kind, value in parts if kind == "dense")
    message, hint = _WRONG_SIZES.get(sizes, ("The dense layers are not those of the description.", described))
    yield sizes != _SIZES, f"{message} `{{name}}` is {'-'.join(map(str, (784, *sizes)))}.", hint
    yield ("no bias", True) in parts, "A layer of `{name}` has no biases.", "What does it give if all inputs are 0?"
    yield from _activation_mistakes(parts)
    yield from _dropout_mistakes(parts)
    yield not _is_chain(network), "does more than run its layers in order.", "Is a layer always in training mode?"


def _is_chain(network: Any) -> bool:
    """Tell whether the layers, one after the other, compute what the network computes."""
    import keras

    inputs: Any = np.random.default_rng(0).random((2, 784), dtype=np.float32)
    with suppress(Exception):  # a layer that takes several inputs
        chain = keras.Sequential([layer for layer in network.layers if not isinstance(layer, keras.layers.InputLayer)])
        return np.allclose(chain(inputs), network(inputs), atol=1e-5)
    return False


def _parts(network: Any) -> Iterator[tuple[str, Any]]:
    """Take a network apart into what its layers do, whichever way they are written."""
    import keras

    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _parts(layer)
        elif type(layer) is keras.layers.Dropout:
            yield ("other", "Dropout with a noise_shape") if layer.noise_shape else ("dropout", layer.rate)
        elif type(layer) is keras.layers.Dense:
            yield from [("dense", layer.units), ("no bias", not layer.use_bias), *_activation(layer.activation)]
        elif type(layer) is not keras.layers.InputLayer:
            has_more = layer.weights or hasattr(layer, "seed_generator")  # learns, or draws random numbers
            yield from [("other", type(layer).__name__)] if has_more else _activation(layer)


def _activation(function: Callable) -> list[tuple[str, str]]:
    """Name an activation by what it does to a few numbers."""
    from keras import activations

    sums = np.array([[-1.0, 0.5, 9.0]], dtype="float32")
    try:
        result = np.asarray(function(sums))
    except Exception:  # a layer that takes other inputs than a vector
        return [("other", type(function).__name__)]
    for name in ("linear", "relu", "softmax", "sigmoid", "tanh"):
        if result.shape == sums.shape and np.allclose(result, getattr(activations, name)(sums), atol=1e-5):
            return [("activation", name)] if name != "linear" else []
    function = getattr(function, "activation", function)
    return [("activation", getattr(function, "__name__", type(function).__name__))]


def _activation_mistakes(parts: list[tuple[str, Any]]) -> Iterator[Row]:
    words = " ".join("|" if kind == "dense" else value for kind, value in parts if kind in ("dense", "activation"))
    pixels, *hidden, last = (names.strip().replace(" ", " and ") for names in words.split("|"))
    to_one, relu = "Which activation makes ten numbers add up to 1?", "What does relu do with negative sums?"
    yield bool(pixels), f"The activation {pixels} comes before the first dense layer.", "What does it do to the pixels?"
    for number, name in enumerate(hidden, start=1):
        yield not name, f"Hidden layer {number} has no activation: it only computes weighted sums.", relu
        yield name != "relu", f"Hidden layer {number} has the activation {name}, expected relu.", relu
    yield not last, "The last layer has no activation: it gives sums of any size, not probabilities.", to_one
    yield last == "sigmoid", "The last layer has a sigmoid, so the ten numbers do not add up to 1.", to_one
    yield last == "softmax and softmax", "Softmax is applied twice at the end.", "What does softmax need as its input?"
    yield last != "softmax", f"The last layer has the activation {last}, expected softmax alone.", to_one


def _dropout_mistakes(parts: list[tuple[str, Any]]) -> Iterator[Row]:
    # How many dense layers come before each dropout: whether relu comes before or after it makes no difference.
    kinds, ask = [kind for kind, _ in parts], "What share of the outputs becomes 0?"
    places = [kinds[:index].count("dense") for index, kind in enumerate(kinds) if kind == "dropout"]
    yield not places, "There is no dropout.", "Which layer makes sure that no neuron can rely on any other?"
    yield len(places) > 1, "There is more than one dropout layer.", "Which layer's outputs are dropped?"
    where = ("the pixels", "the first hidden layer", "the second hidden layer", "the probabilities")[places[0]]
    yield places != [1], f"The dropout comes after {where}.", "Whose outputs does a dropout layer set to zero?"
    rate = dict(parts)["dropout"]
    yield abs(rate - (1 - _RATE)) < 1e-6, f"The dropout rate is {rate:g}, but that is the share to keep.", ask
    yield abs(rate - _RATE) > 1e-6, f"The dropout rate is {rate:g}, not that of the description.", ask


def _described_network() -> Any:
    from keras import Input, Sequential, layers

    dense, dropout = layers.Dense, layers.Dropout(_RATE)
    return Sequential([Input((784,)), dense(64, "relu"), dropout, dense(32, "relu"), dense(10, "softmax")])


build_as_described = Exercise(
    "04.3",
    "Build a network from its description",
    Answer("small_network", "a Keras network", mistakes=_network_mistakes, example=_described_network),
    hints=[
        "Start with the lesson's list of layers: keras.Input, Dense, Dropout, Dense, Dense.",
        "The shape is 784-64-32-10. keras.layers.Dropout takes the share of outputs to set to 0.",
    ],
    comment="It has 52,650 parameters, about a tenth as many as the lesson's network.",
)
