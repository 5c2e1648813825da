"""Images that are in a data set more than once, and what of a test split training has already seen."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from mien.datasets.base import Dataset, split_name


def exact_twins(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Group numbers int64 (N,) for images (N, …): two rows have the same number exactly when all their pixels are equal."""
    number_of: dict[bytes, int] = {}
    prints = (hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images)
    return np.array([number_of.setdefault(mark, len(number_of)) for mark in prints], np.int64)


def twins_in_train(images: NDArray[np.uint8], split: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Rows outside "train" whose pixels also occur in "train": bool (N,)."""
    groups = exact_twins(images)
    train: NDArray[np.bool_] = split == "train"
    return np.isin(groups, groups[train]) & ~train


def clean_test_mask(dataset: Dataset, split: str = "test") -> NDArray[np.bool_]:
    """Rows of `split` without an exact twin among the training images: bool (N,) over all rows.

    The data set has to hold its train rows, unless it brings `twin_in_train`. Raises UnknownNameError for a split that does not exist.
    """
    seen = twins_in_train(dataset.images, dataset.split) if dataset.twin_in_train is None else dataset.twin_in_train
    chosen: NDArray[np.bool_] = dataset.split == split_name(split)
    return chosen & ~seen
