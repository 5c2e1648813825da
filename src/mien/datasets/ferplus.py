"""FER+ (Barsoum et al., ICMI 2016): FER2013's images with ten votes each, read by the published protocol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError, UnknownNameError
from mien.core.labels import FER8
from mien.datasets.base import Dataset
from mien.datasets.fer2013 import check_counts, splits_of
from mien.datasets.fer2013_layouts import Table, find_table, read_table
from mien.datasets.ferplus_files import VoteRows, find_labels, holds_pictures, read_label_files, read_pictures, read_rows
from mien.datasets.ferplus_votes import majority, peak_votes, soft_votes
from mien.datasets.twins import twins_in_train

LABEL_FILES = ("label.csv", "fer2013new.csv")
"""The two publications of the votes. They differ in 1,602 rows; results are usually given for label.csv."""


def load(
    data_dir: Path,
    *,
    labels_from: str = "label.csv",
    keep: str = "majority",
    soft: str = "votes",
    min_votes: int = 5,
    verify: bool = True,
) -> Dataset:
    """Read FER+ in label set `fer8`.

    The images come from any FER2013 layout in `data_dir` or from the folders of FER+, the votes from the files of FER+; these lie in
    `data_dir` or in `ferplus` there. `ids` are the row numbers of FER2013.

    Parameters
    ----------
    labels_from
        "label.csv": the files in FER2013Train, FER2013Valid and FER2013Test, tied to rows by the image names of fer2013new.csv. Or
        "fer2013new.csv": that file, or the vote columns of fer2013.parquet or fer2013.npz.
    keep
        "majority": the rows that the protocol keeps, 25,045 / 3,191 / 3,137 for label.csv and 25,060 / 3,199 / 3,153 for
        fer2013new.csv. "all": every row of FER2013 in its order, with target -1 where there is no majority.
    soft
        What `votes` holds: "votes" for `soft_votes` with `min_votes`, "peaks" for `peak_votes`. Rows without enough votes are zero.
    verify
        Count the images against the published figures.

    Raises
    ------
    UnknownNameError
        A value of `labels_from`, `keep` or `soft` that does not exist.
    DatasetAbsentError, DatasetPartialError, DatasetCorruptError
        Images or votes that are not there, not complete, or broken.
    """
    _need_one_of("keep", keep, ("majority", "all"))
    _need_one_of("soft", soft, ("votes", "peaks"))
    table = _read_images(data_dir, verify)
    counts = _counts_for(table, data_dir, labels_from)
    votes, _ = peak_votes(counts) if soft == "peaks" else soft_votes(counts, min_votes)
    split = splits_of(table)
    everything = Dataset(
        name="ferplus",
        labels=FER8,
        images=table.images,
        targets=majority(counts),
        split=split,
        ids=table.ids,
        votes=votes,
        twin_in_train=twins_in_train(table.images, split),
    )
    return everything.take(everything.targets >= 0) if keep == "majority" else everything


def find(data_dir: Path) -> Path:
    """The folder of the votes, when images are there too. Raises DatasetAbsentError."""
    folder = find_labels(data_dir)
    if not holds_pictures(data_dir):
        find_table(data_dir)
    return folder


def vote_counts(data_dir: Path, *, labels_from: str = "label.csv", verify: bool = True) -> NDArray[np.uint8]:
    """The ten votes of every row that `load` gives with keep="all": uint8 (N, 10), zero for rows without votes. Raises like `load`."""
    return _counts_for(_read_images(data_dir, verify), data_dir, labels_from)


def _read_images(data_dir: Path, verify: bool) -> Table:
    try:
        table = read_table(data_dir)
    except DatasetAbsentError:
        if not holds_pictures(data_dir):
            raise
        folder = find_labels(data_dir)
        return read_pictures(folder, read_rows(folder), verify=verify)
    if verify:
        check_counts(table)
    return table


def _counts_for(table: Table, data_dir: Path, labels_from: str) -> NDArray[np.uint8]:
    _need_one_of("labels_from", labels_from, LABEL_FILES)
    if labels_from == "fer2013new.csv" and table.votes is not None:
        return table.votes
    folder = find_labels(data_dir)
    rows = read_rows(folder)
    index = _row_index(table, rows)
    counts = rows.counts if labels_from == "fer2013new.csv" else read_label_files(folder, rows)
    return counts[index]


def _row_index(table: Table, rows: VoteRows) -> NDArray[np.int64]:
    if table.ids.dtype.kind != "i":
        raise DatasetPartialError(
            f"The images of {table.path} can't be tied to the rows of {rows.path}: their file names carry no row numbers. "
            "Use fer2013.csv, or a folder copy numbered Training_00000001.jpg and so on."
        )
    index = table.ids.astype(np.int64)
    if len(index) and index.max() >= len(rows.usage):
        raise DatasetPartialError(
            f"{rows.path} has {len(rows.usage):,} rows and {table.path} goes on to row {index.max():,}. Fetch the shorter file again."
        )
    if (rows.usage[index] != table.usage).any():
        raise DatasetCorruptError(f"{rows.path} and {table.path} differ in their Usage column; both need the rows in the published order.")
    return index


def _need_one_of(option: str, received: str, allowed: tuple[str, ...]) -> None:
    if received not in allowed:
        raise UnknownNameError(f"value of {option}", received, allowed)
