"""``bench``: measure, in one run, how long a student waits with the course and with other libraries.

``python -m benchmarks.measure CONTENDER NUM_IMAGES NUM_EPOCHS SEED`` trains once in its process, and prints what it
measured as JSON; `bench` starts one such process after the other.
"""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.table import tables, write_readme
from course_utils.course import BUILD, ROOT, CourseError
from course_utils.data import Dataset, load_dataset
from course_utils.preprocessing import NUM_CLASSES, one_hot, preprocess_images
from course_utils.workspace import atomic_path

RESULTS = Path(__file__).with_name("results.json")
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PACKAGES = ("numpy", "tensorflow", "tensorflow-cpu", "keras", "scikit-learn", "torch")
REPETITIONS = 5
BATCH_SIZE = 128
WIDTHS = (784, 512, 256, NUM_CLASSES)


class Clock:
    """Notes when each epoch ends."""

    def __init__(self) -> None:
        self._times = [time.perf_counter()]

    def tick(self, *_: object) -> None:
        self._times.append(time.perf_counter())

    def seconds(self) -> list[float]:
        return [after - before for before, after in pairwise(self._times)]


def course(dataset: Dataset, num_epochs: int, seed: int) -> dict[str, Any]:
    """Train as lesson 06 does, on tensors and with many steps per call."""
    from course_utils.training import as_tensor, steps_per_execution

    vectors = as_tensor(preprocess_images(dataset.train_images))
    return _fit(vectors, dataset, num_epochs, seed, steps_per_execution(len(vectors), BATCH_SIZE))


def keras_defaults(dataset: Dataset, num_epochs: int, seed: int) -> dict[str, Any]:
    """Train as the handout does, on arrays, with nothing but the recipe in `compile` and `fit`."""
    os.environ.pop("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", None)  # which the course sets to save memory
    from course_utils import model  # noqa: F401 - applies the workaround, which is undone here
    from course_utils.tensorflow_autotune_stall import ArrayDataAdapter

    original = getattr(ArrayDataAdapter.get_tf_dataset, "__wrapped__", ArrayDataAdapter.get_tf_dataset)
    ArrayDataAdapter.get_tf_dataset = original
    return _fit(preprocess_images(dataset.train_images), dataset, num_epochs, seed, 1)


def _fit(
    vectors: Any,  # noqa: ANN401 - array or tensor
    dataset: Dataset,
    num_epochs: int,
    seed: int,
    steps_per_execution: int,
) -> dict[str, Any]:
    import keras
    import tensorflow

    from course_utils.model import build_model, compile_model

    keras.utils.set_random_seed(seed)
    tensorflow.config.experimental.enable_op_determinism()
    model = build_model()
    compile_model(model, steps_per_execution)
    clock = Clock()
    history = model.fit(
        vectors,
        one_hot(dataset.train_labels),
        batch_size=BATCH_SIZE,
        epochs=num_epochs,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=clock.tick)],
    ).history
    test_vectors = preprocess_images(dataset.test_images)
    _, accuracy = model.evaluate(test_vectors, one_hot(dataset.test_labels), verbose=0)
    return {"seconds": clock.seconds(), "test_accuracy": accuracy, "history": history}


def pytorch_eager(dataset: Dataset, num_epochs: int, seed: int) -> dict[str, Any]:
    """Train in a plain PyTorch loop that takes the rows of each batch from one tensor."""
    import torch  # type: ignore[import-not-found]
    from torch import nn  # type: ignore[import-not-found]

    torch.manual_seed(seed)
    layers = [layer for pair in pairwise(WIDTHS) for layer in (nn.Linear(*pair), nn.ReLU())]
    # The loss includes the softmax and expects labels.
    model = nn.Sequential(*layers[:2], nn.Dropout(0.5), *layers[2:4], nn.Dropout(0.2), layers[4])
    loss_function, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())
    vectors = torch.from_numpy(preprocess_images(dataset.train_images))
    labels = torch.from_numpy(dataset.train_labels.astype(np.int64))
    clock = Clock()
    for _ in range(num_epochs):
        for rows in torch.randperm(len(vectors)).split(BATCH_SIZE):
            optimizer.zero_grad()
            loss_function(model(vectors[rows]), labels[rows]).backward()
            optimizer.step()
        clock.tick()
    model.eval()
    with torch.no_grad():
        predictions = model(torch.from_numpy(preprocess_images(dataset.test_images))).argmax(dim=1).numpy()
    return {"seconds": clock.seconds(), "test_accuracy": float((predictions == dataset.test_labels).mean())}


def scikit_learn(dataset: Dataset, num_epochs: int, seed: int) -> dict[str, Any]:
    """Train scikit-learn's `MLPClassifier`, which does less because it has no dropout."""
    from sklearn.neural_network import MLPClassifier

    classifier = MLPClassifier(WIDTHS[1:-1], alpha=0, batch_size=BATCH_SIZE, random_state=seed)
    vectors = preprocess_images(dataset.train_images)
    clock = Clock()
    for _ in range(num_epochs):
        classifier.partial_fit(vectors, dataset.train_labels, classes=np.arange(NUM_CLASSES))
        clock.tick()
    accuracy = classifier.score(preprocess_images(dataset.test_images), dataset.test_labels)
    return {"seconds": clock.seconds(), "test_accuracy": accuracy}


