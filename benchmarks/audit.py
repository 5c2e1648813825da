"""How long does the audit of a data set take, how much memory at its peak, and what does it find?

Each way of auditing runs in a process of its own, reading included in the peak but not in the time.

    python benchmarks/audit.py DATA_DIR [--dataset fer2013] [--only exact|near] [--threshold 0.95]
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mien.audit import audit
from mien.datasets import load_dataset

Measured = tuple[float, float, float, float, list[tuple[str, str, str]]]


def measure(name: str, folder: Path, near: bool, threshold: float) -> Measured:
    """Seconds to read, seconds to audit, seconds of processor time of that, peak memory in MiB, and the findings."""
    start = time.perf_counter()
    dataset = load_dataset(name, folder)
    read = time.perf_counter()
    busy = time.process_time()
    found = audit(dataset, near=near, threshold=threshold)
    busy = time.process_time() - busy
    took = time.perf_counter() - read
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return read - start, took, busy, peak, [(f.severity, f.kind, f.summary) for f in found.findings]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--dataset", default="fer2013")
    parser.add_argument("--only", choices=("exact", "near"))
    parser.add_argument("--threshold", type=float, default=0.95)
    asked = parser.parse_args()
    console = Console(width=160)
    machine = f"{asked.dataset}, {platform.machine()}, {os.cpu_count()} cores"
    times = Table("audit", "read, s", "audit, s", "of all cores, s", "peak, MiB", title=machine)
    said = Table("severity", "kind", "summary")
    for way in (asked.only,) if asked.only else ("exact", "near"):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            read, took, busy, peak, findings = pool.submit(measure, asked.dataset, asked.data, way == "near", asked.threshold).result()
        times.add_row(way, f"{read:.1f}", f"{took:.1f}", f"{busy:.1f}", f"{peak:,.0f}")
    for line in findings:
        said.add_row(*line)
    console.print(times, said)
    console.print("load average over the last minute:", f"{os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
