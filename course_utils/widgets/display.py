"""How a widget is put on the page: live in JupyterLab, a sentence wherever only text is shown."""

from __future__ import annotations

import ipywidgets
from IPython.display import display


def display_widget(widget: ipywidgets.DOMWidget, alt: str) -> None:
    """Display a widget, with a sentence in place of its Python representation where only text is shown.

    The sentence is all that a recorded notebook keeps of the widget, so it must be the same on every machine.
    """
    bundle = widget._repr_mimebundle_()
    # anywidget adds metadata, ipywidgets does not
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    display(data | {"text/plain": alt}, metadata=metadata, raw=True)
