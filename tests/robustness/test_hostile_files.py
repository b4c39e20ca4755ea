"""Hostile and broken files: the right digits or a `DatasetError`, in time, and nothing executed or changed.

`Sandbox.read` checks what must hold for every file.
"""

import gzip
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if sys.platform != "linux":
    pytest.skip("the sandbox needs limits and figures that only Linux has", allow_module_level=True)

from tests.robustness import attacks, strategies
from tests.robustness.sandbox import Sandbox, fingerprint


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory, figures):
    """Start a process that reads files under watch."""
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.close()
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(sandbox.tally.items()))
    worst = f"{sandbox.worst['seconds']:.2f} s of processor time, {sandbox.worst['megabytes']:.0f} MB"
    figures.append(f"{sum(sandbox.tally.values()):,} files: {outcomes}; at worst {worst}")


def cases(fast, long):
    """Let hypothesis draw this many cases; without `--long`, the same ones every time."""
    is_long = settings.get_current_profile_name() == "long"
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=long if is_long else fast,
        derandomize=not is_long,
        database=None,
        deadline=None,
        suppress_health_check=checks,
    )


@cases(fast=50, long=2_000)
@given(drawn=strategies.genuine)
def test_genuine_files_of_every_form_are_read(sandbox, drawn):
    content, arrays = drawn
    assert sandbox.read(content)["arrays"] == [fingerprint(array) for array in arrays]


@cases(fast=60, long=8_000)
@given(drawn=strategies.damaged(strategies.pickles()))
def test_damaged_pickles(sandbox, drawn):
    sandbox.read(drawn[0])


@cases(fast=40, long=5_000)
@given(drawn=strategies.damaged(strategies.archives()))
def test_damaged_archives_give_what_was_in_them(sandbox, drawn):
    content, arrays = drawn
    verdict = sandbox.read(content)
    if content.startswith(b"PK"):  # a checksum guards every array
        assert set(verdict["arrays"]) <= {fingerprint(array) for array in arrays}


@cases(fast=80, long=6_000)
@given(content=strategies.programs)
def test_pickles_made_up_of_instructions(sandbox, content):
    sandbox.read(content)


@cases(fast=40, long=4_000)
@given(data=st.data())
def test_attacks_of_every_technique_anywhere_in_a_pickle(sandbox, data):
    verdict = sandbox.read(data.draw(strategies.hostile(sandbox.folder / "canary")))
    # What is read may hold useless calls of the few functions that arrays need, and of no other.
    assert not str(verdict["second_opinion"]).startswith("PermissionError")


@cases(fast=40, long=4_000)
@given(content=strategies.lying_archives())
def test_archives_that_lie(sandbox, content):
    sandbox.read(content)


@pytest.mark.parametrize(
    "start", [b"", b"\x80\x04", b"7,7,7", b"7" + b",7" * 784 + b"\n"], ids=["", "pickle", "line", "table"]
)
@pytest.mark.parametrize("filling", [b"\0", b"\n", b",7"])
def test_bombs_of_gzip(sandbox, start, filling):
    block = gzip.compress(filling * 2**20)
    assert sandbox.read(gzip.compress(start) + 900 * block)["outcome"] == "refused"


@pytest.mark.parametrize("order", [np.ascontiguousarray, np.asfortranarray])
@pytest.mark.parametrize(
    "form", [0, 2, 4, 5, np.savez, np.savez_compressed], ids=lambda form: getattr(form, "__name__", str(form))
)
def test_the_largest_files_that_are_permitted(sandbox, is_long, form, order):
    if not is_long and (form, order) != (2, np.asfortranarray):  # which needs most
        pytest.skip("only with --long")
    count = 105_000 if form == 0 else 120_000  # a line of text has a limit of its own
    images, labels = np.full((count, 28, 28), 7, np.uint8), (np.arange(count) % 10).astype(np.uint8)
    arrays = order(images), labels, images[:1], labels[:1]
    if isinstance(form, int):
        content = pickle.dumps([arrays[:2], arrays[2:]], form)
    else:
        stream = io.BytesIO()
        form(stream, **dict(zip(strategies.KERAS_NAMES, arrays, strict=True)))
        content = stream.getvalue()
    assert sandbox.read(content)["arrays"] == [fingerprint(array) for array in arrays]


def test_what_pickle_executes_is_refused_unexecuted(sandbox, tmp_path):
    program = f"""{attacks.PREPARE}
import os, pathlib, pickle, sys
sys.path[:0] = {sys.path!r}
from tests.robustness import attacks
for number, technique in enumerate(attacks.executed(pathlib.Path())):
    canary = pathlib.Path(sys.argv[1]) / str(number)
    if not (child := os.fork()):
        try:
            pickle.loads(attacks.executed(canary)[technique])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    if not canary.exists():
        print(technique)
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("", 0), "these attacks must work on pickle, or the test shows nothing"

    for technique, content in attacks.executed(sandbox.folder / "canary").items():
        verdict = sandbox.read(content)
        expected = "cut off" if technique == "before the file is cut off" else "Nothing in it was run"
        assert (verdict["outcome"], expected in verdict["message"]) == ("refused", True), technique


def test_the_sandbox_sees_what_a_reader_must_not_do(tmp_path):
    program = f"""
import os, pickle, socket, subprocess, sys
sys.path[:0] = {sys.path!r}
from tests.robustness.sandbox import Watch
watch = Watch("digits")
for action in (
    lambda: exec("1"),
    lambda: open("canary", "w"),
    lambda: open("/etc/passwd"),
    lambda: __import__("antigravity"),
    lambda: os.system("true"),
    lambda: os.remove("digits"),
    lambda: pickle.loads(b"cbuiltins\\nprint\\n."),
    lambda: socket.socket(),
    lambda: subprocess.run(["true"]),
):
    watch.events, watch.is_on = [], True
    try:
        action()
    except PermissionError:
        pass
    watch.is_on = False
    print(watch.events[0].split()[0])
"""
    (tmp_path / "digits").write_bytes(b"")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    events = "compile open open import os.system os.remove pickle.find_class socket.__new__ subprocess.Popen"
    assert done.stdout.split() == events.split(), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["digits"]
