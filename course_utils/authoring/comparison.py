"""
Compare what a cell gave when it was recorded with what it gives now.

Text is compared as words and numbers, pictures by the distance of their pixels. Everything is a pure function of
outputs in nbformat's form, so that the tests (`tests/nbval_contract.py`) and `record` judge alike.

Text
    Words must be equal. Numbers may move within the cell's tolerance, ``|new - recorded| <= absolute + relative *
    |recorded|``; without one they must be written alike (0.9 is not 0.90). A number stands alone or beside
    punctuation: ``-0.5``, ``1e-3``, ``401,920``, ``98.4%``, both ends of ``25-30``, the 3 and the 30 of
    ``Epoch 3/30``, ``nan`` and ``inf``. Digits inside a word (``uint8``, ``conv2d_1``, ``6ms``, ``3.15.1``,
    ``#00af00``) belong to the word. Layout counts, unless a number that moved within tolerance is now wider or
    narrower: then blanks, line breaks and the lengths of separator lines may follow in the whole text, as NumPy and
    pandas re-align a whole table for one digit.
Left out
    ANSI colours (they say how a terminal was set up, nothing to read), execution counts, tracebacks, widget views, and
    the durations that Keras prints, each form by its own pattern.
Pictures
    See `picture_distance`.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import io
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from nbformat import NotebookNode
from PIL import Image, ImageChops

from course_utils.authoring.normal_form import shown_outputs

DEFAULT_PICTURE_TOLERANCE = 4.0
_TILE = 32
_REACH = 2

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
KERAS_DURATIONS = (
    re.compile(r"^( *\d+/\d+) - \d+s - \d+(?:us|ms|s)/(?:step|epoch)(?= - |$)", re.MULTILINE),  # verbose=2
)
# A sign belongs to the number unless something that can be subtracted from stands before it.
_NUMBER = re.compile(
    r"(?:(?<![\w.)\]}%])[-+])?(?<![\w.])"
    r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|NaN|inf)"
    r"(?!\w|\.\d)"
)
_REPEATED_MARK = re.compile(r"([^\w\s]|_)\1+")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_EPOCH = re.compile(r"^Epoch (\d+)/\d+$")


@dataclass(frozen=True)
class Tolerance:
    """
    By how much the outputs of one cell may move.

    Attributes
    ----------
    absolute, relative : float
        A number may differ from the recorded one by ``absolute + relative * |recorded|``; with 0 and 0 numbers must be
        written alike.
    picture : float or None
        Largest `picture_distance`. None means `DEFAULT_PICTURE_TOLERANCE`, and no allowance for lines that move.
    """

    absolute: float = 0.0
    relative: float = 0.0
    picture: float | None = None

    @classmethod
    def of(cls, cell: NotebookNode) -> Tolerance:
        """
        Read the tolerance that a cell declares in ``metadata.tolerance``.

        Raises
        ------
        ValueError
            If it is no table, holds an unknown key, or a value that is not a positive number or zero.
        """
        declared = cell.metadata.get("tolerance", {})
        if not isinstance(declared, dict):
            raise ValueError(f"tolerance must be a table such as {{'absolute': 0.002}}, not {declared!r}")
        for key, value in declared.items():
            if key not in ("absolute", "relative", "picture"):
                raise ValueError(f"tolerance knows absolute, relative and picture, not {key!r}")
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise ValueError(f"tolerance {key} must be a number of 0 or more, not {value!r}")
        return cls(**declared)

    def allowed(self, recorded: Decimal) -> Decimal:
        """Return by how much a number may differ from the recorded one."""
        return Decimal(repr(self.absolute)) + Decimal(repr(self.relative)) * abs(recorded)


@dataclass(frozen=True)
class Pictures:
    """Recorded picture, new picture, and where they differ (black: most, white: not at all)."""

    expected: Image.Image
    actual: Image.Image
    difference: Image.Image


@dataclass(frozen=True)
class Difference:
    """
    One thing that moved further than allowed.

    Attributes
    ----------
    sentence : str
        What was expected and what was found, and where: for a test report.
    short : str
        The same in a few words: for the list that `record` prints.
    pictures : Pictures or None
        For a picture, what to look at.
    """

    sentence: str
    short: str
    pictures: Pictures | None = None


@dataclass
class Comparison:
    """
    What comparing the outputs of one cell found.

    Attributes
    ----------
    differences : list of Difference
        Everything outside the tolerance; empty when the outputs are equal.
    numbers : list of tuple of Decimal
        Recorded and new value of every number that moved at all, within tolerance or not.
    pictures : list of float
        The distance of every pair of pictures; infinite if their sizes differ.
    """

    differences: list[Difference] = field(default_factory=list)
    numbers: list[tuple[Decimal, Decimal]] = field(default_factory=list)
    pictures: list[float] = field(default_factory=list)

    def _say(self, where: str, what: str, short: str = "", pictures: Pictures | None = None) -> None:
        self.differences.append(Difference(f"{where}: {what}", short or f"{where}: {what}", pictures))


def compare(recorded: Sequence[NotebookNode], new: Sequence[NotebookNode], tolerance: Tolerance) -> Comparison:
    """
    Compare the outputs of one cell.

    Parameters
    ----------
    recorded, new : sequence of NotebookNode
        Outputs in nbformat's form; they are not changed.
    tolerance : Tolerance
        What the cell declares.

    Returns
    -------
    Comparison
        Differences first by output, then by MIME type, then by line. Text on stderr is always one, recorded or not.
    """
    found = Comparison()
    recorded, new = shown_outputs(list(recorded)), shown_outputs(list(new))
    for output in new:
        if output.output_type == "stream" and output.name == "stderr":
            found._say("stderr", f"nothing may be written there, found {_quote(output.text.strip())}", "text on stderr")
    recorded_kinds, new_kinds = [_kind(output) for output in recorded], [_kind(output) for output in new]
    if recorded_kinds != new_kinds:
        expected, actual = _count(recorded_kinds), _count(new_kinds)
        found._say("outputs", f"expected {expected}; found {actual}", f"outputs {expected} → {actual}")
        return found
    for number, (before, after) in enumerate(zip(recorded, new, strict=True), start=1):
        _compare_output(before, after, tolerance, f"output {number}", found)
    return found


def compare_outputs(
    recorded: Sequence[NotebookNode], new: Sequence[NotebookNode], tolerance: Tolerance
) -> list[Difference]:
    """Return the differences that `compare` finds; an empty list means that the outputs are equal."""
    return compare(recorded, new, tolerance).differences


def picture_distance(expected: Image.Image, actual: Image.Image, *, lines_may_move: bool = False) -> float:
    """
    Measure how far two pictures of one size are apart where they differ most.

    The distance is the root mean square of the channel differences (0..255, over white) in the worst of the tiles of
    32 by 32 pixels. Over the whole picture, one changed digit counts less than noise that nobody sees. Measured on
    figures such as the lessons draw, at 72 dots per inch, Matplotlib 3.11 (worst tile, and whole picture in brackets):

    - noise: every inked pixel moved at random by up to 8 of 255: 2.4 (1.0); rounding of 1 in every tenth: 0.2 (0.2)
    - faults: one digit of one title 11.8 (0.9), one count in a confusion matrix 12.6 (1.1), one letter of a
      legend 23 (2.1), of a title 38 (6.1), dashes left out 16 (4.8), colours swapped 43 (13), legend swapped 75 (7.3),
      curve shifted by an epoch 52 (15), confusion matrix transposed 34 (15), grid of digits off by one 167 (71)

    hence 4 as the default limit. Curves that move a little from machine to machine would drown such faults: an accuracy
    4e-4 higher moves a line by a pixel, a distance of 37. A cell that declares a picture tolerance therefore compares
    each pixel with the nearest in colour of those up to two pixels away. Then that noise counts 11, and colours
    swapped 36, legend swapped 58, shift by an epoch 36, transposed matrix 21.

    Parameters
    ----------
    expected, actual : PIL.Image.Image
        Pictures of the same size, any mode.
    lines_may_move : bool
        Whether a pixel may find its match up to two pixels away.

    Returns
    -------
    float
        0 for equal pictures, 255 for black against white.
    """
    before, after = _pixels(expected), _pixels(actual)
    reach = _REACH if lines_may_move else 0
    squares = np.maximum(_nearest_squares(before, after, reach), _nearest_squares(after, before, reach))
    height, width = squares.shape
    tiles = (squares[y : y + _TILE, x : x + _TILE] for y in range(0, height, _TILE) for x in range(0, width, _TILE))
    # A narrow tile at the edge is averaged over a full one's pixels: a few pixels there are no louder than elsewhere.
    worst = max(tile.sum() for tile in tiles) / min(_TILE**2, height * width)
    return float(np.sqrt(worst))


def without_durations(text: str) -> str:
    """Return a text without the durations that Keras prints."""
    for pattern in KERAS_DURATIONS:
        text = pattern.sub(r"\1", text)
    return text


@dataclass(frozen=True)
class _Token:
    text: str
    number: int  # its place among the numbers of its line, from 1; 0 for a word
    line: int  # from 1
    name: str = ""  # for a number: what the text calls it, as far as one can tell

    @property
    def key(self) -> str:
        return "0" if self.number else _REPEATED_MARK.sub(r"\1", self.text)


def _compare_output(
    before: NotebookNode, after: NotebookNode, tolerance: Tolerance, where: str, found: Comparison
) -> None:
    if before.output_type == "stream":
        _compare_text(before.text, after.text, tolerance, where, found)
        return
    if before.output_type == "error":
        for part in ("ename", "evalue"):
            _compare_text(before[part], after[part], tolerance, f"{where}, {part} of the error", found)
        return
    for mime, content in before.data.items():
        place = where if len(before.data) == 1 else f"{where} ({mime})"
        if mime == "application/json" or mime.endswith("+json"):
            _compare_json(content, after.data[mime], tolerance, place, found)
        elif mime.startswith("image/") and mime != "image/svg+xml":
            _compare_pictures(content, after.data[mime], tolerance, place, found)
        else:
            _compare_text(content, after.data[mime], tolerance, place, found)
    _compare_json(before.metadata, after.metadata, tolerance, f"{where}, metadata", found)


def _compare_text(recorded: str, new: str, tolerance: Tolerance, where: str, found: Comparison) -> None:
    recorded, new = (without_durations(_ANSI.sub("", text)) for text in (recorded, new))
    if recorded == new:
        return
    before, after = list(_tokens(recorded)), list(_tokens(new))
    if [token.key for token in before] != [token.key for token in after]:
        _compare_lines(recorded, new, tolerance, where, found)
        return
    told = len(found.differences)
    for one, other in zip(before, after, strict=True):
        _compare_number(one, other, tolerance, where, found)
    widths_changed = any(
        len(one.text) != len(other.text) for one, other in zip(before, after, strict=True) if one.number
    )
    if len(found.differences) == told and not widths_changed:
        for line, (one, other) in enumerate(itertools.zip_longest(recorded.split("\n"), new.split("\n")), start=1):
            if one is None or other is None or _NUMBER.sub("0", one) != _NUMBER.sub("0", other):
                expected, actual = _around_change(one or "", other or "")
                found._say(f"{where}, line {line}", f"the layout changed, expected {expected}, found {actual}")
                return


def _compare_lines(recorded: str, new: str, tolerance: Tolerance, where: str, found: Comparison) -> None:
    """Pair up the lines of texts whose words differ, so that one line too many is told as just that."""
    before, after = recorded.split("\n"), new.split("\n")
    before_tokens, after_tokens = _by_line(recorded), _by_line(new)
    keys = [[tuple(token.key for token in line) for line in lines] for lines in (before_tokens, after_tokens)]
    for what, i, i_end, j, j_end in difflib.SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
        for one, other in itertools.zip_longest(range(i, i_end), range(j, j_end)):
            if one is not None and other is not None and what == "equal":
                for pair in zip(before_tokens[one], after_tokens[other], strict=True):
                    _compare_number(*pair, tolerance, where, found)
            elif one is not None and other is not None:
                expected, actual = _around_change(before[one], after[other])
                found._say(f"{where}, line {one + 1}", f"expected {expected}, found {actual}", f"{expected} → {actual}")
            elif one is not None and keys[0][one]:
                found._say(
                    f"{where}, line {one + 1}", f"missing: {_quote(before[one])}", f"missing {_quote(before[one])}"
                )
            elif other is not None and keys[1][other]:
                found._say(
                    f"{where}, new line {other + 1}",
                    f"not expected: {_quote(after[other])}",
                    f"new {_quote(after[other])}",
                )


def _compare_number(before: _Token, after: _Token, tolerance: Tolerance, where: str, found: Comparison) -> None:
    if not before.number or before.text == after.text:
        return
    old, now = _value(before.text), _value(after.text)
    found.numbers.append((old, now))
    moved = f"{before.text} → {after.text}"
    short = f"{before.name} {moved}" if before.name else f"{where}, line {before.line}: {moved}"
    place = f"{where}, line {before.line}, number {before.number}" + (f" ({before.name})" if before.name else "")
    if tolerance.absolute == tolerance.relative == 0:
        found._say(place, f"{moved}, and the cell declares no tolerance", short)
        return
    if not (old.is_finite() and now.is_finite()):
        if old.is_nan() != now.is_nan() or (not old.is_nan() and old != now):
            found._say(place, f"{moved}, which no tolerance allows", short)
        return
    distance, allowed = abs(now - old), tolerance.allowed(old)
    if distance > allowed:
        times = (
            f"{distance / allowed:.3g} tolerances of {allowed.normalize():f}" if allowed else "where the tolerance is 0"
        )
        found._say(place, f"{moved}, moved by {distance.normalize():f}, {times}", short)


def _compare_json(before: object, after: object, tolerance: Tolerance, where: str, found: Comparison) -> None:
    """Compare what JSON holds, place by place; a place is named as in ``history.loss[3]``."""
    old, now = dict(_leaves(before)), dict(_leaves(after))
    for path in [*old, *(path for path in now if path not in old)]:
        place = f"{where} {path}".rstrip()
        if path not in now:
            found._say(place, f"missing, expected {_quote(str(old[path]))}")
        elif path not in old:
            found._say(place, f"not expected: {_quote(str(now[path]))}")
        elif isinstance(old[path], str) and isinstance(now[path], str):
            _compare_text(old[path], now[path], tolerance, place, found)
        elif _is_number(old[path]) and _is_number(now[path]):
            tokens = (_Token(repr(leaves[path]), number=1, line=1, name=path) for leaves in (old, now))
            _compare_number(*tokens, tolerance, where, found)
        elif old[path] != now[path] or type(old[path]) is not type(now[path]):
            found._say(place, f"expected {old[path]!r}, found {now[path]!r}")


def _compare_pictures(recorded: str, new: str, tolerance: Tolerance, where: str, found: Comparison) -> None:
    try:
        expected, actual = (Image.open(io.BytesIO(base64.b64decode(data))) for data in (recorded, new))
        pictures = Pictures(_over_white(expected), _over_white(actual), _difference_image(expected, actual))
    except (OSError, ValueError, binascii.Error) as error:
        if "".join(recorded.split()) != "".join(new.split()):
            found._say(where, f"the picture changed, and cannot be read ({error})", "picture changed")
        return
    name = f"picture {len(found.pictures) + 1}"
    if expected.size != actual.size:
        sizes = " → ".join("{} x {}".format(*picture.size) for picture in (expected, actual))
        found._say(
            where, f"the picture changed its size, {sizes} pixels", f"{name} changed its size, {sizes}", pictures
        )
        found.pictures.append(math.inf)
        return
    distance = picture_distance(expected, actual, lines_may_move=tolerance.picture is not None)
    found.pictures.append(distance)
    allowed = DEFAULT_PICTURE_TOLERANCE if tolerance.picture is None else tolerance.picture
    if distance > allowed:
        times = f"{distance / allowed:.3g} tolerances of {allowed:g}" if allowed else "where the tolerance is 0"
        found._say(where, f"the picture moved by {distance:.3g}, {times}", f"{name} moved by {distance:.2g}", pictures)


def _tokens(text: str) -> Iterator[_Token]:
    epoch = ""
    for line_number, line in enumerate(text.split("\n"), start=1):
        if match := _EPOCH.match(line):
            epoch = f" at epoch {match[1]}"
        end = 0
        for number, match in enumerate(_NUMBER.finditer(line), start=1):
            words = line[end : match.start()].split()
            yield from (_Token(word, 0, line_number) for word in words)
            last = words[-1].strip("=:,;([{|'\"") if words else ""
            yield _Token(match.group(), number, line_number, last + epoch if _IDENTIFIER.fullmatch(last) else "")
            end = match.end()
        yield from (_Token(word, 0, line_number) for word in line[end:].split())


def _by_line(text: str) -> list[list[_Token]]:
    lines: list[list[_Token]] = [[] for _ in text.split("\n")]
    for token in _tokens(text):
        lines[token.line - 1].append(token)
    return lines


def _value(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, content in value.items():
            yield from _leaves(content, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, content in enumerate(value):
            yield from _leaves(content, f"{path}[{index}]")
    else:
        yield path, value


def _kind(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return f"text on {output.name}"
    if output.output_type == "error":
        return "an error"
    shown = "a result" if output.output_type == "execute_result" else "a display"
    return f"{shown} of {' + '.join(sorted(output.data))}"


def _count(kinds: list[str]) -> str:
    if not kinds:
        return "no output"
    return f"{len(kinds)} output{'s' * (len(kinds) > 1)} ({', '.join(kinds)})"


def _quote(text: str, start: int = 0, length: int = 120) -> str:
    cut = text[start : start + length].replace("\n", "⏎")
    return f"“{'…' * (start > 0)}{cut}{'…' * (start + length < len(text))}”"


def _around_change(before: str, after: str) -> tuple[str, str]:
    same = next(
        (k for k, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    start = max(0, same - 60) if max(len(before), len(after)) > 120 else 0
    return _quote(before, start), _quote(after, start)


def _over_white(picture: Image.Image) -> Image.Image:
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(_over_white(picture), dtype=np.float32)


def _nearest_squares(these: np.ndarray, those: np.ndarray, reach: int) -> np.ndarray:
    """Return, for each pixel of the first picture, the mean square of its channels' distance to the nearest match."""
    height, width, _ = these.shape
    around = np.pad(those, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    steps = [(y, x) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1) if y**2 + x**2 <= reach**2]
    shifted = (around[reach + y : reach + y + height, reach + x : reach + x + width] for y, x in steps)
    squares = (((these - other) ** 2).mean(axis=2) for other in shifted)
    return next(squares) if len(steps) == 1 else np.minimum.reduce(list(squares))


def _difference_image(expected: Image.Image, actual: Image.Image) -> Image.Image:
    size = tuple(np.maximum(expected.size, actual.size).tolist())
    sheets = []
    for picture in (expected, actual):
        sheet = Image.new("RGB", size, "white")
        sheet.paste(_over_white(picture))
        sheets.append(sheet)
    distance = np.asarray(ImageChops.difference(*sheets)).max(axis=2).astype(float)
    return Image.fromarray((255 - 255 * distance / max(distance.max(), 1)).astype(np.uint8))
