"""What needs a GPU: `make check-gpu`. With MINIVAE_GPU=1 the tests of kernels and backends run on it, besides."""

import os

ASKED = os.environ.get("MINIVAE_GPU") == "1"
