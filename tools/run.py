"""``run``: execute all lessons in order, as a diligent student would, and keep what came out."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import DictLoader
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from tqdm import tqdm

from tools.execution import Execution, LessonError, execute_notebook
from tools.clean_outputs import code_cells, normalise, to_text
from course_utils.data import DatasetError, load_dataset, save_pickle
from course_utils.workspace import atomic_folder, atomic_path, write_remedy

#: What the summary takes from a lesson's last state, by the number of the lesson.
RESULTS = {
    "05": {"num_epochs": "int(num_epochs)"},
    "06": {"test_accuracy": "float(test_accuracy)", "test_loss": "float(test_loss)"},
}

# JupyterLab's look without the scripts that its template fetches from elsewhere (for formulas, diagrams, live widgets),
# and with the text alternatives of pictures, which it knows nothing of.
PAGE_TEMPLATE = """
{%- extends "lab/index.html.j2" -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block data_png -%}
{%- set alt = output | get_metadata("alt", "image/png") -%}
{{ super() | replace("<img ", '<img alt="' ~ (alt | escape_html) ~ '" ' if alt else "<img ", 1) }}
{%- endblock -%}
"""


def run(notebooks: Path, build: Path, *, num_epochs: int | None = None) -> int:
    """Execute every lesson in a kernel of its own, all in one fresh workspace, and write the results.

    ``build`` gets ``notebooks/`` (the executed copies), ``html/`` (one self-contained page each), ``summary.json`` and
    ``workspace/``. Results of an earlier run are replaced together, after the last lesson; a failing run leaves them.

    Parameters
    ----------
    notebooks
        Folder of the lessons.
    build
        Folder to write to; created when missing.
    num_epochs
        Passes over the training images, in place of what the lessons say.

    Returns
    -------
    int
        0 when every lesson ran to its end; 1 otherwise, after a message that names lesson, cell and error.
    """
    start = time.monotonic()
    try:
        lessons = _lessons(notebooks)
        workspace = _fresh_workspace(build)
        dataset = load_dataset()
        environment = {}
        if dataset.name != "MNIST":
            environment["COURSE_OFFLINE"] = "1"
        elif not os.environ.get("MNIST_PATH"):
            # Wherever it was found or downloaded, no lesson has to look for it again.
            save_pickle(dataset, workspace / "mnist.pickle")
        executions = _execute(lessons, workspace, environment, {"num_epochs": num_epochs} if num_epochs else {})
        summary = {
            "dataset": dataset.name,
            "train_images": len(dataset.train_images),
            "test_images": len(dataset.test_images),
            **{name: value for execution in executions.values() for name, value in execution.values.items()},
            "lessons": {
                name: {"seconds": round(execution.seconds, 1), "peak_rss_mb": round(execution.peak_rss_mb)}
                for name, execution in executions.items()
            },
        }
        _write(build, {name: execution.notebook for name, execution in executions.items()}, notebooks, summary)
    except (LessonError, DatasetError, OSError) as error:
        reason = f"{error}. {write_remedy(error)}" if isinstance(error, OSError) else error
        print(f"{reason}\nStopped; what an earlier run left in {_short(build)} was not replaced.", file=sys.stderr)
        return 1
    first_page = build / "html" / f"{next(iter(executions))}.html"
    print(f"Pages: {_short(first_page)} and others; summary: {_short(build / 'summary.json')}")
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    print(
        f"{dataset.name}: test accuracy {summary['test_accuracy']:.4f}, test loss {summary['test_loss']:.4f}, "
        + (f"{minutes} min " if minutes else "")
        + f"{seconds} s"
    )
    return 0


def html_page(notebook: NotebookNode, name: str, folder: Path) -> str:
    """Convert an executed lesson to one HTML page that loads nothing from anywhere.

    Parameters
    ----------
    notebook
        The lesson with its outputs; of a widget, which lives only as long as its kernel, the page shows the text.
    name
        Title of the page for a lesson without a heading.
    folder
        Where the pictures that the lesson's text shows are found; they become part of the page.

    Returns
    -------
    str
        The page. Links to other lessons lead to their pages.
    """
    notebook = normalise(notebook)
    headings = (re.match(r"# (.+)", cell.source) for cell in notebook.cells if cell.cell_type == "markdown")
    notebook.metadata["title"] = next((heading.group(1).strip() for heading in headings if heading), name)
    exporter = HTMLExporter(
        template_file="page.html.j2", extra_loaders=[DictLoader({"page.html.j2": PAGE_TEMPLATE})], embed_images=True
    )
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": name, "path": str(folder)}})
    return re.sub(r'href="(?:\./)?([^":/#]+)\.ipynb(?=["#])', r'href="\1.html', page)


def _lessons(folder: Path) -> dict[str, Path]:
    lessons = {path.stem: path for path in sorted(folder.glob("[!.]*.ipynb"))}
    for number in RESULTS:
        if not any(name.startswith(number) for name in lessons):
            raise LessonError(f"{folder} holds no lesson {number}, so the results of a run would be incomplete.")
    return lessons


def _fresh_workspace(build: Path) -> Path:
    workspace = build / "workspace"
    if workspace.exists():
        shutil.rmtree(workspace)
    workspace.mkdir(parents=True)
    return workspace


def _execute(
    lessons: dict[str, Path], workspace: Path, environment: dict[str, str], parameters: dict[str, Any]
) -> dict[str, Execution]:
    executions = {}
    counts = {name: len(code_cells(nbformat.read(path, as_version=4))) for name, path in lessons.items()}
    done = 0
    # disable=None: no bar in a log, only the line of each lesson.
    layout = "{desc} |{bar}| {n_fmt}/{total_fmt} cells [{elapsed}]"
    with tqdm(total=sum(counts.values()), disable=None, bar_format=layout) as bar:
        for name, path in lessons.items():

            def show(number: int, count: int, name: str = name, done: int = done) -> None:
                bar.set_description_str(f"{name}, cell {number} of {count}", refresh=False)
                # An injected cell makes a lesson longer than it was when it was counted.
                bar.n = min(done + number - 1, bar.total)
                bar.refresh()

            executions[name] = execution = execute_notebook(
                path,
                workspace=workspace,
                environment=environment,
                parameters=parameters,
                expressions=RESULTS.get(name[:2]),
                on_cell=show,
            )
            done += counts[name]
            bar.n = done
            bar.write(f"{name:<24} {execution.seconds:6.1f} s {execution.peak_rss_mb:7,.0f} MB", file=sys.stdout)
            sys.stdout.flush()
    return executions


def _write(build: Path, executed: dict[str, NotebookNode], folder: Path, summary: dict[str, Any]) -> None:
    texts = {f"{name}.ipynb": to_text(normalise(notebook)) for name, notebook in executed.items()}
    pages = {f"{name}.html": html_page(notebook, name, folder) for name, notebook in executed.items()}
    # Everything is written before the first takes its place; the summary comes last, since it speaks of the others.
    with (
        atomic_path(build / "summary.json") as summary_path,
        atomic_folder(build / "html") as pages_folder,
        atomic_folder(build / "notebooks") as texts_folder,
    ):
        summary_path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        for target, files in ((texts_folder, texts), (pages_folder, pages)):
            for name, text in files.items():
                (target / name).write_text(text, encoding="utf-8")


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
