"""All exercises: whatever is answered, a check prints one paragraph and never raises."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import re
from importlib import import_module

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

from course_utils.exercises import LESSONS, exercises_of
from course_utils.exercises.core import Exercise
from tests.exercises.test_core import RUBBISH

ALL = [exercise for lesson in LESSONS for exercise in exercises_of(lesson)]
in_all = pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.key)

numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.complex_numbers(), st.fractions())
leaves = st.one_of(numbers, st.none(), st.text(max_size=20), st.binary(max_size=20), st.just(...))
arrays = hypothesis_numpy.arrays(
    dtype=hypothesis_numpy.scalar_dtypes(), shape=hypothesis_numpy.array_shapes(min_dims=0, max_dims=4, max_side=12)
)
nested = st.recursive(
    st.one_of(leaves, arrays),
    lambda inside: st.one_of(
        st.lists(inside, max_size=12),
        st.tuples(inside, inside),
        st.dictionaries(st.text(max_size=5), inside, max_size=3),
    ),
    max_leaves=15,
)
functions = st.builds(lambda value: lambda *arguments: value, nested)
answers = st.one_of(nested, functions)


def num_answers(exercise: Exercise) -> int:
    kinds = (parameter.kind for parameter in inspect.signature(exercise._checker).parameters.values())
    return sum(kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for kind in kinds)


def given_of(exercise: Exercise) -> dict[str, object]:
    return import_module(f"tests.exercises.test_lesson_{exercise.key[:2]}").GIVEN[exercise.key]


def check(exercise: Exercise, *answers: object, **given: object) -> str:
    printed, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        assert exercise.check(*answers, **given) is None
    assert errors.getvalue() == ""
    said = printed.getvalue()
    assert re.fullmatch(r"(?:[✓✗] )?\d\d\.\d [^\n]+\n", said)
    return said


@in_all
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rubbish_never_raises(exercise, data):
    drawn = [data.draw(answers) for _ in range(num_answers(exercise))]
    check(exercise, *drawn, **given_of(exercise))


@in_all
@pytest.mark.parametrize("answer", [answer for answer, _ in RUBBISH.values()], ids=list(RUBBISH))
def test_chosen_rubbish_is_wrong(exercise, answer):
    assert check(exercise, *[answer] * num_answers(exercise), **given_of(exercise)).startswith("✗")


@in_all
@pytest.mark.parametrize("kind", ["None", "text", "NaN", "array", "empty", "set", "ragged", "array of text", "dict"])
def test_everyday_rubbish_is_understood_and_not_only_survived(exercise, kind):
    answer, _ = RUBBISH[kind]
    said = check(exercise, *[answer] * num_answers(exercise), **given_of(exercise))
    assert "cannot be checked" not in said


@in_all
def test_a_broken_lesson_is_no_error(exercise):
    for rubbish in (None, "text", ..., np.zeros(0), np.full((3, 3), np.nan)):
        check(exercise, *[3] * num_answers(exercise), **dict.fromkeys(given_of(exercise), rubbish))


@in_all
def test_open_answers_are_not_attempted(exercise, workspace):
    said = check(exercise, *[...] * num_answers(exercise), **given_of(exercise))
    assert said.startswith(f"{exercise.key} {exercise.title}: not attempted yet.")
    assert not (workspace / "progress.json").exists()


@in_all
def test_given_arrays_stay_as_they_are(exercise):
    given = given_of(exercise)
    before = {name: np.array(value, copy=True) for name, value in given.items() if isinstance(value, np.ndarray)}
    check(exercise, *[np.ones((3, 10))] * num_answers(exercise), **given)
    for name, array in before.items():
        assert np.array_equal(given[name], array), name


@in_all
def test_an_exercise_has_what_it_needs(exercise):
    assert len(exercise.hints) >= 1
    assert len(exercise.title) <= 50
    assert exercise.title[0].isupper()
    assert not exercise.title.endswith(".")


def test_keys_are_those_of_the_module_and_number_through():
    assert [exercise.key for exercise in ALL] == sorted({exercise.key for exercise in ALL})
    for lesson in LESSONS:
        assert [each.key for each in exercises_of(lesson)] == [
            f"{lesson}.{number}" for number in range(1, len(exercises_of(lesson)) + 1)
        ]


def test_progress_counts_every_failure(workspace):
    for exercise in ALL:
        check(exercise, *[None] * num_answers(exercise), **given_of(exercise))
    content = json.loads((workspace / "progress.json").read_text(encoding="utf-8"))
    assert content["failures"] == {exercise.key: 1 for exercise in ALL}
