"""Which rows belong together: they are drawn together when a figure's interval is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mien.core.errors import DatasetError, UnknownNameError
from mien.datasets.base import Dataset
from mien.datasets.roster import sequence_names
from mien.datasets.twins import exact_twins

GROUPS = ("twins", "subjects", "sequences")


def group_rows(dataset: Dataset, rows: NDArray[np.int64], by: str = "twins") -> NDArray[np.int64]:
    """Group numbers int64 (N,) for `rows` (N,) of a data set.

    "twins": all pixels are equal, or the id is. "subjects": the same person. "sequences": the same sequence of the same person. A row whose
    subject or sequence is unknown stands for itself.

    Raises
    ------
    UnknownNameError
        `by` is none of GROUPS.
    DatasetError
        The data set does not tell its subjects or sequences, or of none of the rows.
    """
    if by not in GROUPS:
        raise UnknownNameError("kind of group", by, GROUPS)
    if by == "twins":
        return _joined(exact_twins(dataset.images[rows]), dataset.ids[rows])
    names = dataset.subjects if by == "subjects" else dataset.sequences
    if names is None or not (names[rows] != "").any():
        raise DatasetError(f'{dataset.name} does not tell the {by} of these rows. Use groups="twins", or give the data set a {by} column.')
    known = names[rows] != ""
    keys = names[rows]
    if by == "sequences":
        keys = sequence_names(None if dataset.subjects is None else dataset.subjects[rows], keys)
    _, numbers = np.unique(keys, return_inverse=True)
    return np.where(known, numbers, numbers.max() + 1 + np.arange(len(rows))).astype(np.int64)


def _joined(twins: NDArray[np.int64], ids: NDArray[np.int64] | NDArray[np.str_]) -> NDArray[np.int64]:
    """Twins, and copies of one picture, which may have been drawn anew, as one group."""
    distinct, copies = np.unique(ids, return_inverse=True)
    if len(distinct) == len(ids):
        return twins
    n = int(twins.max()) + 1
    links = coo_array((np.ones(len(ids), bool), (twins, n + copies)), shape=(n + len(distinct),) * 2)
    _, groups = connected_components(links, directed=False)
    return np.asarray(groups[twins], np.int64)


def unknown_rows(dataset: Dataset, rows: NDArray[np.int64], by: str) -> int:
    """How many of `rows` have no known group, and so stand for themselves."""
    names = {"subjects": dataset.subjects, "sequences": dataset.sequences}.get(by)
    return 0 if names is None else int((names[rows] == "").sum())
