"""FERG (Aneja et al., ACCV 2016): drawn faces of six characters in folders by character and expression."""

from __future__ import annotations

import re
from pathlib import Path

from mien.core.errors import UnknownNameError
from mien.core.labels import FER7
from mien.datasets import published
from mien.datasets.base import Dataset, split_name
from mien.datasets.fit import MEMORY_GIB, Fit
from mien.datasets.names import expression_name
from mien.datasets.pictures import Row, Survey, assemble, pictures_in
from mien.datasets.places import absent, places

CHARACTERS = ("aia", "bonnie", "jules", "malcolm", "mery", "ray")
_FOLDERS = ("FERG_DB_256", "ferg/FERG_DB_256", "FERG/FERG_DB_256", "ferg", "FERG")
_EXPRESSIONS = {"joy" if name == "happiness" else name: name for name in FER7}
"""FERG's word for an expression → mien's name."""


def load(
    data_dir: Path,
    *,
    split: str = "train",
    crop_size: int | None = None,
    channels: int = 3,
    crop: str = "picture",
    memory_gib: float = MEMORY_GIB,
    strict: bool = True,
    verify: bool = True,
) -> Dataset:
    """Read FERG in label set `fer7` from `data_dir`, or from a folder `FERG_DB_256` in it.

    The whole set in its own 256×256 colours takes 10.2 GiB, so that a `crop_size` or another `memory_gib` is needed. Nothing was published
    about splits: all rows belong to `split`. `ids` are the paths inside the folder, `subjects` the characters, `metadata` the picture's
    number. `crop_size`, `channels`, `crop`, `memory_gib`: see `fit.Fit`. `strict`, `verify`: see `pictures.assemble`.

    Raises
    ------
    DatasetAbsentError
        No folder of a character.
    DatasetPartialError
        Characters or expressions of one that are missing, or fewer pictures than the 55,767 published.
    DatasetCorruptError
        Folders or pictures whose names mean nothing, or pictures that can't be read.
    OptionError
        The pictures would take more than `memory_gib`.
    """
    return assemble(survey(data_dir, split=split), Fit(crop_size, channels, crop, memory_gib), strict=strict, verify=verify)


def find(data_dir: Path) -> Path:
    """The folder of the characters. Raises DatasetAbsentError."""
    for folder in places(data_dir, _FOLDERS):
        if any(next((folder / name).glob(f"{name}_*"), None) for name in CHARACTERS):
            return folder
    raise absent("ferg", data_dir, f"the folders {', '.join(CHARACTERS)} there and in {', '.join(_FOLDERS)}")


def survey(data_dir: Path, *, split: str = "train") -> Survey:
    """The pictures that lie there. Raises DatasetAbsentError."""
    root, role = find(data_dir), split_name(split)
    rows: list[Row] = []
    faults: list[str] = []
    gaps: list[str] = []
    for character in CHARACTERS:
        home = root / character
        if not home.is_dir():
            gaps.append(f"{home} is missing.")
            continue
        folders = [(_expression_of(folder, character), folder) for folder in sorted(home.iterdir()) if folder.is_dir()]
        faults += [f"{folder} is no expression of {character}." for name, folder in folders if not name]
        there = {name for name, _ in folders}
        gaps += [f"{home / f'{character}_{word}'} is missing." for word, name in _EXPRESSIONS.items() if name not in there]
        for name, folder in folders:
            if name:
                found, strange = _rows(root, folder, name, character, role)
                rows += found
                faults += strange
    return Survey("ferg", root, FER7, rows, faults, gaps, published=published.FERG)


def _expression_of(folder: Path, character: str) -> str:
    """The expression that a folder like aia_joy holds, "" for none."""
    try:
        return expression_name(folder.name.removeprefix(f"{character}_"), FER7, where=str(folder))
    except UnknownNameError:
        return ""


def _rows(root: Path, folder: Path, expression: str, character: str, role: str) -> tuple[list[Row], list[str]]:
    rows, faults = [], []
    name = re.compile(rf"{re.escape(folder.name)}_(\d+)\.\w+")
    for picture in pictures_in(folder):
        match = name.fullmatch(picture.name)
        if match is None:
            faults.append(f"{picture} should be named {folder.name}_<number>{picture.suffix}.")
            continue
        id_ = picture.relative_to(root).as_posix()
        rows.append(Row(picture, id_, expression, role, character, metadata={"number": int(match[1])}))
    return rows, faults
