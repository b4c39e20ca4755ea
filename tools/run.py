"""``run``: execute all lessons in order, as a diligent student would, and keep the results."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from tqdm import tqdm

from course_utils.course import BUILD, LESSONS, NOTEBOOKS, lesson_file
from course_utils.data import chosen_file, load_dataset, save_pickle
from course_utils.environment import is_switched_on
from course_utils.workspace import atomic_path
from tools.clean_outputs import clean_outputs, read_notebook, to_text
from tools.comparison.outputs import code_cells
from tools.execution import Execution, execute_notebook
from tools.folders import replace_folder
from tools.site.build import write_site

#: What the summary takes from the lesson that trains. Later lessons use the recorded network if the training was short.
RESULTS = {
    "06": {
        "num_epochs": "int(num_epochs)",
        "test_accuracy": "float(history.history['val_accuracy'][-1])",
        "test_loss": "float(history.history['val_loss'][-1])",
    },
}


def run(
    num_epochs: int | None = None,
    *,
    lessons: Sequence[str] = tuple(LESSONS),
    notebooks: Path = NOTEBOOKS,
    build: Path = BUILD,
) -> int:
    """Execute the lessons, each in a kernel of its own, all in one fresh workspace, and write the results.

    `build` receives ``notebooks/`` (the executed copies), ``html/`` (the site of `tools.site`), ``summary.json`` and
    ``workspace/``. Results of an earlier run are replaced after the last lesson; a run that fails leaves them.
    """
    start = time.monotonic()
    paths = [notebooks / lesson_file(number) for number in lessons]
    sources = {path.stem: read_notebook(path) for path in paths}
    workspace = build / "workspace"
    if workspace.exists():
        shutil.rmtree(workspace)
    workspace.mkdir(parents=True)
    dataset = load_dataset()
    environment = {}
    if dataset.name != "MNIST":
        environment["COURSE_OFFLINE"] = "1"
        if not is_switched_on("COURSE_OFFLINE"):
            environment["COURSE_OFFLINE_REASON"] = "the download failed when this run began"
    elif not chosen_file():
        # So that no lesson has to search for MNIST again.
        save_pickle(dataset, workspace / "mnist.pickle")
    parameters = {"num_epochs": num_epochs} if num_epochs else {}
    executions = _execute(sources, notebooks.resolve(), workspace, environment, parameters)
    summary: dict[str, Any] = {
        "dataset": dataset.name,
        "train_images": len(dataset.train_images),
        "test_images": len(dataset.test_images),
        **{name: value for execution in executions.values() for name, value in execution.values.items()},
        "lessons": {
            name: {"seconds": round(execution.seconds, 1), "peak_rss_mb": round(execution.peak_rss_mb)}
            for name, execution in executions.items()
        },
    }
    # All are written before the first is moved into place; the summary, which describes the others, comes last.
    with (
        atomic_path(build / "summary.json") as summary_path,
        replace_folder(build / "notebooks") as copies,
    ):
        executed = {f"{name}.ipynb": clean_outputs(execution.notebook) for name, execution in executions.items()}
        for name, notebook in executed.items():
            (copies / name).write_text(to_text(notebook), encoding="utf-8")
        summary_path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        write_site(executed, dataset, build / "html", workspace=workspace, warnings_are_errors=False)
    print(f"Pages: {build.name}/html/index.html; summary: {build.name}/summary.json")
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    results = f"test accuracy {summary['test_accuracy']:.4f}, test loss {summary['test_loss']:.4f}"
    print(f"{dataset.name}: {results}, {minutes} min {seconds} s")
    return 0


def _execute(
    sources: dict[str, NotebookNode],
    folder: Path,
    workspace: Path,
    environment: dict[str, str],
    parameters: dict[str, Any],
) -> dict[str, Execution]:
    executions = {}
    total = sum(len(code_cells(source)) for source in sources.values())
    # With disable=None a log shows no bar, only the line of each lesson.
    with tqdm(total=total, disable=None, bar_format="{desc} |{bar}| {n_fmt}/{total_fmt} cells [{elapsed}]") as bar:
        for name, source in sources.items():

            def show(number: int, count: int, name: str = name) -> None:
                bar.set_description_str(f"{name}, cell {number} of {count}", refresh=False)
                bar.update()

            executions[name] = execution = execute_notebook(
                source,
                name,
                workspace=workspace,
                folder=folder,
                environment=environment,
                parameters=parameters,
                expressions=RESULTS.get(name[:2]),
                on_cell=show,
            )
            bar.write(f"{name:<24} {execution.seconds:6.1f} s {execution.peak_rss_mb:7,.0f} MB", file=sys.stdout)
            sys.stdout.flush()
    return executions
