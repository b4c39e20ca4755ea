"""The one form in which a notebook is kept under version control, so that every difference means something."""

from __future__ import annotations

import copy
import re
from typing import Any

import nbformat
from nbformat import NotebookNode

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_ADDRESS = re.compile(r"<[^<>\n]* at 0x[0-9a-fA-F]+[^<>\n]*>|&lt;[^<>&\n]* at 0x[0-9a-fA-F]+[^<>&\n]*&gt;")
_ERASED_CHARACTER = re.compile(r"[^\n]\x08")
_OVERWRITTEN_LINE = re.compile(r"^.*\r(?=[^\n])", re.MULTILINE)


def clean_outputs(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a notebook without anything that depends on who ran it, where or when.

    Sources, visible outputs, cell ids, tags and tolerances stay. Executed cells are counted 1..n from the top. Memory
    addresses in outputs stay too: removing them is up to the author, see `memory_addresses`.
    """
    cells = []
    count = 0
    for cell in notebook.cells:
        clean = NotebookNode(
            cell_type=cell.cell_type,
            id=cell.id,
            metadata=_cell_metadata(cell.metadata),
            source=_line_ends(cell.source).rstrip(),
        )
        if cell.get("attachments"):
            clean.attachments = copy.deepcopy(cell.attachments)
        if cell.cell_type == "code":
            executed = cell.execution_count is not None and bool(cell.source.strip())
            count += executed
            clean.execution_count = count if executed else None
            clean.outputs = [_output(output, clean.execution_count) for output in shown_outputs(cell.outputs)]
        cells.append(clean)
    return NotebookNode(cells=cells, metadata=nbformat.from_dict(NOTEBOOK_METADATA), nbformat=4, nbformat_minor=5)


def to_text(notebook: NotebookNode) -> str:
    """Return the JSON text of a notebook as nbformat writes it, or raise `nbformat.ValidationError`."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def shown_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return copies of a cell's outputs as a reader finally sees them.

    The pieces of one stream are joined where the first one stands, since a kernel may flush it anywhere; text that
    carriage returns and backspaces overwrite goes, and so do widget views, which refer to a kernel that has ended.
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


def memory_addresses(cell: NotebookNode) -> list[str]:
    """Return the texts such as ``<Line2D object at 0x7f…>`` in a cell's outputs, which differ on every run."""
    return [match.group() for text in texts(cell) for match in _ADDRESS.finditer(text)]


def texts(cell: NotebookNode) -> list[str]:
    """Return every text in the outputs of a code cell, the text alternatives of its pictures included."""
    found: list[str] = []
    for output in cell.outputs:
        for key, value in output.items():
            if key == "data":
                value = {mime: content for mime, content in value.items() if not is_picture(mime)}
            if key not in ("output_type", "name"):
                found += _strings(value)
    return found


def is_picture(mime: str) -> bool:
    """Tell whether content of a MIME type is a picture in base64."""
    return mime.startswith("image/") and mime != "image/svg+xml"


def cell_label(notebook: NotebookNode, cell: NotebookNode) -> str:
    """Return ``"cell 7 (fit)"`` for what Run All executes as the seventh cell, ``"text cell (intro)"`` for a text."""
    if cell.cell_type != "code":
        return f"text cell ({cell.id})"
    if not cell.source.strip():
        return f"empty cell ({cell.id})"
    return f"cell {[other.id for other in code_cells(notebook)].index(cell.id) + 1} ({cell.id})"


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells that Run All executes, in order: those that are not empty."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def _cell_metadata(metadata: dict[str, Any]) -> NotebookNode:
    kept: dict[str, Any] = {}
    if metadata.get("tags"):
        kept["tags"] = list(dict.fromkeys(metadata["tags"]))
    if metadata.get("tolerance"):
        kept["tolerance"] = dict(metadata["tolerance"])
    if metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = {"source_hidden": True}
    for lock in ("editable", "deletable"):
        if metadata.get(lock) is False:
            kept[lock] = False
    return nbformat.from_dict(kept)


def _output(output: NotebookNode, execution_count: int | None) -> NotebookNode:
    if output.output_type == "execute_result":
        output.execution_count = execution_count
    if output.output_type == "stream":
        output.text = _line_ends(output.text)
    for mime, content in output.get("data", {}).items():
        if isinstance(content, str):
            output.data[mime] = "".join(content.split()) if is_picture(mime) else _line_ends(content)
    output.pop("transient", None)
    return output


def _without_overwritten(text: str) -> str:
    text, before = _line_ends(text), None
    while text != before:
        before, text = text, _ERASED_CHARACTER.sub("", text)
    return _OVERWRITTEN_LINE.sub("", text)


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n")


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    contents = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for content in contents for text in _strings(content)]
