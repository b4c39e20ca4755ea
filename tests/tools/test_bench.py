"""The benchmark trains in a process of its own and writes tables."""

import json

from benchmarks import measure, table

TRAINING = {
    "num_images": 6000,
    "num_epochs": 2,
    "same_history": True,
    "quick": False,
    "contenders": {
        "course": [{"seconds": [9.0, 1.0], "test_accuracy": 0.97}, {"seconds": [9.0, 2.0], "test_accuracy": 0.96}],
        "matrix products": [{"seconds": [0.5, 0.5]}, {"seconds": [0.5, 0.5]}],
    },
}
MACHINE = {"date": "2026-11-26", "cores": 2, "processor": "P", "memory_gb": 8, "system": "S", "python": "3.12"}
MACHINE["packages"] = {"numpy": "2"}
LESSONS = {"dataset": "MNIST", "num_epochs": 30, "lessons": {"06_train": {"seconds": 90.0, "peak_rss_mb": 1200}}}


def test_ratios_are_taken_pair_by_pair_and_leave_out_the_first_epoch():
    rows = table.tables({"machine": MACHINE, "training": TRAINING, "lessons": LESSONS}).splitlines()
    (products,) = [row for row in rows if row.startswith("| matrix products")]
    assert products.split(" | ")[1] == "0.38"  # the median of 0.5 / 1 and 0.5 / 2
    (course,) = [row for row in rows if row.startswith("| course")]
    assert course.split(" | ")[1:4] == ["1.00", "1.50 (1.00 to 2.00)", "9.0"]


def test_a_contender_trains_in_its_own_process(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_WORKSPACE", str(tmp_path))
    monkeypatch.delenv("MNIST_PATH", raising=False)
    measured = json.loads(measure._python("-m", "benchmarks.measure", "scikit-learn", "300", "3", "0"))
    assert len(measured["seconds"]) == 3
    assert measured["test_accuracy"] > 0.5
