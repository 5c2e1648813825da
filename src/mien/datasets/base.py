"""The value that every data set becomes, and the registry of loaders."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, LabelError, UnknownNameError
from mien.core.labels import LabelSet
from mien.datasets.options import check_options

SPLITS = ("train", "validation", "test")
_SPLIT_ALIASES = {"training": "train", "val": "validation", "valid": "validation", "public": "validation", "publictest": "validation"}
_SPLIT_ALIASES |= {"private": "test", "privatetest": "test", "testing": "test"}

_COLUMNS = ("images", "targets", "split", "ids", "votes", "subjects", "sequences", "frames", "paths", "twin_in_train")

DATASETS: dict[str, str] = {
    "avatars": "mien.datasets.avatars",
    "fer2013": "mien.datasets.fer2013",
    "ferplus": "mien.datasets.ferplus",
    "affectnet": "mien.datasets.affectnet",
    "ckplus": "mien.datasets.ckplus",
    "jaffe": "mien.datasets.jaffe",
    "ferg": "mien.datasets.ferg",
    "rafdb": "mien.datasets.rafdb",
    "folder": "mien.datasets.folder",
    "manifest": "mien.datasets.manifest",
    "merged": "mien.datasets.merged",
}
"""Name of a data set → the module whose `load(data_dir, **options)` reads it."""


@dataclass(frozen=True)
class SplitOrigin:
    """Where the `split` column of a data set comes from.

    `protocol`: the name of the protocol; "official" is the split as published. `fold`: which of its folds, "" where there is one only.
    `sha256`: the hash of protocol, identities and roles; "" for the official split. `leaks`: a sentence that says how test rows reach
    training under this protocol; "" for an honest one.
    """

    protocol: str = "official"
    fold: str = ""
    sha256: str = ""
    leaks: str = ""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled face pictures of one size, row by row.

    `images`: uint8 (N, H, W) gray or (N, H, W, 3) RGB. `targets`: int64 (N,), the column in `labels`, -1 where a row has no label.
    `split`: str (N,) of "train", "validation" or "test". `ids`: int64 or str (N,), an identity that stays the same between readings.
    `votes`: float32 (N, C), rows sum to 1, or are all zero where there are too few votes; None without votes.
    Equal ids mark copies of one picture. `subjects`: str (N,), who is shown, "" for an unknown one. `sequences`: str (N,), the sequence
    that a picture is a frame of, and `frames`: int64 (N,), its place there, from 0, or -1 for no frame. `paths`: str (N,), the picture's
    own file. Each of these is None where the data set does not tell. `metadata`: further columns by name, each (N,) of numbers or text;
    landmarks are (N, 68, 2).
    `twin_in_train`: bool (N,), True where the same pixels are published among the training images, also those that are not rows here;
    None says that no row was dropped, so that the rows tell. `notes`: one sentence for each row that was left out and each class without
    rows. `origin`: where `split` comes from.

    Arrays are shared with the reader's cache and may be read-only; `take` and `subset` copy.

    Raises
    ------
    DatasetCorruptError
        Arrays of unequal length or of a wrong shape or dtype.
    LabelError
        A target outside the label set.
    """

    name: str
    labels: LabelSet
    images: NDArray[np.uint8]
    targets: NDArray[np.int64]
    split: NDArray[np.str_]
    ids: NDArray[np.int64] | NDArray[np.str_]
    votes: NDArray[np.float32] | None = None
    subjects: NDArray[np.str_] | None = None
    sequences: NDArray[np.str_] | None = None
    frames: NDArray[np.int64] | None = None
    paths: NDArray[np.str_] | None = None
    metadata: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    twin_in_train: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()
    origin: SplitOrigin = SplitOrigin()

    def __post_init__(self) -> None:
        self._check_images()
        self._check_rows()
        if len(self) and (self.targets.min() < -1 or self.targets.max() >= len(self.labels)):
            raise LabelError(
                f"Targets of {self.name} reach from {self.targets.min()} to {self.targets.max()}; "
                f"{self.labels.name} allows 0 to {len(self.labels) - 1}, and -1 for none."
            )
        wrong = sorted(set(np.unique(self.split).tolist()) - set(SPLITS))
        if wrong:
            raise DatasetCorruptError(f"{self.name} has the splits {', '.join(wrong)}; allowed are {', '.join(SPLITS)}.")

    def _check_images(self) -> None:
        gray = self.images.ndim == 3
        if self.images.dtype != np.uint8 or not (gray or (self.images.ndim == 4 and self.images.shape[3] == 3)):
            raise DatasetCorruptError(
                f"Images of {self.name} are {self.images.dtype} of shape {self.images.shape}; allowed are uint8 (N, H, W) and (N, H, W, 3)."
            )

    def _check_rows(self) -> None:
        lengths = {key: len(column) for key in _COLUMNS if (column := getattr(self, key)) is not None}
        lengths |= {key: len(column) for key, column in self.metadata.items()}
        unequal = [f"{key} {n}" for key, n in lengths.items() if n != len(self.images)]
        if unequal:
            raise DatasetCorruptError(f"{self.name} has {len(self.images)} images but {', '.join(unequal)} rows; all need the same length.")
        if self.votes is not None and self.votes.shape[1:] != (len(self.labels),):
            raise DatasetCorruptError(
                f"Votes of {self.name} have the shape {self.votes.shape}; {self.labels.name} needs (N, {len(self.labels)})."
            )

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index: NDArray[np.bool_] | NDArray[np.int64]) -> Dataset:
        """The rows that a boolean mask (N,) or an index array picks, in that order, copied."""
        picked: dict[str, Any] = {key: None if (column := getattr(self, key)) is None else column[index] for key in _COLUMNS}
        return replace(self, **picked, metadata={key: column[index] for key, column in self.metadata.items()})

    def subset(self, split: str) -> Dataset:
        """The rows of one split. Takes the names `split_name` knows; a split without rows gives an empty data set."""
        return self.take(self.split == split_name(split))

    def with_labels(self, target: LabelSet) -> Dataset:
        """The same rows under another label set, as `LabelSet.projection` maps the names.

        Rows whose label has no place there get the target -1 and are counted in a note; votes are projected, and those left with nothing
        are all zero. Raises LabelError when a name of `target` can't be reached.
        """
        if target == self.labels:
            return self
        matrix = self.labels.projection(target)
        goal = np.where(matrix.any(axis=1), matrix.argmax(axis=1), -1)
        targets = np.where(self.targets >= 0, goal[self.targets], -1).astype(np.int64)
        lost = (self.targets >= 0) & (targets < 0)
        votes = None
        if self.votes is not None:
            summed = self.votes @ matrix
            votes = np.divide(
                summed, summed.sum(axis=1, keepdims=True), out=np.zeros_like(summed), where=summed.sum(axis=1, keepdims=True) > 0
            )
        notes = self.notes
        if lost.any():
            dropped = ", ".join(name for name, row in zip(self.labels, matrix, strict=True) if not row.any())
            parts = ", ".join(f"{n:,} of {split}" for split in SPLITS if (n := int((lost & (self.split == split)).sum())))
            notes = (*notes, f"{lost.sum():,} rows of {dropped} have no place in {target.name}: {parts}.")
        return replace(self, labels=target, targets=targets, votes=votes, notes=notes)


