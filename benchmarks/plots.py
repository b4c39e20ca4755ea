"""The figures of ``benchmarks/README.md``, in the style of the lessons."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from benchmarks.figures import MEMORY_LIMITS, Results, epoch_seconds, part, seconds_per_epoch
from course_utils.plotting import BLUE, GREEN, ORANGE
from course_utils.workspace import atomic_path

SHADES = {"kernel": "#999999", "imports": ORANGE, "data": GREEN, "work": BLUE}
MARKS = {"course": "o-", "Keras defaults": "s--", "PyTorch eager": "^:"}


def draw(results: Results, folder: Path) -> None:
    """Write a picture for each part that was measured: ``training.png``, ``lessons.png``, ``growth.png``."""
    for name, plot in (("training", plot_training), ("lessons", plot_lessons), ("growth", plot_growth)):
        if part(results, name):
            figure = plot(results)
            with atomic_path(folder / f"{name}.png") as temporary:
                figure.savefig(temporary)
            plt.close(figure)


def plot_training(results: Results) -> Figure:
    """Draw the seconds of an epoch for each contender, with the bound as a line."""
    seconds = epoch_seconds(part(results, "training"))
    bound = median(seconds.pop("bound"))
    middles = [median(values) for values in seconds.values()]
    lows = [middle - min(values) for middle, values in zip(middles, seconds.values(), strict=True)]
    highs = [max(values) - middle for middle, values in zip(middles, seconds.values(), strict=True)]
    figure, axis = plt.subplots(figsize=(8, 1.9 + 0.55 * len(seconds)))
    colors = [BLUE if name == "course" else "#999999" for name in seconds]
    axis.barh([*seconds], middles, xerr=[lows, highs], color=colors, capsize=4, height=0.6)
    for row, (middle, high) in enumerate(zip(middles, highs, strict=True)):
        axis.annotate(f"{middle:.2f} s", (middle + high, row), (6, 0), textcoords="offset points", va="center")
    axis.axvline(bound, color=ORANGE, linestyle="--", label="only the matrix products: the bound")
    axis.set(title="One epoch of the handout's recipe", xlabel="seconds (median, lowest, highest)", ylabel="who trains")
    axis.set_xlim(0, 1.4 * max(middle + high for middle, high in zip(middles, highs, strict=True)))
    axis.invert_yaxis()
    figure.legend(loc="outside lower right")
    return figure


def plot_lessons(results: Results) -> Figure:
    """Draw for each lesson where its time goes, training left out, and its memory beside what is wanted."""
    lessons = {name[:2]: told for name, told in part(results, "lessons")["lessons"].items()}
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 2.2 + 0.4 * len(lessons)))
    start = np.zeros(len(lessons))
    for (kind, color), hatch in zip(SHADES.items(), ("", "//", "..", ""), strict=True):
        values = np.array([median(one[kind] for one in told) for told in lessons.values()])
        left.barh([*lessons], values, left=start, color=color, hatch=hatch, edgecolor="white", height=0.7, label=kind)
        start += values
    left.set(title="Run All, without training", xlabel="seconds (medians)", ylabel="lesson")
    memory = [median(one["peak_mb"] for one in told) for told in lessons.values()]
    right.barh([*lessons], memory, color=BLUE, height=0.7)
    rows = [row for row, name in enumerate(lessons) if name in MEMORY_LIMITS]
    wanted = [MEMORY_LIMITS[name] for name in lessons if name in MEMORY_LIMITS]
    right.plot(wanted, rows, "D", color=ORANGE, markeredgecolor="white", label="wanted: at most this")
    right.set(title="Largest memory of the kernel", xlabel="MB (2²⁰ bytes)", ylabel="lesson")
    for axis in (left, right):
        axis.invert_yaxis()
    figure.legend(loc="outside lower center", ncols=5)
    return figure


def plot_growth(results: Results) -> Figure:
    """Draw how seconds and memory of a training grow with images, batch size and epochs."""
    measured = part(results, "growth")
    most = max(one["request"]["num_images"] for one in measured)
    figure, ((images, memory), (batches, epochs)) = plt.subplots(2, 2, figsize=(11, 8))
    for name, mark in MARKS.items():
        own = [one for one in measured if one["request"]["contender"] == name]
        if not own:
            continue
        by_images = sorted((one["request"]["num_images"], one) for one in own if one["request"]["batch_size"] == 128)
        by_batch = sorted((one["request"]["batch_size"], one) for one in own if one["request"]["num_images"] == most)
        longest = max((one["answer"]["seconds"] for one in own), key=len)
        for axis, points in ((images, by_images), (batches, by_batch)):
            axis.plot([place for place, _ in points], [seconds_per_epoch(one["answer"]) for _, one in points], mark)
        memory.plot(
            [place for place, _ in by_images], [one["answer"]["peak_mb"] for _, one in by_images], mark, label=name
        )
        epochs.plot(np.arange(1, 1 + len(longest)), np.cumsum(longest), mark)
    images.set(title="One epoch, in batches of 128", xlabel="training images", ylabel="seconds", ylim=0)
    memory.set(title="Memory", xlabel="training images", ylabel="MB (2²⁰ bytes)", ylim=0)
    batches.set(title=f"One epoch of {most:,} images", xlabel="batch size", ylabel="seconds", ylim=0, xscale="log")
    batches.set_xticks([32, 128, 512], ["32", "128", "512"])
    batches.minorticks_off()
    epochs.set_xticks(range(1, 6))
    for axis in (images, memory):
        axis.xaxis.set_major_formatter("{x:,.0f}")
    epochs.set(title="A training, with its first epoch", xlabel="epochs", ylabel="seconds", ylim=0)
    memory.legend(loc="lower right")
    return figure
