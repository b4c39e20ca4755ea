"""Set up pytest for `tests` and `notebooks`: the comparison of notebooks, and what runs in which order."""

import os
from pathlib import Path

import psutil
import pytest

pytest_plugins = ["tools.comparison.plugin", "tools.digits_plugin"]

BYTES_OF_A_WORKER = 3e9  # tests that train, and the kernel of a lesson
LONGEST_FILES = ("10_try_a_cnn.ipynb", "06_train.ipynb", "05_see_how_it_learns.ipynb", "11_your_turn.ipynb")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run in full what is otherwise tested only in part")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the browser tests unless they are named, as `make test-browser` does."""
    browser = (config.rootpath / "tests" / "browser").resolve()
    asked = [(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args]
    if collection_path.resolve() == browser and not any(path.is_relative_to(browser) for path in asked):
        return True
    return None


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Give `make test` all cores, as far as the memory allows."""
    return max(1, min(os.cpu_count() or 1, int(psutil.virtual_memory().total // BYTES_OF_A_WORKER)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start with the files that take longest, so that no core is idle in the end; without xdist, keep the order."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (item.path.name not in LONGEST_FILES, item.path.suffix != ".ipynb"))
