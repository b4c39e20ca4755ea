"""Lesson 04: right answers pass, and each typical mistake gets its own diagnosis."""

import keras
import numpy as np
import pytest

from course_utils.exercises import lesson_04 as exercises
from tests.exercises.solutions import run_solution

NUM_PARAMETERS = 100_000
SUMS = np.array([[2.0, 1.0, -1.0], [0.0, 3.0, 1.0], [-1.0, 0.0, 2.0]])
POWERS = np.exp(SUMS)
RIGHT = POWERS / POWERS.sum(axis=1, keepdims=True)
GIVEN = {"04.1": {"num_parameters": NUM_PARAMETERS}, "04.2": {"batch_sums": SUMS}, "04.3": {}}


# --- 04.1 ------------------------------------------------------------------------------------------------------------


def test_sizes_of_the_solution_are_right_and_keras_agrees(says):
    sizes = run_solution("04", "find-hidden-sizes")["my_hidden_sizes"]
    assert says(exercises.find_hidden_sizes, sizes, num_parameters=NUM_PARAMETERS).startswith("✓ 04.1")
    layers = [keras.Input((784,)), *(keras.layers.Dense(size) for size in (*sizes, 10))]
    assert keras.Sequential(layers).count_params() == NUM_PARAMETERS


@pytest.mark.parametrize("sizes", [(114, 84), [68, 590], np.array([44, 1190]), (14.0, np.int64(3560))])
def test_any_sizes_with_that_many_parameters_are_right(sizes, says):
    assert "right" in says(exercises.find_hidden_sizes, sizes, num_parameters=NUM_PARAMETERS)


@pytest.mark.parametrize(
    ("sizes", "wanted", "diagnosis"),
    [
        ((84, 114), NUM_PARAMETERS, "wrong order"),
        ((64, 32), 784 * 64 + 64 * 32 + 32 * 10, "biases are forgotten"),
        ((64, 32), 784 * 64 + 64 * 32 + 32 * 10 + 3, "One bias was counted for each layer"),
        ((64, 32), 784 * 64 + 64 + 64 * 32 + 32 + 32 * 10, "biases of the output layer"),
        ((64, 32), 785 * 64 + 65 * 32, "output layer is forgotten"),
        ((60_000, 40_000), NUM_PARAMETERS, "neurons were counted"),
        ((49_000, 50_206), NUM_PARAMETERS, "neurons were counted"),
        ((89_490, 9_660), NUM_PARAMETERS, "number of parameters, that of a first layer of 114 neurons"),
        ((512, 256), NUM_PARAMETERS, "535,818 parameters: 435,818 too many"),
        ((10, 10), NUM_PARAMETERS, "too few"),
        ((127, 0), NUM_PARAMETERS, "at least one"),
        ((50.0, 985.4), NUM_PARAMETERS, "whole number of neurons"),
        ((1e300, 3), NUM_PARAMETERS, "more neurons than the network may have parameters"),
        ((784, 114, 84, 10), NUM_PARAMETERS, "begins with the 784 pixels"),
        (114, NUM_PARAMETERS, "Two numbers are wanted"),
        ([[114, 84]], NUM_PARAMETERS, "has the shape (1, 2)"),
        ("114, 84", NUM_PARAMETERS, "a text"),
        ({114, 84}, NUM_PARAMETERS, "set"),
    ],
)
def test_wrong_sizes(sizes, wanted, diagnosis, says):
    said = says(exercises.find_hidden_sizes, sizes, num_parameters=wanted)
    assert said.startswith("✗ 04.1")
    assert diagnosis in said
    assert len(said) < 450


# --- 04.2 ------------------------------------------------------------------------------------------------------------


def test_probabilities_of_the_solution_are_right(says):
    answers = run_solution("04", "softmax-of-a-batch", np=np)
    np.testing.assert_array_equal(answers["batch_sums"], SUMS)
    assert "✓" in says(exercises.softmax_of_a_batch, answers["batch_probabilities"], batch_sums=answers["batch_sums"])


@pytest.mark.parametrize(
    "probabilities",
    [
        keras.ops.softmax(SUMS.astype("float32"), axis=1),
        (POWERS.T / POWERS.sum(axis=1)).T,
        RIGHT.round(3).tolist(),
        np.array([np.exp(row - 5) / np.exp(row - 5).sum() for row in SUMS], dtype="float32"),
    ],
    ids=["keras", "transposed twice", "rounded list", "loop"],
)
def test_any_way_to_softmax_is_right(probabilities, says):
    assert "right" in says(exercises.softmax_of_a_batch, probabilities, batch_sums=SUMS)


