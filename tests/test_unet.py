"""The denoisers beside PyTorch, beside difference quotients, and what they can and cannot see."""

import numpy as np
import pytest

from minivae import Tensor
from minivae.errors import ConfigError, DataError, DtypeError, ShapeError
from minivae.models import MLPDenoiser, UNet
from minivae.models.unet import sines
from tests.oracle import oracle
from tests.test_conv_vae import gradients_by_differences
from tests.torch_twin import Twin, randomized, there

SEED = np.random.default_rng
DENOISERS = {
    "latents": lambda **s: UNet((2, 4, 4), (4, 8), **{"emb": 6, "classes": 3} | s, rng=SEED(0)),
    "pixels": lambda **s: UNet((1, 8, 12), (2, 4, 6), **{"emb": 6, "classes": 3, "blocks": 2} | s, rng=SEED(0)),
    "one width": lambda **s: UNet((2, 3, 3), (4,), **{"emb": 6, "classes": 3, "attention": False} | s, rng=SEED(0)),
    "vectors": lambda **s: MLPDenoiser(5, 8, 2, **{"emb": 6, "classes": 3} | s, rng=SEED(0)),
}
EACH = pytest.mark.parametrize("name", DENOISERS)


def example(model, B=3, seed=1, dtype=np.float32):
    """x_t, steps far apart and labels of which one is "none"."""
    rng = SEED(seed)
    return rng.standard_normal((B, *model.shape)).astype(dtype), np.array([0, 37, 999])[:B], np.array([2, 0, 3])[:B]


class TestBesidePyTorch:
    @EACH
    @pytest.mark.parametrize("labelled", [True, False])
    def test_the_answer_and_every_gradient_agree(self, name, labelled):
        torch = oracle()
        model = randomized(DENOISERS[name](classes=3 if labelled else 0).astype("float64"), SEED(2))
        twin = Twin(torch, model)
        x, t, y = example(model, dtype=np.float64)
        y = y if labelled else None
        X, x_there = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        answer, answer_there = model(X, t, y), twin(model, x_there, t, y)
        g = SEED(3).normal(size=answer.shape)
        answer.backward(g)
        answer_there.backward(torch.tensor(g))
        close = dict(rtol=1e-8, atol=1e-9)  # float64, sums of up to 144 terms, some twenty layers deep
        np.testing.assert_allclose(answer.data, answer_there.detach().numpy(), **close)
        np.testing.assert_allclose(X.grad, x_there.grad.numpy(), **close)
        for (parameter, p), w in zip(model.named_parameters(), twin.weights, strict=True):
            np.testing.assert_allclose(there(p.grad), w.grad.numpy(), **close, err_msg=parameter)

    def test_the_twin_is_no_mirror(self):
        """A weight changed on our side alone: the answers part, whichever it is."""
        torch = oracle()
        model = randomized(DENOISERS["one width"]().astype("float64"), SEED(2))
        x, t, y = example(model, dtype=np.float64)
        with torch.no_grad():
            there = Twin(torch, model)(model, torch.tensor(x), t, y).numpy()
        np.testing.assert_allclose(model(Tensor(x), t, y).data, there, rtol=1e-8, atol=1e-9)
        for name, p in model.named_parameters():
            kept = p.data.copy()
            p.data[...] = kept * 1.001 + 1e-3
            assert np.abs(model(Tensor(x), t, y).data - there).max() > 1e-7, name
            p.data[...] = kept


class TestGradients:
    @EACH
    def test_they_are_the_difference_quotients(self, name):
        model = randomized(DENOISERS[name]().astype("float64"), SEED(4))
        x, t, y = example(model, dtype=np.float64)
        w = SEED(5).uniform(0.5, 1.5, size=x.shape)
        pairs = list(gradients_by_differences(model, lambda: (model(Tensor(x), t, y) * w).sum(), SEED(6), each=2))
        assert len(pairs) > 25
        for parameter, gradient, quotient in pairs:
            # float64 differences with h = 1e-6 of a sum near 1e2: good to about 1e-8
            assert gradient == pytest.approx(quotient, rel=1e-5, abs=2e-7), parameter
        assert sum(abs(q) > 1e-3 for *_, q in pairs) > 15  # so a factor of 1.001 would be seen in many


