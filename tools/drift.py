"""Compare what a lesson builds in the open with the helper that later lessons import in its place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import Any

_close = partial(math.isclose, rel_tol=1e-4, abs_tol=1e-6)  # 1.96 and 1.959964 are the same
_PREPARED = "train_vectors[:999], one_hot_train_labels[:999]"
#: For each lesson: what it builds, and the module and expression of `course_utils` that give the same.
SAME = {
    "01": [("pickled[:200]", "data", "pickle_path.read_bytes()[:200]")],
    "02": [
        ("train_vectors[:99]", "preprocessing", "preprocess_images(dataset.train_images[:99])"),
        ("test_vectors[:99]", "preprocessing", "preprocess_images(dataset.test_images[:99])"),
    ],
    "03": [("one_hot_train_labels[:99]", "preprocessing", "one_hot(dataset.train_labels[:99])")],
    "04": [("model", "model", "build_model()"), ("compiled(model)", "model", "compiled(build_model(), compile_model)")],
    "05": [
        (
            f"train(zeros, linear_gradients, {_PREPARED}, learning_rate, num_epochs)",
            "softmax_regression",
            f"train({_PREPARED})",
        ),
        ("linear_probabilities(zeros, test_vectors[:99])", "softmax_regression", "predict(*zeros, test_vectors[:99])"),
    ],
    "06": [
        ("compiled(model)", "model", "compiled(build_model(), compile_model)"),
        ("seed", "training", "SEED"),
        ("batch_size", "training", "BATCH_SIZE"),
        ("num_epochs", "experiments", "Run().num_epochs"),
    ],
    "07": [
        (
            "(centre - half_width, centre + half_width)",
            "evaluation",
            "accuracy_interval(int(network_right.sum()), num_images)",
        )
    ],
    "09": [
        ("prepared", "handwriting", "prepare_drawing(drawing)"),
        ("shrunk", "handwriting", "shrink_drawing(drawing)"),
        ("photo_images", "photo", "find_digits(photo).images"),
    ],
    "10": [
        ("feature_layers[1:] + classifier_layers", "model", "build_cnn().layers"),
        ("seed", "training", "SEED"),
        ("batch_size", "training", "BATCH_SIZE"),
    ],
}


def find_drift(lesson: str, variables: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each of a lesson's `variables` that differs from what the helper makes."""
    found = []
    for built, module, helper in SAME.get(lesson, []):
        names = {**variables, "compiled": compiled}
        try:
            ours = dict(_parts(eval(built, names)))  # noqa: S307 - from the table above
        except NameError:  # a draft may not get that far; a test ensures that the lessons do
            continue
        theirs = dict(_parts(eval(helper, {**names, **vars(import_module(f"course_utils.{module}"))})))  # noqa: S307
        for name in {**ours, **theirs}:
            one, other = ours.get(name), theirs.get(name)
            if not (_close(one, other) if type(one) is type(other) is float else one == other):
                found.append(
                    f"{' '.join([built, *name])} is {one!r} in the lesson, but {other!r} in {helper} of "
                    f"course_utils/{module}.py, which later lessons use. Change both and the text about them, or "
                    "neither: see “To change X, touch Y” in CONTRIBUTING.md."
                )
                break
    return found


def compiled(model: Any, compile_model: Any = None) -> dict[str, Any]:  # noqa: ANN401 - Keras is imported by lessons
    """Return the choices of `compile` for a network, except those that change only its speed."""
    if compile_model:
        compile_model(model)
    chosen = model.get_compile_config()
    optimizer = {**chosen["optimizer"]["config"], "name": chosen["optimizer"]["class_name"]}
    return {"loss": chosen["loss"], "metrics": chosen["metrics"], "optimizer": optimizer}


def _parts(value: Any, *name: str) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401
    """Yield the numbers and words that make up a value, each with a name: ``(("dropout_1", "rate"), 0.5)``."""
    if hasattr(value, "layers"):
        value = {"input": value.input_shape} | {layer.name: layer for layer in value.layers}
    elif hasattr(value, "tolist"):
        array = {"dtype": str(value.dtype), "shape": value.shape, "values": value.tolist()}
        value = array if value.ndim else value.tolist()
    elif hasattr(value, "get_config"):
        value = {"kind": type(value).__name__, **value.get_config()}
    elif isinstance(value, list | tuple):
        value = {str(place): each for place, each in enumerate(value)}
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _parts(each, *name, key)
    else:
        yield name, value
