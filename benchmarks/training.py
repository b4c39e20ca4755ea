"""The handout's recipe, trained by each contender in turn, and how that grows."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from benchmarks.contenders import CONTENDERS, Request
from benchmarks.figures import seconds_per_epoch
from benchmarks.machine import BenchError, ask, further_packages, say

Answer = dict[str, Any]


def measure_training(*, quick: bool) -> dict[str, Any]:
    """Train with all contenders, one after the other, several times; each time another one begins.

    Parameters
    ----------
    quick : bool
        Only to see that it works.

    Returns
    -------
    dict
        ``contenders``: for each, one answer for each repetition; ``same_history``: whether course and plain Keras noted
        the same numbers to the last bit; what it was asked for; and ``missing``, the contenders that cannot be had.
    """
    request = Request("course", num_images=6_000 if quick else 60_000, num_epochs=2 if quick else 3)
    repetitions = 2 if quick else 5
    names, environment, missing = available_contenders()
    answers: dict[str, list[Answer]] = {name: [] for name in names}
    for repetition in range(repetitions):
        begin = repetition % len(names)
        for name in names[begin:] + names[:begin]:
            answer = train(replace(request, contender=name, seed=repetition), environment)
            answers[name].append(answer)
            say(f"training {repetition + 1} of {repetitions}, {name}: {seconds_per_epoch(answer):.2f} s an epoch")
    return {
        "images": request.num_images,
        "epochs": request.num_epochs,
        "batch_size": request.batch_size,
        "contenders": answers,
        "same_history": _same_history(replace(request, num_epochs=2), environment),
        "missing": missing,
    }


def measure_growth(*, quick: bool) -> list[dict[str, Any]]:
    """Train with fewer images, with smaller and larger batches, and for more epochs.

    Parameters
    ----------
    quick : bool
        Only to see that it works.

    Returns
    -------
    list of dict
        For each training the ``request`` and the ``answer``.
    """
    most = 6_000 if quick else 60_000
    names, environment, _ = available_contenders()
    grid = [(most // 2, 128, 2), (most, 128, 5), (most, 512, 2)]
    grid += [] if quick else [(most // 4, 128, 2), (most, 32, 2)]
    requests = [
        Request(name, num_images=num_images, batch_size=batch_size, num_epochs=num_epochs)
        for num_images, batch_size, num_epochs in grid
        for name in ("course", "Keras defaults", "PyTorch eager")
        if name in names
    ]
    measured = []
    for request in requests:
        answer = train(request, environment)
        measured.append({"request": asdict(request), "answer": answer})
        say(
            f"growth, {request.num_images:,} images in batches of {request.batch_size}, {request.contender}: "
            f"{seconds_per_epoch(answer):.2f} s an epoch"
        )
    return measured


def available_contenders() -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Return who can be had, the environment variables that they need, and for the others, why not."""
    try:
        return [*CONTENDERS], {"PYTHONPATH": str(further_packages())}, {}
    except BenchError as error:
        say(str(error))
        missing = {name: str(error) for name in CONTENDERS if name.startswith("PyTorch")}
        return [name for name in CONTENDERS if name not in missing], {}, missing


def train(request: Request, environment: dict[str, str]) -> Answer:
    """Do one training in a fresh process; see `benchmarks.contenders` for what it answers."""
    return ask("-m", "benchmarks.contenders", json.dumps(asdict(request)), environment=environment)


def _same_history(request: Request, environment: dict[str, str]) -> bool:
    course, plain = (
        train(replace(request, contender=name, as_in_lesson=True), environment)["history"]
        for name in ("course", "Keras defaults")
    )
    say(f"course and plain Keras: histories {'are equal' if course == plain else 'DIFFER'}")
    return course == plain
