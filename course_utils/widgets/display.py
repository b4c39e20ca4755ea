"""How a widget is displayed: live in JupyterLab, a sentence wherever only text is shown."""

from __future__ import annotations

from html import escape

import ipywidgets
from IPython.display import display

from course_utils.notices import show

# JupyterLab draws one type of each output, and for a widget whose kernel has ended an error: "model not found".
# So the sentence is an output of its own, right above the widget: it hides while the widget is there, and otherwise
# hides the error.
_SENTENCE = """<style>
.jp-OutputArea-child:has(.widget-sentence):has(+ * .course-widget),
.jp-OutputArea-child:has(.widget-sentence) + * > .jp-OutputArea-output:not([data-mime-type], :has(*)) { display: none; }
</style>
<div class="widget-sentence"><p>%s</p>
<p>To use it in JupyterLab, choose <em>Run</em> ▸ <em>Run All Cells</em>.</p></div>
"""


def display_widget(widget: ipywidgets.DOMWidget, alt: str) -> None:
    """Display a widget, or a sentence where it cannot be drawn: without JupyterLab, or when its kernel has ended.

    The sentence is all that a recorded notebook keeps of the widget, so it must be the same on every machine.
    """
    bundle = widget._repr_mimebundle_()
    # anywidget adds metadata, ipywidgets does not
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    show(alt, _SENTENCE % escape(alt, quote=False))
    display({kind: content for kind, content in data.items() if kind != "text/plain"}, metadata=metadata, raw=True)
