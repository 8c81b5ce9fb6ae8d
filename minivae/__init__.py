"""minivae: understand variational autoencoders by building every part of one."""

__version__ = "0.1.0"
