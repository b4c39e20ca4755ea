"""The networks are those of the handout and of lesson 10."""

import keras
import numpy as np
import pytest

from course_utils.model import build_cnn, build_model, compile_model


def test_the_network_is_the_one_of_the_handout():
    layers = build_model().layers
    assert [type(layer).__name__ for layer in layers] == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]
    assert [layer.count_params() for layer in layers] == [401_920, 0, 131_328, 0, 2_570]
    assert [layer.rate for layer in layers if hasattr(layer, "rate")] == [0.5, 0.2]
    assert [layer.activation.__name__ for layer in layers[::2]] == ["relu", "relu", "softmax"]


def test_the_convolutional_network_is_the_one_of_lesson_10():
    layers = build_cnn().layers
    assert [type(layer).__name__ for layer in layers if layer.count_params()] == ["Conv2D", "Conv2D", "Conv2D", "Dense"]
    assert [layer.count_params() for layer in layers if layer.count_params()] == [160, 4_640, 18_496, 5_770]
    shapes = [(28, 28, 1), (26, 26, 16), (13, 13, 16), (11, 11, 32), (5, 5, 32), (3, 3, 64), (576,), (576,), (10,)]
    assert [layer.output.shape[1:] for layer in layers] == shapes
    vectors = np.arange(2 * 784, dtype=np.float32).reshape(2, 784)
    assert np.array_equal(layers[0](vectors)[..., 0], vectors.reshape(2, 28, 28)), "pixels keep their places"


@pytest.mark.parametrize("build", [build_model, build_cnn])
def test_it_predicts_probabilities_and_is_compiled_with_the_choices_of_the_handout(build):
    model = build()
    vectors = np.random.default_rng(0).random((4, 784), dtype=np.float32)
    assert np.sum(model(vectors), axis=1) == pytest.approx(1, abs=1e-5)
    compile_model(model, steps_per_execution=3)
    assert model.loss == "categorical_crossentropy"
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert model.steps_per_execution == 3
    assert sorted(model.evaluate(vectors, np.eye(10)[:4], verbose=0, return_dict=True)) == ["accuracy", "loss"]
