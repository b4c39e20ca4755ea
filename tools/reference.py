"""Keep the results of the recorded run: the weights and history of lesson 06, and the picture of lesson 09."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from course_utils.course import NOTEBOOKS, REFERENCE, lesson_file
from course_utils.workspace import atomic_path
from tools.clean_outputs import read_notebook
from tools.comparison.outputs import code_cells
from tools.folders import reading
from tools.recipe import bare_code, recipe_fingerprint

WEIGHTS, RECORD = "mnist.weights.h5", "mnist.json"
MEASURED = REFERENCE / "measured_tolerances.json"
RECIPE_LESSON, RECIPE_CELL = NOTEBOOKS / lesson_file("06"), "fit"
PICTURE_LESSON, PICTURE_CELL = NOTEBOOKS / lesson_file("09"), "prediction-grid"
PICTURE = NOTEBOOKS / "pictures" / "prediction_grid.png"


def current_recipe(lesson: Path = RECIPE_LESSON) -> str:
    """Return the fingerprint of lesson 06 up to the cell that trains, including the helpers that it imports."""
    from course_utils.model import DROPOUT_RATES, NUM_PIXELS, build_model
    from course_utils.preprocessing import MAX_PIXEL, NUM_CLASSES, one_hot, preprocess_images

    cells = code_cells(read_notebook(lesson))
    last = [cell.id for cell in cells].index(RECIPE_CELL)
    sources = [bare_code(cell.source) for cell in cells[: last + 1]]
    constants = f"{MAX_PIXEL=} {NUM_CLASSES=} {NUM_PIXELS=} {DROPOUT_RATES=}"
    return recipe_fingerprint((build_model, preprocess_images, one_hot), constants, *sources)


def is_current(folder: Path = REFERENCE) -> bool:
    """Return whether the recorded weights come from the present recipe."""
    with reading(folder / RECORD):
        recorded = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return recorded["recipe"] == current_recipe()


def rewrite(workspace: Path, folder: Path = REFERENCE) -> None:
    """Replace the recorded weights and history with those that lesson 06 left in a workspace."""
    from course_utils.model import build_model
    from course_utils.training import read_trained_model

    trained, history = read_trained_model(workspace / "mnist" / "model.keras")
    model = build_model()  # not compiled, so that no state of an optimizer is saved
    model.set_weights(trained.get_weights())
    # The weights are moved into place first: if this stops in between, the old record does not fit them.
    with atomic_path(folder / RECORD) as record_path, atomic_path(folder / WEIGHTS) as weights_path:
        model.save_weights(weights_path)
        record = {"recipe": current_recipe(), "history": history}
        record_path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def recorded_picture() -> bytes:
    """Return the picture of lesson 09's predictions, a PNG that the README and lesson 00 show."""
    cells = read_notebook(PICTURE_LESSON).cells
    cell = next(cell for cell in cells if cell.id == PICTURE_CELL)
    return base64.b64decode(next(output.data["image/png"] for output in cell.outputs if "data" in output))


def rewrite_picture() -> None:
    """Replace ``notebooks/pictures/prediction_grid.png`` with the picture in lesson 09, if they differ."""
    if PICTURE.read_bytes() != (picture := recorded_picture()):
        with atomic_path(PICTURE) as temporary:
            temporary.write_bytes(picture)
