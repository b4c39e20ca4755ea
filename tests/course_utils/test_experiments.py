"""What was recorded with the course, as the lessons find it."""

import pytest

from course_utils.course import CourseError
from course_utils.data import load_dataset
from course_utils.experiments import EXPERIMENTS, Run, load_results, load_trained_cnn
from course_utils.preprocessing import preprocess_images
from course_utils.training import load_trained_model


def test_the_recorded_networks_classify_mnist_as_their_history_says(capsys, workspace):
    mnist = load_dataset(allow_download=False)
    if mnist.name != "MNIST":
        pytest.skip("needs MNIST: set MNIST_PATH")
    vectors = preprocess_images(mnist.test_images)
    for load, least in ((load_trained_model, 0.982), (load_trained_cnn, 0.99)):
        model, history = load(mnist)
        accuracy = (model.predict(vectors, verbose=0).argmax(axis=1) == mnist.test_labels).mean()
        assert accuracy == pytest.approx(history["val_accuracy"][-1], abs=1e-4)
        assert accuracy >= least
        assert "recorded with the course (30 epochs)" in capsys.readouterr().out


def test_results_come_in_the_requested_order_and_a_missing_one_is_named_with_the_command():
    runs = [*EXPERIMENTS["dropout"][::-1], *EXPERIMENTS["cnn"]]
    assert [result.run for result in load_results(runs)] == runs
    with pytest.raises(CourseError, match=r"mlp, seed -1, .*python -m tools experiments"):
        load_results([Run(seed=-1)])
