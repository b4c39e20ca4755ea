"""Where the time of a lesson goes, measured inside its kernel."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from functools import wraps
from threading import current_thread, main_thread
from time import perf_counter
from typing import Any

_seconds = {"imports": 0.0, "data": 0.0, "training": 0.0, "work": 0.0}
_current = "work"
_since = 0.0
_watched: list[type] = []


def start() -> None:
    """Begin; what is imported from now on is timed, too."""
    global _since
    _since = perf_counter()
    timed_import = _timed("imports", builtins.__import__)

    def import_and_watch(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        module = timed_import(*arguments, **options)
        keras = sys.modules.get("keras")
        if hasattr(keras, "Model") and keras.Model not in _watched:
            _watched.append(keras.Model)
            keras.Model.fit = _timed("training", keras.Model.fit)
        return module

    builtins.__import__ = import_and_watch
    from course_utils import data, preprocessing

    for module, names in ((data, ("load_dataset", "save_pickle")), (preprocessing, ("preprocess_images", "one_hot"))):
        for name in names:
            setattr(module, name, _timed("data", getattr(module, name)))


def seconds() -> dict[str, float]:
    """Return how long each kind took until now; within another one, a kind counts only for itself.

    Returns
    -------
    dict of str to float
        ``imports``: all import statements, wherever they stand; ``data``: the course's functions that load, save and
        prepare digits; ``training``: `fit`; ``work``: everything else.
    """
    _switch(_current)
    return dict(_seconds)


def _switch(kind: str) -> str:
    global _current, _since
    now = perf_counter()
    _seconds[_current] += now - _since
    previous, _current, _since = _current, kind, now
    return previous


def _timed(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def timed(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        if current_thread() is not main_thread():
            return function(*arguments, **options)
        previous = _switch(kind)
        try:
            return function(*arguments, **options)
        finally:
            _switch(previous)

    return timed
