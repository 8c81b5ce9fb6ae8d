"""Step sizes over time: plain functions of the step, set before each step of the optimiser.

    for step in range(total):
        adam.lr = warmup_cosine(step, total, lr=1e-3, warm=500)
        ...
        adam.step()

`step` is the number of steps done so far: 0 before the first one. Nothing is remembered, so a resumed run goes on from
`adam.t`, and a weight that grows during training, such as beta in a VAE, may follow the same functions.
"""

import math

from minivae.errors import ConfigError


def warmup(step: int, steps: int, lr: float) -> float:
    """Up to `lr` in equal parts: lr / steps for the first step, lr for the last of `steps`, and from then on.

    Raises ConfigError if `steps` is below 1 or `step` is negative. Source: Goyal et al. 2017, section 2.2.
    """
    _check("warmup", step, math.inf, lr)
    if steps < 1:
        raise ConfigError(f"warmup: steps is {steps}; it has to be at least 1")
    return lr * min(1.0, (step + 1) / steps)


def cosine(step: int, total: int, lr: float, lr_min: float = 0.0) -> float:
    """Half a cosine, from `lr` at step 0 to `lr_min` at step `total`, when all steps are done.

    Raises ConfigError if `step` is not in 0 to `total`, or `lr_min` not in 0 to `lr`.
    Source: Loshchilov & Hutter 2017, equation 5, without restarts.
    """
    _check("cosine", step, total, lr, lr_min)
    return lr_min + 0.5 * (lr - lr_min) * (1 + math.cos(math.pi * step / total))


def warmup_cosine(step: int, total: int, lr: float, warm: int, lr_min: float = 0.0) -> float:
    """`warmup` over the first `warm` steps, then `cosine` over the rest; `lr` is there at steps warm - 1 and warm.

    Raises ConfigError as they do, or if `warm` is not in 0 to total - 1.
    """
    _check("warmup_cosine", step, total, lr, lr_min)
    if not 0 <= warm < total:
        raise ConfigError(f"warmup_cosine: warm is {warm} of {total} steps; it has to be at least 0, and less than all")
    return warmup(step, warm, lr) if step < warm else cosine(step - warm, total - warm, lr, lr_min)


def _check(who: str, step: int, total: float, lr: float, lr_min: float = 0.0) -> None:
    if not total > 0:
        raise ConfigError(f"{who}: total is {total}; there has to be at least 1 step")
    if not 0 <= step <= total:
        raise ConfigError(f"{who}: step is {step} of {total}; it counts from 0, and nothing is set beyond total")
    if not 0 <= lr_min <= lr < math.inf:
        raise ConfigError(f"{who}: lr is {lr}, lr_min is {lr_min}; wanted 0 <= lr_min <= lr")
