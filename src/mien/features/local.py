"""Local learning: a support vector machine of each picture's own, on the training pictures nearest to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from mien.features.pictures import Gray, PictureTransformer, Vectors, need
from mien.preprocess import Crops

_BEHIND = 1.0  # how far a class without a neighbour lies behind the least of those with one


class LocalSVM(ClassifierMixin, BaseEstimator):
    """For each row, a linear SVM on its `neighbours` nearest training rows (Zhang et al., 2006; for FER, Ionescu et al., 2013).

    Nearness is Euclidean. Where all neighbours are of one class, it is that; a class without a neighbour stands behind all others.
    """

    def __init__(self, neighbours: int = 200, C: float = 1.0) -> None:
        self.neighbours = neighbours
        self.C = C

    def fit(self, X: Any, y: Any) -> LocalSVM:
        """Keep the training rows (N, D) and their classes (N,)."""
        self._validate_params()
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, self.columns_ = np.unique(y, return_inverse=True)
        self.rows_ = X
        self._near = NearestNeighbors(n_neighbors=min(self.neighbours, len(X)), algorithm="brute").fit(X)
        return self

    def _validate_params(self) -> None:
        need(self.neighbours >= 2, "neighbours", self.neighbours, "2 or more")
        need(self.C > 0, "C", self.C, "above 0")

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """How each class stands, the highest first choice: (N, C); (N,) for two classes, as scikit-learn has it."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, reset=False)
        near = self._near.kneighbors(X, return_distance=False)
        scores = np.stack([self._score(row, rows) for row, rows in zip(X, near, strict=True)])
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of each row (N,)."""
        scores = self.decision_function(X)
        columns = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        chosen: NDArray[Any] = self.classes_[columns]
        return chosen

    def _score(self, row: NDArray[np.float32], near: NDArray[np.int64]) -> NDArray[np.float64]:
        known, rows = self.columns_[near], self.rows_[near]
        there = np.unique(known)
        scores = np.full(len(self.classes_), -_BEHIND)
        if len(there) == 1:
            scores[there] = _BEHIND
            return scores
        local = SVC(C=self.C, kernel="precomputed").fit(rows @ rows.T, known)
        found = local.decision_function((row @ rows.T)[None])[0]
        scores[there] = [-found, found] if len(there) == 2 else found
        scores[np.setdiff1d(np.arange(len(scores)), there)] = scores[there].min() - _BEHIND
        return scores


class LocalScores(PictureTransformer):
    """What a `LocalSVM` says of pictures, as a feature: its logits are the vector, since no graph holds a machine for each picture.

    `feature`, `options`: the feature that it looks at, by its name in `mien.features.registry`. Made of what was fitted by `of`.
    """

    def __init__(self, feature: str = "bovw", options: Mapping[str, Any] | None = None, neighbours: int = 200, C: float = 1.0) -> None:
        self.feature = feature
        self.options = options
        self.neighbours = neighbours
        self.C = C

    @classmethod
    def of(cls, describe: PictureTransformer, before: NDArray[np.float64], shift: NDArray[np.float64], local: LocalSVM) -> LocalScores:
        """Of a fitted feature, the affine map x·`before` + `shift` that reduces its vectors, and a fitted machine."""
        from mien.features.registry import told

        made = cls(**told(describe), neighbours=local.neighbours, C=local.C)
        machine = _machine(before.astype(np.float32), shift.astype(np.float32), local)
        made.restore({f"of/{key}": value for key, value in describe.state().items()} | machine)
        return made

    def check(self) -> None:
        """Raise OptionError or UnknownNameError for a parameter outside its range."""
        from mien.features.registry import build

        build(self.feature, self.options)
        need(self.neighbours >= 2, "neighbours", self.neighbours, "2 or more")

    def transform(self, pictures: Crops) -> Vectors:
        """Logits float32 (N, C)."""
        found = self.local_.decision_function(self.describe_.transform(pictures) @ self.before_ + self.shift_)
        return np.asarray(np.stack([-found, found], axis=1) if found.ndim == 1 else found, np.float32)

    def state(self) -> dict[str, NDArray[Any]]:
        """What was fitted, by name."""
        check_is_fitted(self)
        return {f"of/{key}": value for key, value in self.describe_.state().items()} | _machine(self.before_, self.shift_, self.local_)

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up what `state` gave."""
        from mien.features.registry import build

        self.describe_ = build(self.feature, self.options)
        self.describe_.restore({key.removeprefix("of/"): value for key, value in state.items() if key.startswith("of/")})
        self.before_, self.shift_ = state["before"], state["shift"]
        self.local_ = LocalSVM(self.neighbours, self.C).fit(state["rows"], state["classes"])

    def _vector(self, gray: Gray) -> NDArray[Any]:
        scores: NDArray[Any] = self.transform(gray[None])[0]
        return scores

    def _width(self) -> int:
        return len(self.local_.classes_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "local_")


def _machine(before: NDArray[np.float32], shift: NDArray[np.float32], local: LocalSVM) -> dict[str, NDArray[Any]]:
    return {"before": before, "shift": shift, "rows": local.rows_, "classes": local.classes_[local.columns_]}
