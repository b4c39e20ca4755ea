"""Cases of lesson 04."""

import keras
from keras import layers

from tests.course_utils.exercises.cases import case

POWERS = "np.exp(batch_sums)"


def network(
    *, sizes=(64, 32, 10), activations=("relu", "relu", "softmax"), dropout=(1,), rate=0.3, shape=784, **options
):
    """Build the network of the description, or one that differs from it."""
    built = [keras.Input((shape,))]
    for place, (size, activation) in enumerate(zip(sizes, activations, strict=False)):
        built += [layers.Dropout(rate) for at in dropout if at == place]
        built.append(layers.Dense(size, activation, **options))
    return keras.Sequential([*built, *(layers.Dropout(rate) for at in dropout if at >= len(sizes))])


def functional(skips=False):
    pixels = keras.Input((784,))
    first = layers.Dropout(0.3)(layers.Dense(64, "relu")(pixels))
    second = layers.Dense(32, "relu")(first)
    last = layers.Dense(10, "softmax")
    return keras.Model(pixels, last(first) if skips else last(second))


def with_layers(*more, at=1):
    built = network().layers
    return keras.Sequential([keras.Input((784,)), *built[:at], *more, *built[at:]])


def adding():
    pixels = keras.Input((784,))
    first = layers.Dropout(0.3)(layers.Dense(64, "relu")(pixels))
    second = layers.Dense(32, "relu")(first)
    return keras.Model(pixels, layers.Dense(10, "softmax")(layers.Concatenate()([first, second])))


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(10)

    def call(self, inputs):
        return self.dense(inputs)


def convolutional():
    images = [keras.Input((784,)), layers.Reshape((28, 28, 1)), layers.Conv2D(64, 3), layers.Flatten()]
    return keras.Sequential([*images, layers.Dense(10, "softmax")])


def separate_activations():
    dense = [layers.Dense(64), layers.ReLU(), layers.Dropout(0.3), layers.Dense(32), layers.Activation("relu")]
    return keras.Sequential([keras.Input((784,)), *dense, layers.Dense(10), layers.Softmax()])


def first_pair(count):
    """Return hidden sizes for which a count, right or wrong, gives 100,000 parameters."""
    return next((a, b) for a in range(1, 200) for b in range(1, 20_000) if count(a, b) == 100_000)


