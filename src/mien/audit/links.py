"""Which pictures belong together: links between distinct pictures, the groups they make, and what of one split another has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.datasets.base import SPLITS, Dataset
from mien.datasets.twins import exact_twins


@dataclass(frozen=True, eq=False)
class Links:
    """Pairs of pictures that go together. `left`, `right`: int64 (L,), numbers of pictures; `score`: float64 (L,), their correlation."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    score: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.left)

    def take(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> Links:
        """The links that a mask (L,) or an index array picks."""
        return Links(self.left[index], self.right[index], self.score[index])

    @staticmethod
    def none() -> Links:
        """No links."""
        return Links(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))

    @staticmethod
    def joined(parts: Sequence[Links]) -> Links:
        """All links of `parts`, one after the other."""
        parts = [Links.none(), *parts]
        return Links(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("left", "right", "score")))


@dataclass(frozen=True, eq=False)
class Pictures:
    """The rows of a data set by the distinct picture that they show.

    `number`: int64 (N,), the picture of each row; rows with the same pixels have the same. `first`: int64 (P,), one row of each picture.
    `split`: str (N,), `targets`: int64 (N,), −1 without a label.
    """

    number: NDArray[np.int64]
    first: NDArray[np.int64]
    split: NDArray[np.str_]
    targets: NDArray[np.int64]

    @staticmethod
    def of(dataset: Dataset) -> Pictures:
        """The pictures of a data set, told apart by their pixels."""
        return Pictures.by(exact_twins(dataset.images), dataset)

    @staticmethod
    def by(number: NDArray[np.int64], dataset: Dataset) -> Pictures:
        """The rows by another number that says what belongs together: int64 (N,), from 0 and without gaps."""
        return Pictures(number, np.unique(number, return_index=True)[1].astype(np.int64), dataset.split, dataset.targets)

    def __len__(self) -> int:
        return len(self.first)

    def holding(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Pictures that are shown by one of `rows`, a mask (N,): bool (P,)."""
        return np.bincount(self.number[rows], minlength=len(self)) > 0

    def repeated(self) -> Links:
        """A link of each picture that several rows show to itself, with the correlation 1."""
        twice = np.flatnonzero(np.bincount(self.number, minlength=len(self)) > 1)
        return Links(twice, twice, np.ones(len(twice)))

    def groups(self, links: Links, rows: NDArray[np.bool_] | None = None) -> tuple[tuple[NDArray[np.int64], ...], tuple[float, ...]]:
        """What `links` tie together, directly or over others: the rows of each group (of those in the mask `rows`), and its lowest score.

        Groups are in the order of their first row.
        """
        if not len(links):
            return (), ()
        part = self.parts(links)
        of_row = part[self.number]
        linked = np.zeros(len(self), np.bool_)
        linked[links.left] = linked[links.right] = True
        members = np.flatnonzero(linked[self.number] if rows is None else linked[self.number] & rows)
        members = members[np.argsort(of_row[members], kind="stable")]
        cut = np.flatnonzero(np.diff(of_row[members])) + 1
        groups = [group for group in np.split(members.astype(np.int64), cut) if len(group) > 1]
        lowest = np.full(part.max() + 1, np.inf)
        np.minimum.at(lowest, part[links.left], links.score)
        groups.sort(key=lambda group: int(group[0]))
        return tuple(groups), tuple(float(lowest[of_row[group[0]]]) for group in groups)

    def parts(self, links: Links) -> NDArray[np.int64]:
        """The number of the connected part that each picture lies in: int64 (P,)."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        ones = np.ones(len(links), np.bool_)
        graph = coo_array((ones, (links.left, links.right)), shape=(len(self), len(self)))
        return np.asarray(connected_components(graph, directed=False)[1], np.int64)

    def crossing(self, links: Links, first: str, second: str) -> Links:
        """The links that tie a picture of the split `first` to one of `second`, whichever way round."""
        a, b = (self.holding(self.split == split) for split in (first, second))
        return links.take((a[links.left] & b[links.right]) | (b[links.left] & a[links.right]))

    def seen(self, links: Links, where: str, by: str, same_label: bool = False) -> NDArray[np.bool_]:
        """Rows of the split `where` that a link ties to a row of the split `by` (with the same label, if asked): bool (N,)."""
        chosen = self.split == by
        classes = int(self.targets.max(initial=-1)) + 2
        labels = np.where(self.targets >= 0, self.targets + 1, 0) if same_label else np.zeros_like(self.targets)
        shown = np.zeros((len(self), classes), np.bool_)
        shown[self.number[chosen], labels[chosen]] = True
        reached = np.zeros_like(shown)
        np.logical_or.at(reached, links.left, shown[links.right])
        np.logical_or.at(reached, links.right, shown[links.left])
        hit: NDArray[np.bool_] = reached[self.number, labels] & (self.split == where)
        return hit & (self.targets >= 0) if same_label else hit


def pairs_of_splits(dataset: Dataset) -> list[tuple[str, str]]:
    """The pairs of splits that both have rows, training first."""
    there = [split for split in SPLITS if bool((dataset.split == split).any())]
    return [(a, b) for i, a in enumerate(there) for b in there[i + 1 :]]
