"""A model judged on one split of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DatasetAbsentError, InputError, LabelError, OptionError
from mien.core.labels import LabelSet, label_set
from mien.core.types import Scores
from mien.datasets.base import SPLITS, Dataset, SplitOrigin, split_name
from mien.datasets.sequences import Sequences
from mien.datasets.twins import clean_test_mask
from mien.evaluation.calibration import Recalibration, expected_calibration_error, recalibrate
from mien.evaluation.grouping import group_rows
from mien.evaluation.scores import Evaluation, evaluate_scores
from mien.evaluation.warn import split_warnings

Progress = Callable[[int, int], None]


class Predictor(Protocol):
    """Anything that gives scores over its label set, as `mien.load_model` does."""

    @property
    def labels(self) -> LabelSet:
        """What the columns of the scores mean, in order."""

    def predict(self, crops: NDArray[np.uint8]) -> Scores:
        """Scores (N, C), rows summing to 1, for uint8 (N, H, W) or (N, H, W, 3)."""


@runtime_checkable
class SequencePredictor(Protocol):
    """Anything that scores sequences of pictures."""

    def predict_sequences(self, sequences: Iterable[NDArray[np.uint8]]) -> Scores:
        """Scores (N, C), rows summing to 1, for N sequences of pictures, uint8 (T, H, W) or (T, H, W, 3)."""


@dataclass(frozen=True, eq=False)
class SplitEvaluation:
    """A split's figures: over all its labelled images, and over those without an exact twin among the training images.

    `clean` is None for the train split, for a data set without train rows, and where it was not asked for.

    The rows that were judged, each (N,): `rows` int64, their places in the data set; `scores` float32 (N, C); `targets` int64; `kept`
    bool, without a twin in training; `missing` bool, without an answer; `groups` int64, drawn together in the intervals, by `grouped_by`.
    `origin` says where the split comes from. `uncalibrated_ece`: the expected calibration error without the model's own calibration, None
    for a model that does not tell it. `recalibrated`: what one more temperature would do, where it was asked for. `warnings`: one sentence
    for each reason to take the figures with care.
    """

    dataset: str
    split: str
    overall: Evaluation
    clean: Evaluation | None
    model: str
    rows: NDArray[np.int64]
    scores: Scores
    targets: NDArray[np.int64]
    kept: NDArray[np.bool_]
    missing: NDArray[np.bool_]
    groups: NDArray[np.int64]
    grouped_by: str = "twins"
    origin: SplitOrigin = field(default_factory=SplitOrigin)
    uncalibrated_ece: float | None = None
    recalibrated: Recalibration | None = None
    warnings: tuple[str, ...] = ()

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The column of the highest score, -1 for a row without an answer: int64 (N,)."""
        return np.where(self.missing, -1, np.where(self.missing[:, None], 0, self.scores).argmax(axis=1))

    @property
    def confidence(self) -> Scores:
        """The highest score, 0–1, 0 for a row without an answer: float32 (N,)."""
        highest: Scores = np.where(self.missing[:, None], np.float32(0), self.scores).max(axis=1)
        return highest

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values, under "overall" and "clean", without rows and curves."""
        return {
            "dataset": self.dataset,
            "split": self.split,
            "model": self.model,
            "origin": asdict(self.origin),
            "grouped_by": self.grouped_by,
            "overall": self.overall.to_dict(),
            "clean": None if self.clean is None else self.clean.to_dict(),
            "uncalibrated_ece": self.uncalibrated_ece,
            "recalibrated": None if self.recalibrated is None else self.recalibrated.to_dict(),
            "warnings": list(self.warnings),
        }

    def curves(self) -> dict[str, Any]:
        """What is plotted of `overall` and `clean`, as plain JSON lists."""
        return {"overall": self.overall.curves(), "clean": None if self.clean is None else self.clean.curves()}


def evaluate(
    model: Predictor,
    dataset: Dataset,
    split: str,
    *,
    clean: bool = True,
    groups: str = "twins",
    calibrate: bool = False,
    labels: str | LabelSet | None = None,
    batch: int = 512,
    seed: int = 0,
    progress: Progress | None = None,
) -> SplitEvaluation:
    """Predict the labelled images of `split` (a name that `split_name` knows) and judge the scores, with and without leaked twins.

    `dataset` is whole, with its train rows: they tell which images have leaked; a model of sequences is judged on `Sequences`. `labels`
    reads it under another label set, as `Dataset.with_labels` does. `groups` ("twins", "subjects" or "sequences") are resampled together
    for the intervals. `calibrate` fits a temperature on the validation rows too. `progress` is called with the images done and the images
    in all.

    Raises
    ------
    LabelError
        The model's label set is not the data set's; load the model with `labels=dataset.labels`. Or the data set can't be read as `labels`.
    DatasetError
        The split has no labelled image (DatasetAbsentError), or the data set does not tell the groups.
    InputError
        `batch` is less than 1, or the model's scores can't be used.
    OptionError
        `calibrate` for the validation split: a temperature is not judged on the rows it is fitted on.
    UnknownNameError
        No such split, label set or kind of group.
    """
    role = split_name(split)
    if calibrate and role == "validation":
        raise OptionError("A temperature is fitted on the validation split, so it is judged on another one: test or train.")
    dataset = dataset if labels is None else dataset.with_labels(label_set(labels))
    if model.labels != dataset.labels:
        raise LabelError(
            f"The model speaks {model.labels.name} ({', '.join(model.labels)}) and {dataset.name} {dataset.labels.name} "
            f"({', '.join(dataset.labels)}). Load the model with labels=dataset.labels."
        )
    rows = labelled_rows(dataset, role)
    fitted = labelled_rows(dataset, "validation") if calibrate else rows[:0]
    scores = scores_of(model, dataset, np.concatenate([rows, fitted]), batch=batch, progress=progress)
    found = judge(scores[: len(rows)], dataset, role, clean=clean, groups=groups, seed=seed, model=model)
    if not calibrate:
        return found
    return replace(found, recalibrated=recalibrate(scores[len(rows) :], dataset.targets[fitted], found.scores, found.targets))


def scores_of(model: Predictor, dataset: Dataset, rows: NDArray[np.int64], *, batch: int = 512, progress: Progress | None = None) -> Scores:
    """Scores float32 (N, C) of the rows at the places `rows`, int64 (N,), `batch` pictures at a time; sequences one by one.

    Raises InputError as `predict_all` does, and when the model reads sequences and the rows are single pictures, or the other way round.
    """
    reads = isinstance(model, SequencePredictor)
    if reads != isinstance(dataset, Sequences):
        told = ("sequences", "single pictures") if reads else ("single pictures", "sequences")
        raise InputError(f"{_name(model)} reads {told[0]}, and the rows of {dataset.name} are {told[1]}. Evaluate another model on it.")
    if not (isinstance(model, SequencePredictor) and isinstance(dataset, Sequences)):
        return predict_all(model, dataset.images[rows], batch=batch, progress=progress)

    def sequences() -> Iterator[NDArray[np.uint8]]:
        for done, row in enumerate(rows.tolist(), start=1):
            yield dataset.pictures[dataset.frames_of(row)]
            if progress is not None:
                progress(done, len(rows))

    return model.predict_sequences(sequences())


def judge(
    scores: Scores,
    dataset: Dataset,
    split: str,
    *,
    missing: NDArray[np.bool_] | None = None,
    clean: bool = True,
    groups: str = "twins",
    seed: int = 0,
    model: object = "",
) -> SplitEvaluation:
    """Judge scores (N, C) that were made before, one row for each of `labelled_rows(dataset, split)`, in that order.

    `missing` (N,) marks the rows that got no answer, such as pictures where no face was found: they count as wrong. `model` is what made
    the scores, or its name. Raises like `evaluate`.
    """
    role = split_name(split)
    rows = labelled_rows(dataset, role)
    targets, together = dataset.targets[rows], group_rows(dataset, rows, groups)
    votes = None if dataset.votes is None else dataset.votes[rows]
    unanswered = np.zeros(len(rows), bool) if missing is None else np.asarray(missing, bool)
    kept = clean_test_mask(dataset, role)[rows]
    tells = role != "train" and (dataset.twin_in_train is not None or bool((dataset.split == "train").any()))

    def figures(of: NDArray[np.bool_]) -> Evaluation:
        told = None if votes is None else votes[of]
        return evaluate_scores(scores[of], targets[of], dataset.labels, groups=together[of], votes=told, missing=unanswered[of], seed=seed)

    if len(scores) != len(rows) or unanswered.shape != rows.shape:
        raise InputError(
            f"The split {role} of {dataset.name} has {len(rows)} labelled rows; received {len(scores)} rows of scores "
            f"and {len(unanswered)} of missing answers."
        )
    overall = figures(np.ones(len(rows), bool))
    return SplitEvaluation(
        dataset=dataset.name,
        split=role,
        overall=overall,
        clean=figures(kept) if clean and tells and kept.any() else None,
        model=_name(model),
        rows=rows,
        scores=np.asarray(scores, np.float32),
        targets=targets,
        kept=kept if tells else np.ones(len(rows), bool),
        missing=unanswered,
        groups=together,
        grouped_by=groups,
        origin=dataset.origin,
        uncalibrated_ece=_uncalibrated_ece(model, scores[~unanswered], targets[~unanswered]),
        warnings=split_warnings(model, dataset, role, overall, rows, groups),
    )


def predict_all(model: Predictor, images: NDArray[np.uint8], *, batch: int = 512, progress: Progress | None = None) -> Scores:
    """Scores float32 (N, C) for images (N, …), `batch` at a time.

    Raises InputError when `batch` is less than 1, or the model gives scores of another shape.
    """
    if batch < 1:
        raise InputError(f"A batch holds at least one image; received {batch}.")
    parts = [np.empty((0, len(model.labels)), np.float32)]
    for start in range(0, len(images), batch):
        scores, needed = model.predict(images[start : start + batch]), (min(batch, len(images) - start), len(model.labels))
        if scores.shape != needed:
            raise InputError(
                f"{_name(model)} gave scores of shape {scores.shape}; {needed[0]} images and {needed[1]} labels need {needed}."
            )
        parts.append(scores)
        if progress is not None:
            progress(min(start + batch, len(images)), len(images))
    return np.concatenate(parts)


def labelled_rows(dataset: Dataset, split: str) -> NDArray[np.int64]:
    """The places of the rows of `split` that have a label: int64 (N,), N ≥ 1. Raises DatasetAbsentError when there is none."""
    role = split_name(split)
    rows = np.flatnonzero((dataset.split == role) & (dataset.targets >= 0))
    if not len(rows):
        held = ", ".join(f"{name} {int(((dataset.split == name) & (dataset.targets >= 0)).sum()):,}" for name in SPLITS)
        raise DatasetAbsentError(f"{dataset.name} has no labelled image in the split {role!r}; it has {held}. Choose another split.")
    return rows


def _name(model: object) -> str:
    if isinstance(model, str):
        return model
    identity = getattr(model, "identity", model)
    return str(getattr(identity, "name", type(model).__name__))


def _uncalibrated_ece(model: object, scores: Scores, targets: NDArray[np.int64]) -> float | None:
    back = getattr(model, "uncalibrated", None)
    plain = None if back is None or not len(scores) else back(scores)
    return None if plain is None else expected_calibration_error(plain, targets)
