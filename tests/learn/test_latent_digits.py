"""The latent diffusion that comes with lesson 08: that its file is what the script writes, and that it draws digits."""

import numpy as np
import pytest

from minivae.data import load
from minivae.learn.latent_digits import PATH, T, latent_digits, main, write
from minivae.models import cropped, padded


@pytest.fixture(scope="module")
def model():
    return latent_digits()


def test_the_file_is_small_and_holds_a_whole_model(model, tmp_path):
    assert PATH.stat().st_size <= 2_000_000
    with np.load(PATH, allow_pickle=False) as file:
        assert sorted(file) == sorted(model.state_dict())
    write(model.state_dict(), tmp_path / "again.npz")
    again, state = latent_digits(tmp_path / "again.npz").state_dict(), model.state_dict()
    assert all(np.array_equal(again[name], state[name]) for name in state)


def test_its_latents_have_unit_variance_by_its_own_scale(model):
    x, _ = load("mnist-small", "test")
    assert model.latents(padded(x[:500], 32)).std() == pytest.approx(1, abs=0.03)  # of test digits; sampling
    assert model.diffusion.schedule.T == T and model.diffusion.schedule.config["name"] == "cosine"


def test_it_rebuilds_digits_and_draws_what_is_asked_for(model):
    x, y = load("mnist-small", "test")
    rebuilt = cropped(model.vae.reconstruct(padded(x[:200], 32)), 28)
    assert ((rebuilt - x[:200]) ** 2).mean() < 0.01  # measured 0.004; the average digit costs 0.067
    labels = np.arange(20) % 10
    made = cropped(model.sample(20, np.random.default_rng(0), labels=labels, guidance=1, steps=10), 28)
    means = np.stack([x[y == digit].mean(axis=0) for digit in range(10)])
    nearest = ((made[:, None] - means) ** 2).sum(axis=-1).argmin(axis=1)
    assert (nearest == labels).mean() >= 0.8  # chance is 0.1; of real digits some 0.8 are nearest to their own mean


def test_the_script_trains_both_stages_and_writes_them(tmp_path, monkeypatch, capsys):
    import minivae.data

    x, y = load("mnist-small", "train")
    monkeypatch.setattr(minivae.data, "load", lambda *_: (x[:128], y[:128]))
    out = tmp_path / "small.npz"
    main(["--vae-epochs", "1", "--steps", "2", "--out", str(out)])
    assert f"wrote small.npz: {out.stat().st_size:,} bytes" in capsys.readouterr().out
    assert latent_digits(out).scale > 0
