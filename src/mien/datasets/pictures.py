"""From a list of labelled picture files to a data set, with every fault named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError, InputError, UnknownNameError
from mien.core.labels import LabelSet
from mien.core.suffixes import PICTURE_SUFFIXES
from mien.datasets.base import SPLITS, Dataset
from mien.datasets.columns import number_or_text_column
from mien.datasets.fit import Fit
from mien.datasets.names import expression_name
from mien.datasets.published import Cell, Published, tally
from mien.datasets.terms import how_to_mend

_SHOWN = 5
_CHUNK = 512


@dataclass(frozen=True)
class Row:
    """One picture: its file, its identity in the data set, its label as written (None: it has none), and its split.

    `subject`: who is shown. `sequence`, `frame`: what it is a frame of, and its place there, from 0. `metadata`: further values by name.
    `box_xyxy`: where the data set says that the face is, in pixels of the picture. Each is None or empty where the data set does not tell.
    """

    path: Path
    id: str
    label: str | None
    split: str
    subject: str | None = None
    sequence: str | None = None
    frame: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    box_xyxy: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Survey:
    """What a data set lists, before any picture is read.

    `rows`, and `faults`: sentences about what contradicts the format, `gaps`: about what should be there and is not, `notes`: about what
    was left out by rule. `published`: the counts to compare with.
    """

    name: str
    where: Path
    labels: LabelSet
    rows: Sequence[Row]
    faults: Sequence[str] = ()
    gaps: Sequence[str] = ()
    notes: Sequence[str] = ()
    published: Published = field(default_factory=Published)


@dataclass(frozen=True)
class Check:
    """A survey held against the disk: `columns` of the labels by row that can be read, and what is wrong, in sentences."""

    columns: Mapping[int, int]
    broken: tuple[str, ...]
    missing: tuple[str, ...]
    found: Mapping[Cell, int]


def check(survey: Survey) -> Check:
    """Look at the labels, identities and files of all rows, and count those that are there by split and expression."""
    columns, bad = _columns(survey.rows, survey.labels)
    missing = {i: f"{survey.rows[i].path} is missing." for i in columns if not survey.rows[i].path.is_file()}
    there = {i: column for i, column in columns.items() if i not in missing}
    found = tally((survey.rows[i].split, survey.labels[column] if column >= 0 else "none") for i, column in there.items())
    return Check(there, (*survey.faults, *bad), (*survey.gaps, *missing.values()), found)


def assemble(survey: Survey, fit: Fit, *, strict: bool, verify: bool = True) -> Dataset:
    """Read all rows into a data set.

    Rows with a label outside the label set, a missing or unreadable file or an `id` seen before are faults. With `strict` any fault
    raises; else the rows are left out and each fault is one of the data set's notes. `verify`: compare with the published counts first.

    Raises
    ------
    DatasetAbsentError
        No row is left.
    DatasetPartialError
        Faults, all of them missing files; or fewer rows than published.
    DatasetCorruptError
        Faults of other kinds, more rows than published, or pictures of different sizes without a `crop_size`.
    OptionError
        The pictures together would not fit into the memory that `fit` allows.
    """
    checked = check(survey)
    if verify:
        _need_published(survey, checked)
    kept, images, unread = _read_all(survey, sorted(checked.columns), fit)
    broken = [*checked.broken, *unread]
    faults = [*broken, *checked.missing]
    if faults and strict:
        kind = DatasetCorruptError if broken else DatasetPartialError
        raise kind(f"{_some(survey.where, faults)} {how_to_mend(survey.name)} Or pass strict=False to leave these rows out.")
    if images is None:
        told = _some(survey.where, faults) if faults else "Nothing is labelled there."
        raise DatasetAbsentError(f"No usable picture in {survey.where}. {told}")
    targets = np.array([checked.columns[i] for i in kept], np.int64)
    empty = [f"No row shows {label}." for column, label in enumerate(survey.labels) if column not in targets]
    return Dataset(
        name=survey.name,
        labels=survey.labels,
        images=images,
        targets=targets,
        notes=(*survey.notes, *faults, *empty),
        **_told([survey.rows[i] for i in kept]),
    )


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder by name, without the hidden ones that some systems put beside each file."""
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in PICTURE_SUFFIXES and not f.name.startswith("."))


