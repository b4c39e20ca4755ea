"""Every exercise, and a made-up one: whatever the answer, the check prints one true paragraph and changes nothing."""

import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from filelock import FileLock

from course_utils.course import CourseError
from course_utils.exercises import core, progress
from course_utils.exercises.core import Exercise, Function, Given, Number, close
from tests.course_utils.exercises.cases import EXERCISES, example
from tests.course_utils.exercises.conftest import DIGITS

every = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
THREE = Exercise("02.9", "Find three", Number("three", expected=lambda: 3.0, whole=True), hints=["First.", "Second."])


def made(*answers, **options):
    return Exercise("02.8", "Made up", *answers, hints=["Hint."], **options)


class Hostile:
    """Raises in everything that anyone might ask of it."""

    def _raise(self, *arguments, **keywords):
        raise RuntimeError("no")

    __array__ = __len__ = __iter__ = __repr__ = __str__ = __bool__ = __int__ = __float__ = __index__ = _raise
    __getitem__ = __call__ = __getattr__ = __eq__ = _raise
    __hash__ = None


class Leaving:
    def __array__(self, *arguments, **keywords):
        raise SystemExit


class Long:
    def __len__(self):
        return 10**15

    def __getitem__(self, index):
        return 0


endless = []
endless.append(endless)
deep = []
for _ in range(100_000):
    deep = [deep]


def leaves(*arguments):
    raise SystemExit


ODD = {
    "None": (None, "nothing (None)"),
    "text": ("three", "a string (str)"),
    "number in a text": ("3", "looks like a number"),
    "True": (True, "truth value"),
    "NaN": (float("nan"), "NaN"),
    "infinite": (np.inf, "infinite"),
    "beyond float": (10**400, "far too large"),
    "half": (3.5, "whole number"),
    "complex": (3 + 0j, "complex"),
    "array": (np.arange(784), "the shape (784,)"),
    "empty": ([], "empty"),
    "function": (lambda *arguments: 3, "parentheses"),
    "NumPy function": (np.sum, "parentheses"),
    "closure of rubbish": (lambda *arguments: {"rows": Hostile()}, "parentheses"),
    "leaving function": (leaves, "parentheses"),
    "set": ({3}, "a set with 1 entry"),
    "dict": ({"answer": 3}, "a dict"),
    "generator": ((i for i in [3]), "not been computed yet"),
    "ragged": ([[1, 2], [3]], "do not all have the same length"),
    "array of text": (np.array(["3"]), "quotes"),
    "array of objects": (np.array([None, 3], dtype=object), "ordinary numbers"),
    "None inside": ([None], "holds nothing (None)"),
    "type": (int, "a single number"),
    "hostile": (Hostile(), "Hostile"),
    "hostile inside": ([[Hostile()]], "expected a single number"),
    "leaving": (Leaving(), "Leaving"),
    "claims to be long": (Long(), "Long"),
    "endless": (endless, "list inside itself"),
    "deep": (deep, "more than 32 deep"),
    "huge array": (np.broadcast_to(np.uint8(0), (10**12,)), "1,000,000,000,000 numbers"),
    "huge range": (range(10**15), "lists more than"),
    "huge number": (1e308, "more than it should be"),
    "pair": ((3, 4), "2 numbers, and one of them is right"),
    "beside": (4, "is off by one"),
    "wrong sign": (-3, "wrong sign"),
    "percentage": (300, "a hundred times too large"),
    "other": (77, "more than it should be"),
}


HARMFUL = ("hostile", "hostile inside", "leaving", "claims to be long")  # their own code may fail


@pytest.mark.parametrize(("answer", "words"), ODD.values(), ids=ODD)
def test_an_odd_answer_gets_a_plain_sentence(answer, words, says):
    said = says(THREE, answer)
    assert said.startswith("✗ 02.9")
    assert words in said
    assert len(said) < 400


@every
def test_no_odd_answer_raises_or_changes_what_is_given(exercise, says):
    right, given = example(exercise.key)
    before = {name: np.array(value) for name, value in given.items() if isinstance(value, np.ndarray)}
    for kind, (answer, _) in ODD.items():
        said = says(exercise, *[answer] * len(right), **given)
        assert said[0] in "✗0"
        assert "the check failed with" not in said or kind in HARMFUL
    assert all(np.array_equal(given[name], array) for name, array in before.items())


