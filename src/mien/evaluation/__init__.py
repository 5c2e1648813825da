"""Arrays in, values out: how right a model is, how sure that is, and how right its sureness is. Knows no pipeline and no torch."""

from __future__ import annotations

from mien.evaluation.bootstrap import Interval
from mien.evaluation.metrics import ClassMetrics
from mien.evaluation.scores import Evaluation, evaluate_scores

__all__ = ["ClassMetrics", "Evaluation", "Interval", "evaluate_scores"]
