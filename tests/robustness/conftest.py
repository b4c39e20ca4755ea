"""What the robustness tests share, and the figures of a run with ``--long``."""

import os

import pytest
from hypothesis import settings

from tests.robustness.writers import CONTEXT, PRELOADED

_FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config):
    config.stash[_FIGURES] = []
    settings.register_profile("long", settings())
    if config.getoption("long"):
        settings.load_profile("long")
    if os.name == "posix":
        CONTEXT.set_forkserver_preload([*PRELOADED, *(["keras"] if config.getoption("long") else [])])


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[_FIGURES]:
        terminalreporter.section("robustness")
        for line in config.stash[_FIGURES]:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def is_long(request):
    return request.config.getoption("long")


@pytest.fixture(scope="session")
def figures(request):
    """Return the lines for the end of the run."""
    return request.config.stash[_FIGURES]
