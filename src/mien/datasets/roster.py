"""What a protocol may know of a data set's rows: who and what they show, never the pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import LabelSet
from mien.datasets.base import Dataset
from mien.datasets.plan import Fold
from mien.datasets.twins import exact_twins

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Roster:
    """The rows of a data set in the order of their ids, so that a division does not depend on the order of the files.

    `order`: int64 (N,), the data set's row behind each row here. `targets`: int64 (N,), -1 for none. `subjects` and `sequences`: str (N,)
    with "" for an unknown one, or None. `twins`, `copies`: int64 (N,), equal numbers for equal pixels, for equal ids.
    """

    name: str
    labels: LabelSet
    order: Rows
    targets: Rows
    split: NDArray[np.str_]
    subjects: NDArray[np.str_] | None
    sequences: NDArray[np.str_] | None
    copies: Rows
    _images: NDArray[np.uint8] = field(repr=False)

    @classmethod
    def of(cls, dataset: Dataset) -> Roster:
        """The rows of `dataset`."""
        order = np.argsort(dataset.ids, kind="stable")

        def sorted_(column: NDArray[Any] | None) -> Any:
            return None if column is None else column[order]

        copies = np.unique(dataset.ids[order], return_inverse=True)[1].astype(np.int64)
        columns = (sorted_(dataset.targets), sorted_(dataset.split), sorted_(dataset.subjects), sorted_(dataset.sequences))
        return cls(dataset.name, dataset.labels, order, *columns, copies, dataset.images)

    def __len__(self) -> int:
        return len(self.order)

    @cached_property
    def twins(self) -> Rows:
        """Equal numbers for rows whose pixels are all equal: int64 (N,)."""
        return exact_twins(self._images)[self.order]

    @cached_property
    def _whole_sequences(self) -> NDArray[np.str_] | None:
        return None if self.sequences is None else sequence_names(self.subjects, self.sequences)

    def units(self, *, twins: bool = True, sequences: bool = True, subjects: bool = False) -> Rows:
        """Numbers (N,) of what stays on one side: rows that share pixels, a sequence or a subject have equal ones, also in a chain."""
        wanted = (self._whole_sequences if sequences else None, self.subjects if subjects else None)
        columns = [_alone_where_unknown(column) for column in wanted if column is not None]
        return joined(len(self), *([self.twins] if twins else []), self.copies, *columns)

    def crossings(self, fold: Fold) -> str:
        """How rows of the test side (or of validation, where there is no test side) reach training in `fold`; "" when they do not."""
        held = "test" if (fold.split == "test").any() else "validation"
        judged, trained = fold.side(held), fold.side("train")
        ways = [(self.copies, "are copies of training rows"), (self.twins, "have an exact twin in train")]
        ways += [(column, f"show a {what} that is also in train") for column, what in self._known()]
        counts = [(int(np.isin(column[judged], column[trained]).sum()), words) for column, words in ways]
        told = [f"{count:,} {words}" for count, words in counts if count]
        return f"Of {len(judged):,} {held} rows, {' and '.join(told)}." if told else ""

    def _known(self) -> list[tuple[Rows, str]]:
        named = [(self._whole_sequences, "sequence"), (self.subjects, "subject")]
        return [(_alone_where_unknown(column), what) for column, what in named if column is not None]


def sequence_names(subjects: NDArray[np.str_] | None, sequences: NDArray[np.str_]) -> NDArray[np.str_]:
    """Names (N,) that tell sequences apart by subject too, as many sets number those of each person from 1; "" for an unknown one."""
    if subjects is None:
        return sequences
    named = np.char.add(np.char.add(subjects, "/"), sequences)
    return np.where(sequences == "", "", named)


def joined(n: int, *columns: Rows) -> Rows:
    """Numbers (n,) of groups: rows are in one group when any column gives them equal numbers, directly or through other rows."""
    group = np.arange(n)
    inverses = [np.unique(column, return_inverse=True)[1] for column in columns]
    while True:
        before = group
        for inverse in inverses:
            least = np.full(n, n)
            np.minimum.at(least, inverse, group)
            group = least[inverse]
        if np.array_equal(before, group):
            return group.astype(np.int64)


def _alone_where_unknown(names: NDArray[np.str_]) -> Rows:
    """Equal numbers for equal names; rows without a name stand for themselves."""
    number = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return np.where(names == "", np.arange(len(names)) + len(names), number)
