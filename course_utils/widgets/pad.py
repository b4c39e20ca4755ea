"""The drawing pad of lesson 07: the network reads a digit while it is drawn.

The browser draws, and brings the drawing into MNIST's form; of what the network would see it sends 784 bytes at a time,
a question each, and waits for the answer before it asks again. So the picture is there at once, events never queue up
behind a slow kernel, and a page without Python (`make pad`) uses the same files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets

from course_utils.data import Dataset
from course_utils.evaluation import accuracy_interval
from course_utils.handwriting import sample_handwritings
from course_utils.my_digits import MyDigits, keep_digit, load_my_digits, take_back_last_digit
from course_utils.preprocessing import preprocess_images
from course_utils.widgets.display import display_widget

if TYPE_CHECKING:
    import keras

BROWSER_FOLDER = Path(__file__).parent / "browser"
_NUM_THUMBNAILS = 14  # the latest ones, a row or two
_ALT = (
    "Drawing pad, alive in JupyterLab. Draw a digit with mouse, finger or pen, or choose one of thirty samples from a "
    "list; beside it stand the 28 by 28 pixels that the network sees and its ten probabilities, which follow the pen. "
    "Buttons keep the digit for a test set of your own."
)


def drawing_pad(model: keras.Model, dataset: Dataset) -> None:
    """Show a pad to draw digits on, which a network reads at every stroke.

    Parameters
    ----------
    model : keras.Model
        Takes (n, 784) float32 in [0, 1] and gives (n, 10) probabilities, as those of the lessons.
    dataset : Dataset
        What it was trained on; its accuracy on the test images is shown beside that on the digits kept from the pad
        (`course_utils.my_digits.load_my_digits`).
    """
    display_widget(_DrawingPad(model, dataset), _ALT)


class _DrawingPad(anywidget.AnyWidget):
    _esm = "\n".join(
        (BROWSER_FOLDER / name).read_text(encoding="utf-8") for name in ("handwriting.js", "pad.js", "widget.js")
    )
    _css = BROWSER_FOLDER / "pad.css"
    samples = traitlets.List().tag(sync=True)

    def __init__(self, model: keras.Model, dataset: Dataset) -> None:
        super().__init__(samples=[handwriting._asdict() for handwriting in sample_handwritings()])
        self._network = model
        predictions = model.predict(preprocess_images(dataset.test_images), batch_size=1000, verbose=0).argmax(axis=1)
        num_correct = int((predictions == dataset.test_labels).sum())
        self._on_test_images = _compare(f"{dataset.name} test images", num_correct, len(predictions))
        self.on_msg(self._on_question)

    def _on_question(self, _: anywidget.AnyWidget, question: dict[str, Any], buffers: list[memoryview]) -> None:
        images = [np.frombuffer(buffer, np.uint8).reshape(28, 28) for buffer in buffers]
        try:
            answer, pictures = self._answer(question, images)
        except Exception as error:  # whatever it is, it must be told on the pad: nobody sees an exception in here
            answer, pictures = {"error": str(error) or type(error).__name__}, []
        self.send({"view": question["view"], "number": question["number"], **answer}, pictures)

    def _answer(self, question: dict[str, Any], images: list[np.ndarray]) -> tuple[dict[str, Any], list[bytes]]:
        match question:
            case {"ask": "read"}:
                return {"probabilities": self._read(images[0][np.newaxis])[0].tolist()}, []
            case {"ask": "keep", "label": label}:
                return self._describe(keep_digit(images[0], label))
            case {"ask": "take back"}:
                return self._describe(take_back_last_digit())
            case _:
                return self._describe(load_my_digits())

    def _read(self, images: np.ndarray) -> np.ndarray:
        # One image at a time, `predict` would spend far longer on its preparations than the network on the image.
        return self._network.predict_on_batch(preprocess_images(images))

    def _describe(self, kept: MyDigits) -> tuple[dict[str, Any], list[bytes]]:
        predictions = self._read(kept.images).argmax(axis=1) if len(kept.labels) else kept.labels
        yours = _compare("Your digits", int((predictions == kept.labels).sum()), len(kept.labels))
        latest = [
            {"label": int(label), "prediction": int(prediction)}
            for label, prediction in zip(kept.labels, predictions, strict=True)
        ]
        pictures = [image.tobytes() for image in kept.images]
        return {
            "comparison": [yours, self._on_test_images],
            "latest": latest[: -_NUM_THUMBNAILS - 1 : -1],
        }, pictures[: -_NUM_THUMBNAILS - 1 : -1]


def _compare(name: str, num_correct: int, num_images: int) -> dict[str, Any]:
    if not num_images:
        return {"name": name, "text": "none kept yet", "share": None}
    low, high = accuracy_interval(num_correct, num_images)
    share = num_correct / num_images
    percents = f"{100 * share:.1f} %, 95 % interval {100 * low:.1f} to {100 * high:.1f} %"
    text = f"{num_correct:,} of {num_images:,} right: {percents}"
    return {"name": name, "text": text, "share": share, "low": low, "high": high}
