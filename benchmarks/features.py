"""How many pictures a second get their 750 words of SIFT, SURF and ORB, and in how much memory?

    python benchmarks/features.py [DATA] [--n 1500] [--rounds 3] [--all] [--out docs/features_speed.md]

The pictures are 48×48, described at 224×224: FER2013's where DATA holds them, else drawn faces. A round is one pass of each way in turn: a
plain loop over the batches in this process, the batches with two processes beside it, and those from a cache on disk. --all then goes once
over every picture of the data set, read from a file that is mapped into memory, and watches how much the processes hold. Needs an idle
machine. Ends with 1 where the two processes make fewer than 120 pictures a second.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

import cv2
import mahotas
import numpy as np
import sklearn
from documents import page, table
from numpy.typing import NDArray
from rounds import command, said, speeds

import mien
from mien.core.files import write_text
from mien.core.machine import processor
from mien.datasets import load_dataset
from mien.features.bag import BagOfWords
from mien.features.batches import FeatureBatches
from mien.features.cache import VectorCache

BATCH, PROCESSES, WANTED, FITTED = 50, 2, 120.0, 2000
LOOP, TOGETHER, KEPT = "plain loop", f"FeatureBatches, {PROCESSES} processes", "FeatureBatches, from the cache"


def pictures(data: Path | None) -> NDArray[np.uint8]:
    """All of FER2013, or as many drawn faces as the benchmark wants."""
    return load_dataset("fer2013", data).images if data else load_dataset("avatars", ".", n=FITTED).images


def plain_loop(images: NDArray[np.uint8], bag: BagOfWords) -> None:
    for start in range(0, len(images), BATCH):
        bag.transform(images[start : start + BATCH])


def ways(images: NDArray[np.uint8], bag: BagOfWords, cache: VectorCache) -> dict[str, Callable[[], object]]:
    return {
        LOOP: lambda: plain_loop(images, bag),
        TOGETHER: lambda: drain(FeatureBatches(images, bag, BATCH, n_jobs=PROCESSES)),
        KEPT: lambda: drain(FeatureBatches(images, bag, BATCH, cache=cache)),
    }


def drain(batches: Iterable[object]) -> None:
    for _ in batches:
        pass


def resident() -> float:
    """MiB that this process and its children hold, without what they map from the file of pictures."""
    page, total, own = os.sysconf("SC_PAGE_SIZE"), 0, os.getpid()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if own in (parent, int(folder.name)):
                held, shared = map(int, (folder / "statm").read_text().split()[1:3])
                total += held - shared
        except (OSError, ValueError):
            continue  # it has ended since
    return total * page / 2**20


def watched(images: NDArray[np.uint8], bag: BagOfWords, folder: Path) -> tuple[int, list[float], float]:
    """One pass over all pictures from a mapped file: their number, MiB held after every twentieth batch, and pictures a second."""
    np.save(folder / "pictures.npy", images)
    mapped = np.load(folder / "pictures.npy", mmap_mode="r")
    held, began = [], time.perf_counter()
    for number, _ in enumerate(FeatureBatches(mapped, bag, BATCH, shuffle=True, n_jobs=PROCESSES)):
        if number % 20 == 0:
            held.append(resident())
    return len(mapped), held, len(mapped) / (time.perf_counter() - began)


def report(asked: argparse.Namespace, bag: BagOfWords, found: dict[str, list[float]], held: tuple[int, list[float], float] | None) -> str:
    versions = ", ".join(f"{one.__name__} {one.__version__}" for one in (mien, cv2, mahotas, sklearn, np))
    blank = ", ".join(f"{kind.upper()} {count}" for kind, count in bag.blank_.items())
    source = "FER2013" if asked.data else "drawn faces"
    rows = [(name, said(each), f"{median(each) / median(found[LOOP]):.2f}") for name, each in found.items()]
    told = f"""
750 words, 250 each of SIFT, SURF and ORB at keypoints, of {asked.n:,} pictures of 48×48 ({source}), described at 224×224
in batches of {BATCH}; the vocabulary is that of {FITTED:,} pictures, of which so many have no keypoint: {blank}. Median of
{asked.rounds} rounds (lowest – highest). {processor()}, {os.cpu_count()} cores; load average before {asked.load:.1f}; Python
{platform.python_version()}, {versions}."""
    parts = [told, table(("way", "pictures/s", "over the plain loop"), rows)]
    if held is not None:
        count, memory, speed = held
        first, most, last = memory[len(memory) // 10], max(memory), memory[-1]
        parts.append(f"""
One pass over all {count:,} pictures, read from a mapped file, at {speed:,.0f} pictures a second: this process and the
{PROCESSES} beside it held {first:,.0f} MiB of their own after a tenth, at most {most:,.0f}, and {last:,.0f} at the end.""")
    return page("Throughput of handcrafted features", command(asked.data), *parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--n", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--all", action="store_true", help="watch the memory over the whole data set too")
    parser.add_argument("--out", type=Path, default=Path("docs/features_speed.md"))
    asked = parser.parse_args()
    asked.load = os.getloadavg()[0]
    images = pictures(asked.data)
    bag = BagOfWords(n_jobs=PROCESSES).fit(images[:FITTED]).set_params(n_jobs=None)
    with tempfile.TemporaryDirectory() as folder, VectorCache(Path(folder) / "vectors.sqlite", bag) as cache:
        found = speeds(ways(images[: asked.n], bag, cache), asked.n, asked.rounds)
        held = watched(images, bag, Path(folder)) if asked.all else None
    text = report(asked, bag, found, held)
    print(text)
    write_text(asked.out, text)
    return int(median(found[TOGETHER]) < WANTED)


if __name__ == "__main__":
    sys.exit(main())
