"""Determine how far the numbers of a cell may move, from its metadata and from a file of measurements.

Every number must be reproduced exactly, unless the cell's metadata has a table ``tolerance`` with

- ``"numbers": "measured"``: each number may move twice as far as it moved when it was measured;
- or ``"absolute": 0.01``, ``"relative": 0.1``, or both, with a ``"reason": "…"``: this far, whatever was measured;
- ``"picture_not_compared": "…"``: why its pictures are not compared.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from nbformat import NotebookNode


@dataclass(frozen=True)
class Tolerance:
    """What a cell declares, how far each of its numbers moved when measured, and what to do if one moves further."""

    absolute: float = 0.0
    relative: float = 0.0
    reason: str = ""
    numbers: str = ""
    picture_not_compared: str = ""
    spread: Mapping[str, float] = field(default_factory=dict)
    advice: str = ""

    @classmethod
    def of(cls, cell: NotebookNode) -> Tolerance:
        """Read what a cell declares in ``metadata.tolerance``; raise ValueError if this is not such a table."""
        declared = cell.metadata.get("tolerance", {})
        if not isinstance(declared, dict):
            raise ValueError(f"tolerance must be a table such as {{'numbers': 'measured'}}, not {declared!r}")
        widths = {"absolute", "relative"} & declared.keys()
        for key, value in declared.items():
            is_width = isinstance(value, int | float) and 0 <= value < math.inf and "reason" in declared
            is_text = isinstance(value, str) and value.strip()
            if not (
                (key in widths and is_width)
                or (key in ("reason", "picture_not_compared") and is_text)
                or (key == "numbers" and value == "measured" and not widths)
            ):
                raise ValueError(
                    f"tolerance cannot have {key!r}: {value!r}. Write 'numbers': 'measured'; or 'absolute' or "
                    "'relative' with a number of 0 or more, and a 'reason'; or 'picture_not_compared' and why"
                )
        return cls(**declared)

    def allowed(self, place: str, recorded: Decimal) -> Decimal:
        """Return how far the number at a place may move: exactly 0 if it never moved when measured."""
        if place in self.spread:
            last_digit = Decimal(1).scaleb(int(recorded.as_tuple().exponent))
            return max(2 * Decimal(repr(self.spread[place])), last_digit / 2)
        return Decimal(repr(self.absolute)) + Decimal(repr(self.relative)) * abs(recorded)


class Measured:
    """A JSON file that says how far each number moved when measured; without the file, nothing was measured.

    For each notebook (the file's name without .ipynb) and each cell's id, its ``cells`` hold a fingerprint of the
    ``source`` that was measured, and the ``spread`` by place, as failures name places. ``measured_by`` is the command
    that measures, in which ``{notebook}`` stands for the notebook.
    """

    def __init__(self, file: Path) -> None:
        content = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        self.cells: dict[str, dict[str, Any]] = content.get("cells", {})
        self.command: str = content.get("measured_by", "the measurement")

    def tolerance(self, notebook: str, cell: NotebookNode) -> Tolerance:
        """Return how far the numbers of a cell may move; raise ValueError if its metadata is not understood."""
        declared = Tolerance.of(cell)
        if declared.absolute or declared.relative:
            return declared
        measured = self.cells.get(notebook, {}).get(cell.get("id", ""))
        command = f"run {self.command.format(notebook=notebook)}"
        if not declared.numbers:
            advice = (
                "the numbers of this cell must be reproduced exactly; if they differ between processors, add "
                f'"tolerance": {{"numbers": "measured"}} to its metadata and {command}'
            )
        elif measured is None:
            advice = (
                f"this cell was never measured, so its numbers must be reproduced exactly. To measure it, {command}"
            )
        elif measured["source"] != fingerprint(cell):
            advice = (
                f"this cell was edited since it was measured, so its numbers must be reproduced exactly. Now {command}"
            )
        else:
            return dataclasses.replace(declared, spread=measured["spread"])
        return dataclasses.replace(declared, advice=advice)


def fingerprint(cell: NotebookNode) -> str:
    """Return a short text that changes with the source of a cell."""
    return hashlib.sha256(cell.source.encode()).hexdigest()[:8]
