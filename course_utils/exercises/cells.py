"""What the kernel remembers about the cells that were run: which one gave an answer, and whether it failed."""

from __future__ import annotations

import re
from typing import Any

from IPython import get_ipython

_failures: dict[int, str] = {}  # the name of the error, by the number of the cell


def _keep_failure(result: Any) -> None:
    error = result.error_before_exec or result.error_in_exec
    if error is not None and result.execution_count:
        _failures[result.execution_count] = type(error).__name__


if shell := get_ipython():
    shell.events.register("post_run_cell", _keep_failure)
    if shell.last_execution_result:  # the answer's cell was run just before the first check
        _keep_failure(shell.last_execution_result)


def origin(name: str) -> tuple[str, str]:
    """Return the source of the last cell that assigns a name, and the name of its error; both empty if unknown."""
    # By pattern, since a cell with a syntax error cannot be parsed.
    assigns = re.compile(rf"^[^#\n=(]*\b{name}\b[^#\n=(<>!]*=(?!=)|^\s*def {name}\b", re.MULTILINE)
    history = shell.user_ns.get("In", []) if shell else []
    for number in range(len(history) - 1, -1, -1):
        if assigns.search(history[number]):
            return history[number], _failures.get(number, "")
    return "", ""
