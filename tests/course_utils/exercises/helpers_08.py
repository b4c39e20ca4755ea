"""What the cases of lesson 08 use: the mean accuracy of the ten trainings that were recorded."""

from course_utils.exercises.lesson_08 import _recorded

accuracy = _recorded()[0][:, -1].mean()
