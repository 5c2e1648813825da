"""Visual words: a sample of a stream of descriptors, and its k-means centres."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OptionError


class Reservoir:
    """An even sample of at most `size` rows of a stream, whatever its length, in the memory of the sample (Vitter, 1985, Algorithm R)."""

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.seen = 0
        self._chance = np.random.default_rng(seed)
        self._rows: NDArray[Any] | None = None

    def add(self, rows: NDArray[Any]) -> None:
        """Let rows (n, D) pass by; after m of them in all, each is held with the chance size / m."""
        if self._rows is None:
            self._rows = np.empty((self.size, rows.shape[1]), rows.dtype)
        free = max(0, min(self.size - self.seen, len(rows)))
        self._rows[self.seen : self.seen + free] = rows[:free]
        later = np.arange(self.seen + free, self.seen + len(rows))
        places = self._chance.integers(0, later + 1)
        held = places < self.size
        self._rows[places[held]] = rows[free:][held]  # the last of several for one place stays, as if they came one by one
        self.seen += len(rows)

    @property
    def rows(self) -> NDArray[Any]:
        """What is held, (min(size, seen), D)."""
        return np.empty((0, 0)) if self._rows is None else self._rows[: min(self.size, self.seen)]


def words_of(sample: NDArray[np.float32], count: int, seed: int, what: str) -> NDArray[np.float32]:
    """`count` visual words, float32 (count, D): the k-means centres of a sample (n, D) of descriptors (CNNCraft-net, Algorithm 1).

    Raises OptionError when the sample has fewer distinct rows than that; `what` names the descriptors then.
    """
    from sklearn.cluster import MiniBatchKMeans

    distinct = len(np.unique(sample, axis=0)) if len(sample) else 0
    if distinct < count:
        raise OptionError(
            f"The training pictures give {distinct:,} different {what} descriptors, too few for {count:,} words. "
            "Lower words, leave the kind out, or give more pictures."
        )
    means = MiniBatchKMeans(count, batch_size=4096, n_init=3, max_iter=100, random_state=seed).fit(sample)
    return np.asarray(means.cluster_centers_, np.float32)


def nearest(values: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.int64]:
    """The word nearest to each of the descriptors (n, D) in Euclidean distance, the first of equal ones: int64 (n,)."""
    # |x − w|² = |x|² − 2xw + |w|², and |x|² is the same for all words
    distances = (words * words).sum(axis=1, dtype=np.float64) - 2 * (values.astype(np.float64) @ words.T.astype(np.float64))
    nearest_words: NDArray[np.int64] = distances.argmin(axis=1)
    return nearest_words
