"""Notebooks have one form under version control."""

from __future__ import annotations

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.clean_outputs import clean_outputs, memory_addresses, to_text


def test_nothing_stays_that_belongs_to_one_machine_or_one_run():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    kept = {
        "tags": ["parameters"],
        "tolerance": {"absolute": 0.1},
        "jupyter": {"source_hidden": True},
        "editable": False,
    }
    cell = new_code_cell(
        "x\r\ny\n\n",
        id="fit",
        execution_count=17,
        metadata={
            **kept,
            "jupyter": {"source_hidden": True, "outputs_hidden": True},
            "deletable": True,
            "collapsed": False,
            "slideshow": {"slide_type": "slide"},
            "execution": {"iopub.status.busy": "2020"},
        },
        outputs=[
            new_output("stream", name="stdout", text="a\n"),
            new_output("display_data", {**view, "text/plain": "bar"}),
            new_output("display_data", view),
            new_output("stream", name="stdout", text="50%\r99%\nxy\bz\n"),
            new_output("execute_result", {"image/png": "AA\nAA\n"}, execution_count=17),
        ],
    )
    never = new_code_cell("never", id="never")
    notebook = new_notebook(
        cells=[new_markdown_cell("text  \nmore\n", id="text", metadata={"tags": []}), never, cell],
        metadata={"kernelspec": {"name": "my-venv", "display_name": "Mine"}, "widgets": {}, "toc": {}},
    )
    before = to_text(notebook)
    clean = clean_outputs(notebook)
    assert to_text(notebook) == before
    assert clean.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    text, never, fit = clean.cells
    assert text == {"cell_type": "markdown", "id": "text", "metadata": {}, "source": "text  \nmore"}
    assert never.execution_count is None
    assert (fit.id, fit.source, fit.execution_count, fit.metadata) == ("fit", "x\ny", 1, kept)
    assert fit.outputs == [
        {"output_type": "stream", "name": "stdout", "text": "a\n99%\nxz\n"},
        {"output_type": "display_data", "data": {"text/plain": "bar"}, "metadata": {}},
        {"output_type": "execute_result", "data": {"image/png": "AAAA"}, "metadata": {}, "execution_count": 1},
    ]
    assert clean_outputs(clean) == clean
    assert nbformat.reads(to_text(clean), as_version=4) == clean


def test_memory_addresses_are_found_and_kept():
    cell = new_code_cell(outputs=[new_output("stream", name="stdout", text="<Line2D object at 0x7f3e> <b>\n")])
    assert memory_addresses(cell) == ["<Line2D object at 0x7f3e>"]
    assert "0x7f3e" in to_text(clean_outputs(new_notebook(cells=[cell])))