def read_each(rows: Sequence[Row], fit: Fit) -> Iterator[NDArray[np.uint8] | InputError]:
    """The picture of each row in turn, or why it can't be read. A few hundred are decoded ahead, on two threads."""

    def read(row: Row) -> NDArray[np.uint8] | InputError:
        try:
            return fit.read(row.path, row.box_xyxy)
        except InputError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(rows), _CHUNK):
            yield from pool.map(read, rows[start : start + _CHUNK])


def _columns(rows: Sequence[Row], labels: LabelSet) -> tuple[dict[int, int], list[str]]:
    columns, faults, seen = {}, [], set()
    for i, row in enumerate(rows):
        if row.id in seen:
            faults.append(f"{row.id} is listed more than once.")
            continue
        seen.add(row.id)
        try:
            columns[i] = -1 if row.label is None else labels.index(expression_name(row.label, labels, where=row.id))
        except UnknownNameError as error:
            faults.append(str(error))
    return columns, faults


def _read_all(survey: Survey, chosen: Sequence[int], fit: Fit) -> tuple[list[int], NDArray[np.uint8] | None, list[str]]:
    """Rows that could be read, their images in one array (None where there is none), and what can't be read."""
    rows = [survey.rows[i] for i in chosen]
    fit.need_room(len(rows), None)
    images: NDArray[np.uint8] | None = None
    kept: list[int] = []
    unread: list[str] = []
    for i, result in zip(chosen, read_each(rows, fit), strict=True):
        if isinstance(result, InputError):
            unread.append(f"{survey.rows[i].id}: {result}")
            continue
        if images is None:
            images = fit.need_room(len(rows), result.shape)
        elif result.shape != images.shape[1:]:
            sizes = [f"{survey.rows[k].id} is {shape[1]}×{shape[0]}" for k, shape in ((kept[0], images.shape[1:]), (i, result.shape))]
            raise DatasetCorruptError(f"Pictures of different sizes ({', '.join(sizes)}). Pass crop_size=… to resize all to one square.")
        images[len(kept)] = result
        kept.append(i)
    return kept, None if images is None else images[: len(kept)], unread


def _need_published(survey: Survey, checked: Check) -> None:
    over, short = survey.published.over(checked.found), survey.published.short(checked.found)
    if over:
        raise DatasetCorruptError(f"{survey.where} holds more than was published: {', '.join(over)}. Remove what does not belong there.")
    if short:
        faults = [*checked.missing, *checked.broken]
        told = f" {_some(survey.where, faults)}" if faults else ""
        raise DatasetPartialError(
            f"{survey.where} holds {', '.join(short)}.{told} {how_to_mend(survey.name)} Or pass verify=False to use the part that is there."
        )


def _told(rows: Sequence[Row]) -> dict[str, Any]:
    """The columns of a data set that come from its rows; None where no row tells."""
    names = dict.fromkeys(name for row in rows for name in row.metadata)
    frames = np.array([-1 if row.frame is None else row.frame for row in rows], np.int64)
    return {
        "split": np.array([row.split for row in rows], f"<U{max(map(len, SPLITS))}"),
        "ids": np.array([row.id for row in rows], str),
        "subjects": _texts([row.subject for row in rows]),
        "sequences": _texts([row.sequence for row in rows]),
        "frames": frames if (frames >= 0).any() else None,
        "paths": np.array([str(row.path) for row in rows], str),
        "metadata": {name: number_or_text_column([row.metadata.get(name) for row in rows]) for name in names},
    }


def _texts(values: Sequence[str | None]) -> NDArray[np.str_] | None:
    return np.array([value or "" for value in values], str) if any(values) else None


def _some(where: Path, faults: Sequence[str]) -> str:
    more = f" … and {len(faults) - _SHOWN:,} more." if len(faults) > _SHOWN else ""
    return f"{len(faults):,} fault{'s' if len(faults) > 1 else ''} in {where}: {' '.join(faults[:_SHOWN])}{more}"
