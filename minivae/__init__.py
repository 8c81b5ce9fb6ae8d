"""minivae: understand variational autoencoders by building every part of one."""

from minivae import ops
from minivae.backend import use
from minivae.debug import debug
from minivae.engine import Tensor, no_grad
from minivae.gradcheck import gradcheck

__version__ = "0.1.0"

__all__ = ["Tensor", "__version__", "debug", "gradcheck", "no_grad", "ops", "use"]
