"""What the cases of lesson 08 use: the mean accuracy of the ten training runs that were recorded."""

from course_utils.exercises.lesson_08 import _recorded

accuracy = _recorded()[0][:, -1].mean()
