"""The drawing pad of lessons 00 and 09: the network classifies a digit while you draw it.

The browser draws, and converts the drawing to MNIST's format. It sends the 784 grey levels that the network would see,
and waits for the response before it sends the next ones. So the picture is there at once, requests never queue up
behind a slow kernel, and a page without Python (`make pad`) uses the same files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from course_utils.course import CourseError
from course_utils.data import Dataset
from course_utils.evaluation import accuracy_interval
from course_utils.handwriting import sample_handwritings
from course_utils.my_digits import MyDigits, keep_digit, keep_digits_of, load_my_digits, take_back_last_digit, to_text
from course_utils.preprocessing import preprocess_images
from course_utils.widgets.display import display_widget
from course_utils.widgets.widget import Explorer

if TYPE_CHECKING:
    import keras

_NUM_THUMBNAILS = 14  # the latest ones, a row or two
_ALT = (
    "Drawing pad (interactive in JupyterLab). Draw a digit with mouse, finger or pen, or choose one of thirty samples "
    "from a list; next to it are the 28 by 28 pixels that the network sees and its ten probabilities, updated as you "
    "draw."
)
_ALT_KEEP = f"{_ALT} Buttons keep the digit for a test set of your own."


def drawing_pad(model: keras.Model, dataset: Dataset | None = None) -> None:
    """Show a pad to draw digits on, which a network classifies at every stroke.

    Parameters
    ----------
    model : keras.Model
        Takes (n, 784) float32 in [0, 1] and gives (n, 10) probabilities, like the networks of the lessons.
    dataset : Dataset, optional
        What it was trained on; its accuracy on the test images is shown beside that on the digits kept from the pad
        (`course_utils.my_digits.load_my_digits`). Without it, as in lesson 00, no digit can be kept, and the drawing is
        only made smaller, not converted to MNIST's format.
    """
    samples = [handwriting._asdict() for handwriting in sample_handwritings()]
    is_first = dataset is None
    config = {"title": "Drawing pad", "samples": samples, "only_shrinks": is_first}
    config |= {"can_keep": not is_first, "can_add": not is_first}
    pad = DrawingPad(model, dataset)
    scripts = ("handwriting.js", "pad.js")
    display_widget(
        Explorer(*scripts, respond=pad.respond, request={"action": "load"}, config=config),
        _ALT if is_first else _ALT_KEEP,
    )


class DrawingPad:
    """What the pad needs from Python: a network, and a place for the digits that are kept."""

    def __init__(self, model: keras.Model, dataset: Dataset | None) -> None:
        self._model = model
        self._on_test_images: dict = {}
        if dataset is None:
            return
        predictions = model.predict(preprocess_images(dataset.test_images), batch_size=1000, verbose=0).argmax(axis=1)
        num_correct = int((predictions == dataset.test_labels).sum())
        self._on_test_images = _compare(f"{dataset.name} test images", num_correct, len(predictions))

    def respond(self, action: str, image: Sequence[int] = (), label: int = 0, text: str = "", time: int = 0) -> dict:
        """Classify an image, keep it, remove the one kept last, or save or add digits as the ``text`` of a file.

        ``time`` makes equal requests different.
        """
        images = np.array(image, np.uint8).reshape(-1, 28, 28)
        match action:
            case "classify":
                return {"probabilities": self._classify(images)[0].tolist()}
            case "keep":
                try:
                    return {"kept": self._describe(keep_digit(images[0], label))}
                except CourseError as error:
                    raise CourseError(f"{error} Undo brings the drawing back.") from error
            case "save":
                return {"file": to_text(load_my_digits())}
            case "add":
                return {"kept": self._describe(keep_digits_of(text))}
            case "take back":
                return {"kept": self._describe(take_back_last_digit())}
            case _:
                return {"kept": self._describe(load_my_digits())} if self._on_test_images else {}

    def _classify(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        # For one image, `predict` would spend far longer on preparations than the network needs.
        return self._model.predict_on_batch(preprocess_images(images))

    def _describe(self, kept: MyDigits) -> dict:
        predictions = self._classify(kept.images).argmax(axis=1) if len(kept.labels) else kept.labels
        yours = _compare("Your digits", int((predictions == kept.labels).sum()), len(kept.labels))
        latest = [
            {"image": image.tobytes(), "label": int(label), "prediction": int(prediction)}
            for image, label, prediction in zip(kept.images, kept.labels, predictions, strict=True)
        ]
        return {"comparison": [yours, self._on_test_images], "latest": latest[: -_NUM_THUMBNAILS - 1 : -1]}


def _compare(name: str, num_correct: int, num_images: int) -> dict:
    if not num_images:
        return {"name": name, "text": "none kept yet", "share": None}
    low, high = accuracy_interval(num_correct, num_images)
    share = num_correct / num_images
    percents = f"{100 * share:.1f}%, 95% interval {100 * low:.1f} to {100 * high:.1f}%"
    text = f"{num_correct:,} of {num_images:,} right: {percents}"
    return {"name": name, "text": text, "share": share, "low": low, "high": high}
