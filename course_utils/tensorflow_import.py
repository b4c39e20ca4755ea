"""How TensorFlow and Keras are imported here: without their log lines, and without what no lesson uses.

TensorFlow 2.21 writes to file descriptor 2 at import, whatever ``TF_CPP_MIN_LOG_LEVEL`` says, and Jupyter shows that to
a student as a red error. The lines are held back for the length of the import, and handed on if the import fails.
Later its Python half warns whoever asks several networks in a row that this could be faster: nothing for a student.

Keras imports the whole of scikit-learn for its ``keras.wrappers``: a second or more, and 57 MB. While these are
imported, scikit-learn is not to be found, unless a program has imported it itself before.

Keras feeds arrays to TensorFlow through a pipeline whose buffers a thread may tune, although there is nothing to tune.
TensorFlow 2.21 cannot wake that thread at the end of an epoch (a cancellation notifies it before it is marked as
cancelled), and waits for it: the thread sleeps for 10, 20, 40 ... milliseconds, so an epoch of 1.5 seconds took 2.5.
Here these pipelines come without that thread; batches and results are the same.
"""

from __future__ import annotations

import functools
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
    for name, surroundings in _SURROUNDINGS.items():
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


@contextmanager
def _without_tuning() -> Iterator[None]:
    """Have the pipelines of Keras' module for arrays, which is executed in this block, never tuned."""
    yield
    adapter = getattr(sys.modules[_PIPELINES], "ArrayDataAdapter", None)
    get_tf_dataset = getattr(adapter, "get_tf_dataset", None)
    if get_tf_dataset is None:  # another Keras: slower, and no worse
        return

    @functools.wraps(get_tf_dataset)
    def get_untuned_dataset(self: object) -> object:
        import tensorflow

        options = tensorflow.data.Options()
        options.autotune.enabled = False
        return get_tf_dataset(self).with_options(options)

    adapter.get_tf_dataset = get_untuned_dataset


_PIPELINES = "keras.src.trainers.data_adapters.array_data_adapter"
_SURROUNDINGS = {
    "tensorflow": _held_back_stderr,
    "keras.wrappers": _without_scikit_learn,
    _PIPELINES: _without_tuning,
}
