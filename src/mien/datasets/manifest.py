"""A table of pictures: CSV or Parquet with the columns path and label, and subject and split where they are known."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, UnknownNameError
from mien.core.labels import LabelSet, label_set
from mien.datasets.base import Dataset, split_name
from mien.datasets.parquet import read_parquet
from mien.datasets.pictures import Fit, Row, assemble

FILES = ("manifest.csv", "manifest.parquet")
_COLUMNS = ("path", "label", "subject", "split")


def load(
    data_dir: Path,
    *,
    labels: str | LabelSet | Sequence[str] = "fer7",
    crop_size: int | None = None,
    channels: int = 3,
    split: str = "train",
    strict: bool = True,
) -> Dataset:
    """Read the pictures that a manifest lists. `data_dir` is the manifest itself or a folder that holds one of FILES.

    Paths are relative to the manifest. Labels are names of `labels` or ALIASES of them. Rows without a split belong to `split`.
    `crop_size`, `channels`: see `pictures.Fit`. `strict`: raise when a row can't be used, instead of leaving it out with a note.
    `ids` are the paths as written.

    Raises
    ------
    DatasetAbsentError
        No manifest, or no usable row in it.
    DatasetPartialError
        Pictures that are missing.
    DatasetCorruptError
        No path or label column, bad labels or splits, unreadable or repeated pictures, or unequal sizes without `crop_size`.
    """
    path = _find(data_dir)
    declared, otherwise = label_set(labels), split_name(split)
    rows, faults = [], []
    for number, record in enumerate(_records(path), start=1):
        try:
            role = split_name(record["split"]) if record.get("split") else otherwise
        except UnknownNameError as error:
            faults.append(f"Row {number}: {error}")
            continue
        if not record["path"]:
            faults.append(f"Row {number} names no picture.")
            continue
        rows.append(Row(path.parent / record["path"], record["path"], record["label"], role, record.get("subject")))
    return assemble("manifest", rows, declared, Fit(crop_size, channels), strict=strict, faults=faults, where=path)


def _find(data_dir: Path) -> Path:
    found = [path for path in (data_dir, *(data_dir / name for name in FILES)) if path.is_file()]
    if not found:
        raise DatasetAbsentError(f"No manifest at {data_dir}. Give a CSV or Parquet file, or a folder that holds {' or '.join(FILES)}.")
    return found[0]


def _records(path: Path) -> list[dict[str, str]]:
    """Rows as text, under lower-case column names; an empty cell is ""."""
    records = _parquet_records(path) if path.suffix.lower() == ".parquet" else _csv_records(path)
    missing = [name for name in ("path", "label") if records and name not in records[0]]
    if missing:
        raise DatasetCorruptError(
            f"{path} has no column {' and '.join(missing)}; a manifest has {', '.join(_COLUMNS)}, of which the first two are needed."
        )
    return records


def _csv_records(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [{(k or "").strip().lower(): _text(v) for k, v in record.items()} for record in csv.DictReader(file)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetCorruptError(f"{path} can't be read as CSV in UTF-8 ({error}). Save it again as such.") from error


def _parquet_records(path: Path) -> list[dict[str, str]]:
    records = read_parquet(path).to_dict("records")
    return [{str(k).strip().lower(): _text(v) for k, v in record.items()} for record in records]


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
