"""Strokes become images in MNIST's format."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from course_utils.course import REFERENCE
from course_utils.handwriting import PENS, draw_strokes, prepare_drawing, sample_handwritings, shrink_drawing
from course_utils.model import build_model
from course_utils.preprocessing import preprocess_images

SAMPLES = sample_handwritings()
LABELS = np.array([sample.digit for sample in SAMPLES])


def in_a_corner(strokes):
    return [[(0.06 + 0.4 * x, 0.04 + 0.4 * y) for x, y in points] for points in strokes]


def test_a_line_is_as_wide_as_the_pen_and_grey_only_at_its_edges():
    drawing = draw_strokes([[(0.2, 0.5), (0.8, 0.5)]], pen=0.1)
    assert (drawing.shape, drawing.dtype) == ((280, 280), np.uint8)
    assert (drawing[:, 140] == 255).sum() == 28
    assert drawing[140, :40].max() == 0
    assert drawing[140, 60:220].min() == 255
    dot = draw_strokes([[(0.5, 0.5)]], pen=0.1)
    assert dot.sum() / 255 == pytest.approx(np.pi * 14**2, rel=0.01)
    assert not draw_strokes([[(4.0, 4.0)]]).any(), "what lies beyond the pad is cut off"
    assert not prepare_drawing(draw_strokes([])).any()


@pytest.mark.parametrize("pen", PENS.values(), ids=PENS.keys())
def test_a_prepared_digit_has_the_size_and_place_of_those_in_mnist(pen):
    for sample in SAMPLES:
        drawing = draw_strokes(sample.strokes, pen)
        image = prepare_drawing(drawing)
        assert image.dtype == np.uint8
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
        assert np.abs(np.array(ndimage.center_of_mass(image)) - 14).max() <= 0.5
        moved = np.zeros((560, 560), np.uint8)
        moved[250:530, 13:293] = drawing
        assert (prepare_drawing(moved) == image).all()
        twice = np.kron(drawing, np.ones((2, 2), np.uint8))
        assert np.abs(prepare_drawing(twice) - image.astype(int)).max() < 16


def test_no_ink_is_pushed_out_of_the_image():
    lopsided = np.zeros((100, 100), np.uint8)
    lopsided[:, :3] = 255
    lopsided[50, :] = 1
    image = prepare_drawing(lopsided)
    assert np.flatnonzero(image.any(axis=1)).size == 20
    assert image[:, 8].max() > 100
    assert not image[:, :8].any()


SEVEN = draw_strokes(SAMPLES[21].strokes)
WHITE = np.full_like(SEVEN, 255)
NOISE = np.random.default_rng(4).integers(0, 6, SEVEN.shape, np.uint8)
SAME_SEVEN = {
    "RGB": np.dstack([SEVEN] * 3),
    "RGBA": np.dstack([SEVEN] * 3 + [WHITE]),
    "black ink on nothing": np.dstack([0 * SEVEN] * 3 + [SEVEN]),
    "white ink on nothing, 0 to 1": np.dstack([WHITE, SEVEN]) / 255,
    "colours": Image.fromarray(SEVEN).convert("CMYK"),
    "a palette": Image.fromarray(255 - SEVEN).convert("P"),
    "booleans": SEVEN > 127,
    "zeros and ones": (SEVEN > 127).astype(int).tolist(),
    "1-bit, a black pen": Image.fromarray(SEVEN < 128),
    "a black pen": 255 - SEVEN,
    "a black pen, scanned": 255 - np.maximum(SEVEN, NOISE),
    "a dark screen": np.maximum(SEVEN, 30),
    "0 to 1": SEVEN / 255,
    "0 to 255": SEVEN.astype(np.int64),
    "an axis too many": SEVEN[..., np.newaxis],
    "a batch of one": SEVEN[np.newaxis],
}


@pytest.mark.parametrize("picture", SAME_SEVEN.values(), ids=SAME_SEVEN)
def test_a_digit_in_any_form_is_prepared_the_same_way(picture):
    assert np.abs(prepare_drawing(picture).astype(int) - prepare_drawing(SEVEN)).max() < 24
    assert np.abs(shrink_drawing(picture).astype(int) - shrink_drawing(SEVEN)).mean() < 3


NO_PICTURE = [
    (np.moveaxis(SAME_SEVEN["RGB"], 2, 0), r"shape \(3, 280, 280\), .* channels last"),
    (np.stack([SEVEN] * 9), r"shape \(9, 280, 280\), .*pass one picture"),
    (SEVEN.ravel(), r"shape \(78400,\)"),
    (SEVEN[:0], r"shape \(0, 280\)"),
    ("seven.png", "open the file with PIL.Image.open"),
    (SEVEN * np.float32("nan"), "from nan to nan, expected 0 to 255"),
    (SEVEN / 255 - 0.5, "from -0.5 to 0.5"),
    (SEVEN.astype(np.uint16) * 257, "from 0 to 65535"),
    (100 + SEVEN // 4, "which grey level is the paper"),
    (np.linspace(50, 250, 784).reshape(28, 28), "leave a margin"),
]


@pytest.mark.parametrize(("picture", "match"), NO_PICTURE)
def test_a_picture_that_may_not_be_one_digit_is_rejected(picture, match):
    with pytest.raises(ValueError, match=match):
        prepare_drawing(picture)


def test_the_reference_network_classifies_the_samples_only_when_they_are_prepared():
    model = build_model()
    model.load_weights(REFERENCE / "mnist.weights.h5")

    def num_correct(prepare, pen, place):
        images = np.array([prepare(draw_strokes(place(sample.strokes), PENS[pen])) for sample in SAMPLES])
        return (model.predict(preprocess_images(images), verbose=0).argmax(axis=1) == LABELS).sum()

    for pen, place in (("medium", list), ("medium", in_a_corner), ("thick", list)):
        assert num_correct(prepare_drawing, pen, place) >= 27
    assert num_correct(shrink_drawing, "medium", in_a_corner) <= 10
