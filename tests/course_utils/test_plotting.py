"""Figures are shown once, with a text alternative; digits and strips show every number."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from course_utils.plotting import plot_digits, plot_strips, show_figure

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_a_figure_is_shown_once_at_its_own_size_with_its_alternative():
    InteractiveShell.instance()  # displaying needs a running IPython, as in a kernel
    figure, _ = plt.subplots(figsize=(3, 2))
    with capture_output() as captured:
        show_figure(figure, alt="An empty figure.")
    InteractiveShell.clear_instance()
    (output,) = captured.outputs
    assert output.data["text/plain"] == "An empty figure."
    assert output.metadata == {"image/png": {"alt": "An empty figure."}}
    assert Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).size == (300, 200)
    assert not plt.fignum_exists(figure.number)


@pytest.mark.parametrize("num_images", [0, 5, 7])
def test_each_digit_stands_under_its_title_and_spare_places_are_blank(num_images):
    figure = plot_digits(IMAGES[:num_images], [f"digit {number}" for number in range(num_images)], "Some digits")
    shown = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in shown] == [f"digit {number}" for number in range(num_images)]
    assert all(np.array_equal(axis.images[0].get_array(), image) for axis, image in zip(shown, IMAGES, strict=False))
    assert figure.get_suptitle() == "Some digits"
    assert len(figure.axes) == max(5, -(-num_images // 5) * 5)


def test_ink_is_dark_on_white():
    figure = plot_digits(np.array([[[0, 255]]], dtype=np.uint8), [""], "")
    assert figure.axes[0].images[0].cmap([0.0, 1.0])[:, 0].tolist() == [1.0, 0.0]


def test_titles_must_match_the_images():
    with pytest.raises(ValueError, match="6 titles for 7 images"):
        plot_digits(IMAGES, [""] * 6, "")


def test_strips_have_a_dot_for_each_number_and_a_bar_at_each_mean():
    groups = {"none": [0.1, 0.4], "some": [0.3, 0.3, 0.6], "one": [0.5]}
    (axis,) = plot_strips(groups, "Three rows", "accuracy", "dropout").axes
    assert (axis.get_title(), axis.get_xlabel(), axis.get_ylabel()) == ("Three rows", "accuracy", "dropout")
    assert [label.get_text() for label in axis.get_yticklabels()] == list(groups)
    dots, bars = axis.lines[0::2], axis.lines[1::2]
    assert [list(line.get_xdata()) for line in dots] == list(groups.values())
    assert [line.get_xdata()[0] for line in bars] == pytest.approx([0.25, 0.4, 0.5])
    for row, (dot, bar) in enumerate(zip(dots, bars, strict=True)):
        assert len(set(dot.get_ydata())) == len(dot.get_ydata()), "equal numbers do not hide each other"
        assert np.abs(np.concatenate([dot.get_ydata(), bar.get_ydata()]) - row).max() < 0.5
    assert axis.yaxis_inverted()
    assert axis.get_legend_handles_labels()[1] == ["one training", "mean"]
