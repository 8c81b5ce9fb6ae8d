"""What can go wrong, by kind. Every message says what, got, wanted and the fix.

Each class is also the built-in error a reader expects (`ValueError`, `TypeError` ...), so plain `except ValueError`
works too. The command line prints these without a traceback; anything else is a defect of ours and keeps its own.
"""


class MinivaeError(Exception):
    """Base of every error this package raises on purpose."""


class ShapeError(MinivaeError, ValueError):
    """Arrays whose shapes do not fit together."""


class DtypeError(MinivaeError, TypeError):
    """Integers where floats are wanted, or float32 mixed with float64."""


class GradientError(MinivaeError, RuntimeError):
    """A gradient that cannot be had, or a gradient check that failed."""


class BackendError(MinivaeError, RuntimeError):
    """A backend that is unknown, or cannot work on this machine."""


class DataError(MinivaeError, ValueError):
    """Images or data files that are missing, damaged or out of range."""


class CheckpointError(MinivaeError, ValueError):
    """A checkpoint that is missing, damaged, of another model, or could not be written."""


class ConfigError(MinivaeError, ValueError):
    """An argument outside what is allowed: an unknown name, a negative size."""


class WorkerError(MinivaeError, RuntimeError):
    """A process that shared the work of a run failed, or was killed."""
