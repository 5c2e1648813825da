"""Oversampling of rare classes, on the train side of a data set that is divided already."""

from __future__ import annotations

import numpy as np

from mien.core.errors import DatasetError, OptionError
from mien.datasets.base import Dataset
from mien.datasets.partition import Rows


def oversample(dataset: Dataset, seed: int = 0) -> Dataset:
    """`dataset` with training rows repeated at random until its classes have equal numbers; see `oversampled_rows`.

    Copies come after all rows and keep their ids, so that a later split is refused. Raises like `oversampled_rows`.
    """
    return dataset.take(oversampled_rows(dataset, seed))


def oversampled_rows(dataset: Dataset, seed: int = 0) -> Rows:
    """All rows of `dataset` once, then the copies of training rows that bring each class there to the number of the largest: int64 (M,).

    Rows without a label, and those of the other sides, are never copied. Raises DatasetError when there is no labelled training row,
    OptionError for a seed below 0.
    """
    if seed < 0:
        raise OptionError(f"A seed is a whole number from 0; received {seed}.")
    train = np.flatnonzero(dataset.split == "train")
    if not (dataset.targets[train] >= 0).any():
        raise DatasetError(f"{dataset.name} has no labelled training row to copy. Divide it first, with make_split.")
    copies = train[evened(dataset.targets[train], np.random.default_rng(seed))]
    return np.concatenate([np.arange(len(dataset)), copies])


def evened(targets: Rows, rng: np.random.Generator) -> Rows:
    """Which rows to copy, and how often, for all classes of `targets` (N,) to have equal numbers: int64 (K,), the copies alone.

    A class is gone through whole, in a new order each time, before one of its rows comes again.
    """
    classes, counts = np.unique(targets[targets >= 0], return_counts=True)
    copies = [np.zeros(0, np.int64)]
    for one, count in zip(classes, counts, strict=True):
        rows, missing = np.flatnonzero(targets == one), int(counts.max() - count)
        rounds = [rng.permutation(rows) for _ in range(-(-missing // count))]
        copies.append(np.concatenate([*rounds, rows[:0]])[:missing])
    return np.concatenate(copies)
