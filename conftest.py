"""Loads the comparison of notebooks; stands here, above `tests` and `notebooks`, so that it is there for both."""

pytest_plugins = ["tests.nbval_contract"]
