"""Write the tables of ``benchmarks/README.md`` from what `benchmarks.measure` measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from course_utils.workspace import atomic_path

README = Path(__file__).with_name("README.md")
BEGIN = "<!-- what follows is written by: make bench KEEP=1 -->"


def write_readme(results: dict[str, Any]) -> None:
    """Replace the tables in the README with those of these results."""
    before = README.read_text(encoding="utf-8").partition(BEGIN)[0]
    with atomic_path(README) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n\n{tables(results)}\n", encoding="utf-8")


def tables(results: dict[str, Any]) -> str:
    """Return what was measured as tables in Markdown."""
    return "\n\n".join([_machine(results["machine"]), _training(results["training"]), _lessons(results["lessons"])])


def _machine(machine: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    where = "{cores} cores of {processor}, {memory_gb} GB, {system}; Python {python}".format(**machine)
    return f"Measured on {machine['date']}, on {where}, {packages}."


def _training(training: dict[str, Any]) -> str:
    # The first epoch includes copies and tracing.
    seconds = {
        name: [median(one["seconds"][1:]) for one in measured] for name, measured in training["contenders"].items()
    }
    rows = []
    for name, measured in training["contenders"].items():
        ratio = median(one / course for one, course in zip(seconds[name], seconds["course"], strict=True))
        first = median(one["seconds"][0] for one in measured)
        accuracies = [one["test_accuracy"] for one in measured if "test_accuracy" in one]
        shown = [f"{ratio:.2f}", _spread(seconds[name], ".2f"), f"{first:.1f}"]
        rows.append((name, *shown, _spread(accuracies, ".4f") if accuracies else ""))
    head = ("", "time / course", "seconds per epoch", "first epoch", "test accuracy")
    equal = "identical" if training["same_history"] else "**not** identical"
    note = (
        f"Medians of {len(seconds['course'])} training runs of {training['num_epochs']} epochs, lowest and highest "
        "in brackets. With the same seeds, the histories of the course and of the Keras defaults are "
    )
    quick = " This was a quick trial, not a measurement." if training["quick"] else ""
    title = f"### Training: {training['num_images']:,} images in batches of 128"
    return f"{title}\n\n{_table(head, rows)}\n\n{note}{equal}.{quick}"


def _lessons(lessons: dict[str, Any]) -> str:
    rows = [(name[:2], f"{one['seconds']:.1f}", f"{one['peak_rss_mb']:,}") for name, one in lessons["lessons"].items()]
    table = _table(("lesson", "seconds for Run All", "memory (MB)"), rows)
    return (
        f"### Lessons\n\n{table}\n\nFrom one `make run` with {lessons['num_epochs']} epochs on "
        f"{lessons['dataset']}. Memory is the kernel's largest resident set, in units of 2²⁰ bytes."
    )


def _spread(values: Sequence[float], form: str) -> str:
    middle = f"{median(values):{form}}"
    return middle if len(values) < 2 else f"{middle} ({min(values):{form}} to {max(values):{form}})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows)]
    return "\n".join(lines)
