"""A process that reads files one after another under observation: what it does, its time and its memory.

An audit hook (PEP 578) sees whatever Python does that matters: importing, compiling, executing, opening, starting
programs, connecting. While a file is read, all of it is refused and reported, except opening that file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pickle
import resource
import select
import subprocess
import sys
import time
import traceback
from pathlib import Path

MAX_SECONDS = 2  # of processor time
MAX_MEGABYTES = 500
_MAX_SECONDS_ON_A_BUSY_MACHINE = 60
_MAX_BYTES_OF_THE_PROCESS = 4 * 1024**3  # so that a fault does not bring down the machine


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
            self._process = subprocess.Popen(
                [sys.executable, __file__, self.file],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                cwd=self.folder,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        try:
            self._process.stdin.write(b"\n")
            is_answered, _, _ = select.select([self._process.stdout], [], [], _MAX_SECONDS_ON_A_BUSY_MACHINE)
            verdict = json.loads(self._process.stdout.readline() if is_answered else b"")
        except (OSError, ValueError) as error:
            self.close()
            raise AssertionError("the reader hangs, died or wrote something itself") from error
        self.tally[verdict["outcome"]] = self.tally.get(verdict["outcome"], 0) + 1
        for name in self.worst:
            self.worst[name] = max(self.worst[name], verdict[name])
        assert not verdict["events"], "something was done other than reading"
        assert [path.name for path in self.folder.iterdir()] == ["digits"]
        assert self.file.read_bytes() == content
        assert verdict["seconds"] < MAX_SECONDS
        assert verdict["megabytes"] < MAX_MEGABYTES
        assert verdict["outcome"] in ("digits", "refused"), verdict["message"]
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
            self._process.communicate()
            self._process = None


# --- in the process ---------------------------------------------------------------------------------------------------


class Watch:
    """Refuses and records everything that is done while `is_on`, except reading one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.events: list[str] = []
        self.is_on = False
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple) -> None:
        # NumPy reads the header of an array with ast.literal_eval, which parses and never executes.
        is_reading = event == "open" and arguments[0] == self.file and arguments[1] in ("r", "rb")
        is_parsing = event == "compile" and arguments[1] == "<unknown>"
        if self.is_on and not (is_reading or is_parsing):
            self.events.append(f"{event} {arguments!r}"[:300])
            raise PermissionError(f"{event} is not allowed in a reader")


class _OnlyArrays(pickle.Unpickler):
    """The pickle machine of Python itself, for files that were found harmless: what it says is right."""

    NAMES = (
        *("numpy.ndarray", "numpy.dtype", "_codecs.encode", "__builtin__.bytes", "builtins.bytes"),
        *(f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")),
        *(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")),
    )

    def find_class(self, module: str, name: str) -> object:
        if f"{module}.{name}" not in self.NAMES:
            raise PermissionError(f"{module}.{name}")
        return super().find_class(module.replace("numpy.core.", "numpy._core."), name)


def _second_opinion(content: bytes, arrays: list) -> str:
    """Compare what was read from a pickle with what Python's own machine makes of it."""
    try:
        pairs = _OnlyArrays(io.BytesIO(content), encoding="latin1").load()
        theirs = [array for pair in pairs for array in pair]
        return "the same" if [fingerprint(array) for array in theirs] == arrays else "another"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]


def _judge(file: Path, watch: Watch) -> dict:
    from course_utils import data, readers

    verdict = {"message": "", "arrays": [], "second_opinion": None}
    cause = None
    watch.events = []
    Path("/proc/self/clear_refs").write_text("5")  # the peak of the memory begins again
    start = time.process_time()
    watch.is_on = True
    try:
        dataset = data.load_pickle(file)
        verdict["outcome"] = "digits"
    except readers.DatasetError as error:
        verdict |= {"outcome": "refused", "message": str(error)}
        cause = error.__cause__
    except BaseException as error:
        verdict |= {"outcome": "crash", "message": f"{type(error).__name__}: {error}"}
    watch.is_on = False
    verdict |= {"seconds": time.process_time() - start, "events": watch.events, "megabytes": _memory("VmHWM") / 2**20}
    # Python's parser gives up on deep nesting with the same exception.
    if isinstance(cause, MemoryError) and "ast.py" not in traceback.format_tb(cause.__traceback__)[-1]:
        verdict["outcome"] = "refused for want of memory"
    if verdict["outcome"] == "digits":
        arrays = [getattr(dataset, name) for name in readers.ARRAY_NAMES]
        for name, array in zip(readers.ARRAY_NAMES, arrays, strict=True):
            readers.check_array(name, array.dtype.name, array.shape)
            assert array.flags.c_contiguous
            assert not array.flags.writeable
        verdict["arrays"] = [fingerprint(array) for array in arrays]
        content = file.read_bytes()
        if not content.startswith(b"PK") and len(content) < 10_000_000:
            verdict["second_opinion"] = _second_opinion(content, verdict["arrays"])
    return verdict


def fingerprint(array: object) -> str:
    """Return what two arrays have in common only if they are equal."""
    return f"{array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"


def _memory(name: str) -> int:
    """Return a size of this process in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


def _warm_up(file: Path) -> None:
    """Read a few files first, so that what NumPy and Python import on demand is there."""
    import numpy as np

    from course_utils.data import load_pickle
    from course_utils.readers import DatasetError

    images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
    archive = io.BytesIO()
    np.savez_compressed(archive, x_train=images, y_train=labels, x_test=images, y_test=labels)
    contents = [archive.getvalue()] + [pickle.dumps([(images, labels)] * 2, protocol) for protocol in range(6)]
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
    watch = Watch(str(file))
    # Reserved memory counts, too.
    limit = _memory("VmSize") + MAX_MEGABYTES * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, _MAX_BYTES_OF_THE_PROCESS))
    while os.read(0, 1):
        os.write(1, json.dumps(_judge(file, watch)).encode() + b"\n")


if __name__ == "__main__":
    main()
