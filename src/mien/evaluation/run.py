"""A model judged on one split of a data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetAbsentError, InputError, LabelError
from mien.core.labels import LabelSet
from mien.core.types import Scores
from mien.datasets.base import SPLITS, Dataset, split_name
from mien.datasets.twins import clean_test_mask, exact_twins
from mien.evaluation.scores import Evaluation, evaluate_scores


class Predictor(Protocol):
    """Anything that gives scores over its label set, as `mien.load_model` does."""

    @property
    def labels(self) -> LabelSet:
        """What the columns of the scores mean, in order."""

    def predict(self, crops: NDArray[np.uint8]) -> Scores:
        """Scores (N, C), rows summing to 1, for uint8 (N, H, W) or (N, H, W, 3)."""


@dataclass(frozen=True, eq=False)
class SplitEvaluation:
    """A split's figures: over all its labelled images, and over those without an exact twin among the training images.

    `clean` is None for the train split, for a data set without train rows, and where it was not asked for.
    """

    dataset: str
    split: str
    overall: Evaluation
    clean: Evaluation | None

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values, under "overall" and "clean"."""
        clean = None if self.clean is None else self.clean.to_dict()
        return {"dataset": self.dataset, "split": self.split, "overall": self.overall.to_dict(), "clean": clean}


def evaluate(
    model: Predictor,
    dataset: Dataset,
    split: str,
    *,
    clean: bool = True,
    batch: int = 512,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> SplitEvaluation:
    """Predict the labelled images of `split` (a name that `split_name` knows) and judge the scores, with and without leaked twins.

    `dataset` is whole, with its train rows: they tell which images have leaked. Exact twins are resampled together for the intervals.
    `progress` is called with the images done and the images in all.

    Raises
    ------
    LabelError
        The model's label set is not the data set's; load the model with `labels=dataset.labels`.
    DatasetAbsentError
        The split has no labelled image.
    InputError
        `batch` is less than 1, or the model's scores can't be used.
    UnknownNameError
        No such split.
    """
    role = split_name(split)
    if model.labels != dataset.labels:
        raise LabelError(
            f"The model speaks {model.labels.name} ({', '.join(model.labels)}) and {dataset.name} {dataset.labels.name} "
            f"({', '.join(dataset.labels)}). Load the model with labels=dataset.labels."
        )
    rows = _labelled_rows(dataset, role)
    images, targets = dataset.images[rows], dataset.targets[rows]
    scores = predict_all(model, images, batch=batch, progress=progress)
    twins = exact_twins(images)
    overall = evaluate_scores(scores, targets, dataset.labels, groups=twins, seed=seed)
    kept = clean_test_mask(dataset, role)[rows]
    tells = role != "train" and (dataset.twin_in_train is not None or bool((dataset.split == "train").any()))
    if not (clean and tells and kept.any()):
        return SplitEvaluation(dataset.name, role, overall, None)
    unseen = evaluate_scores(scores[kept], targets[kept], dataset.labels, groups=twins[kept], seed=seed)
    return SplitEvaluation(dataset.name, role, overall, unseen)


def predict_all(
    model: Predictor, images: NDArray[np.uint8], *, batch: int = 512, progress: Callable[[int, int], None] | None = None
) -> Scores:
    """Scores float32 (N, C) for images (N, …), `batch` at a time. Raises InputError when `batch` is less than 1."""
    if batch < 1:
        raise InputError(f"A batch holds at least one image; received {batch}.")
    parts = []
    for start in range(0, len(images), batch):
        parts.append(model.predict(images[start : start + batch]))
        if progress is not None:
            progress(min(start + batch, len(images)), len(images))
    return np.concatenate(parts) if parts else np.empty((0, len(model.labels)), np.float32)


def _labelled_rows(dataset: Dataset, role: str) -> NDArray[np.int64]:
    rows = np.flatnonzero((dataset.split == role) & (dataset.targets >= 0))
    if not len(rows):
        held = ", ".join(f"{name} {int(((dataset.split == name) & (dataset.targets >= 0)).sum()):,}" for name in SPLITS)
        raise DatasetAbsentError(f"{dataset.name} has no labelled image in the split {role!r}; it has {held}. Choose another split.")
    return rows
