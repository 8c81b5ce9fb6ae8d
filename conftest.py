"""Plugins of our own, for tests and lessons alike: strict notebooks, and no silent skips where all must run."""

import os

pytest_plugins = ["tests.notebooks.plugin", "tests.noskip"]

# Nothing that a test answers goes into the progress of whoever runs it; the processes that tests start inherit this.
os.environ["MINIVAE_PROGRESS"] = ":memory:"
