"""A notebook in JupyterLab, as tests open, run and read it."""

import ast
import json
import re
import shutil
from contextlib import contextmanager

import nbformat
from jupyter_client import BlockingKernelClient
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from course_utils.course import NOTEBOOKS, lesson_file

NOT_DRAWN = re.compile("Loading widget|Error (displaying|creating) widget")
# JupyterLab runs cells through commands. Each returns a promise that settles when the last of its cells has ended.
FOLLOW_RUNS = """() => {
    window.runs = { started: 0, ended: 0 };
    const end = () => { runs.ended += 1; };
    jupyterapp.commands.commandExecuted.connect((_, { id, result }) => {
        if (id.startsWith("notebook:run")) { runs.started += 1; result.then(end, end); }
    });
}"""


def notebook_of(*sources):
    """Return a notebook of code cells, for a test that needs no whole lesson; ids are cell-1, cell-2 and so on."""
    cells = [new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources, start=1)]
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


class Lesson:
    """A notebook in JupyterLab: its `page`, the `notebook` that was opened, and the `path` of the copy to work on."""

    def __init__(self, lab, page, pictures):
        self.lab = lab
        self.page = page
        self._pictures = pictures

    def open(self, what):
        """Open a fresh copy of a lesson by its number (``"04"``), or any notebook, with a kernel that is ready."""
        self.page.goto("about:blank")  # a page that loses its kernel would complain
        self.lab.delete_kernels()
        shutil.rmtree(self.lab.workspace, ignore_errors=True)
        name = lesson_file(what) if isinstance(what, str) else "scratch.ipynb"
        self.notebook = nbformat.read(NOTEBOOKS / name, as_version=4) if isinstance(what, str) else what
        self.path = self.lab.folder / "notebooks" / name
        nbformat.write(self.notebook, self.path)
        # `reset` closes what the test before had open.
        self.page.goto(f"{self.lab.address}/lab/tree/notebooks/{name}?reset&token={self.lab.token}")
        self._wait_until_open()

    def open_again_without_kernel(self):
        """Load the page again after all kernels have ended, as on the next day."""
        self.lab.delete_kernels()
        self.page.reload()
        self._wait_until_open()

    def _wait_until_open(self):
        self.wait_until_idle()
        self.page.evaluate(FOLLOW_RUNS)

    def wait_until_idle(self):
        """Wait until the page shows a kernel that has nothing to do."""
        # The indicator above the notebook says "idle" even before there is a kernel.
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("(ipykernel) | Idle", timeout=120_000)

    def save(self):
        """Save with Ctrl + S (⌘ + S on a Mac), and return what is in the file then."""
        self.page.locator(".jp-Notebook").press("ControlOrMeta+s")
        expect(self.page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current.jp-mod-dirty")).to_have_count(0)
        return nbformat.read(self.path, as_version=4)

    # --- running cells ---

    def start_all(self):
        """Choose "Run All Cells" from the menu, and return when it has begun."""
        with self._wait_for_start():
            for name in ("Run", "Run All Cells"):
                self.page.get_by_role("menuitem", name=name, exact=True).click()

    @contextmanager
    def _wait_for_start(self):
        started = self.page.evaluate("runs.started")
        yield
        self.page.wait_for_function("(before) => runs.started > before", arg=started)

    def write(self, cell, source):
        """Type a line in place of what is in a cell."""
        editor = self.cell(cell).get_by_role("textbox").first
        editor.press("ControlOrMeta+a")
        editor.press_sequentially(source)
        self.page.keyboard.press("Escape")  # from what may have been suggested for the last word

    def wait_until_run(self, timeout=300):
        """Wait until every cell that was started has come to its end, or one has failed."""
        self.page.wait_for_function("runs.started === runs.ended", timeout=timeout * 1000)

    def run_all(self):
        """Run all cells to their end; fail if the lesson is not clean then (see `check`)."""
        self.start_all()
        self.wait_until_run(900)
        self.check()

    def start_cell(self, cell):
        """Run one cell with Shift + Enter from its editor, and return when it has begun."""
        with self._wait_for_start():
            self.cell(cell).get_by_role("textbox").first.press("Shift+Enter")

    def run_cell(self, cell):
        """Run one cell to its end, whatever that is."""
        self.start_cell(cell)
        self.wait_until_run()

    # --- reading what is shown ---

    def cell(self, cell):
        """Return where a cell is in the page, by its id or its position among all cells."""
        ids = [one.id for one in self.notebook.cells]
        return self.page.locator(".jp-Notebook .jp-Cell").nth(ids.index(cell) if isinstance(cell, str) else cell)

    def outputs(self, cell):
        """Return where the outputs of a cell are that can be seen."""
        return self.cell(cell).locator(".jp-OutputArea-output:visible")

    @property
    def widgets(self):
        """Where widgets are, drawn or not: of all outputs only they are not marked with their type."""
        return self.page.locator(".jp-Notebook .jp-OutputArea-output:not([data-mime-type])")

    def check(self, timeout=60):
        """Fail if a cell has an error or wrote to stderr, or if a widget is not drawn."""
        # What a cell wrote to stderr and what it failed with are marked in the same way.
        stderr = self.page.locator('.jp-Notebook [data-mime-type="application/vnd.jupyter.stderr"]')
        errors = stderr.all_inner_texts()
        assert not errors, "\n".join([f"{self.path.name} shows an error, or text on stderr:", *errors])
        for widget in self.widgets.all():
            expect(widget).not_to_contain_text(NOT_DRAWN, timeout=timeout * 1000)
            expect(widget.locator("> *").first).to_be_visible(timeout=timeout * 1000)

    def keep_picture(self, name, what=None):
        """Write a picture of the page, or of a part of it, to ``build/browser/NAME.png``."""
        (what or self.page).screenshot(path=self._pictures / f"{name}.png", animations="disabled")

    # --- reading what the kernel holds ---

    def evaluate(self, expression):
        """Return the value of an expression in the kernel, as JSON has it; arrays become lists."""
        as_json = f"__import__('json').dumps({expression}, default=lambda value: value.tolist())"
        reply = self._ask_kernel("", value=as_json)["user_expressions"]["value"]
        assert reply["status"] == "ok", f"{expression}: {reply.get('ename')}: {reply.get('evalue')}"
        return json.loads(ast.literal_eval(reply["data"]["text/plain"]))

    def execute(self, code):
        """Run code in the kernel without showing it, after the cells that are running."""
        reply = self._ask_kernel(code)
        assert reply["status"] == "ok", f"{code}: {reply.get('ename')}: {reply.get('evalue')}"

    def _ask_kernel(self, code, **expressions):
        """Execute silently, beside the page: JupyterLab's kernels are reached as from any other program."""
        sessions = self.lab.ask("api/sessions")
        (kernel,) = (one["kernel"]["id"] for one in sessions if one["path"].endswith(self.path.name))
        client = BlockingKernelClient(connection_file=str(self.lab.runtime / f"kernel-{kernel}.json"))
        client.load_connection_file()
        client.start_channels(iopub=False, stdin=False, hb=False, control=False)
        try:
            message = client.execute(code, silent=True, user_expressions=expressions)
            while (reply := client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != message:
                pass
            return reply["content"]
        finally:
            client.stop_channels()
