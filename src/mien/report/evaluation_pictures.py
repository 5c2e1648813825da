"""Pictures of an evaluation: the mistakes that the model was surest of, and the images that training has seen."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.datasets.base import Dataset
from mien.datasets.twins import exact_twins
from mien.evaluation.run import SplitEvaluation
from mien.report.charts import safe, score, stripe
from mien.report.evaluation_values import share, worst_mistakes
from mien.report.thumbs import data_uri, jpeg

SIDE = 112
PAIRS = 12
QUALITY = 88


def mistakes(result: SplitEvaluation, dataset: Dataset | None, top: int) -> str:
    """The `top` wrong answers of highest confidence, each with its picture, the scores, and the votes where there are any."""
    shown = worst_mistakes(result, top)
    cases = "".join(_case(result, dataset, place) for place in shown.tolist())
    return f'<div class="card"><div class="cases">{cases}</div></div>\n'


def votes_of(dataset: Dataset | None, result: SplitEvaluation) -> NDArray[np.float32] | None:
    """The votes (N, C) of a data set, where it has any for the labels that were judged."""
    return dataset.votes if dataset is not None and dataset.labels == result.overall.labels else None


def twin_pairs(result: SplitEvaluation, dataset: Dataset) -> list[tuple[int, int]]:
    """The judged rows that were left out as twins, each with a training row of equal pixels, or -1 where that is no row here.

    Of several training rows it is one with the same label where there is one.
    """
    groups = exact_twins(dataset.images)
    first: dict[int, int] = {}
    agreeing: dict[tuple[int, int], int] = {}
    for row in np.flatnonzero(dataset.split == "train").tolist():
        first.setdefault(int(groups[row]), row)
        agreeing.setdefault((int(groups[row]), int(dataset.targets[row])), row)
    left_out = result.rows[~result.kept].tolist()
    keys = [(int(groups[row]), int(dataset.targets[row])) for row in left_out]
    return [(row, agreeing.get(key, first.get(key[0], -1))) for row, key in zip(left_out, keys, strict=True)]


def twins(pairs: Sequence[tuple[int, int]], dataset: Dataset) -> str:
    """The first pairs of a judged image and its twin in training, with their rows and labels."""
    shown = "".join(f"<div>{_twin(dataset, row)}{_counterpart(dataset, row, twin)}</div>" for row, twin in pairs[:PAIRS])
    more = f'<p class="note">and {len(pairs) - PAIRS:,} more pairs.</p>' if len(pairs) > PAIRS else ""
    return f'<div class="twins">{shown}</div>{more}'


def thumb(image: NDArray[np.uint8], words: str) -> str:
    """An `<img>` of a picture uint8 (H, W) or (H, W, 3) RGB, at most `SIDE` pixels large."""
    picture = image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)
    factor = SIDE / max(picture.shape[:2])
    if factor < 1:
        size = max(round(picture.shape[1] * factor), 1), max(round(picture.shape[0] * factor), 1)
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    return f'<img alt="{safe(words)}" loading="lazy" decoding="async" src="{data_uri(jpeg(picture, QUALITY))}">'


def _case(result: SplitEvaluation, dataset: Dataset | None, place: int) -> str:
    labels, scores, row = result.overall.labels, result.scores[place], int(result.rows[place])
    truth, called = int(result.targets[place]), int(scores.argmax())
    picture = "" if dataset is None else thumb(dataset.images[row], f"row {row}: {labels[truth]}, taken for {labels[called]}")
    told = (
        f'<p class="said"><b>{safe(labels[called])}</b> {score(float(scores[called]))}<br>'
        f"truth: {safe(labels[truth])} {score(float(scores[truth]))}</p>{stripe(scores.tolist(), labels.names)}"
    )
    held = votes_of(dataset, result)
    if held is not None and held[row].any():
        votes = held[row]
        told += f"<p>votes: {share(float(votes[truth]))} {safe(labels[truth])}</p>{stripe(votes.tolist(), labels.names)}"
    return f"<figure>{picture}<figcaption>{told}{_where(dataset, row)}</figcaption></figure>"


def _counterpart(dataset: Dataset, row: int, twin: int) -> str:
    if twin < 0:
        return '<p class="note">Its twin was published among the training images, and is no row of this data set.</p>'
    return _twin(dataset, twin, other=bool(dataset.targets[twin] != dataset.targets[row]))


def _twin(dataset: Dataset, row: int, *, other: bool = False) -> str:
    target = int(dataset.targets[row])
    label = dataset.labels[target] if target >= 0 else "no label"
    kind = ' class="other"' if other else ""
    words = f"<p><b>{safe(label)}</b>, {safe(dataset.split[row])}</p>"
    return (
        f"<figure{kind}>{thumb(dataset.images[row], f'row {row}: {label}')}<figcaption>{words}{_where(dataset, row)}</figcaption></figure>"
    )


def _where(dataset: Dataset | None, row: int) -> str:
    """How the row is found again: its number, and its identity, subject and file where it has them."""
    if dataset is None:
        return f"<p>row {row}</p>"
    words, identity = [f"row {row}"], str(dataset.ids[row])
    if dataset.subjects is not None and dataset.subjects[row]:
        words.append(f"subject {dataset.subjects[row]}")
    if dataset.paths is not None and dataset.paths[row]:
        words.append(str(dataset.paths[row]).replace("\\", "/").rpartition("/")[2])
    elif identity != str(row):
        words.append(f"id {identity}")
    return f'<p title="id {safe(identity)}">{safe(", ".join(words))}</p>'
