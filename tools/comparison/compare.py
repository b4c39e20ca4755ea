"""Compare the recorded outputs of a cell with its new ones: pure functions of outputs in nbformat's form.

Text
    Words must be equal. A number may move within its tolerance (see `tolerance`); without one it must be written the
    same way (0.9 is not 0.90). A number stands alone or next to punctuation: ``-0.5``, ``1e-3``, ``401,920``,
    ``98.4%``, both ends of ``25-30``, the 3 and the 30 in ``Epoch 3/30``, ``nan`` and ``inf``. Digits inside a word
    (``uint8``, ``conv2d_1``, ``6ms``, ``3.15.1``, ``#00af00``) belong to the word. Layout counts, unless a number that
    moved within its tolerance has become wider or narrower: then blanks, line breaks and the lengths of separator lines
    may change in the whole text, because NumPy and pandas realign a whole table for one digit.
Not compared
    ANSI colours, execution counts, tracebacks, widget views, and the durations that Keras prints with its progress.
Pictures
    See `pictures.picture_distance`.
"""

from __future__ import annotations

import difflib
import itertools
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from nbformat import NotebookNode
from PIL import Image

from .outputs import is_picture, shown_outputs
from .pictures import PICTURE_TOLERANCE, picture_distance, read_picture
from .tolerance import Tolerance

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# As fit prints them with verbose=2.
_KERAS_DURATION = re.compile(r"^( *\d+/\d+) - \d+s - \d+(?:us|ms|s)/(?:step|epoch)(?= - |$)", re.MULTILINE)
# A sign belongs to the number unless something that it could be subtracted from comes before it.
_NUMBER = re.compile(
    r"(?:(?<![\w.)\]}%])[-+])?(?<![\w.])"
    r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|NaN|inf)"
    r"(?!\w|\.\d)"
)
_REPEATED_MARK = re.compile(r"([^\w\s]|_)\1+")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_EPOCH = re.compile(r"^Epoch (\d+)/\d+$")


@dataclass(frozen=True)
class Difference:
    """One difference beyond the tolerance: its sentence in the report and, if a picture differs, both pictures."""

    sentence: str
    pictures: tuple[Image.Image, ...] = ()


@dataclass
class Comparison:
    """The result of comparing the outputs of one cell.

    `differences` holds what is outside the tolerance, in the order of the outputs; `moved` how far each number moved,
    by its place; `pictures` the distance of every pair of pictures, whether it counts or not.
    """

    tolerance: Tolerance
    differences: list[Difference] = field(default_factory=list)
    moved: dict[str, Decimal] = field(default_factory=dict)
    pictures: list[float] = field(default_factory=list)
    advice: str = ""

    def add(self, where: str, what: str, pictures: tuple[Image.Image, ...] = ()) -> None:
        """Add a difference."""
        self.differences.append(Difference(f"{where}: {what}", pictures))


def compare(recorded: Sequence[NotebookNode], new: Sequence[NotebookNode], tolerance: Tolerance) -> Comparison:
    """Compare the outputs of one cell; text on stderr is always a difference, even if it was recorded."""
    found = Comparison(tolerance)
    recorded, new = shown_outputs(list(recorded)), shown_outputs(list(new))
    for output in new:
        if output.output_type == "stream" and output.name == "stderr":
            found.add("stderr", f"expected no text, found {_quote(output.text.strip())}")
    recorded_kinds, new_kinds = [_kind(output) for output in recorded], [_kind(output) for output in new]
    if recorded_kinds != new_kinds:
        found.add("outputs", f"expected {_count(recorded_kinds)}; found {_count(new_kinds)}")
        return found
    for number, (before, after) in enumerate(zip(recorded, new, strict=True), start=1):
        _compare_output(before, after, f"output {number}", found)
    if found.advice:
        found.differences.append(Difference(found.advice))
    return found


def plain_text(text: str) -> str:
    """Return a text without colours and the durations that Keras prints."""
    return _KERAS_DURATION.sub(r"\1", _ANSI.sub("", text))


@dataclass(frozen=True)
class _Token:
    text: str
    number: int  # which number of its line, from 1; 0 for a word
    line: int  # from 1
    name: str = ""  # for a number: what the text calls it, if that can be seen

    @property
    def key(self) -> str:
        return "0" if self.number else _REPEATED_MARK.sub(r"\1", self.text)


def _compare_output(before: NotebookNode, after: NotebookNode, where: str, found: Comparison) -> None:
    if before.output_type == "stream":
        _compare_text(before.text, after.text, where, found)
        return
    if before.output_type == "error":
        _compare_text(f"{before.ename}: {before.evalue}", f"{after.ename}: {after.evalue}", f"{where}, error", found)
        return
    for mime, content in before.data.items():
        place = where if len(before.data) == 1 else f"{where} ({mime})"
        if not isinstance(content, str):
            _compare_text(_json(content), _json(after.data[mime]), place, found)
        elif is_picture(mime):
            _compare_pictures(content, after.data[mime], place, found)
        else:
            _compare_text(content, after.data[mime], place, found)
    _compare_text(_json(before.metadata), _json(after.metadata), f"{where}, metadata", found)


def _compare_text(recorded: str, new: str, where: str, found: Comparison) -> None:
    recorded, new = plain_text(recorded), plain_text(new)
    if recorded == new:
        return
    before, after = (list(itertools.chain.from_iterable(_tokens(text))) for text in (recorded, new))
    if [token.key for token in before] != [token.key for token in after]:
        _compare_lines(recorded, new, where, found)
        return
    num_differences = len(found.differences)
    for pair in zip(before, after, strict=True):
        _compare_number(*pair, where, found)
    widths_changed = any(
        len(one.text) != len(other.text) for one, other in zip(before, after, strict=True) if one.number
    )
    if len(found.differences) == num_differences and not widths_changed:
        _compare_layout(recorded, new, where, found)


