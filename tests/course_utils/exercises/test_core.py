"""Contracts of course_utils.exercises.core: one paragraph whatever is answered, hints, progress."""

import io
import json
import os
import subprocess
import sys
import time
from contextlib import redirect_stdout
from fractions import Fraction

import numpy as np
import pytest

from course_utils import exercises
from course_utils.exercises import core
from course_utils.exercises.core import Exercise, Wrong, as_array, as_integer, as_number, call, check_dtype, recognise


def check_three(answer, *, wanted=3):
    if as_integer(answer, "answer") != wanted:
        raise Wrong("That is not three.", "How many are there?")
    return "Three it is."


@pytest.fixture
def three():
    return Exercise("02.1", "Find three", check_three, "First hint.", "Second hint.")


def verdict(checker, *answers):
    printed = io.StringIO()
    with redirect_stdout(printed):
        Exercise("09.9", "Task", checker, "A hint.").check(*answers)
    return printed.getvalue()


# --- what a check says ---------------------------------------------------------------------------------------------


def test_an_open_answer_is_not_attempted_and_leaves_no_trace(three, says, workspace):
    said = says(three, ...)
    assert said.startswith("02.1 Find three: not attempted yet.")
    assert list(workspace.iterdir()) == []


@pytest.mark.parametrize("answer", [[1, ...], (..., 2)])
def test_an_answer_filled_in_by_half_is_not_attempted(three, says, answer):
    assert "not attempted yet" in says(three, answer)


def test_right(three, says):
    assert says(three, 3) == "✓ 02.1 Find three: right. Three it is."


def test_wrong_says_diagnosis_and_question(three, says):
    assert says(three, 4) == "✗ 02.1 Find three: That is not three. How many are there?"


def test_hints_come_from_the_second_failure_on_and_the_last_repeats(three, says):
    said = [says(three, 4) for _ in range(4)]
    assert [line.partition("Hint: ")[2] for line in said] == ["", "First hint.", "Second hint.", "Second hint."]


def test_failures_are_counted_for_each_exercise_by_itself(three, says):
    says(three, 4)
    other = Exercise("02.2", "Find three again", check_three, "Hint of the other.")
    assert "Hint" not in says(other, 4)


def test_failures_are_counted_across_kernels_and_begin_anew_when_right(says):
    for _ in range(2):
        said = says(Exercise("02.1", "Find three", check_three, "A hint."), 4)
    assert "Hint: A hint." in said
    three = Exercise("02.1", "Find three", check_three, "A hint.")
    says(three, 3)
    assert "Hint" not in says(three, 4)


def test_hints_can_be_asked_for(three, capsys):
    for _ in range(3):
        three.hint()
    assert capsys.readouterr().out.splitlines() == [
        "02.1 hint: First hint.",
        "02.1 hint: Second hint.",
        "02.1 hint: Second hint.",
    ]


def test_an_exercise_without_hints_needs_none(says, capsys):
    bare = Exercise("02.1", "Find three", check_three)
    assert "Hint" not in says(bare, 4) + says(bare, 4)
    bare.hint()
    assert "no hint" in capsys.readouterr().out


@pytest.mark.parametrize(("answers", "given"), [((), {}), ((3, 3), {}), ((3,), {"wnated": 3})])
def test_a_changed_check_line_is_told_how_it_should_be(three, says, answers, given):
    assert ".check(answer, wanted=wanted)" in says(three, *answers, **given)


