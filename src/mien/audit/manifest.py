"""The cleaned manifest: a table that says of every row of a data set whether it stays, and why not."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from mien.audit.rules import Selection
from mien.core.errors import DatasetCorruptError, InputError
from mien.core.files import replacing
from mien.core.suffixes import known_suffix
from mien.datasets.base import Dataset

COLUMNS = ("id", "split", "label", "keep", "reason")
SUFFIXES = (".csv",)


def check_manifest(path: str | Path) -> None:
    """Raise UnknownNameError unless `path` ends as a cleaned manifest does."""
    known_suffix(path, SUFFIXES, "suffix of a cleaned manifest")


def write_clean(path: str | Path, dataset: Dataset, selection: Selection) -> None:
    """Write COLUMNS as CSV in UTF-8, a line for each row of `dataset` in its order; `keep` is 1 or 0, `label` "" for none.

    `load_dataset(name, data_dir, rows=path)` reads the rows that it keeps.

    Raises
    ------
    UnknownNameError
        A suffix other than .csv.
    InputError
        The selection is of another data set.
    DatasetCorruptError
        Two rows have one id, so that the id does not say which stays.
    OutputError
        The file can't be written there.
    """
    check_manifest(path)
    if len(selection.keep) != len(dataset):
        raise InputError(
            f"The selection is of {len(selection.keep):,} rows and {dataset.name} has {len(dataset):,}. Select among its own rows."
        )
    names, counts = np.unique(dataset.ids, return_counts=True)
    if len(names) < len(dataset):
        raise DatasetCorruptError(
            f"{dataset.name} has {len(dataset) - len(names):,} rows whose id another row has ({names[counts.argmax()]} stands "
            f"{counts.max()} times), and a cleaned manifest names rows by id. Clean the data set before rows are copied."
        )
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        labels = [dataset.labels[target] if target >= 0 else "" for target in dataset.targets.tolist()]
        columns = (dataset.ids.tolist(), dataset.split.tolist(), labels, selection.keep.astype(int).tolist(), selection.reasons)
        writer.writerows(zip(*columns, strict=True))
