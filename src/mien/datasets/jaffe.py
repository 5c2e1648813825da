"""JAFFE (Lyons et al., FG 1998): 213 gray portraits of ten women, whose file names say who shows what: KA.AN1.39.tiff."""

from __future__ import annotations

import re
from pathlib import Path

from mien.core.labels import FER7
from mien.datasets import published
from mien.datasets.base import Dataset, split_name
from mien.datasets.fit import MEMORY_GIB, Fit
from mien.datasets.pictures import Row, Survey, assemble, pictures_in
from mien.datasets.places import absent, places

CODES = {
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happiness",
    "SA": "sadness",
    "SU": "surprise",
    "NE": "neutral",
}
_FOLDERS = ("jaffe", "JAFFE", "jaffedbase", "jaffe/jaffe")
_NAME = re.compile(rf"([A-Z]{{2}})\.({'|'.join(CODES)})(\d+)\.(\d+)\.\w+", re.I)


def load(
    data_dir: Path,
    *,
    split: str = "train",
    crop_size: int | None = None,
    channels: int = 1,
    crop: str = "picture",
    memory_gib: float = MEMORY_GIB,
    strict: bool = True,
    verify: bool = True,
) -> Dataset:
    """Read JAFFE in label set `fer7` from `data_dir`, or from a folder `jaffe` in it.

    The pictures are half-length portraits of 256×256; `crop="face"` finds the face, and wants a `crop_size`. Nothing was published about
    splits: all rows belong to `split`. `ids` are the file names, `subjects` the two letters before the first dot. `metadata`: take, the
    number behind the expression, and number, the picture's own. `crop_size`, `channels`, `crop`, `memory_gib`: see `fit.Fit`. `strict`,
    `verify`: see `pictures.assemble`.

    Raises
    ------
    DatasetAbsentError
        No picture with such a name.
    DatasetPartialError
        Fewer than the 213 published.
    DatasetCorruptError
        Pictures whose names mean nothing, that can't be read, or more than published.
    OptionError
        The pictures would take more than `memory_gib`.
    """
    return assemble(survey(data_dir, split=split), Fit(crop_size, channels, crop, memory_gib), strict=strict, verify=verify)


def find(data_dir: Path) -> Path:
    """The folder of the pictures. Raises DatasetAbsentError."""
    for folder in places(data_dir, _FOLDERS):
        if any(_NAME.fullmatch(picture.name) for picture in pictures_in(folder)):
            return folder
    raise absent("jaffe", data_dir, f"names like KA.AN1.39.tiff there and in {', '.join(_FOLDERS)}")


def survey(data_dir: Path, *, split: str = "train") -> Survey:
    """The pictures that lie there. Raises DatasetAbsentError."""
    folder, role = find(data_dir), split_name(split)
    rows, faults = [], []
    for picture in pictures_in(folder):
        match = _NAME.fullmatch(picture.name)
        if match is None:
            faults.append(f"{picture} is named like no picture of JAFFE; those are like KA.AN1.39.tiff.")
            continue
        subject, code, take, number = match.groups()
        metadata = {"take": int(take), "number": int(number)}
        rows.append(Row(picture, picture.name, CODES[code.upper()], role, subject.upper(), metadata=metadata))
    return Survey("jaffe", folder, FER7, rows, faults, published=published.JAFFE)
