"""Tables of text, from CSV and Parquet alike."""

from __future__ import annotations

import csv
from pathlib import Path

from mien.core.errors import DatasetCorruptError
from mien.datasets.parquet import read_parquet


def csv_records(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file as text, under lower-case column names.

    Raises DatasetCorruptError, also for a column that is there twice and for a row of more cells than columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = [name.strip().lower() for name in reader.fieldnames or ()]
            _need_distinct(path, columns)
            records = []
            for number, record in enumerate(reader, start=1):
                more = record.pop(None, [])
                if any(more):
                    raise DatasetCorruptError(
                        f"Row {number} of {path} has {len(columns) + len(more)} cells; {len(columns)} columns are allowed. "
                        "Put text with a comma in quotes."
                    )
                records.append({name.strip().lower(): _text(value) for name, value in record.items()})
            return records
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetCorruptError(f"{path} can't be read as CSV in UTF-8 ({error}). Save it again as such.") from error


def parquet_records(path: Path) -> list[dict[str, str]]:
    """Rows of a Parquet file as text, under lower-case column names. Raises DatasetCorruptError."""
    table = read_parquet(path).to_dict("records")
    return [{str(k).strip().lower(): _text(v) for k, v in record.items()} for record in table]


def _need_distinct(path: Path, columns: list[str]) -> None:
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise DatasetCorruptError(f"{path} has the column {', '.join(twice)} more than once. Leave one of each name.")


def _text(value: object) -> str:
    """A cell as text: "" for none, and for the NaN that stands for none in a Parquet column."""
    return "" if value is None or value != value else str(value).strip()
