"""Where in a data folder a data set lies, and the error that tells where it was looked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mien.core.errors import DatasetAbsentError
from mien.datasets.terms import how_to_get, terms_of


def places(data_dir: Path, names: Sequence[str]) -> list[Path]:
    """The data folder itself and those of the folders `names` in it that exist. Names may hold slashes."""
    return [folder for folder in (data_dir, *(data_dir / name for name in names)) if folder.is_dir()]


def first_folder(roots: Iterable[Path], names: Sequence[str]) -> Path | None:
    """The first folder of `names` in any of `roots`; None where there is none."""
    return next((root / name for root in roots for name in names if (root / name).is_dir()), None)


def absent(name: str, data_dir: Path, looked_for: str) -> DatasetAbsentError:
    """The error of a data set that is not there: what was looked for, what has to lie there, and how to come by it."""
    layout = "; ".join(terms_of(name).layout)
    return DatasetAbsentError(f"No {name} in {data_dir}: looked for {looked_for}. Give the folder that holds {layout}. {how_to_get(name)}")
