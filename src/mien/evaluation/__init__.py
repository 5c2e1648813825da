"""Arrays in, values out: how right a model is, how sure that is, and how right its sureness is. Knows no pipeline and no torch."""

from __future__ import annotations

from mien.evaluation.bootstrap import Interval
from mien.evaluation.calibration import Recalibration, Reliability
from mien.evaluation.compare import Comparison
from mien.evaluation.cost import Cost
from mien.evaluation.crossval import CrossValidation, cross_validate
from mien.evaluation.metrics import ClassMetrics
from mien.evaluation.run import SplitEvaluation, evaluate, judge
from mien.evaluation.scores import Evaluation, evaluate_scores
from mien.evaluation.seeds import SeedSummary, over_runs
from mien.evaluation.selective import RiskCoverage
from mien.evaluation.slices import Slices, slice_by

__all__ = [
    "ClassMetrics",
    "Comparison",
    "Cost",
    "CrossValidation",
    "Evaluation",
    "Interval",
    "Recalibration",
    "Reliability",
    "RiskCoverage",
    "SeedSummary",
    "Slices",
    "SplitEvaluation",
    "cross_validate",
    "evaluate",
    "evaluate_scores",
    "judge",
    "over_runs",
    "slice_by",
]
