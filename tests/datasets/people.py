"""Data sets of random pictures with subjects, sequences and, where asked for, planted twins."""

from __future__ import annotations

import numpy as np

from mien.core.labels import FER7, LabelSet
from mien.datasets import Dataset

FERG = ("aia", "bonnie", "jules", "malcolm", "mery", "ray")


def people(
    names: tuple[str, ...] = FERG, each: int = 35, *, labels: LabelSet = FER7, twins: int = 0, sequences: bool = False, seed: int = 0
) -> Dataset:
    """`each` pictures of every person, all expressions in turn; the last `twins` rows have the pixels of the first ones."""
    rng = np.random.default_rng(seed)
    n = len(names) * each
    images = rng.integers(0, 256, (n, 8, 8), np.uint8)
    images[n - twins :] = images[:twins]
    targets = np.arange(n, dtype=np.int64) % len(labels)
    frames = np.arange(n) % 5
    return Dataset(
        name="people",
        labels=labels,
        images=images,
        targets=targets,
        split=np.array((["train"] * 8 + ["validation", "test"]) * (n // 10 + 1))[:n],
        ids=np.array([f"{i:05d}" for i in range(n)]),
        subjects=np.repeat(np.array(names), each),
        sequences=np.array([f"s{i // 5}" for i in range(n)]) if sequences else None,
        frames=frames if sequences else None,
    )


def anonymous(n: int = 700, *, twins: int = 0, seed: int = 0) -> Dataset:
    """Uneven classes, nobody named."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 8, 8), np.uint8)
    images[n - twins :] = images[:twins]
    targets = rng.choice(7, n, p=[0.3, 0.25, 0.15, 0.1, 0.1, 0.03, 0.07])
    split = np.array((["train"] * 8 + ["validation", "test"]) * (n // 10 + 1))[:n]
    return Dataset("anonymous", FER7, images, targets, split, np.arange(n))
