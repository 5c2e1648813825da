"""RAF-DB, the basic expressions (Li et al., CVPR 2017): 15,339 faces from the web with their published train and test parts."""

from __future__ import annotations

import re
from pathlib import Path

from mien.core.errors import DatasetPartialError, UnknownNameError
from mien.core.labels import FER7
from mien.datasets import published
from mien.datasets.base import Dataset
from mien.datasets.fit import MEMORY_GIB, Fit
from mien.datasets.pictures import Row, Survey, assemble
from mien.datasets.places import absent, places
from mien.datasets.terms import how_to_mend

CODES = {"1": "surprise", "2": "fear", "3": "disgust", "4": "happiness", "5": "sadness", "6": "anger", "7": "neutral"}
_FOLDERS = tuple(f"{part}{basic}" for part in ("rafdb", "RAF-DB", "raf-db") for basic in ("", "/basic"))
_LISTS = ("EmoLabel/list_patition_label.txt", "EmoLabel/list_partition_label.txt")
_LINE = re.compile(r"((train|test)_\d+)\.jpg\s+(\S+)")
_PICTURES = {"aligned": "Image/aligned/{}_aligned.jpg", "original": "Image/original/{}.jpg"}
_ATTRIBUTES = {
    "gender": ("male", "female", "unsure"),
    "race": ("Caucasian", "African-American", "Asian"),
    "age": ("0-3", "4-19", "20-39", "40-69", "70+"),
}
"""The last three fields of an attribute file, as codes from 0."""


def load(
    data_dir: Path,
    *,
    images: str = "aligned",
    crop_size: int | None = None,
    channels: int = 3,
    crop: str = "picture",
    memory_gib: float = MEMORY_GIB,
    strict: bool = True,
    verify: bool = True,
) -> Dataset:
    """Read the basic expressions of RAF-DB in label set `fer7` from `data_dir`, or from a folder `rafdb` or `rafdb/basic` in it.

    `images`: "aligned", faces of 100×100, or "original", pictures of all sizes. Splits are train and test, as published; people are not
    named. `ids` are the names in the list. `metadata`: gender, race and age, as the annotators saw them, where Annotation/manual is there.
    `crop_size`, `channels`, `crop`, `memory_gib`: see `fit.Fit`. `strict`, `verify`: see `pictures.assemble`.

    Raises
    ------
    UnknownNameError
        Another value of `images`.
    DatasetAbsentError
        No list of labels.
    DatasetPartialError
        Pictures that the list names and that are missing, or fewer than published.
    DatasetCorruptError
        Lines that are no name and code, codes outside 1–7, pictures that can't be read, or more of a class than published.
    OptionError
        The pictures would take more than `memory_gib`.
    """
    return assemble(survey(data_dir, images=images), Fit(crop_size, channels, crop, memory_gib), strict=strict, verify=verify)


def find(data_dir: Path) -> Path:
    """The list of labels. Raises DatasetAbsentError."""
    for folder in places(data_dir, (*_FOLDERS, "basic")):
        for name in _LISTS:
            if (folder / name).is_file():
                return folder / name
    raise absent("rafdb", data_dir, f"{_LISTS[0]} there and in {', '.join(_FOLDERS)}")


def survey(data_dir: Path, *, images: str = "aligned") -> Survey:
    """The pictures that the list names. Raises UnknownNameError, DatasetAbsentError, or DatasetPartialError without their folder."""
    if images not in _PICTURES:
        raise UnknownNameError("value of images", images, _PICTURES)
    listed = find(data_dir)
    root, pattern = listed.parent.parent, _PICTURES[images]
    if not (root / pattern).parent.is_dir():
        raise DatasetPartialError(f"{listed} is there, but no folder {(root / pattern).parent}. {how_to_mend('rafdb')}")
    attributes = root / "Annotation" / "manual"
    rows, faults = [], []
    for number, line in enumerate(listed.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        match = _LINE.fullmatch(line.strip())
        if match is None or match[3] not in CODES:
            if line.strip():
                faults.append(f"Line {number} of {listed} is {line.strip()[:60]!r}; allowed is like train_00001.jpg 5, codes 1 to 7.")
            continue
        name, split, code = match.groups()
        told, fault = _attributes(attributes / f"{name}_manu_attri.txt") if attributes.is_dir() else ({}, "")
        faults += [fault] if fault else []
        rows.append(Row(root / pattern.format(name), f"{name}.jpg", CODES[code], split, metadata=told))
    return Survey("rafdb", listed, FER7, rows, faults, published=published.RAFDB)


def _attributes(path: Path) -> tuple[dict[str, str], str]:
    """Gender, race and age in words, and the fault of the file, "" for none. Five landmarks stand before them."""
    try:
        codes = path.read_text(encoding="utf-8", errors="replace").split()[-len(_ATTRIBUTES) :]
        return {name: words[_code(text)] for (name, words), text in zip(_ATTRIBUTES.items(), codes, strict=True)}, ""
    except FileNotFoundError:
        return {}, ""
    except (ValueError, IndexError):
        return {}, f"{path} does not end in codes of gender, race and age."


def _code(text: str) -> int:
    code = int(text)
    if code < 0:
        raise ValueError(text)
    return code
