"""The film of a map that is learnt: its moments, its frames, and that the map grows."""

import numpy as np
import pytest
from PIL import Image

from minivae.data import load
from minivae.engine import Tensor, no_grad
from minivae.learn import growing_map


@pytest.mark.parametrize(("frames", "steps"), [(2, 10), (5, 100), (28, 3000)])
def test_moments_begin_at_none_end_at_all_and_lie_closer_at_first(frames, steps):
    found = growing_map.moments(frames, steps)
    assert (found[0], found[-1], len(found)) == (0, steps, frames)
    assert np.all(np.diff(found, 2) >= -1)  # -1 for rounding


def test_the_map_spreads_while_it_is_learnt():
    x, _ = load("mnist-small", "test")
    spreads = {}
    for step, vae in growing_map.training(frames=2, steps=60):
        with no_grad():
            spreads[step] = vae.encode(Tensor(x[:200]))[0].data.std()
    assert list(spreads) == [0, 60] and spreads[60] > 3 * spreads[0]


def test_the_command_writes_the_film(tmp_path):
    target = tmp_path / "map.gif"
    growing_map.main([str(target), "--frames", "3", "--steps", "8"])
    with Image.open(target) as image:
        assert (image.n_frames, image.size, image.info["loop"]) == (3, (480, 256), 0)
        image.seek(2)
        assert image.info["duration"] == growing_map.LAST
    assert target.stat().st_size < 200_000  # noise compresses badly; 24 frames of digits are smaller
