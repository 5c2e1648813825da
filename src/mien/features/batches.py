"""Pictures and their vectors together, batch by batch, described as they are asked for (CNNCraft-net, Algorithm 3)."""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError
from mien.features.cache import VectorCache
from mien.features.pictures import PictureTransformer, Vectors, mapped

Picture = NDArray[np.uint8]


class Batch(NamedTuple):
    """`rows`: int64 (B,), which pictures; `pictures`: theirs, as the source has them; `vectors`: float32 (B, D)."""

    rows: NDArray[np.int64]
    pictures: list[Picture]
    vectors: Vectors


class FeatureBatches:
    """Batches of `batch_size` pictures with the vectors that a fitted transformer gives them; the last one may be smaller.

    `pictures`: an array of them, in memory or mapped from a file, or any sequence that reads one when it is asked for; no more than the
    batches under way are held. `shuffle`: each epoch in an order of its own, which follows from `seed` and the epoch's number. `n_jobs`:
    processes that describe, in scikit-learn's sense. `cache`: where vectors are looked up first, and kept.

    A vector depends on its picture and the transformer alone: not on batch size, order, processes or cache.
    Raises OptionError for a batch size below 1.
    """

    def __init__(
        self,
        pictures: Sequence[Picture] | Picture,
        features: PictureTransformer,
        batch_size: int = 50,
        *,
        shuffle: bool = False,
        seed: int = 0,
        n_jobs: int | None = None,
        cache: VectorCache | None = None,
    ) -> None:
        if batch_size < 1:
            raise OptionError(f"batch_size is 1 or more; received {batch_size}.")
        self.pictures = pictures
        self.features = _alone(features)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.n_jobs = n_jobs
        self.cache = cache

    def __len__(self) -> int:
        """Batches of an epoch."""
        return math.ceil(len(self.pictures) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch(0)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch, from 0."""
        order = np.arange(len(self.pictures), dtype=np.int64)
        if self.shuffle:
            order = np.random.default_rng((self.seed, number)).permutation(order)
        under_way: deque[tuple[NDArray[np.int64], list[Picture], list[Vectors | None], list[bytes]]] = deque()

        def unknown() -> Iterator[list[Picture]]:
            for start in range(0, len(order), self.batch_size):
                rows = order[start : start + self.batch_size]
                pictures = [np.asarray(self.pictures[row]) for row in rows]
                keys = [] if self.cache is None else [self.cache.key(picture) for picture in pictures]
                known: list[Vectors | None] = [None] * len(rows)
                if self.cache is not None:
                    known = [self.cache.get(key) for key in keys]
                under_way.append((rows, pictures, known, keys))
                yield [picture for picture, vector in zip(pictures, known, strict=True) if vector is None]

        for found in mapped(self.features.transform, unknown(), self.n_jobs):
            rows, pictures, known, keys = under_way.popleft()
            new = iter(found)
            vectors = np.stack([next(new) if vector is None else vector for vector in known])
            if self.cache is not None and len(found):
                self.cache.put((key, vector) for key, vector, old in zip(keys, vectors, known, strict=True) if old is None)
            yield Batch(rows, pictures, vectors)


def _alone(features: PictureTransformer) -> PictureTransformer:
    """The same, without processes of its own inside those that describe the batches."""
    same = copy.copy(features)
    return same.set_params(n_jobs=None) if "n_jobs" in same.get_params() else same