def test_a_console_that_has_no_tick_gets_the_rest(three, monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    three.check(3)
    console.flush()
    assert console.buffer.getvalue().startswith(b"? 02.1 Find three: right.")


# --- answers of any kind -------------------------------------------------------------------------------------------


class Hostile:
    """Raises in everything that anyone might ask of it."""

    def _raise(self, *arguments, **keywords):
        raise RuntimeError("no")

    __array__ = __len__ = __iter__ = __repr__ = __str__ = __bool__ = __int__ = __float__ = __index__ = _raise
    __getitem__ = __call__ = __getattr__ = _raise

    def __eq__(self, other):
        raise RuntimeError("no")

    __hash__ = None


class Leaving:
    """Ends Python when it is looked at."""

    def __array__(self, *arguments, **keywords):
        raise SystemExit


class NoName(type):
    @property
    def __name__(cls):
        raise RuntimeError("no")


class Nameless(metaclass=NoName):
    pass


class Long:
    """A sequence that claims to be longer than any memory."""

    def __len__(self):
        return 10**15

    def __getitem__(self, index):
        return 0


endless = []
endless.append(endless)
deep = []
for _ in range(100_000):
    deep = [deep]

RUBBISH = {
    "None": (None, "nothing (None)"),
    "text": ("3", "a text (str)"),
    "True": (True, "truth value"),
    "NumPy True": (np.bool_(True), "truth value"),
    "NaN": (float("nan"), "NaN"),
    "infinite": (np.inf, "infinite"),
    "beyond float": (10**400, "far too large"),
    "half": (3.5, "3.5, expected a whole number"),
    "complex": (3 + 0j, "complex"),
    "array": (np.arange(784), "array of shape (784,)"),
    "empty": ([], "nothing left"),
    "function": (check_three, "parentheses"),
    "NumPy function": (np.sum, "parentheses"),
    "method": (np.arange(3).sum, "parentheses"),
    "set": ({3}, "a set with 1 entry"),
    "dict": ({"answer": 3}, "a dict"),
    "generator": ((i for i in [3]), "not been computed yet"),
    "map": (map(int, "3"), "not been computed yet"),
    "ragged": ([[1, 2], [3]], "do not all have the same length"),
    "array of text": (np.array(["3"]), "ordinary numbers"),
    "array of objects": (np.array([None, 3], dtype=object), "ordinary numbers"),
    "None inside": ([None], "holds nothing (None)"),
    "type": (int, "expected a single number"),
    "hostile": (Hostile(), "Hostile"),
    "hostile inside": ([[Hostile()]], "expected a single number"),
    "leaving": (Leaving(), "Leaving"),
    "nameless": (Nameless(), "nameless"),
    "claims to be long": (Long(), "Long"),
    "endless": (endless, "put into itself"),
    "deep": (deep, "more than 32 deep"),
    "huge array": (np.broadcast_to(np.uint8(0), (10**12,)), "1,000,000,000,000 numbers, far more"),
    "huge range": (range(10**15), "too many"),
    "huge range inside": ([[1], range(10**30)], "too many"),
}


@pytest.mark.parametrize(("answer", "words"), RUBBISH.values(), ids=RUBBISH)
def test_rubbish_gets_a_plain_sentence(three, says, answer, words):
    said = says(three, answer)
    assert said.startswith("✗ 02.1")
    assert words in said
    assert len(said) < 400


@pytest.mark.parametrize(
    "error", [ZeroDivisionError, KeyError, MemoryError, SystemExit, KeyboardInterrupt, RecursionError]
)
def test_whatever_a_checker_raises_names_what_was_given(error, says):
    def checker(*answers):
        raise error

    said = says(Exercise("02.1", "Task", checker), np.zeros((3, 10)), "text")
    assert "a float64 array of shape (3, 10) and a text (str)" in said
    assert error.__name__ in said


def test_a_checker_that_never_ends_is_stopped(says, monkeypatch):
    monkeypatch.setattr(core, "MOST_SECONDS", 0.2)
    ticks = []

    def checker(answer):
        while True:
            ticks.append(time.sleep(0.001))

    assert "stopped" in says(Exercise("02.1", "Task", checker), 3)
    time.sleep(0.1)
    count = len(ticks)
    time.sleep(0.1)
    assert len(ticks) == count, "the thread still runs"


def test_what_an_answer_prints_or_warns_is_thrown_away(says):
    def checker(answer):
        print("from the function", flush=True)
        print("an error", file=sys.stderr)
        np.float64(1) / np.float64(0)
        np.array([1.0, np.inf]) - np.inf

    assert says(Exercise("02.1", "Task", checker), 3) == "✓ 02.1 Task: right."


def test_a_paragraph_stays_one_whatever_the_diagnosis_has_in_it(says):
    def checker(answer):
        raise Wrong("First\nline.\r\n", "\tSecond?\n")

    assert says(Exercise("02.1", "Task", checker), 3) == "✗ 02.1 Task: First line. Second?"


# --- reading answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [3, 3.0, np.uint8(3), np.float32(3), np.array(3), np.array([3]), [3], (3,), [[3.0]], range(3, 4), Fraction(3)],
    ids=repr,
)
def test_a_number_is_a_number_in_any_form(answer):
    assert as_number(answer, "x") == 3.0
    assert type(as_number(answer, "x")) is float
    assert as_integer(answer, "x") == 3


