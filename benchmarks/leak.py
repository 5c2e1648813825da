"""What does a split give away to a classifier that only memorises?

A data set is divided twice by the protocol of SDL. As published: rare classes are repeated until all have equal numbers, then the rows are
divided. In the honest order: the pictures are divided, twins on one side, and the training side alone is repeated. The nearest neighbour
on pixels is judged on both test sides, and each split is audited.

    python benchmarks/leak.py DATA_DIR [--dataset fer2013] [--seed 0] [--near]
"""

from __future__ import annotations

import argparse
import platform
import time

import numpy as np

from mien.audit import audit
from mien.audit.memorise import NearestNeighbour
from mien.datasets.base import Dataset, load_dataset
from mien.datasets.protocols import make_split
from mien.evaluation.run import evaluate
from mien.evaluation.scores import Evaluation

PROTOCOLS = ("sdl_as_published", "sdl")


def memorised(dataset: Dataset) -> Evaluation:
    """The figures of the nearest neighbour on the test side."""
    return evaluate(NearestNeighbour.of(dataset), dataset, "test", clean=False).overall


def table(figures: dict[str, Evaluation]) -> None:
    """Recall, precision and n of every class under each protocol."""
    print("| | " + " | ".join(f"{name}: n | recall | precision" for name in figures) + " |")
    print("|---|" + "---|" * 3 * len(figures))
    for place, name in enumerate(next(iter(figures.values())).labels):
        classes = [one.per_class[place] for one in figures.values()]
        print(f"| {name} | " + " | ".join(f"{c.support:,} | {c.recall:.2f} | {c.precision:.2f}" for c in classes) + " |")
    print("| accuracy | " + " | ".join(f"{one.n:,} | {one.accuracy:.3f} | " for one in figures.values()) + " |")
    print("| macro-F1 | " + " | ".join(f" | {one.macro_f1:.3f} | " for one in figures.values()) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir")
    parser.add_argument("--dataset", default="fer2013")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--near", action="store_true")
    options = parser.parse_args()
    whole = load_dataset(options.dataset, options.data_dir)
    divided = {name: make_split(whole, name, seed=options.seed).apply(whole) for name in PROTOCOLS}
    print(f"{options.dataset}, {len(whole):,} rows, seed {options.seed}; numpy {np.__version__}, {platform.machine()}\n")
    start = time.perf_counter()
    table({name: memorised(dataset) for name, dataset in divided.items()})
    print(f"\nboth memorised and judged in {time.perf_counter() - start:.0f} s")
    for name, dataset in divided.items():
        found = audit(dataset, near=options.near)
        print(f"\n{name}: {len(dataset):,} rows; leaks {len(found.leaks)}, faults {len(found.faults)}")
        for finding in found.findings:
            print(f"- {finding.severity}, {finding.kind}: {finding.summary}")


if __name__ == "__main__":
    main()
