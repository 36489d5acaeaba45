#!/usr/bin/env python3
"""Measures how fast this machine multiplies fp32 matrices: the ceiling finetune.py compares training with.

Times the MLP's product, rows x width by width x inner, and a square one, in torch (MKL or oneDNN) and in
numpy (OpenBLAS), and prints the best GFLOP/s of each as JSON. A product of m x k by k x n counts 2 m k n
operations.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable

SQUARE = 2048


def main() -> None:
    arguments = parse_arguments()
    # Read when the libraries load, so set before importing them.
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(arguments.threads)
    sizes = [(arguments.rows, arguments.width, arguments.inner), (SQUARE, SQUARE, SQUARE)]
    json.dump(
        {
            "torch": max(torch_rate(size, arguments.seconds) for size in sizes),
            "numpy": max(numpy_rate(size, arguments.seconds) for size in sizes),
        },
        sys.stdout,
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure fp32 GEMM in torch and numpy, in GFLOP/s, as JSON.")
    parser.add_argument("--rows", type=int, default=512, help="rows of the MLP's product (default: 512)")
    parser.add_argument("--width", type=int, default=768, help="model width (default: 768)")
    parser.add_argument("--inner", type=int, default=3072, help="MLP width (default: 3072)")
    parser.add_argument("--threads", type=int, default=2, help="threads (default: 2)")
    parser.add_argument("--seconds", type=float, default=1.0, help="time per product (default: 1)")
    return parser.parse_args()


def torch_rate(size: tuple[int, int, int], seconds: float) -> float:
    import torch

    m, k, n = size
    left, right, product = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
    return best_rate(lambda: torch.mm(left, right, out=product), 2 * m * k * n, seconds)


def numpy_rate(size: tuple[int, int, int], seconds: float) -> float:
    import numpy

    m, k, n = size
    generator = numpy.random.default_rng(0)
    left = generator.standard_normal((m, k), dtype=numpy.float32)
    right = generator.standard_normal((k, n), dtype=numpy.float32)
    product = numpy.empty((m, n), dtype=numpy.float32)
    return best_rate(lambda: numpy.matmul(left, right, out=product), 2 * m * k * n, seconds)


def best_rate(multiply: Callable[[], object], operations: int, seconds: float) -> float:
    """GFLOP/s of the fastest call within the given time, after one call to warm up."""
    multiply()
    fastest = float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        multiply()
        fastest = min(fastest, time.perf_counter() - start)
    return operations / fastest / 1e9


if __name__ == "__main__":
    main()
