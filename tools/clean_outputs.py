"""Bring notebooks into the form in which they are kept under version control, so that every difference matters."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from tools.comparison.compare import plain_text
from tools.comparison.outputs import is_picture, line_ends, shown_outputs
from tools.folders import read_bytes, reading

NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
#: What slides, nbgrader and Colab keep in a cell; it does not depend on who ran it, where or when.
_METADATA_OF_OTHERS = ("slideshow", "nbgrader", "colab", "cellView", "format", "raw_mimetype", "name")
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})(?: |$)", re.MULTILINE)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_OF_ONE_MACHINE = {
    "a path": r"(?<![\w.])/(?:home|tmp|work|root|Users|private|var|opt|mnt|usr)(?:/|\b)|\b[A-Za-z]:\\|file://",
    "a web address": r"\bhttps?://\S*",
    "a memory address": r"\b0x[0-9a-fA-F]{6,}|<[^<>\n]* at 0x[0-9a-fA-F]+[^<>\n]*>",
    "a date or time": rf"\b(?:19|20)\d\d-\d\d-\d\d|\b\d\d?:\d\d:\d\d\b|\b{_MONTH} \d\d?, \d{{4}}\b",
    "a duration": r"(?<![\w.])\d[\d.,]* ?(?:[nuµm]?s|secs?|seconds?|min|minutes?|h|hours?)(?:/\w+)?(?!\w)|\bit/s\b",
}


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook, in the newest format, or raise a CourseError that names the file and the problem."""
    return parse_notebook(read_bytes(path), path)


def parse_notebook(content: bytes, path: Path) -> NotebookNode:
    """Return the notebook in the content of a file, with an id for each cell."""
    with reading(path):
        text = content.decode("utf-8-sig")
        if not text.strip():
            raise ValueError("it is empty")
        if conflict := _CONFLICT.search(text):
            line = text.count("\n", 0, conflict.start()) + 1
            raise ValueError(f"a merge left a conflict in line {line}")
        json.loads(text)  # its error says where the JSON is wrong
        try:
            notebook = nbformat.convert(nbformat.reader.reads(text), 4)
            seen = {""}
            for number, cell in enumerate(notebook.cells, start=1):
                # Formats before 4.5 have no ids; a cell that was copied in an editor may share that of another one.
                if cell.get("id", "") in seen:
                    cell.id = f"cell-{number}"
                seen.add(cell.id)
            notebook.nbformat_minor = max(notebook.nbformat_minor, 5)
            nbformat.validate(notebook)
        except (nbformat.ValidationError, LookupError, TypeError, AttributeError) as error:
            raise ValueError("it is not a notebook") from error
    return notebook


def clean_outputs(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a notebook without anything that depends on who ran it, where or when.

    Sources, visible outputs, cell ids, tags, tolerances and the metadata of other programs stay; executed cells are
    numbered from 1. Outputs that `belongs_to_one_machine` finds stay as well: changing them is up to the author.
    """
    cells = []
    count = 0
    for cell in notebook.cells:
        clean = NotebookNode(
            cell_type=cell.cell_type,
            id=cell.id,
            metadata=_cell_metadata(cell.metadata),
            source=line_ends(cell.source).rstrip(),
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


def belongs_to_one_machine(cell: NotebookNode) -> Iterator[str]:
    """Yield what would be different on another computer in a cell's outputs: ``a path: '/home/me'``."""
    for text in map(plain_text, texts(cell)):
        for what, pattern in _OF_ONE_MACHINE.items():
            yield from (f"{what}: {match.group()!r}" for match in re.finditer(pattern, text))


def texts(cell: NotebookNode) -> list[str]:
    """Return every text in the outputs of a code cell, including the text alternatives of pictures."""
    found: list[str] = []
    for output in cell.outputs:
        for key, value in output.items():
            if key == "data":
                value = {mime: content for mime, content in value.items() if not is_picture(mime)}
            if key not in ("output_type", "name"):
                found += _strings(value)
    return found


def _cell_metadata(metadata: dict[str, Any]) -> NotebookNode:
    kept: dict[str, Any] = {}
    if metadata.get("tags"):
        kept["tags"] = list(dict.fromkeys(metadata["tags"]))
    if metadata.get("tolerance"):
        kept["tolerance"] = dict(metadata["tolerance"])
    if metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = {"source_hidden": True}
    kept |= {name: copy.deepcopy(metadata[name]) for name in _METADATA_OF_OTHERS if metadata.get(name)}
    for lock in ("editable", "deletable"):
        if metadata.get(lock) is False:
            kept[lock] = False
    return nbformat.from_dict(kept)


def _output(output: NotebookNode, execution_count: int | None) -> NotebookNode:
    if output.output_type == "execute_result":
        output.execution_count = execution_count
    if output.output_type == "stream":
        output.text = line_ends(output.text)
    for mime, content in output.get("data", {}).items():
        if isinstance(content, str):
            output.data[mime] = "".join(content.split()) if is_picture(mime) else line_ends(content)
    output.pop("transient", None)
    return output


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    contents = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for content in contents for text in _strings(content)]
