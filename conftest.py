"""Plugins of our own, for tests and lessons alike: strict notebooks, and no silent skips where all must run."""

pytest_plugins = ["tests.notebooks.plugin", "tests.noskip"]
