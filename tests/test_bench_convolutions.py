"""The convolutions that are timed are those of the models, both sides compute the same, and the table says how long."""

import numpy as np
import pytest

from minivae.bench import convolutions
from minivae.bench.convolutions import Shape, measure, report, shapes, turns
from minivae.models import ConvVAE, UNet
from minivae.nn import Conv2d
from tests.oracle import oracle


def weights(module):
    """Shapes of all weights of convolutions in a model."""
    found = {module.W.shape} if isinstance(module, Conv2d) else set()
    return found.union(*(weights(part) for _, part in module.parts() if hasattr(part, "parts")))


def test_each_convolution_of_the_models_is_there():
    rng = np.random.default_rng(0)
    seen = {(s.k, s.k, s.n_in, s.n_out) for s in shapes()}
    assert seen == weights(ConvVAE(rng=rng)) | weights(UNet(rng=rng))
    assert Shape(1, 16, 32, 3, 2) in shapes() and Shape(16, 16, 16, 3, 1) in shapes()
    assert str(Shape(1, 16, 32, 3, 2)) == "1 to 16, 3 x 3, stride 2, at 32 x 32"


@pytest.mark.parametrize("shape", [Shape(4, 4, 8, 3, 1), Shape(3, 5, 6, 3, 2), Shape(6, 2, 4, 1, 1)])
def test_both_compute_the_same(shape, monkeypatch):
    oracle()
    monkeypatch.setattr(convolutions, "BATCH", 3)
    ours, others = turns(shape, np.random.default_rng(0))
    for _ in range(2):  # gradients are those of one pass, however often it was done
        for mine, theirs in zip(ours(), others(), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)  # float32, sums of 9 x 64 and more


def test_the_table_says_how_long(monkeypatch):
    oracle()
    monkeypatch.setattr(convolutions, "BATCH", 2)
    monkeypatch.setattr(convolutions, "shapes", lambda: [Shape(4, 4, 8, 3, 1), Shape(1, 2, 8, 3, 2)])
    found = measure(rounds=2)
    assert [len(times) for times in found.values()] == [2, 2]
    text = report({Shape(1, 2, 8, 3, 2): [(0.001, 0.002)], Shape(4, 4, 8, 3, 1): [(0.003, 0.002)]})
    assert text.index("| 4 to 4, 3 x 3, stride 1, at 8 x 8 | 3.00 | 2.00 | 1.50 |") < text.index(
        "| 1.00 | 2.00 | 0.50 |"
    )
    assert text.endswith("All of them, each once: 1.00\n")
