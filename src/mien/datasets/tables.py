"""Tables of text, from CSV and Parquet alike."""

from __future__ import annotations

import csv
from pathlib import Path

from mien.core.errors import DatasetCorruptError
from mien.datasets.parquet import read_parquet


def csv_records(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file as text, under lower-case column names. Raises DatasetCorruptError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [{(k or "").strip().lower(): _text(v) for k, v in record.items()} for record in csv.DictReader(file)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetCorruptError(f"{path} can't be read as CSV in UTF-8 ({error}). Save it again as such.") from error


def parquet_records(path: Path) -> list[dict[str, str]]:
    """Rows of a Parquet file as text, under lower-case column names. Raises DatasetCorruptError."""
    table = read_parquet(path).to_dict("records")
    return [{str(k).strip().lower(): _text(v) for k, v in record.items()} for record in table]


def _text(value: object) -> str:
    """A cell as text: "" for none, and for the NaN that stands for none in a Parquet column."""
    return "" if value is None or value != value else str(value).strip()
