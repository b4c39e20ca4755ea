"""A lesson that differs from the helper that replaces it later is reported."""

import ast

import keras
import pytest
from keras.layers import Dense, Dropout

from course_utils.course import NOTEBOOKS, lesson_file
from course_utils.data import _embedded_digits
from course_utils.model import build_model, compile_model
from course_utils.preprocessing import one_hot, preprocess_images
from tools.clean_outputs import read_notebook
from tools.comparison.outputs import code_cells
from tools.drift import SAME, find_drift

DIGITS = _embedded_digits()
VECTORS = preprocess_images(DIGITS.train_images)


def model(*, pixels=784, sizes=(512, 256), activation="relu", rates=(0.5, 0.2), optimizer="adam", **options):
    layers = [keras.Input((pixels,), name="pixels")]
    for number, (size, rate) in enumerate(zip(sizes, rates, strict=True), 1):
        layers.append(Dense(size, activation=activation, name=f"hidden_{number}"))
        layers += [Dropout(rate, name=f"dropout_{number}")] if rate else []
    network = keras.Sequential([*layers, Dense(10, activation="softmax", name="probabilities")])
    network.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"], **options)
    return {"model": network}


def trained(rate=0.001, **changed):
    network = build_model()
    compile_model(network)
    network.optimizer.learning_rate = rate
    return {"model": network, "seed": 9, "batch_size": 128, "num_epochs": 30, **changed}


def prepared(vectors=VECTORS):
    return {"dataset": DIGITS, "train_vectors": vectors}


@pytest.mark.parametrize(
    ("lesson", "variables", "drift"),
    [
        ("04", model(), ""),
        ("04", model(steps_per_execution=7, optimizer=keras.optimizers.Adam()), ""),  # the same, written differently
        (
            "04",
            model(rates=(0.3, 0.2)),
            "model dropout_1 rate is 0.3 in the lesson, but 0.5 in build_model() of course",
        ),
        ("04", model(rates=(0.5, 0)), "model dropout_2"),
        ("04", model(sizes=(512, 128)), "model hidden_2 units is 128"),
        ("04", model(activation="tanh"), "'tanh' in the lesson"),
        ("04", model(pixels=785), "model input 1 is 785"),
        ("04", model(optimizer="rmsprop"), "compiled(model) optimizer name is 'RMSprop'"),
        ("04", model(optimizer=keras.optimizers.Adam(0.002)), "learning_rate is 0.002"),
        ("06", trained(), ""),
        ("06", trained(rate=0.01), "optimizer learning_rate is 0.0"),
        ("06", trained(seed=10), "seed is 10 in the lesson, but 9 in SEED of course_utils/training.py"),
        ("06", trained(batch_size=64), "batch_size is 64"),
        ("06", trained(num_epochs=20), "num_epochs is 20"),
        ("02", prepared(), ""),
        ("02", prepared(VECTORS * 255 / 256), "train_vectors[:99] values 0"),
        ("02", prepared(VECTORS.astype("float64")), "dtype is 'float64'"),
        ("03", {"dataset": DIGITS, "one_hot_train_labels": one_hot(DIGITS.train_labels, 11)}, "shape 1 is 11"),
    ],
)
def test_what_differs_is_named(lesson, variables, drift):
    found = find_drift(lesson, variables)
    assert bool(found) == bool(drift), found
    assert drift in "".join(found)


@pytest.mark.parametrize("lesson", SAME)
def test_the_lessons_build_what_is_compared(lesson):
    cells = code_cells(read_notebook(NOTEBOOKS / lesson_file(lesson)))
    nodes = [node for cell in cells for node in ast.walk(ast.parse(cell.source))]
    made = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    made |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)} | {"compiled"}
    for built, *_ in SAME[lesson]:
        missing = {node.id for node in ast.walk(ast.parse(built)) if isinstance(node, ast.Name)} - made
        assert not missing, f"Lesson {lesson} no longer makes {missing}: correct {built!r} in tools/drift.py."
