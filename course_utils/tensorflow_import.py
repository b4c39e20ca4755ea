"""How TensorFlow and Keras are imported here: without their log lines, and without what no lesson uses.

TensorFlow 2.21 writes to file descriptor 2 at import, whatever ``TF_CPP_MIN_LOG_LEVEL`` says, and Jupyter shows that to
a student as a red error. The lines are held back for the length of the import, and handed on if the import fails.
Later its Python half warns whoever asks several networks in a row that this could be faster: nothing for a student.

Keras imports the whole of scikit-learn for its ``keras.wrappers``: a second or more, and 57 MB. While these are
imported, scikit-learn is not to be found, unless a program has imported it itself before.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


def install() -> None:
    """Make the next ``import tensorflow`` and ``import keras`` of this process quiet and small ones."""
    for name, surroundings in (("tensorflow", _held_back_stderr), ("keras.wrappers", _without_scikit_learn)):
        if name not in sys.modules:
            sys.meta_path.insert(0, _Finder(name, surroundings))


class _Finder(MetaPathFinder):
    """Finds one module as the other finders do, and has it executed in special surroundings."""

    def __init__(self, name: str, surroundings: Callable[[], AbstractContextManager[None]]) -> None:
        self._name = name
        self._surroundings = surroundings

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_there(module: ModuleType) -> None:
                with self._surroundings():
                    execute(module)

            spec.loader.exec_module = execute_there  # type: ignore[method-assign]
        return spec


@contextmanager
def _without_scikit_learn() -> Iterator[None]:
    """Have ``import sklearn`` fail in this block."""
    hidden = sys.modules.setdefault("sklearn", None) is None  # type: ignore[arg-type]
    try:
        yield
    finally:
        if hidden:
            del sys.modules["sklearn"]


@contextmanager
def _held_back_stderr() -> Iterator[None]:
    """Send file descriptor 2 into a temporary file; pass its content on if the block raises."""
    original = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(original, held_back.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
