"""The tables of ``benchmarks/README.md``, made from ``results.json``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from benchmarks.figures import MEMORY_LIMITS, Results, Target, epoch_seconds, part, targets

BEGIN, END = "<!-- what follows is written by: make bench KEEP=1 -->", "<!-- what precedes is written -->"
PICTURES = {
    "training": "Bars: seconds of an epoch for the course and the others, beside the bound.",
    "lessons": "Bars: where the time of each lesson goes, and its memory beside what is wanted.",
    "growth": "Curves: how seconds and memory grow with images, batch size and epochs.",
}


def insert(text: str, results: Results) -> str:
    """Replace what stands between the two marks of a text by the tables and pictures of these results."""
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    pictures = [f"![{alt}]({name}.png)" for name, alt in PICTURES.items() if part(results, name)]
    return "\n\n".join([f"{before}{BEGIN}", tables(results), *pictures, f"{END}{after}"])


def tables(results: Results) -> str:
    """Write all tables that these results have numbers for, in Markdown."""
    sections = [_machine(results), _targets(results), _training(results), _lessons(results), _sizes(results)]
    return "\n\n".join(section for section in sections if section)


def _machine(results: Results) -> str:
    about = results["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    dates = sorted({measured["date"] for measured in results["parts"].values()})
    loads = [measured["load_before"] for measured in results["parts"].values()]
    return (
        f"Measured {' and '.join(dates)} on {about['cores']} cores of {about['processor']}, {about['memory_gb']} GB, "
        f"{about['system']}; Python {about['python']}, {packages}; NumPy's products by {about['blas']}. Load before "
        f"each part: {min(loads)} to {max(loads)}.{' A trial, no measurement.' if results['quick'] else ''}"
    )


def _targets(results: Results) -> str:
    rows = [
        (
            target.what + (f" ({target.which})" if target.which else ""),
            _limit(target),
            _figure(target.figure),
            {True: "yes", False: "**no**", None: ""}[target.is_met],
        )
        for target in targets(results)
    ]
    return "### Targets\n\n" + _table(("", "wanted", "measured", "met"), rows)


def _training(results: Results) -> str:
    training = part(results, "training")
    if not training:
        return ""
    seconds = epoch_seconds(training)

    def ratios(name: str, other: str) -> str:
        return f"{median(one / two for one, two in zip(seconds[name], seconds[other], strict=True)):.2f}"

    rows = []
    for name, answers in training["contenders"].items():
        first = median(answer["seconds"][0] for answer in answers)
        accuracies = [answer["test_accuracy"] for answer in answers if answer["test_accuracy"] is not None]
        rows.append(
            (
                name,
                _spread(seconds[name], ".2f"),
                ratios(name, "bound"),
                ratios(name, "course"),
                f"{first:.1f}",
                _spread(accuracies, ".4f") if accuracies else "",
                f"{median(answer['peak_mb'] for answer in answers):,.0f}",
            )
        )
    rows += [(name, "not measured", *[""] * 5) for name in training["missing"]]
    head = ("", "s an epoch", "/ bound", "/ course", "first epoch, s", "test accuracy", "memory, MB")
    repetitions, epochs = len(seconds["course"]), training["epochs"]
    return (
        f"### Training: {training['images']:,} images in batches of {training['batch_size']}\n\n"
        f"{_table(head, rows)}\n\n"
        f"Medians of {repetitions} trainings of {epochs} epochs each, in turn; in brackets the lowest and the highest. "
        f"Accuracies after {epochs} epochs, with {repetitions} seeds. The history of the course and that of the plain "
        f"call with the same seed are {'equal' if training['same_history'] else '**not** equal'}, bit for bit."
    )


def _lessons(results: Results) -> str:
    measured, laptop = part(results, "lessons"), part(results, "laptop") or {}
    if not measured:
        return ""
    rows = []
    for name, told in measured["lessons"].items():
        kinds = [
            f"{median(one[kind] for one in told):.1f}" for kind in ("kernel", "imports", "data", "training", "work")
        ]
        small = laptop.get(name)
        rows.append(
            (
                name[:2],
                _spread([one["seconds"] for one in told], ".1f"),
                *kinds,
                f"{median(one['peak_mb'] for one in told):,.0f}",
                f"{MEMORY_LIMITS[name[:2]]:,}" if name[:2] in MEMORY_LIMITS else "",
                "**fails**" if isinstance(small, str) else f"{small['seconds']:.1f}" if small else "",
                f"{small['peak_mb']:,.0f}" if isinstance(small, dict) else "",
            )
        )
    head = ("lesson", "Run All, s", "kernel", "imports", "data", "training", "work", "memory, MB", "wanted")
    text = (
        f"### Lessons\n\n{_table((*head, 'laptop, s', 'laptop, MB'), rows)}\n\nMedians; in brackets the lowest and the "
        "highest."
    )
    return text + "".join(f"\n\nOn the laptop: {failure}" for failure in laptop.values() if isinstance(failure, str))


def _sizes(results: Results) -> str:
    setup = part(results, "setup")
    if not setup:
        return ""
    return (
        f"### Set-up\n\nFrom nothing, caches empty: {setup['seconds']:.0f} s, {setup['download_mb']:,.0f} MB to "
        f"download, {setup['disk_mb']:,.0f} MB on disk (millions of bytes)."
    )


def _limit(target: Target) -> str:
    if target.limit is True:
        return "yes"
    return f"{'≥' if target.at_least else '≤'} {target.limit:,g}"


def _figure(figure: float | bool | None) -> str:
    if figure is None:
        return "not measured"
    if isinstance(figure, bool):
        return "yes" if figure else "no"
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def _spread(values: Sequence[float], form: str) -> str:
    middle = f"{median(values):{form}}"
    return middle if len(values) < 2 else f"{middle} ({min(values):{form}} to {max(values):{form}})"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows)]
    return "\n".join(lines)
