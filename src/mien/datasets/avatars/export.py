"""A data set as files: pictures in folders, and a manifest that other programs read."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.errors import OutputError
from mien.core.files import replacing, write_bytes
from mien.datasets.base import Dataset

MANIFEST = "manifest.csv"
UNLABELLED = "unlabelled"


def export(dataset: Dataset, folder: str | Path) -> Path:
    """Write every picture as PNG, `<split>/<label>/<id>.png` under `folder`, and `manifest.csv`; gives the manifest's path.

    The manifest's columns are path (relative, with /), label, subject, split, sequence and frame where the data set has them, and its
    metadata; the data sets "manifest" and, where every row has a label, "folder" read it back. A row without a label lies in a folder
    `unlabelled` and has an empty label in the manifest; read it with strict=False.

    Raises
    ------
    OutputError
        The folder holds a manifest already, an id repeats or is no file name, or a file can't be written.
    """
    root = Path(folder)
    manifest = root / MANIFEST
    if manifest.exists():
        raise OutputError(f"{manifest} is there already. Give a folder without one, or remove it first.")
    paths = [_path(dataset, row) for row in range(len(dataset))]
    if len(set(paths)) < len(paths):
        raise OutputError(f"{dataset.name} has {len(paths) - len(set(paths))} ids that repeat; files need ids that are unique.")
    for path, image in zip(paths, dataset.images, strict=True):
        write_bytes(root / path, _png(image))
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    columns = _columns(dataset, paths)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    with replacing(manifest) as temporary:
        temporary.write_text(table.getvalue(), encoding="utf-8")
    return manifest


def _path(dataset: Dataset, row: int) -> str:
    name = str(dataset.ids[row])
    if not name or name in (".", "..") or any(mark in name for mark in '/\\:*?"<>|\0'):
        raise OutputError(f'The id {name!r} of {dataset.name} is no file name. Give rows ids without / \\ : * ? " < > |.')
    return f"{dataset.split[row]}/{_label(dataset, row) or UNLABELLED}/{name}.png"


def _label(dataset: Dataset, row: int) -> str:
    target = int(dataset.targets[row])
    return dataset.labels[target] if target >= 0 else ""


def _columns(dataset: Dataset, paths: list[str]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {"path": paths, "label": [_label(dataset, row) for row in range(len(dataset))]}
    given = {"subject": dataset.subjects, "split": dataset.split, "sequence": dataset.sequences, "frame": dataset.frames}
    for name, values in (given | dict(dataset.metadata)).items():
        if values is not None:
            columns[name] = np.asarray(values).tolist()
    return columns


def _png(image: NDArray[np.uint8]) -> bytes:
    stored = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", stored)[1].tobytes()
