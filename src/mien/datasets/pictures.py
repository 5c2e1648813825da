"""From a list of labelled picture files to a data set, with every fault named."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.decode import decode_image
from mien.core.errors import DatasetAbsentError, DatasetCorruptError, DatasetPartialError, InputError, UnknownNameError
from mien.core.labels import LabelSet
from mien.datasets.base import SPLITS, Dataset
from mien.datasets.names import expression_name
from mien.preprocess import to_square

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
_SHOWN = 5


@dataclass(frozen=True)
class Row:
    """One picture: its file, its identity in the data set, its label as written, its split, and who is shown (None: not told)."""

    path: Path
    id: str
    label: str
    split: str
    subject: str | None = None


@dataclass(frozen=True)
class Fit:
    """How pictures become one array: `channels` 1 (gray) or 3 (RGB); `crop_size` resizes each to that square, None wants equal sizes.

    Resized by `mien.preprocess.to_square`.
    """

    crop_size: int | None = None
    channels: int = 3

    def __post_init__(self) -> None:
        if self.channels not in (1, 3) or (self.crop_size is not None and self.crop_size < 1):
            raise InputError(
                f"Pictures need 1 or 3 channels and crop_size ≥ 1; received channels {self.channels}, crop_size {self.crop_size}."
            )

    def read(self, path: Path) -> NDArray[np.uint8]:
        """The picture as uint8 (H, W) or (H, W, 3). Raises InputError when it can't be read."""
        image: NDArray[np.uint8] = decode_image(path)
        if self.channels == 1:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        return image if self.crop_size is None else to_square(image, self.crop_size)


def assemble(
    name: str, rows: Sequence[Row], labels: LabelSet, fit: Fit, *, strict: bool, faults: Sequence[str] = (), where: Path
) -> Dataset:
    """Read all rows into a data set named `name`. `faults` are sentences about what the caller already had to leave out.

    Rows with a label outside `labels`, a missing or unreadable file or an `id` seen before are faults too. With `strict` any fault
    raises; else the rows are left out and each fault is one of the data set's notes.

    Raises
    ------
    DatasetAbsentError
        No row is left.
    DatasetPartialError
        Faults, all of them missing files.
    DatasetCorruptError
        Faults of other kinds, or pictures of different sizes without a `crop_size`.
    """
    columns, bad = _columns(rows, labels)
    images, unread, missing = _read_all(rows, columns, fit)
    faults = [*faults, *bad, *unread, *missing]
    if faults and strict:
        kind = DatasetPartialError if len(faults) == len(missing) else DatasetCorruptError
        raise kind(f"{_some(where, faults)} Mend them, or pass strict=False to leave these rows out.")
    kept = [i for i in range(len(rows)) if i in images]
    if not kept:
        raise DatasetAbsentError(f"No usable picture in {where}. {_some(where, faults) if faults else 'Nothing is labelled there.'}")
    _need_one_size(rows, images)
    targets = np.array([columns[i] for i in kept], np.int64)
    empty = [f"No row shows {label}." for column, label in enumerate(labels) if column not in targets]
    subjects = [rows[i].subject or "" for i in kept]
    return Dataset(
        name=name,
        labels=labels,
        images=np.stack([images[i] for i in kept]),
        targets=targets,
        split=np.array([rows[i].split for i in kept], f"<U{max(map(len, SPLITS))}"),
        ids=np.array([rows[i].id for i in kept], str),
        subjects=np.array(subjects, str) if any(subjects) else None,
        notes=(*faults, *empty),
    )


def _columns(rows: Sequence[Row], labels: LabelSet) -> tuple[dict[int, int], list[str]]:
    columns, faults, seen = {}, [], set()
    for i, row in enumerate(rows):
        if row.id in seen:
            faults.append(f"{row.id} is listed more than once.")
            continue
        seen.add(row.id)
        try:
            columns[i] = labels.index(expression_name(row.label, labels, where=row.id))
        except UnknownNameError as error:
            faults.append(str(error))
    return columns, faults


def _read_all(rows: Sequence[Row], columns: dict[int, int], fit: Fit) -> tuple[dict[int, NDArray[np.uint8]], list[str], list[str]]:
    """Images by row, then what can't be read, then what is not there."""
    missing = {i: f"{rows[i].path} is missing." for i in columns if not rows[i].path.is_file()}

    def read(i: int) -> NDArray[np.uint8] | InputError:
        try:
            return fit.read(rows[i].path)
        except InputError as error:
            return error

    there = [i for i in columns if i not in missing]
    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(there, pool.map(read, there), strict=True))
    images = {i: result for i, result in results.items() if not isinstance(result, InputError)}
    unread = [f"{rows[i].id}: {result}" for i, result in results.items() if isinstance(result, InputError)]
    return images, unread, list(missing.values())


def _need_one_size(rows: Sequence[Row], images: dict[int, NDArray[np.uint8]]) -> None:
    first = next(iter(images))
    for i, image in images.items():
        if image.shape != images[first].shape:
            sizes = [f"{rows[k].id} is {images[k].shape[1]}×{images[k].shape[0]}" for k in (first, i)]
            raise DatasetCorruptError(f"Pictures of different sizes ({', '.join(sizes)}). Pass crop_size=… to resize all to one square.")


def _some(where: Path, faults: Sequence[str]) -> str:
    more = f" … and {len(faults) - _SHOWN} more." if len(faults) > _SHOWN else ""
    return f"{len(faults)} faults in {where}: {' '.join(faults[:_SHOWN])}{more}"
