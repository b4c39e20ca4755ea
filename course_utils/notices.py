"""Messages to the reader: a box in a notebook, plain text everywhere else."""

from __future__ import annotations

import re
import sys
from html import escape

# The word beside an icon says the same; only the border has a colour. The colours are those of JupyterLab's theme.
_ICONS = {"right": "✓", "wrong": "✗", "note": "○", "warning": "⚠"}
_COLOURS = {"right": "success-color1, #388e3c", "wrong": "error-color1, #d32f2f"}
_COLOURS |= {"note": "info-color1, #1976d2", "warning": "warn-color1, #f57c00"}
_STYLE = "padding: 0.4em 0.8em; margin: 0.2em 0; max-width: 52em; overflow-wrap: break-word; border-radius: 4px"


def show_notice(plain: str, heading: str, *paragraphs: str, kind: str = "note") -> None:
    """Show a box in a notebook, with text between backquotes as code; print `plain` outside a notebook."""
    lines = [f"<strong>{_ICONS[kind]} {_marked_up(heading)}</strong>", *map(_marked_up, filter(None, paragraphs))]
    body = "".join(f'<div style="margin: 0.2em 0">{line}</div>' for line in lines)
    border = f"border-left: 5px solid var(--jp-{_COLOURS[kind]}); background: rgba(128, 128, 128, 0.1)"
    show(plain, f'<div style="{border}; {_STYLE}">{body}</div>')


def show(plain: str, html: str) -> None:
    """Show HTML in a notebook, with `plain` as its text alternative; print `plain` outside a notebook."""
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        from IPython.display import display

        display({"text/plain": plain, "text/html": html}, raw=True)
    else:
        print(plain)


def _marked_up(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
