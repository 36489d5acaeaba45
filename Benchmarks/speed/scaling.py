#!/usr/bin/env python3
"""Predicts how the products of a pass scale with the number of threads, from one thread's rates at the blocks that each
thread would get.

ioi cuts the output of a product into a grid of blocks, one for each thread (GEMM.Grid, repeated here). The script times
oneDNN on one thread at the largest block of each grid. The prediction for a number of threads is the time of that block
plus the time to wake the threads, so it assumes cores as fast as this one that share nothing: where they share a cache,
the memory or a power limit, they are slower. Next to it stands the memory traffic that the prediction implies.
"""

import argparse
import ctypes
import time

GRAIN, COPYING, LEAST = 32, 64, 1_000_000
PRODUCTS = {
    "training, 640 rows: MLP in": (640, 3072, 768),
    "training, 640 rows: MLP out": (640, 768, 3072),
    "training, 640 rows: gradient of W_in": (768, 3072, 640),
    "sweep, 2048 rows: MLP in": (2048, 3072, 768),
    "END rows of 64 prompts: MLP in": (64, 3072, 768),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", default="libdnnl.so.2", help="oneDNN (default: libdnnl.so.2)")
    parser.add_argument("--wake", type=float, default=8, help="microseconds to wake the threads (default: 8)")
    arguments = parser.parse_args()
    library = ctypes.CDLL(arguments.library)
    library.omp_set_num_threads(1)
    print(f"{'product':40}{'threads':>8}{'grid':>9}{'block':>13}{'GFLOP/s':>9}{'speedup':>9}{'share':>7}{'GB/s':>7}")
    for name, (rows, columns, depth) in PRODUCTS.items():
        whole = None
        for threads in (1, 2, 4, 8, 16, 32, 64, 128):
            down, across = grid(rows, columns, depth, threads)
            height = -(-pieces(rows) // down) * GRAIN
            width = -(-pieces(columns) // across) * GRAIN
            height, width = min(height, rows), min(width, columns)
            seconds = time_product(library, height, width, depth)
            rate = 2 * height * width * depth / seconds / 1e9
            total = seconds + (arguments.wake * 1e-6 if threads > 1 else 0)
            whole = whole or total
            traffic = 4 * down * across * (height * depth + depth * width + height * width) / total / 1e9
            print(
                f"{name:40}{threads:8}{down:5} x{across:3}{height:7} x{width:5}{rate:9.0f}{whole / total:9.1f}"
                f"{whole / total / threads:7.0%}{traffic:7.0f}"
            )


def pieces(size: int) -> int:
    return -(-size // GRAIN)


def grid(rows: int, columns: int, depth: int, threads: int) -> tuple[int, int]:
    most = max(1, min(threads, rows * columns * depth // LEAST))

    def across(down: int) -> int:
        return max(1, min(most // down, pieces(columns)))

    def work(down: int) -> int:
        height, width = -(-pieces(rows) // down) * GRAIN, -(-pieces(columns) // across(down)) * GRAIN
        return (height + COPYING) * (width + COPYING)

    down = min(reversed(range(1, min(most, pieces(rows)) + 1)), key=work)
    return down, across(down)


def time_product(library: ctypes.CDLL, rows: int, columns: int, depth: int) -> float:
    """Seconds of one product on this thread: the fastest of five batches."""
    a, b, c = ((ctypes.c_float * (x * y))() for x, y in ((rows, depth), (depth, columns), (rows, columns)))
    long, single = ctypes.c_int64, ctypes.c_float
    letter = ctypes.c_char(b"N")

    def multiply() -> None:
        library.dnnl_sgemm(
            letter, letter, long(rows), long(columns), long(depth), single(1), a, long(depth), b, long(columns),
            single(0), c, long(columns),
        )  # fmt: skip

    multiply()
    repeats = max(1, int(2e9 / (2 * rows * columns * depth)))
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(repeats):
            multiply()
        best = min(best, (time.perf_counter() - start) / repeats)
    return best


if __name__ == "__main__":
    main()