def test_tensors_are_numbers_and_arrays_too():
    import keras

    tensor = keras.ops.convert_to_tensor([[1.0, 2.0]])
    assert as_array(tensor, "x", (1, 2)).tolist() == [[1.0, 2.0]]
    assert as_number(keras.ops.sum(tensor), "x") == 3.0
    assert as_number(keras.Variable(3.0), "x") == 3.0
    assert as_array([tensor[0, 0], tensor[0, 1]], "x").tolist() == [1.0, 2.0]
    with pytest.raises(Wrong, match="KerasTensor"):
        as_array(keras.Input((2,)), "x")


@pytest.mark.parametrize("answer", [np.eye(3), np.eye(3).tolist(), np.eye(3, dtype=bool), tuple(np.eye(3))])
def test_an_array_is_an_array_in_any_form(answer):
    assert np.array_equal(as_array(answer, "x", (None, 3)), np.eye(3))


@pytest.mark.parametrize(
    ("answer", "shape", "words"),
    [
        (np.zeros((784, 5)), (5, 784), "swapped"),
        (np.zeros((784, 5)), (None, 784), "swapped"),
        (np.zeros((5, 28, 28)), (None, 784), r"\(5, 28, 28\), expected an array of shape \(n, 784\)"),
        (np.zeros(3), (4,), r"shape \(4,\)"),
        (np.zeros(3), (), r"shape \(\)"),
        ([1, np.nan], (2,), "NaN"),
    ],
)
def test_another_shape_is_told(answer, shape, words):
    with pytest.raises(Wrong, match=words):
        as_array(answer, "x", shape)


@pytest.mark.parametrize(
    ("dtype", "wanted", "found"), [("float32", "float32", "float64"), (np.integer, "integer", "float64")]
)
def test_another_dtype_is_told(dtype, wanted, found):
    with pytest.raises(Wrong, match=f"dtype {found}, expected {wanted}"):
        as_array(np.zeros(3), "x", (3,), dtype)
    check_dtype(np.zeros(3, dtype="int16" if dtype is np.integer else dtype), "x", dtype)


def test_an_array_is_refused_by_its_size_before_it_is_looked_at():
    class Large:
        shape = (10**6, 10**6)

        def __array__(self, *arguments, **keywords):
            raise AssertionError("looked at")

    with pytest.raises(Wrong, match="far more"):
        as_array(Large(), "x")


def test_calling_what_the_student_wrote():
    assert call(lambda a, b: a + b, 1, 2, name="add") == 3


def empty(a): ...


def with_pass(a):
    """Return nothing yet."""
    pass


def starter(a):
    return ...


def starter_with_steps(a):
    rows = ...
    return rows


@pytest.mark.parametrize("function", [empty, with_pass, starter, starter_with_steps, lambda a: None])
def test_a_function_that_is_still_empty_is_not_attempted(function):
    assert "not attempted yet" in verdict(lambda answer: call(answer, 1, name="f"), function)


def forgets_return(a):
    a + 1


def fails(a):
    return a[7]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (forgets_return, "`f` returns nothing (None). Does it end with `return`"),
        (fails, "f(1) ends in a TypeError: 'int' object is not subscriptable."),
        (lambda: 1, "f(1) ends in a TypeError"),
        (exit, "SystemExit"),
        (3, "`f` is an int, expected a function"),
        (np.zeros(3), "`f` is a float64 array of shape (3,), expected a function"),
    ],
)
def test_a_function_that_does_not_work_is_told_why(function, words):
    assert words in verdict(lambda answer: call(answer, 1, name="f"), function)


