"""The rows that a cleaned manifest keeps: a CSV table with the columns id and keep, and split where it was divided anew."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, OptionError, UnknownNameError
from mien.datasets.base import Dataset, SplitOrigin, split_name
from mien.datasets.tables import csv_records
from mien.datasets.twins import twins_in_train

_KEEP = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def keep_rows(dataset: Dataset, path: str | Path) -> Dataset:
    """The rows of `dataset` that the table at `path` keeps, in the order of the data set, copied.

    `keep` is 1 or 0. Rows that the table does not list are left out too, and counted in a note. Where its `split` differs from the data
    set's, the table's is taken, and `origin` names the table. What twins were published among the training images is kept from before.

    Raises
    ------
    DatasetAbsentError
        No file there, or no row that it keeps.
    OptionError
        No path.
    DatasetCorruptError
        No table, no column id or keep, an id that the data set does not have or that stands twice, or another value of `keep` or `split`.
    """
    if not isinstance(path, (str, Path)):
        raise OptionError(f"The option rows is the path of a table; received {path!r}.")
    table = _read(Path(path))
    known = [str(i) for i in dataset.ids.tolist()]
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise DatasetCorruptError(
            f"{path} lists {len(unknown):,} ids that {dataset.name} does not have, {', '.join(unknown[:3])} among them. "
            "Give the table that was written for this data set, and the options that it was written with."
        )
    listed = [table.get(id_, (False, "")) for id_ in known]
    kept = np.array([keep for keep, _ in listed], bool)
    roles = [told or role for (_, told), role in zip(listed, dataset.split.tolist(), strict=True)]
    split = np.array(roles, dataset.split.dtype)
    divided = bool((split != dataset.split).any())
    seen = dataset.twin_in_train if dataset.twin_in_train is not None and not divided else twins_in_train(dataset.images, split)
    if not kept.any():
        raise DatasetAbsentError(f"{path} keeps none of the {len(kept):,} rows of {dataset.name}. Give a table with keep 1 in some rows.")
    unlisted = sum(id_ not in table for id_ in known)
    notes = [f"{int((~kept).sum()):,} of {len(kept):,} rows are left out by {Path(path).name}."]
    notes += [f"{unlisted:,} of these are not listed there."] if unlisted else []
    origin = SplitOrigin("rows", Path(path).name, _hash(known, split)) if divided else dataset.origin
    return replace(dataset, split=split, twin_in_train=seen, notes=(*dataset.notes, *notes), origin=origin).take(kept)


def _read(path: Path) -> dict[str, tuple[bool, str]]:
    """Id → whether it stays, and its split, "" where the table has none."""
    if not path.is_file():
        raise DatasetAbsentError(f"No table of rows at {path}. Give a CSV file that mien data audit --write-clean wrote.")
    table: dict[str, tuple[bool, str]] = {}
    for number, record in enumerate(csv_records(path), start=1):
        missing = [name for name in ("id", "keep") if name not in record]
        if missing:
            raise DatasetCorruptError(f"{path} has no column {' and '.join(missing)}; a table of rows has id and keep, and may have split.")
        if record["id"] in table:
            raise DatasetCorruptError(f"Row {number} of {path} lists {record['id']} once more. Leave one row for each id.")
        keep = _KEEP.get(record["keep"].lower())
        if keep is None:
            raise DatasetCorruptError(f"Row {number} of {path} has keep {record['keep']!r}; allowed are 1 and 0.")
        try:
            table[record["id"]] = keep, split_name(record["split"]) if record.get("split") else ""
        except UnknownNameError as error:
            raise DatasetCorruptError(f"Row {number} of {path}: {error}") from error
    return table


def _hash(ids: list[str], split: np.ndarray[tuple[int], np.dtype[np.str_]]) -> str:
    lines = sorted(f"{id_}\t{role}" for id_, role in zip(ids, split.tolist(), strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
