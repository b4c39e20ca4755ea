"""``pad``: the drawing pad of lesson 07 as one file that needs no Python, for a phone or a projector."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from course_utils.handwriting import sample_handwritings
from course_utils.model import build_model
from course_utils.training import REFERENCE_FOLDER
from course_utils.widgets.pad import BROWSER_FOLDER
from course_utils.workspace import atomic_path


def write_pad_page(build: Path) -> Path:
    """Write ``pad.html``: the pad, the network recorded with the course, and its forward pass in JavaScript.

    Parameters
    ----------
    build
        Folder to write to; created when missing.

    Returns
    -------
    pathlib.Path
        The file, some 3 MB: its weights are float32 in base64. It refers to nothing outside itself, and forbids the
        browser to fetch anything.

    Raises
    ------
    OSError
        The file cannot be written; what was there before is still there.
    """
    model = build_model()
    model.load_weights(REFERENCE_FOLDER / "mnist.weights.h5")
    weights = model.get_weights()  # kernel and biases of each dense layer, in order
    content = {
        "style": _read("pad.css") + _read("page.css"),
        "script": _read("handwriting.js") + _read("pad.js") + _read("page.js"),
        "samples": json.dumps([handwriting._asdict() for handwriting in sample_handwritings()]),
        "sizes": json.dumps([kernel.shape[0] for kernel in weights[::2]] + [len(weights[-1])]),
        "num_parameters": f"{model.count_params():,}",
        "weights": base64.b64encode(b"".join(part.astype("<f4").tobytes() for part in weights)).decode("ascii"),
    }
    page = _read("page.html")
    for name, text in content.items():
        page = page.replace(f"{{{{ {name} }}}}", text)
    build.mkdir(parents=True, exist_ok=True)
    with atomic_path(build / "pad.html") as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return build / "pad.html"


def _read(name: str) -> str:
    return (BROWSER_FOLDER / name).read_text(encoding="utf-8")
