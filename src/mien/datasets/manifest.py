"""A table of pictures: CSV or Parquet with the columns path and label, and subject, sequence, frame and split where they are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, UnknownNameError
from mien.core.labels import LabelSet, label_set
from mien.datasets.base import Dataset, split_name
from mien.datasets.fit import MEMORY_GIB, Fit
from mien.datasets.pictures import Row, Survey, assemble
from mien.datasets.tables import csv_records, parquet_records

FILES = ("manifest.csv", "manifest.parquet")
COLUMNS = ("path", "label", "subject", "sequence", "frame", "split")
_DIGITS = 18


def load(
    data_dir: Path,
    *,
    labels: str | LabelSet | Sequence[str] = "fer7",
    crop_size: int | None = None,
    channels: int = 3,
    crop: str = "picture",
    memory_gib: float = MEMORY_GIB,
    split: str = "train",
    strict: bool = True,
) -> Dataset:
    """Read the pictures that a manifest lists. `data_dir` is the manifest itself or a folder that holds one of FILES.

    Paths are relative to the manifest. Labels are names of `labels` or ALIASES of them. Rows without a split belong to `split`. A frame is
    a whole number from 0, or empty. Each further column goes to `metadata`: as numbers where all its cells are, NaN for an empty one, else
    as text. `crop_size`, `channels`, `crop`, `memory_gib`: see `fit.Fit`. `strict`: raise when a row can't be used, instead of leaving it
    out with a note. `ids` are the paths as written.

    Raises
    ------
    DatasetAbsentError
        No manifest, or no usable row in it.
    DatasetPartialError
        Pictures that are missing.
    DatasetCorruptError
        No path or label column, bad labels, splits or frames, unreadable or repeated pictures, or unequal sizes without `crop_size`.
    OptionError
        The pictures would take more than `memory_gib`.
    """
    return assemble(survey(data_dir, labels=labels, split=split), Fit(crop_size, channels, crop, memory_gib), strict=strict)


def find(data_dir: Path) -> Path:
    """The manifest. Raises DatasetAbsentError."""
    found = [path for path in (data_dir, *(data_dir / name for name in FILES)) if path.is_file()]
    if not found:
        raise DatasetAbsentError(f"No manifest at {data_dir}. Give a CSV or Parquet file, or a folder that holds {' or '.join(FILES)}.")
    return found[0]


def survey(data_dir: Path, *, labels: str | LabelSet | Sequence[str] = "fer7", split: str = "train") -> Survey:
    """The rows of the manifest. Raises UnknownNameError, DatasetAbsentError, or DatasetCorruptError for a file that is no manifest."""
    path = find(data_dir)
    declared, otherwise = label_set(labels), split_name(split)
    rows, faults = [], []
    for number, record in enumerate(records(path), start=1):
        try:
            rows.append(_row(path, record, otherwise))
        except (UnknownNameError, ValueError) as error:
            faults.append(f"Row {number}: {error}" if isinstance(error, UnknownNameError) else f"Row {number} {error}.")
    return Survey("manifest", path, declared, rows, faults)


def _row(path: Path, record: Mapping[str, str], otherwise: str) -> Row:
    """One row. Raises UnknownNameError for a split, ValueError with the rest of a sentence for another fault."""
    role = split_name(record["split"]) if record.get("split") else otherwise
    if not record["path"]:
        raise ValueError("names no picture")
    frame = record.get("frame", "")
    # A table program writes whole numbers of a column with gaps as 3.0.
    whole = frame.removesuffix(".0")
    if whole and not (whole.isdecimal() and len(whole) <= _DIGITS):
        raise ValueError(f"has the frame {frame!r}; allowed are whole numbers from 0 of at most {_DIGITS} digits")
    return Row(
        path.parent / record["path"],
        record["path"],
        record["label"],
        role,
        record.get("subject"),
        record.get("sequence"),
        int(whole) if whole else None,
        {name: value for name, value in record.items() if name and name not in COLUMNS},
    )


def records(path: Path) -> list[dict[str, str]]:
    """Rows as text, under lower-case column names; an empty cell is "". Raises DatasetCorruptError without the columns path and label."""
    rows = parquet_records(path) if path.suffix.lower() == ".parquet" else csv_records(path)
    missing = [name for name in ("path", "label") if rows and name not in rows[0]]
    if missing:
        raise DatasetCorruptError(
            f"{path} has no column {' and '.join(missing)}; a manifest has {', '.join(COLUMNS)}, of which the first two are needed."
        )
    return rows
