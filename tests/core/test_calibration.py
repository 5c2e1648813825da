"""From outputs to scores: in the same order, by one formula for arrays, tensors and graphs, and back."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from mien.core.calibration import Calibration
from mien.core.errors import ArtifactError

CURVES = [Calibration(), Calibration(0.4), Calibration(2.0, tail=0.3), Calibration(1.2, top=0.7), Calibration(20.0, 0.2, 0.4)]


def logits(n: int = 200) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(n, 7)) * rng.choice([0.5, 2, 6, 40], (n, 1))).astype(np.float32)


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_the_order_of_the_labels_stays(curve: Calibration) -> None:
    found = curve.scores(logits())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    ordered = np.take_along_axis(found, logits().argsort(axis=1), axis=1)
    assert (np.diff(ordered, axis=1) >= 0).all()
    assert curve.scores(logits(0)).shape == (0, 7)


def test_a_temperature_alone_divides() -> None:
    np.testing.assert_allclose(Calibration(2.5).scores(logits()), softmax(logits() / 2.5, axis=1), atol=1e-6)


def test_the_formula() -> None:
    """ln p = ln 0.9, ln 0.09 and ln 0.01; the last lies beyond the knee, where l² goes on as 8 |l| − 16."""
    p = np.array([[0.9, 0.09, 0.01]])
    exponent = np.log(p) / 2 - 0.1 * np.array([[np.log(0.9) ** 2, np.log(0.09) ** 2, -8 * np.log(0.01) - 16]]) - 0.3 * np.log(1 - p)
    np.testing.assert_allclose(Calibration(2.0, 0.1, 0.3).scores(np.log(p) + 5), softmax(exponent, axis=1), atol=1e-5)


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_it_is_taken_back(curve: Calibration) -> None:
    mild = logits()[np.abs(logits()).max(axis=1) < 6]
    np.testing.assert_allclose(curve.undone(curve.scores(mild)), softmax(mild, axis=1), atol=1e-3)


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_tensors_bend_as_arrays_do(curve: Calibration) -> None:
    logs = np.log(softmax(logits().astype(np.float64), axis=1))
    np.testing.assert_allclose(curve.bent(torch.from_numpy(logs), torch), curve.bent(logs), rtol=1e-9)


@pytest.mark.parametrize("numbers", [(0.0,), (-1.0,), (float("nan"),), (float("inf"),), (1.0, -0.1), (1.0, 0.0, float("nan"))])
def test_numbers_that_give_no_scores_are_refused(numbers: tuple[float, ...]) -> None:
    with pytest.raises(ArtifactError, match="a temperature is a positive number"):
        Calibration(*numbers)
