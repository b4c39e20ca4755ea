"""The confidence interval of an accuracy."""

import pytest

from course_utils.evaluation import accuracy_interval


def test_the_interval_agrees_with_a_published_example():
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3: 81 of 263 gives 0.2553 to 0.3662.
    assert accuracy_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