CASES = [
    *(case("04.1", source) for source in ("right", "list(right)", "np.array(right)", "tuple(map(float, right))")),
    case("04.1", "first_pair(lambda a, b: 785 * a + a * b + 11 * b + 10)"),
    case("04.1", "right[::-1]", "in the wrong order"),
    case("04.1", "(512, 256)", "too many parameters", never="435,818"),
    case("04.1", "(100, 100)", "too few parameters"),
    case("04.1", "(1, 1)", "too few parameters"),
    case("04.1", "(784, *right, 10)", "the sizes of other layers as well"),
    case("04.1", "(*right, 10)", "expected two numbers"),
    case("04.1", "right[0]", "a single number, expected two"),
    case("04.1", "[right]", "expected two numbers"),
    case("04.1", "(100.5, 50)", "a whole number of neurons"),
    case("04.1", "(0, 5)", "at least one"),
    case("04.1", "(-3, 5)", "at least one"),
    case("04.1", "(78500, 20)", "a number of parameters, expected neurons"),
    case("04.1", "(100_001, 1)", "more neurons than the network may have parameters"),
    case("04.1", "(1e30, 1)", "more neurons than"),
    case("04.1", "(50_000, 50_000)", "The neurons were counted"),
    case("04.1", "(99_000, 206)", "The neurons were counted"),
    case("04.1", "(126, 8)", "✗", never="100,000 parameters."),
    case("04.1", "first_pair(lambda a, b: 784 * a + a * b + 10 * b)", "The biases are missing"),
    case("04.1", "first_pair(lambda a, b: 785 * a + a * b + b)", "The output layer is missing"),
    case("04.1", "(68, 590)"),
    case("04.1", "(590, 68)", "in the wrong order"),
    case("04.1", "100_000", "a single number"),
    case("04.1", "{1, 2}", "Which order"),
    case("04.1", "{'a': 1}", "a dict"),
    case("04.1", "'512, 256'", "a text"),
    case("04.1", "('100', '50')", "looks like a number"),
    case("04.1", "(..., 5)", "not attempted"),
    case("04.1", "...", "not attempted"),
    case("04.1", "None", "nothing (None)"),
    case("04.1", "[]", "✗"),
    case("04.1", "(np.nan, 5)", "NaN"),
    case("04.1", "(np.inf, 5)", "infinite"),
    case("04.1", "(10**400, 5)", "✗"),
    case("04.1", "range(2)", "at least one"),
    case("04.1", "lambda: right", "parentheses"),
    case("04.1", "(True, False)", "✗"),
    case("04.1", "((a, b) for a, b in [right])", "not been computed yet"),
    case("04.1", "[[right[0]], [right[1]]]", "expected two numbers"),
    case("04.1", "right", "`num_parameters` is not as", num_parameters="535_818", never="✗"),
    case("04.1", "right", "`num_parameters` is not as", num_parameters="'100_000'", never="✗"),
    # --- 04.2
    *(case("04.2", source) for source in ("right", "right.tolist()", "right.round(3)", "right.astype('float32')")),
    case("04.2", f"{POWERS} / {POWERS}.sum(axis=1, keepdims=True)"),
    case("04.2", "keras.ops.softmax(batch_sums)"),
    case("04.2", f"({POWERS}.T / {POWERS}.sum(axis=1)).T"),
    case("04.2", f"{POWERS} / {POWERS}.sum(axis=0)", "over the batch instead of the classes"),
    case("04.2", f"{POWERS} / {POWERS}.sum()", "one total for the whole batch"),
    case("04.2", f"{POWERS} / {POWERS}.sum(axis=1)", "the total of another row"),
    case("04.2", f"{POWERS} / batch_sums.sum(axis=1, keepdims=True)", "the total of the sums"),
    case("04.2", f"{POWERS} / 3", "divided by their number"),
    case("04.2", "right.T", "Rows and columns of `batch_probabilities` are exchanged"),
    case("04.2", POWERS, "not yet divided by their total"),
    case("04.2", f"{POWERS} / {POWERS}.max(axis=1, keepdims=True)", "The largest number in each row"),
    case("04.2", "1 / (1 + np.exp(-batch_sums))", "a sigmoid"),
    case("04.2", "batch_sums / batch_sums.sum(axis=1, keepdims=True)", "negative probabilities"),
    case("04.2", "batch_sums", "the sums as they were"),
    case("04.2", "2.0 ** batch_sums / (2.0 ** batch_sums).sum(axis=1, keepdims=True)", "2 was raised"),
    case("04.2", "10.0 ** batch_sums / (10.0 ** batch_sums).sum(axis=1, keepdims=True)", "10 was raised"),
    case("04.2", "np.exp(-batch_sums) / np.exp(-batch_sums).sum(axis=1, keepdims=True)", "a minus sign too many"),
    case("04.2", "np.exp(right) / np.exp(right).sum(axis=1, keepdims=True)", "applied twice"),
    case("04.2", "np.log(right)", "the logarithms of the probabilities"),
    case("04.2", "100 * right", "percentages"),
    case("04.2", "1 - right", "1 minus the right values"),
    case("04.2", "-right", "wrong sign"),
    case("04.2", "np.eye(3)[batch_sums.argmax(axis=1)]", "a single 1"),
    case("04.2", "batch_sums == batch_sums.max(axis=1, keepdims=True)", "result of a comparison"),
    case("04.2", "right.round(1)", "rounded too far"),
    case("04.2", "right[0]", "the row of one image only"),
    case("04.2", "right[2].tolist()", "the row of one image only"),
    case("04.2", "batch_sums.argmax(axis=1)", "the positions of the largest sums"),
    case("04.2", "right[:2]", "of shape (3, 3)"),
    case("04.2", "right.ravel()", "has the shape (9,)"),
    case("04.2", "right[::-1]", "another order"),
    case("04.2", f"{POWERS}.sum(axis=1)", "of shape (3, 3)"),
    case("04.2", "0.7", "of shape (3, 3)"),
    case("04.2", "batch_sums * 5", "lie between 0 and 1"),
    case("04.2", "np.full((3, 3), 1 / 3)", "not every number is the share"),
    case("04.2", "right * np.nan", "NaN"),
    case("04.2", "[[0.1, 0.2], [0.7]]", "same length"),
    case("04.2", "right.astype(str)", "quotes"),
    case("04.2", "'softmax'", "a text"),
    case("04.2", "keras.activations.softmax", "parentheses"),
    case("04.2", "lambda sums: sums", "parentheses"),
    case("04.2", "None", "nothing (None)"),
    case("04.2", "...", "not attempted"),
    case("04.2", "right", "`batch_sums` is not as", batch_sums="np.exp(batch_sums)", never="✗"),
    case("04.2", "right", "`batch_sums` is not as", batch_sums="batch_sums[::-1]", never="✗"),
    # --- 04.3
    *(case("04.3", source) for source in ("right", "network()", "functional()", "separate_activations()")),
    case("04.3", "keras.Sequential([keras.Input((784,)), network()])"),
    case("04.3", "(lambda n: (n.compile(loss='mse'), n)[1])(network())"),
    case("04.3", "network(sizes=(64, 32))", "The output layer is missing"),
    case("04.3", "network(sizes=(32, 64, 10))", "two hidden layers are swapped"),
    case("04.3", "network(sizes=(784, 64, 32, 10), activations=('relu', 'relu', 'relu', 'softmax'))", "784 neurons"),
    case("04.3", "network(sizes=(64, 10), activations=('relu', 'softmax'))", "second hidden layer is missing"),
    case("04.3", "network(sizes=(32, 10), activations=('relu', 'softmax'))", "first hidden layer is missing"),
    case("04.3", "network(sizes=(512, 256, 10))", "the lesson's network"),
    case("04.3", "network(sizes=(64, 32, 11))", "not those of the description"),
    case("04.3", "network(use_bias=False)", "no biases"),
    case("04.3", "network(activations=(None, 'relu', 'softmax'))", "Hidden layer 1 has no activation"),
    case("04.3", "network(activations=('relu', 'tanh', 'softmax'))", "Hidden layer 2 has the activation tanh"),
    case("04.3", "network(activations=('sigmoid', 'relu', 'softmax'))", "Hidden layer 1 has the activation sigmoid"),
    case("04.3", "network(activations=('relu', 'relu', None))", "The last layer has no activation"),
    case("04.3", "network(activations=('relu', 'relu', 'sigmoid'))", "has a sigmoid"),
    case("04.3", "network(activations=('relu', 'relu', 'relu'))", "activation relu, and its numbers do not add up"),
    case("04.3", "with_layers(layers.Softmax(), at=4)", "applied twice"),
    case("04.3", "network(dropout=())", "There is no dropout"),
    case("04.3", "network(dropout=(1, 2))", "more than one dropout layer"),
    case("04.3", "network(dropout=(0,))", "comes after the pixels"),
    case("04.3", "network(dropout=(2,))", "after the second hidden layer"),
    case("04.3", "network(dropout=(3,))", "after the probabilities"),
    case("04.3", "network(rate=0.7)", "the share that is kept"),
    case("04.3", "network(rate=0.5)", "not that of the description"),
    case("04.3", "network(shape=783)", "has the shape (None, 783)"),
    case("04.3", "with_layers(layers.BatchNormalization())", "not asked for: BatchNormalization"),
    case("04.3", "with_layers(layers.GaussianNoise(0.1))", "not asked for: GaussianNoise"),
    case("04.3", "with_layers(layers.ReLU(), at=0)", "Before the first dense layer stands"),
    case("04.3", "convolutional()", "not asked for: Reshape, Conv2D"),
    case("04.3", "functional(skips=True)", "✗", never="✓"),
    case("04.3", "adding()", "✗", never="✓"),
    case("04.3", "Own()", "a class of your own"),
    case("04.3", "keras.Sequential([layers.Dense(64), layers.Dense(32), layers.Dense(10)])", "how many inputs it has"),
    case("04.3", "keras.Sequential([])", "✗"),
    case("04.3", "[keras.Input((784,)), layers.Dense(64)]", "a list of layers"),
    case("04.3", "layers.Dense(64)", "a single layer"),
    case("04.3", "keras.Sequential", "a class, not a network"),
    case("04.3", "network().summary", "a function"),
    case("04.3", "52_650", "expected a Keras network"),
    case("04.3", "'network'", "a text (str)"),
    case("04.3", "{'layers': []}", "a dict"),
    case("04.3", "None", "None, as compile() and summary() give back"),
    case("04.3", "...", "not attempted"),
]
