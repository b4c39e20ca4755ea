"""``python -m benchmarks.compare OLD NEW``: what moved between two runs, perhaps on two machines."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.figures import Results, comparable, part

#: Smaller changes are taken for chance even where all repetitions agree, or there is only one.
SMALLEST_CHANGE = {"MB": 0.03, "": 0.10}


class Move(NamedTuple):
    """A figure that changed by more than it is spread."""

    name: str
    old: float
    new: float

    @property
    def is_worse(self) -> bool:
        """Whether it became more: all that is compared should be small."""
        return self.new > self.old

    def __str__(self) -> str:
        word = "WORSE" if self.is_worse else "better"
        return f"{word}: {self.name}: {self.old:.3g} → {self.new:.3g} ({self.new / self.old - 1:+.0%})"


def moves(old: Results, new: Results) -> list[Move]:
    """Find what moved by more than it is spread in either run.

    Parameters
    ----------
    old, new : dict
        As in ``results.json``.

    Returns
    -------
    list of Move
        The medians of what both measured, if they differ by more than the range of either run's repetitions.
    """
    before, after = comparable(old), comparable(new)
    found = []
    for name in before.keys() & after.keys():
        one, two = before[name], after[name]
        move = Move(name, median(one), median(two))
        smallest = SMALLEST_CHANGE["MB" if name.endswith("MB") else ""] * move.old
        if abs(move.new - move.old) > max(smallest, *(max(samples) - min(samples) for samples in (one, two))):
            found.append(move)
    return sorted(found)


def compare(old: Results, new: Results) -> tuple[list[str], bool]:
    """Put a comparison into words.

    Parameters
    ----------
    old, new : dict
        As in ``results.json``.

    Returns
    -------
    tuple of list of str and bool
        Lines, and whether nothing became worse.
    """
    if old["quick"] != new["quick"]:
        return ["A trial and a full run are not compared: they measure different things."], True
    found = moves(old, new)
    lines = [str(move) for move in found]
    is_fine = not any(move.is_worse for move in found)
    trainings = [part(results, "training") for results in (old, new)]
    if all(trainings) and [training["same_history"] for training in trainings] == [True, False]:
        lines.append("WORSE: the course's history is no longer that of the plain call")
        is_fine = False
    common = comparable(old).keys() & comparable(new).keys()
    machines = "the same machine" if old["machine"] == new["machine"] else "another machine or other versions"
    return [*lines, f"{len(found)} of {len(common)} figures moved by more than their spread; {machines}."], is_fine


def main() -> int:
    """Compare two files of results, and say what moved."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__.partition(": ")[2])
    parser.add_argument("old", type=Path, help="a results.json, such as the committed benchmarks/results.json")
    parser.add_argument("new", type=Path, help="another one, such as build/bench/results.json")
    parser.add_argument("--strict", action="store_true", help="end with status 1 if something became worse")
    arguments = parser.parse_args()
    old, new = (json.loads(path.read_text(encoding="utf-8")) for path in (arguments.old, arguments.new))
    lines, is_fine = compare(old, new)
    print("\n".join(lines))
    return int(arguments.strict and not is_fine)


if __name__ == "__main__":
    sys.exit(main())
