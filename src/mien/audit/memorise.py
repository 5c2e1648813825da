"""A classifier that only memorises: what it gets right beyond its honest accuracy, a split has given away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetAbsentError, InputError
from mien.core.labels import LabelSet
from mien.core.types import Scores
from mien.datasets.base import Dataset

BLOCK = 512
_MIDDLE = 127.5


class NearestNeighbour:
    """Gives a picture the label of the training picture whose pixels are nearest to its own (1-nearest-neighbour, squared Euclidean).

    `images`: uint8 (N, H, W) or (N, H, W, 3); `targets`: int64 (N,), columns in `labels`. It learns nothing about faces, so that a picture
    it has seen is right and another is right hardly more often than its neighbours' look makes it: run it before believing a split.
    It fits `mien.evaluation.run.evaluate`. Distances are float32, `BLOCK` pictures at a time; of equally near ones the first wins.

    Raises
    ------
    DatasetAbsentError
        No training picture.
    InputError
        Rows of unequal number, or targets outside the label set.
    """

    def __init__(self, images: NDArray[np.uint8], targets: NDArray[np.int64], labels: LabelSet) -> None:
        if not len(images):
            raise DatasetAbsentError("A nearest neighbour needs at least one labelled training picture; received none.")
        if len(images) != len(targets) or targets.min() < 0 or targets.max() >= len(labels):
            raise InputError(
                f"A nearest neighbour needs a target from 0 to {len(labels) - 1} for each of {len(images)} pictures; received "
                f"{len(targets)} from {targets.min(initial=0)} to {targets.max(initial=0)}. Leave out rows without a label."
            )
        self.labels, self._targets, self._shape = labels, targets, images.shape[1:]
        self._known = _flat(images)
        self._norms = np.einsum("ij,ij->i", self._known, self._known)

    @classmethod
    def of(cls, dataset: Dataset) -> NearestNeighbour:
        """The memoriser of the labelled training rows of `dataset`."""
        rows = np.flatnonzero((dataset.split == "train") & (dataset.targets >= 0))
        return cls(dataset.images[rows], dataset.targets[rows], dataset.labels)

    def nearest(self, crops: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The training row that is nearest to each picture: int64 (N,). Raises InputError for pictures of another shape."""
        if crops.shape[1:] != self._shape:
            raise InputError(f"The memorised pictures have the shape {self._shape}; received {crops.shape[1:]}. Give such pictures.")
        found = np.empty(len(crops), np.int64)
        for start in range(0, len(crops), BLOCK):
            block = _flat(crops[start : start + BLOCK])
            found[start : start + BLOCK] = np.argmin(self._norms - 2 * (block @ self._known.T), axis=1)
        return found

    def predict(self, crops: NDArray[np.uint8]) -> Scores:
        """Scores float32 (N, C): 1 for the nearest picture's label, 0 for the rest."""
        scores = np.zeros((len(crops), len(self.labels)), np.float32)
        scores[np.arange(len(crops)), self._targets[self.nearest(crops)]] = 1
        return scores


def _flat(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels float32 (N, pixels), centred so that float32 products lose little."""
    return images.reshape(len(images), -1).astype(np.float32) - np.float32(_MIDDLE)
