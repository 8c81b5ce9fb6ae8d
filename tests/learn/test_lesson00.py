"""Lesson 00: its solutions against the library's decoder, and that its notebook shows what the text says."""

import re
from pathlib import Path

import numpy as np

from minivae.learn.exercises.lesson00 import decode, walk
from minivae.learn.first_vae import draw, first_decoder
from minivae.models import VAE

NOTEBOOK = Path(__file__).resolve().parents[2] / "lessons" / "00_start_here.ipynb"


def test_the_three_lines_are_the_decoder_of_the_library():
    vae = VAE(hidden=128, latent=2, rng=np.random.default_rng(0))
    W1, b1, W2, b2 = first_decoder()
    names = ("layers.0.W", "layers.0.b", "layers.2.W", "layers.2.b")
    vae.decoder.load_state_dict(dict(zip(names, (W1, b1, W2, b2), strict=True)))
    z = np.random.default_rng(1).standard_normal((50, 2), dtype=np.float32)
    np.testing.assert_allclose(decode(z, W1, b1, W2, b2), vae.generate(z), atol=1e-6)  # float32, two sigmoids
    np.testing.assert_allclose(draw(z[0]).ravel(), vae.generate(z)[0], atol=1e-6)


def test_a_walk_has_even_steps_from_one_end_to_the_other():
    a, b = np.array([1.0, -2.0, 0.5]), np.array([4.0, 4.0, 0.5])
    codes = walk(a, b, 7)
    np.testing.assert_array_equal(codes[[0, -1]], [a, b])
    np.testing.assert_allclose(np.diff(codes, axis=0), np.tile((b - a) / 6, (6, 1)), rtol=1e-12)


def test_the_notebook_shows_what_its_text_says():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert "pictures and yours agree: True" in text
    code, pixels = (int(n) for n in re.findall(r"halfway through the \w+: +(\d+) %", text)[-2:])
    assert code > 5 * pixels
    healthy, patient = re.findall(r"average ([\d.]+), largest ([\d.]+), inked area (\d+) high and (\d+) wide", text)
    assert healthy[:2] == patient[:2] and healthy[2:] == patient[:1:-1]
