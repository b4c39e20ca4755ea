"""``make pad``: the drawing pad of lesson 09 in one file that needs no Python, for a phone or a projector."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import keras

from course_utils.course import BUILD, REFERENCE
from course_utils.handwriting import sample_handwritings
from course_utils.model import build_model
from course_utils.widgets.widget import CSS, JS, sources
from course_utils.workspace import atomic_path

TEMPLATE = Path(__file__).with_name("pad_page.html")


def pad_page() -> str:
    """Return a page with the pad, the recorded network (3 MB in base64) and its forward pass in JavaScript."""
    model = build_model()
    model.load_weights(REFERENCE / "mnist.weights.h5")
    network = network_in_numbers(model) | {"samples": [handwriting._asdict() for handwriting in sample_handwritings()]}
    modules = sources("shared.js", "handwriting.js", "network.js", "pad.js", "page.js")
    page = TEMPLATE.read_text(encoding="utf-8")
    for name, text in {
        "style": CSS.read_text(encoding="utf-8"),
        "loader": (JS / "loader.js").read_text(encoding="utf-8"),
        "modules": json.dumps(modules).replace("<", "\\u003c"),  # otherwise an end tag in a string would end the script
        "network": json.dumps(network),
        "num_parameters": f"{model.count_params():,}",
    }.items():
        page = page.replace(f"{{{{ {name} }}}}", text)
    return page


def network_in_numbers(model: keras.Model) -> dict[str, Any]:
    """Return the sizes of a network's layers, and its weights as little-endian float32 in base64."""
    weights = model.get_weights()  # the kernel and the biases of each dense layer, in order
    return {
        "sizes": [*(len(kernel) for kernel in weights[::2]), len(weights[-1])],
        "weights": base64.b64encode(b"".join(part.astype("<f4").tobytes() for part in weights)).decode("ascii"),
    }


def write_pad_page(build: Path = BUILD) -> int:
    """Write ``build/pad.html``, which needs no other file and does not let the browser fetch anything."""
    page = pad_page()
    build.mkdir(parents=True, exist_ok=True)
    with atomic_path(build / "pad.html") as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    print(f"Open {build.name}/pad.html ({len(page) / 1e6:.1f} MB) in any browser, or copy it to a phone.")
    return 0
