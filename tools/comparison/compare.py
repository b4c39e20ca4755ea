"""Compare what a cell gave when it was recorded with what it gives now.

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
    the durations that Keras prints with its progress.
Pictures
    See `pictures.picture_distance`.
"""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from nbformat import NotebookNode

from tools.clean_outputs import shown_outputs
from tools.comparison.pictures import DEFAULT_PICTURE_TOLERANCE, Pictures, picture_distance, read_picture

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# As fit prints them with verbose=2.
_KERAS_DURATION = re.compile(r"^( *\d+/\d+) - \d+s - \d+(?:us|ms|s)/(?:step|epoch)(?= - |$)", re.MULTILINE)
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
    """By how much the outputs of one cell may move.

    Attributes
    ----------
    absolute, relative
        A number may differ from the recorded one by ``absolute + relative * |recorded|``; with 0 and 0 numbers must be
        written alike.
    picture
        Largest `picture_distance`. None means `DEFAULT_PICTURE_TOLERANCE`, and no allowance for lines that move.
    """

    absolute: float = 0.0
    relative: float = 0.0
    picture: float | None = None

    @classmethod
    def of(cls, cell: NotebookNode) -> Tolerance:
        """Read the tolerance that a cell declares in ``metadata.tolerance``.

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
            if not _is_number(value) or not 0 <= value < math.inf:
                raise ValueError(f"tolerance {key} must be a number of 0 or more, not {value!r}")
        return cls(**declared)

    def allowed(self, recorded: Decimal) -> Decimal:
        """Return by how much a number may differ from the recorded one."""
        return Decimal(repr(self.absolute)) + Decimal(repr(self.relative)) * abs(recorded)


@dataclass(frozen=True)
class Difference:
    """One thing that moved further than allowed.

    Attributes
    ----------
    sentence
        What was expected and what was found, and where: for a test report.
    short
        The same in a few words: for the list that `record` prints.
    pictures
        For a picture, what to look at.
    """

    sentence: str
    short: str
    pictures: Pictures | None = None


@dataclass
class Comparison:
    """What comparing the outputs of one cell found.

    Attributes
    ----------
    tolerance
        What the cell declares.
    differences
        Everything outside the tolerance; empty when the outputs are equal.
    numbers
        Recorded and new value of every number that moved at all, within tolerance or not.
    pictures
        The distance of every pair of pictures; infinite if their sizes differ.
    """

    tolerance: Tolerance
    differences: list[Difference] = field(default_factory=list)
    numbers: list[tuple[Decimal, Decimal]] = field(default_factory=list)
    pictures: list[float] = field(default_factory=list)

    def say(self, where: str, what: str, short: str = "", pictures: Pictures | None = None) -> None:
        """Add a difference; without words of its own, the short form is the sentence."""
        self.differences.append(Difference(f"{where}: {what}", short or f"{where}: {what}", pictures))


def compare(recorded: Sequence[NotebookNode], new: Sequence[NotebookNode], tolerance: Tolerance) -> Comparison:
    """Compare the outputs of one cell.

    Parameters
    ----------
    recorded, new
        Outputs in nbformat's form; they are not changed.
    tolerance
        What the cell declares.

    Returns
    -------
    Comparison
        Differences first by output, then by MIME type, then by line. Text on stderr is always one, recorded or not.
    """
    found = Comparison(tolerance)
    recorded, new = shown_outputs(list(recorded)), shown_outputs(list(new))
    for output in new:
        if output.output_type == "stream" and output.name == "stderr":
            found.say("stderr", f"nothing may be written there, found {_quote(output.text.strip())}", "text on stderr")
    recorded_kinds, new_kinds = [_kind(output) for output in recorded], [_kind(output) for output in new]
    if recorded_kinds != new_kinds:
        expected, actual = _count(recorded_kinds), _count(new_kinds)
        found.say("outputs", f"expected {expected}; found {actual}", f"outputs {expected} → {actual}")
        return found
    for number, (before, after) in enumerate(zip(recorded, new, strict=True), start=1):
        _compare_output(before, after, f"output {number}", found)
    return found


def compare_outputs(
    recorded: Sequence[NotebookNode], new: Sequence[NotebookNode], tolerance: Tolerance
) -> list[Difference]:
    """Return the differences that `compare` finds; an empty list means that the outputs are equal."""
    return compare(recorded, new, tolerance).differences


def without_durations(text: str) -> str:
    """Return a text without the durations that Keras prints."""
    return _KERAS_DURATION.sub(r"\1", text)


@dataclass(frozen=True)
class _Token:
    text: str
    number: int  # its place among the numbers of its line, from 1; 0 for a word
    line: int  # from 1
    name: str = ""  # for a number: what the text calls it, as far as one can tell

    @property
    def key(self) -> str:
        return "0" if self.number else _REPEATED_MARK.sub(r"\1", self.text)


def _compare_output(before: NotebookNode, after: NotebookNode, where: str, found: Comparison) -> None:
    if before.output_type == "stream":
        _compare_text(before.text, after.text, where, found)
        return
    if before.output_type == "error":
        for part in ("ename", "evalue"):
            _compare_text(before[part], after[part], f"{where}, {part} of the error", found)
        return
    for mime, content in before.data.items():
        place = where if len(before.data) == 1 else f"{where} ({mime})"
        if mime == "application/json" or mime.endswith("+json"):
            _compare_json(content, after.data[mime], place, found)
        elif mime.startswith("image/") and mime != "image/svg+xml":
            _compare_pictures(content, after.data[mime], place, found)
        else:
            _compare_text(content, after.data[mime], place, found)
    _compare_json(before.metadata, after.metadata, f"{where}, metadata", found)


def _compare_text(recorded: str, new: str, where: str, found: Comparison) -> None:
    recorded, new = (without_durations(_ANSI.sub("", text)) for text in (recorded, new))
    if recorded == new:
        return
    before, after = (list(itertools.chain.from_iterable(_tokens(text))) for text in (recorded, new))
    if [token.key for token in before] != [token.key for token in after]:
        _compare_lines(recorded, new, where, found)
        return
    told = len(found.differences)
    for pair in zip(before, after, strict=True):
        _compare_number(*pair, where, found)
    widths_changed = any(
        one.number and len(one.text) != len(other.text) for one, other in zip(before, after, strict=True)
    )
    if len(found.differences) == told and not widths_changed:
        _compare_layout(recorded, new, where, found)


def _compare_layout(recorded: str, new: str, where: str, found: Comparison) -> None:
    """Tell the first line of texts with the same words that is laid out otherwise."""
    for line, (one, other) in enumerate(itertools.zip_longest(recorded.split("\n"), new.split("\n")), start=1):
        if one is None or other is None or _NUMBER.sub("0", one) != _NUMBER.sub("0", other):
            expected, actual = _around_change(one or "", other or "")
            found.say(f"{where}, line {line}", f"the layout changed, expected {expected}, found {actual}")
            return


def _compare_lines(recorded: str, new: str, where: str, found: Comparison) -> None:
    """Pair up the lines of texts whose words differ, so that one line too many is told as just that."""
    before, after = recorded.split("\n"), new.split("\n")
    before_tokens, after_tokens = _tokens(recorded), _tokens(new)
    before_keys, after_keys = (
        [tuple(token.key for token in line) for line in one] for one in (before_tokens, after_tokens)
    )
    matcher = difflib.SequenceMatcher(None, before_keys, after_keys, autojunk=False)
    for what, i, i_end, j, j_end in matcher.get_opcodes():
        for one, other in itertools.zip_longest(range(i, i_end), range(j, j_end)):
            if what == "equal":
                for pair in zip(before_tokens[one], after_tokens[other], strict=True):
                    _compare_number(*pair, where, found)
            elif one is not None and other is not None:
                expected, actual = _around_change(before[one], after[other])
                found.say(f"{where}, line {one + 1}", f"expected {expected}, found {actual}", f"{expected} → {actual}")
            elif one is not None and before_keys[one]:
                line = _quote(before[one])
                found.say(f"{where}, line {one + 1}", f"missing: {line}", f"missing {line}")
            elif other is not None and after_keys[other]:
                line = _quote(after[other])
                found.say(f"{where}, new line {other + 1}", f"not expected: {line}", f"new {line}")


def _compare_number(before: _Token, after: _Token, where: str, found: Comparison) -> None:
    if not before.number or before.text == after.text:
        return
    old, now = _value(before.text), _value(after.text)
    found.numbers.append((old, now))
    moved = f"{before.text} → {after.text}"
    short = f"{before.name} {moved}" if before.name else f"{where}, line {before.line}: {moved}"
    place = f"{where}, line {before.line}, number {before.number}" + (f" ({before.name})" if before.name else "")
    if found.tolerance.absolute == found.tolerance.relative == 0:
        found.say(place, f"{moved}, and the cell declares no tolerance", short)
        return
    if not (old.is_finite() and now.is_finite()):
        if old != now and not (old.is_nan() and now.is_nan()):
            found.say(place, f"{moved}, which no tolerance allows", short)
        return
    distance, allowed = abs(now - old), found.tolerance.allowed(old)
    if distance > allowed:
        times = _times(distance, allowed, f"{allowed.normalize():f}")
        found.say(place, f"{moved}, moved by {distance.normalize():f}, {times}", short)


def _compare_json(before: object, after: object, where: str, found: Comparison) -> None:
    """Compare what JSON holds, place by place; a place is named as in ``history.loss[3]``."""
    old, now = dict(_leaves(before)), dict(_leaves(after))
    for path in [*old, *(path for path in now if path not in old)]:
        place = f"{where} {path}".rstrip()
        if path not in now:
            found.say(place, f"missing, expected {_quote(str(old[path]))}")
        elif path not in old:
            found.say(place, f"not expected: {_quote(str(now[path]))}")
        elif isinstance(old[path], str) and isinstance(now[path], str):
            _compare_text(old[path], now[path], place, found)
        elif _is_number(old[path]) and _is_number(now[path]):
            tokens = (_Token(repr(leaves[path]), number=1, line=1, name=path) for leaves in (old, now))
            _compare_number(*tokens, where, found)
        elif old[path] != now[path] or type(old[path]) is not type(now[path]):
            found.say(place, f"expected {old[path]!r}, found {now[path]!r}")


def _compare_pictures(recorded: str, new: str, where: str, found: Comparison) -> None:
    try:
        expected, actual = read_picture(recorded), read_picture(new)
    except (OSError, ValueError) as error:
        if "".join(recorded.split()) != "".join(new.split()):
            found.say(where, f"the picture changed, and cannot be read ({error})", "picture changed")
        return
    name = f"picture {len(found.pictures) + 1}"
    if expected.size != actual.size:
        sizes = " → ".join(f"{picture.width} x {picture.height}" for picture in (expected, actual))
        both = Pictures.of(expected, actual)
        found.say(where, f"the picture changed its size, {sizes} pixels", f"{name} changed its size, {sizes}", both)
        found.pictures.append(math.inf)
        return
    declared = found.tolerance.picture
    allowed = DEFAULT_PICTURE_TOLERANCE if declared is None else declared
    distance = picture_distance(expected, actual, lines_may_move=declared is not None)
    found.pictures.append(distance)
    if distance > allowed:
        times = _times(distance, allowed, f"{allowed:g}")
        both = Pictures.of(expected, actual)
        found.say(where, f"the picture moved by {distance:.3g}, {times}", f"{name} moved by {distance:.2g}", both)


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


def _times(distance: float | Decimal, allowed: float | Decimal, shown: str) -> str:
    return f"{distance / allowed:.3g} tolerances of {shown}" if allowed else "where the tolerance is 0"


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
        (place for place, (one, other) in enumerate(zip(before, after, strict=False)) if one != other),
        min(len(before), len(after)),
    )
    start = max(0, same - 60) if max(len(before), len(after)) > 120 else 0
    return _quote(before, start), _quote(after, start)
