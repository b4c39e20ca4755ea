"""Stands above `tests` and `notebooks`, so that it is there for both: the comparison of notebooks, and an option."""

import pytest

pytest_plugins = ["tests.nbval_contract"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the robustness tests in full (an hour), not in part")
