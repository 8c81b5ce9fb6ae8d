"""Writes a PNG with nothing but zlib: equal pixels give equal bytes, whatever libraries are installed."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from minivae.errors import DataError


def png(image: np.ndarray, scale: int = 1) -> bytes:
    """Write an image, each pixel as a square of `scale` by `scale`.

    Parameters
    ----------
    image : ndarray of shape (H, W) or (H, W, 3)
        Grey or red-green-blue, in [0, 1].
    scale : int

    Raises
    ------
    DataError
        If the shape or the range is another.
    """
    pixels = np.asarray(image, np.float64)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3) or 0 in pixels.shape:
        raise DataError(f"png: got shape {pixels.shape}, wanted (H, W) or (H, W, 3); reshape the picture")
    low, high = pixels.min(), pixels.max()
    if not (low >= -1e-3 and high <= 1 + 1e-3):  # so written that nan fails too; 1e-3 is below one grey level
        raise DataError(f"png: got values from {low:.3g} to {high:.3g}, wanted 0 to 1; logits still need their sigmoid")
    bytes_ = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    bytes_ = bytes_.repeat(scale, axis=0).repeat(scale, axis=1)
    height, width = bytes_.shape[:2]
    rows = bytes_.reshape(height, -1)
    filtered = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)  # filter type 0 before each row
    colour = 0 if pixels.ndim == 2 else 2
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(filtered.tobytes(), 6)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