def bound(dataset: Dataset, num_epochs: int, seed: int) -> dict[str, Any]:
    """Only multiply the matrices of each step, with NumPy in float32: no training can be faster.

    Each layer needs its output and the gradient of its weights, and all but the first the gradient of its input.
    """
    generator = np.random.default_rng(seed)
    shapes = []
    for num_inputs, num_outputs in pairwise(WIDTHS):
        shapes.append(((BATCH_SIZE, num_inputs), (num_inputs, num_outputs)))
        shapes.append(((num_inputs, BATCH_SIZE), (BATCH_SIZE, num_outputs)))
        if num_inputs != WIDTHS[0]:
            shapes.append(((BATCH_SIZE, num_outputs), (num_outputs, num_inputs)))
    operands = [[generator.standard_normal(shape, dtype=np.float32) for shape in pair] for pair in shapes]
    products = [left @ right for left, right in operands]
    clock = Clock()
    for _ in range(num_epochs):
        for _ in range(math.ceil(len(dataset.train_images) / BATCH_SIZE)):
            for (left, right), product in zip(operands, products, strict=True):
                np.matmul(left, right, out=product)
        clock.tick()
    return {"seconds": clock.seconds()}


CONTENDERS: dict[str, Callable[[Dataset, int, int], dict[str, Any]]] = {
    "course": course,
    "Keras defaults": keras_defaults,
    "PyTorch eager": pytorch_eager,
    "scikit-learn": scikit_learn,
    "matrix products": bound,
}


# --- measuring -------------------------------------------------------------------------------------------------------


def bench(*, quick: bool = False, keep: bool = False) -> int:
    """Measure, and write the results to ``build/bench/``; `keep` replaces the committed ones."""
    if load_dataset(allow_embedded=False).name != "MNIST":
        raise CourseError("The benchmark needs MNIST, but MNIST_PATH names other digits. Set it to mnist.npz.")
    folder = BUILD / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    results = {"lessons": seconds_of_lessons(), "machine": _machine(), "training": measure_training(quick)}
    rounded = json.loads(json.dumps(results), parse_float=lambda number: round(float(number), 4))
    text = json.dumps(rounded, indent=1) + "\n"
    for path in [folder / RESULTS.name, *([RESULTS] if keep else [])]:
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    if keep:
        write_readme(results)
    print(f"\n{tables(results)}\n\nResults: build/bench/{RESULTS.name}{' and benchmarks/' if keep else ''}")
    return 0


def measure_training(quick: bool) -> dict[str, Any]:
    """Let the contenders take turns, and begin each round with another one."""
    num_images, num_epochs = (6_000, 2) if quick else (60_000, 3)
    packages = _further_packages()
    names = [name for name in CONTENDERS if packages or not name.startswith("PyTorch")]
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for seed in range(2 if quick else REPETITIONS):
        start = seed % len(names)
        for name in names[start:] + names[:start]:
            arguments = ["-m", "benchmarks.measure", name, *map(str, (num_images, num_epochs, seed))]
            measured[name].append(json.loads(_python(*arguments, further=packages)))
            say(f"training {seed + 1}, {name}: {measured[name][-1]['seconds'][-1]:.2f} s an epoch")
    same = [one["history"] for one in measured["course"]] == [one["history"] for one in measured["Keras defaults"]]
    for name in ("course", "Keras defaults"):
        for one in measured[name]:
            del one["history"]
    about = {"num_images": num_images, "num_epochs": num_epochs, "same_history": same, "quick": quick}
    return {**about, "contenders": measured}


def seconds_of_lessons() -> dict[str, Any]:
    """Return the seconds and memory of each lesson, as ``make run`` has written them."""
    summary = BUILD / "summary.json"
    if not summary.exists():
        raise CourseError("No results of make run were found. Execute the lessons first: make run")
    written = json.loads(summary.read_text(encoding="utf-8"))
    return {name: written[name] for name in ("dataset", "num_epochs", "lessons")}


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def _python(*arguments: str, further: Path | None = None) -> str:
    """Run a fresh Python, and return what follows ``result:`` in its output."""
    cores = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    # The same number of threads for every library, and NumPy as fast as the processor allows.
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    paths = {"PYTHONPATH": str(further)} if further else {}
    settings = {**inherited, **dict.fromkeys(threads, cores), **paths}
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=settings, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise CourseError(f"python {' '.join(arguments)} failed: {(done.stderr.splitlines() or ['no message'])[-1]}")
    return next((line for line in done.stdout.splitlines() if line.startswith("result:")), "").removeprefix("result:")


def _further_packages() -> Path | None:
    """Install PyTorch beside the course, once, and return its folder, or None if it cannot be installed."""
    folder = BUILD / "bench" / f"packages-{sys.version_info[0]}.{sys.version_info[1]}"
    if not folder.is_dir():
        say("Installing PyTorch into build/bench/, once: 0.2 GB, or 3 GB where pip finds only the build for CUDA")
        install = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
        done = subprocess.run([*install, "--target", str(folder), "--requirement", str(REQUIREMENTS)])
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            say("PyTorch could not be installed (see above). Everything else is measured.")
            return None
    return folder


def _machine() -> dict[str, Any]:
    installed = {one.name.lower(): one.version for one in metadata.distributions()}
    return {
        "date": date.today().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: installed[name] for name in PACKAGES if name in installed},
    }


def _processor() -> str:
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
        flags = next((line for line in lines if line.startswith("flags")), "")
        return f"{model} ({'AVX-512' if 'avx512f' in flags else 'AVX2' if 'avx2' in flags else 'no AVX2'})"
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    name, num_images, num_epochs, seed = sys.argv[1], *map(int, sys.argv[2:])
    digits = load_dataset()
    images, labels = digits.train_images[:num_images], digits.train_labels[:num_images]
    result = CONTENDERS[name](replace(digits, train_images=images, train_labels=labels), num_epochs, seed)
    # On a marked line, because on some computers other programs print whenever Python starts or ends.
    print(f"\nresult:{json.dumps(result)}")
