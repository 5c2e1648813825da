"""Several data sets as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetError, LabelError, OptionError
from mien.core.labels import FER8, LabelSet, label_set
from mien.datasets.base import Dataset, SplitOrigin
from mien.datasets.partition import deal
from mien.datasets.twins import twins_in_train


def merge(
    datasets: Sequence[Dataset], *, labels: str | LabelSet | None = None, shares: Sequence[float] | None = None, seed: int = 0
) -> Dataset:
    """The rows of all `datasets`, one after the other, in one label set.

    `labels`: the set of all, into which each is mapped by name; default their own where they agree, else all names that occur, in FER8's
    order. `shares`: what each is to make up of the whole, as (0.9, 0.1); of a data set that has too many rows, some are drawn at random,
    each class in proportion. Default: all rows. Rows without a label in the common set are left out, and counted in a note.

    Ids, subjects and sequences get their data set's name in front, metadata the column "dataset"; of the other columns those stay that all
    have. Sides stay as they are.

    Raises
    ------
    DatasetError
        No data set, two of one name, or pictures of different sizes.
    LabelError
        A label set that none of the data sets can be mapped to.
    OptionError
        Shares that are not one positive number a data set, summing to 1.
    """
    names = [dataset.name for dataset in datasets]
    if not datasets or len(set(names)) < len(names):
        raise DatasetError(f"A merged data set needs data sets of different names; received {', '.join(names) or 'none'}.")
    _need_one_size(datasets)
    common = _common(datasets) if labels is None else label_set(labels)
    parts = [_mapped(dataset, common) for dataset in datasets]
    if shares is not None:
        parts = _in_shares(parts, shares, np.random.default_rng(seed))
    return _joined(parts, common)


def _need_one_size(datasets: Sequence[Dataset]) -> None:
    shapes = {dataset.name: dataset.images.shape[1:] for dataset in datasets}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} {'×'.join(map(str, shape))}" for name, shape in shapes.items())
        raise DatasetError(f"Merged data sets have pictures of one size and one number of channels; received {told}. Load them alike.")


def _common(datasets: Sequence[Dataset]) -> LabelSet:
    first = datasets[0].labels
    if all(dataset.labels == first for dataset in datasets):
        return first
    there = {name for dataset in datasets for name in dataset.labels}
    foreign = sorted(there - set(FER8))
    if foreign:
        raise LabelError(
            f"The label sets of {', '.join(d.name for d in datasets)} differ, and {', '.join(foreign)} is none of fer8. Give labels."
        )
    return label_set(tuple(name for name in FER8 if name in there))


def _mapped(dataset: Dataset, common: LabelSet) -> Dataset:
    """`dataset` in the common set, which may hold names that this one does not have; labelled rows only."""
    own = dataset.labels
    wide = LabelSet("wide", (*own, *(name for name in dict.fromkeys((*common, *FER8)) if name not in own)))
    votes = None if dataset.votes is None else np.pad(dataset.votes, ((0, 0), (0, len(wide) - len(own))))
    mapped = replace(dataset, labels=wide, votes=votes).with_labels(common)
    kept = mapped.targets >= 0
    return mapped if kept.all() else _taken(mapped, np.flatnonzero(kept))


def _taken(dataset: Dataset, rows: NDArray[np.int64]) -> Dataset:
    """Some of the rows, which still know what twins all of them had in training."""
    seen = twins_in_train(dataset.images, dataset.split) if dataset.twin_in_train is None else dataset.twin_in_train
    return replace(dataset, twin_in_train=seen).take(rows)


def _in_shares(parts: Sequence[Dataset], shares: Sequence[float], rng: np.random.Generator) -> list[Dataset]:
    if len(shares) != len(parts) or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise OptionError(f"Shares are {len(parts)} positive numbers that sum to 1, one a data set; received {list(shares)}.")
    whole = min(len(part) / share for part, share in zip(parts, shares, strict=True))
    drawn = []
    for part, share in zip(parts, shares, strict=True):
        keep = round(whole * share) / len(part) if len(part) else 1.0
        if keep < 1:
            part = _taken(part, np.flatnonzero(deal(part.targets, np.arange(len(part)), [keep, 1 - keep], rng) == 0))
        drawn.append(part)
    return drawn


def _joined(parts: Sequence[Dataset], labels: LabelSet) -> Dataset:
    columns: dict[str, Any] = {key: np.concatenate([getattr(p, key) for p in parts]) for key in ("images", "targets", "split")}
    columns |= {key: _prefixed(parts, key) for key in ("ids", "subjects", "sequences")}
    columns["votes"] = None if any(p.votes is None for p in parts) else np.concatenate([p.votes for p in parts if p.votes is not None])
    columns["frames"] = _filled(parts, "frames", -1)
    columns["paths"] = _filled(parts, "paths", "")
    if any(p.twin_in_train is not None for p in parts):
        told = [twins_in_train(p.images, p.split) if p.twin_in_train is None else p.twin_in_train for p in parts]
        columns["twin_in_train"] = np.concatenate(told) | twins_in_train(columns["images"], columns["split"])
    shared = [key for key in parts[0].metadata if all(key in p.metadata for p in parts)]
    metadata = {key: np.concatenate([p.metadata[key] for p in parts]) for key in shared}
    metadata["dataset"] = np.concatenate([np.full(len(p), p.name) for p in parts])
    origins = {p.origin for p in parts}
    leaks = " ".join(dict.fromkeys(p.origin.leaks for p in parts if p.origin.leaks))
    origin = origins.pop() if len(origins) == 1 else SplitOrigin("merged", leaks=leaks)
    notes = tuple(f"{p.name}: {note}" for p in parts for note in p.notes)
    return Dataset("+".join(p.name for p in parts), labels, metadata=metadata, notes=notes, origin=origin, **columns)


def _prefixed(parts: Sequence[Dataset], key: str) -> NDArray[Any] | None:
    if all(getattr(part, key) is None for part in parts):
        return None
    named = [[""] * len(p) if getattr(p, key) is None else [f"{p.name}/{v}" if str(v) else "" for v in getattr(p, key)] for p in parts]
    return np.array([name for names in named for name in names], str)


def _filled(parts: Sequence[Dataset], key: str, empty: int | str) -> NDArray[Any] | None:
    if all(getattr(part, key) is None for part in parts):
        return None
    return np.concatenate([np.full(len(p), empty) if getattr(p, key) is None else getattr(p, key) for p in parts])