def split_name(name: str) -> str:
    """The split that `name` stands for: "train", "validation" or "test", or a name in use for one (training, val, public, private …).

    Raises UnknownNameError for any other.
    """
    known = {split: split for split in SPLITS} | _SPLIT_ALIASES
    try:
        return known[name.strip().lower()]
    except KeyError:
        raise UnknownNameError("split", name, known) from None


def load_dataset(name: str, data_dir: str | Path, /, *, rows: str | Path | None = None, **options: Any) -> Dataset:
    """Read the data set `name` (a key of DATASETS) from the folder `data_dir`; the options are those of its `load` function.

    `rows`: a CSV table that says which rows stay, as `mien data audit --write-clean` writes it; see `rows.keep_rows`.

    Raises
    ------
    UnknownNameError
        No such data set, or no such option.
    OptionError
        A value that the option does not take.
    DatasetAbsentError, DatasetPartialError, DatasetCorruptError
        Nothing was found, something is missing, or what is there contradicts its own format.
    """
    load = loader_of(name).load
    check_options(name, load, options, also=("rows",))
    try:
        dataset: Dataset = load(Path(data_dir), **options)
        if rows is None:
            return dataset
        from mien.datasets.rows import keep_rows

        return keep_rows(dataset, rows)
    except OSError as error:
        raise DatasetAbsentError(f"Can't read {error.filename or data_dir}: {error.strerror}. Give a folder that you may read.") from error


def loader_of(name: str) -> Any:
    """The module that reads the data set `name`. Raises UnknownNameError."""
    if name not in DATASETS:
        raise UnknownNameError("data set", name, DATASETS)
    return importlib.import_module(DATASETS[name])