class TestAnswers:
    @EACH
    def test_they_have_the_shape_of_the_question_and_start_at_0(self, name):
        model = DENOISERS[name]()
        x, t, y = example(model)
        answer = model(Tensor(x), t, y)
        assert answer.dtype == np.float32
        assert np.array_equal(answer.data, np.zeros_like(x))

    @EACH
    def test_step_label_and_image_all_matter(self, name):
        model = randomized(DENOISERS[name](), SEED(7))
        x, t, y = example(model)
        answer = model(Tensor(x), t, y).data
        for other in [(x + 1, t, y), (x, t[[1, 0, 2]], y), (x, t, y[[1, 0, 2]])]:
            assert np.abs(model(Tensor(other[0]), *other[1:]).data - answer)[0].max() > 1e-3

    @EACH
    def test_each_image_gets_its_own_answer(self, name):
        model = randomized(DENOISERS[name](), SEED(7))
        x, t, y = example(model)
        together = model(Tensor(x), t, y).data
        for i in range(3):
            alone = model(Tensor(x[i : i + 1]), t[i : i + 1], y[i : i + 1]).data
            np.testing.assert_allclose(together[i : i + 1], alone, rtol=1e-4, atol=1e-5)  # float32, other BLAS sums

    @EACH
    def test_no_labels_are_the_label_none(self, name):
        model = randomized(DENOISERS[name](), SEED(7))
        x, t, _ = example(model)
        assert np.array_equal(model(Tensor(x), t).data, model(Tensor(x), t, np.full(3, 3)).data)

    @EACH
    def test_it_is_made_again_from_its_config(self, name):
        model = DENOISERS[name]()
        again = type(model)(**model.config, rng=SEED(0))
        assert again.config == model.config
        assert again.shape == model.shape
        mine, theirs = model.state_dict(), again.state_dict()
        assert mine.keys() == theirs.keys()
        assert all(np.array_equal(mine[key], theirs[key]) for key in mine)

    def test_the_default_one_has_about_0_6_million_parameters(self):
        total = sum(p.data.size for p in UNet(rng=SEED(0)).parameters())
        assert 0.5e6 < total < 0.7e6


class TestSines:
    def test_they_are_those_of_the_formula(self):
        t = np.array([0, 1, 500])
        got = sines(t, 6)
        for k in range(3):
            np.testing.assert_allclose(got[:, k], np.sin(t * 10_000 ** (-k / 3)), atol=1e-12)
            np.testing.assert_allclose(got[:, 3 + k], np.cos(t * 10_000 ** (-k / 3)), atol=1e-12)

    def test_all_of_1000_steps_are_told_apart_and_neighbours_are_near(self):
        code = sines(np.arange(1000), 64)
        apart = ((code[:, None] - code[None]) ** 2).sum(-1) + 10 * np.eye(1000)
        assert apart.min() > 0.1
        assert np.diag(apart, 1).max() < np.diag(apart, 100).min()


class TestWrongInput:
    @pytest.mark.parametrize("shape", [(3, 2, 4, 5), (3, 1, 4, 4), (2, 4, 4), (3, 32)])
    def test_an_image_of_another_shape(self, shape):
        with pytest.raises(ShapeError, match=r"UNet: x is .*; wanted \(B, 2, 4, 4\)"):
            DENOISERS["latents"]()(Tensor(np.zeros(shape, np.float32)), np.zeros(shape[0], int))

    def test_a_vector_of_another_length(self):
        with pytest.raises(ShapeError, match=r"MLPDenoiser: x is \(3, 4\); wanted \(B, 5\)"):
            DENOISERS["vectors"]()(Tensor(np.zeros((3, 4), np.float32)), np.zeros(3, int))

    @EACH
    @pytest.mark.parametrize(
        ("t", "y", "kind", "words"),
        [
            (np.zeros(2, int), None, ShapeError, r"t is \(2,\) for 3 images; wanted one step for each: \(3,\)"),
            (5, None, ShapeError, r"t is \(\) for 3 images"),
            (np.zeros(3, int), np.zeros(2, int), ShapeError, r"labels are \(2,\) for 3 images; wanted \(3,\)"),
            (np.zeros(3, int), np.array([0, 1, 4]), DataError, "the index spans 0 to 4; wanted 0 to 3"),
            (np.zeros(3, int), np.zeros(3), DtypeError, "got float64; wanted integers"),
        ],
        ids=["too few steps", "one step", "too few labels", "label", "floats"],
    )
    def test_steps_and_labels_that_do_not_fit(self, name, t, y, kind, words):
        model = DENOISERS[name]()
        with pytest.raises(kind, match=words):
            model(Tensor(example(model)[0]), t, y)

    @EACH
    def test_labels_where_none_are_known(self, name):
        model = DENOISERS[name](classes=0)
        x, t, y = example(model)
        with pytest.raises(ConfigError, match="got labels, but it knows none; make it with classes=10"):
            model(Tensor(x), t, y)

    @pytest.mark.parametrize(
        ("setting", "words"),
        [
            (dict(shape=(4, 8)), r"shape=\(4, 8\).*wanted \(C, H, W\)"),
            (dict(widths=()), r"widths=\(\)"),
            (dict(blocks=0), "blocks=0"),
            (dict(shape=(4, 7, 8)), "7 x 8 cannot be halved 1 times; take fewer widths, or pad"),
            (dict(shape=(1, 28, 28), widths=(4, 4, 4, 4)), "28 x 28 cannot be halved 3 times"),
            (dict(emb=7), "emb=7.*wanted an even length"),
            (dict(classes=-1), "classes=-1"),
        ],
    )
    def test_a_setting_of_the_unet(self, setting, words):
        with pytest.raises(ConfigError, match=words):
            UNet(**setting, rng=SEED(0))

    @pytest.mark.parametrize(
        ("setting", "words"),
        [(dict(layers=0), "layers is 0"), (dict(dim=0), "n_in=0"), (dict(emb=0), "emb=0")],
    )
    def test_a_setting_of_the_mlp(self, setting, words):
        with pytest.raises(ConfigError, match=words):
            MLPDenoiser(**setting, rng=SEED(0))
