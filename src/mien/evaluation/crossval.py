"""A way of training judged by k-fold cross-validation: every fold by itself, and all their test rows as one."""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mien.core.errors import DatasetError
from mien.datasets.base import Dataset
from mien.evaluation.grouping import group_rows
from mien.evaluation.run import Predictor, SplitEvaluation, evaluate
from mien.evaluation.scores import Evaluation, evaluate_scores
from mien.evaluation.seeds import SeedSummary, summarise

Fit = Callable[[Dataset], Predictor]


class Folds(Protocol):
    """A division into folds, as `mien.datasets.protocols.make_split` makes it."""

    @property
    def folds(self) -> Sized:
        """One entry a fold."""

    def apply(self, dataset: Dataset, i: int = 0) -> Dataset:
        """The data set divided as fold `i`, from 0, says."""


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """The folds' own figures in `folds`, and `pooled`, those of all their test rows as one.

    `over_folds`: mean, standard deviation and 95 % interval of each figure over the folds. Folds share most of their training rows, so that
    interval is too short; the one of `pooled` is of the rows, and holds for the models at hand.
    """

    folds: tuple[SplitEvaluation, ...]
    pooled: Evaluation
    over_folds: dict[str, SeedSummary]

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values."""
        return {
            "folds": [fold.to_dict() for fold in self.folds],
            "pooled": self.pooled.to_dict(),
            "over_folds": {name: row.to_dict() for name, row in self.over_folds.items()},
        }


def cross_validate(
    fit: Fit,
    dataset: Dataset,
    plan: Folds,
    *,
    groups: str = "twins",
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> CrossValidation:
    """Train and judge once for each fold of `plan`.

    `fit` gets the fold's train and validation rows, never its test rows, and gives a predictor over the data set's labels. `groups`
    ("twins", "subjects" or "sequences") are drawn together in every interval. `progress` is called with the folds done and all folds.

    Raises
    ------
    DatasetError
        The plan has no fold; a fold has no labelled test image.
    LabelError, InputError, UnknownNameError
        As `evaluate` does.
    """
    total = len(plan.folds)
    if not total:
        raise DatasetError("A cross-validation needs at least one fold; the plan has none.")
    found, tested = [], []
    for i in range(total):
        fold = plan.apply(dataset, i)
        model = fit(fold.take(fold.split != "test"))
        result = evaluate(model, fold, "test", groups=groups, seed=seed)
        found.append(result)
        tested.append(fold.take(result.rows))
        if progress is not None:
            progress(i + 1, total)
    return CrossValidation(tuple(found), _pooled(found, tested, groups, seed), summarise([fold.overall for fold in found]))


def _pooled(found: list[SplitEvaluation], tested: list[Dataset], groups: str, seed: int) -> Evaluation:
    whole = _concatenated(tested)
    return evaluate_scores(
        np.concatenate([fold.scores for fold in found]),
        whole.targets,
        whole.labels,
        groups=group_rows(whole, np.arange(len(whole)), groups),
        votes=whole.votes,
        seed=seed,
    )


def _concatenated(parts: list[Dataset]) -> Dataset:
    """The rows of several parts of one data set, with what groups are made of."""

    def column(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        return None if any(array is None for array in arrays) else np.concatenate(arrays)

    first = parts[0]
    columns = ("images", "targets", "split", "ids", "votes", "subjects", "sequences")
    return Dataset(first.name, first.labels, **{name: column(name) for name in columns})
