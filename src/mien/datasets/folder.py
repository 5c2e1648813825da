"""Any folder of pictures sorted by expression: <split>/<expression>/<picture> or <expression>/<picture>."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mien.core.errors import DatasetAbsentError, DatasetCorruptError, UnknownNameError
from mien.core.labels import LabelSet, label_set
from mien.core.suffixes import PICTURE_SUFFIXES
from mien.datasets.base import Dataset, split_name
from mien.datasets.fit import MEMORY_GIB, Fit
from mien.datasets.names import expression_name
from mien.datasets.pictures import Row, Survey, assemble, pictures_in


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
    """Read pictures whose folder names their expression. What a folder means comes from its name alone, never from its place.

    `labels`: the label set that the data is declared to have. Folders may carry mien's names or ALIASES of them, split folders any
    name that `split_name` knows; without split folders all rows belong to `split`. What is no picture of an expression is left out with a
    note. `crop_size`, `channels`, `crop`, `memory_gib`: see `fit.Fit`. `strict`: raise when a file can't be read or a folder is empty,
    instead of leaving it out with a note. `ids` are the paths inside `data_dir`.

    Raises
    ------
    UnknownNameError
        A folder whose name is no expression of `labels`; near names are listed.
    DatasetAbsentError
        No folder, or no picture in any.
    DatasetCorruptError
        Unreadable pictures, an empty folder, split and expression folders side by side, or unequal sizes without `crop_size`.
    OptionError
        The pictures would take more than `memory_gib`.
    """
    return assemble(survey(data_dir, labels=labels, split=split), Fit(crop_size, channels, crop, memory_gib), strict=strict)


def find(data_dir: Path) -> Path:
    """The folder, when it holds folders. Raises DatasetAbsentError."""
    if not (data_dir.is_dir() and _folders(data_dir)):
        raise DatasetAbsentError(f"No folders in {data_dir}. Give a folder that holds <split>/<expression>/… or <expression>/….")
    return data_dir


def survey(data_dir: Path, *, labels: str | LabelSet | Sequence[str] = "fer7", split: str = "train") -> Survey:
    """The pictures that lie there. Raises UnknownNameError, DatasetAbsentError, or DatasetCorruptError for folders that do not fit."""
    declared = label_set(labels)
    rows, faults = [], []
    classes = _class_folders(data_dir, split_name(split))
    for role, folder in classes:
        name = expression_name(folder.name, declared, where=str(folder))
        files = pictures_in(folder)
        rows += [Row(file, file.relative_to(data_dir).as_posix(), name, role) for file in files]
        if not files:
            faults.append(f"{folder} holds no picture ({', '.join(PICTURE_SUFFIXES)}).")
    return Survey("folder", data_dir, declared, rows, faults, notes=_left_out(data_dir, [folder for _, folder in classes]))


def _left_out(data_dir: Path, classes: Sequence[Path]) -> list[str]:
    """What lies there and is read as nothing, in one sentence for each kind; hidden files and folders are passed over."""
    outside = [picture for folder in sorted({data_dir, *(one.parent for one in classes)}) for picture in pictures_in(folder)]
    others = [entry for folder in classes for entry in sorted(folder.iterdir()) if entry.suffix.lower() not in PICTURE_SUFFIXES]
    inside = [entry for entry in others if not entry.name.startswith(".")]
    found = {
        "pictures outside of an expression's folder": outside,
        "folders inside of an expression's": [entry for entry in inside if entry.is_dir()],
        "files that are no picture by their suffix": [entry for entry in inside if entry.is_file()],
    }
    return [
        f"Left out: {len(paths):,} {what}, such as {paths[0].relative_to(data_dir).as_posix()}." for what, paths in found.items() if paths
    ]


def _class_folders(data_dir: Path, split: str) -> list[tuple[str, Path]]:
    """(split, folder of one expression), sorted by name."""
    top = _folders(find(data_dir))
    roles = {folder: _role(folder) for folder in top}
    if not any(roles.values()):
        return [(split, folder) for folder in top]
    stray = [folder.name for folder, role in roles.items() if role is None]
    if stray:
        raise DatasetCorruptError(
            f"{data_dir} holds split folders and others side by side ({', '.join(stray)}). "
            "Move the others away, or put every expression's folder inside a split folder."
        )
    return [(role, inner) for folder, role in roles.items() if role for inner in _folders(folder)]


def _folders(path: Path) -> list[Path]:
    return sorted(f for f in path.iterdir() if f.is_dir() and not f.name.startswith("."))


def _role(folder: Path) -> str | None:
    try:
        return split_name(folder.name)
    except UnknownNameError:
        return None
