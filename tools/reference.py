"""What the course keeps of its recorded run: the weights of lesson 05, and the picture of lesson 07.

The weights stand in for a student's own. Their recipe is lesson 05 itself together with the rooms that it imports: as
long as none of their code changes, the recorded weights stay; when some does, they are taken anew from what lesson 05
leaves in its workspace.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import json
from pathlib import Path

import nbformat

from course_utils.workspace import atomic_path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "course_utils" / "reference"
WEIGHTS, RECORD = FOLDER / "mnist.weights.h5", FOLDER / "mnist.json"
RECIPE_LESSON = ROOT / "notebooks" / "05_train.ipynb"
PICTURE = ROOT / "notebooks" / "pictures" / "prediction_grid.png"
PICTURE_LESSON, PICTURE_CELL = ROOT / "notebooks" / "07_predict.ipynb", "prediction-grid"
RECIPE_ROOMS = [ROOT / "course_utils" / name for name in ("preprocessing.py", "model.py")]


def recipe_fingerprint() -> str:
    """Give a hash of the code that makes the weights; exercises, comments, layout and outputs do not count.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    cells = nbformat.read(RECIPE_LESSON, as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code" and not cell.id.startswith("exercise-")]
    sources += [room.read_text(encoding="utf-8") for room in RECIPE_ROOMS]
    return hashlib.sha256("\n".join(bare_code(source) for source in sources).encode()).hexdigest()


def is_current() -> bool:
    """Tell whether the recorded weights were made by the recipe as it stands now."""
    if not (WEIGHTS.exists() and RECORD.exists()):
        return False
    return json.loads(RECORD.read_text(encoding="utf-8"))["recipe"] == recipe_fingerprint()


def rewrite(workspace: Path) -> None:
    """Replace the recorded weights and history by what lesson 05 left in a workspace.

    Parameters
    ----------
    workspace : Path
        Where lesson 05 ran, on MNIST.

    Raises
    ------
    FileNotFoundError
        If lesson 05 left no network trained on MNIST there; nothing is replaced.
    """
    from course_utils.model import build_model
    from course_utils.training import read_trained_model

    trained, history = read_trained_model(workspace / "mnist" / "model.keras")
    model = build_model()  # not compiled, so that the file holds no state of an optimizer
    model.set_weights(trained.get_weights())
    FOLDER.mkdir(exist_ok=True)
    # The weights take their place first: killed between the two, the old record tells that they are not its own.
    with atomic_path(RECORD) as record_path, atomic_path(WEIGHTS) as weights_path:
        model.save_weights(weights_path)
        record = {"recipe": recipe_fingerprint(), "history": history}
        record_path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def recorded_picture() -> bytes:
    """Return the grid of predictions as lesson 07 recorded it: the picture that README and lesson 00 show.

    Returns
    -------
    bytes
        A PNG file.

    Raises
    ------
    StopIteration
        If the lesson was not recorded.
    """
    cells = nbformat.read(PICTURE_LESSON, as_version=4).cells
    cell = next(cell for cell in cells if cell.id == PICTURE_CELL)
    return base64.b64decode(next(output.data["image/png"] for output in cell.outputs if "data" in output))


def rewrite_picture() -> None:
    """Replace ``notebooks/pictures/prediction_grid.png`` by what lesson 07 recorded, if it is another picture."""
    picture = recorded_picture()
    if not PICTURE.exists() or PICTURE.read_bytes() != picture:
        PICTURE.parent.mkdir(exist_ok=True)
        with atomic_path(PICTURE) as temporary:
            temporary.write_bytes(picture)


def bare_code(source: str) -> str:
    """Strip what does not change results: comments and layout by parsing, docstrings by emptying them.

    Parameters
    ----------
    source : str
        A module, a cell or a function.

    Returns
    -------
    str
        The same for every version of Python, unlike ``ast.dump``: a fingerprint taken with one holds with another.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body[0].value.value = ""  # type: ignore[attr-defined]
    return repr(_shape(tree))


def _shape(node: object) -> object:
    """Turn a syntax tree into nested lists, without what is empty: newer versions of Python have more of that."""
    if isinstance(node, ast.AST):
        fields = [[name, _shape(value)] for name, value in ast.iter_fields(node) if value not in (None, [])]
        return [type(node).__name__, *fields]
    return [_shape(item) for item in node] if isinstance(node, list) else node
