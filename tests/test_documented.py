"""Every public name says what a reader needs: what it is, shapes, units, errors, and the paper that it stands on.

Public is what the site's API pages show. Methods that a class defines under a public name are held to the same.
"""

import ast
import importlib
import importlib.util
import inspect
import re
import textwrap
from pathlib import Path

import pytest

from minivae.engine import Op

ROOT = Path(__file__).resolve().parents[1]
SHAPE = re.compile(r"\((?:\*?[\w.]+(?: [-+*/] [\w.]+)*,[^()]*|\.\.\.|[A-Z])\)|\bshape|element by element|single number")
RAISES = re.compile(r"\b[Rr]aises?\b|^Raises$", re.MULTILINE)
SOURCE = re.compile(r"\bSource\b|\b(?:19|20)\d\d\b")
NATS = re.compile(r"(?:^|[._])(?:kl|nll|elbo|log_prob|entropy|loss|gaussian_kl|bernoulli_nll|gaussian_nll)$")

# Names without words of their own, each group with the reason.
NO_WORDS = {
    "Tensor.shape Tensor.ndim Tensor.dtype": "what they are on a NumPy array",
    "Tensor.sum Tensor.mean Tensor.max Tensor.var Tensor.reshape Tensor.transpose": "the op of that name has them",
}
NO_SHAPES = {
    "Tensor.numpy Tensor.detach Parameter": "any shape, the same",
    "activation": "it returns an op",
    "binarization_by_name": "it returns a function",
}
NO_SOURCE = {
    "abs add avg_pool2d clip concat conv2d conv_transpose2d div exp expm1 getitem linear log log1p logsumexp matmul max"
    " max_pool2d maximum mean mul neg pad power relu reshape sigmoid softmax softplus sqrt stack sub sum take tanh"
    " transpose upsample var where": "arithmetic: the formula is its own source",
    "Bernoulli Categorical Distribution Normal StandardNormal kl": "a textbook's first chapter",
    "Embedding Linear Module Parameter Sequential FlatParameters activation": "a part that everyone builds so",
    "Optimizer adam Elbo": "a part of something that names its source",
    "Schedule MLPDenoiser": "a part of something that names its source",
    "cropped frame padded": "how images are framed",
}
NO_NATS = {
    "Autoencoder.loss": "nats or squared distance, as its likelihood is; the class says so",
    "Diffusion.loss DenoiserRun.loss LatentDiffusion.loss": "a mean square, which has no unit",
    "Run.loss": "the model's",
}


def names_of(table):
    return {name for names in table for name in names.split()}


def offered():
    """What the API pages show: (module, name, value), methods as "Class.method"."""
    spec = importlib.util.spec_from_file_location("minivae_site", ROOT / "docs" / "_ext" / "minivae_site.py")
    site = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(site)
    for where in site.API:
        module = importlib.import_module(f"minivae.{where}".rstrip("."))
        for name, value in site.public(module):
            if not callable(value):
                continue
            yield where, name, value
            if inspect.isclass(value):
                for member, what in vars(value).items():
                    function = isinstance(what, (property, classmethod, staticmethod)) or inspect.isfunction(what)
                    if (
                        function and not member.startswith("_") and member != "forward"
                    ):  # the class tells of its forward
                        yield where, f"{name}.{member}", what


OFFERED = list(offered())


def function_of(value):
    """The plain function behind an op, a property, a class method; else the value."""
    if isinstance(value, Op):
        return value.function
    if isinstance(value, property):
        return value.fget
    return inspect.unwrap(getattr(value, "__func__", value))


def works_on_arrays(value):
    """Whether it takes or gives arrays, going by its annotations; a dict of arrays has no shape."""
    if isinstance(value, Op):
        return True
    try:
        signature = str(inspect.signature(function_of(value)))
    except (TypeError, ValueError):
        return False
    return bool(re.search(r"Tensor|[nN][dD][aA]rray", re.sub(r"[dD]ict\[.*?\]", "", signature)))


def raises(value):
    """Whether there is a `raise` in it; of a class, where it is made or called. NotImplementedError is no error."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function_of(value)))).body[0]
    if isinstance(tree, ast.ClassDef):
        made = ("__init__", "__post_init__", "__call__")
        parts = [part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name in made]
    else:
        parts = [tree]
    found = [node for part in parts for node in ast.walk(part) if isinstance(node, ast.Raise) and node.exc]
    return any("NotImplemented" not in ast.unparse(node) and "Interrupt" not in ast.unparse(node) for node in found)


def lacks(where, name, value):
    """What a docstring does not say and should, in words."""
    if name in names_of(NO_WORDS):
        return []
    text = inspect.getdoc(value) or ""
    if (isinstance(value, type) and value.__doc__ is None) or len(text) < 15:
        return ["words"]
    missing = []
    if works_on_arrays(value) and not SHAPE.search(text) and name not in names_of(NO_SHAPES):
        missing.append("shapes")
    if NATS.search(name) and not re.search(r"\bnats\b", text) and name not in names_of(NO_NATS):
        missing.append("units")
    if raises(value) and not RAISES.search(text):
        missing.append("errors")
    theirs = where in ("ops", "nn", "models", "optim", "distributions") and "." not in name
    if theirs and not SOURCE.search(text) and name not in names_of(NO_SOURCE):
        missing.append("source")
    return missing


def test_there_is_much_that_is_public():
    assert len(OFFERED) > 200
    assert {where for where, _, _ in OFFERED} >= {"", "ops", "nn", "models", "optim", "distributions", "train"}


@pytest.mark.parametrize(("where", "name", "value"), OFFERED, ids=[f"{where}.{name}" for where, name, _ in OFFERED])
def test_a_public_name_says_what_a_reader_needs(where, name, value):
    assert lacks(where, name, value) == [], f"the docstring of minivae.{where}.{name} lacks these"


def test_the_exceptions_are_names_that_there_are():
    known = {name for _, name, _ in OFFERED}
    for table in (NO_WORDS, NO_SHAPES, NO_SOURCE, NO_NATS):
        assert names_of(table) - known == set()


class TestPlanted:
    """The rule sees what is left out."""

    def whole(mu: "np.ndarray") -> "np.ndarray":  # noqa: F821
        """KL to the prior: (B, L) -> (B,) nats. Raises ValueError if empty. Source: Kingma & Welling 2013."""
        if not mu.size:
            raise ValueError

    @pytest.mark.parametrize(
        ("words", "missing"),
        [
            ("", []),
            ("KL to the prior: (B, L) -> (B,)", ["shapes"]),
            ("nats", ["units"]),
            ("Raises ValueError if empty.", ["errors"]),
            ("Source: Kingma & Welling 2013.", ["source"]),
            ("KL to the prior: (B, L) -> (B,) nats. Raises ValueError if empty. Source: ", ["words"]),
        ],
    )
    def test_what_is_left_out_is_named(self, monkeypatch, words, missing):
        whole = vars(TestPlanted)["whole"]
        monkeypatch.setattr(whole, "__doc__", whole.__doc__.replace(words, "") if words else whole.__doc__)
        if missing == ["words"]:
            monkeypatch.setattr(whole, "__doc__", "KL")
        assert lacks("models", "prior_kl", whole) == missing

    def test_a_class_without_words_is_found_although_its_base_has_some(self):
        class Bare(dict):
            pass

        assert lacks("models", "Bare", Bare) == ["words"]
