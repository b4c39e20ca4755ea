"""Digits are found on photos of paper, and a file or picture that is no such photo is named, in time.

`make test` takes three photos; with ``--long`` it takes 36 of each kind of digits in twelve conditions, and prints the
shares at the end. Each kind is classified by the network that a student with these digits has.
"""

import io
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from course_utils.data import _embedded_digits, load_dataset
from course_utils.handwriting import draw_strokes, prepare_drawing, sample_handwritings
from course_utils.photo import PhotoError, find_digits, read_photo
from course_utils.preprocessing import preprocess_images
from course_utils.training import load_trained_model
from tests.robustness.photos import CONDITIONS, take_photo

SAMPLE = ("shadow", "ruled", "small")
SHARES = "{} digits: {} found, {} other boxes; {} classified like the original, {} right, {} right in the original"
PADS = [draw_strokes(sample.strokes)[::2, ::2] for sample in sample_handwritings()[::3]]
SHEET = 255 - np.block([PADS[:5], PADS[5:]])  # the digits 0 to 9 in two rows


# --- realistic photos -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["MNIST", "UCI digits"])
def test_digits_are_found_and_classified_as_they_would_be_themselves(name, is_long, figures, tmp_path, monkeypatch):
    at_hand = load_dataset(allow_download=False)
    if name != at_hand.name and (name == "MNIST" or not is_long):
        pytest.skip("only with --long" if name != "MNIST" else "MNIST is not on this machine")
    dataset = at_hand if name == at_hand.name else _embedded_digits()
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))  # without a network of this machine's user
    model = load_trained_model(dataset).model

    def classify(images):
        return model.predict(preprocess_images(images), verbose=0).argmax(axis=1)

    totals = np.zeros(6, int)
    for condition in CONDITIONS if is_long else SAMPLE:
        counts = np.zeros(6, int)
        for seed in range(3 if is_long else 1):
            random = np.random.default_rng([seed, list(CONDITIONS).index(condition)])
            chosen = random.choice(len(dataset.test_images), 24, replace=False)
            images, labels = dataset.test_images[chosen], dataset.test_labels[chosen]
            content, centres = take_photo(images.reshape(4, 6, 28, 28), CONDITIONS[condition], seed)
            photo = read_photo(content)
            found = find_digits(photo)
            middles = [[(side.start + side.stop) / 2 for side in reversed(box)] for box in found.boxes]
            distances = np.abs(np.array(middles) - centres[:, np.newaxis] * photo.shape[::-1]).max(axis=2)
            nearest, is_near = distances.argmin(axis=1), distances < photo.shape[1] / 18
            # Found: one box and no other in its place, with the same middle as the digit.
            is_found = (distances.min(axis=1) < photo.shape[1] / 70) & (is_near.sum(axis=1) == 1)
            if is_found.all() and len(found.boxes) == 24:  # half a digit between them breaks a row
                assert nearest.tolist() == [*range(24)], "not in reading order"
            of_photo, of_digits = classify(found.images)[nearest], classify(images)
            matches = np.array([of_photo == of_digits, of_photo == labels, of_digits == labels]) & is_found
            counts += (24, is_found.sum(), len(found.boxes) - is_found.sum(), *matches.sum(axis=1))
        totals += counts
        figures.append(f"{name}, {condition}: {SHARES.format(*counts)}")
    figures.append(f"{name}: {SHARES.format(*totals)}")
    num_digits, num_found, num_others, num_alike, *_ = totals
    chance = 0 if is_long else 0.06  # three standard errors of a share of 97% of the sample's 72 digits
    assert num_found >= (0.98 - chance) * num_digits
    assert num_others <= (0.02 + chance) * num_digits
    assert num_alike >= (0.97 - chance) * num_found


# --- what people hand over --------------------------------------------------------------------------------------------


def encoded(picture, form="PNG", **options):
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(
        file := io.BytesIO(), form, **options
    )
    return file.getvalue()


def transparent(ink):
    """Return a picture with ink of a grey level on nothing."""
    picture = Image.new("RGBA", SHEET.shape[::-1], (ink, ink, ink, 0))
    picture.putalpha(Image.fromarray(255 - SHEET))
    return encoded(picture)


def turned():
    exif = Image.Exif()
    exif[274] = 6
    return encoded(np.rot90(SHEET), "JPEG", exif=exif)


IPHONE = Path(__file__).with_name("sheet.heic")  # three digits of ours in the format of iPhones
SAME_PHOTO = {
    "PNG": encoded(SHEET),
    "colours": encoded(np.dstack([SHEET] * 3)),
    "palette": encoded(Image.fromarray(SHEET).convert("P")),
    "16 bits": encoded(SHEET.astype(np.uint16) * 257),
    "JPEG": encoded(SHEET, "JPEG"),
    "CMYK": encoded(Image.fromarray(SHEET).convert("CMYK"), "JPEG"),
    "WebP": encoded(SHEET, "WEBP"),
    "transparent": transparent(0),
    "turned": turned(),
    "enlarged": encoded(np.kron(SHEET, np.ones((4, 4), np.uint8))),
}


@pytest.mark.parametrize("name", SAME_PHOTO)
def test_a_sheet_in_every_form_gives_the_same_digits(name, tmp_path):
    (tmp_path / "photo.dat").write_bytes(SAME_PHOTO[name])
    upload = SimpleNamespace(value=({"content": memoryview(SAME_PHOTO[name])},))
    photos = [read_photo(source) for source in (SAME_PHOTO[name], tmp_path / "photo.dat", upload)]
    assert all((photo == photos[0]).all() for photo in photos)
    images, boxes = find_digits(photos[0])
    assert len(boxes) == 10
    expected = np.array([prepare_drawing(pad) for pad in PADS]).astype(int)
    assert np.abs(images - expected).mean() < 8
    assert images.dtype == np.uint8


