"""The workloads in PyTorch, with fused Adam: eager or, with the word `compile`, the loss through torch.compile.

With the word `kept` Linux's malloc is told to keep freed memory, as minivae does: see minivae/ops/fast.py. With the
word `cupy` all of it is on the GPU, and W4's pixels come back to the host, as minivae's do.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from minivae.bench.worker import Step, serve
from minivae.bench.workloads import CHAIN, LR, STEPS, Arrays, schedule

DEVICE = "cuda" if "cupy" in sys.argv else "cpu"


def give(torch: Any, module: Any, weights: list[np.ndarray]) -> Any:
    """Write weights into a model's parameters, in order; PyTorch has (n_out, n_in) and (O, C, k, k)."""
    with torch.no_grad():
        for p, w in zip(module.parameters(), weights, strict=True):
            p.copy_(torch.from_numpy(w.transpose(3, 2, 0, 1) if w.ndim == 4 else w.T))
    return module.to(DEVICE)


def tensor(torch: Any, array: np.ndarray) -> Any:
    return torch.from_numpy(array).to(DEVICE)


def training(torch: Any, model: Any, loss: Callable, compiled: bool) -> Step:
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, fused=True)
    loss = torch.compile(loss) if compiled else loss

    def step(*noise: np.ndarray) -> float:
        value = loss(*[tensor(torch, n) for n in noise])
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        return value.item()

    return step


def elbo_loss(torch: Any, x: Any, encode: Callable, decode: Callable) -> Callable:
    """nats per image: the mean over B of the reconstruction's and the code's cost."""
    bernoulli_nll = partial(torch.nn.functional.binary_cross_entropy_with_logits, reduction="none")

    def loss(eps: Any = None) -> Any:
        mu, logvar = encode(x).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * (torch.randn_like(mu) if eps is None else eps)
        nll = bernoulli_nll(decode(z), x).flatten(1).sum(1)
        kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
        return (nll + kl).mean()

    return loss


def w1(torch: Any, compiled: bool, a: Arrays) -> Step:
    nn = torch.nn
    encoder = nn.Sequential(nn.Linear(784, a.width), nn.ReLU(), nn.Linear(a.width, 40))
    decoder = nn.Sequential(nn.Linear(20, a.width), nn.ReLU(), nn.Linear(a.width, 784))
    model = give(torch, nn.ModuleList([encoder, decoder]), a.weights)
    return training(torch, model, elbo_loss(torch, tensor(torch, a.x), encoder, decoder), compiled)


def w2(torch: Any, compiled: bool, a: Arrays) -> Step:
    nn = torch.nn
    encoder = nn.Sequential(
        *[nn.Conv2d(1, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU()],
        *[nn.Flatten(), nn.Linear(4096, 32)],
    )
    decoder = nn.Sequential(
        *[nn.Linear(16, 4096), nn.ReLU(), nn.Unflatten(1, (64, 8, 8))],
        *[nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, 2, 1)],
    )
    model = give(torch, nn.ModuleList([encoder, decoder]), a.weights)
    return training(torch, model, elbo_loss(torch, tensor(torch, a.x), encoder, decoder), compiled)


def w3(torch: Any, compiled: bool, a: Arrays) -> Step:
    nn = torch.nn
    layers: list[Any] = []
    for n_in in (80, a.width, a.width):
        layers += [nn.Linear(n_in, a.width), nn.LayerNorm(a.width), nn.SiLU()]
    model = give(torch, nn.Sequential(*layers, nn.Linear(a.width, 16)), a.weights)
    signal, spoilt, waves = map(partial(tensor, torch), schedule())
    x = tensor(torch, a.x)

    def loss(t: Any = None, eps: Any = None) -> Any:
        if t is None:
            t, eps = torch.randint(0, STEPS, (a.batch,), device=DEVICE), torch.randn_like(x)
        noisy = signal[t, None] * x + spoilt[t, None] * eps  # (B, 16)
        return nn.functional.mse_loss(model(torch.cat([noisy, waves[t]], dim=1)), eps)

    return training(torch, model, loss, compiled)


def w4(torch: Any, compiled: bool, a: Arrays) -> Step:
    nn = torch.nn
    decoder = nn.Sequential(nn.Linear(20, a.width), nn.ReLU(), nn.Linear(a.width, 784), nn.Sigmoid())
    give(torch, decoder, a.weights)
    decode = torch.compile(decoder) if compiled else decoder
    z = tensor(torch, a.x)

    def step() -> Any:
        with torch.inference_mode():
            return decode(z).cpu()  # where it is already, on a CPU

    return step


def tape(torch: Any) -> None:
    one, y = torch.ones(4, device=DEVICE), torch.ones(4, device=DEVICE, requires_grad=True)
    for _ in range(CHAIN):
        y = y * one
    y.sum().backward()
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def main(compiled: bool) -> None:
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(1)
    library = next((part for part in torch.__config__.show().split(", ") if "BLAS_INFO" in part), "BLAS_INFO=unknown")
    kernel = f"{library.split('=')[1]}, {torch.backends.cpu.get_cpu_capability()} code"
    if DEVICE == "cuda":
        kernel = f"CUDA {torch.version.cuda} on {torch.cuda.get_device_name()}"
    workloads = {"W1": w1, "W2": w2, "W3": w3, "W4": w4}
    serve(
        {name: partial(build, torch, compiled) for name, build in workloads.items()},
        None if compiled else partial(tape, torch),
        {"version": f"PyTorch {torch.__version__}", "blas": kernel},
    )


if __name__ == "__main__":
    if "kept" in sys.argv:
        np.empty(2**25 - 2**13, np.uint8)
    main("compile" in sys.argv)