@every
def test_right_answers_are_right_and_missing_ones_are_named(exercise, says):
    right, given = example(exercise.key)
    assert says(exercise, *right, **given).startswith(f"✓ {exercise.key} {exercise.title}: right.")
    said = says(exercise, *[...] * len(right), **given)
    assert said.startswith(f"{exercise.key} {exercise.title}: not attempted yet.")
    for index, answer in enumerate(exercise.answers[1:], start=1):
        said = says(exercise, *right[:index], *[...] * (len(right) - index), **given)
        assert f"`{answer.name}` is still missing" in said
        assert "right." in said


@every
def test_what_the_lesson_did_not_make_is_named_and_nothing_else_is_said(exercise, says, workspace):
    right, given = example(exercise.key)
    for name in given:
        for wrong in ("text", np.full((2, 2), np.nan)):
            said = says(exercise, *right, **given | {name: wrong})
            assert f"`{name}`" in said
            assert "as the lesson made" in said
    assert not (workspace / "progress.json").exists()


@every
def test_an_exercise_is_complete(exercise):
    assert exercise.hints
    assert len(exercise.title) <= 50
    assert not exercise.title.endswith(".")
    assert list(EXERCISES) == sorted(EXERCISES)


def test_a_changed_check_line_is_shown_as_it_should_be(says):
    assert ".check(three)" in says(THREE, 3, 4) + says(THREE, 3, wanted=4)


def test_a_program_that_grades_gets_an_error_unless_the_answer_is_right(capsys):
    THREE.check(3, strict=True)
    for answer in (4, ..., "three", Hostile()):
        with pytest.raises(CourseError) as caught:
            THREE.check(answer, strict=True)
        assert str(caught.value) == capsys.readouterr().out.splitlines()[-1]
    with pytest.raises(CourseError, match="not checked"):
        THREE.check(3, 3, strict=True)


def test_wrong_right_and_swapped_answers_differ(says):
    two = made(Number("a", expected=lambda: 0.25), Number("b", expected=lambda: 0.75))
    assert "`b` is a percentage" in (said := says(two, 0.25, 75)) and "`a` is right." in said
    assert "`a` and `b` are swapped" in says(two, 0.75, 0.25)
    assert "`b` is not right either" in says(two, 7, 8)
    assert says(two, 0.25, ...).startswith("02.8 Made up: not complete yet. `a` is right. `b` is still missing.")


def test_two_causes_are_both_named_and_the_mistake_comes_before_three_digits(says):
    rows = [(0.5, "One.", "Why?"), (0.5, "Two.", "How?"), (2.004, "Near.", "Which?")]
    exercise = made(Number("mean", expected=lambda: 2.0, mistakes=lambda: rows))
    assert "for example: One. Or: Two." in says(exercise, 0.5)
    assert "Near." in says(exercise, 2.004)
    assert says(exercise, 2.001).startswith("✓")


@pytest.mark.parametrize("small", [1e-12, 1e-300])
def test_small_numbers_are_compared_by_their_own_size(small):
    assert close(small, small) and not close(small, 1.01 * small) and not close(100 * small, small)
    assert close(0.0, 0.0) and not close(1e-9, 0)


def test_rows_of_the_dataset_are_compared_in_samples(says):
    double = Given(lambda images: images * 2.0, rows_of="train_images", most=500)
    exercise = made(Number("n", expected=lambda rows: len(rows)), given={"rows": double})
    rows = double.value({"dataset": DIGITS})
    assert says(exercise, 500, rows=rows).startswith("✓")
    for wrong in (rows[:-1], rows[::-1], rows / 2, rows > 0, rows.reshape(500, 784), None):
        assert "not as the lesson made it" in says(exercise, 500, rows=wrong)


# --- running ---------------------------------------------------------------------------------------------------------


def test_only_the_checks_own_thread_is_silent_and_a_long_check_says_what_it_does(capsys, monkeypatch):
    monkeypatch.setattr(core, "SECONDS_UNTIL_NOTICE", 0.05)

    def slow(n):
        print("from the function")
        other = threading.Thread(target=lambda: print("from another thread"))
        other.start()
        other.join()
        while "still" not in "".join(written):
            time.sleep(0.01)
        return n

    written = []
    stdout = sys.stdout
    monkeypatch.setattr(sys, "stdout", type("Tee", (), {"write": lambda _, text: written.append(text), "flush": int})())
    made(Function("f", expected=lambda n: n, calls=[(3,)], returns=Number("m"))).check(slow)
    monkeypatch.setattr(sys, "stdout", stdout)
    said = "".join(written)
    assert "from another thread" in said and "from the function" not in said
    assert "02.8: still calling f(3)" in said and "✓" in said


def test_stopping_a_check_leaves_nothing_behind(says, workspace):
    stdout, num_threads = sys.stdout, threading.active_count()

    def stopped(*arguments):
        raise KeyboardInterrupt

    function = made(Function("f", expected=lambda n: n, calls=[(3,)]))
    assert "You stopped the check" in says(function, stopped)
    assert sys.stdout is stdout and threading.active_count() <= num_threads
    assert not (workspace / "progress.json").exists()


