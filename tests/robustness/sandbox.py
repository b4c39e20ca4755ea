"""A process that reads files one after the other under watch: what it does, how long it takes, what memory it needs.

An audit hook (PEP 578) sees whatever Python does that matters: importing, compiling, executing, opening, starting
programs, connecting. While a file is read all of it is refused, and told, except what a reader must do: open that file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

MOST_SECONDS = 2  # of processor time
MOST_MEGABYTES = 500
_MOST_SECONDS_OF_A_BUSY_MACHINE = 60
_ROOMY = 4 * 1024**3  # so that a fault does not take the machine along


class Sandbox:
    """Gives files to such a process, and starts another when it does not answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "digits"
        self.tally: dict[str, int] = {}
        self.worst = {"seconds": 0.0, "megabytes": 0.0}
        self._process: subprocess.Popen | None = None

    def read(self, content: bytes) -> dict:
        """Let a file be read; check what must hold for every file, and return the verdict of `_judge`."""
        self.file.write_bytes(content)
        if self._process is None:
            self._start()
        try:
            self._process.stdin.write(b"\n")
            verdict = json.loads(self._lines.get(timeout=_MOST_SECONDS_OF_A_BUSY_MACHINE))
        except (queue.Empty, OSError, ValueError) as error:
            self.close()
            raise AssertionError("the reader hangs, died or wrote something itself") from error
        self.tally[verdict["outcome"]] = self.tally.get(verdict["outcome"], 0) + 1
        for name in self.worst:
            self.worst[name] = max(self.worst[name], verdict[name])
        assert not verdict["events"], "something else was done than reading"
        assert os.listdir(self.folder) == ["digits"]  # noqa: PTH208
        assert self.file.read_bytes() == content
        assert verdict["seconds"] < MOST_SECONDS
        assert verdict["megabytes"] < MOST_MEGABYTES
        assert not verdict["needs_more_memory"]
        assert verdict["outcome"] != "crash", verdict["message"]
        assert verdict["second_opinion"] != "another"
        if verdict["outcome"] == "refused":
            message = verdict["message"]
            assert message.startswith("digits: ")
            assert message.isprintable()
            assert len(message) < 600
            assert message.rstrip(".").count(". ") >= 1, "what is wrong, then what to do"
        return verdict

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, self.file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=self.folder,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        # In a thread, since a pipe cannot be waited for with a timeout on every system.
        self._lines = lines = queue.SimpleQueue()
        stream = io.BufferedReader(self._process.stdout)
        threading.Thread(target=lambda: [lines.put(line) for line in stream], daemon=True).start()


# --- in the process ---------------------------------------------------------------------------------------------------


class _Watch:
    def __init__(self, file: str) -> None:
        self.file = file
        self.events: list[str] = []
        self.is_on = False
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple) -> None:
        if not self.is_on:
            return
        match event, arguments:
            case "open", (self.file, "r" | "rb", _):
                return
            # NumPy reads the header of an array with ast.literal_eval, which parses and never executes.
            case "compile", (_, "<unknown>"):
                return
        self.events.append(f"{event} {arguments!r}"[:300])
        raise PermissionError(f"{event} has no place in a reader")


class _OnlyArrays(pickle.Unpickler):
    """The pickle machine of Python itself, for files that were found harmless: what it says is right."""

    NAMES = (
        *(("numpy", name) for name in ("ndarray", "dtype")),
        *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
        *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
        ("_codecs", "encode"),
        ("__builtin__", "bytes"),
        ("builtins", "bytes"),
    )

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self.NAMES:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module.replace("numpy.core.", "numpy._core."), name)


