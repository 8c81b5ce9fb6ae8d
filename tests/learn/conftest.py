import pytest

from minivae.learn import progress


@pytest.fixture(autouse=True)
def store():
    """A learner who has tried nothing yet."""
    before = progress.current()
    progress.use(progress.MemoryProgress())
    yield progress.current()
    progress.use(before)
