from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import auc

from mien.core.errors import InputError, OptionError
from mien.evaluation.selective import RiskCoverage, risk_coverage


def drawn(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, all distinct, that say how often the answer is right."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.2, 1, n)
    return confidence, rng.random(n) < confidence


def test_by_hand() -> None:
    curve = risk_coverage(np.array([0.5, 0.9, 0.7, 0.8]), np.array([False, True, True, False]))
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert curve.threshold.tolist() == [0.9, 0.8, 0.7, 0.5]
    assert curve.risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 2 / 4])
    assert curve.accuracy.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert curve.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_the_area_is_the_mean_of_the_risks() -> None:
    confidence, right = drawn()
    curve = risk_coverage(confidence, right)
    wrong = ~right[np.argsort(-confidence)]
    risks = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    assert curve.aurc == pytest.approx(risks.mean(), abs=1e-12)
    assert curve.aurc == pytest.approx(auc(curve.coverage, curve.risk), abs=0.01)
    assert curve.risk[-1] == pytest.approx(1 - right.mean())


@pytest.mark.parametrize("coverage", [0.01, 0.333, 0.8, 0.9, 1.0])
def test_a_threshold_answers_at_least_what_was_asked(coverage: float) -> None:
    confidence, right = drawn()
    curve = risk_coverage(confidence, right)
    answered = confidence >= curve.threshold_at(coverage)
    assert coverage <= answered.mean() < coverage + 1 / len(right)
    assert curve.accuracy_at(coverage) == pytest.approx(right[answered].mean(), abs=1e-12)


def test_a_whole_number_of_rows_is_met_exactly() -> None:
    """0.7 of 10 rows is 7.000000000000001 in binary; it does not take an eighth."""
    curve = risk_coverage(np.linspace(1, 0.1, 10), np.ones(10, bool))
    assert all((np.linspace(1, 0.1, 10) >= curve.threshold_at(k / 10)).sum() == k for k in range(1, 11))


def test_rows_of_equal_confidence_are_answered_together() -> None:
    confidence, right = np.array([0.9, 0.6, 0.6, 0.6]), np.array([True, False, True, True])
    found = [risk_coverage(confidence[order], right[order]) for order in ([0, 1, 2, 3], [3, 2, 1, 0])]
    assert found[0].coverage.tolist() == found[1].coverage.tolist() == [0.25, 1]
    assert found[0].threshold_at(0.5) == 0.6
    assert found[0].accuracy_at(0.5) == 0.75
    assert found[0].aurc == found[1].aurc


def test_the_area_of_ties_is_that_of_their_mean_order() -> None:
    rng = np.random.default_rng(0)
    confidence, right = rng.integers(1, 5, 60) / 5, rng.random(60) < 0.6
    orders = [risk_coverage(confidence + rng.uniform(0, 1e-6, 60), right).aurc for _ in range(4000)]
    assert risk_coverage(confidence, right).aurc == pytest.approx(np.mean(orders), abs=4 * np.std(orders) / 4000**0.5)


def test_one_row_is_a_curve() -> None:
    curve = risk_coverage(np.array([0.4]), np.array([False]))
    assert (curve.aurc, curve.accuracy_at(0.1), curve.threshold_at(1)) == (1.0, 0.0, 0.4)


def test_plain_values() -> None:
    curve = risk_coverage(*drawn(5000))
    plain = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert plain["accuracy_at"]["0.9"] == pytest.approx(curve.accuracy_at(0.9))
    points = curve.curve(50)
    assert [len(points[name]) for name in ("coverage", "risk", "threshold")] == [50] * 3
    assert (points["coverage"][0], points["coverage"][-1]) == (curve.coverage[0], 1)
    assert len(risk_coverage(*drawn(7)).curve()["risk"]) == 7


@pytest.mark.parametrize("coverage", [0, -0.1, 1.01, float("nan")])
def test_a_coverage_is_a_share(coverage: float) -> None:
    curve: RiskCoverage = risk_coverage(*drawn(10))
    with pytest.raises(OptionError, match="above 0 and up to 1"):
        curve.threshold_at(coverage)
    with pytest.raises(OptionError, match="above 0 and up to 1"):
        curve.accuracy_at(coverage)


def test_rows_that_make_no_curve() -> None:
    with pytest.raises(InputError, match="N ≥ 1"):
        risk_coverage(np.zeros(0), np.zeros(0, bool))
    with pytest.raises(InputError, match=r"\(3,\) and \(2,\)"):
        risk_coverage(np.zeros(3), np.zeros(2, bool))
    with pytest.raises(InputError, match="1 confidences are NaN"):
        risk_coverage(np.array([np.nan, 0.5]), np.zeros(2, bool))
