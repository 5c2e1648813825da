"""How long the model takes: one face on one thread (preprocessing and network), and batches of 256 on two threads.

python benchmarks/model.py [MODEL…]
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import onnxruntime

import mien

ONE, MANY = 300, 10
SIDE = 96  # a face cut from a video is about this large


def milliseconds(call: Callable[[], object], runs: int) -> list[float]:
    for _ in range(max(3, runs // 10)):
        call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e3)
    return sorted(times)


def main(names: list[str]) -> None:
    print(f"Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}, {platform.machine()}")
    rng = np.random.default_rng(0)
    one = rng.integers(0, 256, (1, SIDE, SIDE, 3), np.uint8)
    many = rng.integers(0, 256, (256, SIDE, SIDE, 3), np.uint8)
    for name in names:
        single, double = mien.load_model(name, threads=1), mien.load_model(name, threads=2)
        first = milliseconds(lambda m=single: m.predict(one), ONE)
        batch = milliseconds(lambda m=double: m.predict(many), MANY)
        print(f"{name}: {single.card.parameters or 0:,} parameters")
        print(f"  one face, one thread     median {statistics.median(first):.2f} ms (fastest {first[0]:.2f}), {ONE} runs")
        print(f"  256 faces, two threads   median {256e3 / statistics.median(batch):,.0f} faces/s, {MANY} runs")


if __name__ == "__main__":
    main(sys.argv[1:] or ["default"])
