"""The confidence interval of an accuracy."""

import pytest

from course_utils.evaluation import accuracy_interval


def test_the_interval_agrees_with_a_published_example():
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3: 81 of 263 gives 0.2553 to 0.3662.
    assert accuracy_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize(("num_correct", "num_images"), [(0, 5), (5, 5), (0, 1), (1, 1), (0, 2), (20, 20)])
def test_the_interval_stays_within_0_and_1(num_correct, num_images):
    low, high = accuracy_interval(num_correct, num_images)
    assert 0 <= low < high <= 1


@pytest.mark.parametrize(("num_correct", "num_images"), [(6, 5), (-1, 5), (0, 0)])
def test_impossible_counts_are_refused(num_correct, num_images):
    with pytest.raises(ValueError, match="check the two counts"):
        accuracy_interval(num_correct, num_images)
