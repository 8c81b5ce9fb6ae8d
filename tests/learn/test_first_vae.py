"""The VAE that lesson 00 begins with: that its file is what the script writes, and that it draws digits."""

import numpy as np
import pytest

from minivae.data import load
from minivae.evaluate import evaluate
from minivae.learn.first_vae import PATH, first_decoder, first_vae, main, write


def decode(z, weights):
    W1, b1, W2, b2 = weights
    return 1 / (1 + np.exp(-(np.maximum(z @ W1 + b1, 0) @ W2 + b2)))


def test_the_file_is_small_and_holds_what_the_lesson_says():
    weights = first_decoder()
    assert [w.shape for w in weights] == [(2, 128), (128,), (128, 784), (784,)]
    assert {w.dtype for w in weights} == {np.dtype(np.float32)} and all(np.isfinite(w).all() for w in weights)
    assert PATH.stat().st_size < 400_000


def test_half_precision_changes_no_pixel_by_more_than_a_grey_level(tmp_path):
    vae = first_vae()
    vae.load_state_dict({name: w * np.float32(1.00037) for name, w in vae.state_dict().items()})  # digits to lose
    write(vae.state_dict(), tmp_path / "w.npz")
    z = np.random.default_rng(0).standard_normal((500, 2), dtype=np.float32)
    change = vae.generate(z) - first_vae(tmp_path / "w.npz").generate(z)
    assert 0 < np.abs(change).max() <= 1 / 255


def test_the_script_writes_such_a_file(tmp_path, capsys):
    main(["--epochs", "1", "--out", str(tmp_path / "w.npz")])
    with np.load(tmp_path / "w.npz", allow_pickle=False) as file:
        assert sorted(file) == sorted(first_vae().state_dict()) and file["decoder.layers.2.W"].dtype == np.float16
    assert "wrote w.npz" in capsys.readouterr().out


def test_it_is_as_good_as_the_training_said():
    """Test ELBO at the end of its training: -154.9 nats, one draw for each image; half precision costs a tenth."""
    x, _ = load("mnist-small", "test")
    assert evaluate(first_vae(), x, rng=np.random.default_rng(0))["elbo"] == pytest.approx(-154.9, abs=0.3)


@pytest.mark.parametrize("digit", range(10))
def test_every_digit_is_somewhere_on_the_map(digit):
    """Within the circle in which 99 % of codes from N(0, I) fall, some code decodes to nearly the average of a digit's
    nearest images: the cosine with the nearest test image of that digit is above 0.85."""
    x, y = load("mnist-small", "test")
    axis = np.linspace(-3, 3, 41, dtype=np.float32)
    z = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    made = decode(z[np.linalg.norm(z, axis=1) < 3.03], first_decoder())
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    mine = x[y == digit] / np.linalg.norm(x[y == digit], axis=1, keepdims=True)
    others = x[y != digit] / np.linalg.norm(x[y != digit], axis=1, keepdims=True)
    close, rival = (made @ mine.T).max(axis=1), (made @ others.T).max(axis=1)
    assert close[close > rival].max() > 0.85
