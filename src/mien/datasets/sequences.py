"""A data set of frames as one of sequences: a row each, with all pictures behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetCorruptError
from mien.datasets.base import Dataset
from mien.datasets.roster import sequence_names


@dataclass(frozen=True, eq=False)
class Sequences(Dataset):
    """A data set whose rows are sequences of pictures.

    `images` (N, …) are the pictures in the middle of the sequences, `ids` their names. `pictures`: uint8 (F, H, W) gray or (F, H, W, 3)
    RGB, all frames. `places`: the id of a sequence → int64 (T,), its frames among `pictures`, in the order of time. Both stay whole when
    rows are taken, so that protocols divide sequences as they divide pictures. `rate_hz`: the usual number of frames a second, where the
    data set tells their times (`time_s` of its metadata); else None.
    """

    pictures: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 1, 1), np.uint8))
    places: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    rate_hz: float | None = None

    def frames_of(self, row: int) -> NDArray[np.int64]:
        """The places of the frames of a row among `pictures`: int64 (T,), T ≥ 1."""
        return self.places[str(self.ids[row])]


def as_sequences(dataset: Dataset) -> Sequences:
    """The sequences of a data set of frames, in the order in which they begin there.

    A sequence's label is the one that most of its labelled frames have, neutral only where they have no other; -1 without any. Columns but
    `votes` are those of its middle frame. Where several subjects have a sequence of one name, each has its own, called "subject/name".
    Pictures that are no frame of a sequence are left out, and counted in a note.

    Raises
    ------
    DatasetCorruptError
        No row is a frame of a sequence, two frames of one have the same place, or one has frames in two splits.
    """
    names = np.array([] if dataset.sequences is None else _of_each(dataset.subjects, dataset.sequences), np.str_)
    frames = np.flatnonzero(names != "")
    if dataset.frames is None or not len(frames):
        raise DatasetCorruptError(
            f"{dataset.name} holds no sequences: no row names one. Give frames of sequences, with their places there."
        )
    ordered = frames[np.lexsort((dataset.frames[frames], names[frames]))]
    parts = np.split(ordered, np.flatnonzero(names[ordered][1:] != names[ordered][:-1]) + 1)
    parts.sort(key=min)
    for part in parts:
        _need_one_by_one(dataset, str(names[part[0]]), part)
    rows = dataset.take(np.array([part[len(part) // 2] for part in parts]))
    notes = (f"{lost:,} pictures are frames of no sequence.",) if (lost := len(dataset) - len(frames)) else ()
    values = {item.name: getattr(rows, item.name) for item in fields(Dataset)} | {
        "targets": np.array([_label(dataset, part) for part in parts], np.int64),
        "ids": names[[part[0] for part in parts]],
        "votes": None,
        "notes": (*dataset.notes, *notes),
    }
    named = {str(names[part[0]]): part for part in parts}
    return Sequences(**values, pictures=dataset.images, places=named, rate_hz=_rate(dataset.metadata.get("time_s"), parts))


def _rate(times_s: NDArray[np.float64] | None, parts: list[NDArray[np.int64]]) -> float | None:
    steps = np.concatenate([np.diff(times_s[part]) for part in parts]) if times_s is not None else np.zeros(0)
    return round(float(1 / np.median(steps)), 3) if len(steps) and np.median(steps) > 0 else None


def _label(dataset: Dataset, rows: NDArray[np.int64]) -> int:
    counts = np.bincount(dataset.targets[rows] + 1, minlength=len(dataset.labels) + 1)[1:]
    if "neutral" in dataset.labels.names and counts.sum() > counts[neutral := dataset.labels.index("neutral")]:
        counts[neutral] = 0
    return int(counts.argmax()) if counts.any() else -1


def _of_each(subjects: NDArray[np.str_] | None, names: NDArray[np.str_]) -> NDArray[np.str_]:
    """The names, with the subject's before them where one stands for sequences of several."""
    told = sequence_names(subjects, names)
    return names if len(np.unique(told)) == len(np.unique(names)) else told


def _need_one_by_one(dataset: Dataset, name: str, rows: NDArray[np.int64]) -> None:
    if dataset.frames is not None and len(np.unique(dataset.frames[rows])) < len(rows):
        raise DatasetCorruptError(f"Two frames of the sequence {name} of {dataset.name} have the same place. Number them from 0.")
    if len(roles := np.unique(dataset.split[rows])) > 1:
        raise DatasetCorruptError(f"The sequence {name} of {dataset.name} has frames in {' and '.join(roles)}. Give it one split.")


def resample(length: int, frames: int) -> NDArray[np.int64]:
    """Which of `length` frames make a sequence of `frames`: int64 (frames,), rising.

    Algorithm 1 of the thesis on static and dynamic FER. Of a longer sequence every ⌈length / frames⌉-th stays, and what is then missing is
    filled with the last of these, for the algorithm does not say by what. Of a shorter one each comes ⌈frames / length⌉ times, cut at
    `frames`: of 30 frames for 40 the last ten are lost that way.
    """
    if length > frames:
        kept = np.arange(0, length, -(-length // frames))
        return np.concatenate([kept, np.full(frames - len(kept), kept[-1])])
    return np.repeat(np.arange(length), -(-frames // length))[:frames]
