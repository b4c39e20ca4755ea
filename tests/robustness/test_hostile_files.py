"""Hostile and broken files: the right digits or a `DatasetError`, in time, and nothing executed or changed.

`Sandbox.read` checks what must hold for every file.
"""

import io
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.robustness import attacks, strategies
from tests.robustness.sandbox import fingerprint

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the sandbox needs limits that this system does not have")


def cases(fast, long):
    """Let hypothesis draw so many cases; the few are the same every time, so that `make test` is, too."""
    is_long = settings.get_current_profile_name() == "long"
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=long if is_long else fast,
        derandomize=not is_long,
        database=None,
        deadline=None,
        suppress_health_check=checks,
    )


@cases(fast=100, long=2_000)
@given(drawn=strategies.genuine)
def test_genuine_files_of_every_form_are_read(sandbox, drawn):
    content, arrays = drawn
    assert sandbox.read(content)["arrays"] == [fingerprint(array) for array in arrays]


@cases(fast=150, long=8_000)
@given(drawn=strategies.damaged(strategies.pickles()))
def test_damaged_pickles(sandbox, drawn):
    sandbox.read(drawn[0])


@cases(fast=100, long=5_000)
@given(drawn=strategies.damaged(strategies.archives()))
def test_damaged_archives_give_what_was_in_them(sandbox, drawn):
    content, arrays = drawn
    verdict = sandbox.read(content)
    if content.startswith(b"PK"):  # a checksum guards every array
        assert set(verdict["arrays"]) <= {fingerprint(array) for array in arrays}


@cases(fast=150, long=6_000)
@given(content=strategies.programs)
def test_pickles_made_up_of_instructions(sandbox, content):
    sandbox.read(content)


@cases(fast=100, long=4_000)
@given(data=st.data())
def test_attacks_of_every_technique_anywhere_in_a_pickle(sandbox, data):
    verdict = sandbox.read(data.draw(strategies.hostile(sandbox.folder / "canary")))
    assert verdict["second_opinion"] in (None, "the same")


@cases(fast=100, long=4_000)
@given(content=strategies.lying_archives())
def test_archives_that_lie(sandbox, content):
    sandbox.read(content)


@pytest.mark.parametrize("order", [np.ascontiguousarray, np.asfortranarray])
@pytest.mark.parametrize(
    "form", [0, 2, 4, 5, np.savez, np.savez_compressed], ids=lambda form: getattr(form, "__name__", str(form))
)
def test_the_largest_files_that_are_permitted(sandbox, is_long, form, order):
    if not is_long and (form, order) != (2, np.asfortranarray):  # which needs most
        pytest.skip("only with --long")
    images, labels = np.full((128_000, 28, 28), 7, np.uint8), np.full(128_000, 7, np.uint8)
    arrays = order(images), labels, images[:1], labels[:1]
    if isinstance(form, int):
        content = pickle.dumps([arrays[:2], arrays[2:]], form)
    else:
        stream = io.BytesIO()
        form(stream, **dict(zip(strategies.KERAS_NAMES, arrays, strict=True)))
        content = stream.getvalue()
    assert sandbox.read(content)["arrays"] == [fingerprint(array) for array in arrays]


@pytest.mark.parametrize("technique", attacks.EXECUTED)
def test_what_pickle_executes_is_refused_unexecuted(sandbox, tmp_path, technique):
    content = attacks.EXECUTED[technique](tmp_path / "canary")
    program = f"{attacks.PREPARE}; import pickle, sys; pickle.loads(sys.stdin.buffer.read())"
    subprocess.run([sys.executable, "-c", program], input=content, capture_output=True)
    assert (tmp_path / "canary").exists(), "this attack must work on pickle, or the test shows nothing"

    verdict = sandbox.read(attacks.EXECUTED[technique](sandbox.folder / "canary"))
    assert verdict["outcome"] == "refused"
    assert "refused unexecuted" in verdict["message"]


@pytest.mark.parametrize(
    ("program", "event"),
    [
        ("exec('1')", "compile"),
        ("open('canary', 'w')", "open"),
        ("open('/etc/passwd')", "open"),
        ("import antigravity", "import"),
        ("os.system('true')", "os.system"),
        ("os.remove('digits')", "os.remove"),
        ("pickle.loads(b'cbuiltins\\nprint\\n.')", "pickle.find_class"),
        ("socket.socket()", "socket.__new__"),
        ("subprocess.run(['true'])", "subprocess.Popen"),
    ],
)
def test_the_sandbox_sees_what_a_reader_must_not_do(tmp_path, program, event):
    watch = f"""
import os, pickle, socket, subprocess, sys
sys.path[:0] = {sys.path!r}
from tests.robustness.sandbox import _Watch
watch = _Watch("digits")
watch.is_on = True
try:
    {program}
except PermissionError:
    pass
watch.is_on = False
print(watch.events[0])
"""
    (tmp_path / "digits").write_bytes(b"")
    done = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.startswith(f"{event} "), done.stderr
    assert os.listdir(tmp_path) == ["digits"]  # noqa: PTH208
