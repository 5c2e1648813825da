"""How much the figures differ between parts of a split: persons, cameras, head poses, whatever a column tells."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import InputError, OptionError, UnknownNameError
from mien.datasets.base import Dataset
from mien.evaluation import metrics
from mien.evaluation.bootstrap import Interval, resampled_confusions, share_interval
from mien.evaluation.run import SplitEvaluation

MINIMUM = 30
BINS = 4
_VALUES = 12
"""A column of numbers with more distinct values than this is cut into bins."""


@dataclass(frozen=True)
class Slice:
    """The `n` rows with one value of a column, which fall into `groups` groups.

    `accuracy` and `macro_f1` (over the classes present) in 0–1, with 95 % intervals: Wilson's over the groups, and percentile bootstrap,
    which a single group has none of (None).
    """

    value: str
    n: int
    groups: int
    accuracy: float
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval | None


@dataclass(frozen=True)
class Slices:
    """A split by one column. Slices of fewer than `minimum` rows are kept, but no gap is taken from them.

    `slices`: in the order of the values. `unknown`: the rows whose value is not known, which are in no slice.
    """

    column: str
    minimum: int
    slices: tuple[Slice, ...]
    unknown: int

    @property
    def told(self) -> tuple[Slice, ...]:
        """The slices of at least `minimum` rows."""
        return tuple(row for row in self.slices if row.n >= self.minimum)

    def gap(self, figure: str = "accuracy") -> float | None:
        """Largest less smallest "accuracy" or "macro_f1" of the slices `told`; None for fewer than two."""
        values = self._values(figure)
        return max(values) - min(values) if len(values) > 1 else None

    def ratio(self, figure: str = "accuracy") -> float | None:
        """Smallest over largest "accuracy" or "macro_f1" of the slices `told`; None for fewer than two, or where all are 0."""
        values = self._values(figure)
        return min(values) / max(values) if len(values) > 1 and max(values) > 0 else None

    def _values(self, figure: str) -> list[float]:
        if figure not in ("accuracy", "macro_f1"):
            raise UnknownNameError("figure of a slice", figure, ("accuracy", "macro_f1"))
        return [getattr(row, figure) for row in self.told]

    def to_dict(self) -> dict[str, Any]:
        """The slices and their gaps as plain JSON values."""
        gaps = {f"{name}_{kind}": getattr(self, kind)(name) for name in ("accuracy", "macro_f1") for kind in ("gap", "ratio")}
        return asdict(self) | {"slices": [asdict(row) for row in self.slices]} | gaps


def slice_by(result: SplitEvaluation, dataset: Dataset, column: str, *, minimum: int = MINIMUM, bins: int = BINS, seed: int = 0) -> Slices:
    """Divide the judged rows of `dataset` by `column`: "label" (the truth), "subject", "sequence", "frame", or a column of its metadata.

    Numbers of more than twelve distinct values are cut into at most `bins` bins of about equally many rows. Empty text, NaN and the
    frame −1 are unknown.

    Raises UnknownNameError for a column that the data set does not have, and otherwise like `slice_scores`.
    """
    labels = result.overall.labels
    frames = None if dataset.frames is None else np.where(dataset.frames < 0, np.nan, dataset.frames)
    own = {"subject": dataset.subjects, "sequence": dataset.sequences, "frame": frames, **dataset.metadata}
    columns = {name: np.asarray(values)[result.rows] for name, values in own.items() if values is not None and np.ndim(values) == 1}
    columns["label"] = np.array(labels.names)[result.targets]
    if column not in columns:
        raise UnknownNameError(f"column of {dataset.name}", column, columns)
    return slice_scores(
        result.predicted,
        result.targets,
        columns[column],
        column=column,
        classes=len(labels),
        groups=result.groups,
        minimum=minimum,
        bins=bins,
        seed=seed,
    )


def slice_scores(
    predicted: NDArray[np.integer],
    targets: NDArray[np.integer],
    values: NDArray[Any],
    *,
    column: str,
    classes: int,
    groups: NDArray[Any] | None = None,
    minimum: int = MINIMUM,
    bins: int = BINS,
    seed: int = 0,
) -> Slices:
    """Divide answers `predicted` (N,), -1 for none, to the truth `targets` (N,), both columns of `classes`, by their `values` (N,).

    Raises
    ------
    InputError
        Rows of unequal number, or no row with a known value.
    LabelError
        A target or an answer outside the classes.
    OptionError
        `minimum` is less than 1, or there are fewer than 2 bins.
    """
    if minimum < 1 or bins < 2:
        raise OptionError(f"Slices need a minimum of 1 row or more, and 2 bins or more; received {minimum} and {bins}.")
    if not len(predicted) == len(targets) == len(values) or (groups is not None and len(groups) != len(values)):
        raise InputError(
            f"Slices need one value and one group for each row; received {len(predicted)} answers, {len(targets)} targets and "
            f"{len(values)} values."
        )
    names, index = _named(values, bins)
    if not (index >= 0).any():
        raise InputError(f"No row has a known value in the column {column!r}; choose another column.")
    answers = np.where(predicted < 0, classes, predicted)
    metrics.confusion_matrix(targets, answers, classes + 1)

    def one(number: int) -> Slice:
        rows = index == number
        truth, answer = targets[rows], answers[rows]
        together = None if groups is None else groups[rows]
        right = truth == answer
        f1 = float(metrics.macro_f1(metrics.confusion_matrix(truth, answer, classes + 1)))
        n_groups = len(truth) if together is None else len(np.unique(together))
        draws = resampled_confusions(truth, answer, classes + 1, together, seed=seed) if n_groups > 1 else None
        f1_interval = None if draws is None else Interval.of(metrics.macro_f1(draws))
        return Slice(names[number], len(truth), n_groups, float(right.mean()), share_interval(right, together), f1, f1_interval)

    found = tuple(one(number) for number in range(len(names)) if (index == number).any())
    return Slices(column, minimum, found, int((index < 0).sum()))


def _named(values: NDArray[Any], bins: int) -> tuple[list[str], NDArray[np.int64]]:
    """The names of the distinct values or bins, and the place of each row's in them, -1 for an unknown one."""
    if values.dtype.kind == "f":
        known = ~np.isnan(values)
    elif values.dtype.kind in "iub":
        known = np.ones(len(values), bool)
    else:
        values = values.astype(np.str_)
        known = values != ""
    index = np.full(len(values), -1, np.int64)
    distinct, index[known] = np.unique(values[known], return_inverse=True)
    if values.dtype.kind not in "iuf" or len(distinct) <= _VALUES:
        return [f"{value:g}" if values.dtype.kind == "f" else str(value) for value in distinct], index
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, bins + 1)))
    index[known] = np.clip(np.searchsorted(edges, values[known], side="right") - 1, 0, len(edges) - 2)
    ends = next(names for digits in (4, 17) if len(set(names := [f"{edge:.{digits}g}" for edge in edges])) == len(edges))
    closings = [")"] * (len(edges) - 2) + ["]"]
    return [f"[{low}, {high}{close}" for low, high, close in zip(ends[:-1], ends[1:], closings, strict=True)], index