def test_a_photo_of_an_iphone_is_read():
    assert len(find_digits(read_photo(IPHONE)).images) == 3


SCALED = SHEET / 255
MISTAKES = {
    "nothing uploaded": (lambda: read_photo(SimpleNamespace(value=())), r"Press Upload"),
    "no such file": (lambda: read_photo("my_foto.jpg"), r"my_foto\.jpg: there is no such file"),
    "half a HEIC": (lambda: read_photo(IPHONE.read_bytes()[:900]), r"not a PNG, JPEG, .*Convert it to JPEG"),
    "a text": (lambda: read_photo(b"seven"), r"not a PNG, JPEG, WebP or HEIC"),
    "inverted": (lambda: find_digits(255 - SHEET), r"light digits on dark paper\. Pass 255 - photo"),
    "white on nothing": (lambda: find_digits(read_photo(transparent(255))), r"No digits were found"),
    "empty": (lambda: find_digits(np.full_like(SHEET, 230)), r"No digits were found"),
    "all black": (lambda: find_digits(np.zeros_like(SHEET)), r"No digits were found"),
    "an image of MNIST": (lambda: find_digits(prepare_drawing(PADS[3])), r"light digits on dark paper"),
    "only pixels": (lambda: find_digits(SHEET[:5, :9]), r"only 9 x 5 pixels"),
    "cut off": (lambda: find_digits(SHEET[30:80, 50:90]), r"leave a margin"),
    "scaled": (lambda: find_digits(SCALED), r"dtype float64: pass what read_photo returns"),
    "colours": (lambda: find_digits(np.dstack([SHEET] * 3)), r"shape \(280, 700, 3\)"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named(name):
    action, message = MISTAKES[name]
    with pytest.raises(ValueError, match=message) as raised:
        action()
    assert isinstance(raised.value, PhotoError) == (name not in ("scaled", "colours"))


@pytest.mark.parametrize(("gap", "num_digits"), [(0.03, 1), (0.5, 2)])
def test_parts_that_are_close_are_one_digit(gap, num_digits):
    strokes = [[(0.3, 0.1), (0.3, 0.9)], [(0.36 + gap, 0.1), (0.36 + gap, 0.9)]]
    assert len(find_digits(255 - draw_strokes(strokes, pen=0.06)).images) == num_digits


# --- hostile files ----------------------------------------------------------------------------------------------------

READ = """
import json, sys, time
from pathlib import Path
from course_utils.photo import PhotoError, find_digits, read_photo
for file in sys.argv[1:]:
    Path("/proc/self/clear_refs").write_text("5")
    start = time.process_time()
    try:
        find_digits(read_photo(file))
        outcome = "digits"
    except PhotoError as error:
        outcome = str(error)
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps([outcome, time.process_time() - start, int(peak.split()[1]) / 1024]))
"""


def png(width, height, *chunks, colour=0):
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def hostile_files():
    """Return contents, each with a part of the message; None for what is large and may be read."""
    rows = zlib.compress(bytes(4 * 6100 * 6100 + 6100), 1)
    picture = {form: encoded(SHEET, form) for form in ("PNG", "JPEG", "WEBP")} | {"HEIF": IPHONE.read_bytes()}
    files = {
        "30,000 x 30,000": (png(30_000, 30_000, (b"IDAT", b"")), "is too large"),
        "just too large": (png(9_000, 6_000, (b"IDAT", b"")), "is too large"),
        "37 megapixels": (png(6_100, 6_100, (b"IDAT", rows), colour=6), None),
        "a bomb of text": (png(300, 300, (b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000)))), "not a PNG"),
        "a JPEG of 49": (encoded(np.full((7000, 7000, 3), 200, np.uint8), "JPEG", progressive=True), None),
        "a TIFF": (encoded(SHEET, "TIFF"), "not a PNG"),
        "a script": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a PNG"),
        "nothing": (b"", "not a PNG"),
    }
    for form, content in picture.items():
        files |= {f"{form} up to {share}": (content[: len(content) * share // 8], "not a PNG") for share in (1, 4, 7)}
        random = np.random.default_rng(9)
        for number in range(8):
            damaged = bytearray(content)
            for place in random.integers(8, len(content), 10):
                damaged[place] = random.integers(256)
            files[f"{form} damaged {number}"] = bytes(damaged), None
    return files


@pytest.mark.skipif(sys.platform != "linux", reason="needs figures that only Linux has")
def test_hostile_files_end_in_time(tmp_path, figures):
    files = hostile_files()
    for number, (content, _) in enumerate(files.values()):
        (tmp_path / f"{number:03}.png").write_bytes(content)
    command = [sys.executable, "-c", READ, *sorted(tmp_path.iterdir())]
    answer = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert not answer.stderr
    verdicts = [json.loads(line) for line in answer.stdout.splitlines()]
    for (name, (_, message)), (outcome, seconds, megabytes) in zip(files.items(), verdicts, strict=True):
        assert message is None or message in outcome, name
        assert seconds < 2, name
        assert megabytes < 500, name
    worst = [max(verdict[index] for verdict in verdicts) for index in (1, 2)]
    figures.append(f"{len(files)} hostile photos: at worst {worst[0]:.2f} s of processor time, {worst[1]:.0f} MB")
