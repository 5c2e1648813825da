"""The two releases of AffectNet: folders of pictures with one array file for each annotation, and the older tables."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetCorruptError
from mien.datasets.pictures import Row, pictures_in
from mien.datasets.places import absent, first_folder, places

CODES = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
NONE_CODES = {8: "none", 9: "uncertain", 10: "no face"}
"""Codes of the tables that stand for no expression."""
COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)

_FOLDERS = ("affectnet", "AffectNet")
_SETS = {"train_set": "train", "val_set": "validation"}
_TABLES = {"training.csv": "train", "validation.csv": "validation"}
_LISTS = ("Manually_Annotated_file_lists", "Manually_Annotated/Manually_Annotated_file_lists")
_PICTURES = ("Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images")
_AFFECT = {"valence": "_val", "arousal": "_aro"}
_POINTS = 68


@dataclass(frozen=True)
class Form:
    """Where a release lies: `parts` are its folders or tables by split. `tables`: the older release; its pictures are in `root`."""

    root: Path
    tables: bool
    parts: Mapping[str, Path]


@dataclass
class Listing:
    """The rows of a release, what is wrong with others, and how many show no expression, by name."""

    rows: list[Row] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    without: dict[str, int] = field(default_factory=dict)

    def add(self, code: int, row: Row) -> None:
        """Take a row by its code. Raises ValueError for one that does not exist."""
        if code in NONE_CODES:
            self.without[NONE_CODES[code]] = self.without.get(NONE_CODES[code], 0) + 1
        elif 0 <= code < len(CODES):
            self.rows.append(Row(**{**vars(row), "label": CODES[code]}))
        else:
            raise ValueError(f"the expression {code}")


def find_form(data_dir: Path) -> Form:
    """The folders where they are there, else the tables. Raises DatasetAbsentError."""
    roots = places(data_dir, _FOLDERS)
    for root in roots:
        sets = {split: root / name for name, split in _SETS.items() if (root / name / "images").is_dir()}
        if sets:
            return Form(root, False, sets)
    for root in (*roots, *(root / name for root in roots for name in _LISTS)):
        tables = {split: root / name for name, split in _TABLES.items() if _is_table(root / name)}
        if tables:
            return Form(first_folder(roots, _PICTURES) or root, True, tables)
    raise absent("affectnet", data_dir, f"{', '.join(_SETS)} and {', '.join(_TABLES)} there and in {', '.join((*_FOLDERS, *_LISTS))}")


def read_arrays(form: Form, *, affect: bool, landmarks: bool) -> Listing:
    """The release of folders: <set>/images/<id>.jpg with <set>/annotations/<id>_exp.npy, _val, _aro and _lnd."""
    listing = _listing(form, {split: form.root / name for name, split in _SETS.items()})
    for split, folder in form.parts.items():
        pictures = sorted(pictures_in(folder / "images"), key=lambda path: (len(path.stem), path.stem))
        notes = folder / "annotations"
        labelled = {path.name.removesuffix("_exp.npy") for path in notes.glob("*_exp.npy")}
        listing.gaps += [f"{notes / name}_exp.npy has no picture." for name in sorted(labelled - {picture.stem for picture in pictures})]
        for picture in pictures:
            if picture.stem not in labelled:
                listing.gaps.append(f"{picture} has no {picture.stem}_exp.npy.")
                continue
            row = Row(picture, picture.relative_to(form.root).as_posix(), None, split)
            try:
                code = int(_number(notes / f"{picture.stem}_exp.npy"))
                listing.add(code, Row(**{**vars(row), "metadata": _annotations(notes / picture.stem, affect, landmarks)}))
            except (ValueError, OSError, EOFError) as error:
                listing.faults.append(f"The annotations of {picture} can't be read ({error}); expressions are 0 to {max(NONE_CODES)}.")
    return listing


def read_tables(form: Form, *, affect: bool, landmarks: bool) -> Listing:
    """The release of tables, with or without COLUMNS as their first line."""
    listing = _listing(form, {split: name for name, split in _TABLES.items()})
    for split, table in form.parts.items():
        for line, record in enumerate(_records(table), start=1):
            name = record["subDirectory_filePath"]
            try:
                metadata: dict[str, Any] = {key: _affect(record[key]) for key in _AFFECT} if affect else {}
                if landmarks:
                    metadata["landmarks"] = _points(np.array(_numbers(record["facial_landmarks"])))
                row = Row(form.root / name, name, None, split, metadata=metadata, box_xyxy=_box(record))
                listing.add(int(record["expression"]), row)
            except ValueError as error:
                listing.faults.append(f"Row {line} of {table} can't be read ({error}); expressions are 0 to {max(NONE_CODES)}.")
    return listing


def _listing(form: Form, wanted: Mapping[str, Path | str]) -> Listing:
    return Listing(gaps=[f"{place} is missing." for split, place in wanted.items() if split not in form.parts])


def _is_table(path: Path) -> bool:
    """Whether a table is AffectNet's: other data sets have files of these names too."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline().count(",") == len(COLUMNS) - 1


def _records(table: Path) -> Iterator[dict[str, str]]:
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(csv.reader(file), start=1):
            if len(line) != len(COLUMNS):
                raise DatasetCorruptError(f"Line {number} of {table} has {len(line)} fields; AffectNet has {len(COLUMNS)}. Fetch it again.")
            if number > 1 or line[0].strip() != COLUMNS[0]:
                yield {name: value.strip() for name, value in zip(COLUMNS, line, strict=True)}


def _annotations(stem: Path, affect: bool, landmarks: bool) -> dict[str, Any]:
    told: dict[str, Any] = {name: _given(_number(Path(f"{stem}{end}.npy"))) for name, end in _AFFECT.items()} if affect else {}
    if landmarks:
        told["landmarks"] = _points(np.asarray(_array(Path(f"{stem}_lnd.npy")), np.float64))
    return told


def _number(path: Path) -> float:
    """A file's one value. AffectNet stores numbers as text."""
    return float(_array(path).item())


def _array(path: Path) -> NDArray[Any]:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except FileNotFoundError as error:
        raise ValueError(f"{path.name} is missing") from error


def _given(value: float) -> float:
    """-2 stands for no value, in pictures without an expression."""
    return value if value >= -1 else float("nan")


def _affect(text: str) -> float:
    return _given(float(text))


def _numbers(text: str) -> list[float]:
    return [float(value) for value in text.split(";")] if text and text.upper() != "NULL" else [float("nan")] * (2 * _POINTS)


def _points(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """68 landmarks (68, 2), x and y. Raises ValueError for another number of them."""
    if values.size != 2 * _POINTS:
        raise ValueError(f"{values.size // 2} landmarks")
    return values.reshape(_POINTS, 2).astype(np.float32)


def _box(record: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    fields = [record[name] for name in COLUMNS[1:5]]
    if any(not value or value.upper() == "NULL" for value in fields):
        return None
    x, y, width, height = (float(value) for value in fields)
    return x, y, x + width, y + height
