"""Data sets as one value: images, labels by name, roles (train, validation, test) and a stable identity for every row."""

from __future__ import annotations

from mien.datasets.base import DATASETS, Dataset, SplitOrigin, load_dataset

__all__ = ["DATASETS", "Dataset", "SplitOrigin", "load_dataset"]