def _compare_layout(recorded: str, new: str, where: str, found: Comparison) -> None:
    """Report the first line whose layout differs, in texts with the same words."""
    for line, (one, other) in enumerate(itertools.zip_longest(recorded.split("\n"), new.split("\n")), start=1):
        if one is None or other is None or _NUMBER.sub("0", one) != _NUMBER.sub("0", other):
            expected, actual = _around_change(one or "", other or "")
            found.add(f"{where}, line {line}", f"the layout changed, expected {expected}, found {actual}")
            return


def _compare_lines(recorded: str, new: str, where: str, found: Comparison) -> None:
    """Match the lines of texts whose words differ, so that one extra line is reported as exactly that."""
    before, after = recorded.split("\n"), new.split("\n")
    before_tokens, after_tokens = _tokens(recorded), _tokens(new)
    before_keys = [tuple(token.key for token in line) for line in before_tokens]
    after_keys = [tuple(token.key for token in line) for line in after_tokens]
    matcher = difflib.SequenceMatcher(None, before_keys, after_keys, autojunk=False)
    for what, i, i_end, j, j_end in matcher.get_opcodes():
        for one, other in itertools.zip_longest(range(i, i_end), range(j, j_end)):
            if what == "equal":
                for pair in zip(before_tokens[one], after_tokens[other], strict=True):
                    _compare_number(*pair, where, found)
            elif one is not None and other is not None:
                expected, actual = _around_change(before[one], after[other])
                found.add(f"{where}, line {one + 1}", f"expected {expected}, found {actual}")
            elif one is not None and before_keys[one]:
                found.add(f"{where}, line {one + 1}", f"missing: {_quote(before[one])}")
            elif other is not None and after_keys[other]:
                found.add(f"{where}, new line {other + 1}", f"not expected: {_quote(after[other])}")


def _compare_number(before: _Token, after: _Token, where: str, found: Comparison) -> None:
    if not before.number or before.text == after.text:
        return
    name = f" ({before.name})" if before.name else ""
    place = f"{where}, line {before.line}, number {before.number}{name}"
    old, now = (Decimal(token.text.replace(",", "")) for token in (before, after))
    if old.is_finite() and now.is_finite():
        distance, allowed = abs(now - old), found.tolerance.allowed(place, old)
        found.moved[place] = now - old
        if allowed and distance <= allowed:
            return
        reason = f"moved by {distance.normalize():f}, " + _times(float(distance), float(allowed))
    elif str(old) == str(now):  # nan is not equal to itself
        return
    else:
        reason = "which no tolerance covers"
    found.add(place, f"{before.text} → {after.text}, {reason}")
    found.advice = found.tolerance.advice


def _compare_pictures(recorded: str, new: str, where: str, found: Comparison) -> None:
    expected, actual = read_picture(recorded), read_picture(new)
    if expected.size != actual.size:
        sizes = " → ".join(f"{picture.width} x {picture.height}" for picture in (expected, actual))
        found.add(where, f"the size of the picture changed, {sizes} pixels", (expected, actual))
        found.pictures.append(math.inf)
        return
    distance = picture_distance(expected, actual)
    found.pictures.append(distance)
    if distance > PICTURE_TOLERANCE and not found.tolerance.picture_not_compared:
        moved = f"the picture moved by {distance:.3g}, {_times(distance, PICTURE_TOLERANCE)}"
        found.add(where, moved, (expected, actual))


def _tokens(text: str) -> list[list[_Token]]:
    """Return the words and numbers of each line."""
    lines = []
    epoch = ""
    for line_number, line in enumerate(text.split("\n"), start=1):
        if match := _EPOCH.match(line):
            epoch = f" at epoch {match[1]}"
        tokens = []
        end = 0
        for number, match in enumerate(_NUMBER.finditer(line), start=1):
            words = line[end : match.start()].split()
            tokens += [_Token(word, 0, line_number) for word in words]
            last = words[-1].strip("=:,;([{|'\"") if words else ""
            name = last + epoch if _IDENTIFIER.fullmatch(last) else ""
            tokens.append(_Token(match.group(), number, line_number, name))
            end = match.end()
        lines.append(tokens + [_Token(word, 0, line_number) for word in line[end:].split()])
    return lines


def _times(distance: float, allowed: float) -> str:
    return f"{distance / allowed:.3g} times the tolerance of {allowed:g}" if allowed else "where the tolerance is 0"


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)


def _kind(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return f"text on {output.name}"
    if output.output_type == "error":
        return "an error"
    shown = "a result" if output.output_type == "execute_result" else "a display"
    return f"{shown} of {' + '.join(sorted(output.data))}"


def _count(kinds: list[str]) -> str:
    return f"{len(kinds)} output{'s' * (len(kinds) > 1)} ({', '.join(kinds)})" if kinds else "no output"


def _quote(text: str, start: int = 0) -> str:
    end = start + 120
    cut = text[start:end].replace("\n", "⏎")
    return f"“{'…' * (start > 0)}{cut}{'…' * (end < len(text))}”"


def _around_change(before: str, after: str) -> tuple[str, str]:
    pairs = enumerate(itertools.zip_longest(before, after))
    same = next((place for place, (one, other) in pairs if one != other), 0)
    start = max(0, same - 60) if max(len(before), len(after)) > 120 else 0
    return _quote(before, start), _quote(after, start)
