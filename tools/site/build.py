"""``make site``: the course as a web site whose widgets need no Python, made from the recorded lessons."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import nbformat
from nbconvert.filters import strip_ansi
from nbconvert.preprocessors import TagRemovePreprocessor
from nbformat import NotebookNode
from PIL import Image
from sphinx.cmd.build import build_main

from course_utils.course import BUILD, NOTEBOOKS, ROOT, CourseError
from course_utils.data import Dataset, load_dataset
from course_utils.widgets.widget import CSS, JS
from tools.clean_outputs import to_text
from tools.editions import read_lessons, without_solutions
from tools.folders import read_text, replace_folder
from tools.site.live import MODULES, NUM_SAMPLES, live_widgets, script

HERE = Path(__file__).parent
#: Pages besides the lessons, by their paths from the root; a link to any other file becomes plain text.
DOCUMENTS = (
    *("docs/questions.md", "docs/students.md", "docs/instructors.md", "docs/class.md", "docs/extending.md"),
    *("docs/comparing-outputs.md", "benchmarks/README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"),
)
#: Replays of a recorded training, after a cell of a lesson.
REPLAYS = {
    ("05_see_how_it_learns.ipynb", "templates"): "replay_weights",
    ("06_train.ipynb", "fit"): "replay_training",
}
#: Widgets that wait for a click, because their data are large.
MEGABYTES = {"drawing_pad": 3}
#: What Furo 2025.12 and MyST-NB 1.4 lack for readers who use a screen reader or have no mouse.
THEME_REPAIRS = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
    '<summary aria-label="Toggle hidden content">': "<summary>",
    '<div id="search-results">': '<h1>Search</h1>\n<div id="search-results">',
}
#: Where else a lesson can be opened: the label of the button, and its entry in ``[project.urls]``.
ELSEWHERE = {"Open in Colab": "Colab", "Open in Binder": "Binder", "Download": "Download"}
#: How the widgets of a lesson differ from the first ones of their kind.
SETTINGS = {"09_predict.ipynb": {"only_shrinks": False}}
HAS_SAMPLE = {"explore_digits", "explore_preprocessing", "explore_one_hot"}


def make_site(*, with_solutions: bool = True, root: Path = ROOT, build: Path = BUILD) -> int:
    """Write ``build/site`` from the recorded lessons, executing none of them."""
    pages = write_site(read_lessons(), load_dataset(), build / "site", with_solutions=with_solutions, root=root)
    print(f"{pages} pages. Open {build.name}/site/index.html in any browser, or copy the folder to a web server.")
    return 0


def write_site(
    lessons: Mapping[str, NotebookNode],
    dataset: Dataset,
    site: Path,
    *,
    with_solutions: bool = True,
    workspace: Path | None = None,
    warnings_are_errors: bool = True,
    root: Path = ROOT,
) -> int:
    """Write lessons, documents and widgets as linked pages, and return the number of pages.

    They use the network in the workspace or, without a workspace, the one that is recorded with the course.
    """
    with TemporaryDirectory() as temporary, replace_folder(site) as out:
        source = Path(temporary)
        static = source / "_static"
        (static / "live").mkdir(parents=True)
        (source / "conf.py").write_bytes((HERE / "conf.py").read_bytes())
        index = (HERE / "index.md").read_text(encoding="utf-8")
        (source / "index.md").write_text(_with_links(index, "index.md", lessons), encoding="utf-8")
        for name in ("site.css", "icon.svg"):
            (static / name).write_bytes((HERE / name).read_bytes())
        (static / "widgets.js").write_text(_widgets_script(), encoding="utf-8")
        copytree(NOTEBOOKS / "pictures", source / "notebooks" / "pictures")
        widgets: set[str] = set()
        urls = tomllib.loads(read_text(root / "pyproject.toml"))["project"].get("urls", {})
        for name, lesson in lessons.items():
            notebook = site_notebook(lesson, name, with_solutions=with_solutions)
            notebook.cells[0].source = notebook.cells[0].source.replace("\n", _buttons(urls, name), 1)
            text = to_text(notebook)
            widgets.update(re.findall(r'data-widget=\\"(\w+)', text))
            (source / "notebooks" / name).write_text(text, encoding="utf-8")
        for name, state in live_widgets(sorted(widgets), dataset, workspace or source).items():
            (static / "live" / f"{name}.js").write_text(script(name, state), encoding="utf-8")
        for name in DOCUMENTS:
            (source / name).parent.mkdir(exist_ok=True)
            text = (ROOT / name).read_text(encoding="utf-8")
            if name == "docs/students.md":
                text = text.replace("# The digit course", "# For students", 1)
            (source / name).write_text(
                _with_links(text, name, lessons) if name.endswith(".md") else text, encoding="utf-8"
            )
        options = ["--quiet", "--fail-on-warning", "--keep-going", f"--doctree-dir={source}/.doctrees"]
        if build_main([*options, str(source), str(out)]) > (not warnings_are_errors):
            raise CourseError(
                "The site was not built. The warnings above name the pages: correct them, then build again."
            )
        for path in (out / "_images").glob("*.png"):
            # Figures have few colours, so a palette halves what a phone loads.
            figure = Image.open(path).convert("RGB")
            figure = figure.quantize(64, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            figure.save(path, optimize=True)
        pages = list(out.rglob("*.html"))
        for page in pages:
            text = page.read_text(encoding="utf-8")
            for old, new in THEME_REPAIRS.items():
                text = text.replace(old, new)
            page.write_text(text, encoding="utf-8")
        return len(pages)


def anchor(heading: str) -> str:
    """Return the anchor of a heading: as in JupyterLab, spaces become hyphens."""
    return heading.strip().replace(" ", "-")


def site_notebook(lesson: NotebookNode, name: str, *, with_solutions: bool = True) -> NotebookNode:
    """Return a lesson as the site shows it: solutions folded or left out, no notes, widgets instead of their text."""
    if with_solutions:
        page = TagRemovePreprocessor(remove_cell_tags={"instructor"}).preprocess(nbformat.from_dict(lesson), {})[0]
    else:
        page = without_solutions(lesson)
    # Nobody solves exercises on the site.
    page.cells = [cell for cell in page.cells if cell.id not in ("progress-text", "progress")]
    for cell in page.cells:
        if cell.cell_type != "code":
            cell.source = re.sub(r"(?<=\]\()[^)\s]*#[^)\s]*", lambda link: unquote(link[0]), cell.source)
            continue
        cell.metadata.mystnb = {}
        if "solution" in cell.metadata.get("tags", []):
            cell.metadata.tags = ["hide-cell"]
            cell.metadata.mystnb = {"code_prompt_show": "Show a solution", "code_prompt_hide": "Hide the solution"}
        for output in cell.outputs:
            if "text-decoration-color" in output.get("data", {}).get("text/html", ""):
                # A summary by Keras, in colours that need a white page.
                del output.data["text/html"]
                output.data["text/plain"] = strip_ansi(output.data["text/plain"])
            if alt := output.get("metadata", {}).get("image/png", {}).get("alt"):
                cell.metadata.mystnb["image"] = {"alt": alt}
        if call := re.search(r"^(explore_\w+|drawing_pad)\(", cell.source, flags=re.MULTILINE):
            text = next((output.data["text/plain"] for output in cell.outputs if "data" in output), "")
            cell.outputs = [
                _live_output(call[1], text.replace(" (interactive in JupyterLab)", ""), SETTINGS.get(name, {}))
            ]
        if (name, cell.id) in REPLAYS:
            cell.outputs.append(_live_output(REPLAYS[name, cell.id], "A replay of a recorded training run."))
    return page


def _buttons(urls: Mapping[str, str], name: str) -> str:
    """Return links that open a lesson elsewhere: its name replaces what follows the last slash of an address."""
    links = [
        f'<a href="{escape(urls[entry].rpartition("/")[0])}/{name}">{text}</a>'
        for text, entry in ELSEWHERE.items()
        if entry in urls
    ]
    return f'\n\n<p class="elsewhere">{" ".join(links)}</p>\n\n' if links else "\n"


def _live_output(name: str, text: str, settings: Mapping[str, object] | None = None) -> NotebookNode:
    attributes = f' data-megabytes="{MEGABYTES[name]}"' if name in MEGABYTES else ""
    attributes += f' data-settings="{escape(json.dumps(settings))}"' if settings else ""
    html = (
        f'<div class="live" data-widget="{name}" data-folder="../_static/live"{attributes}><p>{escape(text)}</p></div>'
    )
    if name in HAS_SAMPLE:
        html += f"\n<p>This page has the first {NUM_SAMPLES} images of each part.</p>"
    return nbformat.v4.new_output("display_data", data={"text/html": html, "text/plain": text})


def _widgets_script() -> str:
    """Return one script with all modules, because browsers load no modules into a page that is opened as a file."""
    loader, style = ((path).read_text(encoding="utf-8") for path in (JS / "loader.js", CSS))
    return f"""(async () => {{
  if (!document.querySelector("[data-widget]")) return;
  document.head.append(Object.assign(document.createElement("style"), {{ textContent: {json.dumps(style)} }}));
  const address = URL.createObjectURL(new Blob([{json.dumps(loader)}], {{ type: "text/javascript" }}));
  await (await import(address)).load({json.dumps(MODULES)});
}})();
"""


def _with_links(text: str, name: str, lessons: Iterable[str]) -> str:
    """Return a document whose links lead only to pages of the site; the start page replaces the README."""
    folder = (ROOT / name).parent
    pages = {ROOT / document for document in DOCUMENTS} | {NOTEBOOKS / lesson for lesson in lessons}

    def replace(match: re.Match[str]) -> str:
        words, target, place = match.groups(default="")
        # The page for students is the README of their edition, so its links start at the root.
        path = ((ROOT if name == "docs/students.md" else folder) / target).resolve()
        if path == ROOT / "README.md":
            path, place = ROOT / "index.md", ""
        elif path not in pages:
            return words
        return f"[{words}]({Path(os.path.relpath(path, folder)).as_posix()}{place})"

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^):#]+)(#[^)]*)?\)", replace, text)
