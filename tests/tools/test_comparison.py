"""Outputs count as equal or different, and differences are reported in sentences."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from matplotlib.figure import Figure
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from PIL import Image

from tools.comparison.compare import compare
from tools.comparison.outputs import WIDGET_VIEW
from tools.comparison.pictures import PICTURE_TOLERANCE, picture_distance, picture_of_difference
from tools.comparison.tolerance import Measured, Tolerance, fingerprint

EXACT = Tolerance()
LOOSE = Tolerance(absolute=0.002)


def printed(text: str, name: str = "stdout"):
    return new_output("stream", name=name, text=text)


def shown(alt="", **data):
    names = {"plain": "text/plain", "html": "text/html", "png": "image/png", "json": "application/json"}
    metadata = {"image/png": {"alt": alt}} if alt else {}
    return new_output("display_data", {names.get(key, key): value for key, value in data.items()}, metadata=metadata)


def differences(recorded, new, tolerance: Tolerance):
    outputs = [[printed(output)] if isinstance(output, str) else [output] for output in (recorded, new)]
    return compare(*outputs, tolerance).differences


# --- words and numbers -----------------------------------------------------------------------------------------------

EQUAL = [
    ("accuracy: 0.9844", "accuracy: 0.9864", LOOSE),  # on the limit, which binary fractions would just miss
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
    # Alignment may follow the width of a number that moved within its tolerance.
    ("[[ 9.  1.]\n [ 8.  2.]]", "[[10.  1.]\n [ 8.  2.]]", Tolerance(absolute=1)),
    ("  loss\n  ----\n 0.999", "   loss\n  -----\n 1.0001", LOOSE),
    ("[0.999 0.5\n 0.5]", "[1.0001 0.5 0.5]", LOOSE),
]
DIFFERENT = [
    ("0.9", "0.90", EXACT),
    ("-0.5", "0.5", EXACT),
    ("401,920", "401920", EXACT),
    ("0.9844", "0.9865", LOOSE),
    ("401,920", "401,919,920", Tolerance(absolute=30)),
    ("Epoch 3/30", "Epoch 4/30", LOOSE),
    ("25-30", "25-31", LOOSE),
    ("nan", "0.5", Tolerance(absolute=1e9)),
    ("inf", "-inf", Tolerance(absolute=1e9)),
    # Digits that belong to words are words, whatever the tolerance.
    ("uint8", "uint9", Tolerance(absolute=5)),
    ("conv2d_1", "conv2d_2", Tolerance(absolute=5)),
    ("keras 3.15.1", "keras 3.15.2", Tolerance(absolute=5)),
    ("accuracy 0.98", "accurracy 0.98", LOOSE),
    ("[1 2 3]", "[1 2]", Tolerance(absolute=9)),
    # Layout counts unless a number gives it a reason to change.
    ("a\n\nb", "a\nb", LOOSE),
    ("  0.5", " 0.6", Tolerance(absolute=1)),
    # Durations are ignored only in the form and place in which Keras prints them.
    ("469/469 - 3s - 6ms/step - accuracy: 0.91", "468/469 - 3s - 6ms/step - accuracy: 0.91", EXACT),
    ("469/469 - 3s - 6ms/step - accuracy: 0.91", "469/469 - 3s - 6ms/step - accuracy: 0.92", EXACT),
    ("it took - 3s - 6ms/step", "it took - 4s - 6ms/step", EXACT),
]


SENTENCES = {
    ("a 1\nb 2 3", "a 1\nb 2 4"): "output 1, line 2, number 2: 3 → 4, moved by 1, where the tolerance is 0",
    ("one\ntwo 2\nthree", "one\ntoo 2\nthree"): "output 1, line 2: expected “two 2”, found “too 2”",
    ("a\nb\nc", "a\nc"): "output 1, line 2: missing: “b”",
    ("a\nc", "a\nb\nc"): "output 1, new line 2: not expected: “b”",
    ("a  b", "a b"): "output 1, line 1: the layout changed, expected “a  b”, found “a b”",
}


@pytest.mark.parametrize(("recorded", "new", "tolerance"), EQUAL + DIFFERENT)
def test_texts(recorded, new, tolerance):
    assert bool(differences(recorded, new, tolerance)) == ((recorded, new, tolerance) in DIFFERENT)


@pytest.mark.parametrize(("texts", "sentence"), SENTENCES.items())
def test_sentences(texts, sentence):
    assert [one.sentence for one in differences(*texts, EXACT)] == [sentence]


def test_a_moved_number_is_reported_with_place_name_and_tolerances():
    recorded = "Epoch 29/30\nx\nEpoch 30/30\n469/469 - 3s - 6ms/step - accuracy: 0.9991 - val_accuracy: 0.9844\n"
    [difference] = differences(recorded, recorded.replace("0.9844", "0.9851"), Tolerance(absolute=0.0002))
    assert difference.sentence == (
        "output 1, line 4, number 4 (val_accuracy at epoch 30): "
        "0.9844 → 0.9851, moved by 0.0007, 3.5 times the tolerance of 0.0002"
    )


# --- numbers that were measured --------------------------------------------------------------------------------------

SPREAD = {"output 1, line 1, number 1 (loss)": 0.002, "output 1, line 2, number 2": 0.0001}
OPT_IN = {"tolerance": {"numbers": "measured"}}
# Metadata, source, the new output in place of "loss 0.500 0.25\n7 8.5", and the last sentence about it.
MEASURED = [
    (OPT_IN, "fit()", "loss 0.504 0.25\n7 8.5", None),  # twice as far as it moved when measured
    (OPT_IN, "fit()", "loss 0.505 0.25\n7 8.5", "1.25 times the tolerance of 0.004"),
    (OPT_IN, "fit()", "loss 0.500 0.26\n7 8.5", "where the tolerance is 0"),
    (OPT_IN, "fit()", "loss 0.500 0.25\n7 8.55", None),  # half a unit of the last printed digit
    (OPT_IN, "fit()", "loss 0.500 0.25\n8 8.5", "where the tolerance is 0"),
    (OPT_IN, "fit(3)", "loss 0.504 0.25\n7 8.5", "this cell was edited since it was measured"),
    (OPT_IN, "other()", "loss 0.504 0.25\n7 8.5", "this cell was never measured"),
    ({}, "fit()", "loss 0.504 0.25\n7 8.5", 'add "tolerance": {"numbers": "measured"} to its metadata'),
    ({"tolerance": {"absolute": 0.1, "reason": "by hand"}}, "fit()", "loss 0.504 0.35\n7 8.5", None),
]


@pytest.mark.parametrize(("metadata", "source", "new", "sentence"), MEASURED)
def test_a_number_may_move_as_far_as_its_measurements_say(metadata, source, new, sentence, tmp_path):
    entry = {"source": fingerprint(new_code_cell("fit()")), "spread": SPREAD}
    content = {"measured_by": "make measure LESSON={notebook:.2}", "cells": {"06_train": {"fit": entry}}}
    (tmp_path / "measured.json").write_text(json.dumps(content), encoding="utf-8")
    cell = new_code_cell(source, id="other" if source == "other()" else "fit", metadata=metadata)
    found = differences("loss 0.500 0.25\n7 8.5", new, Measured(tmp_path / "measured.json").tolerance("06_train", cell))
    assert sentence in found[-1].sentence if sentence else not found
    if sentence and "the tolerance" not in sentence:
        assert "run make measure LESSON=06" in found[-1].sentence
    nowhere = Measured(tmp_path / "no such file").tolerance("06_train", cell)
    assert bool(differences("0.5", "0.6", nowhere)) == ("absolute" not in str(metadata))


# --- outputs as a whole ----------------------------------------------------------------------------------------------

RESULT = new_output("execute_result", {"text/plain": "1"}, execution_count=3)
ERROR = new_output("error", ename="ValueError", evalue="no 8", traceback=["at line 1"])


def changed(output, **entries):
    return NotebookNode({**output, **entries})


def widget(model_id: str, **data):
    return shown(**{WIDGET_VIEW: {"model_id": model_id}}, **data)


DIFFERENT_OUTPUTS = [
    ([], [printed("a")]),
    ([printed("a"), shown(plain="b")], [shown(plain="b"), printed("a")]),
    ([shown(plain="b")], [shown(html="b")]),
    ([shown(plain="1")], [RESULT]),
    ([shown(plain="b")], [shown(plain="b", alt="figure")]),
    ([widget("1", plain="bar")], [widget("1", plain="baz")]),
    ([ERROR], []),
    ([ERROR], [changed(ERROR, ename="TypeError")]),
    ([printed("a", "stderr")], [printed("a", "stderr")]),
    ([printed("a", "stderr")], []),
    ([shown(json={"loss": [0.5, 0.25]})], [shown(json={"loss": [0.5, 0.26]})]),
    ([shown(json={"name": "run 1"})], [shown(json={"name": "run 2"})]),
]
EQUAL_OUTPUTS = [
    ([RESULT], [changed(RESULT, execution_count=9)]),
    ([ERROR], [changed(ERROR, traceback=["at line 2"])]),
    ([printed("a\nb\n")], [printed("a\n"), printed("b\n")]),
    ([printed("50%\r100%\n")], [printed("100%\n")]),
    ([], [widget("1")]),
    ([shown(json={"loss": [0.5, 0.25]})], [shown(json={"loss": [0.501, 0.25]})]),
    ([widget("1", plain="bar")], [widget("2", plain="bar")]),
]


@pytest.mark.parametrize(("recorded", "new"), DIFFERENT_OUTPUTS + EQUAL_OUTPUTS)
def test_outputs(recorded, new):
    assert bool(compare(recorded, new, LOOSE).differences) == ((recorded, new) in DIFFERENT_OUTPUTS)


@pytest.mark.parametrize(
    "declared",
    [
        0.1,
        {"absolut": 1},
        {"absolute": 0.1},
        {"absolute": -1, "reason": "why"},
        {"absolute": "1", "reason": "why"},
        {"numbers": 0.1},
        {"numbers": "measured", "relative": 0.1, "reason": "why"},
        {"picture_not_compared": " "},
    ],
)
def test_wrong_tolerance_is_refused(declared):
    with pytest.raises(ValueError, match="tolerance"):
        Tolerance.of(new_code_cell(metadata={"tolerance": declared}))


# --- pictures --------------------------------------------------------------------------------------------------------


def png(title="Accuracy", labels=("training", "test"), colors=("C0", "C1"), styles=("-", "--"), shift=0, up=0.0) -> str:
    """Draw curves like those of the lessons, with or without a fault."""
    epochs = np.arange(1, 31)
    drawn = Figure(figsize=(7, 4))
    axes = drawn.subplots()
    curves = (0.998 - 0.08 * np.exp(-epochs / 4), 0.984 - 0.03 * np.exp(-epochs / 3) + 6e-4 * np.sin(epochs))
    for number, curve in enumerate(curves):
        axes.plot(epochs + shift * number, curve + up, styles[number], color=colors[number], label=labels[number])
    axes.set(ylim=(0.9, 1), title=title, xlabel="epoch", ylabel="accuracy")
    axes.legend()
    return encoded(drawn.savefig, dpi=72)


def encoded(save, **options) -> str:
    buffer = io.BytesIO()
    save(buffer, format="png", **options)
    return base64.b64encode(buffer.getvalue()).decode()


GOOD = png()
GOOD_IMAGE = Image.open(io.BytesIO(base64.b64decode(GOOD))).convert("RGB")
FAULTY = {
    "one letter of the title": {"title": "Accuracv"},
    "swapped labels": {"labels": ("test", "training")},
    "swapped colours": {"colors": ("C1", "C0")},
    "other dashes": {"styles": ("-", "-")},
    "shifted curve": {"shift": 1},
}


@pytest.mark.parametrize("fault", FAULTY.values(), ids=FAULTY)
def test_a_fault_in_a_picture_is_far_beyond_the_tolerance(fault):
    found = compare([shown(png=GOOD)], [shown(png=png(**fault))], EXACT)
    assert "the picture moved by" in found.differences[0].sentence
    assert found.pictures[0] > 3 * PICTURE_TOLERANCE


def test_noise_that_nobody_sees_is_within_the_tolerance():
    pixels = np.asarray(GOOD_IMAGE).astype(int)
    ink = pixels.min(axis=2, keepdims=True) < 250
    noise = np.random.default_rng(0).integers(-8, 9, pixels.shape) * ink
    noisy = Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
    assert picture_distance(GOOD_IMAGE, noisy) > 1
    assert not differences(shown(png=GOOD), shown(png=encoded(noisy.save)), EXACT)


def test_a_picture_that_is_not_compared_is_still_measured_and_must_keep_its_size():
    moved, tolerance = shown(png=png(up=4e-4)), Tolerance(picture_not_compared="curves move")
    assert differences(shown(png=GOOD), moved, EXACT)
    found = compare([shown(png=GOOD)], [moved], tolerance)
    assert not found.differences
    assert found.pictures[0] > PICTURE_TOLERANCE
    larger = encoded(Image.new("RGB", (505, 288), "white").save)
    [difference] = differences(shown(png=GOOD), shown(png=larger), tolerance)
    assert "504 x 288 → 505 x 288" in difference.sentence
    assert picture_of_difference(*difference.pictures).size == (505, 288)


def test_alternative_text_is_compared_as_text():
    ends = {number: shown(png=GOOD, alt=f"ends at {number}") for number in (0.984, 0.985, 0.989)}
    assert not differences(ends[0.984], ends[0.985], LOOSE)
    assert "metadata" in differences(ends[0.984], ends[0.989], LOOSE)[0].sentence


def test_pictures_are_compared_over_white():
    grey, clear = Image.new("L", (40, 40), 255), Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert picture_distance(grey, clear) == 0