def test_a_batch_of_another_shape_is_checked_too(says):
    sums = np.arange(8.0).reshape(4, 2) / 3
    powers = np.exp(sums)
    right, wrong = powers / powers.sum(axis=1, keepdims=True), powers / powers.sum(axis=0)
    assert "✓" in says(exercises.softmax_of_a_batch, right, batch_sums=sums)
    assert "columns add up to 1" in says(exercises.softmax_of_a_batch, wrong, batch_sums=sums)
    assert "Rows and columns" not in says(exercises.softmax_of_a_batch, wrong, batch_sums=sums)


@pytest.mark.parametrize(
    ("probabilities", "diagnosis"),
    [
        (POWERS / POWERS.sum(axis=0), "over the batch instead of the classes: the columns add up to 1"),
        (POWERS / POWERS.sum(), "one total for the whole batch"),
        (POWERS / POWERS.sum(axis=1), "total of another row"),
        (POWERS, "not yet divided by their total"),
        (np.exp(SUMS - SUMS.max(axis=1, keepdims=True)), "largest number of each row is 1"),
        (1 / (1 + np.exp(-SUMS)), "a sigmoid"),
        (SUMS / SUMS.sum(axis=1, keepdims=True), "negative probabilities"),
        (2**SUMS / (2**SUMS).sum(axis=1, keepdims=True), "2 was raised to the sums"),
        (10**SUMS / (10**SUMS).sum(axis=1, keepdims=True), "10 was raised to the sums"),
        (1 / POWERS / (1 / POWERS).sum(axis=1, keepdims=True), "minus sign"),
        (np.exp(RIGHT) / np.exp(RIGHT).sum(axis=1, keepdims=True), "applied twice"),
        (np.log(RIGHT), "logarithms"),
        (100 * RIGHT, "percentages"),
        (np.eye(3)[SUMS.argmax(axis=1)], "single 1"),
        (SUMS.argmax(axis=1), "answers, not probabilities"),
        (RIGHT[0], "one image only"),
        (RIGHT.round(2), "Rounded too early"),
        (POWERS / SUMS.sum(axis=1, keepdims=True), "divided by the total of the sums"),
        (RIGHT.T, "Rows and columns are exchanged"),
        (RIGHT.round(1), "Rounded too early"),
        (RIGHT.ravel(), "The shape is (9,)"),
        (np.full((3, 3), 1 / 3), "not every number is the share"),
        (SUMS, "these go from -1 to 3"),
        (POWERS > 1, "not every number is the share"),
        (np.full((3, 3), np.nan), "NaN"),
    ],
)
def test_wrong_probabilities(probabilities, diagnosis, says):
    said = says(exercises.softmax_of_a_batch, probabilities, batch_sums=SUMS)
    assert said.startswith("✗ 04.2")
    assert diagnosis in said


# --- 04.3 ------------------------------------------------------------------------------------------------------------

dense, dropout, activation = keras.layers.Dense, keras.layers.Dropout, keras.layers.Activation


def network(*layers):
    return keras.Sequential([keras.Input((784,)), *layers])


def relu(units, **options):
    return dense(units, activation="relu", **options)


def softmax():
    return dense(10, activation="softmax")


def functional():
    inputs = keras.Input((784,))
    hidden = keras.layers.ReLU()(dense(64)(inputs))
    hidden = relu(32)(dropout(0.3)(hidden))
    return keras.Model(inputs, keras.layers.Softmax()(dense(10)(hidden)))


def call_before_use():
    small = keras.Sequential([relu(64), dropout(0.3), relu(32), softmax()])
    small(np.zeros((2, 784), "float32"))
    return small


RIGHT_NETWORKS = {
    "functional": functional,
    "called": call_before_use,
    "activations as layers": lambda: network(
        dense(64), activation("relu"), dropout(0.3), dense(32), activation("relu"), dense(10), activation("softmax")
    ),
    "dropout before relu": lambda: network(dense(64), dropout(0.3), activation("relu"), relu(32), softmax()),
    "own function": lambda: network(
        dense(64, activation=lambda sums: keras.ops.maximum(sums, 0)), dropout(0.3), relu(32), softmax()
    ),
    "in two parts": lambda: network(keras.Sequential([relu(64), dropout(0.3), relu(32)]), softmax()),
    "named and compiled": lambda: network(relu(64, name="a"), dropout(0.3, name="b"), relu(32), softmax()),
}


def test_network_of_the_solution_is_right(says):
    assert "52,650" in says(
        exercises.build_as_described, run_solution("04", "build-as-described", keras=keras)["small_network"]
    )


@pytest.mark.parametrize("build", RIGHT_NETWORKS.values(), ids=RIGHT_NETWORKS)
def test_any_way_to_build_it_is_right(build, says):
    assert says(exercises.build_as_described, build()).startswith("✓ 04.3")


