"""Code is formatted, checked and typed, and all text is spelt in British English."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from course_utils.course import BUILD, ROOT

MYPY = ["mypy", "--ignore-missing-imports", "--cache-dir", BUILD / "mypy_cache", "course_utils", "tools"]


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"], MYPY], ids=lambda each: each[-1])
def test_style(command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


READ = (".py", ".js", ".css", ".html", ".ipynb", ".md", ".toml", ".yml", ".cff", ".txt", "Makefile", "LICENSE")
LISTED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
NAMES = [name for name in LISTED if name.endswith(READ) and (ROOT / name).exists()]
# Words that read like a translation, and American spelling.
UNWANTED = re.compile(
    r"\b(rooms?|told|bites?|mend(ed|s)?|be had|anew|[Ii]s none|whoever|aslant|rims?|misread\w*|"
    r"behaviors?|neighbor\w*|favor\w*|labeled|labeling|canceled|modeling|"
    r"(normal|recogn|organ|summar|visual|general|regular)iz(e[ds]|ing|ation))\b".replace(" ", r"\s+")
)


@cache
def texts() -> dict[str, str]:
    """Return the text of each file without the pictures in notebooks; line numbers stay the same."""
    contents = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES}
    return {name: re.sub('"image/png": .*', "", text) for name, text in contents.items()}


def unwanted_words(text: str) -> list[tuple[int, str]]:
    return [(text.count("\n", 0, found.start()) + 1, found[0]) for found in UNWANTED.finditer(text)]


def test_spelling(tmp_path):
    for name, text in texts().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "codespell_lib", "--toml", ROOT / "pyproject.toml", *NAMES]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_unwanted_words():
    others = {name: text for name, text in texts().items() if ROOT / name != Path(__file__)}
    found = [f"{name}:{line}: {word}" for name, text in others.items() for line, word in unwanted_words(text)]
    assert not found, "Write these in plain, British English:\n" + "\n".join(found)
