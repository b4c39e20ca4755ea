"""What counts as the same output, and how a difference is reported."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from PIL import Image

from tools.comparison.compare import Tolerance, compare
from tools.comparison.pictures import PICTURE_TOLERANCE, picture_distance

EXACT = Tolerance()
LOOSE = Tolerance(absolute=0.002)


def printed(text: str, name: str = "stdout"):
    return new_output("stream", name=name, text=text)


def shown(metadata=None, **data):
    names = {"plain": "text/plain", "html": "text/html", "png": "image/png", "json": "application/json"}
    return new_output("display_data", {names[key]: value for key, value in data.items()}, metadata=metadata or {})


def text_differences(recorded: str, new: str, tolerance: Tolerance) -> list[str]:
    return [one.sentence for one in compare([printed(recorded)], [printed(new)], tolerance).differences]


def differences(recorded, new, tolerance: Tolerance):
    return compare([recorded], [new], tolerance).differences


# --- words and numbers -----------------------------------------------------------------------------------------------

EQUAL = [
    ("accuracy: 0.9844", "accuracy: 0.9851", LOOSE),
    ("accuracy: 0.9844", "accuracy: 0.9864", LOOSE),  # on the limit, where binary fractions would be just beyond
    ("loss -0.0010", "loss 0.0005", LOOSE),
    ("1e-3", "1.5e-03", LOOSE),
    ("98.44%", "98.46%", Tolerance(absolute=0.05)),
    ("0.0600", "0.0612", Tolerance(relative=0.05)),
    ("401,920 parameters", "401,950 parameters", Tolerance(absolute=30)),
    ("999 of 10,000", "1,001 of 10,000", Tolerance(absolute=2)),
    ("25-30", "25-31", Tolerance(absolute=1)),
    ("[nan inf -inf]", "[nan inf -inf]", LOOSE),
    ("\x1b[1mModel\x1b[0m", "Model", EXACT),
    ("469/469 - 3s - 6ms/step - accuracy: 0.91", "469/469 - 12s - 850us/step - accuracy: 0.91", EXACT),
    ("Epoch 1/2\n 79/79 - 1s - 2s/step\n", "Epoch 1/2\n 79/79 - 0s - 900ms/step\n", EXACT),
    # Alignment follows the width of a number that moved within tolerance.
    ("[[ 9.  1.]\n [ 8.  2.]]", "[[10.  1.]\n [ 8.  2.]]", Tolerance(absolute=1)),
    ("[[10.  1.]\n [ 8.  2.]]", "[[9. 1.]\n [8. 2.]]", Tolerance(absolute=1)),
    ("  loss\n  ----\n 0.999", "   loss\n  -----\n 1.0001", LOOSE),
    ("[0.999 0.5\n 0.5]", "[1.0001 0.5 0.5]", LOOSE),
]
DIFFERENT = [
    ("0.9", "0.90", EXACT),
    ("-0.5", "0.5", EXACT),
    ("401,920", "401920", EXACT),
    ("0.9844", "0.9865", LOOSE),
    ("0.0600", "0.0640", Tolerance(relative=0.05)),
    ("401,920", "401,919,920", Tolerance(absolute=30)),
    ("Epoch 3/30", "Epoch 4/30", LOOSE),
    ("25-30", "25-31", LOOSE),
    ("nan", "0.5", Tolerance(absolute=1e9)),
    ("inf", "-inf", Tolerance(absolute=1e9)),
    # Digits that belong to words are words, whatever the tolerance.
    ("uint8", "uint9", Tolerance(absolute=5)),
    ("conv2d_1", "conv2d_2", Tolerance(absolute=5)),
    ("keras 3.15.1", "keras 3.15.2", Tolerance(absolute=5)),
    ("#00af00", "#00af01", Tolerance(absolute=5)),
    ("took 3s", "took 4s", Tolerance(absolute=5)),
    ("accuracy 0.98", "accurracy 0.98", LOOSE),
    ("one", "one\ntwo", LOOSE),
    ("a b", "ab", LOOSE),
    ("[1 2 3]", "[1 2]", Tolerance(absolute=9)),
    # Layout counts where no number gives a reason for it to change.
    ("a\n\nb", "a\nb", LOOSE),
    ("-----", "------", LOOSE),
    ("  0.5", " 0.6", Tolerance(absolute=1)),
    # Only what Keras prints is left out, and only where Keras prints it.
    ("469/469 - 3s - 6ms/step - accuracy: 0.91", "468/469 - 3s - 6ms/step - accuracy: 0.91", EXACT),
    ("469/469 - 3s - 6ms/step - accuracy: 0.91", "469/469 - 3s - 6ms/step - accuracy: 0.92", EXACT),
    ("it took - 3s - 6ms/step", "it took - 4s - 6ms/step", EXACT),
    ("x 469/469 - 3s - 6ms/step", "x 469/469 - 4s - 6ms/step", EXACT),
]


@pytest.mark.parametrize(("recorded", "new", "tolerance"), EQUAL)
def test_equal_texts(recorded, new, tolerance):
    assert text_differences(recorded, new, tolerance) == []


@pytest.mark.parametrize(("recorded", "new", "tolerance"), DIFFERENT)
def test_different_texts(recorded, new, tolerance):
    assert text_differences(recorded, new, tolerance)


def test_numpy_array_may_realign():
    before = np.array([[0.9996, 12.5], [0.25, 100.0]])
    after = np.array([[1.0001, 12.5], [0.25, 100.001]])
    assert str(before) != str(after)
    assert not differences(shown(plain=str(before)), shown(plain=str(after)), LOOSE)
    assert differences(shown(plain=str(before)), shown(plain=str(after + 0.01)), LOOSE)


@pytest.mark.parametrize("change", [{"loss": [0.51, 0.25]}, {"loss": [0.5]}, {"name": "run 2"}, {"done": 1}])
def test_json_is_compared_as_text(change):
    recorded = {"loss": [0.5, 0.25], "name": "run 1", "done": True}
    assert not differences(shown(json=recorded), shown(json={**recorded, "loss": [0.501, 0.25]}), LOOSE)
    assert differences(shown(json=recorded), shown(json={**recorded, **change}), LOOSE)


# --- sentences -------------------------------------------------------------------------------------------------------


def test_a_moved_number_is_reported_with_place_name_and_tolerances():
    recorded = "Epoch 29/30\nx\nEpoch 30/30\n469/469 - 3s - 6ms/step - accuracy: 0.9991 - val_accuracy: 0.9844\n"
    new = recorded.replace("0.9844", "0.9851")
    [difference] = differences(printed(recorded), printed(new), Tolerance(absolute=0.0002))
    assert difference.sentence == (
        "output 1, line 4, number 4 (val_accuracy at epoch 30): "
        "0.9844 → 0.9851, moved by 0.0007, 3.5 tolerances of 0.0002"
    )
    assert difference.short == "val_accuracy at epoch 30 0.9844 → 0.9851"


@pytest.mark.parametrize(
    ("recorded", "new", "sentence"),
    [
        ("a 1\nb 2 3", "a 1\nb 2 4", "output 1, line 2, number 2: 3 → 4, moved by 1, where the tolerance is 0"),
        ("one\ntwo 2\nthree", "one\ntoo 2\nthree", "output 1, line 2: expected “two 2”, found “too 2”"),
        ("a\nb\nc", "a\nc", "output 1, line 2: missing: “b”"),
        ("a\nc", "a\nb\nc", "output 1, new line 2: not expected: “b”"),
        ("a  b", "a b", "output 1, line 1: the layout changed, expected “a  b”, found “a b”"),
        (
            "x" * 500 + " left",
            "x" * 500 + " right",
            f"output 1, line 1: expected “…{'x' * 59} left”, found “…{'x' * 59} right”",
        ),
    ],
)
def test_sentences(recorded, new, sentence):
    assert text_differences(recorded, new, EXACT) == [sentence]


def test_every_number_that_moves_is_counted():
    found = compare([printed("0.5 0.25 1")], [printed("0.501 0.26 1")], LOOSE)
    assert len(found.differences) == 1
    assert [float(new - old) for old, new in found.numbers] == pytest.approx([0.001, 0.01])


# --- outputs as a whole ----------------------------------------------------------------------------------------------

RESULT = new_output("execute_result", {"text/plain": "1"}, execution_count=3)
ERROR = new_output("error", ename="ValueError", evalue="no 8", traceback=["at line 1"])


def changed(output, **entries):
    return NotebookNode({**output, **entries})


@pytest.mark.parametrize(
    ("recorded", "new"),
    [
        ([], [printed("a")]),
        ([printed("a")], []),
        ([printed("a"), shown(plain="b")], [shown(plain="b"), printed("a")]),
        ([shown(plain="b")], [shown(html="b")]),
        ([shown(plain="1")], [RESULT]),
        ([shown(plain="b")], [shown(plain="b", metadata={"image/png": {"alt": "figure"}})]),
        ([ERROR], []),
        ([ERROR], [changed(ERROR, ename="TypeError")]),
        ([printed("a", "stderr")], [printed("a", "stderr")]),
        ([printed("a", "stderr")], []),
    ],
)
def test_different_outputs(recorded, new):
    assert compare(recorded, new, LOOSE).differences


@pytest.mark.parametrize(
    ("recorded", "new"),
    [
        ([RESULT], [changed(RESULT, execution_count=9)]),
        ([ERROR], [changed(ERROR, traceback=["at line 2"])]),
        ([printed("a\nb\n")], [printed("a\n"), printed("b\n")]),
        ([printed("50%\r100%\n")], [printed("100%\n")]),
        ([], [changed(RESULT, data={"application/vnd.jupyter.widget-view+json": {"model_id": "1"}})]),
    ],
)
def test_equal_outputs(recorded, new):
    assert not compare(recorded, new, EXACT).differences


def test_widget_view_is_left_out_and_its_text_is_not():
    def widget(model_id: str, text: str):
        data = {"application/vnd.jupyter.widget-view+json": {"model_id": model_id}, "text/plain": text}
        return new_output("display_data", data)

    assert not differences(widget("1", "bar"), widget("2", "bar"), EXACT)
    assert not differences(shown(plain="bar"), widget("2", "bar"), EXACT)
    assert differences(widget("1", "bar"), widget("1", "baz"), EXACT)


def test_alternative_text_is_compared_as_text():
    def picture(alt: str):
        return shown(png=png(figure()), metadata={"image/png": {"alt": alt}})

    assert not differences(picture("ends at 0.984"), picture("ends at 0.985"), LOOSE)
    [difference] = differences(picture("Two curves"), picture("One curve"), LOOSE)
    assert "metadata" in difference.sentence
    assert "One curve" in difference.sentence


@pytest.mark.parametrize(
    "declared",
    [
        0.1,
        {"absolut": 1},
        {"absolute": -1},
        {"absolute": "1"},
        {"absolute": float("nan")},
        {"relative": True},
        {"picture_not_compared": True},
        {"picture_not_compared": " "},
    ],
)
def test_wrong_tolerance_is_refused(declared):
    with pytest.raises(ValueError, match="tolerance"):
        Tolerance.of(new_code_cell(metadata={"tolerance": declared}))


def test_tolerance_is_read_from_the_cell():
    cell = new_code_cell(metadata={"tolerance": {"absolute": 0.1, "picture_not_compared": "it moves"}})
    assert Tolerance.of(cell) == Tolerance(absolute=0.1, picture_not_compared="it moves")
    assert Tolerance.of(new_code_cell()) == EXACT


# --- pictures --------------------------------------------------------------------------------------------------------


def figure(
    title="Accuracy",
    labels=("training", "test"),
    colors=("C0", "C1"),
    styles=("-", "--"),
    shift=0,
    up=0.0,
) -> Figure:
    """Draw curves like those of the lesson, with a fault or none."""
    epochs = np.arange(1, 31)
    drawn = Figure(figsize=(7, 4))
    axes = drawn.subplots()
    curves = (0.998 - 0.08 * np.exp(-epochs / 4), 0.984 - 0.03 * np.exp(-epochs / 3) + 6e-4 * np.sin(epochs))
    for number, curve in enumerate(curves):
        axes.plot(epochs + shift * number, curve + up, styles[number], color=colors[number], label=labels[number])
    axes.set(ylim=(0.9, 1), title=title, xlabel="epoch", ylabel="accuracy")
    axes.legend()
    return drawn


def png(drawn: Figure) -> str:
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=72)
    return base64.b64encode(buffer.getvalue()).decode()


def image(data: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data)))


def encoded(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


FAULTY = {
    "one letter of the title": {"title": "Accuracv"},
    "swapped labels": {"labels": ("test", "training")},
    "swapped colours": {"colors": ("C1", "C0")},
    "other dashes": {"styles": ("-", "-")},
    "shifted curve": {"shift": 1},
}


@pytest.fixture(scope="module")
def good() -> str:
    return png(figure())


@pytest.mark.parametrize("fault", FAULTY.values(), ids=FAULTY)
def test_a_fault_in_a_picture_is_far_beyond_the_tolerance(good, fault):
    found = compare([shown(png=good)], [shown(png=png(figure(**fault)))], EXACT)
    assert "the picture moved by" in found.differences[0].sentence
    assert found.pictures[0] > 3 * PICTURE_TOLERANCE


def test_noise_that_nobody_sees_is_within_the_tolerance(good):
    pixels = np.asarray(image(good).convert("RGB")).astype(int)
    ink = pixels.min(axis=2, keepdims=True) < 250
    noise = np.random.default_rng(0).integers(-8, 9, pixels.shape) * ink
    noisy = encoded(Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)))
    assert noisy != good
    assert not differences(shown(png=good), shown(png=noisy), EXACT)


def test_a_picture_that_is_not_compared_is_measured_all_the_same(good):
    moved = shown(png=png(figure(up=4e-4)))
    assert differences(shown(png=good), moved, EXACT)
    found = compare([shown(png=good)], [moved], Tolerance(picture_not_compared="curves move"))
    assert not found.differences
    assert found.pictures[0] > PICTURE_TOLERANCE


def test_another_size_is_always_a_difference(good):
    larger = Image.new("RGB", (image(good).width + 1, image(good).height), "white")
    tolerance = Tolerance(picture_not_compared="curves move")
    [difference] = differences(shown(png=good), shown(png=encoded(larger)), tolerance)
    assert "504 x 288 → 505 x 288" in difference.sentence
    assert np.array_equal(difference.pictures.expected, image(good).convert("RGB"))
    assert difference.pictures.actual.size == difference.pictures.difference.size == (505, 288)


def test_modes_are_compared_over_white():
    grey, clear = Image.new("L", (40, 40), 255), Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert picture_distance(grey, clear) == 0
    assert picture_distance(grey, Image.new("1", (40, 40), 0)) == 255


def test_picture_that_cannot_be_read_is_a_difference(good):
    assert differences(shown(png=good), shown(png="AAAA"), EXACT)
    assert differences(shown(png=good), shown(png="not base64"), EXACT)
