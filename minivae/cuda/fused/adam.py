"""One step of an optimiser, by kernels/adam.cu."""

from minivae.cuda.launch import launch


def adam(xp, p, g, m, v, scratch, *, b1, b2, step, tiny, decay):
    """See `minivae.optim.adam`. No scratch is needed: each number goes through all of it in registers."""
    launch("adam", p, g, m, v, b1, b2, step, tiny, decay, p.size)
