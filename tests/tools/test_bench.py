"""The benchmark measures what it says, and a comparison names what moved. No time is asserted."""

import copy
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest

from benchmarks import bench as command
from benchmarks import contenders, machine, stopwatch
from benchmarks.bench import bench, write_results
from benchmarks.compare import compare
from benchmarks.contenders import Request, multiply, products
from benchmarks.figures import targets
from benchmarks.lessons import LAPTOP_BYTES, run_lesson, small_laptop, up_to_first_picture
from benchmarks.machine import BenchError, ask
from benchmarks.report import BEGIN, END, insert, tables
from benchmarks.training import available_contenders, train
from course_utils.model import build_model
from course_utils.training import BATCH_SIZE

ROOT = Path(__file__).resolve().parents[1]
SMALL = {"COURSE_OFFLINE": "1", "MNIST_PATH": "", "KERAS_HOME": "/nowhere", "COURSE_WORKSPACE": "/nowhere"}


# --- what is measured ------------------------------------------------------------------------------------------------


def test_course_and_plain_keras_learn_the_same_to_the_last_bit():
    names = ("course", "Keras defaults")
    course, plain = (train(Request(name, num_epochs=3, as_in_lesson=True), SMALL) for name in names)
    assert course["history"] == plain["history"]
    assert sorted(course["history"]) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    for answer in (course, plain):
        assert answer["test_accuracy"] > 0.5
        assert len(answer["seconds"]) == 3
        assert answer["peak_mb"] > 100


def test_plain_keras_has_nothing_of_the_course():
    code = """
import json, os, sys
import numpy
from benchmarks.contenders import import_plain_keras
import_plain_keras()
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter
dataset = ArrayDataAdapter(numpy.zeros((4, 2)), batch_size=2).get_tf_dataset()
allocator = os.environ.get("TF_ONEDNN_USE_SYSTEM_ALLOCATOR")
print(json.dumps([allocator, "sklearn" in sys.modules, dataset.options().autotune.enabled]))
"""
    assert ask("-c", code) == [None, True, None]


def test_scikit_learn_learns():
    answer = train(Request("scikit-learn", num_epochs=3), SMALL)
    assert answer["test_accuracy"] > 0.5
    assert len(answer["seconds"]) == 3


def test_pytorch_learns():
    installed = [*machine.BUILD.glob("packages-*")]
    if not installed:
        pytest.skip("PyTorch is not installed into build/bench; make bench does that")
    answer = train(Request("PyTorch eager", num_epochs=3), {**SMALL, "PYTHONPATH": str(installed[0])})
    assert answer["test_accuracy"] > 0.5
    assert len(answer["seconds"]) == 3


def test_all_contenders_have_the_recipe_of_the_lessons():
    assert Request("course").batch_size == BATCH_SIZE
    model = build_model()
    assert tuple(model.get_layer(f"dropout_{number}").rate for number in (1, 2)) == contenders.DROPOUT
    units = [layer.units for layer in model.layers if hasattr(layer, "units")]
    assert (model.input_shape[1], *units) == contenders.WIDTHS


def test_bound_multiplies_what_a_step_must_and_as_often(monkeypatch):
    found = products(128)
    assert len(found) == 8
    assert all(left[1] == right[0] for left, right in found)
    multiplications = sum(left[0] * left[1] * right[1] for left, right in found)
    # Forward and gradients of weights for all three layers, gradients of inputs for the last two.
    assert multiplications == 128 * (2 * 784 * 512 + 3 * 512 * 256 + 3 * 256 * 10)
    calls = []
    monkeypatch.setattr(np, "matmul", lambda *operands, out: calls.append(out.dtype))
    multiply(Request("bound", num_epochs=2), SimpleNamespace(train_images=np.zeros(60_000)))
    assert calls == [np.dtype("float32")] * (8 * 469 * 2)


