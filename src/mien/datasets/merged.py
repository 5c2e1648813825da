"""Several data sets of one folder, read and merged into one: what `merge` does, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.core.errors import OptionError, UnknownNameError
from mien.core.labels import LabelSet, label_set
from mien.datasets.base import DATASETS, Dataset, load_dataset
from mien.datasets.merge import merge

NAME = "merged"


def load(
    data_dir: Path,
    *,
    datasets: Sequence[str] = (),
    labels: str | LabelSet | Sequence[str] | None = None,
    shares: Sequence[float] | None = None,
    seed: int = 0,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Dataset:
    """Read the data sets of the names `datasets` from `data_dir` and merge them; the name of the whole is theirs, joined by +.

    `options`: data set → the options of its own loader, `rows` too. `labels`, `shares` and `seed`: as in `merge`, by which ids, sides,
    columns and notes are told too. Load all at one size and with one number of channels.

    Raises
    ------
    UnknownNameError
        A data set that does not exist or is itself merged, options for one that is not among them, or an option that it does not have.
    OptionError
        Fewer than two data sets, or a value that an option does not take.
    DatasetError, LabelError
        As each loader, or `merge`, raises them.
    """
    for name in datasets:
        if name == NAME or name not in DATASETS:
            raise UnknownNameError("data set to merge", name, [known for known in DATASETS if known != NAME])
    if len(datasets) < 2:
        raise OptionError(
            f'merged needs two data sets or more; received {list(datasets)}. Give their names: datasets = ["fer2013", "ckplus"].'
        )
    own = options or {}
    for name in own:
        if name not in datasets:
            raise UnknownNameError("data set of options", name, datasets)
    parts = [load_dataset(name, data_dir, **own.get(name, {})) for name in datasets]
    return merge(parts, labels=None if labels is None else label_set(labels), shares=shares, seed=seed)