WRONG_NETWORKS = [
    (lambda: network(relu(64), dropout(0.3), relu(32)), "output layer is missing"),
    (lambda: network(relu(32), dropout(0.3), relu(64), softmax()), "swapped"),
    (lambda: network(relu(784), relu(64), dropout(0.3), relu(32), softmax()), "weights of its own"),
    (lambda: network(relu(64), dropout(0.3), softmax()), "second hidden layer is missing"),
    (lambda: network(relu(512), dropout(0.3), relu(256), softmax()), "lesson's network"),
    (lambda: network(relu(64), dropout(0.3), relu(33), softmax()), "784-64-33-10, wanted is 784-64-32-10"),
    (lambda: network(dense(64), dropout(0.3), relu(32), softmax()), "Hidden layer 1 has no activation"),
    (
        lambda: network(relu(64), dropout(0.3), dense(32, "sigmoid"), softmax()),
        "Hidden layer 2 has the activation sigmoid",
    ),
    (lambda: network(relu(64), dropout(0.3), relu(32), dense(10)), "last layer has no activation"),
    (lambda: network(relu(64), dropout(0.3), relu(32), dense(10, "sigmoid")), "has a sigmoid"),
    (lambda: network(relu(64), dropout(0.3), relu(32), relu(10)), "do not add up to 1"),
    (lambda: network(relu(64), dropout(0.3), relu(32), softmax(), activation("softmax")), "applied twice"),
    (lambda: network(relu(64), relu(32), softmax()), "no dropout"),
    (lambda: network(relu(64), relu(32), dropout(0.3), softmax()), "comes after the second hidden layer"),
    (lambda: network(dropout(0.3), relu(64), relu(32), softmax()), "comes after the pixels"),
    (lambda: network(relu(64), dropout(0.3), relu(32), dropout(0.3), softmax()), "2 dropout layers"),
    (lambda: network(relu(64), dropout(0.7), relu(32), softmax()), "share that is kept"),
    (lambda: network(relu(64), dropout(0.03), relu(32), softmax()), "dropout rate is 0.03"),
    (lambda: network(relu(64, use_bias=False), dropout(0.3), relu(32), softmax()), "no biases"),
    (lambda: network(relu(64), dropout(0.3), keras.layers.BatchNormalization(), relu(32), softmax()), "BatchNormal"),
    (lambda: network(relu(64), keras.layers.GaussianNoise(0.3), dropout(0.3), relu(32), softmax()), "GaussianNoise"),
    (lambda: network(keras.layers.Rescaling(2.0), relu(64), dropout(0.3), relu(32), softmax()), "stands Rescaling"),
    (lambda: network(dense(64), keras.layers.LeakyReLU(), dropout(0.3), relu(32), softmax()), "activation LeakyReLU"),
    (lambda: network(dense(64, "relu6"), dropout(0.3), relu(32), softmax()), "activation relu6"),
    (lambda: network(dense(64), activation("elu"), dropout(0.3), relu(32), softmax()), "activation elu"),
    (lambda: keras.Sequential([relu(64), dropout(0.3), relu(32), softmax()]), "how many inputs"),
    (
        lambda: keras.Sequential(
            [keras.Input((28, 28)), keras.layers.Flatten(), relu(64), dropout(0.3), relu(32), softmax()]
        ),
        "input has the shape (None, 28, 28)",
    ),
    (lambda: network(relu(64), dropout(0.3), relu(32), softmax()).compile("adam", "mse"), "compile() and summary()"),
    (lambda: [relu(64), dropout(0.3), relu(32), softmax()], "list of 4 layers"),
    (lambda: keras.Sequential, "a class"),
    (softmax, "single layer"),
    (lambda: "784-64-32-10", "a text"),
    (lambda: 52_650, "not a Keras network"),
    (lambda: keras.Sequential([]), "how many inputs"),
    (lambda: network(activation("relu")), "dense layers are others"),
]


@pytest.mark.parametrize(("build", "diagnosis"), WRONG_NETWORKS, ids=[diagnosis for _, diagnosis in WRONG_NETWORKS])
def test_wrong_networks(build, diagnosis, says):
    said = says(exercises.build_as_described, build())
    assert said.startswith("✗ 04.3")
    assert diagnosis in said


def test_looking_at_a_network_does_not_change_it(says):
    small = functional()
    before = [weight.copy() for weight in small.get_weights()]
    says(exercises.build_as_described, small)
    assert all(np.array_equal(*pair) for pair in zip(before, small.get_weights(), strict=True))
    assert not small.compiled
