"""Show the outputs of a notebook's cells as a reader sees them."""

from __future__ import annotations

import copy
import re

from nbformat import NotebookNode

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_ERASED_CHARACTER = re.compile(r"[^\n]\x08")
_OVERWRITTEN_LINE = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)


def cell_label(notebook: NotebookNode, cell: NotebookNode) -> str:
    """Return ``"cell 7 (fit)"`` for the seventh cell that Run All executes, ``"text cell (intro)"`` for a text."""
    name = f" ({cell.id})" if "id" in cell else ""  # notebooks older than nbformat 4.5 have none
    if cell.cell_type != "code":
        return "text cell" + name
    numbers = [number for number, other in enumerate(code_cells(notebook), start=1) if other is cell]
    return (f"cell {numbers[0]}" if numbers else "empty cell") + name


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells that Run All executes, in order: all that are not empty."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def shown_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return copies of a cell's outputs as a reader sees them in the end.

    The pieces of a stream are joined at the place of the first, since a kernel may flush at any time. Text overwritten
    through carriage returns and backspaces is removed, as are widget views, which refer to a kernel that has ended.
    """
    shown: list[NotebookNode] = []
    streams: dict[str, NotebookNode] = {}
    for output in copy.deepcopy(outputs):
        if output.output_type == "stream":
            if output.name in streams:
                streams[output.name].text += output.text
                continue
            streams[output.name] = output
        elif "data" in output and output.data.pop(WIDGET_VIEW, None) is not None and not output.data:
            continue
        shown.append(output)
    for stream in streams.values():
        stream.text = _without_overwritten(stream.text)
    return shown


def is_picture(mime: str) -> bool:
    """Return whether content of this MIME type is a picture in base64."""
    return mime.startswith("image/") and mime != "image/svg+xml"


def line_ends(text: str) -> str:
    """Return a text with Unix line endings."""
    return text.replace("\r\n", "\n")


def _without_overwritten(text: str) -> str:
    text, before = line_ends(text), None
    while text != before:
        before, text = text, _ERASED_CHARACTER.sub("", text)
    return _OVERWRITTEN_LINE.sub("", text)
