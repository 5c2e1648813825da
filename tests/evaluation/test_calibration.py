from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from mien.core.errors import InputError, LabelError
from mien.evaluation.calibration import TEMPERATURES, expected_calibration_error, fit_temperature, reliability


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
