"""A user's settings for other work with Keras and TensorFlow: none affects a lesson, and the lesson says so."""

import json
import os
import subprocess
import sys

import pytest

from course_utils import personal_settings
from course_utils.data import keras_file, load_dataset

REAL = """
from course_utils.data import load_dataset
load_dataset()
import keras, numpy
from course_utils.model import build_cnn, compile_model
print(keras.backend.backend(), keras.config.floatx(), keras.config.image_data_format(), keras.config.max_epochs())
model = build_cnn()
compile_model(model)
print(model.predict(numpy.zeros((1, 784), "float32"), verbose=0).dtype)
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give a home folder with a folder of Keras, and an environment that names nothing else."""
    for name in [name for name in os.environ if name.startswith(("KERAS_", "TF_", "XLA_", "COURSE_", "MNIST_"))]:
        monkeypatch.delenv(name)
    for name, value in {"HOME": tmp_path, "USERPROFILE": tmp_path, "COURSE_WORKSPACE": tmp_path / "workspace"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    (tmp_path / ".keras").mkdir()
    yield tmp_path
    for name in ("KERAS_HOME", "KERAS_BACKEND", personal_settings.NOT_USED):  # which the course sets by itself
        os.environ.pop(name, None)


@pytest.mark.parametrize(
    ("file", "environment", "sentence"),
    [
        (None, {}, ""),
        ('{"backend": "tensorflow", "floatx": "float32", "epsilon": 1e-07}', {"KERAS_BACKEND": "tensorflow"}, ""),
        ("", {"KERAS_MAX_EPOCHS": ""}, ""),
        ('{"floatx": "float16", "backend": "jax"}', {}, "backend jax, floatx float16 in {file}"),
        ('{"image_data_format": "channels_first"}', {}, "image_data_format channels_first in {file}"),
        ('{"floatx": "bfloat16"}', {}, "floatx bfloat16 in {file}"),
        ('{"epsilon": 1, "nnx_enabled": true}', {}, "epsilon 1, nnx_enabled True in {file}"),
        ("[1]", {}, "something unreadable (AttributeError) in {file}"),
        (None, {"KERAS_BACKEND": "torch"}, "KERAS_BACKEND=torch"),
        (None, {"TF_XLA_FLAGS": "--nonsense", "XLA_FLAGS": "--x"}, "TF_XLA_FLAGS=--nonsense; XLA_FLAGS=--x"),
        (None, {"KERAS_X": "two", "TF_ENABLE_ONEDNN_OPTS": "1"}, "KERAS_X=two; TF_ENABLE_ONEDNN_OPTS=1"),
    ],
)
def test_lessons_name_the_settings_that_they_do_not_use(home, monkeypatch, capsys, file, environment, sentence):
    path = home / ".keras" / "keras.json"
    if file is not None:
        path.write_text(file)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = keras_file()
    personal_settings.set_aside()
    personal_settings.set_aside()  # a kernel inherits what its lab was left with
    load_dataset()
    assert keras_file() == before, "what Keras has downloaded is still found"
    first, _, late = capsys.readouterr().out.splitlines()[0].partition(" But Keras was imported earlier")
    assert bool(late) == (bool(sentence) and "keras" in sys.modules)
    expected = f"The lessons do not use these settings of yours: {sentence.format(file=path)}."
    assert first == (expected if sentence else "=" * 80)


@pytest.mark.parametrize(
    ("file", "environment"),
    [
        ({"floatx": "float16", "image_data_format": "channels_first"}, {"KERAS_BACKEND": "torch"}),
        (["no", "names"], {"TF_XLA_FLAGS": "--no", "XLA_FLAGS": "--no", "KERAS_MAX_EPOCHS": "2"}),
    ],
)
def test_keras_works_as_the_lessons_need_it(home, file, environment):
    (home / ".keras" / "keras.json").write_text(json.dumps(file))
    options = {"env": {**os.environ, **environment}, "capture_output": True, "text": True, "encoding": "utf-8"}
    done = subprocess.run([sys.executable, "-c", REAL], **options)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("The lessons do not use these settings of yours: ")
    assert done.stdout.splitlines()[-2:] == ["tensorflow float32 channels_last None", "float32"]
