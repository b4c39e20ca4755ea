"""``make slides``: lessons as slides, one file each, which includes reveal.js and fetches nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import DictLoader
from nbconvert import SlidesExporter
from nbformat import NotebookNode

from course_utils.course import BUILD, LESSONS, NOTEBOOKS, lesson_file
from tools.chosen import choose
from tools.clean_outputs import to_text
from tools.editions import forbid_leaks, read_lessons, without_solutions
from tools.folders import read_text, write_folder

TEMPLATE = Path(__file__).with_name("slides.html.j2")
#: Not for a class: the links to other lessons, and what one person has solved.
_NOT_SHOWN = re.compile(r"navigation|progress(-text)?|exercise-.+-check")


def make_slides(lessons: Sequence[str] = (), *, build: Path = BUILD) -> int:
    """Write ``build/slides``: a page for each lesson, with its recorded outputs, without solutions and notes."""
    source = read_lessons()
    names = [lesson_file(number) for number in lessons or LESSONS]
    notebooks = {name: slides_notebook(choose(source, [name[:2]])[name]) for name in names}
    forbid_leaks(source, {name: to_text(notebook).encode() for name, notebook in notebooks.items()})
    pages = {f"{Path(name).stem}.html": slides_page(notebook).encode() for name, notebook in notebooks.items()}
    write_folder(build / "slides", pages)
    print(f"Open {build.name}/slides/{next(iter(pages))} in any browser, with or without a network.")
    return 0


def slides_notebook(lesson: NotebookNode) -> NotebookNode:
    """Return a lesson whose cells say where slides begin: where the author says so, or at each heading and text."""
    lesson = without_solutions(lesson)
    cells = []
    for cell in lesson.cells:
        if _NOT_SHOWN.fullmatch(cell.id):
            continue
        is_code, settings = cell.cell_type == "code", cell.metadata.get("slideshow", {})
        # A heading inside a text begins a slide too; hints are not shown.
        source = cell.source if is_code else re.sub("<details>.*?</details>", "", cell.source, flags=re.DOTALL)
        texts = [source] if is_code else re.split(r"^(?=##+ )", source, flags=re.MULTILINE)
        for number, text in enumerate(filter(str.strip, texts)):
            default = "-" if is_code else "slide" if re.match("##? ", text) else "subslide"
            kind = "" if number else settings.get("slide_type")
            metadata = NotebookNode({**cell.metadata, "slideshow": {**settings, "slide_type": kind or default}})
            name = f"{cell.id}-{number}"[:64] if number else cell.id
            cells.append(NotebookNode({**cell, "id": name, "source": text, "metadata": metadata}))
    return NotebookNode({**lesson, "cells": cells})


def slides_page(notebook: NotebookNode) -> str:
    """Convert a lesson that says where its slides begin into one HTML page."""
    reveal = files("sphinx_revealjs") / "_static" / "revealjs"
    exporter = SlidesExporter(
        template_file="slides.html.j2",
        extra_loaders=[DictLoader({"slides.html.j2": read_text(TEMPLATE)})],
        embed_images=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    texts = {"css": "dist/reveal.css", "js": "dist/reveal.js", "notes": "plugin/notes/notes.js"}
    parts = {name: (reveal / path).read_text(encoding="utf-8") for name, path in texts.items()}
    title = notebook.cells[0].source.partition("\n")[0].lstrip("# ")
    resources = {"metadata": {"name": title, "path": str(NOTEBOOKS)}, "reveal_parts": parts}
    return exporter.from_notebook_node(notebook, resources)[0]