def test_a_mistake_is_recognised_by_its_result():
    mistakes = [(1.0, "One.", "Why?"), ([1, 2], "Two.", "How?"), (np.nan, "Nothing.", "Which?")]
    recognise(5, mistakes)
    with pytest.raises(Wrong) as caught:
        recognise(np.array([1, 2.0000001]), mistakes)
    assert (caught.value.diagnosis, caught.value.question) == ("Two.", "How?")


# --- progress ------------------------------------------------------------------------------------------------------


def test_progress_is_kept_in_the_workspace_and_deleting_it_resets(three, says, workspace):
    says(three, 4)
    says(three, 3)
    assert json.loads((workspace / "progress.json").read_text(encoding="utf-8"))["02.1"] == "done"
    assert {file.name for file in workspace.iterdir()} == {"progress.json", ".progress.json.lock"}
    assert core.done_exercises() == {"02.1"}
    (workspace / "progress.json").unlink()
    assert core.done_exercises() == set()


def test_what_was_done_stays_done(three, says):
    says(three, 3)
    says(three, 4)
    assert core.done_exercises() == {"02.1"}


BROKEN = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[1, 2]",
    b"3",
    b'{"02.1": ["done"], "failures": 3}',
    b'{"failures": {"02.1": "many", "02.2": -1, "02.3": true, "02.4": 1.5}}',
    b'{"failures": ' + b"9" * 10_000 + b"}",
    b"[" * 50_000,
    b" " * 2_000_000,
]


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: ascii(content[:20]))
def test_a_broken_file_of_progress_counts_as_empty_and_is_replaced(content, three, says, workspace):
    (workspace / "progress.json").write_bytes(content)
    assert core.done_exercises() == set()
    assert "Hint" not in says(three, 4)
    says(three, 3)
    assert core.done_exercises() == {"02.1"}


def test_a_folder_in_place_of_the_file_is_no_error(three, says, workspace):
    (workspace / "progress.json").mkdir()
    assert says(three, 3).startswith("✓")
    assert {file.name for file in workspace.iterdir()} == {"progress.json", ".progress.json.lock"}
    exercises.show_progress()


def test_a_workspace_that_cannot_be_had_is_no_error(three, says, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path / "file" / "workspace"))
    assert says(three, 3).startswith("✓")
    assert says(three, 4).startswith("✗")
    assert core.done_exercises() == set()


def test_progress_is_a_line_for_each_exercise_under_its_lesson(says, capsys, workspace):
    exercises.show_progress()
    before = capsys.readouterr().out.splitlines()
    headings = [line for line in before if line[:2].isdecimal() and "done" not in line]
    assert headings == [f"{number} {name}" for number, name in exercises.LESSONS.items()]
    assert not any("✓" in line for line in before[:-1])
    (workspace / "progress.json").write_text('{"02.1": "done"}', encoding="utf-8")
    exercises.show_progress()
    after = capsys.readouterr().out.splitlines()
    changed = [line for line, other in zip(after, before, strict=True) if line != other]
    assert changed[0].startswith("   ✓ Count the pixels")
    assert changed[1:] == [after[-1]]
    assert after[-1].startswith("1 of ")


def test_the_table_names_the_lessons_as_their_files(says):
    from tests.exercises.solutions import NOTEBOOKS_FOLDER

    names = {path.stem[:2]: path.stem[3:] for path in NOTEBOOKS_FOLDER.glob("*.ipynb")}
    names.pop("00")
    assert {number: name.replace("-", " ") for number, name in exercises.LESSONS.items()} == {
        number: name.replace("_", " ") for number, name in names.items()
    }


def test_showing_progress_needs_no_tensorflow(workspace):
    code = (
        "import sys; from course_utils.exercises import show_progress; show_progress(); "
        "print(sorted({'tensorflow', 'keras', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code], capture_output=True, text=True, encoding="utf-8", env=os.environ
    )
    assert (done.stderr, done.stdout.splitlines()[-1]) == ("", "[]")
