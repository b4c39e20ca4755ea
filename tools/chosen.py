"""Make a course of some of the lessons: links, the next lesson and the road map fit what is there."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from nbformat import NotebookNode

from course_utils.course import lesson_file
from tools.clean_outputs import clean_outputs

_LINK = re.compile(r"\[([^\]]+)\]\((?:\.\./notebooks/)?(\d\d_\w+\.ipynb)(?:#[^)\s]*)?\)")
_ROW = re.compile(r"^\| \[[^\]]+\]\((\d\d_\w+\.ipynb)\) \|.*\n", re.MULTILINE)
_NEXT = re.compile(r"^\*\*Next:\*\* \[[^\]]+\]\((\d\d_\w+\.ipynb)\).*", re.MULTILINE)
_WAY = re.compile(r"^\[(?:←|all lessons\]).*", re.MULTILINE)
_STEP = re.compile(r"\[(?:← )?(\d\d [^\]→]+?)(?: →)?\]\((\d\d_\w+\.ipynb)\)")


def choose(lessons: Mapping[str, NotebookNode], numbers: Sequence[str] = ()) -> dict[str, NotebookNode]:
    """Return copies of the lessons with these numbers, linked only to one another; without numbers, all lessons."""
    if not numbers:
        return dict(lessons)
    names = [lesson_file(number) for number in sorted(set(numbers))]
    start = lesson_file("00")
    text = "\n".join(cell.source for lesson in lessons.values() for cell in lesson.cells)
    titles = {name: title for line in _WAY.findall(text) for title, name in _STEP.findall(line)}
    # The sentence at the end of a lesson describes the next one.
    sentences = {match[1]: match[0] for match in _NEXT.finditer(text)}
    chosen = {}
    for (before, name), (_, after) in pairwise(pairwise(["", *names, ""])):
        way = [f"[← {titles.get(before, before)}]({before})"] if before else []
        way += [f"[all lessons]({start * (name != start)}#The-road-map)"] if start in names else []
        way += [f"[{titles.get(after, after)} →]({after})"] if after else []
        chosen[name] = clean_outputs(lessons[name])
        for cell in chosen[name].cells:
            if cell.cell_type == "markdown":
                source = _ROW.sub(lambda row: row[0] * (row[1] in names), cell.source)
                source = _NEXT.sub(sentences.get(after, "").replace("\\", r"\\"), source)
                source = _WAY.sub(" · ".join(way), source)
                cell.source = without_links(source, names).strip()
    return chosen


def without_links(text: str, names: Collection[str]) -> str:
    """Return a text in which links to any other lesson are plain words."""
    return _LINK.sub(lambda link: link[0] if link[2] in names else link[1], text)
