"""What a protocol makes of a data set: folds, which say for every row on which side it stands, and what they let leak."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetError
from mien.core.labels import label_set
from mien.datasets.base import Dataset, SplitOrigin


@dataclass(frozen=True, eq=False)
class Fold:
    """One division of a data set's rows.

    `name`: "2 of 5", the person left out, or "" where there is one fold only. `rows`: int64 (M,), rows of the data set; a row may be
    absent (left out) or come several times (copied). `split`: str (M,), the side of each: "train", "validation" or "test". `versions`:
    int64 (M,), the drawn version of each picture as `mien.datasets.versions` numbers them, 0 for the picture itself; None for all 0.
    `notes`: what was left out, and the classes that a side lacks. `leaks`: how test rows reach training, counted; "" when they do not.
    `sha256`: of protocol, identities, sides and versions; the order of the rows makes no difference.
    """

    name: str
    rows: NDArray[np.int64]
    split: NDArray[np.str_]
    versions: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()
    leaks: str = ""
    sha256: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def side(self, split: str) -> NDArray[np.int64]:
        """The rows of the data set that stand on that side: int64 (K,)."""
        return np.asarray(self.rows[self.split == split], np.int64)


@dataclass(frozen=True)
class Protocol:
    """One way to divide data sets.

    `divide(roster, rng, **options)` gives the folds; its docstring describes it and names its source. `labels`: the label set that it is
    about, "" for any. `leaks`: for one as published, how test rows reach training; "" for an honest one. `honest`: for one as published,
    the name of the protocol that asks the same question without the leak.
    """

    name: str
    divide: Callable[..., list[Fold]]
    labels: str = ""
    leaks: str = ""
    honest: str = ""

    @property
    def about(self) -> str:
        """The first line of its description."""
        return inspect.getdoc(self.divide).partition("\n")[0]  # type: ignore[union-attr]

    @property
    def options(self) -> dict[str, Any]:
        """Its options and their defaults."""
        return {k: p.default for k, p in inspect.signature(self.divide).parameters.items() if p.kind is p.KEYWORD_ONLY}


@dataclass(frozen=True, eq=False)
class Plan:
    """The folds of one protocol over one data set; made by `make_split`, put to use by `apply`.

    `labels`: the label set that the protocol is about, "" for the data set's own. `options`: all of them, defaults too. `leaks`: what the
    protocol itself lets leak, whatever the data; each fold says what it does on these. `published`: for "official", where the sides that it
    leaves alone come from. `sha256`: of the folds' hashes.
    """

    dataset: str
    protocol: str
    folds: tuple[Fold, ...]
    labels: str = ""
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    leaks: str = ""
    ids_sha256: str = ""
    published: SplitOrigin = field(default_factory=SplitOrigin)

    @property
    def sha256(self) -> str:
        """SHA-256 over the folds' own, in their order."""
        return hashlib.sha256("\n".join(fold.sha256 for fold in self.folds).encode()).hexdigest()

    def origin(self, i: int = 0) -> SplitOrigin:
        """Where the split of fold `i` (from 0) comes from, as data set and model card carry it."""
        fold = self.folds[i]
        counted = "" if fold.leaks in self.published.leaks else fold.leaks
        leaks = " ".join(filter(None, (self.leaks, self.published.leaks, counted)))
        if self.published.protocol != "official":
            return replace(self.published, leaks=leaks)
        return SplitOrigin(self.protocol, fold.name, fold.sha256, leaks)

    def apply(self, dataset: Dataset, i: int = 0) -> Dataset:
        """`dataset` divided as fold `i` (from 0) says: its rows, sides, drawn versions and label set, with `origin` set.

        The data set may label the same rows differently from the one that the plan was made for, as FER+ and FER2013 do.

        Raises
        ------
        DatasetError
            The rows are not those that the plan was made for, or there is no such fold.
        """
        if not 0 <= i < len(self.folds):
            raise DatasetError(f"The plan {self.protocol} has {len(self.folds)} folds; received fold {i}, counted from 0.")
        if hash_of_ids(dataset.ids) != self.ids_sha256:
            raise DatasetError(
                f"The plan {self.protocol} was made for other rows than the {len(dataset):,} of {dataset.name}. Call make_split on these."
            )
        fold = self.folds[i]
        if self.labels:
            dataset = dataset.with_labels(label_set(self.labels))
        told = (*dataset.notes, *(note for note in fold.notes if note not in dataset.notes))
        whole = len(fold) == len(dataset) and bool((fold.rows == np.arange(len(fold))).all())
        if not whole:
            dataset = dataset.take(fold.rows)
        seen = dataset.twin_in_train if self.protocol == "official" else None  # under other sides the rows themselves tell
        dataset = replace(dataset, split=fold.split, twin_in_train=seen, notes=told, origin=self.origin(i))
        if fold.versions is None:
            return dataset
        from mien.datasets.versions import drawn

        return replace(dataset, images=drawn(dataset.images, fold.versions))


def hash_of_ids(ids: NDArray[Any]) -> str:
    """SHA-256 of identities (N,), in their order."""
    return hashlib.sha256("\n".join(map(str, ids.tolist())).encode()).hexdigest()


def hash_of_fold(protocol: str, fold: Fold, ids: NDArray[Any]) -> str:
    """SHA-256 of the protocol's name and of each row's identity, side and version, sorted. `ids` (N,) are those of the data set."""
    versions = np.zeros(len(fold), np.int64) if fold.versions is None else fold.versions
    lines = sorted(f"{id_}\t{side}\t{v}" for id_, side, v in zip(ids[fold.rows].tolist(), fold.split.tolist(), versions, strict=True))
    return hashlib.sha256("\n".join([protocol, *lines]).encode()).hexdigest()
