"""Contracts of course_utils.model and of the weights recorded with the course."""

import keras
import numpy as np
import pytest

from course_utils.model import build_cnn, build_model, compile_model


def test_the_network_is_the_one_of_the_handout():
    model = build_model()
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]
    assert [layer.count_params() for layer in model.layers] == [401_920, 0, 131_328, 0, 2_570]
    assert [layer.rate for layer in model.layers if hasattr(layer, "rate")] == [0.5, 0.2]
    assert [layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")] == [
        "relu",
        "relu",
        "softmax",
    ]


def test_the_convolutional_network_is_the_one_of_lesson_08():
    model = build_cnn()
    assert [(type(layer).__name__, layer.count_params()) for layer in model.layers if layer.count_params()] == [
        ("Conv2D", 160),
        ("Conv2D", 4_640),
        ("Conv2D", 18_496),
        ("Dense", 5_770),
    ]
    assert [layer.output.shape[1:] for layer in model.layers] == [
        (28, 28, 1),
        (26, 26, 16),
        (13, 13, 16),
        (11, 11, 32),
        (5, 5, 32),
        (3, 3, 64),
        (576,),
        (576,),
        (10,),
    ]


def test_it_sees_the_pixels_where_they_were():
    vectors = np.arange(2 * 784, dtype=np.float32).reshape(2, 784)
    assert np.array_equal(build_cnn().get_layer("picture")(vectors)[..., 0], vectors.reshape(2, 28, 28))


@pytest.mark.parametrize("build", [build_model, build_cnn])
def test_answers_are_probabilities(build):
    answers = build().predict(np.random.default_rng(0).random((4, 784), dtype=np.float32), verbose=0)
    assert answers.shape == (4, 10)
    assert answers.min() >= 0
    assert answers.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_it_is_compiled_with_the_choices_of_the_handout():
    model = build_model()
    compile_model(model, steps_per_execution=3)
    assert model.loss == "categorical_crossentropy"
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert model.steps_per_execution == 3
    history = model.fit(np.zeros((4, 784)), np.eye(10)[:4], verbose=0).history
    assert sorted(history) == ["accuracy", "loss"]
