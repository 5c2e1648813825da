from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.neighbors import NearestCentroid

from mien.core.errors import DatasetAbsentError, DatasetError
from mien.datasets import Dataset
from mien.datasets.protocols import make_split
from mien.evaluation.crossval import cross_validate
from tests.evaluation.parts import Nearest, people


@dataclass(frozen=True)
class Chosen:
    """Folds that are given as test masks."""

    folds: tuple[np.ndarray, ...]

    def apply(self, dataset: Dataset, i: int = 0) -> Dataset:
        return replace(dataset, split=np.where(self.folds[i], "test", "train"))


def test_the_folds_are_those_of_scikit_learn() -> None:
    data = people()
    found = cross_validate(Nearest.fit, data, make_split(data, "leave_one_subject_out"), groups="subjects")
    flat = data.images.reshape(len(data), -1).astype(float)
    answers = cross_val_predict(NearestCentroid(), flat, data.targets, groups=data.subjects, cv=LeaveOneGroupOut())
    assert len(found.folds) == 10
    assert (found.pooled.n, found.pooled.groups) == (210, 10)
    assert found.pooled.accuracy == pytest.approx(accuracy_score(data.targets, answers), abs=1e-9)
    own = [accuracy_score(data.targets[data.subjects == name], answers[data.subjects == name]) for name in np.unique(data.subjects)]
    assert sorted(fold.overall.accuracy for fold in found.folds) == pytest.approx(sorted(own), abs=1e-9)
    assert found.over_folds["accuracy"].mean == pytest.approx(np.mean(own))
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (len(plain["folds"]), plain["over_folds"]["accuracy"]["n"]) == (10, 10)


def test_no_test_row_is_shown_to_fit() -> None:
    data = people()
    seen: list[set[int]] = []

    def fit(rows: Dataset) -> Nearest:
        seen.append(set(rows.ids.tolist()))
        assert "test" not in rows.split
        return Nearest.fit(rows)

    steps: list[tuple[int, int]] = []
    halves = Chosen((np.arange(210) % 2 == 0, np.arange(210) % 2 == 1))
    found = cross_validate(fit, data, halves, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 2), (2, 2)]
    for fold, shown in zip(found.folds, seen, strict=True):
        assert shown.isdisjoint(data.ids[fold.rows].tolist())
        assert len(shown) == 105


def test_a_row_that_is_tested_twice_is_one_group() -> None:
    data = people()
    first = np.arange(210) < 70
    found = cross_validate(Nearest.fit, data, Chosen((first, first)))
    assert (found.pooled.n, found.pooled.groups) == (140, 70)


def test_what_can_not_be_validated() -> None:
    data = people()
    with pytest.raises(DatasetError, match="at least one fold"):
        cross_validate(Nearest.fit, data, Chosen(()))
    with pytest.raises(DatasetAbsentError, match="no labelled image in the split 'test'"):
        cross_validate(Nearest.fit, data, Chosen((np.zeros(210, bool),)))
