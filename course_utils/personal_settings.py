"""Keep the user's settings of Keras and TensorFlow from changing what lessons compute, or from crashing the kernel.

Both read environment variables when they are imported. Keras also reads a file, whose folder a variable can set.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

#: Where Keras finds its file instead of the user's own; inside the user's folder, where Keras keeps its downloads.
OWN_FOLDER = "digit_course"
#: The sentence that lessons print; the kernels that a JupyterLab starts inherit it.
NOT_USED = "COURSE_SETTINGS_NOT_USED"
# On processors with VNNI TensorFlow 2.21 switches to operations of oneDNN and says so on stderr, at any log level.
_CHOSEN = {"KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "0"}
# What Keras writes to a new file, and an experimental option.
_DEFAULTS: dict[str, object] = {
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-07,
    "image_data_format": "channels_last",
    "nnx_enabled": False,
}


def set_aside() -> None:
    """Replace settings of Keras and TensorFlow that the course does not use, and leave a sentence that names them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # The memory allocator of oneDNN, which TensorFlow uses on CPUs, never returns memory: 200 MB more in lesson 06.
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")
    found = []
    for name, value in sorted(os.environ.items()):
        if (name.startswith("KERAS_") and name != "KERAS_HOME") or name in ("TF_XLA_FLAGS", "XLA_FLAGS", *_CHOSEN):
            del os.environ[name]
            if value not in ("", _CHOSEN.get(name)):
                found.append(f"{name}={value}")
    os.environ.update(_CHOSEN)
    folder = _folder_of_keras()
    if folder.name != OWN_FOLDER and (other := _other_settings(folder / "keras.json")):
        os.environ["KERAS_HOME"] = str(folder / OWN_FOLDER)
        found.append(f"{other} in {folder / 'keras.json'}")
    keras = sys.modules.get("keras")
    if keras and (policy := keras.config.dtype_policy().name) != "float32":
        found.append(policy)
    if found:
        late = " But Keras was imported earlier and uses them: restart the kernel and run all cells." if keras else ""
        os.environ[NOT_USED] = f"The lessons do not use these settings of yours: {'; '.join(found)}.{late}"


def _folder_of_keras() -> Path:
    """Return the folder where Keras will look for its file."""
    if os.environ.get("KERAS_HOME"):
        return Path(os.path.expanduser(os.environ["KERAS_HOME"]))  # noqa: PTH111 - works where there is no home, too
    os.environ.pop("KERAS_HOME", None)  # empty, it would be the folder of the lesson
    home = os.path.expanduser("~")  # noqa: PTH111
    return Path(home if os.access(home, os.W_OK) else "/tmp", ".keras")  # noqa: S108 - so does Keras


def _other_settings(file: Path) -> str:
    """Return the settings of a ``keras.json`` that the course cannot use, or why Keras would fail to read it."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return ", ".join(
            f"{name} {found[name]}" for name, value in _DEFAULTS.items() if found.get(name, value) != value
        )
    except (FileNotFoundError, NotADirectoryError, ValueError):  # Keras ignores a file that is not JSON, too
        return ""
    except (OSError, AttributeError) as error:
        return f"something unreadable ({type(error).__name__})"
