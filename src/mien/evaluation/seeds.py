"""How far a figure moves when nothing but the seed, or the fold, changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from mien.core.errors import InputError
from mien.evaluation.bootstrap import LEVEL, Interval
from mien.evaluation.scores import Evaluation

FIGURES = ("accuracy", "macro_f1", "balanced_accuracy", "ece", "log_loss", "brier")


@dataclass(frozen=True)
class SeedSummary:
    """Mean and sample standard deviation (n − 1) of a figure over `n` runs.

    `interval` is mean ± 1.96 · sd / √n, as SDL's table has it; `t_interval` takes Student's t instead of 1.96, which is right for few runs.
    `sd` and the intervals are None for a single run.
    """

    n: int
    mean: float
    sd: float | None
    interval: Interval | None
    t_interval: Interval | None

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain JSON values."""
        return asdict(self)


def over_runs(values: Sequence[float]) -> SeedSummary:
    """Summarise one figure of several runs. Raises InputError for no value, or one that is no finite number."""
    figures = np.asarray(values, np.float64)
    if figures.ndim != 1 or not len(figures) or not np.isfinite(figures).all():
        raise InputError(f"A summary over runs needs one finite figure for each run; received {list(values)}.")
    n, mean = len(figures), float(figures.mean())
    if n == 1:
        return SeedSummary(1, mean, None, None, None)
    sd = float(figures.std(ddof=1))
    halves = [z * sd / n**0.5 for z in (1.96, float(stdtrit(n - 1, (1 + LEVEL) / 2)))]
    return SeedSummary(n, mean, sd, *(Interval(mean - half, mean + half) for half in halves))


def summarise(evaluations: Sequence[Evaluation]) -> dict[str, SeedSummary]:
    """Each of FIGURES over several evaluations, one a run. Raises InputError for none."""
    if not evaluations:
        raise InputError("A summary over runs needs at least one evaluation; received none.")
    return {name: over_runs([getattr(row, name) for row in evaluations]) for name in FIGURES}
