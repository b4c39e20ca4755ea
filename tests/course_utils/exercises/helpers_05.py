"""What the cases of lesson 05 use: the functions that the lesson builds, and wrong forms of its last exercise."""

# ruff: noqa: F821 - functions that the lesson builds

import ast

import nbformat
import numpy as np

from course_utils.course import NOTEBOOKS, lesson_file
from course_utils.preprocessing import one_hot, preprocess_images
from tests.course_utils.exercises.conftest import DIGITS

batch_vectors = preprocess_images(DIGITS.train_images[:1000]).astype(float)
batch_labels = one_hot(DIGITS.train_labels[:1000]).astype(float)
two_pixels = batch_vectors[:, [14 * 28 + 14, 4 * 28 + 20]]
for cell in nbformat.read(NOTEBOOKS / lesson_file("05"), as_version=4).cells:
    if cell.cell_type == "code" and not cell.id.startswith("exercise"):
        functions = [each for each in ast.parse(cell.source).body if isinstance(each, ast.FunctionDef)]
        exec(compile(ast.Module(functions, []), cell.id, "exec"))


def loss_with_bias(bias, weight=-4):
    return cross_entropy(errors(bias, weight) + batch_labels, batch_labels)


def nudged(nudge=0.001, bias=3.0, weight=-4.0):
    return (loss_with_bias(bias + nudge, weight) - loss_with_bias(bias - nudge, weight)) / (2 * nudge)


def one_sided(nudge):
    return (loss_with_bias(3 + nudge) - loss_with_bias(3)) / nudge


def errors(bias=3.0, weight=-4.0):
    sums = np.zeros((1000, 10))
    sums[:, 1] = bias + weight * batch_vectors[:, 14 * 28 + 14]
    return softmax(sums) - batch_labels


def arrives(rate):
    start = np.array([-3.0, 3.0])
    lowest = loss_of_two(descend(gradient_of_two, start, 10, num_steps=1000)[-1])
    return max(map(loss_of_two, descend(gradient_of_two, start, rate, num_steps=100)[-10:])) < lowest + 0.001


def open_relu(second_errors, second_weights, first_hidden):
    return second_errors @ second_weights.T * (first_hidden > 0)


def in_place(second_errors, second_weights, first_hidden):
    first_hidden[first_hidden > 0] = 1
    return second_errors @ second_weights.T * first_hidden


def with_where(second_errors, second_weights, first_hidden):
    return np.where(first_hidden > 0, second_errors @ second_weights.T, 0)


def in_loops(second_errors, second_weights, first_hidden):
    result = np.zeros(first_hidden.shape)
    for row in range(len(result)):
        for neuron in range(result.shape[1]):
            if first_hidden[row, neuron] > 0:
                result[row, neuron] = sum(second_errors[row] * second_weights[neuron])
    return result


def nothing(second_errors, second_weights, first_hidden):
    open_relu(second_errors, second_weights, first_hidden)


def asserts(second_errors, second_weights, first_hidden):
    assert len(second_errors) > 5


def starter(second_errors, second_weights, first_hidden):
    return ...
