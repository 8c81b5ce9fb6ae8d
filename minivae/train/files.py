"""What stands in the checkpoint of a run, and how a model is made of it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minivae import checkpoint
from minivae.errors import CheckpointError, ConfigError, MinivaeError
from minivae.models import MODELS

CHECKPOINT = "checkpoint.safetensors"
METRICS = "metrics.csv"


def model_name(model: Any) -> str:
    """By which name a checkpoint remembers a model's class; raises ConfigError if it has none."""
    for name, kind in MODELS.items():
        if type(model) is kind:
            return name
    raise ConfigError(
        f"Run: a checkpoint can hold {', '.join(MODELS)}, not a {type(model).__name__}; "
        "enter its class in minivae.models.MODELS, or train without a folder"
    )


@contextmanager
def read(folder: str | Path) -> Iterator[tuple[dict[str, np.ndarray], dict[str, Any]]]:
    """Inside, the tensors and the rest of the checkpoint in `folder`; what cannot be made of them is a CheckpointError.

    Raises CheckpointError if there is none, or it is damaged.
    """
    path = Path(folder) / CHECKPOINT
    tensors, meta = checkpoint.load(path)
    try:
        yield tensors, meta
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        words = str(error) if isinstance(error, MinivaeError) else repr(error)
        raise CheckpointError(f"{path}: not a run of this version ({words}); train anew") from error


def build(tensors: dict[str, np.ndarray], meta: dict[str, Any]) -> Any:
    """The model with its weights; raises ConfigError for one that there is no class for."""
    if meta["model"] not in MODELS:
        raise ConfigError(f"it holds a model {meta['model']!r}, and there are {', '.join(MODELS)}")
    model = MODELS[meta["model"]].of_config(meta["config"])
    model.load_state_dict({key[6:]: value for key, value in tensors.items() if key.startswith("model.")})
    return model
