"""Stands above `tests` and `notebooks`, so that it is there for both: the comparison of notebooks, and what is run."""

import os
from pathlib import Path

import psutil
import pytest

pytest_plugins = ["tools.comparison.plugin", "tools.digits_plugin"]

BYTES_OF_A_WORKER = 3e9  # tests that train, and the kernel of a lesson
LONGEST_FILES = ("10_try_a_cnn.ipynb", "06_train.ipynb", "05_see_how_it_learns.ipynb", "11_your_turn.ipynb")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run in full what is tried only in part otherwise")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests that take a browser, unless they are asked for by name, as `make test-browser` does."""
    browser = (config.rootpath / "tests" / "browser").resolve()
    asked = [(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args]
    if collection_path.resolve() == browser and not any(path.is_relative_to(browser) for path in asked):
        return True
    return None


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Give `make test` all cores, as far as their work fits into memory."""
    return max(1, min(os.cpu_count() or 1, int(psutil.virtual_memory().total // BYTES_OF_A_WORKER)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start with the files that take longest, so that no core is idle in the end; alone, keep the order asked for."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (item.path.name not in LONGEST_FILES, item.path.suffix != ".ipynb"))
