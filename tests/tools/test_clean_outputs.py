"""Notebooks have a single form under version control."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.clean_outputs import NOTEBOOK_METADATA, clean_outputs, to_text
from tools.comparison.outputs import WIDGET_VIEW


def test_nothing_of_one_machine_or_one_run_stays():
    others = {"slideshow": {"slide_type": "fragment"}, "nbgrader": {"grade": True}, "colab": {"height": 80}}
    kept = {**others, "tags": ["parameters"], "tolerance": {"absolute": 0.1}, "editable": False}
    private = {"collapsed": False, "deletable": True, "execution": {"iopub.status.busy": "2020"}}
    outputs = [
        new_output("stream", name="stdout", text="a\n"),
        new_output("display_data", {WIDGET_VIEW: {"model_id": "1"}, "text/plain": "<bar at 0x7f3e>"}),
        new_output("display_data", {WIDGET_VIEW: {"model_id": "2"}}),
        new_output("stream", name="stdout", text="50%\r99%\nxy\bz\n"),
        new_output("execute_result", {"image/png": "AA\nAA\n"}, execution_count=17),
    ]
    metadata = {**kept, **private, "jupyter": {"source_hidden": True, "outputs_hidden": True}}
    cells = [
        new_markdown_cell("text  \nmore\n", id="text", metadata={"tags": []}),
        new_code_cell("never", id="never"),
        new_code_cell("x\r\ny\n\n", id="fit", execution_count=17, metadata=metadata, outputs=outputs),
    ]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "mine", "display_name": "Mine"}, "toc": {}})
    before = to_text(notebook)
    clean = clean_outputs(notebook)
    assert to_text(notebook) == before
    assert clean.metadata == NOTEBOOK_METADATA
    text, never, fit = clean.cells
    assert text == {"cell_type": "markdown", "id": "text", "metadata": {}, "source": "text  \nmore"}
    assert never.execution_count is None
    assert (fit.id, fit.source, fit.execution_count) == ("fit", "x\ny", 1)
    assert fit.metadata == {**kept, "jupyter": {"source_hidden": True}}
    assert fit.outputs == [
        {"output_type": "stream", "name": "stdout", "text": "a\n99%\nxz\n"},
        {"output_type": "display_data", "data": {"text/plain": "<bar at 0x7f3e>"}, "metadata": {}},
        {"output_type": "execute_result", "data": {"image/png": "AAAA"}, "metadata": {}, "execution_count": 1},
    ]
    assert clean_outputs(clean) == clean == nbformat.reads(to_text(clean), as_version=4)
