"""FER2013 (Goodfellow et al., 2013): 35,887 gray faces of 48×48, seven expressions, from whichever layout lies in the folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetCorruptError, DatasetPartialError
from mien.core.labels import FER7
from mien.datasets.base import Dataset
from mien.datasets.fer2013_layouts import Table, find_table, read_table

CODES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""FER2013's own codes 0–6."""
COUNTS = {"Training": 28_709, "PublicTest": 3_589, "PrivateTest": 3_589}
"""Images in each usage of the published set."""
ROWS = sum(COUNTS.values())

_SPLIT = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}


def load(data_dir: Path, *, verify: bool = True) -> Dataset:
    """Read FER2013 in label set `fer7` from `data_dir`, or from a folder `fer2013` in it.

    Layouts, in this order: fer2013.parquet, fer2013.csv (emotion,pixels,Usage), icml_face_data.csv (emotion, Usage, pixels),
    fer2013.npz, and folders train|test/<expression>/<Usage>_<number>.jpg. Training, PublicTest and PrivateTest become train,
    validation and test. `ids` are the row numbers of the published file; in a folder copy whose file names do not give them,
    they are the file names. With `verify` the images of each split are counted against the published figures.

    Raises
    ------
    DatasetAbsentError
        None of the layouts lies there.
    DatasetPartialError
        Fewer images than published, or test images whose names do not say which of the two test splits they belong to.
    DatasetCorruptError
        A file that contradicts its format, a code outside 0–6, an image that is not 48×48, or more images than published.
    """
    table = read_table(data_dir)
    if verify:
        check_counts(table)
    return Dataset(
        name="fer2013",
        labels=FER7,
        images=table.images,
        targets=targets_of(table),
        split=splits_of(table),
        ids=table.ids,
    )


def find(data_dir: Path) -> Path:
    """The file or folder that `load` reads. Raises DatasetAbsentError."""
    return find_table(data_dir)


def targets_of(table: Table) -> NDArray[np.int64]:
    """Columns in `fer7` of the table's codes: int64 (N,)."""
    wrong = np.flatnonzero((table.codes < 0) | (table.codes >= len(CODES)))
    if len(wrong):
        raise DatasetCorruptError(
            f"Row {wrong[0]} of {table.path} has the emotion code {table.codes[wrong[0]]}; FER2013 has 0 to 6. Fetch the file again."
        )
    columns = np.array([FER7.index(name) for name in CODES], np.int64)
    return columns[table.codes]


def splits_of(table: Table) -> NDArray[np.str_]:
    """The split of each row: str (N,) of "train", "validation" and "test"."""
    names, index = np.unique(table.usage, return_inverse=True)
    wrong = [name for name in names.tolist() if name not in _SPLIT]
    if wrong:
        raise DatasetCorruptError(f"{table.path} has the usage {wrong[0]!r}; FER2013 has {', '.join(_SPLIT)}. Fetch the file again.")
    return np.array([_SPLIT[name] for name in names.tolist()], dtype="<U10")[index] if len(names) else np.empty(0, "<U10")


def check_counts(table: Table) -> None:
    """Compare the images of each usage with COUNTS. Raises DatasetPartialError (fewer) or DatasetCorruptError (more)."""
    found = {usage: int((table.usage == usage).sum()) for usage in COUNTS}
    sentence = f"{table.path} holds " + ", ".join(f"{found[u]:,} of {n:,} {u}" for u, n in COUNTS.items()) + " images."
    if any(found[usage] > n for usage, n in COUNTS.items()):
        raise DatasetCorruptError(f"{sentence} That is more than was published; remove what does not belong to FER2013.")
    if found != COUNTS:
        raise DatasetPartialError(f"{sentence} Add what is missing, or pass verify=False to use the part that is there.")
