"""Figures are shown once, with a text alternative; what they look like is compared with the recorded lessons."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.utils.capture import capture_output
from PIL import Image

from course_utils.plotting import plot_digits, show_figure

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)


@pytest.mark.usefixtures("shell")
def test_a_figure_is_shown_once_at_its_own_size_with_its_alternative_and_whole_epochs():
    figure, axis = plt.subplots(figsize=(3, 2))
    axis.plot([1, 2], [0.5, 0.6])
    axis.set_xlabel("epoch")
    with capture_output() as captured:
        show_figure(figure, alt="Two epochs.")
    (output,) = captured.outputs
    assert output.data["text/plain"] == "Two epochs."
    assert output.metadata == {"image/png": {"alt": "Two epochs."}}
    assert Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).size == (300, 200)
    assert not plt.fignum_exists(figure.number)
    assert all(tick.is_integer() for tick in axis.get_xticks())


@pytest.mark.parametrize("num_images", [0, 5, 7])
def test_each_digit_is_drawn_under_its_title(num_images):
    figure = plot_digits(IMAGES[:num_images], [f"digit {number}" for number in range(num_images)], "Some digits")
    shown = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in shown] == [f"digit {number}" for number in range(num_images)]
    assert all(np.array_equal(axis.images[0].get_array(), image) for axis, image in zip(shown, IMAGES, strict=False))
    plt.close(figure)
    with pytest.raises(ValueError, match=f"9 titles for {num_images} images"):
        plot_digits(IMAGES[:num_images], [""] * 9, "")
