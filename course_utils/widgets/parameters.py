"""The explorer of lesson 04: how many parameters a network has, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from course_utils.preprocessing import NUM_CLASSES
from course_utils.widgets.display import display_widget
from course_utils.widgets.widget import Explorer

NUM_PIXELS = 28 * 28
MOST_NEURONS = 1024


def explore_parameters(hidden_sizes: Sequence[int], dropout_rates: Sequence[float]) -> None:
    """Count the parameters of each layer while sizes and dropout rates change.

    Parameters
    ----------
    hidden_sizes : sequence of two int
        Neurons in the two hidden layers at the start.
    dropout_rates : sequence of two float
        Fractions of their outputs that are dropped during training, at least 0 and less than 1.

    Raises
    ------
    ValueError
        If there are not two of each, or one of them is out of range.
    """
    if len(hidden_sizes) != 2 or not all(size >= 1 and size == int(size) for size in hidden_sizes):
        raise ValueError(f"hidden_sizes is {hidden_sizes}, expected two whole numbers of neurons, as in (512, 256).")
    if len(dropout_rates) != 2 or not all(0 <= rate < 1 for rate in dropout_rates):
        raise ValueError(
            f"dropout_rates is {dropout_rates}, expected two rates of at least 0 and less than 1, as in (0.5, 0.2)."
        )
    first: dict[str, list] = {
        "hidden_sizes": [int(size) for size in hidden_sizes],
        "dropout_rates": [float(rate) for rate in dropout_rates],
    }
    title = "Where the parameters are"
    config = {"title": title, "start": first, "most_neurons": max(MOST_NEURONS, *first["hidden_sizes"])}
    explorer = Explorer("parameters.js", respond=count_parameters, request=first, config=config)
    sizes = "-".join(map(str, [NUM_PIXELS, *first["hidden_sizes"], NUM_CLASSES]))
    counts = " + ".join(f"{layer['parameters']:,}" for layer in explorer.response["layers"] if layer["parameters"])
    alt = f"{title}. It begins with {sizes}: {counts} = {explorer.response['total']:,} (interactive in JupyterLab)."
    display_widget(explorer, alt)


def count_parameters(hidden_sizes: Sequence[int], dropout_rates: Sequence[float]) -> dict:
    """Count the parameters of 784-`hidden_sizes`-10, each hidden layer followed by dropout.

    Layers are named as in lesson 04, and counted as Keras counts them; only dropout layers have a ``rate``.
    """
    layers = []
    for number, (inputs, size) in enumerate(pairwise([NUM_PIXELS, *hidden_sizes, NUM_CLASSES]), start=1):
        is_hidden = number <= len(hidden_sizes)
        name = f"hidden_{number}" if is_hidden else "probabilities"
        layers.append({"name": name, "inputs": inputs, "outputs": size, "parameters": inputs * size + size})
        if is_hidden:
            name, rate = f"dropout_{number}", dropout_rates[number - 1]
            layers.append({"name": name, "rate": rate, "inputs": size, "outputs": size, "parameters": 0})
    return {"layers": layers, "total": sum(layer["parameters"] for layer in layers)}
