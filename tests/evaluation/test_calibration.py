from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import softmax

from mien.core.calibration import Calibration
from mien.core.errors import InputError, LabelError
from mien.evaluation.calibration import (
    TEMPERATURES,
    expected_calibration_error,
    fit_calibration,
    fit_temperature,
    recalibrate,
    reliability,
    retempered,
)
from mien.evaluation.metrics import log_loss


def drawn(n: int = 20_000, classes: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the very distribution that the targets are drawn from."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, classes))
    return logits, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def test_scores_that_are_true_probabilities_are_calibrated() -> None:
    logits, targets = drawn()
    assert expected_calibration_error(softmax(logits, axis=1), targets) < 0.015
    assert expected_calibration_error(softmax(3 * logits, axis=1), targets) > 0.1


def test_error_by_hand() -> None:
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.62, 0.38], [0.38, 0.62]])
    bins = reliability(scores, np.array([0, 1, 0, 1]))
    assert bins.count.sum() == 4
    assert bins.ece == pytest.approx((2 * abs(0.5 - 0.9) + 2 * abs(1 - 0.62)) / 4)
    assert np.isnan(bins.accuracy[0])
    assert bins.edges[[0, -1]].tolist() == [0, 1]


def test_a_value_on_an_edge_is_in_the_bin_below() -> None:
    assert reliability(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 0]), bins=2).count.tolist() == [1, 1]


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_spoiled_the_logits_is_found(temperature: float) -> None:
    logits, targets = drawn()
    assert fit_temperature(logits * temperature, targets) == pytest.approx(temperature, rel=0.05)


def test_logarithms_of_scores_may_stand_for_logits() -> None:
    logits, targets = drawn(2000)
    scores = softmax(logits, axis=1)
    assert fit_temperature(np.log(scores), targets) == pytest.approx(fit_temperature(logits, targets), rel=1e-4)


def test_a_model_that_is_always_right_gets_the_least_temperature() -> None:
    assert fit_temperature(np.eye(4)[[0, 1, 2, 3]], np.arange(4)) < 1.5 * TEMPERATURES[0]


@pytest.mark.parametrize("truth", [Calibration(1.3, tail=0.25), Calibration(0.8, top=0.6), Calibration(5.0, 0.2, 0.4)], ids=str)
def test_a_curve_that_pays_is_found(truth: Calibration) -> None:
    """Targets drawn from the scores that `truth` gives: nothing is likelier than it, and a temperature is less likely."""
    logits, _ = drawn()
    scores = truth.scores(logits)
    targets = (np.log(scores) + np.random.default_rng(1).gumbel(size=logits.shape)).argmax(axis=1)
    found = fit_calibration(logits, targets)
    assert found.bends
    np.testing.assert_allclose(found.scores(logits), scores, atol=0.03)
    plain = Calibration(fit_temperature(logits, targets))
    assert log_loss(found.scores(logits), targets) <= log_loss(scores, targets) < log_loss(plain.scores(logits), targets)


def test_a_curve_that_does_not_pay_is_a_temperature() -> None:
    logits, targets = drawn(500)
    assert fit_calibration(2 * logits, targets) == Calibration(fit_temperature(2 * logits, targets))
    assert not fit_calibration(np.eye(4), np.arange(4)).bends


def test_bad_input_is_refused() -> None:
    scores, targets = np.full((3, 2), 0.5), np.array([0, 1, 0])
    with pytest.raises(InputError, match=r"\(3, 2\) and \(2,\)"):
        fit_temperature(scores, targets[:2])
    with pytest.raises(InputError, match="N ≥ 1"):
        reliability(scores[:0], targets[:0])
    with pytest.raises(LabelError, match="allow 0 to 1"):
        reliability(scores, targets + 1)
    with pytest.raises(InputError, match="1 rows hold NaN"):
        fit_temperature(np.array([[0, np.nan]]), np.array([0]))
    with pytest.raises(InputError, match="at least one bin"):
        reliability(scores, targets, bins=0)


def test_the_error_by_chance_is_that_of_calibrated_answers() -> None:
    """Answers that are right as often as they are confident show, on average, an error that is chance alone."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (500, 7))
    scores = softmax(logits, axis=1)
    bins = reliability(scores, np.zeros(500, np.int64))
    errors = [expected_calibration_error(scores, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)) for _ in range(200)]
    assert bins.by_chance == pytest.approx(np.mean(errors), rel=0.1)
    assert reliability(np.array([[1.0, 0.0]]), np.array([0])).by_chance == 0


def test_empty_bins_are_none_in_json() -> None:
    plain = json.loads(json.dumps(reliability(np.array([[0.9, 0.1]]), np.array([0]), bins=2).to_dict(), allow_nan=False))
    assert plain == {"edges": [0, 0.5, 1], "count": [0, 1], "confidence": [None, 0.9], "accuracy": [None, 1]}


def test_a_temperature_is_taken_back() -> None:
    logits, _ = drawn(1000)
    hot = softmax(logits / 2.5, axis=1).astype(np.float32)
    assert np.allclose(retempered(hot, 1 / 2.5), softmax(logits, axis=1), atol=1e-4)
    assert np.allclose(retempered(np.array([[1.0, 0.0]], np.float32), 1.0), [[1, 0]])
    for bad in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="positive number"):
            retempered(hot, bad)


def test_recalibration_mends_a_model_that_is_too_sure() -> None:
    logits, targets = drawn()
    scores = softmax(3 * logits, axis=1).astype(np.float32)
    found = recalibrate(scores[:10_000], targets[:10_000], scores[10_000:], targets[10_000:])
    assert (found.n, found.temperature) == (10_000, pytest.approx(3, rel=0.05))
    assert found.ece_after < 0.02 < 0.1 < found.ece_before
    assert found.log_loss_after < found.log_loss_before
    assert found.ece_before == expected_calibration_error(scores[10_000:], targets[10_000:])
    assert json.loads(json.dumps(found.to_dict()))["temperature"] == found.temperature