def test_stopwatch_tells_where_the_time_of_a_lesson_goes(tmp_path, monkeypatch):
    for name, value in SMALL.items():
        monkeypatch.setenv(name, value)
    cells = [
        "import time\n\ntime.sleep(0.3)",
        "from course_utils.data import load_dataset\n\ndataset = load_dataset()",
        "import keras\n\nmodel = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])",
        "model.compile(loss='mse')\nmodel.fit(dataset.test_images, dataset.test_labels, verbose=0);",
    ]
    lesson = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    told, execution = run_lesson(lesson, tmp_path, "a lesson")
    kinds = ("kernel", "imports", "data", "training", "work")
    assert told["seconds"] == pytest.approx(sum(told[kind] for kind in kinds))
    assert min(told[kind] for kind in kinds) > 0
    assert told["work"] > 0.3
    # While it loads these digits, scikit-learn is imported: that counts as an import, and only as one.
    assert told["imports"] > told["data"]
    assert told["peak_mb"] > 100
    assert len(lesson.cells) < len(execution.notebook.cells)


def test_stopwatch_goes_on_with_what_was_interrupted(monkeypatch):
    monkeypatch.setattr(stopwatch, "_seconds", dict.fromkeys(stopwatch._seconds, 0.0))
    monkeypatch.setattr(stopwatch, "_since", time.perf_counter())

    def load():
        time.sleep(0.02)
        stopwatch._timed("imports", time.sleep)(0.05)
        time.sleep(0.08)

    stopwatch._timed("data", load)()
    told = stopwatch.seconds()
    assert told["data"] >= 0.1
    assert told["imports"] >= 0.05
    assert told["training"] == 0


def test_lesson_01_ends_with_its_first_picture():
    whole = nbformat.read(ROOT / "notebooks/01_load_and_pickle.ipynb", as_version=4)
    beginning = up_to_first_picture(whole)
    assert len(beginning.cells) < len(whole.cells)
    assert "show_figure" in beginning.cells[-1].source
    assert not any("show_figure(" in cell.source for cell in beginning.cells[:-1] if cell.cell_type == "code")


