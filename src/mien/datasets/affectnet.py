"""AffectNet, the part annotated by hand (Mollahosseini et al., 2019): faces from the web with expression, valence and arousal."""

from __future__ import annotations

from pathlib import Path

from mien.core.errors import DatasetCorruptError, OptionError
from mien.core.labels import FER8
from mien.datasets import published
from mien.datasets.affectnet_files import CODES, NONE_CODES, Listing, find_form, read_arrays, read_tables
from mien.datasets.base import Dataset
from mien.datasets.fit import MEMORY_GIB, Fit
from mien.datasets.pictures import Survey, assemble

__all__ = ["CODES", "NONE_CODES", "find", "load", "survey"]


def load(
    data_dir: Path,
    *,
    affect: bool = True,
    landmarks: bool = False,
    crop_size: int | None = None,
    channels: int = 3,
    crop: str = "picture",
    memory_gib: float = MEMORY_GIB,
    strict: bool = True,
    verify: bool = True,
) -> Dataset:
    """Read AffectNet in label set `fer8` from `data_dir`, or from a folder `affectnet` in it.

    Either the release of folders (train_set and val_set with images and annotations) or the older one of tables (training.csv and
    validation.csv). Splits are train and validation, as published; there is no public test split. `ids` are the names of the pictures
    inside their release. All of it in 224×224 colours takes 41 GiB, so that a `crop_size` or another `memory_gib` is needed.

    Parameters
    ----------
    affect
        Put valence and arousal, -1 to 1, into `metadata`; NaN where the annotators gave none.
    landmarks
        Put 68 landmarks into `metadata`: float32 (N, 68, 2), x and y in pixels of the picture.
    crop
        "box" takes the face where the tables say that it is; the folders hold faces already. Else see `fit.Fit`.
    crop_size, channels, memory_gib
        See `fit.Fit`.
    strict, verify
        See `pictures.assemble`.

    Rows that show no expression – none, uncertain, no face – are left out and counted in `notes`.

    Raises
    ------
    DatasetAbsentError
        Neither release lies there.
    DatasetPartialError
        A split, pictures or annotations that are missing, or fewer than published.
    DatasetCorruptError
        Codes outside 0 to 10, annotations or pictures that can't be read.
    OptionError
        `crop="box"` for the folders; or the pictures would take more than `memory_gib`.
    """
    fit = Fit(crop_size, channels, crop, memory_gib)
    form = find_form(data_dir)
    if crop == "box" and not form.tables:
        raise OptionError(f"crop='box' needs the tables of AffectNet; {form.root} is the release of folders, whose pictures are faces.")
    return assemble(survey(data_dir, affect=affect, landmarks=landmarks), fit, strict=strict, verify=verify)


def find(data_dir: Path) -> Path:
    """The folder of the release. Raises DatasetAbsentError."""
    return find_form(data_dir).root


def survey(data_dir: Path, *, affect: bool = True, landmarks: bool = False) -> Survey:
    """The pictures that the annotations list. Raises DatasetAbsentError, DatasetPartialError or DatasetCorruptError."""
    form = find_form(data_dir)
    listing: Listing = (read_tables if form.tables else read_arrays)(form, affect=affect, landmarks=landmarks)
    if not listing.rows and listing.faults:
        raise DatasetCorruptError(f"No row of {form.root} can be read: {listing.faults[0]}")
    notes = [f"{n:,} rows of {name} are left out: they show no expression." for name, n in listing.without.items()]
    return Survey("affectnet", form.root, FER8, listing.rows, listing.faults, listing.gaps, notes, published.AFFECTNET)
