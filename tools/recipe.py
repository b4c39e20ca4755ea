"""Identify the recipe of recorded weights by a hash of the code that trained them, whatever its comments and layout."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Callable, Sequence


def recipe_fingerprint(functions: Sequence[Callable], *values: str) -> str:
    """Return the SHA-256 of the code of these functions and of further values, in hexadecimal."""
    code = [bare_code(inspect.getsource(function)) for function in functions]
    return hashlib.sha256("\n".join([*code, *values]).encode()).hexdigest()


def bare_code(source: str) -> str:
    """Return the syntax of a module, cell or function without its imports, comments, docstrings and layout.

    Unlike that of ``ast.dump`` or ``ast.unparse``, the text is the same in every version of Python.
    """
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body[0].value.value = ""  # type: ignore[attr-defined]
    return repr(_shape(tree))


def _shape(node: object) -> object:
    """Turn a syntax tree into nested lists, without empty fields, since newer versions of Python add some."""
    if isinstance(node, ast.AST):
        fields = [[name, _shape(value)] for name, value in ast.iter_fields(node) if value not in (None, [])]
        return [type(node).__name__, *fields]
    return [_shape(item) for item in node] if isinstance(node, list) else node