def _second_opinion(content: bytes, arrays: list) -> str:
    """Compare what was read from a pickle with what Python's own machine makes of it."""
    import numpy as np

    try:
        (one, two), (three, four) = _OnlyArrays(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    theirs = (one, two, three, four)
    is_same = all(
        isinstance(their, np.ndarray) and their.dtype == our.dtype and np.array_equal(their, our)
        for their, our in zip(theirs, arrays, strict=True)
    )
    return "the same" if is_same else "another"


def _judge(file: Path, watch: _Watch, memory: _Memory) -> dict:
    from course_utils import data

    verdict = {"message": "", "arrays": [], "second_opinion": None, "needs_more_memory": False}
    watch.events = []
    is_short = False
    memory.reset()
    start = time.process_time()
    watch.is_on = True
    try:
        dataset = data.load_pickle(file)
        verdict["outcome"] = "digits"
    except data.DatasetError as error:
        verdict |= {"outcome": "refused", "message": str(error)}
        is_short = isinstance(error.__cause__, MemoryError)
    except BaseException as error:
        verdict |= {"outcome": "crash", "message": f"{type(error).__name__}: {error}"}
    watch.is_on = False
    verdict |= {"seconds": time.process_time() - start, "megabytes": memory.peak(), "events": watch.events}
    if is_short:  # or so deeply nested that Python's parser gives up, with the same exception
        with memory.unlimited():
            verdict["needs_more_memory"] = not _is_refused_for_memory(file)
    if verdict["outcome"] == "digits":
        arrays = [getattr(dataset, name) for name in data.ARRAY_NAMES]
        for name, array in zip(data.ARRAY_NAMES, arrays, strict=True):
            data.check_array(name, array.dtype.name, array.shape)
            assert array.flags.c_contiguous
            assert not array.flags.writeable
        verdict["arrays"] = [fingerprint(array) for array in arrays]
        content = file.read_bytes()
        if not content.startswith(b"PK"):
            with memory.unlimited():
                verdict["second_opinion"] = _second_opinion(content, arrays)
    return verdict


def _is_refused_for_memory(file: Path) -> bool:
    from course_utils import data

    try:
        data.load_pickle(file)
    except data.DatasetError as error:
        return isinstance(error.__cause__, MemoryError)
    return False


def fingerprint(array: object) -> str:
    """Return what two arrays have in common only if they are equal."""
    return f"{array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"


class _Memory:
    """The largest resident memory since the last `reset` (Linux), or since the start."""

    def __init__(self) -> None:
        import resource

        self._resource = resource
        # The size of all that is mapped may grow by what is permitted: what was only set aside counts, too.
        if sys.platform == "linux":
            self._clear = os.open("/proc/self/clear_refs", os.O_WRONLY)
            self._status = os.open("/proc/self/status", os.O_RDONLY)
            self._limit = self._read("VmSize") * 1024 + MOST_MEGABYTES * 1024**2
            resource.setrlimit(resource.RLIMIT_AS, (self._limit, _ROOMY))

    def reset(self) -> None:
        if sys.platform == "linux":
            os.pwrite(self._clear, b"5", 0)

    @contextlib.contextmanager
    def unlimited(self) -> Iterator[None]:
        if sys.platform == "linux":
            self._resource.setrlimit(self._resource.RLIMIT_AS, (_ROOMY, _ROOMY))
        yield
        if sys.platform == "linux":
            self._resource.setrlimit(self._resource.RLIMIT_AS, (self._limit, _ROOMY))

    def peak(self) -> float:
        """In units of 2**20 bytes."""
        if sys.platform == "linux":
            return self._read("VmHWM") / 1024
        return self._resource.getrusage(self._resource.RUSAGE_SELF).ru_maxrss / 1024**2

    def _read(self, name: str) -> int:
        lines = os.pread(self._status, 10_000, 0).decode().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _warm_up(file: Path) -> None:
    """Read a few files first, so that what NumPy and Python import on demand is there."""
    import numpy as np

    from course_utils.data import DatasetError, load_pickle

    images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
    archive = io.BytesIO()
    np.savez_compressed(archive, x_train=images, y_train=labels, x_test=images, y_test=labels)
    contents = [pickle.dumps([(images, labels)] * 2, protocol) for protocol in range(6)] + [archive.getvalue()]
    contents += [content[: len(content) // 2] for content in contents] + [b"S'\\x41'\n.", b"PK\x03\x04", b""]
    for content in contents:
        file.write_bytes(content)
        with contextlib.suppress(DatasetError):
            load_pickle(file)


def main() -> None:
    file = Path(sys.argv[1])
    content = file.read_bytes()
    _warm_up(file)
    file.write_bytes(content)
    watch, memory = _Watch(str(file)), _Memory()
    while os.read(0, 1):
        os.write(1, json.dumps(_judge(file, watch, memory)).encode() + b"\n")


if __name__ == "__main__":
    main()
