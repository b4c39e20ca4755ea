"""The one form in which a lesson is kept under version control, so that a difference always means something."""

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


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a notebook without anything that depends on who ran it, where or when.

    Sources, outputs that a reader sees, cell ids, tags and tolerances stay. Memory addresses in outputs stay too:
    they are the author's to remove, see `memory_addresses`.

    Parameters
    ----------
    notebook : NotebookNode
        A notebook in nbformat 4; it is not changed.

    Returns
    -------
    NotebookNode
        The copy: metadata allow-listed, executed cells counted 1..n from the top, streams joined as nbval joins them,
        widget views and widget state dropped, line ends as on Linux. Normalising it again changes nothing.
    """
    cells = []
    count = 0
    for cell in notebook.cells:
        normal = NotebookNode(
            cell_type=cell.cell_type,
            id=cell.id,
            metadata=_cell_metadata(cell.metadata),
            source=_line_ends(cell.source).rstrip(),
        )
        if cell.get("attachments"):
            normal.attachments = copy.deepcopy(cell.attachments)
        if cell.cell_type == "code":
            executed = cell.execution_count is not None and bool(cell.source.strip())
            count += executed
            normal.execution_count = count if executed else None
            normal.outputs = [_output(output, normal.execution_count) for output in shown_outputs(cell.outputs)]
        cells.append(normal)
    return NotebookNode(cells=cells, metadata=nbformat.from_dict(NOTEBOOK_METADATA), nbformat=4, nbformat_minor=5)


def to_text(notebook: NotebookNode) -> str:
    """Write a notebook as nbformat does: indent 1, sorted keys, UTF-8 left readable, one newline at the end.

    Parameters
    ----------
    notebook : NotebookNode
        A valid notebook.

    Returns
    -------
    str
        The JSON text of the file.

    Raises
    ------
    nbformat.ValidationError
        If the notebook does not follow the format.
    """
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def shown_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return copies of a cell's outputs as a reader finally sees them.

    Text of one stream is joined where its first piece stands (pieces arrive as the kernel happens to flush them),
    without what carriage returns and backspaces overwrite. Widget views go: they are keys into a kernel that is gone.

    Parameters
    ----------
    outputs : list of NotebookNode
        Outputs of one cell, as recorded or as a kernel sent them.

    Returns
    -------
    list of NotebookNode
        The outputs left, in order.
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
        stream.text = _overwritten(stream.text)
    return shown


def memory_addresses(cell: NotebookNode) -> list[str]:
    """Find the texts such as ``<Line2D object at 0x7f…>`` in the outputs of a code cell.

    They differ on every run, so no recorded output may hold one; the author ends the cell with something worth
    reading instead.

    Parameters
    ----------
    cell : NotebookNode
        A code cell.

    Returns
    -------
    list of str
        Each text found, in order.
    """
    return [match.group() for text in texts(cell) for match in _ADDRESS.finditer(text)]


def texts(cell: NotebookNode) -> list[str]:
    """Return every text in the outputs of a code cell, metadata such as alternative texts of pictures included.

    Parameters
    ----------
    cell : NotebookNode
        A code cell.

    Returns
    -------
    list of str
        Stream texts, textual MIME data, strings inside JSON data, and error messages with their tracebacks.
    """
    found: list[str] = []
    for output in cell.outputs:
        for key, value in output.items():
            if key == "data":
                found += [
                    text
                    for mime, content in value.items()
                    if not mime.startswith("image/") or mime == "image/svg+xml"
                    for text in _strings(content)
                ]
            elif key not in ("output_type", "name", "execution_count"):
                found += _strings(value)
    return found


def cell_label(notebook: NotebookNode, cell: NotebookNode) -> str:
    """Name a cell as people find it: code cells by the number at their prompt after Run All, and by id.

    Parameters
    ----------
    notebook : NotebookNode
        The notebook.
    cell : NotebookNode
        One of its cells.

    Returns
    -------
    str
        ``"cell 7 (fit)"`` for the seventh code cell that is not empty, ``"text cell (intro)"`` for a text cell.
    """
    if cell.cell_type != "code":
        return f"text cell ({cell.id})"
    number = [other.id for other in code_cells(notebook)].index(cell.id) + 1 if cell.source.strip() else 0
    return f"cell {number} ({cell.id})" if number else f"empty cell ({cell.id})"


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells that Run All executes, in order: those with anything in them.

    Parameters
    ----------
    notebook : NotebookNode
        The notebook.

    Returns
    -------
    list of NotebookNode
        The cells themselves, not copies.
    """
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
            binary = mime.startswith("image/") and mime != "image/svg+xml"
            output.data[mime] = "".join(content.split()) if binary else _line_ends(content)
    output.pop("transient", None)
    return output


def _overwritten(text: str) -> str:
    text = _line_ends(text)
    before = None
    while text != before:
        before, text = text, _ERASED_CHARACTER.sub("", text)
    return _OVERWRITTEN_LINE.sub("", text)


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n")


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for content in value.values() for text in _strings(content)]
    if isinstance(value, list):
        return [text for content in value for text in _strings(content)]
    return []
