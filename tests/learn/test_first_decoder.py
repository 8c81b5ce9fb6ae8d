"""The decoder that lesson 00 begins with: that its file is what the script writes, and that it draws digits."""

import numpy as np
import pytest

from minivae.data import load
from minivae.learn import first_decoder
from minivae.learn.first_decoder import NAMES, PATH, main, write


def decode(z, weights):
    W1, b1, W2, b2 = weights
    return 1 / (1 + np.exp(-(np.maximum(z @ W1 + b1, 0) @ W2 + b2)))


def test_the_file_is_small_and_holds_what_the_lesson_says():
    weights = first_decoder.first_decoder()
    assert [w.shape for w in weights] == [(2, 128), (128,), (128, 784), (784,)]
    assert {w.dtype for w in weights} == {np.dtype(np.float32)} and all(np.isfinite(w).all() for w in weights)
    assert PATH.stat().st_size < 250_000


def test_half_precision_changes_no_pixel_by_more_than_a_grey_level(tmp_path):
    weights = [w * np.float32(1.00037) for w in first_decoder.first_decoder()]  # of which half precision loses digits
    write(tuple(weights), tmp_path / "w.npz")
    z = np.random.default_rng(0).standard_normal((500, 2), dtype=np.float32)
    change = decode(z, weights) - decode(z, first_decoder.first_decoder(tmp_path / "w.npz"))
    assert 0 < np.abs(change).max() <= 1 / 255


def test_the_script_writes_such_a_file(tmp_path, capsys):
    main(["--epochs", "1", "--out", str(tmp_path / "w.npz")])
    with np.load(tmp_path / "w.npz", allow_pickle=False) as file:
        assert sorted(file) == sorted(NAMES) and file["W2"].dtype == np.float16
    assert "wrote w.npz" in capsys.readouterr().out


@pytest.mark.parametrize("digit", range(10))
def test_every_digit_is_somewhere_on_the_map(digit):
    """Within the circle in which 99 % of codes from N(0, I) fall, some code decodes to nearly the average of a digit's
    nearest images: the cosine with the nearest test image of that digit is above 0.85."""
    x, y = load("mnist-small", "test")
    axis = np.linspace(-3, 3, 41, dtype=np.float32)
    z = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    made = decode(z[np.linalg.norm(z, axis=1) < 3.03], first_decoder.first_decoder())
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    mine = x[y == digit] / np.linalg.norm(x[y == digit], axis=1, keepdims=True)
    others = x[y != digit] / np.linalg.norm(x[y != digit], axis=1, keepdims=True)
    close, rival = (made @ mine.T).max(axis=1), (made @ others.T).max(axis=1)
    assert close[close > rival].max() > 0.85
