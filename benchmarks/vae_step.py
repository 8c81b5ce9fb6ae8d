"""One training step of the VAE, here and in PyTorch: the same model, batch, optimiser and number of threads.

    python benchmarks/vae_step.py [--threads 1] [--rounds 20] [--steps 30]

Two processes, one for each, take turns: while one runs its steps the other waits. What is reported is the median over
rounds of the ratio between neighbours, since a shared machine drifts by more than the two differ. The model is
784-400-(20, 20)-400-784, Bernoulli, Adam, batch 128, float32, noise drawn in the step; PyTorch eager, with fused
Adam.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time


def minivae_step():
    import numpy as np

    from minivae.engine import Tensor
    from minivae.models import VAE
    from minivae.optim import Adam

    rng = np.random.default_rng(0)
    model = VAE(rng=rng)
    optimizer = Adam(model.parameters())
    x = Tensor(rng.random((128, 784), dtype=np.float32))

    def step():
        loss, _ = model.loss(x, rng)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def pytorch_step():
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 40))
    decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3, fused=True)
    x = torch.rand(128, 784)

    def step():
        mu, logvar = encoder(x).chunk(2, dim=1)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        nll = binary_cross_entropy_with_logits(decoder(z), x, reduction="none").sum(1)
        kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
        loss = (nll + kl).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def serve(step):
    """Answer each line with a number of steps by the median time of one, in milliseconds."""
    for _ in range(20):
        step()
    print("ready", flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        print(1e3 * statistics.median(times), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--worker", choices=WORKERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return serve(WORKERS[arguments.worker]())
    threads = str(arguments.threads)
    environment = os.environ | {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    workers = {}
    for name in WORKERS:
        command = [sys.executable, __file__, "--worker", name]
        pipe = subprocess.PIPE
        workers[name] = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        assert workers[name].stdout.readline() == "ready\n"
    times = {name: [] for name in WORKERS}
    for _ in range(arguments.rounds):
        for name, worker in workers.items():
            worker.stdin.write(f"{arguments.steps}\n")
            worker.stdin.flush()
            times[name].append(float(worker.stdout.readline()))
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    for name, values in times.items():
        print(f"{name:8} {statistics.median(values):6.2f} ms a step, median of {len(values)} rounds")
    ratios = sorted(a / b for a, b in zip(times["minivae"], times["pytorch"], strict=True))
    middle = statistics.median(ratios)
    print(f"minivae / pytorch: {middle:.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f}), {threads} thread(s) each")
    return None


WORKERS = {"minivae": minivae_step, "pytorch": pytorch_step}

if __name__ == "__main__":
    main()
