"""The published files of FER+: votes by row (fer2013new.csv), votes by image name (label.csv), and the folders of pictures."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError
from mien.datasets.fer2013_layouts import VOTE_COLUMNS, Table, decode_all
from mien.datasets.terms import how_to_get

FOLDERS = ("FER2013Train", "FER2013Valid", "FER2013Test")
_ROWS_FILE = "fer2013new.csv"


@dataclass(frozen=True, eq=False)
class VoteRows:
    """fer2013new.csv: `names` of the images ("" where a row has none), `usage`, and `counts` uint8 (N, 10), by row of FER2013."""

    path: Path
    names: tuple[str, ...]
    usage: NDArray[np.str_]
    counts: NDArray[np.uint8]

    def row_of(self) -> dict[str, int]:
        """Image name → row. Four names stand on two rows each, which show the same image: the first row has it, so that it counts once."""
        return {name: row for row, name in reversed(list(enumerate(self.names))) if name}


def find_labels(data_dir: Path) -> Path:
    """The folder that holds fer2013new.csv: `data_dir` or `ferplus` in it. Raises DatasetAbsentError."""
    for folder in _places(data_dir):
        if (folder / _ROWS_FILE).is_file():
            return folder
    raise DatasetAbsentError(
        f"No FER+ votes in {data_dir}: looked for {_ROWS_FILE} there and in {data_dir / 'ferplus'}. "
        f"Give the folder that holds them. {how_to_get('ferplus')}"
    )


def read_rows(folder: Path) -> VoteRows:
    """Read fer2013new.csv in `folder`. Raises DatasetCorruptError."""
    path = folder / _ROWS_FILE
    lines = _read_lines(path)[1:]
    names = tuple(line[1].strip() for line in lines)
    return VoteRows(path, names, np.array([line[0] for line in lines], str), _votes_of(path, lines))


def read_label_files(folder: Path, rows: VoteRows) -> NDArray[np.uint8]:
    """Votes of the three label.csv by row of FER2013: uint8 (N, 10), zero where no file names the row's image.

    Raises DatasetPartialError for a missing file, DatasetCorruptError for a broken one or one that names other images.
    """
    row_of = rows.row_of()
    counts = np.zeros_like(rows.counts)
    for part in FOLDERS:
        path = folder / part / "label.csv"
        if not path.is_file():
            raise DatasetPartialError(f"{path} is missing; FER+ has a label.csv in each of {', '.join(FOLDERS)}. Fetch it again.")
        lines = _read_lines(path)
        unknown = [line[0] for line in lines if line[0] not in row_of]
        if unknown:
            raise DatasetCorruptError(f"{path} names {unknown[0]}, which {rows.path} does not. Fetch both again.")
        counts[[row_of[line[0]] for line in lines]] = _votes_of(path, lines)
    return counts


def holds_pictures(data_dir: Path) -> bool:
    """Whether the folders of FER+ in `data_dir` or in `ferplus` hold PNG files."""
    return any(next((folder / part).glob("*.png"), None) for folder in _places(data_dir) for part in FOLDERS)


def read_pictures(folder: Path, rows: VoteRows, *, verify: bool) -> Table:
    """The PNG files of the three folders, by row of FER2013. FER2013's own codes are not among them and are -1.

    With `verify` every image that `rows` names has to be there. Raises DatasetPartialError or DatasetCorruptError.
    """
    files = {file.name: file for part in FOLDERS for file in sorted((folder / part).glob("*.png"))}
    row_of = rows.row_of()
    missing = sorted(set(row_of) - set(files))
    if missing and verify:
        raise DatasetPartialError(
            f"{len(missing):,} of the {len(row_of):,} images that {rows.path} names are not in {folder}, {missing[0]} for one. "
            "Add them, or pass verify=False to use the part that is there."
        )
    there = sorted((row, files[name]) for name, row in row_of.items() if name in files)
    images = decode_all(folder, [str(file) for _, file in there], [file.read_bytes() for _, file in there])
    ids = np.array([row for row, _ in there], np.int64)
    return Table(folder, images, np.full(len(ids), -1, np.int64), rows.usage[ids], ids)


def _places(data_dir: Path) -> tuple[Path, Path]:
    return data_dir, data_dir / "ferplus"


def _read_lines(path: Path) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetCorruptError(f"{path} can't be read as CSV in UTF-8 ({error}). Fetch it again.") from error
    for number, line in enumerate(lines, start=1):
        if len(line) != 2 + len(VOTE_COLUMNS):
            raise DatasetCorruptError(f"Line {number} of {path} has {len(line)} fields; FER+ has 12. Fetch it again.")
    return lines


def _votes_of(path: Path, lines: list[list[str]]) -> NDArray[np.uint8]:
    try:
        counts = np.array([line[2:] for line in lines], np.float64).reshape(-1, len(VOTE_COLUMNS))
    except ValueError as error:
        raise DatasetCorruptError(f"{path} holds votes that are no numbers ({error}). Fetch it again.") from error
    if not ((counts >= 0) & (counts <= 255) & (counts == np.rint(counts))).all():
        raise DatasetCorruptError(f"{path} holds votes outside the whole numbers 0 to 255. Fetch it again.")
    return counts.astype(np.uint8)