# --- progress --------------------------------------------------------------------------------------------------------


def test_hints_come_from_the_second_failure_on_across_kernels(says):
    first, again = (Exercise("02.9", "Find three", *THREE.answers, hints=["First.", "Last."]) for _ in range(2))
    assert "Hint" not in says(first, 7)
    assert [says(again, 7).partition("Hint: ")[2] for _ in range(3)] == ["First.", "Last.", "Last."]
    says(again, 3)
    assert "Hint" not in says(again, 7)


DAMAGED = {
    "UTF-8 with a BOM": b'\xef\xbb\xbf{"02.1": "done"}',
    "UTF-16": '{"02.1": "done"}'.encode("utf-16"),
    "trailing comma": b'{"02.1": "done",}',
    "cut off": b'{"02.1": "done", "failures": {"02.2"',
    "bytes": b'"02.1": "done"\xff\xfe\x00',
    "deep": b'{"02.1": "done", "x": ' + b"[" * 50_000,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_keeps_what_can_be_read(content, says, workspace):
    file = workspace / "progress.json"
    file.write_bytes(content)
    assert progress.done_exercises() == {"02.1"}
    said = says(THREE, 3)
    assert progress.done_exercises() == {"02.1", "02.9"}
    assert json.loads(file.read_text(encoding="utf-8"))["02.1"] == "done"
    if "damaged" in said:
        assert (workspace / "progress.broken.json").read_bytes() == content
    else:
        assert content[:3] in (b"\xef\xbb\xbf", b"\xff\xfe{")


def test_a_symbolic_link_stays_one(says, workspace, tmp_path):
    try:
        (workspace / "progress.json").symlink_to(tmp_path / "kept.json")
    except OSError:
        pytest.skip("this system allows no symbolic links")
    says(THREE, 3)
    assert (workspace / "progress.json").is_symlink()
    assert "done" in (tmp_path / "kept.json").read_text(encoding="utf-8")


def test_what_is_wrong_is_kept_only_as_long_as_it_is_shared_and_wrong(says, workspace, monkeypatch):
    file = workspace / "progress.json"
    three = Exercise("02.9", "Find three", *THREE.answers, hints=["A hint."], comment="It is odd.")
    found = []
    for share, answer in [("", 7), ("1", 7), ("1", 3), ("1", 8), ("0", 9)]:
        monkeypatch.setenv("COURSE_SHARE_PROGRESS", share)
        says(three, answer)
        found.append(json.loads(file.read_text(encoding="utf-8")).get("mistakes"))
        assert progress.read_progress(file).mistakes == found[-1]
    wrong = [{"02.9": f"`three` is {answer}, more than it should be."} for answer in (7, 8)]
    assert found == [None, wrong[0], {}, wrong[1], None]


@pytest.mark.parametrize("obstacle", ["folder in its place", "no workspace", "locked"])
def test_the_verdict_appears_even_if_nothing_can_be_saved(obstacle, says, workspace, monkeypatch):
    monkeypatch.setattr(progress, "LOCK_SECONDS", 0.1)
    three = Exercise("02.9", "Find three", *THREE.answers, hints=["A hint."])
    lock = FileLock(workspace / ".progress.json.lock")
    if obstacle == "folder in its place":
        (workspace / "progress.json").mkdir()
    elif obstacle == "no workspace":
        (workspace / "file").touch()
        monkeypatch.setenv("COURSE_WORKSPACE", str(workspace / "file" / "workspace"))
    else:
        lock.acquire()
    assert says(three, 3).startswith("✓") and "was not saved" in says(three, 3)
    assert ["Hint" in says(three, 7) for _ in range(2)] == [False, True]
    lock.release()


def test_progress_is_a_line_for_each_exercise_and_needs_no_tensorflow(workspace):
    (workspace / "progress.json").write_text('{"03.1": "done"}', encoding="utf-8")
    code = (
        "import sys; from course_utils.exercises import show_progress, exercises_of; show_progress(); "
        "print(len(exercises_of('00')), sorted({'tensorflow', 'keras', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code], capture_output=True, text=True, encoding="utf-8", env=os.environ
    )
    lines = done.stdout.splitlines()
    assert (done.stderr, lines[-1]) == ("", "0 []")
    assert lines.count("   ✓ Turn probabilities into predictions") == 1 and "03 one-hot encode" in lines
    assert lines[-2] == f"1 of {len(EXERCISES)} exercises done (✓)"
