"""What the measurements say: ratios that hold on other machines, too, and the targets."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

Results = dict[str, Any]
TRAINING_LESSONS = ("05", "08")
OTHER_LESSONS = ("00", "01", "02", "03", "04", "06", "07")
# In units of 2**20 bytes, by lesson.
MEMORY_LIMITS = {"01": 350, "02": 350, "03": 1000, "04": 1000, "05": 1200, "06": 1000, "07": 1000}


class Target(NamedTuple):
    """What the course wants to reach, and what it has reached.

    Attributes
    ----------
    what : str
        For the table, with the unit.
    limit : float or bool
        What is wanted.
    at_least : bool
        Whether more is better.
    figure : float, bool or None
        What was measured; ``None`` if it was not.
    which : str
        The worst of several, by name, if there are several.
    """

    what: str
    limit: float | bool
    at_least: bool
    figure: float | bool | None
    which: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether it is reached; ``None`` if that was not measured."""
        if self.figure is None:
            return None
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit


def part(results: Results, name: str) -> Any:  # noqa: ANN401
    """Return what a part measured, or ``None`` if it is not there."""
    return results["parts"].get(name, {}).get("measured")


def seconds_per_epoch(answer: dict[str, Any]) -> float:
    """Return the median of the epochs of one training without the first, which warms up."""
    return median(answer["seconds"][1:])


def epoch_seconds(training: dict[str, Any]) -> dict[str, list[float]]:
    """Return `seconds_per_epoch` of each contender, for all repetitions."""
    return {name: list(map(seconds_per_epoch, answers)) for name, answers in training["contenders"].items()}


def comparable(results: Results) -> dict[str, list[float]]:
    """Gather what can be compared with a run on another day or another machine: ratios, and sizes in memory.

    Parameters
    ----------
    results : dict
        As in ``results.json``.

    Returns
    -------
    dict of str to list of float
        For each name the numbers of all repetitions. Seconds are divided by what the same run measured in the same
        minutes: those of a training by the bound, those of imports and lessons by an import of TensorFlow.
    """
    found: dict[str, list[float]] = {}
    if training := part(results, "training"):
        seconds = epoch_seconds(training)
        for name, answers in training["contenders"].items():
            if name != "bound":
                pairs = zip(seconds[name], seconds["bound"], strict=True)
                found[f"an epoch of {name} / bound"] = [one / bound for one, bound in pairs]
            found[f"memory of {name}, MB"] = [answer["peak_mb"] for answer in answers]
    if start := part(results, "start"):
        unit = median(start["tensorflow"])
        found["import course_utils / import tensorflow"] = [seconds / unit for seconds in start["course_utils"]]
        found["first picture / import tensorflow"] = [one["seconds"] / unit for one in start["first_picture"]]
        for name, told in lessons(results).items():
            found[f"lesson {name} without training / import tensorflow"] = [
                (one["seconds"] - one["training"]) / unit for one in told
            ]
    for name, told in lessons(results).items():
        found[f"memory of lesson {name}, MB"] = [one["peak_mb"] for one in told]
    if setup := part(results, "setup"):
        found |= {"download, MB": [setup["download_mb"]], "environment on disk, MB": [setup["disk_mb"]]}
    return found


def lessons(results: Results) -> dict[str, list[dict[str, float]]]:
    """Return what was told of each lesson, by its number; nothing if lessons were not measured."""
    measured = part(results, "lessons")
    return {name[:2]: told for name, told in measured["lessons"].items()} if measured else {}


def targets(results: Results) -> list[Target]:
    """Return all targets with what these results have for them."""
    training, start, measured = (part(results, name) for name in ("training", "start", "lessons"))
    setup, tests = part(results, "setup"), part(results, "tests")

    def ratio(name: str, other: str) -> float | None:
        if not training or not {name, other} <= training["contenders"].keys():
            return None
        seconds = epoch_seconds(training)
        return median(one / two for one, two in zip(seconds[name], seconds[other], strict=True))

    def worst(numbers: tuple[str, ...], value: Callable[[dict[str, float]], float]) -> tuple[float | None, str]:
        told = {name: median(map(value, one)) for name, one in lessons(results).items() if name in numbers}
        return max(((figure, f"lesson {name}") for name, figure in told.items()), default=(None, ""))

    def seconds(told: dict[str, float]) -> float:
        return told["seconds"]

    def memory(told: dict[str, float]) -> float:
        return told["peak_mb"]

    return [
        Target("an epoch of the course / matrix-multiply bound", 2.6, False, ratio("course", "bound")),
        Target("an epoch of PyTorch eager / of the course", 1.3, True, ratio("PyTorch eager", "course")),
        Target("an epoch of Keras defaults / of the course", 1.5, True, ratio("Keras defaults", "course")),
        Target(
            "history equal to that of the plain call, bit for bit", True, True, training and training["same_history"]
        ),
        Target("`import course_utils`, s", 0.3, False, start and median(start["course_utils"])),
        Target("… without TensorFlow", True, True, start and not any(start["tensorflow_imported"])),
        Target(
            "lesson 01 from fresh kernel to first picture, s",
            2,
            False,
            start and median(map(seconds, start["first_picture"])),
        ),
        Target("lessons other than 05 and 08, s", 12, False, *worst(OTHER_LESSONS, seconds)),
        Target("memory of 01 and 02, MB", MEMORY_LIMITS["01"], False, *worst(("01", "02"), memory)),
        Target("memory of 03, 04, 06 and 07, MB", MEMORY_LIMITS["03"], False, *worst(("03", "04", "06", "07"), memory)),
        Target("memory of 05, MB", MEMORY_LIMITS["05"], False, worst(("05",), memory)[0]),
        Target("`make run` beyond its training, s", 60, False, measured and _run_beyond_training(measured)),
        Target("`make test` with MNIST, s", 480, False, tests and tests["seconds"]),
        Target("set-up from nothing, s", 60, False, setup and setup["seconds"]),
        Target("all lessons pass with 2 GiB on one core", True, True, _all_pass(part(results, "laptop"))),
    ]


def _run_beyond_training(measured: dict[str, Any]) -> float | None:
    """Return how many seconds ``make run`` takes besides the training of 05 and 08: lessons, and their pages."""
    first = {name[:2]: told[0] for name, told in measured["lessons"].items()}
    if not first.keys() >= set(TRAINING_LESSONS):
        return None
    training = sum(told["training"] for number, told in first.items() if number in TRAINING_LESSONS)
    return sum(told["seconds"] for told in first.values()) + measured["pages"] - training


def _all_pass(laptop: dict[str, Any] | None) -> bool | None:
    return laptop and not any(isinstance(told, str) for told in laptop.values())
