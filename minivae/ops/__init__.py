"""All ops by name, and the operators and methods of `Tensor` that call them."""

from minivae.engine import OPS, Tensor
from minivae.ops.activation import *
from minivae.ops.arith import *
from minivae.ops.bernoulli import *
from minivae.ops.conv import *
from minivae.ops.gaussian import *
from minivae.ops.linalg import *
from minivae.ops.norm import *
from minivae.ops.reduce import *
from minivae.ops.shape import *

__all__ = sorted(OPS)

METHODS = {
    "__add__": add,
    "__radd__": add,
    "__sub__": sub,
    "__rsub__": lambda a, b: sub(b, a),
    "__mul__": mul,
    "__rmul__": mul,
    "__truediv__": div,
    "__rtruediv__": lambda a, b: div(b, a),
    "__matmul__": matmul,
    "__rmatmul__": lambda a, b: matmul(b, a),
    "__pow__": lambda a, exponent: power(a, exponent=exponent),
    "__neg__": neg,
    "__getitem__": lambda a, index: getitem(a, index=index),
    "exp": exp,
    "log": log,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "relu": relu,
    "softplus": softplus,
    "sqrt": sqrt,
    "abs": abs,
    "sum": lambda a, axis=None, keepdims=False: sum(a, axis=axis, keepdims=keepdims),
    "max": lambda a, axis=None, keepdims=False: max(a, axis=axis, keepdims=keepdims),
    "var": lambda a, axis=None, keepdims=False: var(a, axis=axis, keepdims=keepdims),
    "mean": lambda a, axis=None, keepdims=False: mean(a, axis=axis, keepdims=keepdims),
    "reshape": lambda a, *shape: reshape(a, shape=shape),
    "transpose": lambda a, *axes: transpose(a, axes=axes or None),
}

for _name, _method in METHODS.items():
    setattr(Tensor, _name, _method)
