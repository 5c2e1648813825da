"""The pictures of an audit's findings: those that belong together side by side, with identity, split and label under each."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import RGB
from mien.datasets.base import Dataset
from mien.report.cards import count
from mien.report.charts import safe
from mien.report.thumbs import data_uri, jpeg

OPEN, GROUPS, IN_GROUP, ALONE = 8, 32, 8, 16
"""How many groups of a finding are seen at once, how many there are on the page, how many pictures of each, and of rows without groups."""
SIDE_PX, QUALITY = 208, 88
_SAME = 0.9999995


def gallery(dataset: Dataset, rows: NDArray[np.int64], groups: Sequence[NDArray[np.int64]], scores: Sequence[float]) -> str:
    """The first `GROUPS` groups, each with its score, or, where there are no groups, the first rows; then how many more there are."""
    if not len(rows):
        return ""
    if not groups:
        return _list([_box(dataset, rows, ALONE, "", together=False)])
    words = [f"lowest correlation {int(score * 1000) / 1000:.3f}" if score < _SAME else "" for score in scores] or [""] * len(groups)
    boxes = [_box(dataset, group, IN_GROUP, said) for group, said in zip(groups[:GROUPS], words[:GROUPS], strict=True)]
    hidden = f'<p class="note">And {count(len(groups) - GROUPS, "more group")}.</p>' if len(groups) > GROUPS else ""
    rest = ""
    if len(boxes) > OPEN:
        rest = f"<details><summary>{count(len(boxes) - OPEN, 'more group')}</summary>{_list(boxes[OPEN:])}{hidden}</details>"
    return _list(boxes[:OPEN]) + rest


def _list(boxes: Sequence[str]) -> str:
    return f'<ul class="groups">{"".join(boxes)}</ul>'


def _box(dataset: Dataset, rows: NDArray[np.int64], most: int, said: str, *, together: bool = True) -> str:
    """At most `most` pictures, the first of each split and label before their repetitions; `said` stands under them."""
    shown = rows[_telling(dataset, rows)[:most]]
    differ = together and len(set(dataset.targets[rows].tolist())) > 1
    figures = "".join(f"<li>{_figure(dataset, row, differ)}</li>" for row in shown.tolist())
    words = ", ".join(filter(None, (said, count(len(rows) - most, "more picture") if len(rows) > most else "")))
    return f'<li class="group"><ul>{figures}</ul>{f"<p>{words}</p>" if words else ""}</li>'


def _telling(dataset: Dataset, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of `rows`, the first of each split and label first."""
    pairs = list(zip(dataset.split[rows].tolist(), dataset.targets[rows].tolist(), strict=True))
    first = {pair: place for place, pair in reversed(list(enumerate(pairs)))}
    repeated = [first[pair] != place for place, pair in enumerate(pairs)]
    return np.argsort(repeated, kind="stable").astype(np.int64)


def _figure(dataset: Dataset, row: int, differs: bool) -> str:
    target, split = int(dataset.targets[row]), str(dataset.split[row])
    label = dataset.labels[target] if target >= 0 else "no label"
    name = safe(dataset.ids[row])
    dot = f'<i class="dot k{target}"></i>' if target >= 0 else ""
    said = ' class="differs"' if differs else ""
    return (
        f'<figure><img alt="{name}, {split}, {safe(label)}" loading="lazy" src="{data_uri(jpeg(_small(dataset.images[row]), QUALITY))}">'
        f'<figcaption><b>{name}</b><span class="where {split}">{split}</span>'
        f"<span{said}>{dot}{safe(label)}</span></figcaption></figure>"
    )


def _small(image: NDArray[np.uint8]) -> RGB:
    """The picture in RGB, its longer side at most `SIDE_PX` pixels."""
    colour = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    factor = SIDE_PX / max(colour.shape[:2])
    if factor >= 1:
        return np.ascontiguousarray(colour)
    size = max(round(colour.shape[1] * factor), 1), max(round(colour.shape[0] * factor), 1)
    return np.asarray(cv2.resize(np.ascontiguousarray(colour), size, interpolation=cv2.INTER_AREA), np.uint8)
