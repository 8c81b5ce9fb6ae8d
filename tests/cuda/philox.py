"""Philox 4x32-10 in NumPy, and the noise that kernels/reparameterize.cu makes of it."""

import numpy as np

from minivae.cuda import Kernel
from tests.cuda.harness import run

# counter, key -> bits: the three vectors of Random123's file kat_vectors, for philox4x32 with 10 rounds.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    """ "00000001 0000000a" -> [1, 10]."""
    return [int(word, 16) for word in text.split()]


def philox(counter, key):
    """(n, 4), (n, 2) uint32 -> (n, 4) uint32. Source: Salmon, Moraes, Dror & Shaw 2011, section 3.3."""
    low32 = np.uint64(0xFFFFFFFF)
    c0, c1, c2, c3 = counter.astype(np.uint64).T
    k0, k1 = key.astype(np.uint64).T
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        high0, high1 = p0 >> np.uint64(32), p1 >> np.uint64(32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, p1 & low32, high0 ^ c3 ^ k1, p0 & low32
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & low32, (k1 + np.uint64(0xBB67AE85)) & low32
    return np.stack([c0, c1, c2, c3], 1).astype(np.uint32)


def noise(seed, draw, n):
    """(n,) float64: element i is number i % 4 of block i // 4. Source: Box & Muller 1958."""
    q = np.arange(-(-n // 4), dtype=np.uint64)
    both = np.full(q.size, draw, np.uint64)
    counter = np.stack([q, q >> np.uint64(32), both, both >> np.uint64(32)], 1).astype(np.uint32)
    key = np.broadcast_to(np.array([seed & 0xFFFFFFFF, seed >> 32], np.uint32), (q.size, 2))
    bits = philox(counter, key).reshape(-1, 2)
    # Rounded to float32 as in the kernel: near 1 the logarithm would make much of the difference.
    u = ((bits[:, 0].astype(np.float32) + np.float32(0.5)) * np.float32(2**-32)).astype(np.float64)
    angle = 2 * np.pi * (bits[:, 1].astype(np.float32) * np.float32(2**-32)).astype(np.float64)
    radius = np.sqrt(-2 * np.log(u))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)[:n]


PROBE = """
extern "C" __global__ void probe(
    const unsigned int* bits,  // (n,)
    float* radius,             // (n,)
    int n) {
  if (threadIdx.x < n) radius[threadIdx.x] = two_normals(bits[threadIdx.x], 0).x;  // the angle is 0, its cosine 1
}
"""
# No bit set is the longest radius, and all of them the shortest. Neither comes up in a sample: it has to be asked for.
EXTREMES = np.uint32([0, 1, 2**31, 2**32 - 1])
RADII = np.sqrt(-2 * np.log([0.5 / 2**32, 1.5 / 2**32, 0.5, 1.0]))


def radii(source):
    """What the `two_normals` in this text makes of EXTREMES, on the device in use."""
    probe = Kernel("probe", "probe.cu", grid="1", block="32")
    vars(probe)["source"] = source + PROBE
    return run(probe, {"bits": EXTREMES, "n": len(EXTREMES)})["radius"]
