"""Settings in environment variables: switches, and paths as people type or paste them."""

from __future__ import annotations

import os
import re
from pathlib import Path


def is_switched_on(name: str) -> bool:
    """Return whether an environment variable is set to anything that does not mean no."""
    return os.environ.get(name, "").strip().lower() not in ("", "0", "false", "no", "off")


def path_setting(name: str) -> Path | None:
    """Return the path that an environment variable names, in quotes or not, or None if it names none."""
    text = os.environ.get(name, "").strip("\"' \t\n")
    return as_path(text) if text else None


def as_path(text: str | os.PathLike[str]) -> Path:
    """Turn text into a path: expand ``~``, and read a ``file:`` address; drop the password from any other address."""
    text = re.sub(r"^(?!file:)(\w{2,}://).*@", r"\1", os.fspath(text))
    if text.startswith("file:"):
        from urllib.parse import urlsplit  # here, since it is rare
        from urllib.request import url2pathname

        text = url2pathname(urlsplit(text).path)
    return Path(os.path.expanduser(text))  # noqa: PTH111  # the method raises an error where there is no such home