@pytest.mark.skipif(sys.platform != "linux", reason="one core and 2 GiB can be set only on Linux")
def test_small_laptop_has_one_core_and_2_gib():
    code = "import json, os; print(json.dumps(len(bytes({})) and len(os.sched_getaffinity(0))))"
    cores = os.sched_getaffinity(0)
    with small_laptop():
        assert ask("-c", code.format(LAPTOP_BYTES // 2)) == 1
        with pytest.raises(BenchError, match="MemoryError"):
            ask("-c", code.format(LAPTOP_BYTES))
    assert os.sched_getaffinity(0) == cores
    assert ask("-c", code.format(LAPTOP_BYTES)) == len(cores)


def test_without_pytorch_the_others_are_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "BUILD", tmp_path)
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)
    names, _, missing = available_contenders()
    assert names == ["course", "Keras defaults", "scikit-learn", "bound"]
    assert "PyTorch cannot be installed" in missing["PyTorch eager"]
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"names": ["speed"]}, "no part 'speed'. There are: setup, "),
        ({"quick": True, "keep": True}, "A trial is not kept"),
        ({}, "COURSE_OFFLINE"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_a_reason(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("MNIST_PATH", raising=False)
    for name in ("KERAS_HOME", "COURSE_WORKSPACE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert bench(**arguments) == 1
    assert said in capsys.readouterr().err


def test_nothing_in_the_course_needs_the_benchmark():
    for path in (ROOT / "course_utils").rglob("*.py"):
        if path.name != "cli.py":
            assert not re.search(r"^\s*(from|import) benchmarks", path.read_text(encoding="utf-8"), re.MULTILINE), path


# --- what is made of it ----------------------------------------------------------------------------------------------


def answer(second: float, **others: object) -> dict:
    return {"seconds": [2 * second, second, second], "peak_mb": 500.0, "test_accuracy": 0.97, **others}


@pytest.fixture
def results():
    """Return results as of a run with five repetitions, each 2 % slower or faster than the others, by chance."""
    chance = random.Random(9)

    def noisy(second, count=5):
        return [second * chance.uniform(0.98, 1.02) for _ in range(count)]

    epochs = {"course": 1.6, "Keras defaults": 2.8, "PyTorch eager": 3.0, "scikit-learn": 3.6, "bound": 1.0}
    kinds = {"kernel": 0.6, "imports": 3.0, "data": 0.4, "work": 1.0}

    def told(training=0.0):
        parts = {name: noisy(second, 1)[0] for name, second in kinds.items()} | {"training": training}
        return {"seconds": sum(parts.values()), **parts, "peak_mb": 900.0 if training else 300.0}

    lessons = {
        f"0{number}_lesson": [told(60.0)] if number in (5, 8) else [told(), told(), told()] for number in range(9)
    }
    measured = {
        "training": {
            "images": 60_000,
            "epochs": 3,
            "batch_size": 128,
            "contenders": {name: [answer(second) for second in noisy(epoch)] for name, epoch in epochs.items()},
            "same_history": True,
            "missing": {"another": "cannot be had"},
        },
        "start": {
            "course_utils": noisy(0.02),
            "tensorflow": noisy(3),
            "tensorflow_imported": [False] * 5,
            "first_picture": [told() for _ in range(5)],
        },
        "lessons": {"lessons": lessons, "pages": 5.0},
        "laptop": {name: told[0] for name, told in lessons.items()},
        "setup": {"seconds": 30.0, "download_mb": 473.0, "disk_mb": 2068.0},
    }
    about = {"date": "2026-01-01", "load_before": 0.1}
    machine = {
        "processor": "P",
        "cores": 2,
        "memory_gb": 8,
        "system": "S",
        "python": "3.12",
        "packages": {},
        "blas": "B",
    }
    return {
        "quick": False,
        "machine": machine,
        "parts": {name: {**about, "measured": one} for name, one in measured.items()},
    }


def slower(results, factor, *, of):
    changed = copy.deepcopy(results)
    contenders = changed["parts"]["training"]["measured"]["contenders"]
    for name in of:
        for one in contenders[name]:
            one["seconds"] = [factor * second for second in one["seconds"]]
    return changed


def test_a_regression_is_named_and_nothing_else(results):
    lines, is_fine = compare(results, slower(results, 1.3, of=["course"]))
    assert not is_fine
    assert len(lines) == 2
    assert re.match(r"WORSE: an epoch of course / bound: 1\.\d+ → 2\.\d+ \(\+(29|30|31)%\)", lines[0])
    lines, is_fine = compare(results, slower(results, 0.7, of=["course"]))
    assert is_fine
    assert lines[0].startswith("better: an epoch of course")


def test_a_slower_machine_and_chance_are_no_regression(results):
    everyone = [*results["parts"]["training"]["measured"]["contenders"]]
    lines, is_fine = compare(results, slower(results, 3, of=everyone))
    assert is_fine
    assert lines[0].startswith("0 of ")
    # Less than the smallest change that counts, though more than the 2 % of chance; and more, but with one repetition
    # that went as fast as before.
    assert len(compare(results, slower(results, 1.07, of=["course"]))[0]) == 1
    changed = slower(results, 1.3, of=["course"])
    before, after = (run["parts"]["training"]["measured"]["contenders"]["course"] for run in (results, changed))
    after[0]["seconds"] = [0.9 * second for second in before[0]["seconds"]]
    assert len(compare(results, changed)[0]) == 1


def test_more_memory_and_another_history_are_named(results):
    changed = copy.deepcopy(results)
    changed["parts"]["lessons"]["measured"]["lessons"]["05_lesson"][0]["peak_mb"] *= 1.1
    changed["parts"]["training"]["measured"]["same_history"] = False
    lines, is_fine = compare(results, changed)
    assert not is_fine
    assert lines[0].startswith("WORSE: memory of lesson 05")
    assert "history" in lines[1]
    # What only one of them has is passed over.
    del changed["parts"]["training"], changed["parts"]["lessons"]
    assert compare(results, changed)[1]


def test_comparing_ends_with_an_error_only_if_asked(results, tmp_path):
    for name, one in (("old", results), ("new", slower(results, 1.3, of=["course"]))):
        write_results(one, tmp_path / f"{name}.json")
    program = [sys.executable, "-m", "benchmarks.compare", str(tmp_path / "old.json"), str(tmp_path / "new.json")]
    for further, status in (([], 0), (["--strict"], 1)):
        done = subprocess.run([*program, *further], cwd=ROOT, capture_output=True, encoding="utf-8")
        assert (done.returncode, done.stderr) == (status, "")
        assert "WORSE: an epoch of course" in done.stdout


def test_targets_are_met_or_not(results):
    figures = targets(results)
    assert [target.limit for target in figures if target.is_met is False] == [2]
    assert [target.what for target in figures if target.is_met is None] == ["`make test` with MNIST, s"]

    changed = slower(results, 2, of=["course"])
    lessons = changed["parts"]["lessons"]["measured"]["lessons"]
    lessons["03_lesson"][1]["peak_mb"] = 2_000.0  # only once: that is not the median
    lessons["04_lesson"] = [{**told, "peak_mb": 1_100.0} for told in lessons["04_lesson"]]
    changed["parts"]["laptop"]["measured"]["08_lesson"] = "08_lesson, cell 9: MemoryError"
    missed = {target.what: target.which for target in targets(changed) if target.is_met is False}
    assert len(missed) == 6
    assert missed["memory of 03, 04, 06 and 07, MB"] == "lesson 04"
    text = tables(changed)
    assert text.count("**no**") == 6
    assert "On the laptop: 08_lesson, cell 9: MemoryError" in text
    assert "| another | not measured |" in text


def test_results_are_kept_part_by_part_only_for_the_same_machine(results, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(command, "README", tmp_path / "README.md")
    command.README.write_text(f"before\n\n{BEGIN}\n\n{END}\n", encoding="utf-8")
    few = {**results, "parts": {"setup": results["parts"]["setup"]}}
    with pytest.raises(BenchError, match="training"):
        command._keep(few, None)
    results["parts"]["growth"] = {"date": "2026-01-01", "load_before": 0.1, "missing": "no time"}
    command._keep(results, None)
    changed = copy.deepcopy(few)
    changed["parts"]["setup"]["measured"]["disk_mb"] = 1234.0
    command._keep(changed, results)
    kept = json.loads(command.RESULTS.read_text(encoding="utf-8"))
    assert kept["parts"].keys() == results["parts"].keys()
    assert "1,234 MB on disk" in command.README.read_text(encoding="utf-8")
    assert (tmp_path / "lessons.png").stat().st_size > 10_000
    failed = {"setup": {"date": "2026-01-02", "load_before": 0.1, "missing": "no network"}}
    command._keep({**changed, "parts": failed}, kept)
    assert json.loads(command.RESULTS.read_text(encoding="utf-8")) == kept
    with pytest.raises(BenchError, match="another machine"):
        command._keep({**changed, "machine": {}}, results)


def test_readme_has_the_committed_results():
    readme = command.README.read_text(encoding="utf-8")
    if command.RESULTS.exists():
        results = json.loads(command.RESULTS.read_text(encoding="utf-8"))
        assert not results["quick"]
        assert readme == insert(readme, results), "make bench KEEP=1 writes both"
        pictures = re.findall(r"\]\((\w+\.png)\)", readme)
        assert sorted(pictures) == sorted(path.name for path in command.README.parent.glob("*.png"))
    else:
        assert f"{BEGIN}\n\n{END}" in readme


def test_readme_quotes_two_lines_of_the_table():
    table = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    quoted = re.findall(
        r"^\| .* \| [≤≥] \d.* \| [\d.]+ \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(quoted) == 2
    assert all(line in table for line in quoted)
