"""Keep TensorFlow's log lines out of the lessons.

TensorFlow 2.21 writes to file descriptor 2 at import, whatever ``TF_CPP_MIN_LOG_LEVEL`` says, and Jupyter shows that to
a student as a red error. The lines are held back for the length of the import, and handed on if the import fails.
Later its Python half warns whoever asks several networks in a row that this could be faster: nothing for a student.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


def install() -> None:
    """Make the next ``import tensorflow`` of this process a quiet one; without effect once it was imported."""
    if "tensorflow" not in sys.modules and not any(isinstance(finder, _QuietFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietFinder())


class _QuietFinder(MetaPathFinder):
    """Finds ``tensorflow`` as the other finders do, and wraps the execution of the module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_quietly(module: ModuleType) -> None:
                with _held_back_stderr():
                    execute(module)
                logging.getLogger("tensorflow").setLevel(logging.ERROR)

            spec.loader.exec_module = execute_quietly  # type: ignore[method-assign]
        return spec


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
